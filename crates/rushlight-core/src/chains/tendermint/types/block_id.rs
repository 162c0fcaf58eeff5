//! What a vote is for: a header hash and the parts that the block is gossiped in.

use crate::base::Hash;
use crate::codec::protobuf::{put_bytes, put_message, put_uint};
use alloc::vec::Vec;

/// The root over the 65,536-byte parts of a serialised block. Signed, but not checkable without the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSetHeader {
    /// Number of parts, at least 1.
    pub total: u32,
    /// Merkle root over the parts.
    pub hash: Hash,
}

/// A complete block id. The id of nothing (a nil vote, the block before the first) is `None` where one may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// The header's hash.
    pub hash: Hash,
    /// The block's parts.
    pub parts: PartSetHeader,
}

impl BlockId {
    /// Returns the bytes of the message `BlockID`, which `CanonicalBlockID` shares.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut parts = Vec::with_capacity(40);
        put_uint(&mut parts, 1, u64::from(self.parts.total));
        put_bytes(&mut parts, 2, self.parts.hash.as_bytes());
        let mut out = Vec::with_capacity(80);
        put_bytes(&mut out, 1, self.hash.as_bytes());
        put_message(&mut out, 2, &parts);
        out
    }

    /// Returns the bytes of the id of nothing: its part set header is not nullable and so always written.
    pub fn nothing_to_protobuf() -> Vec<u8> {
        let mut out = Vec::new();
        put_message(&mut out, 2, &[]);
        out
    }
}
