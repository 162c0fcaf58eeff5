//! The width of a chain's block numbers.

use crate::codec::scale::{Reader, ScaleError, put_uint};
use alloc::vec::Vec;

/// How many bytes a block number takes where it is not compact: in votes, delays and announcements. In a header it is
/// compact, so that the width shows in its largest value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberWidth(u8);

impl NumberWidth {
    /// Four bytes: the width of nearly all chains, and the one where a specification has no `blockNumberBytes`.
    pub const U32: Self = Self(4);

    /// Returns the width of `bytes` bytes, or `None` unless there are 1 to 8 of them.
    pub fn new(bytes: u64) -> Option<Self> {
        u8::try_from(bytes).ok().filter(|bytes| (1..=8).contains(bytes)).map(Self)
    }

    /// Returns the width in bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.0)
    }

    /// Tells whether `number` fits.
    pub fn holds(self, number: u64) -> bool {
        self.0 >= 8 || number >> (8 * u32::from(self.0)) == 0
    }

    /// Returns the block number that stands next, little-endian.
    /// # Errors
    /// [`ScaleError::Truncated`].
    pub fn read(self, reader: &mut Reader<'_>) -> Result<u64, ScaleError> {
        if self == Self::U32 { reader.u32().map(u64::from) } else { reader.uint(self.bytes()) }
    }

    /// Appends a block number, little-endian. One that does not fit loses its upper bytes.
    pub fn put(self, out: &mut Vec<u8>, number: u64) {
        put_uint(out, number, self.bytes());
    }
}

impl Default for NumberWidth {
    fn default() -> Self {
        Self::U32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn widths_hold_what_they_are_wide_for() {
        assert_eq!(NumberWidth::new(0), None);
        assert_eq!(NumberWidth::new(9), None);
        assert_eq!(NumberWidth::new(4), Some(NumberWidth::default()));
        for bytes in 1..=8 {
            let width = NumberWidth::new(bytes).unwrap();
            let largest = u64::MAX >> (64 - 8 * bytes);
            assert!(width.holds(0) && width.holds(largest));
            assert_eq!(width.holds(largest.wrapping_add(1)), bytes == 8);
            let mut out = vec![];
            width.put(&mut out, largest);
            assert_eq!(out.len(), width.bytes());
            assert_eq!(width.read(&mut Reader::new(&out)), Ok(largest));
        }
    }
}
