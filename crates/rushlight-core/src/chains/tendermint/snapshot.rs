//! What is kept of a chain over a restart: the trusted head, the clock, a freeze.
//!
//! A protobuf message behind a version byte and before a checksum: 1 checkpoint height, 2 checkpoint hash, 3 highest
//! wall clock, 4 the head's `LightBlock`, 5 the set after it where it is another one, 6 a freeze, 7 witnesses that
//! agreed, 8 witnesses asked, 9 the checkpoint's time, 10 the index of heights below the checkpoint, 11 the latest time by
//! which expiry was judged, 12 (any number) a kept block, 13 the SHA-256 of the snapshot that was there before the user
//! changed the checkpoint. A kept block is 1 its `LightBlock`, 2 the set after it where it is another one; clients that know
//! nothing of them leave them out. A freeze is 1 its `LightBlock`, 2 the conflicting one, 3 who gave the conflicting one, 4 who
//! gave ours. Whoever can
//! write this file can make the client trust anything, as whoever can write its settings.

use super::decode::{self, DecodeError};
use super::spec::Trust;
use super::sync::KEPT_BLOCKS_MAX;
use super::types::{LightBlock, ValidatorSet, timestamp};
use super::verify::{self, VerifiedBlock, VerifyError};
use crate::base::{Hash, UnixTime};
use crate::codec::protobuf::{ProtobufError, Reader, put_bytes, put_message, put_uint};
use crate::crypto::sha256;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

const VERSION: u8 = 1;

/// What is kept of a chain over a restart.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The checkpoint that the user gave.
    pub trust: Trust,
    /// The highest wall clock ever seen.
    pub highest_wall: UnixTime,
    /// The latest time by which expiry was judged.
    pub latest: UnixTime,
    /// The trusted head.
    pub head: VerifiedBlock,
    /// Adopted blocks below the head, lowest first, from which later ones may be proven.
    pub kept: Vec<VerifiedBlock>,
    /// The time of the checkpoint's header, once known.
    pub checkpoint_time: Option<UnixTime>,
    /// Witnesses that agreed on the head, and that were asked.
    pub witnesses: (u32, u32),
    /// The conflicting headers for which the chain is frozen.
    pub freeze: Option<Freeze>,
    /// What is known of heights below the checkpoint.
    pub history: Option<History>,
    /// The snapshot that was made from another checkpoint, before the user changed it: a blob under its SHA-256.
    pub former: Option<Hash>,
}

/// An index of header hashes below the checkpoint, proven by the hash chain, downwards without gaps.
///
/// The hashes are in blobs of [`History::CHUNK_HEIGHTS`] each, highest height first; only the last may have fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The highest height in it, one below the checkpoint.
    pub top: u64,
    /// How many heights are in it.
    pub count: u64,
    /// The blobs, by their hash.
    pub chunks: Vec<Hash>,
}

impl History {
    /// How many hashes one blob holds: 128 KiB.
    pub const CHUNK_HEIGHTS: u64 = 4_096;

    /// Returns the lowest height in the index.
    pub fn lowest(&self) -> u64 {
        self.top.saturating_add(1).saturating_sub(self.count)
    }

    fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uint(&mut out, 1, self.top);
        put_uint(&mut out, 2, self.count);
        for chunk in &self.chunks {
            put_bytes(&mut out, 3, chunk.as_bytes());
        }
        out
    }

    fn read(message: &[u8]) -> Result<Self, DecodeError> {
        let (mut top, mut count, mut chunks) = (0, 0, Vec::new());
        let mut reader = Reader::new(message);
        while let Some(field) = reader.next().map_err(protobuf)? {
            match field.number {
                1 => top = field.uint().map_err(protobuf)?,
                2 => count = field.uint().map_err(protobuf)?,
                3 => chunks.extend(Hash::from_slice(field.bytes().map_err(protobuf)?)),
                _ => {}
            }
        }
        let wanted = count.div_ceil(Self::CHUNK_HEIGHTS);
        if count > top || u64::try_from(chunks.len()).ok() != Some(wanted) {
            let got = i128::from(count);
            return Err(DecodeError::Range { field: "history", got, want: "as many heights as its chunks hold" });
        }
        Ok(Self { top, count, chunks })
    }
}

/// Two blocks of one height that both verify: an attack, kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The primary's block.
    pub ours: Arc<LightBlock>,
    /// The witness's block.
    pub theirs: Arc<LightBlock>,
    /// Who gave ours: scheme, host and port of its address, for a person to read; empty when an older version saved it.
    pub primary: String,
    /// Who gave the other one.
    pub witness: String,
}

/// Why bytes are not a snapshot of this chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A version that this client does not read.
    #[error("snapshot has version {got}, this client reads {VERSION}; update it")]
    Version {
        /// The version.
        got: u8,
    },
    /// Too short to be one, or its checksum does not fit.
    #[error("snapshot is damaged: its checksum does not fit")]
    Checksum,
    /// Of another chain.
    #[error("snapshot is of chain {got:?}, this one is {want:?}")]
    OtherChain {
        /// The chain id in its head.
        got: String,
        /// This chain's id.
        want: String,
    },
    /// Frozen, and the user has changed the checkpoint since.
    ///
    /// Another checkpoint does not undo an attack, and starting from it would replace both headers, the evidence.
    #[error(
        "the chain is frozen: two headers of height {height} are signed by trusted validators, {ours} and {theirs}; \
         another checkpoint does not undo that"
    )]
    Frozen {
        /// The height.
        height: u64,
        /// Hash of the header that was to be adopted.
        ours: Hash,
        /// Hash of the other one.
        theirs: Hash,
    },
    /// A field is not readable.
    #[error("snapshot is damaged: {0}")]
    Decode(#[from] DecodeError),
    /// Its head is not what it says.
    #[error("snapshot is damaged: {0}")]
    Verify(#[from] VerifyError),
}

impl Snapshot {
    /// Returns the snapshot as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = alloc::vec![VERSION];
        put_uint(&mut out, 1, self.trust.height);
        put_bytes(&mut out, 2, self.trust.hash.as_bytes());
        put_message(&mut out, 3, &timestamp(self.highest_wall));
        put_message(&mut out, 4, &self.head.block().to_protobuf());
        if let Some(next) = next_set(&self.head) {
            put_message(&mut out, 5, &next.to_protobuf());
        }
        if let Some(freeze) = &self.freeze {
            let mut message = Vec::new();
            put_message(&mut message, 1, &freeze.ours.to_protobuf());
            put_message(&mut message, 2, &freeze.theirs.to_protobuf());
            put_bytes(&mut message, 3, freeze.witness.as_bytes());
            put_bytes(&mut message, 4, freeze.primary.as_bytes());
            put_message(&mut out, 6, &message);
        }
        put_uint(&mut out, 7, u64::from(self.witnesses.0));
        put_uint(&mut out, 8, u64::from(self.witnesses.1));
        if let Some(time) = self.checkpoint_time {
            put_message(&mut out, 9, &timestamp(time));
        }
        if let Some(history) = &self.history {
            put_message(&mut out, 10, &history.to_protobuf());
        }
        put_message(&mut out, 11, &timestamp(self.latest));
        for block in &self.kept {
            let mut message = Vec::new();
            put_message(&mut message, 1, &block.block().to_protobuf());
            if let Some(next) = next_set(block) {
                put_message(&mut message, 2, &next.to_protobuf());
            }
            put_message(&mut out, 12, &message);
        }
        if let Some(former) = &self.former {
            put_bytes(&mut out, 13, former.as_bytes());
        }
        let checksum = sha256(&out);
        out.extend_from_slice(checksum.as_bytes());
        out
    }

    /// Reads a snapshot of chain `chain_id`.
    /// # Errors
    /// [`SnapshotError`].
    pub fn decode(chain_id: &str, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (content, checksum) = bytes.split_last_chunk::<32>().ok_or(SnapshotError::Checksum)?;
        if sha256(content).0 != *checksum {
            return Err(SnapshotError::Checksum);
        }
        let (&version, message) = content.split_first().ok_or(SnapshotError::Checksum)?;
        if version != VERSION {
            return Err(SnapshotError::Version { got: version });
        }
        let raw = RawSnapshot::read(message)?;
        let missing = |field| SnapshotError::Decode(DecodeError::Missing { field });
        let block = raw.head.ok_or_else(|| missing("head"))?;
        if block.header.chain_id != chain_id {
            return Err(SnapshotError::OtherChain { got: block.header.chain_id, want: String::from(chain_id) });
        }
        let head = read_back(chain_id, block, raw.next)?;
        let mut kept: Vec<VerifiedBlock> = Vec::with_capacity(raw.kept.len());
        for (block, next) in raw.kept {
            let block = read_back(chain_id, block, next)?;
            let is_above = kept.last().is_none_or(|last| last.height() < block.height());
            if !is_above || block.height() >= head.height() {
                let (field, got) = ("kept block", i128::from(block.height()));
                return Err(DecodeError::Range { field, got, want: "ascending heights below the head" }.into());
            }
            kept.push(block);
        }
        let highest_wall = raw.highest_wall.ok_or_else(|| missing("highest wall clock"))?;
        Ok(Self {
            trust: Trust { height: raw.trust_height, hash: raw.trust_hash.ok_or_else(|| missing("checkpoint hash"))? },
            highest_wall,
            latest: raw.latest.unwrap_or(highest_wall),
            head,
            kept,
            checkpoint_time: raw.checkpoint_time,
            witnesses: raw.witnesses,
            freeze: raw.freeze,
            history: raw.history,
            former: raw.former,
        })
    }
}

/// Returns the set after a block, where it is another one and known.
fn next_set(block: &VerifiedBlock) -> Option<&Arc<ValidatorSet>> {
    block.next_validators().filter(|next| next.hash() != block.validators().hash())
}

/// Takes back a block that was verified before it was saved. Its commit is checked again: a damaged file must not become
/// trust.
fn read_back(chain_id: &str, block: LightBlock, next: Option<ValidatorSet>) -> Result<VerifiedBlock, VerifyError> {
    let (height, hash, time) = (block.header.height, block.header.hash(), block.header.time);
    let block = verify::anchor(chain_id, height, hash, Some(time), block)?;
    match next {
        Some(next) => block.with_next_validators(Arc::new(next)),
        None => Ok(block),
    }
}

#[derive(Default)]
struct RawSnapshot {
    trust_height: u64,
    trust_hash: Option<Hash>,
    highest_wall: Option<UnixTime>,
    latest: Option<UnixTime>,
    head: Option<LightBlock>,
    next: Option<ValidatorSet>,
    kept: Vec<(LightBlock, Option<ValidatorSet>)>,
    freeze: Option<Freeze>,
    witnesses: (u32, u32),
    checkpoint_time: Option<UnixTime>,
    history: Option<History>,
    former: Option<Hash>,
}

fn protobuf(why: ProtobufError) -> DecodeError {
    DecodeError::Protobuf { what: "snapshot", why }
}

impl RawSnapshot {
    fn read(message: &[u8]) -> Result<Self, DecodeError> {
        let mut raw = Self::default();
        let mut reader = Reader::new(message);
        while let Some(field) = reader.next().map_err(protobuf)? {
            let bytes = || field.bytes().map_err(protobuf);
            let small = || field.uint().map(|value| u32::try_from(value).unwrap_or(u32::MAX)).map_err(protobuf);
            match field.number {
                1 => raw.trust_height = field.uint().map_err(protobuf)?,
                2 => raw.trust_hash = Hash::from_slice(bytes()?),
                3 => raw.highest_wall = Some(decode::protobuf::timestamp("highest wall clock", bytes()?)?),
                4 => raw.head = Some(decode::protobuf::light_block(bytes()?)?),
                5 => raw.next = Some(decode::protobuf::validator_set(bytes()?)?),
                6 => raw.freeze = Some(read_freeze(bytes()?)?),
                7 => raw.witnesses.0 = small()?,
                8 => raw.witnesses.1 = small()?,
                9 => raw.checkpoint_time = Some(decode::protobuf::timestamp("checkpoint time", bytes()?)?),
                10 => raw.history = Some(History::read(bytes()?)?),
                11 => raw.latest = Some(decode::protobuf::timestamp("latest time", bytes()?)?),
                12 if raw.kept.len() >= KEPT_BLOCKS_MAX => {
                    let got = raw.kept.len().saturating_add(1);
                    return Err(DecodeError::TooMany { field: "kept blocks", got, max: KEPT_BLOCKS_MAX });
                }
                12 => raw.kept.push(decode::protobuf::block_and_next(bytes()?, "snapshot", "kept block")?),
                13 => raw.former = Hash::from_slice(bytes()?),
                _ => {}
            }
        }
        Ok(raw)
    }
}

fn read_freeze(message: &[u8]) -> Result<Freeze, DecodeError> {
    let (mut ours, mut theirs, mut primary, mut witness) = (None, None, String::new(), String::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.next().map_err(protobuf)? {
        let bytes = field.bytes().map_err(protobuf)?;
        match field.number {
            1 => ours = Some(Arc::new(decode::protobuf::light_block(bytes)?)),
            2 => theirs = Some(Arc::new(decode::protobuf::light_block(bytes)?)),
            3 => witness = String::from_utf8_lossy(bytes).into_owned(),
            4 => primary = String::from_utf8_lossy(bytes).into_owned(),
            _ => {}
        }
    }
    Ok(Freeze {
        ours: ours.ok_or(DecodeError::Missing { field: "freeze.ours" })?,
        theirs: theirs.ok_or(DecodeError::Missing { field: "freeze.theirs" })?,
        primary,
        witness,
    })
}
