//! Hex straight into a buffer: chain specifications are nearly all hex, up to tens of megabytes of it.

use alloc::vec::Vec;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Not an even number of hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHex;

/// Appends the bytes that `digits` (either case, no prefix) stand for. On an error `out` is as it was.
pub(super) fn append(out: &mut Vec<u8>, digits: &[u8]) -> Result<(), NotHex> {
    let before = out.len();
    out.reserve(digits.len() / 2);
    let mut rest = digits;
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let Some(four) = eight_digits(u64::from_le_bytes(*eight)) else {
            out.truncate(before);
            return Err(NotHex);
        };
        out.extend_from_slice(&four.to_le_bytes());
        rest = behind;
    }
    while let Some(([high, low], behind)) = rest.split_first_chunk::<2>() {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            out.truncate(before);
            return Err(NotHex);
        };
        out.push(high << 4 | low);
        rest = behind;
    }
    if rest.is_empty() {
        return Ok(());
    }
    out.truncate(before);
    Err(NotHex)
}

/// Returns the four bytes of eight digits, all of them at once: each byte of the word is compared with the ends of the
/// ranges of digits by an addition that carries into its highest bit.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is empty")]
fn eight_digits(digits: u64) -> Option<u32> {
    let at_least = |word: u64, byte: u8| word.wrapping_add(ONES.wrapping_mul(u64::from(0x80 - byte)));
    // A byte of 0x80 or more could carry into its neighbour; it is no digit.
    if digits & HIGH != 0 {
        return None;
    }
    let is_digit = at_least(digits, b'0') & !at_least(digits, b'9' + 1);
    let lower = digits | ONES << 5;
    let is_letter = at_least(lower, b'a') & !at_least(lower, b'f' + 1);
    if (is_digit | is_letter) & HIGH != HIGH {
        return None;
    }
    let letters = digits >> 6 & ONES;
    let nibbles = (digits & (ONES * 0x0f)).wrapping_add(letters.wrapping_mul(9));
    let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((quads | quads >> 16) as u32)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn only_digits_are_digits() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"09afAF5c";
                text[place] = byte;
                let mut out = vec![7];
                let got = append(&mut out, &text);
                if byte.is_ascii_hexdigit() {
                    assert_eq!(got, Ok(()));
                    let text = core::str::from_utf8(&text).unwrap();
                    assert_eq!(out[1..], crate::codec::text::hex(text).unwrap());
                } else {
                    assert_eq!((got, out), (Err(NotHex), vec![7]));
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn it_reads_what_others_write(bytes: Vec<u8>, extra: u8) {
            let mut text = crate::codec::text::to_hex(&bytes);
            let mut out = vec![];
            proptest::prop_assert_eq!(append(&mut out, text.as_bytes()), Ok(()));
            proptest::prop_assert_eq!(&out, &bytes);
            proptest::prop_assert_eq!(append(&mut out, text.to_lowercase().as_bytes()), Ok(()));
            proptest::prop_assert_eq!(out.len(), bytes.len() * 2);
            text.push(char::from(extra % 128));
            proptest::prop_assert_eq!(append(&mut out, text.as_bytes()), Err(NotHex));
            proptest::prop_assert_eq!(out.len(), bytes.len() * 2);
        }
    }
}
