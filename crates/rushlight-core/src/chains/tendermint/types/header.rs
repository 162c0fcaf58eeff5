//! The header and its hash.

use super::{APP_HASH_BYTES_MAX, Address, BlockId, timestamp};
use crate::base::{Hash, UnixTime};
use crate::codec::protobuf::{put_bytes, put_int, put_message, put_uint};
use crate::trie::rfc6962::RootBuilder;
use alloc::string::String;
use alloc::vec::Vec;

/// Protocol versions: of the block (11 for all that this client reads) and of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Block protocol.
    pub block: u64,
    /// Application protocol.
    pub app: u64,
}

/// A block header. Every field is covered by [`Header::hash`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Protocol versions.
    pub version: Version,
    /// The chain's id, at most 50 bytes.
    pub chain_id: String,
    /// Height, 1 to 2^63-1.
    pub height: u64,
    /// Time: the weighted median of the votes for the last block.
    pub time: UnixTime,
    /// Id of the block before; `None` for the first block.
    pub last_block_id: Option<BlockId>,
    /// Root over the signatures of the commit for the block before.
    pub last_commit_hash: Option<Hash>,
    /// Root over the hashes of the transactions.
    pub data_hash: Option<Hash>,
    /// Hash of the set that signs this block.
    pub validators_hash: Hash,
    /// Hash of the set that signs the next block.
    pub next_validators_hash: Hash,
    /// Hash of the consensus parameters.
    pub consensus_hash: Option<Hash>,
    /// Root of the application's state after the block *before* this one.
    pub app_hash: Vec<u8>,
    /// Root over the results of the transactions of the block before.
    pub last_results_hash: Option<Hash>,
    /// Root over the evidence in this block.
    pub evidence_hash: Option<Hash>,
    /// The validator that proposed this block.
    pub proposer_address: Address,
}

fn optional(hash: &Option<Hash>) -> &[u8] {
    hash.as_ref().map_or(&[], |hash| hash.as_bytes().as_slice())
}

impl Header {
    /// The one block protocol version that this client reads; the rules of verification belong to it.
    pub const BLOCK_PROTOCOL: u64 = 11;
    /// The most bytes that a header has as protobuf when each field is within its bounds: 446 for all but the application
    /// hash. CometBFT's `MaxHeaderBytes` of 626 counts with one of 32 bytes and a chain id of 200.
    pub const BYTES_MAX: usize = 446 + APP_HASH_BYTES_MAX;

    /// Returns the header's hash: the Merkle root over its fourteen fields, each in its protobuf form.
    ///
    /// Source: CometBFT `types/block.go`, `Header.Hash`.
    pub fn hash(&self) -> Hash {
        let mut root = RootBuilder::default();
        let mut field = Vec::with_capacity(96);
        let mut leaf = |write: &dyn Fn(&mut Vec<u8>)| {
            field.clear();
            write(&mut field);
            root.push(&field);
        };
        leaf(&|out| {
            put_uint(out, 1, self.version.block);
            put_uint(out, 2, self.version.app);
        });
        leaf(&|out| put_bytes(out, 1, self.chain_id.as_bytes()));
        leaf(&|out| put_uint(out, 1, self.height));
        leaf(&|out| {
            put_int(out, 1, self.time.seconds());
            put_int(out, 2, i64::from(self.time.nanos()));
        });
        leaf(&|out| out.extend(self.last_block_id_to_protobuf()));
        for hash in [optional(&self.last_commit_hash), optional(&self.data_hash)] {
            leaf(&|out| put_bytes(out, 1, hash));
        }
        for hash in [&self.validators_hash, &self.next_validators_hash] {
            leaf(&|out| put_bytes(out, 1, hash.as_bytes()));
        }
        leaf(&|out| put_bytes(out, 1, optional(&self.consensus_hash)));
        leaf(&|out| put_bytes(out, 1, &self.app_hash));
        leaf(&|out| put_bytes(out, 1, optional(&self.last_results_hash)));
        leaf(&|out| put_bytes(out, 1, optional(&self.evidence_hash)));
        leaf(&|out| put_bytes(out, 1, &self.proposer_address.0));
        root.finish()
    }

    fn last_block_id_to_protobuf(&self) -> Vec<u8> {
        self.last_block_id.as_ref().map_or_else(BlockId::nothing_to_protobuf, BlockId::to_protobuf)
    }

    /// Returns the bytes of the message `Header`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut version = Vec::new();
        put_uint(&mut version, 1, self.version.block);
        put_uint(&mut version, 2, self.version.app);
        let mut out = Vec::with_capacity(400);
        put_message(&mut out, 1, &version);
        put_bytes(&mut out, 2, self.chain_id.as_bytes());
        put_uint(&mut out, 3, self.height);
        put_message(&mut out, 4, &timestamp(self.time));
        put_message(&mut out, 5, &self.last_block_id_to_protobuf());
        put_bytes(&mut out, 6, optional(&self.last_commit_hash));
        put_bytes(&mut out, 7, optional(&self.data_hash));
        put_bytes(&mut out, 8, self.validators_hash.as_bytes());
        put_bytes(&mut out, 9, self.next_validators_hash.as_bytes());
        put_bytes(&mut out, 10, optional(&self.consensus_hash));
        put_bytes(&mut out, 11, &self.app_hash);
        put_bytes(&mut out, 12, optional(&self.last_results_hash));
        put_bytes(&mut out, 13, optional(&self.evidence_hash));
        put_bytes(&mut out, 14, &self.proposer_address.0);
        out
    }
}
