//! Who voted for what, and which block that finalizes.

use super::blocks::{Blocks, Index};
use super::vote_graph::VoteGraph;
use super::{Authority, AuthoritySet, BlockId, Precommits, SignedPrecommit, VerifyError};
use alloc::vec::Vec;

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
    weight: u64,
}

/// What a vote adds.
enum Adds {
    Nothing,
    Vote,
    Equivocation,
}

impl<'a> Count<'a> {
    fn add(&mut self, position: usize, voter: &Authority, vote: SignedPrecommit<'a>) -> Adds {
        let Some(seen) = self.seen.get_mut(position) else { return Adds::Nothing };
        match *seen {
            Seen::Nothing => {
                *seen = Seen::Once(vote);
                // Each voter is counted once, so this stays within the set's total.
                self.weight = self.weight.saturating_add(voter.weight);
                Adds::Vote
            }
            Seen::Once(first) if first == vote => Adds::Nothing,
            Seen::Once(_) => {
                *seen = Seen::Twice;
                Adds::Equivocation
            }
            Seen::Twice => Adds::Nothing,
        }
    }
}

/// Returns the block that the votes of the set's members finalize: the highest that a supermajority voted for or above.
///
/// Votes of others are left out. A member who votes twice counts for every block, and more often than twice as twice:
/// its weight is lost to no honest voter, and whoever collects votes cannot know what another one saw.
/// # Errors
/// [`VerifyError::NoVotes`], [`VerifyError::NotDescendant`], [`VerifyError::TooLittleWeight`],
/// [`VerifyError::TooComplex`].
pub(super) fn finalized(
    precommits: &Precommits<'_>,
    set: &AuthoritySet,
    blocks: &Blocks,
) -> Result<BlockId, VerifyError> {
    let voters = set.voters();
    let mut near = 0_usize;
    let members = precommits.iter().filter_map(|vote| {
        let position = set.position(vote.key, near)?;
        near = position.saturating_add(1);
        Some((position, voters.get(position)?, vote))
    });
    let members: Vec<_> = members.collect();
    let base = lowest(members.iter().map(|(_, _, vote)| vote)).ok_or(VerifyError::NoVotes)?;
    let mut count = Count { seen: alloc::vec![Seen::Nothing; voters.len()], weight: 0 };
    let threshold = set.threshold();
    let want = |count: &Count<'_>| VerifyError::TooLittleWeight {
        got: count.weight,
        want: threshold,
        total: set.total_weight(),
    };

    // The common case: all vote for one block, and then that is the one, whatever else they do.
    if members.iter().all(|(_, _, vote)| vote.target.hash == base.hash) {
        for (position, voter, vote) in members {
            count.add(position, voter, vote);
        }
        return if count.weight < threshold { Err(want(&count)) } else { Ok(base) };
    }
    let stray = |got| VerifyError::NotDescendant { got, base: base.hash };
    let root = blocks.find(&base.hash).ok_or(stray(base.hash))?;
    let place = |(_, _, vote): &(usize, &Authority, SignedPrecommit<'_>)| -> Result<Index, VerifyError> {
        let block = blocks.find(&vote.target.hash).filter(|block| blocks.descends(*block, root));
        block.ok_or(stray(vote.target.hash))
    };
    let targets = members.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let mut graph = VoteGraph::new(blocks, voters, threshold, root, base.number);
    for ((position, voter, vote), block) in members.into_iter().zip(targets) {
        match count.add(position, voter, vote) {
            Adds::Nothing => {}
            Adds::Vote => graph.vote(position, block, vote.target.number)?,
            Adds::Equivocation => graph.equivocated(position),
        }
    }
    if count.weight < threshold {
        return Err(want(&count));
    }
    graph.ghost()?.ok_or_else(|| want(&count))
}

/// Returns the first target with the lowest number.
pub(super) fn lowest<'a, 'b: 'a>(votes: impl Iterator<Item = &'a SignedPrecommit<'b>>) -> Option<BlockId> {
    votes.map(|vote| vote.target).min_by_key(|target| target.number)
}
