//! Lists of authorities as they stand in digests: keys of 32 bytes with weights.

use super::HEADER_BYTES_MAX;
use crate::codec::scale::{Reader, ScaleError};

/// The most authorities of one list that is used. Polkadot has 600, Kusama 1,000; the runtime's own bound is 100,000, of
/// which a header could not hold two lists. A block that announces more is refused, for to pass over its announcement
/// would leave its chain to those who no longer vote or author.
pub const AUTHORITIES_MAX: usize = 32_768;

const KEY_LEN: usize = 32;
const WEIGHT_LEN: usize = 8;

/// The most authorities that a header can announce.
const ANNOUNCED_MAX: usize = HEADER_BYTES_MAX / (KEY_LEN + WEIGHT_LEN);

/// A list of keys and weights, in the bytes that it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthoritiesRef<'a> {
    bytes: &'a [u8],
}

impl<'a> AuthoritiesRef<'a> {
    /// Returns the list that stands next.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, ScaleError> {
        Self::read_at_most(AUTHORITIES_MAX, reader)
    }

    /// Returns the list that stands next in a digest, of any length, so that whoever uses it can refuse one that is too
    /// long: what does not decode counts as not there.
    pub(super) fn read_announced(reader: &mut Reader<'a>) -> Result<Self, ScaleError> {
        Self::read_at_most(ANNOUNCED_MAX, reader)
    }

    fn read_at_most(max: usize, reader: &mut Reader<'a>) -> Result<Self, ScaleError> {
        let count = reader.length(max, KEY_LEN + WEIGHT_LEN)?;
        Ok(Self { bytes: reader.bytes(count.saturating_mul(KEY_LEN + WEIGHT_LEN))? })
    }

    /// Returns the number of authorities.
    pub fn len(&self) -> usize {
        self.bytes.len() / (KEY_LEN + WEIGHT_LEN)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns key and weight of each authority, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a [u8; KEY_LEN], u64)> + use<'a> {
        let (entries, _) = self.bytes.as_chunks::<{ KEY_LEN + WEIGHT_LEN }>();
        entries.iter().map(|entry| {
            let (key, weight) = entry.split_first_chunk::<KEY_LEN>().unwrap_or((&[0; KEY_LEN], &[]));
            (key, u64::from_le_bytes(weight.try_into().unwrap_or_default()))
        })
    }
}
