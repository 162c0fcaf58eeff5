//! Block headers: SCALE bytes, their digest, their hash.
//!
//! A header is read in place: [`HeaderRef`] borrows the bytes, and what an engine wrote into the digest is decoded only
//! where somebody asks for it. So a header is refused for its own form alone, never for the name of an engine and never
//! for what stands within an engine's item. An item of a known engine that does not decode counts as not there, as in
//! the reference; where that breaks a rule (no slot, no announced epoch), the rule refuses it.
//! It trusts nothing and proves nothing but the form; rules between headers are those of `authorship` and `grandpa`.
//!
//! Source: `sp-runtime` 49, `generic/header.rs` and `generic/digest.rs`;
//! <https://spec.polkadot.network/chap-state#defn-block-header>.

pub mod aura;
pub mod authorities;
pub mod babe;
mod digest;
pub mod grandpa;
mod number;
mod rules;

use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError, put_compact};
use crate::crypto::blake2b::{blake2b_256, blake2b_256_of};
use alloc::vec::Vec;

pub use digest::{Digest, DigestItem, DigestItems, EngineId};
pub use number::NumberWidth;
pub use rules::{AnnouncedEpoch, DigestError};

/// The most bytes of one header. A change to 20,000 authorities, announced to BABE and GRANDPA both, takes 1.6 MB.
pub const HEADER_BYTES_MAX: usize = 4 << 20;

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The bytes are not SCALE, end early or go on behind the header.
    #[error("header: {0}")]
    Scale(#[from] ScaleError),
    /// More bytes than a header may have.
    #[error("header has {got} bytes, at most {max} are allowed")]
    TooLarge {
        /// Its length in bytes.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// The number does not fit the chain's type of block numbers.
    #[error("header has number {got}, which does not fit the {width} bytes that this chain's block numbers have")]
    NumberTooLarge {
        /// The number.
        got: u64,
        /// Width of the chain's block numbers in bytes.
        width: usize,
    },
    /// An item of the digest has a type that does not exist, or no longer: 2 and 7 were those of changes tries.
    #[error("item {index} of the digest has type {got}, known are 0, 4, 5, 6 and 8")]
    DigestItemType {
        /// Place of the item, counted from 0.
        index: usize,
        /// Its type byte.
        got: u8,
    },
}

/// A header in the bytes that it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderRef<'a> {
    bytes: &'a [u8],
    parent_hash: &'a [u8; Hash::LEN],
    number: u64,
    state_root: &'a [u8; Hash::LEN],
    extrinsics_root: &'a [u8; Hash::LEN],
    digest: Digest<'a>,
    width: NumberWidth,
}

impl<'a> HeaderRef<'a> {
    /// Returns the header that `bytes` hold, all of them. Costs one step per item of the digest and copies nothing.
    /// # Errors
    /// [`HeaderError`].
    #[inline]
    pub fn decode(bytes: &'a [u8], width: NumberWidth) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(bytes);
        let header = Self::read(&mut reader, width)?;
        reader.finish()?;
        Ok(header)
    }

    /// Returns the header that stands next in `reader`, which may go on behind it.
    /// # Errors
    /// [`HeaderError`].
    #[inline]
    pub fn read(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Self, HeaderError> {
        let start = reader.rest();
        let parent_hash = reader.array()?;
        let number = reader.compact_u64()?;
        if !width.holds(number) {
            return Err(HeaderError::NumberTooLarge { got: number, width: width.bytes() });
        }
        let state_root = reader.array()?;
        let extrinsics_root = reader.array()?;
        let digest = Digest::read(reader)?;
        let len = start.len().saturating_sub(reader.rest().len());
        if len > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLarge { got: len, max: HEADER_BYTES_MAX });
        }
        // The reader only moves forward, so these are the bytes that it went over.
        let bytes = start.get(..len).unwrap_or(start);
        Ok(Self { bytes, parent_hash, number, state_root, extrinsics_root, digest, width })
    }

    /// Returns the encoded header.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the hash of the block before.
    pub fn parent_hash(&self) -> Hash {
        Hash(*self.parent_hash)
    }

    /// Returns the height.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the root of the state trie after this block.
    pub fn state_root(&self) -> Hash {
        Hash(*self.state_root)
    }

    /// Returns the root of the trie of this block's extrinsics.
    pub fn extrinsics_root(&self) -> Hash {
        Hash(*self.extrinsics_root)
    }

    /// Returns the digest.
    pub fn digest(&self) -> Digest<'a> {
        self.digest
    }

    /// Returns the width of block numbers that the header was decoded with.
    pub fn number_width(&self) -> NumberWidth {
        self.width
    }

    /// Returns the hash of the block: BLAKE2b-256 over the encoded header, seal included.
    pub fn hash(&self) -> Hash {
        blake2b_256(self.bytes)
    }

    /// Returns the hash that the author sealed, that of the header without its last item, and the seal.
    /// # Errors
    /// [`DigestError::NotSealed`], [`DigestError::SealNotLast`].
    pub fn sealed_hash(&self) -> Result<(Hash, Seal<'a>), DigestError> {
        let (before, engine, signature) = self.digest.split_seal()?;
        let head_len = self.bytes.len().saturating_sub(self.digest.encoded_len());
        let head = self.bytes.get(..head_len).unwrap_or_default();
        let mut count = Vec::with_capacity(4);
        put_compact(&mut count, self.digest.len().saturating_sub(1) as u64);
        Ok((blake2b_256_of(&[head, &count, before]), Seal { engine, signature }))
    }

    /// Tells whether the runtime's code or heap pages changed in this block.
    pub fn updates_runtime(&self) -> bool {
        self.digest.items().any(|item| item == DigestItem::RuntimeEnvironmentUpdated)
    }

    /// Returns the header with bytes of its own.
    pub fn to_header(&self) -> Header {
        Header {
            parent_hash: self.parent_hash(),
            number: self.number,
            state_root: self.state_root(),
            extrinsics_root: self.extrinsics_root(),
            digest: self.digest.items().map(|item| item.map(<[u8]>::to_vec)).collect(),
        }
    }
}

/// What an author put behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    /// The engine.
    pub engine: EngineId,
    /// Its signature over the hash of the header before the seal.
    pub signature: &'a [u8],
}

/// A header with bytes of its own, as it is built or taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Hash of the block before.
    pub parent_hash: Hash,
    /// Height.
    pub number: u64,
    /// Root of the state trie after this block.
    pub state_root: Hash,
    /// Root of the trie of this block's extrinsics.
    pub extrinsics_root: Hash,
    /// The digest.
    pub digest: Vec<DigestItem<Vec<u8>>>,
}

impl Header {
    /// Returns the SCALE encoding, which is the same for every width of block numbers.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(self.parent_hash.as_bytes());
        put_compact(&mut out, self.number);
        out.extend_from_slice(self.state_root.as_bytes());
        out.extend_from_slice(self.extrinsics_root.as_bytes());
        put_compact(&mut out, self.digest.len() as u64);
        for item in &self.digest {
            item.encode(&mut out);
        }
        out
    }

    /// Returns the hash of the block.
    pub fn hash(&self) -> Hash {
        blake2b_256(&self.encode())
    }
}

#[cfg(test)]
mod tests;
