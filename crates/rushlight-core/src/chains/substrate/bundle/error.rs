//! Why a bundle does not prove what it should.

use super::super::grandpa::SetError;
use super::super::header::HeaderError;
use super::super::spec::rules::RefusedBlock;
use super::super::warp::{StreamError, WarpError};
use super::VALUES_BYTES_MAX;
use crate::base::Hash;
use crate::bundle::{BundleError, StartError};
use crate::codec::scale::ScaleError;
use crate::trie::patricia16::{LookupError, Missing, ProofError};

/// Why a bundle does not prove what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleRefused {
    /// The container is damaged, or too much is to go into it.
    #[error(transparent)]
    Container(#[from] BundleError),
    /// It does not start from the checkpoint that the user trusts.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It does not begin with the checkpoint's header and authorities.
    #[error("bundle's first step is not the checkpoint's header with its authorities")]
    NoAnchor,
    /// A step is not SCALE, or more stands behind it.
    #[error("step {index}: {why}")]
    Step {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: ScaleError,
    },
    /// A step of unknown kind, or of a kind that belongs before the one before it.
    #[error("step {index} is of kind {kind}, which cannot stand there")]
    StepKind {
        /// Index of the step, from 0.
        index: usize,
        /// Its kind.
        kind: u8,
    },
    /// A width of block numbers that there is not.
    #[error("block numbers have {got} bytes, wanted are 1 to 8")]
    Width {
        /// The width.
        got: u8,
    },
    /// A header is none.
    #[error("step {index}: {why}")]
    Header {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: HeaderError,
    },
    /// The header of the first step is not the checkpoint's.
    #[error("bundle begins with block {got_number} {got:#x}, the checkpoint is {want_number} {want:#x}")]
    AnchorHeader {
        /// Number of the header.
        got_number: u64,
        /// Its hash.
        got: Hash,
        /// Number of the checkpoint.
        want_number: u64,
        /// Its hash.
        want: Hash,
    },
    /// The chain's specification refuses a block that the bundle leads over.
    #[error("step {index}: {why}")]
    Block {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: RefusedBlock,
    },
    /// The authorities are not those that the checkpoint commits to.
    #[error("authorities have digest {got:#x}, the checkpoint wants {want:#x}")]
    AnchorAuthorities {
        /// Their digest.
        got: Hash,
        /// The digest wanted.
        want: Hash,
    },
    /// The authorities cannot vote.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A fragment cannot be taken apart.
    #[error("step {index}: {why}")]
    Fragment {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: StreamError,
    },
    /// A fragment is refused.
    #[error("fragments: {0}")]
    Warp(#[from] WarpError),
    /// A fragment proves nothing new: equal proofs must be equal files.
    #[error("step {index} is of block {number}, which is not above the one before")]
    NotAbove {
        /// Index of the step, from 0.
        index: usize,
        /// Number of the block.
        number: u64,
    },
    /// A header is not the parent of the block proven so far.
    #[error("step {index} is block {got:#x}, the parent of block {child} is {want:#x}")]
    NotTheParent {
        /// Index of the step, from 0.
        index: usize,
        /// Hash of the header.
        got: Hash,
        /// Hash of the parent.
        want: Hash,
        /// Number of the block whose parent it should be.
        child: u64,
    },
    /// A state section is refused.
    #[error("state section {index}: {why}")]
    State {
        /// Index of the section among those of state, from 0.
        index: usize,
        /// The broken rule.
        why: StateRefused,
    },
}

/// Why a state section does not prove its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateRefused {
    /// It is not SCALE, or more stands behind it.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The proof is none.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A node is none.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A key does not come behind the one before it.
    #[error("key {index} is not above the one before it")]
    KeyOrder {
        /// Its place, from 0.
        index: usize,
    },
    /// The proof lacks what answers for a key.
    #[error("nothing answers for key {index}: {:#x} is missing", missing.hash)]
    Incomplete {
        /// Place of the key, from 0.
        index: usize,
        /// What is missing.
        missing: Missing,
    },
    /// The values are too large together.
    #[error("values up to key {index} have {got} bytes, at most {VALUES_BYTES_MAX} are allowed")]
    ValuesTooLarge {
        /// Place of the key that goes beyond, from 0.
        index: usize,
        /// Bytes with its value.
        got: usize,
    },
    /// Nodes that no key needs, twice the same, or in another order: equal proofs must be equal files.
    #[error("{got} nodes stand there, the keys need {needed}, each once and in ascending order of hashes")]
    NotMinimal {
        /// Nodes in the proof.
        got: usize,
        /// Nodes needed.
        needed: usize,
    },
}
