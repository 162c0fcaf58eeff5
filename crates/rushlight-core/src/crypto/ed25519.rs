//! Ed25519 with ZIP-215 semantics, from `ed25519-zebra`.
//!
//! CometBFT accepts what ZIP-215 accepts: the cofactored equation, non-canonical encodings of A and R. A client with
//! other rules would disagree with the chain about crafted keys, and single and batch verdicts would differ.
//! Source: <https://zips.z.cash/zip-0215>.

use super::SignatureError;
use ed25519_zebra::{Signature, VerificationKey};

/// Length of a public key in bytes.
pub const KEY_LEN: usize = 32;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// Verifies one signature.
/// # Errors
/// [`SignatureError::Length`], [`SignatureError::Key`], [`SignatureError::Mismatch`].
pub fn verify(key: &[u8; KEY_LEN], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let bytes: [u8; SIGNATURE_LEN] =
        signature.try_into().map_err(|_| SignatureError::Length { got: signature.len(), want: SIGNATURE_LEN })?;
    let key = VerificationKey::try_from(*key).map_err(|_| SignatureError::Key)?;
    key.verify(&Signature::from(bytes), message).map_err(|_| SignatureError::Mismatch)
}
