//! Who voted for what, and which block that finalizes.

use super::blocks::{Blocks, Index};
use super::steps::Steps;
use super::vote_graph::VoteGraph;
use super::{AuthoritySet, BlockId, Precommits, SignedPrecommit, VerifyError};
use alloc::vec::Vec;

/// A vote by a member of the set.
#[derive(Clone, Copy, Debug)]
struct Ballot<'a> {
    position: usize,
    weight: u64,
    vote: SignedPrecommit<'a>,
    block: Index,
}

/// What a voter was seen to vote.
#[derive(Clone, Copy, Debug)]
enum Seen<'a> {
    Nothing,
    Once(SignedPrecommit<'a>),
    /// Two votes that differ: an equivocation. More are not looked at, they add nothing.
    Twice,
}

/// Counts votes as they come: first votes by weight, second ones as equivocations.
#[derive(Debug)]
struct Count<'a> {
    seen: Vec<Seen<'a>>,
    /// Weight of all who voted.
    weight: u64,
    /// Weight of those who voted twice.
    equivocators: u64,
}

impl<'a> Count<'a> {
    /// Tells whether this is the first vote of its voter.
    fn add(&mut self, ballot: &Ballot<'a>) -> bool {
        let Some(seen) = self.seen.get_mut(ballot.position) else { return false };
        match *seen {
            Seen::Nothing => {
                *seen = Seen::Once(ballot.vote);
                // Each voter is counted once, so this stays within the set's total.
                self.weight = self.weight.saturating_add(ballot.weight);
                return true;
            }
            Seen::Once(first) if first != ballot.vote => {
                *seen = Seen::Twice;
                self.equivocators = self.equivocators.saturating_add(ballot.weight);
            }
            Seen::Once(_) | Seen::Twice => {}
        }
        false
    }

    fn has_equivocated(&self, ballot: &Ballot<'_>) -> bool {
        matches!(self.seen.get(ballot.position), Some(Seen::Twice))
    }
}

/// Returns the block that the votes of the set's members finalize: the highest that a supermajority voted for or above.
/// `targets` are the blocks of the votes.
///
/// Votes of others are left out. A member who votes twice counts for every block, and more often than twice as twice:
/// its weight is lost to no honest voter, and whoever collects votes cannot know what another one saw.
/// # Errors
/// [`VerifyError::NoVotes`], [`VerifyError::NotDescendant`], [`VerifyError::TooLittleWeight`],
/// [`VerifyError::TooComplex`].
pub(super) fn finalized(
    precommits: &Precommits<'_>,
    targets: &[Index],
    set: &AuthoritySet,
    blocks: &Blocks,
    steps: &mut Steps,
) -> Result<BlockId, VerifyError> {
    let voters = set.voters();
    steps.take(precommits.len().saturating_add(voters.len()))?;
    let mut near = 0_usize;
    let ballots = precommits.iter().zip(targets).filter_map(|(vote, block)| {
        let position = set.position(vote.key, near)?;
        near = position.saturating_add(1);
        Some(Ballot { position, weight: voters.get(position)?.weight, vote, block: *block })
    });
    let ballots: Vec<_> = ballots.collect();
    let lowest = ballots.iter().min_by_key(|ballot| ballot.vote.target.number).ok_or(VerifyError::NoVotes)?;
    let (root, base) = (lowest.block, lowest.vote.target);
    if root != Blocks::ROOT {
        // A vote from outside the set is lower, so that blocks may descend from its block and not from the lowest member's.
        steps.take(blocks.len())?;
        let above = blocks.above(root);
        let stray = ballots.iter().find(|ballot| above.get(ballot.block as usize) != Some(&true));
        if let Some(stray) = stray {
            return Err(VerifyError::NotDescendant { got: stray.vote.target.hash, base: base.hash });
        }
    }
    let mut count = Count { seen: alloc::vec![Seen::Nothing; voters.len()], weight: 0, equivocators: 0 };
    let first: Vec<_> = ballots.iter().filter(|ballot| count.add(ballot)).collect();
    let threshold = set.threshold();
    let want = VerifyError::TooLittleWeight { got: count.weight, want: threshold, total: set.total_weight() };
    if count.weight < threshold {
        return Err(want);
    }
    // The common case: all vote for one block, and then that is the one, whatever else they do.
    if ballots.iter().all(|ballot| ballot.block == root) {
        return Ok(base);
    }
    let above_base = |block| blocks.depth(block).saturating_sub(blocks.depth(root));
    let is_true = |BlockId { number, .. }: BlockId, block| number.checked_sub(base.number) == Some(above_base(block));
    // Two blocks next to each other can both have a supermajority only if this much weight counts for both.
    let ambiguous = threshold.saturating_sub(set.total_weight().saturating_sub(threshold));
    if count.equivocators < ambiguous && first.iter().all(|ballot| is_true(ballot.vote.target, ballot.block)) {
        steps.take(blocks.len().saturating_mul(2))?;
        let block = heaviest(&first, &count, blocks, root, threshold);
        let number = base.number.saturating_add(above_base(block));
        return Ok(BlockId { hash: blocks.hash(block), number });
    }
    let mut graph = VoteGraph::new(blocks, voters, threshold, count.equivocators, (root, base.number), steps)?;
    for ballot in first {
        let voter = (!count.has_equivocated(ballot)).then_some(ballot.position);
        graph.vote(voter, ballot.block, ballot.vote.target.number)?;
    }
    graph.ghost()?.ok_or(want)
}

/// Returns the highest block with a supermajority where there is one way up to it: each block has the weight of the first
/// votes at and above it, and that of all equivocators.
fn heaviest(first: &[&Ballot<'_>], count: &Count<'_>, blocks: &Blocks, root: Index, threshold: u64) -> Index {
    let mut weights = alloc::vec![0_u64; blocks.len()];
    for ballot in first.iter().filter(|ballot| !count.has_equivocated(ballot)) {
        if let Some(weight) = weights.get_mut(ballot.block as usize) {
            *weight = weight.saturating_add(ballot.weight);
        }
    }
    blocks.sum_up(&mut weights);
    let mut best = root;
    // Parents come before their children.
    for (block, weight) in (0..).zip(weights) {
        if blocks.parent(block) == Some(best) && weight.saturating_add(count.equivocators) >= threshold {
            best = block;
        }
    }
    best
}

/// Returns the first target with the lowest number.
pub(super) fn lowest<'a, 'b: 'a>(votes: impl Iterator<Item = &'a SignedPrecommit<'b>>) -> Option<BlockId> {
    votes.map(|vote| vote.target).min_by_key(|target| target.number)
}
