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
    let key = compressed(key)?;
    let signature = low_s(signature)?;
    key.verify(message, &signature).map_err(|_| SignatureError::Mismatch)
}

/// Returns the key if it is a compressed point, with tag 2 or 3.
///
/// `k256` also reads 33 bytes with tag 5, a point by its x alone; CometBFT does not, and would not count the vote of such a key.
pub(super) fn compressed(key: &[u8; KEY_LEN]) -> Result<VerifyingKey, SignatureError> {
    if !matches!(key, [2 | 3, ..]) {
        return Err(SignatureError::Key);
    }
    VerifyingKey::from_sec1_bytes(key).map_err(|_| SignatureError::Key)
}

/// Returns the signature if r and s are in range and s is low.
pub(super) fn low_s(bytes: &[u8]) -> Result<Signature, SignatureError> {
    let signature = Signature::from_slice(bytes).map_err(|_| SignatureError::Mismatch)?;
    if signature.normalize_s() != signature {
        return Err(SignatureError::Malleable);
    }
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secp256k1_eth;

    /// The generator, whose secret key is 1.
    const POINT: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

    fn key(tag: u8) -> [u8; KEY_LEN] {
        let mut key = [tag; KEY_LEN];
        for (index, byte) in key.iter_mut().skip(1).enumerate() {
            *byte = u8::from_str_radix(&POINT[2 * index..2 * index + 2], 16).unwrap();
        }
        key
    }

    #[test]
    fn only_compressed_keys_are_taken() {
        for tag in 0..=u8::MAX {
            let is_taken = compressed(&key(tag)).is_ok();
            assert_eq!(is_taken, tag == 2 || tag == 3, "tag {tag}");
            assert_eq!(secp256k1_eth::address(&key(tag)).is_ok(), is_taken, "tag {tag}");
        }
    }
}
