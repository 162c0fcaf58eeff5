//! ECDSA over secp256k1 as CometBFT uses it: 64 bytes r||s, low S, message hashed with SHA-256. From `k256`.

use super::SignatureError;
use k256::ecdsa::signature::Verifier;
use k256::ecdsa::{Signature, VerifyingKey};

/// Length of a compressed public key in bytes.
pub const KEY_LEN: usize = 33;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// Verifies one signature.
///
/// High S is refused: with (r, s) also (r, -s) would verify, and whoever relays a commit could change its bytes.
/// # Errors
/// [`SignatureError::Length`], [`SignatureError::Key`], [`SignatureError::Malleable`], [`SignatureError::Mismatch`].
pub fn verify(key: &[u8; KEY_LEN], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() != SIGNATURE_LEN {
        return Err(SignatureError::Length { got: signature.len(), want: SIGNATURE_LEN });
    }
    let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| SignatureError::Key)?;
    let signature = low_s(signature)?;
    key.verify(message, &signature).map_err(|_| SignatureError::Mismatch)
}

/// Returns the signature if r and s are in range and s is low.
pub(super) fn low_s(bytes: &[u8]) -> Result<Signature, SignatureError> {
    let signature = Signature::from_slice(bytes).map_err(|_| SignatureError::Mismatch)?;
    if signature.normalize_s() != signature {
        return Err(SignatureError::Malleable);
    }
    Ok(signature)
}
