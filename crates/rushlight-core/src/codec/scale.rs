//! SCALE, the encoding of Substrate: a strict, bounded reader that borrows, and a writer.
//!
//! One value has one encoding: a compact number in more bytes than it needs is refused, as the reference does.
//! Source: `parity-scale-codec` 3.7, <https://docs.polkadot.com/polkadot-protocol/parachain-basics/data-encoding/>.

use alloc::vec::Vec;

/// Why bytes are not the SCALE encoding of what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// The bytes end within a value.
    #[error("ends within a value: {wanted} bytes wanted, {left} left")]
    Truncated {
        /// Bytes that the value takes.
        wanted: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// Bytes stand behind the value.
    #[error("{left} bytes stand behind the value")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// A compact number in more bytes than it needs.
    #[error("compact number {value} stands in more bytes than it needs")]
    NotShortest {
        /// The number.
        value: u64,
    },
    /// A compact number larger than the type that it stands for.
    #[error("compact number does not fit {bits} bits")]
    TooLarge {
        /// Width of the type.
        bits: u32,
    },
    /// A length above what is allowed here.
    #[error("length is {got}, at most {max} is allowed")]
    TooLong {
        /// The length.
        got: u64,
        /// The bound.
        max: usize,
    },
    /// Bytes of the right length that are not a value of their type.
    #[error("the bytes are not a {of}")]
    Value {
        /// The type.
        of: &'static str,
    },
    /// A byte that is neither of the variants of an enumeration.
    #[error("{got} is no variant of {of}")]
    Variant {
        /// The byte.
        got: u8,
        /// The enumeration.
        of: &'static str,
    },
}

/// Reads values one after the other.
#[derive(Clone, Debug, Default)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Tells whether all bytes were read.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Asserts that all bytes were read.
    /// # Errors
    /// [`ScaleError::Trailing`].
    #[inline]
    pub fn finish(self) -> Result<(), ScaleError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(ScaleError::Trailing { left }),
        }
    }

    /// Returns the next `len` bytes.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], ScaleError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.truncated(len))?;
        self.rest = rest;
        Ok(head)
    }

    /// Returns the next `N` bytes.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], ScaleError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.truncated(N))?;
        self.rest = rest;
        Ok(head)
    }

    #[cold]
    fn truncated(&self, wanted: usize) -> ScaleError {
        ScaleError::Truncated { wanted, left: self.rest.len() }
    }

    /// Returns the next byte.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn u8(&mut self) -> Result<u8, ScaleError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    /// Returns a 32-bit number in little-endian order.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn u32(&mut self) -> Result<u32, ScaleError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Returns a 64-bit number in little-endian order.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn u64(&mut self) -> Result<u64, ScaleError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Returns a 128-bit number in little-endian order.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn u128(&mut self) -> Result<u128, ScaleError> {
        self.array().map(|bytes| u128::from_le_bytes(*bytes))
    }

    /// Returns a number of `width` bytes (at most 8) in little-endian order.
    /// # Errors
    /// [`ScaleError::Truncated`].
    #[inline]
    pub fn uint(&mut self, width: usize) -> Result<u64, ScaleError> {
        let bytes = self.bytes(width.min(8))?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Returns a boolean.
    /// # Errors
    /// [`ScaleError::Truncated`], [`ScaleError::Variant`].
    #[inline]
    pub fn bool(&mut self) -> Result<bool, ScaleError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            got => Err(ScaleError::Variant { got, of: "bool" }),
        }
    }

    /// Tells whether an optional value follows.
    /// # Errors
    /// [`ScaleError::Truncated`], [`ScaleError::Variant`].
    #[inline]
    pub fn is_some(&mut self) -> Result<bool, ScaleError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            got => Err(ScaleError::Variant { got, of: "option" }),
        }
    }

    /// Returns a compact number of at most 64 bits.
    /// # Errors
    /// [`ScaleError::Truncated`], [`ScaleError::NotShortest`], [`ScaleError::TooLarge`].
    #[inline]
    pub fn compact_u64(&mut self) -> Result<u64, ScaleError> {
        let first = self.u8()?;
        let low = u64::from(first >> 2);
        let (value, least) = match first & 3 {
            0 => (low, 0),
            1 => {
                let &[second] = self.array()?;
                (low | u64::from(second) << 6, 1 << 6)
            }
            2 => {
                let &[second, third, fourth] = self.array()?;
                (u64::from(u32::from_le_bytes([first, second, third, fourth]) >> 2), 1 << 14)
            }
            _ => {
                let width = usize::from(first >> 2).saturating_add(4);
                if width > 8 {
                    return Err(ScaleError::TooLarge { bits: 64 });
                }
                let least = if width == 4 { 1 << 30 } else { 1_u64 << (8 * (width - 1)) };
                (self.uint(width)?, least)
            }
        };
        if value < least { Err(ScaleError::NotShortest { value }) } else { Ok(value) }
    }

    /// Returns a compact number of at most 32 bits.
    /// # Errors
    /// Those of [`Reader::compact_u64`].
    #[inline]
    pub fn compact_u32(&mut self) -> Result<u32, ScaleError> {
        u32::try_from(self.compact_u64()?).map_err(|_| ScaleError::TooLarge { bits: 32 })
    }

    /// Returns the length of a sequence of at most `max` elements. A caller that allocates for it names a bound of its
    /// own; one whose elements take at least `element_bytes` each cannot be told of more than the input can hold.
    /// # Errors
    /// [`ScaleError::TooLong`], [`ScaleError::Truncated`], and those of [`Reader::compact_u64`].
    #[inline]
    pub fn length(&mut self, max: usize, element_bytes: usize) -> Result<usize, ScaleError> {
        let got = self.compact_u64()?;
        let len = usize::try_from(got).ok().filter(|len| *len <= max).ok_or(ScaleError::TooLong { got, max })?;
        let wanted = len.saturating_mul(element_bytes);
        if wanted > self.rest.len() { Err(self.truncated(wanted)) } else { Ok(len) }
    }

    /// Returns a byte string of at most `max` bytes.
    /// # Errors
    /// Those of [`Reader::length`].
    #[inline]
    pub fn byte_string(&mut self, max: usize) -> Result<&'a [u8], ScaleError> {
        let len = self.length(max, 1)?;
        self.bytes(len)
    }
}

/// Appends a compact number in its shortest form.
#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is wanted")]
pub fn put_compact(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x40 => out.push((value << 2) as u8),
        0x40..0x4000 => out.extend_from_slice(&((value << 2 | 1) as u16).to_le_bytes()),
        0x4000..0x4000_0000 => out.extend_from_slice(&((value << 2 | 2) as u32).to_le_bytes()),
        _ => {
            let width = 8_usize.saturating_sub(value.leading_zeros() as usize / 8).max(4);
            out.push(((width - 4) << 2 | 3) as u8);
            out.extend(value.to_le_bytes().iter().take(width));
        }
    }
}

/// Appends a length and the bytes.
pub fn put_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    put_compact(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a number in `width` bytes (at most 8), in little-endian order.
pub fn put_uint(out: &mut Vec<u8>, value: u64, width: usize) {
    out.extend(value.to_le_bytes().iter().take(width));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn compact_numbers_have_the_published_encodings() {
        // Source: the examples of the SCALE specification.
        let cases: [(u64, &[u8]); 9] = [
            (0, &[0x00]),
            (1, &[0x04]),
            (42, &[0xa8]),
            (69, &[0x15, 0x01]),
            (65_535, &[0xfe, 0xff, 0x03, 0x00]),
            ((1 << 30) - 1, &[0xfe, 0xff, 0xff, 0xff]),
            (1 << 30, &[0x03, 0, 0, 0, 0x40]),
            (100_000_000_000_000, &[0x0b, 0x00, 0x40, 0x7a, 0x10, 0xf3, 0x5a]),
            (u64::MAX, &[0x13, 255, 255, 255, 255, 255, 255, 255, 255]),
        ];
        for (value, bytes) in cases {
            let mut out = vec![];
            put_compact(&mut out, value);
            assert_eq!(out, bytes, "{value}");
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.compact_u64(), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let compact = |bytes: &[u8]| Reader::new(bytes).compact_u64();
        assert_eq!(compact(&[]), Err(ScaleError::Truncated { wanted: 1, left: 0 }));
        assert_eq!(compact(&[0xfd, 0]), Err(ScaleError::NotShortest { value: 63 }));
        assert_eq!(compact(&[0x02, 0, 1, 0]), Ok(1 << 14));
        assert_eq!(compact(&[0xfe, 0xff, 0, 0]), Err(ScaleError::NotShortest { value: 16_383 }));
        assert_eq!(compact(&[0x03, 1, 0, 0, 0]), Err(ScaleError::NotShortest { value: 1 }));
        assert_eq!(compact(&[0x07, 1, 0, 0, 0x40, 0]), Err(ScaleError::NotShortest { value: (1 << 30) + 1 }));
        assert_eq!(compact(&[0x17, 0, 0, 0, 0, 0, 0, 0, 0, 1]), Err(ScaleError::TooLarge { bits: 64 }));
        assert_eq!(Reader::new(&[0x07, 0, 0, 0, 0, 1]).compact_u32(), Err(ScaleError::TooLarge { bits: 32 }));
        assert_eq!(Reader::new(&[2]).bool(), Err(ScaleError::Variant { got: 2, of: "bool" }));
        assert_eq!(Reader::new(&[2]).is_some(), Err(ScaleError::Variant { got: 2, of: "option" }));
        assert_eq!(Reader::new(&[0x0c, 1]).length(2, 1), Err(ScaleError::TooLong { got: 3, max: 2 }));
        assert_eq!(Reader::new(&[0x0c, 1]).byte_string(9), Err(ScaleError::Truncated { wanted: 3, left: 1 }));
        assert_eq!(Reader::new(&[0]).finish(), Err(ScaleError::Trailing { left: 1 }));
    }

    proptest::proptest! {
        #[test]
        fn reading_is_the_inverse_of_writing(numbers: Vec<u64>, bytes: Vec<u8>) {
            let mut out = vec![];
            numbers.iter().for_each(|number| put_compact(&mut out, *number));
            put_byte_string(&mut out, &bytes);
            numbers.iter().for_each(|number| put_uint(&mut out, *number, 8));
            let mut reader = Reader::new(&out);
            for number in &numbers {
                proptest::prop_assert_eq!(reader.compact_u64(), Ok(*number));
            }
            proptest::prop_assert_eq!(reader.byte_string(bytes.len()), Ok(&*bytes));
            for number in &numbers {
                proptest::prop_assert_eq!(reader.u64(), Ok(*number));
            }
            proptest::prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn a_compact_number_that_is_read_has_one_encoding(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.compact_u64() {
                let mut again = vec![];
                put_compact(&mut again, value);
                proptest::prop_assert_eq!(&again, &bytes[..bytes.len() - reader.rest().len()]);
            }
        }
    }
}
