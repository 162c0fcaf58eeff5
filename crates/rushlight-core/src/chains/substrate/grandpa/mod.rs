//! GRANDPA: what a set of authorities finalized, proven by their votes.
//!
//! It trusts the set that it is given and proves that more than two thirds of its weight voted for a block or for blocks
//! above it. It accepts what the reference accepts, tolerance of equivocation included, and nothing else: a client that
//! is stricter can be stopped by one authority who misbehaves, one that is laxer can be lied to.
//! Which block belongs to which chain that of the caller's tree.
//!
//! Source: `sc-consensus-grandpa` 0.45, `justification.rs`; `finality-grandpa` 0.16.3; <https://arxiv.org/abs/2007.01560>.

mod blocks;
mod commit;
mod justification;
mod proofs;
mod rules;
mod set;
mod steps;
mod tally;
mod vote_graph;

use crate::base::Hash;

pub use commit::{CommitMessage, NeighborPacket};
pub use justification::{
    DecodeError, JustificationRef, PRECOMMITS_MAX, Precommits, SignedPrecommit, VOTES_ANCESTRIES_MAX,
};
pub use proofs::{Proofs, Refused, SealedProofs, VerifiedFinality};
pub use rules::VerifyError;
pub use set::{Authority, AuthoritySet, SetError};

/// Length of an authority's key, which is Ed25519.
pub const KEY_LEN: usize = 32;
/// Length of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// Hash and number of a block, as votes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// Its hash.
    pub hash: Hash,
    /// Its number.
    pub number: u64,
}

#[cfg(test)]
mod tests;
