//! Schnorr signatures and verifiable random functions over Ristretto, from `schnorrkel`: what BABE and AURA blocks carry.

use super::SignatureError;
use merlin::Transcript;
use schnorrkel::vrf::{VRFInOut, VRFPreOut, VRFProof};
use schnorrkel::{PublicKey, Signature};

/// Length of a public key in bytes.
pub const KEY_LEN: usize = 32;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;
/// Length of the output of a verifiable random function in bytes.
pub const VRF_OUTPUT_LEN: usize = 32;
/// Length of the proof of such an output in bytes.
pub const VRF_PROOF_LEN: usize = 64;

/// The context under which Substrate signs everything with this scheme.
/// Source: `sp_core::sr25519`, `SIGNING_CTX`.
const SIGNING_CONTEXT: &[u8] = b"substrate";

/// Verifies one signature in Substrate's signing context.
/// # Errors
/// [`SignatureError::Length`], [`SignatureError::Key`], [`SignatureError::Mismatch`]; the last also for a signature
/// without the mark of the scheme or with an unreduced scalar.
pub fn verify(key: &[u8; KEY_LEN], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() != SIGNATURE_LEN {
        return Err(SignatureError::Length { got: signature.len(), want: SIGNATURE_LEN });
    }
    let key = PublicKey::from_bytes(key).map_err(|_| SignatureError::Key)?;
    let signature = Signature::from_bytes(signature).map_err(|_| SignatureError::Mismatch)?;
    key.verify_simple(SIGNING_CONTEXT, message, &signature).map_err(|_| SignatureError::Mismatch)
}

/// An output of a verifiable random function whose proof has been checked.
#[derive(Clone, Debug)]
pub struct VerifiedVrf(VRFInOut);

/// Verifies that `output` is the output of `key`'s verifiable random function over `transcript`.
/// # Errors
/// [`SignatureError::Key`], [`SignatureError::Mismatch`].
pub fn verify_vrf(
    key: &[u8; KEY_LEN],
    transcript: Transcript,
    output: &[u8; VRF_OUTPUT_LEN],
    proof: &[u8; VRF_PROOF_LEN],
) -> Result<VerifiedVrf, SignatureError> {
    let key = PublicKey::from_bytes(key).map_err(|_| SignatureError::Key)?;
    let output = VRFPreOut::from_bytes(output).map_err(|_| SignatureError::Mismatch)?;
    let proof = VRFProof::from_bytes(proof).map_err(|_| SignatureError::Mismatch)?;
    let (in_out, _) = key.vrf_verify(transcript, &output, &proof).map_err(|_| SignatureError::Mismatch)?;
    Ok(VerifiedVrf(in_out))
}

/// Checks that `proof` has the form of a proof: two scalars as the scheme writes them. Whether it proves anything is for
/// [`verify_vrf`].
///
/// Readers of claims draw the line here between what does not decode and what does not hold.
/// # Errors
/// [`SignatureError::Mismatch`] for an unreduced scalar.
pub fn decode_vrf_proof(proof: &[u8; VRF_PROOF_LEN]) -> Result<(), SignatureError> {
    VRFProof::from_bytes(proof).map(|_| ()).map_err(|_| SignatureError::Mismatch)
}

impl VerifiedVrf {
    /// Returns 16 bytes of randomness made of input and output under `context`.
    pub fn make_16_bytes(&self, context: &[u8]) -> [u8; 16] {
        self.0.make_bytes(context)
    }
}
