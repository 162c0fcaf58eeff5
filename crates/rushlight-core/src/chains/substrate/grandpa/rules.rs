//! The rules of a justification that need no signature check, and the errors of all of them.

use super::blocks::{Blocks, Index};
use super::justification::signed_message;
use super::steps::Steps;
use super::tally::{finalized, lowest};
use super::{AuthoritySet, BlockId, CommitMessage, JustificationRef, Precommits, SignedPrecommit};
use crate::base::Hash;
use crate::chains::substrate::header::NumberWidth;
use crate::crypto::batch::SignatureBatch;
use crate::crypto::{PublicKey, SignatureError};
use crate::work::NotDone;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Why votes do not finalize a block: one variant per rule, with what they have and what the rule wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The justification is for another block.
    #[error("justification is for block {got:#x} at {got_number}, wanted is {want:#x} at {want_number}")]
    Target {
        /// Hash of the block that it is for.
        got: Hash,
        /// Its number.
        got_number: u64,
        /// Hash of the block wanted.
        want: Hash,
        /// Its number.
        want_number: u64,
    },
    /// No member of the set voted.
    #[error("no vote is by a member of the set")]
    NoVotes,
    /// The weight of those who voted is too small.
    #[error("votes have weight {got}, wanted is {want} (more than two thirds of {total})")]
    TooLittleWeight {
        /// Weight of the members who voted.
        got: u64,
        /// The weight that finalizes.
        want: u64,
        /// Weight of the set.
        total: u64,
    },
    /// The votes finalize another block: votes for blocks elsewhere or below do not count for the one claimed.
    #[error("votes finalize block {got:#x} at {got_number}, the justification is for {want:#x} at {want_number}")]
    OtherBlock {
        /// Hash of the block that the votes finalize.
        got: Hash,
        /// Its number, as the votes tell it.
        got_number: u64,
        /// Hash of the block claimed.
        want: Hash,
        /// Its number.
        want_number: u64,
    },
    /// A vote is for a block that is not shown to be above the lowest one voted for: it may be on another fork.
    #[error("a vote is for block {got:#x}, which is not shown to descend from {base:#x}, the lowest voted for")]
    NotDescendant {
        /// Hash of the block voted for.
        got: Hash,
        /// Hash of the lowest block voted for.
        base: Hash,
    },
    /// Headers that no vote needs: a justification could be blown up at will.
    #[error("the votes' ancestry has {got} headers, {want} are needed")]
    UnusedAncestry {
        /// Different headers given.
        got: usize,
        /// Headers needed.
        want: usize,
    },
    /// Votes that lie or equivocate, for so many blocks that they would take very long to count.
    #[error("votes and their forks take more than {max} steps to count")]
    TooComplex {
        /// The bound for as many votes, blocks and voters.
        max: u64,
    },
    /// A message of another set: its votes do not count in this one.
    #[error("commit is of set {got}, the set in force is {want}")]
    SetId {
        /// Number of the set that voted.
        got: u64,
        /// Number of the set in force.
        want: u64,
    },
    /// A vote in a commit message is by nobody of the set.
    #[error("vote {index} of the commit is by nobody of the set")]
    NotMember {
        /// Place of the vote, counted from 0.
        index: usize,
    },
    /// More weight than a set can bring up if less than a third equivocate.
    #[error("votes of the commit have weight {got}, at most {max} is possible")]
    TooMuchWeight {
        /// Weight, equivocations counted again.
        got: u64,
        /// The bound.
        max: u64,
    },
    /// A signature does not verify.
    #[error("signature of vote {index}: {why}")]
    BadSignature {
        /// Place of the vote, counted from 0.
        index: usize,
        /// The broken rule.
        why: SignatureError,
    },
    /// The signatures were not verified, which is nobody's fault who sent any of this.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

/// Votes that satisfy every rule but the signatures, which are in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsigned {
    pub(super) block: BlockId,
    pub(super) round: u64,
    pub(super) set_id: u64,
    pub(super) set_digest: Hash,
}

/// Checks all rules of a justification that need no signature, then adds its signatures to `batch` as one group.
/// On an error the batch is unchanged.
pub(super) fn justification(
    justification: &JustificationRef<'_>,
    set: &AuthoritySet,
    batch: &mut SignatureBatch,
) -> Result<Unsigned, VerifyError> {
    let precommits = justification.precommits();
    let parents: BTreeMap<Hash, Hash> =
        justification.votes_ancestries().map(|header| (header.hash(), header.parent_hash())).collect();
    let (blocks, targets) = blocks_of(&precommits, &|hash| parents.get(hash).copied())?;
    // Every block of the tree but its root was found by its header, so equal counts are equal sets.
    let want = blocks.len().saturating_sub(1);
    if parents.len() != want {
        return Err(VerifyError::UnusedAncestry { got: parents.len(), want });
    }
    finalizes(&precommits, &targets, set, &blocks, justification.target())?;
    let unsigned = Unsigned {
        block: justification.target(),
        round: justification.round(),
        set_id: set.id(),
        set_digest: set.digest(),
    };
    push_signatures(batch, &precommits, &unsigned, justification.number_width());
    Ok(unsigned)
}

/// Checks all rules of a commit message that need no signature, then adds its signatures to `batch` as one group.
/// `parent_of` gives the parent of a block where it is known. On an error the batch is unchanged.
///
/// Source: `sc-consensus-grandpa` 0.45, `communication/mod.rs`, `check_compact_commit`; `finality-grandpa`,
/// `validate_commit`.
pub(super) fn commit(
    message: &CommitMessage<'_>,
    set: &AuthoritySet,
    parent_of: &dyn Fn(&Hash) -> Option<Hash>,
    batch: &mut SignatureBatch,
) -> Result<Unsigned, VerifyError> {
    if message.set_id() != set.id() {
        return Err(VerifyError::SetId { got: message.set_id(), want: set.id() });
    }
    let precommits = message.precommits();
    let (total, threshold) = (set.total_weight(), set.threshold());
    // All may vote, and those who may fail may vote twice.
    let max = u128::from(total).saturating_add(u128::from(total.saturating_sub(threshold)));
    let (mut weight, mut near) = (0_u128, 0);
    for (index, vote) in precommits.iter().enumerate() {
        let position = set.position(vote.key, near).ok_or(VerifyError::NotMember { index })?;
        near = position.saturating_add(1);
        weight = weight.saturating_add(set.voters().get(position).map_or(0, |voter| voter.weight.into()));
        if weight > max {
            let [got, max] = [weight, max].map(|weight| u64::try_from(weight).unwrap_or(u64::MAX));
            return Err(VerifyError::TooMuchWeight { got, max });
        }
    }
    let (blocks, targets) = blocks_of(&precommits, parent_of)?;
    finalizes(&precommits, &targets, set, &blocks, message.target())?;
    let unsigned =
        Unsigned { block: message.target(), round: message.round(), set_id: set.id(), set_digest: set.digest() };
    push_signatures(batch, &precommits, &unsigned, message.number_width());
    Ok(unsigned)
}

/// Returns the tree of all blocks between what was voted for and the lowest of it, votes of others than members included,
/// and the block of each vote.
pub(super) fn blocks_of(
    precommits: &Precommits<'_>,
    parent_of: &dyn Fn(&Hash) -> Option<Hash>,
) -> Result<(Blocks, Vec<Index>), VerifyError> {
    let votes: Vec<SignedPrecommit<'_>> = precommits.iter().collect();
    let base = lowest(votes.iter()).ok_or(VerifyError::NoVotes)?.hash;
    let mut blocks = Blocks::new(base);
    let mut targets = Vec::with_capacity(votes.len());
    // Most votes are for the block that the vote before is for.
    let mut last = (base, Blocks::ROOT);
    for vote in &votes {
        let hash = vote.target.hash;
        if hash != last.0 {
            last = (hash, blocks.insert(hash, parent_of)?);
        }
        targets.push(last.1);
    }
    Ok((blocks, targets))
}

fn finalizes(
    precommits: &Precommits<'_>,
    targets: &[Index],
    set: &AuthoritySet,
    blocks: &Blocks,
    want: BlockId,
) -> Result<(), VerifyError> {
    let items = [precommits.len(), blocks.len(), set.voters().len()].into_iter().sum();
    let got = finalized(precommits, targets, set, blocks, &mut Steps::of(items))?;
    if got == want {
        return Ok(());
    }
    let (got, got_number, want, want_number) = (got.hash, got.number, want.hash, want.number);
    Err(VerifyError::OtherBlock { got, got_number, want, want_number })
}

/// Adds every signature, those of voters outside the set too: the reference refuses a justification for any bad one.
fn push_signatures(batch: &mut SignatureBatch, precommits: &Precommits<'_>, unsigned: &Unsigned, width: NumberWidth) {
    let mut message = Vec::with_capacity(64);
    for vote in precommits.iter() {
        signed_message(&mut message, &vote.target, unsigned.round, unsigned.set_id, width);
        batch.push(&PublicKey::Ed25519(*vote.key), &message, vote.signature);
    }
    batch.end_group();
}
