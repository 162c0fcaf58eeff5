//! Bytes as text: hex and base64, from `data-encoding`.

use alloc::string::String;
use alloc::vec::Vec;
use data_encoding::{BASE64, HEXUPPER, HEXUPPER_PERMISSIVE};

/// Why a text is not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Another length than the field has.
    #[error("text holds {got} bytes, the field has {want}")]
    Length {
        /// Bytes in the text.
        got: usize,
        /// Bytes wanted.
        want: usize,
    },
    /// Not hex.
    #[error("text is not hex")]
    Hex,
    /// Not canonical base64 with padding.
    #[error("text is not base64")]
    Base64,
}

/// Returns the `N` bytes that the hex digits of `text` (either case) stand for.
/// # Errors
/// [`TextError::Length`], [`TextError::Hex`].
pub fn hex_array<const N: usize>(text: &str) -> Result<[u8; N], TextError> {
    if text.len() != N.saturating_mul(2) {
        return Err(TextError::Length { got: text.len() / 2, want: N });
    }
    let mut bytes = [0; N];
    match HEXUPPER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(TextError::Hex),
    }
}

/// Returns the bytes that the hex digits of `text` (either case) stand for.
/// # Errors
/// [`TextError::Hex`].
pub fn hex(text: &str) -> Result<Vec<u8>, TextError> {
    HEXUPPER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| TextError::Hex)
}

/// Returns upper-case hex.
pub fn to_hex(bytes: &[u8]) -> String {
    HEXUPPER.encode(bytes)
}

/// Returns the bytes of padded, canonical base64.
/// # Errors
/// [`TextError::Base64`].
pub fn base64(text: &str) -> Result<Vec<u8>, TextError> {
    BASE64.decode(text.as_bytes()).map_err(|_| TextError::Base64)
}

/// Returns the `N` bytes of padded, canonical base64, without an allocation.
/// # Errors
/// [`TextError::Base64`], [`TextError::Length`].
pub fn base64_array<const N: usize>(text: &str) -> Result<[u8; N], TextError> {
    // decode_mut wants a buffer for whole blocks of three bytes; the largest array decoded here is a 64-byte signature.
    let mut buffer = [0; BASE64_ARRAY_MAX];
    let room = BASE64.decode_len(text.len()).map_err(|_| TextError::Base64)?;
    let buffer = buffer.get_mut(..room).ok_or(TextError::Length { got: room, want: N })?;
    let len = BASE64.decode_mut(text.as_bytes(), buffer).map_err(|_| TextError::Base64)?;
    buffer.get(..len).and_then(|bytes| bytes.try_into().ok()).ok_or(TextError::Length { got: len, want: N })
}

const BASE64_ARRAY_MAX: usize = 72;

/// Returns padded base64.
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_hex_or_base64_is_refused() {
        assert_eq!(hex_array::<2>("00ff"), Ok([0, 255]));
        assert_eq!(hex_array::<2>("00FF"), Ok([0, 255]));
        assert_eq!(hex_array::<2>("00f"), Err(TextError::Length { got: 1, want: 2 }));
        assert_eq!(hex_array::<2>("00fg"), Err(TextError::Hex));
        assert_eq!(hex("0"), Err(TextError::Hex));
        assert_eq!(base64_array::<1>("AA=="), Ok([0]));
        assert_eq!(base64_array::<1>("AB=="), Err(TextError::Base64), "bits behind the end must be zero");
        assert_eq!(base64_array::<1>("AA"), Err(TextError::Base64));
        assert_eq!(base64_array::<2>("AA=="), Err(TextError::Length { got: 1, want: 2 }));
        assert_eq!(base64("A A="), Err(TextError::Base64));
    }

    proptest::proptest! {
        #[test]
        fn text_is_the_inverse_of_reading(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(&hex(&to_hex(&bytes)).unwrap(), &bytes);
            proptest::prop_assert_eq!(&base64(&to_base64(&bytes)).unwrap(), &bytes);
        }

        #[test]
        fn arrays_read_as_vectors_do(bytes: [u8; 32], long: [u8; 32]) {
            proptest::prop_assert_eq!(base64_array::<32>(&to_base64(&bytes)).unwrap(), bytes);
            let both = [bytes, long].concat();
            proptest::prop_assert_eq!(base64_array::<64>(&to_base64(&both)).unwrap().to_vec(), both);
        }
    }
}
