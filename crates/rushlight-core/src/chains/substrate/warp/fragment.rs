//! One fragment: a header and the justification of its block.

use crate::chains::substrate::grandpa::{BlockId, DecodeError, JustificationRef};
use crate::chains::substrate::header::{HeaderError, HeaderRef, NumberWidth, grandpa};
use crate::codec::scale::Reader;
use alloc::vec::Vec;

/// A fragment with bytes of its own. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    bytes: Vec<u8>,
    width: NumberWidth,
    block: BlockId,
    announces_set: bool,
}

/// Header and justification of a fragment.
pub(super) type Decoded<'a> = (HeaderRef<'a>, JustificationRef<'a>);

/// Which part of a fragment does not decode, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDecoded {
    Header(HeaderError),
    Justification(DecodeError),
}

fn read<'a>(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Decoded<'a>, NotDecoded> {
    let header = HeaderRef::read(reader, width).map_err(NotDecoded::Header)?;
    let justification = JustificationRef::read(reader, width).map_err(NotDecoded::Justification)?;
    Ok((header, justification))
}

/// Returns the set that `header` announces. The first scheduled change counts, as in the reference; a forced change is not
/// proven by the set that it replaces, so no chain of fragments leads across it.
pub(super) fn scheduled_change<'a>(header: &HeaderRef<'a>) -> Option<grandpa::Change<'a>> {
    header.grandpa_logs().find_map(|log| match log {
        grandpa::Log::ScheduledChange(change) => Some(change),
        _ => None,
    })
}

impl Fragment {
    /// Returns the fragment that stands at the beginning of `bytes`; what stands behind it is left alone.
    pub(super) fn read(bytes: &[u8], width: NumberWidth) -> Result<Self, NotDecoded> {
        let mut reader = Reader::new(bytes);
        let (header, _) = read(&mut reader, width)?;
        let block = BlockId { hash: header.hash(), number: header.number() };
        let announces_set = scheduled_change(&header).is_some();
        let len = bytes.len().saturating_sub(reader.rest().len());
        Ok(Self { bytes: bytes.get(..len).unwrap_or_default().to_vec(), width, block, announces_set })
    }

    /// Returns its parts.
    pub(super) fn decode(&self) -> Result<Decoded<'_>, NotDecoded> {
        read(&mut Reader::new(&self.bytes), self.width)
    }

    /// Returns the encoded header and justification.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the block of the header.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Tells whether the header announces another set.
    pub fn announces_set(&self) -> bool {
        self.announces_set
    }
}
