//! Why a chain does not begin, a block is not taken in, or finality does not move.

use super::super::authorship::AuthorshipError;
use super::super::grandpa::SetError;
use super::super::header::HeaderError;
use super::super::spec::rules::RefusedBlock;
use super::tree::TreeError;
use crate::base::Hash;

/// Why a chain cannot be followed from a block. The fault of whoever gave it: user or store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The header is none.
    #[error("finalized block: {0}")]
    Header(#[from] HeaderError),
    /// The specification refuses the block.
    #[error("finalized block: {0}")]
    Refused(#[from] RefusedBlock),
    /// Block 0 is that of another chain.
    #[error("block 0 is {got:#x}, the chain's is {want:#x}")]
    OtherGenesis {
        /// Its hash.
        got: Hash,
        /// The hash wanted.
        want: Hash,
    },
    /// Announced changes are not in the order of blocks, or are made already.
    #[error(
        "change {index} of the authority set is announced at block {announced} and made at block {effective}, which does not fit finalized block {finalized} or the change before"
    )]
    Announced {
        /// Its place, counted from 0.
        index: usize,
        /// The announcing block.
        announced: u64,
        /// The block with which it is made.
        effective: u64,
        /// The finalized block.
        finalized: u64,
    },
    /// State and configuration of authorship are of different engines. A state that began without knowledge of the authors
    /// stays so; whoever knows more begins again.
    #[error("the state of authorship is {state}, the settings are {settings}; start from a checkpoint or from genesis")]
    OtherEngine {
        /// What the state is of.
        state: &'static str,
        /// What the settings are of.
        settings: &'static str,
    },
    /// The width of block numbers is not that of the specification.
    #[error("block numbers have {got} bytes, the specification's have {want}")]
    OtherWidth {
        /// Bytes of a number in the state.
        got: usize,
        /// Bytes of a number in the specification.
        want: usize,
    },
    /// More announced changes than are kept.
    #[error("{got} changes of the authority set are announced, at most {max} are kept")]
    TooManyAnnounced {
        /// How many.
        got: usize,
        /// The bound.
        max: usize,
    },
}

/// Why a block is not taken in. The peer's fault, but for those where the doc says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bytes are no header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// It has no place in the tree. Known blocks and unknown parents are nobody's fault.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The specification refuses it.
    #[error(transparent)]
    Refused(#[from] RefusedBlock),
    /// Its author was not entitled to it. Nobody's fault where [`AuthorshipError::is_early`].
    #[error(transparent)]
    Authorship(#[from] AuthorshipError),
    /// It announces a set that cannot vote.
    #[error("block {number} announces a set that cannot vote: {why}")]
    Announced {
        /// Its number.
        number: u64,
        /// The broken rule.
        why: SetError,
    },
    /// A change that would be made beyond the last block number.
    #[error("block {number} announces a change after {delay} blocks, beyond the last block number")]
    Delay {
        /// Its number.
        number: u64,
        /// The delay.
        delay: u64,
    },
}

/// Why finality does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FinalityError {
    /// The chain has no authority set: its finality comes from elsewhere. Our own fault.
    #[error("this chain is finalized by another one, not by votes")]
    Elsewhere,
    /// The chain has an authority set. Our own fault.
    #[error("this chain is finalized by votes of its own, not by another chain")]
    ByVotes,
    /// Another set voted than the one whose turn it is.
    #[error("set {got} voted, the turn is set {want}'s")]
    OtherSet {
        /// Number of the set that voted.
        got: u64,
        /// Number of the set whose turn it is.
        want: u64,
    },
    /// Others voted than the members of the set whose turn it is, under its number: a set of another chain or of another
    /// fork. Our own fault.
    #[error("set {set_id} of the votes has digest {got:#x}, the set of this chain with that number has {want:#x}")]
    OtherMembers {
        /// Number of both sets.
        set_id: u64,
        /// Digest of the set that voted.
        got: Hash,
        /// Digest of the set whose turn it is.
        want: Hash,
    },
    /// The block is not above the finalized one, as far as is known: fetch its ancestors, or warp to it.
    #[error("block {number} {hash:#x} is not above finalized block {finalized}, as far as is known")]
    NotAbove {
        /// Its hash.
        hash: Hash,
        /// Its number.
        number: u64,
        /// The finalized block.
        finalized: u64,
    },
    /// The votes name another number than the header.
    #[error("votes name number {got}, the block's is {want}")]
    Number {
        /// Number in the votes.
        got: u64,
        /// Number of the block.
        want: u64,
    },
    /// A set ends below the block: only the set after it could vote for the block, and it is not certain yet.
    ///
    /// Without this rule whoever authors one block could announce a set of his own and finalize with it.
    #[error("the set ends at block {mandatory}, which is not final; finalize it before block {number}")]
    ChangeFirst {
        /// The block that ends the set.
        mandatory: u64,
        /// The block to be finalized.
        number: u64,
    },
    /// Two changes are to be made with one block: what the reference cannot finalize either.
    #[error("two changes of the authority set are to be made with block {number}")]
    TwoChanges {
        /// The block.
        number: u64,
    },
    /// Finality stalled for so many sessions that changes between were not kept: take the block in along its headers.
    #[error(
        "changes of the authority set announced from block {from} on are not kept; finalize block {number} along its headers"
    )]
    Forgotten {
        /// The lowest block whose announcement is not kept.
        from: u64,
        /// The block to be finalized.
        number: u64,
    },
    /// More changes would be announced and not made than are kept. No chain whose finality can move has so many.
    #[error(
        "with block {number} {got} changes of the authority set are announced and not made, at most {max} are kept"
    )]
    TooManyAnnounced {
        /// The block to be finalized.
        number: u64,
        /// How many.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// A forced change was made on one fork, and the block is on another.
    #[error("block {hash:#x} is not on the chain of {forced:#x}, which forced the change to the set that voted")]
    OtherFork {
        /// The block.
        hash: Hash,
        /// The block that announced the forced change.
        forced: Hash,
    },
}

/// Why a block is not finalized along the headers that lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlongError {
    /// Finality does not move.
    #[error(transparent)]
    Finality(#[from] FinalityError),
    /// More headers than one call takes: take the lower ones in as blocks first.
    #[error("{got} headers lead to the block, at most {max} are taken at once")]
    TooMany {
        /// How many.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// A header does not follow the one before it. The fault of whoever sent them.
    #[error("header {index} has parent {got:#x}, the one before it is {want:#x}")]
    Gap {
        /// Its place.
        index: usize,
        /// The parent.
        got: Hash,
        /// The header before it.
        want: Hash,
    },
    /// The headers end with another block than the finalized one. The fault of whoever sent them.
    #[error("the headers end with {got:#x}, finalized is {want:#x}")]
    OtherEnd {
        /// Their last block.
        got: Hash,
        /// The finalized block.
        want: Hash,
    },
    /// A header breaks a rule.
    #[error("header {index}: {why}")]
    Header {
        /// Its place.
        index: usize,
        /// The broken rule.
        why: ImportError,
    },
}
