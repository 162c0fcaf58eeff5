//! One fragment: a header and the justification of its block.

use crate::chains::substrate::grandpa::{DecodeError, JustificationRef};
use crate::chains::substrate::header::{HeaderError, HeaderRef, NumberWidth};
use crate::codec::scale::Reader;
use alloc::vec::Vec;

/// A fragment with bytes of its own. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    bytes: Vec<u8>,
    width: NumberWidth,
}

/// Header and justification of a fragment.
pub(super) type Decoded<'a> = (HeaderRef<'a>, JustificationRef<'a>);

/// Which part of a fragment does not decode, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDecoded {
    Header(HeaderError),
    Justification(DecodeError),
}

/// Returns header and justification that stand next in `reader`.
pub(super) fn read<'a>(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Decoded<'a>, NotDecoded> {
    let header = HeaderRef::read(reader, width).map_err(NotDecoded::Header)?;
    let justification = JustificationRef::read(reader, width).map_err(NotDecoded::Justification)?;
    Ok((header, justification))
}

impl Fragment {
    /// Returns the fragment in `bytes`, which were read once with [`read`].
    pub(super) fn new(bytes: Vec<u8>, width: NumberWidth) -> Self {
        Self { bytes, width }
    }

    /// Returns its parts.
    pub(super) fn decode(&self) -> Result<Decoded<'_>, NotDecoded> {
        read(&mut Reader::new(&self.bytes), self.width)
    }

    /// Returns the encoded header and justification.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
