//! Votes on a tree of blocks, and the highest block that a supermajority voted for or above.
//!
//! Only blocks that were voted for, or where votes join, are nodes; the blocks between are edges. With honest votes the
//! highest such block is one and the same whatever the order of votes. With a third of equivocators, or with votes that
//! lie about their block's number, it depends on that order and on how the reference links its nodes, so both are kept
//! here: verdicts that differ from those of full nodes would split light clients from their chain.
//! Source: `finality-grandpa` 0.16.3, `vote_graph.rs`, for which links there are and which of several is taken.

use super::blocks::{Blocks, Index};
use super::{Authority, BlockId, VerifyError};
use crate::base::Hash;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The most steps spent on one justification. One with votes for one block takes none, one with a thousand votes for
/// blocks of two forks some thousands; without a bound, forged votes could cost minutes.
pub(super) const GHOST_STEPS_MAX: u64 = 1 << 22;

/// A set of voters, by place.
#[derive(Clone, Debug, Default)]
struct Voters {
    words: Vec<u64>,
}

impl Voters {
    fn insert(&mut self, position: usize) -> bool {
        let word = position / 64;
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        let Some(word) = self.words.get_mut(word) else { return false };
        let before = *word;
        *word |= 1 << (position % 64);
        *word != before
    }

    fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn weight(&self, voters: &[Authority]) -> u64 {
        let places = self.words.iter().zip(voters.chunks(64));
        places.fold(0, |sum, (word, voters)| {
            let of = voters.iter().enumerate().filter(|(bit, _)| word >> bit & 1 == 1);
            of.fold(sum, |sum: u64, (_, voter)| sum.saturating_add(voter.weight))
        })
    }
}

/// A block that was voted for, or where votes join.
#[derive(Debug)]
struct Node {
    /// Number of the block, as the vote says that made this a node.
    number: u64,
    /// The node below, and how many blocks below.
    below: Option<(Index, u64)>,
    above: Vec<Index>,
    /// Who voted for this block or above.
    votes: Voters,
    /// Weight of `votes`.
    weight: u64,
}

/// The votes of one round.
#[derive(Debug)]
pub(super) struct VoteGraph<'a> {
    blocks: &'a Blocks,
    voters: &'a [Authority],
    threshold: u64,
    base: Index,
    nodes: BTreeMap<Index, Node>,
    /// Nodes with none above, by hash.
    heads: BTreeSet<(Hash, Index)>,
    equivocators: Voters,
    steps: u64,
}

impl<'a> VoteGraph<'a> {
    /// Returns the graph without votes; all votes must be for `base` or above it.
    pub(super) fn new(blocks: &'a Blocks, voters: &'a [Authority], threshold: u64, base: Index, number: u64) -> Self {
        let root = Node { number, below: None, above: Vec::new(), votes: Voters::default(), weight: 0 };
        Self {
            blocks,
            voters,
            threshold,
            base,
            nodes: [(base, root)].into(),
            heads: [(blocks.hash(base), base)].into(),
            equivocators: Voters::default(),
            steps: 0,
        }
    }

    /// Adds the first vote of the voter at `position`.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn vote(&mut self, position: usize, block: Index, number: u64) -> Result<(), VerifyError> {
        if let Some(containing) = self.containing(block, number)? {
            if containing.is_empty() {
                self.append(block, number)?;
            } else {
                self.split(&containing, block, number)?;
            }
        }
        let weight = self.voters.get(position).map_or(0, |voter| voter.weight);
        let mut at = Some(block);
        while let Some(node) = at.and_then(|at| self.nodes.get_mut(&at)) {
            if node.votes.insert(position) {
                node.weight = node.weight.saturating_add(weight);
            }
            at = node.below.map(|(below, _)| below);
            self.steps = self.steps.saturating_add(1);
        }
        self.spend(0)
    }

    /// Notes that the voter at `position` voted twice: from now on its weight counts for every node.
    pub(super) fn equivocated(&mut self, position: usize) {
        self.equivocators.insert(position);
    }

    /// Returns the highest block with a supermajority, once all votes are in.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn ghost(mut self) -> Result<Option<BlockId>, VerifyError> {
        let mut at = self.base;
        if !self.has_supermajority(at) {
            return Ok(None);
        }
        loop {
            let above = self.nodes.get(&at).map_or(&[][..], |node| &node.above);
            let found = above.iter().copied().find(|above| self.has_supermajority(*above));
            self.steps = self.steps.saturating_add(above.len() as u64);
            let Some(found) = found else { break };
            at = found;
        }
        self.spend(0)?;
        let (block, number) = self.where_votes_join(at)?;
        Ok(Some(BlockId { hash: self.blocks.hash(block), number }))
    }

    /// Returns how far above node `at` a supermajority stays together: the highest block that enough of the nodes above
    /// it have in common, and its number.
    fn where_votes_join(&mut self, at: Index) -> Result<(Index, u64), VerifyError> {
        let Some(node) = self.nodes.get(&at) else { return Ok((at, 0)) };
        let mut above = node.above.clone();
        let (base_number, mut best) = (node.number, (at, node.number));
        let mut joined: BTreeMap<Index, Voters> = BTreeMap::new();
        for offset in 1_u64.. {
            let mut found = None;
            self.spend(above.len() as u64)?;
            for (index, node) in above.iter().filter_map(|index| Some((*index, self.nodes.get(index)?))) {
                let Some(block) = self.edge_block(index, node, base_number.saturating_add(offset)) else { continue };
                // One node alone has no supermajority, else it would have been gone to.
                if let Some(votes) = joined.get_mut(&block) {
                    votes.unite(&node.votes);
                    if self.weight_of(votes) >= self.threshold {
                        found = Some(block);
                        break;
                    }
                } else {
                    joined.insert(block, node.votes.clone());
                }
            }
            let Some(block) = found else { break };
            best = (block, best.1.saturating_add(1));
            joined.clear();
            above.retain(|index| {
                let node = self.nodes.get(index);
                node.is_some_and(|node| self.edge_block(*index, node, best.1) == Some(block))
            });
        }
        Ok(best)
    }

    /// Returns the block with `number` on the edge from `node` down to the node below it, as `node` counts.
    fn edge_block(&self, index: Index, node: &Node, number: u64) -> Option<Index> {
        let steps = node.number.checked_sub(number).filter(|steps| *steps > 0)?;
        let (_, len) = node.below?;
        if steps > len { None } else { self.blocks.below(index, steps) }
    }

    /// Returns the nodes whose edges hold `block`, or `None` if it is a node itself.
    fn containing(&mut self, block: Index, number: u64) -> Result<Option<Vec<Index>>, VerifyError> {
        if self.nodes.contains_key(&block) {
            return Ok(None);
        }
        let mut found = Vec::new();
        let mut visited = BTreeSet::new();
        for (_, head) in &self.heads {
            let mut at = *head;
            while let Some(node) = self.nodes.get(&at) {
                if !visited.insert(at) {
                    break;
                }
                match (self.edge_block(at, node, number), node.below) {
                    (Some(on_edge), _) => {
                        if on_edge == block {
                            found.push(at);
                        }
                        break;
                    }
                    (None, Some((below, _))) => at = below,
                    (None, None) => break,
                }
            }
        }
        self.spend((visited.len() as u64).saturating_add(self.heads.len() as u64))?;
        Ok(Some(found))
    }

    /// Makes `block` a node on the nearest node below it.
    fn append(&mut self, block: Index, number: u64) -> Result<(), VerifyError> {
        let mut len = 1_u64;
        let below = loop {
            match self.blocks.below(block, len) {
                Some(below) if self.nodes.contains_key(&below) => break below,
                Some(_) => len = len.saturating_add(1),
                // Everything that is voted for descends from the base, which is a node.
                None => return Ok(()),
            }
        };
        self.spend(len)?;
        if let Some(node) = self.nodes.get_mut(&below) {
            node.above.push(block);
        }
        self.heads.remove(&(self.blocks.hash(below), below));
        self.heads.insert((self.blocks.hash(block), block));
        let below = Some((below, len));
        self.nodes.insert(block, Node { number, below, above: Vec::new(), votes: Voters::default(), weight: 0 });
        Ok(())
    }

    /// Makes `block`, which the edges of `containing` hold, a node between them and what is below.
    fn split(&mut self, containing: &[Index], block: Index, number: u64) -> Result<(), VerifyError> {
        let (mut votes, mut below) = (Voters::default(), None);
        for (place, index) in containing.iter().enumerate() {
            let Some(node) = self.nodes.get_mut(index) else { continue };
            let Some((under, len)) = node.below else { continue };
            let upper = node.number.saturating_sub(number);
            node.below = Some((block, upper));
            if place == 0 {
                below = Some((under, len.saturating_sub(upper)));
            }
            votes.unite(&node.votes);
            self.steps = self.steps.saturating_add(votes.words.len() as u64);
        }
        if let Some(under) = below.and_then(|(under, _)| self.nodes.get_mut(&under)) {
            under.above.retain(|above| !containing.contains(above));
            under.above.push(block);
            self.steps = self.steps.saturating_add((under.above.len() as u64).saturating_mul(containing.len() as u64));
        }
        let weight = votes.weight(self.voters);
        let node = Node { number, below, above: containing.to_vec(), votes, weight };
        self.nodes.insert(block, node);
        self.spend(0)
    }

    fn has_supermajority(&self, node: Index) -> bool {
        self.nodes.get(&node).is_some_and(|node| self.weight(node) >= self.threshold)
    }

    fn weight(&self, node: &Node) -> u64 {
        if self.equivocators.is_empty() { node.weight } else { self.weight_of(&node.votes) }
    }

    fn weight_of(&self, votes: &Voters) -> u64 {
        let mut votes = votes.clone();
        votes.unite(&self.equivocators);
        votes.weight(self.voters)
    }

    fn spend(&mut self, steps: u64) -> Result<(), VerifyError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > GHOST_STEPS_MAX { Err(VerifyError::TooComplex { max: GHOST_STEPS_MAX }) } else { Ok(()) }
    }
}
