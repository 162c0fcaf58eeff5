//! ML-DSA-65 (FIPS 204) with an empty context, as CometBFT 0.40 uses it. From `ml-dsa`.

use super::SignatureError;
use ml_dsa::{EncodedVerifyingKey, MlDsa65, Signature, VerifyingKey};

/// Length of a public key in bytes.
pub const KEY_LEN: usize = 1952;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 3309;

/// Verifies one signature.
/// # Errors
/// [`SignatureError::Length`], [`SignatureError::Key`], [`SignatureError::Mismatch`].
pub fn verify(key: &[u8; KEY_LEN], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() != SIGNATURE_LEN {
        return Err(SignatureError::Length { got: signature.len(), want: SIGNATURE_LEN });
    }
    let encoded = EncodedVerifyingKey::<MlDsa65>::try_from(key.as_slice()).map_err(|_| SignatureError::Key)?;
    let key = VerifyingKey::<MlDsa65>::decode(&encoded);
    let signature = Signature::<MlDsa65>::try_from(signature).map_err(|_| SignatureError::Mismatch)?;
    if key.verify_with_context(message, &[], &signature) { Ok(()) } else { Err(SignatureError::Mismatch) }
}
