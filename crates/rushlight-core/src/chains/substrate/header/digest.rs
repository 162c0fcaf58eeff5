//! The digest: what consensus engines and the runtime wrote into a header.

use super::{DigestError, HeaderError};
use crate::codec::scale::{Reader, ScaleError, put_byte_string, put_compact};
use alloc::vec::Vec;
use core::fmt;

const OTHER: u8 = 0;
const CONSENSUS: u8 = 4;
const SEAL: u8 = 5;
const PRE_RUNTIME: u8 = 6;
const RUNTIME_ENVIRONMENT_UPDATED: u8 = 8;

/// The four bytes that name a consensus engine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineId(pub [u8; 4]);

impl EngineId {
    /// AURA.
    pub const AURA: Self = Self(*b"aura");
    /// BABE.
    pub const BABE: Self = Self(*b"BABE");
    /// GRANDPA.
    pub const GRANDPA: Self = Self(*b"FRNK");
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", byte.escape_ascii()))
    }
}

impl fmt::Debug for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One item of a digest; `B` is `&[u8]` where it borrows a header and `Vec<u8>` where it owns its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestItem<B> {
    /// Bytes that no engine owns.
    Other(B),
    /// A message of the runtime to an engine.
    Consensus(EngineId, B),
    /// An engine's seal over the header before it.
    Seal(EngineId, B),
    /// A message of an engine to the runtime, set before the block is executed.
    PreRuntime(EngineId, B),
    /// The runtime's code or heap pages changed.
    RuntimeEnvironmentUpdated,
}

impl<B> DigestItem<B> {
    /// Returns the same item with other bytes.
    pub fn map<C>(self, bytes: impl FnOnce(B) -> C) -> DigestItem<C> {
        match self {
            Self::Other(body) => DigestItem::Other(bytes(body)),
            Self::Consensus(engine, body) => DigestItem::Consensus(engine, bytes(body)),
            Self::Seal(engine, body) => DigestItem::Seal(engine, bytes(body)),
            Self::PreRuntime(engine, body) => DigestItem::PreRuntime(engine, bytes(body)),
            Self::RuntimeEnvironmentUpdated => DigestItem::RuntimeEnvironmentUpdated,
        }
    }
}

impl<B: AsRef<[u8]>> DigestItem<B> {
    /// Appends the SCALE encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, engine, body) = match self {
            Self::Other(body) => (OTHER, None, body),
            Self::Consensus(engine, body) => (CONSENSUS, Some(engine), body),
            Self::Seal(engine, body) => (SEAL, Some(engine), body),
            Self::PreRuntime(engine, body) => (PRE_RUNTIME, Some(engine), body),
            Self::RuntimeEnvironmentUpdated => {
                out.push(RUNTIME_ENVIRONMENT_UPDATED);
                return;
            }
        };
        out.push(kind);
        if let Some(EngineId(name)) = engine {
            out.extend_from_slice(name);
        }
        put_byte_string(out, body.as_ref());
    }
}

impl<'a> DigestItem<&'a [u8]> {
    /// Returns the item that stands next; `None` is an unknown type byte.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Result<Self, u8>, ScaleError> {
        let kind = reader.u8()?;
        let engine = |reader: &mut Reader<'a>| -> Result<(EngineId, &'a [u8]), ScaleError> {
            let engine = EngineId(*reader.array()?);
            Ok((engine, reader.byte_string(super::HEADER_BYTES_MAX)?))
        };
        Ok(Ok(match kind {
            OTHER => Self::Other(reader.byte_string(super::HEADER_BYTES_MAX)?),
            CONSENSUS => engine(reader).map(|(id, body)| Self::Consensus(id, body))?,
            SEAL => engine(reader).map(|(id, body)| Self::Seal(id, body))?,
            PRE_RUNTIME => engine(reader).map(|(id, body)| Self::PreRuntime(id, body))?,
            RUNTIME_ENVIRONMENT_UPDATED => Self::RuntimeEnvironmentUpdated,
            got => return Ok(Err(got)),
        }))
    }
}

/// Goes over the item that stands next, as [`DigestItem::read`] does; returns an unknown type byte.
#[inline]
fn skip_item(reader: &mut Reader<'_>) -> Result<Option<u8>, ScaleError> {
    match reader.u8()? {
        OTHER => {}
        CONSENSUS | SEAL | PRE_RUNTIME => {
            reader.array::<4>()?;
        }
        RUNTIME_ENVIRONMENT_UPDATED => return Ok(None),
        got => return Ok(Some(got)),
    }
    reader.byte_string(super::HEADER_BYTES_MAX)?;
    Ok(None)
}

/// The items of a header's digest, in the bytes that they were decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest<'a> {
    /// Length of the encoded digest, with the count before the items.
    encoded_len: usize,
    count: usize,
    items: &'a [u8],
    /// Where the last item begins in `items`.
    last_at: usize,
}

impl<'a> Digest<'a> {
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, HeaderError> {
        let whole = reader.rest();
        // Bounded by the header's bytes alone: an author chooses how many items stand in it, and full nodes count none, so a bound
        // on their number would let one author stop every client for good. Each has a byte at least.
        let count = reader.length(super::HEADER_BYTES_MAX, 1)?;
        let start = reader.rest();
        let mut last_at = 0;
        for index in 0..count {
            last_at = start.len().saturating_sub(reader.rest().len());
            if let Some(got) = skip_item(reader)? {
                return Err(HeaderError::DigestItemType { index, got });
            }
        }
        let left = reader.rest().len();
        let items = start.get(..start.len().saturating_sub(left)).unwrap_or(start);
        Ok(Self { encoded_len: whole.len().saturating_sub(left), count, items, last_at })
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the items in their order.
    pub fn items(&self) -> DigestItems<'a> {
        DigestItems { reader: Reader::new(self.items) }
    }

    /// Returns the last item, where a sealed block has its seal, without going over those before.
    pub fn last(&self) -> Option<DigestItem<&'a [u8]>> {
        let (_, last) = self.items.split_at_checked(self.last_at)?;
        DigestItems { reader: Reader::new(last) }.next()
    }

    /// Returns what the runtime told `engine`, in order.
    pub fn consensus(&self, engine: EngineId) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.items().filter_map(move |item| match item {
            DigestItem::Consensus(id, body) if id == engine => Some(body),
            _ => None,
        })
    }

    /// Returns what `engine` told the runtime, in order.
    pub fn pre_runtime(&self, engine: EngineId) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.items().filter_map(move |item| match item {
            DigestItem::PreRuntime(id, body) if id == engine => Some(body),
            _ => None,
        })
    }

    /// Returns the length of the encoded digest in bytes.
    pub(super) fn encoded_len(&self) -> usize {
        self.encoded_len
    }

    /// Returns the encoded items before the seal, the seal's engine and its signature.
    pub(super) fn split_seal(&self) -> Result<(&'a [u8], EngineId, &'a [u8]), DigestError> {
        let (before, last) = self.items.split_at_checked(self.last_at).ok_or(DigestError::NotSealed)?;
        let earlier = DigestItems { reader: Reader::new(before) };
        // A second seal would be part of what the first one signs; no runtime accepts such a block.
        if let Some(index) = earlier.into_iter().position(|item| matches!(item, DigestItem::Seal(..))) {
            return Err(DigestError::SealNotLast { index, count: self.count });
        }
        match (DigestItems { reader: Reader::new(last) }).next() {
            Some(DigestItem::Seal(engine, signature)) => Ok((before, engine, signature)),
            _ => Err(DigestError::NotSealed),
        }
    }

    /// Appends the SCALE encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_compact(out, self.count as u64);
        self.items().for_each(|item| item.encode(out));
    }
}

/// The items of a digest, one after the other.
#[derive(Clone, Debug)]
pub struct DigestItems<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for DigestItems<'a> {
    type Item = DigestItem<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        // All items were read once when the header was decoded, so reading them again succeeds.
        DigestItem::read(&mut self.reader).ok()?.ok()
    }
}
