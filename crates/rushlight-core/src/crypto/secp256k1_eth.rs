//! ECDSA over secp256k1 in Ethereum's dress, as CometBFT 0.40 uses it: 65 bytes r||s||v, low S, v 0 or 1, message
//! hashed with legacy Keccak-256. From `k256` and `sha3`.

use super::SignatureError;
use super::secp256k1::{compressed, low_s};
use k256::ecdsa::{RecoveryId, VerifyingKey};
use sha3::{Digest, Keccak256};

/// Length of a compressed public key in bytes.
pub const KEY_LEN: usize = 33;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 65;

/// Verifies one signature: the key recovered from it must be `key`.
/// # Errors
/// [`SignatureError::Length`], [`SignatureError::Key`], [`SignatureError::RecoveryId`], [`SignatureError::Malleable`],
/// [`SignatureError::Mismatch`].
pub fn verify(key: &[u8; KEY_LEN], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let Some((rs, [v])) = signature.split_at_checked(64).filter(|_| signature.len() == SIGNATURE_LEN) else {
        return Err(SignatureError::Length { got: signature.len(), want: SIGNATURE_LEN });
    };
    let key = compressed(key)?;
    if *v > 1 {
        return Err(SignatureError::RecoveryId { got: *v });
    }
    let id = RecoveryId::from_byte(*v).ok_or(SignatureError::RecoveryId { got: *v })?;
    let signature = low_s(rs)?;
    let recovered = VerifyingKey::recover_from_digest(Keccak256::new_with_prefix(message), &signature, id)
        .map_err(|_| SignatureError::Mismatch)?;
    if recovered == key { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// Returns the address of a key: the last 20 bytes of the Keccak-256 of the uncompressed point.
/// # Errors
/// [`SignatureError::Key`] if the key is not a point of the curve.
pub fn address(key: &[u8; KEY_LEN]) -> Result<[u8; 20], SignatureError> {
    let key = compressed(key)?;
    let point = key.to_sec1_point(false);
    let uncompressed = point.as_bytes().get(1..).ok_or(SignatureError::Key)?;
    let hash = Keccak256::digest(uncompressed);
    hash.get(12..).and_then(|tail| tail.try_into().ok()).ok_or(SignatureError::Key)
}
