//! Commits: the votes that finalise a block, and the bytes that each vote signs.

use super::{Address, BlockId, timestamp};
use crate::base::{Hash, UnixTime};
use crate::codec::protobuf::{put_bytes, put_int, put_message, put_sfixed64, put_uint, put_varint, varint_len};
use crate::trie::rfc6962::RootBuilder;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

const SIGNED_MSG_TYPE_PRECOMMIT: u64 = 2;

/// A signature of any scheme; the common 64 bytes without an allocation.
#[derive(Clone, PartialEq, Eq)]
pub enum Signature {
    /// Ed25519 and secp256k1.
    Bytes64([u8; 64]),
    /// Any other length.
    Other(Box<[u8]>),
}

impl Signature {
    /// Returns the signature held in `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        <[u8; 64]>::try_from(bytes).map_or_else(|_| Self::Other(bytes.into()), Self::Bytes64)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes64(bytes) => bytes,
            Self::Other(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.as_bytes();
        for byte in bytes.iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "…({})", bytes.len())
    }
}

/// A validator's place in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitSig {
    /// The validator's vote was not seen in time.
    Absent,
    /// The validator voted for the committed block.
    Commit(Vote),
    /// The validator voted for no block.
    Nil(Vote),
}

/// A validator's vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who voted.
    pub validator_address: Address,
    /// When; signed, and another for each validator.
    pub timestamp: UnixTime,
    /// The signature over [`Commit::sign_bytes`].
    pub signature: Signature,
}

impl CommitSig {
    /// Returns the vote, unless it is absent.
    pub fn vote(&self) -> Option<&Vote> {
        match self {
            Self::Absent => None,
            Self::Commit(vote) | Self::Nil(vote) => Some(vote),
        }
    }

    /// Returns the flag's number on the wire: 1 absent, 2 commit, 3 nil.
    pub fn flag(&self) -> u8 {
        match self {
            Self::Absent => 1,
            Self::Commit(_) => 2,
            Self::Nil(_) => 3,
        }
    }

    /// Returns the bytes of the message `CommitSig`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(108);
        self.put_protobuf(&mut out);
        out
    }

    fn put_protobuf(&self, out: &mut Vec<u8>) {
        put_uint(out, 1, u64::from(self.flag()));
        match self.vote() {
            None => put_message(out, 3, &timestamp(UnixTime::GO_ZERO)),
            Some(vote) => {
                put_bytes(out, 2, &vote.validator_address.0);
                put_message(out, 3, &timestamp(vote.timestamp));
                put_bytes(out, 4, vote.signature.as_bytes());
            }
        }
    }
}

/// The votes that finalised a block, one place per validator in the order of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The block's height.
    pub height: u64,
    /// The round, 0 to 2^31-1.
    pub round: u32,
    /// The block that was committed.
    pub block_id: BlockId,
    /// One per validator.
    pub signatures: Vec<CommitSig>,
}

impl Commit {
    /// Returns the hash that the next header carries as `last_commit_hash`.
    pub fn hash(&self) -> Hash {
        let mut root = RootBuilder::default();
        let mut leaf = Vec::with_capacity(128);
        for signature in &self.signatures {
            leaf.clear();
            signature.put_protobuf(&mut leaf);
            root.push(&leaf);
        }
        root.finish()
    }

    /// Returns the bytes of the message `Commit`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.signatures.len().saturating_mul(112).saturating_add(100));
        put_uint(&mut out, 1, self.height);
        put_uint(&mut out, 2, u64::from(self.round));
        put_message(&mut out, 3, &self.block_id.to_protobuf());
        for signature in &self.signatures {
            put_message(&mut out, 4, &signature.to_protobuf());
        }
        out
    }

    /// Returns about how much memory the commit holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        let heap = |signature: &CommitSig| match signature.vote().map(|vote| &vote.signature) {
            Some(Signature::Other(bytes)) => bytes.len(),
            _ => 0,
        };
        let signatures: usize = self.signatures.iter().map(heap).sum();
        self.signatures.len().saturating_mul(size_of::<CommitSig>()).saturating_add(signatures)
    }

    /// Returns what makes the sign bytes of this commit's votes on chain `chain_id`.
    pub fn sign_bytes<'a>(&self, chain_id: &'a str) -> SignBytes<'a> {
        let mut nil_prefix = Vec::with_capacity(24);
        put_uint(&mut nil_prefix, 1, SIGNED_MSG_TYPE_PRECOMMIT);
        put_sfixed64(&mut nil_prefix, 2, self.height.cast_signed());
        put_sfixed64(&mut nil_prefix, 3, i64::from(self.round));
        let mut commit_prefix = nil_prefix.clone();
        put_message(&mut commit_prefix, 4, &self.block_id.to_protobuf());
        SignBytes { commit_prefix, nil_prefix, chain_id }
    }
}

/// Makes the bytes that each vote of one commit signs; they differ only in the timestamp.
///
/// Source: CometBFT `types/canonical.go`; delimited by its length.
#[derive(Clone, Debug)]
pub struct SignBytes<'a> {
    commit_prefix: Vec<u8>,
    nil_prefix: Vec<u8>,
    chain_id: &'a str,
}

impl SignBytes<'_> {
    /// Appends the sign bytes of a vote to `out`; nothing for an absent one, which signed nothing.
    pub fn put(&self, signature: &CommitSig, out: &mut Vec<u8>) {
        let (prefix, vote) = match signature {
            CommitSig::Absent => return,
            CommitSig::Commit(vote) => (&self.commit_prefix, vote),
            CommitSig::Nil(vote) => (&self.nil_prefix, vote),
        };
        let (seconds, nanos) = (vote.timestamp.seconds(), i64::from(vote.timestamp.nanos()));
        let int_len = |value: i64| if value == 0 { 0 } else { varint_len(value.cast_unsigned()).saturating_add(1) };
        let time_len = int_len(seconds).saturating_add(int_len(nanos));
        let chain_len = match self.chain_id.len() {
            0 => 0,
            len => len.saturating_add(1).saturating_add(varint_len(len as u64)),
        };
        // The timestamp's length fits one byte: two varints of at most ten bytes each with their tags.
        let len = prefix.len().saturating_add(2).saturating_add(time_len).saturating_add(chain_len);
        put_varint(out, len as u64);
        out.extend_from_slice(prefix);
        out.push(0x2a);
        put_varint(out, time_len as u64);
        put_int(out, 1, seconds);
        put_int(out, 2, nanos);
        put_bytes(out, 6, self.chain_id.as_bytes());
    }
}
