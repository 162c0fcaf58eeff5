//! Whole blocks and their bytes.

use rushlight_core::base::Hash;
use rushlight_core::chains::tendermint::types::{BlockId, Commit, Header, PartSetHeader};
use rushlight_core::codec::protobuf::put_message;
use rushlight_core::trie::rfc6962;
use std::sync::Arc;

/// Bytes in each part of a block but the last.
pub const PART_BYTES: usize = 65_536;

/// A block as it is gossiped and stored.
#[derive(Clone, Debug)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions.
    pub txs: Vec<Vec<u8>>,
    /// The commit for the block before; `None` in the first block.
    pub last_commit: Option<Arc<Commit>>,
}

impl Block {
    /// Returns the bytes of the message `Block`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut txs = Vec::new();
        for tx in &self.txs {
            put_message(&mut txs, 1, tx);
        }
        let commit = match &self.last_commit {
            Some(commit) => commit.to_protobuf(),
            None => {
                let mut empty = Vec::new();
                put_message(&mut empty, 3, &BlockId::nothing_to_protobuf());
                empty
            }
        };
        let mut out = Vec::new();
        put_message(&mut out, 1, &self.header.to_protobuf());
        put_message(&mut out, 2, &txs);
        // No evidence: the message is there and empty.
        put_message(&mut out, 3, &[]);
        put_message(&mut out, 4, &commit);
        out
    }

    /// Returns the block's id: its header's hash and the root over its parts.
    pub fn id(&self) -> BlockId {
        let bytes = self.to_protobuf();
        let total = u32::try_from(bytes.len().div_ceil(PART_BYTES)).unwrap_or(u32::MAX);
        BlockId {
            hash: self.header.hash(),
            parts: PartSetHeader { total, hash: rfc6962::root(bytes.chunks(PART_BYTES)) },
        }
    }
}

/// Returns the root over the hashes of transactions.
pub(crate) fn data_hash(txs: &[Vec<u8>]) -> Hash {
    rfc6962::root(txs.iter().map(|tx| rushlight_core::crypto::sha256(tx).0))
}
