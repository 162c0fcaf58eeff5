//! The broken rules of verification.

use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::Address;
use crate::crypto::SignatureError;
use crate::work::NotDone;
use alloc::string::String;

/// Why a block is not accepted: one variant per rule, with what it has and what the rule wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The header belongs to another chain; its signatures would be valid there.
    #[error("header is of chain {got:?}, wanted is {want:?}")]
    ChainId {
        /// The header's chain id.
        got: String,
        /// The trusted chain id.
        want: String,
    },
    /// The rules of this client belong to block protocol 11.
    #[error("header has block protocol {got}, wanted is 11")]
    BlockProtocol {
        /// The header's block protocol.
        got: u64,
    },
    /// The commit is for another height.
    #[error("commit is for height {got}, the header has {want}")]
    CommitHeight {
        /// The commit's height.
        got: u64,
        /// The header's height.
        want: u64,
    },
    /// The height does not follow directly.
    #[error("header has height {got}, wanted is {want}, the one after the trusted header")]
    NotAdjacent {
        /// The header's height.
        got: u64,
        /// The height wanted.
        want: u64,
    },
    /// The height is not above the trusted one.
    #[error("header has height {got}, wanted is more than the trusted {trusted}")]
    HeightNotAbove {
        /// The header's height.
        got: u64,
        /// The trusted height.
        trusted: u64,
    },
    /// The time is not after the trusted one: a forward lunatic attack has to lie about it.
    #[error("header has time {got}, wanted is after that of the trusted header, {trusted}")]
    TimeNotAfter {
        /// The header's time.
        got: UnixTime,
        /// The trusted header's time.
        trusted: UnixTime,
    },
    /// The header is from the future, and signed as the rules want: said of no other.
    #[error(
        "header has time {got}, which is not before {limit} (now and the allowed clock drift); check this machine's clock"
    )]
    FromTheFuture {
        /// The header's time.
        got: UnixTime,
        /// The limit.
        limit: UnixTime,
    },
    /// Trust in the trusted header has ended: its validators may have left and sold their keys.
    #[error(
        "trust in the header at height {height} of {time} expired at {expired}, now is {now}; a new checkpoint is needed"
    )]
    TrustExpired {
        /// The trusted header's height.
        height: u64,
        /// Its time.
        time: UnixTime,
        /// When trust ended.
        expired: UnixTime,
        /// The time by which it is judged.
        now: UnixTime,
    },
    /// The commit is for another header: some field of the header was changed.
    #[error("header has hash {got}, the commit is for {want}")]
    HeaderHash {
        /// Hash of the header given.
        got: Hash,
        /// Hash in the commit.
        want: Hash,
    },
    /// The set is not the one that the header names.
    #[error("validator set has hash {got}, the header names {want}")]
    ValidatorsHash {
        /// Hash of the set given.
        got: Hash,
        /// Hash in the header.
        want: Hash,
    },
    /// The next set is not the one that the trusted header names.
    #[error("next validator set has hash {got}, the header names {want}")]
    NextValidatorsHash {
        /// Hash of the set given.
        got: Hash,
        /// Hash in the header.
        want: Hash,
    },
    /// The set is not the one that the trusted header announced for this height.
    #[error("header names validator set {got}, the header before announced {want}")]
    SetNotAnnounced {
        /// Hash in the header.
        got: Hash,
        /// Hash announced.
        want: Hash,
    },
    /// The header does not follow on the trusted block.
    #[error("header follows on block {got}, the trusted one is {want}")]
    LastBlockId {
        /// Hash in the header; all zero when it has none.
        got: Hash,
        /// Hash of the trusted header.
        want: Hash,
    },
    /// The block before has the trusted header but other parts than were committed.
    #[error("header follows on parts {got}, those committed are {want}")]
    LastBlockParts {
        /// Parts hash in the header.
        got: Hash,
        /// Parts hash in the trusted commit.
        want: Hash,
    },
    /// The commit does not have one place per validator.
    #[error("commit has {got} signatures, the validator set has {want} members")]
    SignatureCount {
        /// Signatures in the commit.
        got: usize,
        /// Members of the set.
        want: usize,
    },
    /// A validator votes twice in one commit; counted twice, one key could reach any threshold (ISA-2025-003).
    #[error("validator {address} votes twice in one commit, at {first} and {second}")]
    DoubleVote {
        /// The validator.
        address: Address,
        /// Its first place.
        first: usize,
        /// Its second place.
        second: usize,
    },
    /// A vote stands at another validator's place; believed, header time could be forged (GHSA-c32p-wcqj-j677).
    #[error("signature {index} is by {got}, the validator at that place is {want}")]
    VotePlace {
        /// Place in the commit.
        index: usize,
        /// Address in the vote.
        got: Address,
        /// Address in the set.
        want: Address,
    },
    /// A signature is not as long as those of the validator's key.
    #[error("signature {index} has {got} bytes, the validator's key makes {want}")]
    SignatureLength {
        /// Place in the commit.
        index: usize,
        /// Bytes given.
        got: usize,
        /// Bytes of a signature of that key.
        want: usize,
    },
    /// Too little power is for the block.
    #[error("power for the block is {got}, wanted is more than {want} (two thirds of {total})")]
    TooLittlePower {
        /// Power that voted for the block.
        got: u64,
        /// Power that must be exceeded.
        want: u64,
        /// Power of the set.
        total: u64,
    },
    /// Too little trusted power signed: accuses nobody, a block in between is needed.
    #[error("trusted power that signed is {got}, wanted is more than {want} (trust level {level} of {total})")]
    NotEnoughTrust {
        /// Trusted power that voted for the block.
        got: u64,
        /// Power that must be exceeded.
        want: u64,
        /// Power of the trusted set.
        total: u64,
        /// The trust level.
        level: super::TrustLevel,
    },
    /// The set after the trusted header, the basis of skipping, is not known: a fault of the caller.
    #[error("the validator set after trusted height {height} is not known; fetch it first")]
    NoBasis {
        /// The trusted height.
        height: u64,
    },
    /// A signature does not verify.
    #[error("signature {index} of the commit at height {height}: {why}")]
    BadSignature {
        /// The height.
        height: u64,
        /// Place in the commit.
        index: usize,
        /// The broken rule.
        why: SignatureError,
    },
    /// The headers were checked from another trusted header: a fault of the caller.
    #[error("the headers follow on the trusted header {want}, not on {got}")]
    OtherBasis {
        /// Hash of the header given.
        got: Hash,
        /// Hash of the header that they follow on.
        want: Hash,
    },
    /// The signatures were not verified.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// The block is not at the checkpoint's height.
    #[error("block has height {got}, the checkpoint {want}")]
    CheckpointHeight {
        /// The block's height.
        got: u64,
        /// The checkpoint's height.
        want: u64,
    },
    /// The block is not the checkpoint's.
    #[error("block has hash {got}, the checkpoint {want}; compare the checkpoint with a source you trust")]
    CheckpointHash {
        /// The header's hash.
        got: Hash,
        /// The checkpoint's hash.
        want: Hash,
    },
    /// The block does not have the checkpoint's time.
    #[error("block has time {got}, the checkpoint {want}")]
    CheckpointTime {
        /// The header's time.
        got: UnixTime,
        /// The checkpoint's time.
        want: UnixTime,
    },
    /// The earlier header is not the one that the later one follows on.
    #[error("header at height {height} has hash {got}, the header after it names {want}")]
    BackwardsHash {
        /// The earlier height.
        height: u64,
        /// The earlier header's hash.
        got: Hash,
        /// The hash named; all zero when there is none.
        want: Hash,
    },
    /// The earlier header is not earlier.
    #[error("header has time {got}, wanted is before that of the header after it, {later}")]
    BackwardsTime {
        /// The earlier header's time.
        got: UnixTime,
        /// The later header's time.
        later: UnixTime,
    },
}

/// Whose business a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Who sent the block: what it says is provably wrong.
    Sender,
    /// Nobody: another block, another checkpoint or a later time is needed.
    Nobody,
}

impl VerifyError {
    /// Returns whose business this refusal is.
    pub fn blame(&self) -> Blame {
        match self {
            // It was signed as the rules want before its time was looked at, so it may well be our own clock that is late.
            Self::FromTheFuture { .. }
            | Self::TrustExpired { .. }
            | Self::NotEnoughTrust { .. }
            | Self::NoBasis { .. }
            | Self::OtherBasis { .. }
            | Self::NotDone(_) => Blame::Nobody,
            Self::ChainId { .. }
            | Self::BlockProtocol { .. }
            | Self::CommitHeight { .. }
            | Self::NotAdjacent { .. }
            | Self::HeightNotAbove { .. }
            | Self::TimeNotAfter { .. }
            | Self::HeaderHash { .. }
            | Self::ValidatorsHash { .. }
            | Self::NextValidatorsHash { .. }
            | Self::SetNotAnnounced { .. }
            | Self::LastBlockId { .. }
            | Self::LastBlockParts { .. }
            | Self::SignatureCount { .. }
            | Self::DoubleVote { .. }
            | Self::VotePlace { .. }
            | Self::SignatureLength { .. }
            | Self::TooLittlePower { .. }
            | Self::BadSignature { .. }
            | Self::CheckpointHeight { .. }
            | Self::CheckpointHash { .. }
            | Self::CheckpointTime { .. }
            | Self::BackwardsHash { .. }
            | Self::BackwardsTime { .. } => Blame::Sender,
        }
    }
}
