//! Votes on a tree of blocks, and the highest block that a supermajority voted for or above, as the reference finds it
//! where that is not one and the same in any case.
//!
//! Only blocks that were voted for, or where votes join, are nodes; the blocks between are edges. With a third of
//! equivocators, or with votes that lie about their block's number, the outcome depends on the order of votes and on how
//! the reference links its nodes, so both are kept here: verdicts that differ from those of full nodes would split light
//! clients from their chain. Honest votes do not come here.
//! Source: `finality-grandpa` 0.16.3, `vote_graph.rs`, for which links there are and which of several is taken.

use super::blocks::{Blocks, Index};
use super::steps::Steps;
use super::{Authority, BlockId, VerifyError};
use crate::base::Hash;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

/// What a search in a map or an ordered set costs.
const SEARCH_STEPS: usize = 16;

/// A set of voters, by place. Those who equivocated are in none: they count for every node anyway.
#[derive(Clone, Debug, Default)]
struct Voters {
    words: Vec<u64>,
    /// Sum of their weights.
    weight: u64,
}

impl Voters {
    /// Makes room for `words` words of 64 voters.
    fn reserve(&mut self, words: usize, steps: &mut Steps) -> Result<(), VerifyError> {
        if self.words.len() < words {
            steps.take(words.saturating_sub(self.words.len()).saturating_mul(size_of::<u64>()))?;
            self.words.resize(words, 0);
        }
        Ok(())
    }

    fn insert(&mut self, position: usize, weight: u64, steps: &mut Steps) -> Result<(), VerifyError> {
        self.reserve((position / 64).saturating_add(1), steps)?;
        let Some(word) = self.words.get_mut(position / 64) else { return Ok(()) };
        let before = *word;
        *word |= 1 << (position % 64);
        if *word != before {
            self.weight = self.weight.saturating_add(weight);
        }
        Ok(())
    }

    /// Takes in `other`, whose voters are of `of`. Where votes lie about numbers both may hold the same one.
    fn unite(&mut self, other: &Self, of: &[Authority], steps: &mut Steps) -> Result<(), VerifyError> {
        self.reserve(other.words.len(), steps)?;
        steps.take(other.words.len())?;
        for ((word, other), of) in self.words.iter_mut().zip(&other.words).zip(of.chunks(64)) {
            let mut new = other & !*word;
            *word |= other;
            steps.take(new.count_ones() as usize)?;
            while new != 0 {
                let weight = of.get(new.trailing_zeros() as usize).map_or(0, |voter| voter.weight);
                self.weight = self.weight.saturating_add(weight);
                new &= new.saturating_sub(1);
            }
        }
        Ok(())
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
    /// The last walk over the nodes that came by.
    walk: u64,
}

/// The nodes, by block.
#[derive(Debug)]
struct Nodes(Vec<Option<Box<Node>>>);

impl Nodes {
    fn at(&self, block: Index) -> Option<&Node> {
        self.0.get(block as usize)?.as_deref()
    }

    fn at_mut(&mut self, block: Index) -> Option<&mut Node> {
        self.0.get_mut(block as usize)?.as_deref_mut()
    }

    fn insert(&mut self, block: Index, node: Node) {
        if let Some(place) = self.0.get_mut(block as usize) {
            *place = Some(Box::new(node));
        }
    }
}

/// The votes of one round.
#[derive(Debug)]
pub(super) struct VoteGraph<'a> {
    blocks: &'a Blocks,
    spans: Vec<Range<u64>>,
    voters: &'a [Authority],
    threshold: u64,
    /// Weight of those who voted twice, which counts for every node.
    equivocators: u64,
    base: Index,
    nodes: Nodes,
    /// Nodes with none above, by hash.
    heads: BTreeSet<(Hash, Index)>,
    walks: u64,
    steps: &'a mut Steps,
}

impl<'a> VoteGraph<'a> {
    /// Returns the graph without votes; all votes must be for the block of `base` or above it.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn new(
        blocks: &'a Blocks,
        voters: &'a [Authority],
        threshold: u64,
        equivocators: u64,
        (base, number): (Index, u64),
        steps: &'a mut Steps,
    ) -> Result<Self, VerifyError> {
        steps.take(blocks.len().saturating_mul(4))?;
        let mut nodes = Nodes(core::iter::repeat_with(|| None).take(blocks.len()).collect());
        nodes.insert(base, Node { number, below: None, above: Vec::new(), votes: Voters::default(), walk: 0 });
        let (spans, heads) = (blocks.spans(), [(blocks.hash(base), base)].into());
        Ok(Self { blocks, spans, voters, threshold, equivocators, base, nodes, heads, walks: 0, steps })
    }

    /// Adds the first vote of the voter at `position`; none for one who voted twice, whose first vote makes a node and
    /// whose weight is with the equivocators.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn vote(&mut self, position: Option<usize>, block: Index, number: u64) -> Result<(), VerifyError> {
        if self.nodes.at(block).is_none() {
            let containing = self.containing(block, number)?;
            if containing.is_empty() {
                self.append(block, number)?;
            } else {
                self.split(containing, block, number)?;
            }
        }
        let Some(position) = position else { return Ok(()) };
        let weight = self.voters.get(position).map_or(0, |voter| voter.weight);
        let mut at = Some(block);
        while let Some(node) = at.and_then(|at| self.nodes.at_mut(at)) {
            self.steps.take(1)?;
            node.votes.insert(position, weight, self.steps)?;
            at = node.below.map(|(below, _)| below);
        }
        Ok(())
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
            let above = self.nodes.at(at).map_or(&[][..], |node| &node.above);
            self.steps.take(above.len())?;
            let Some(found) = above.iter().find(|above| self.has_supermajority(**above)) else { break };
            at = *found;
        }
        let (block, number) = self.where_votes_join(at)?;
        Ok(Some(BlockId { hash: self.blocks.hash(block), number }))
    }

    /// Returns how far above node `at` a supermajority stays together: the highest block that enough of the nodes above
    /// it have in common, and its number.
    fn where_votes_join(&mut self, at: Index) -> Result<(Index, u64), VerifyError> {
        let Some(node) = self.nodes.at(at) else { return Ok((at, 0)) };
        self.steps.take(node.above.len())?;
        let mut above = node.above.clone();
        let mut best = (at, node.number);
        loop {
            let number = best.1.saturating_add(1);
            let (mut joined, mut found) = (BTreeMap::<Index, Voters>::new(), None);
            let mut on_edges = Vec::with_capacity(above.len());
            for index in above {
                self.steps.take(SEARCH_STEPS)?;
                let Some(node) = self.nodes.at(index) else { continue };
                let Some(down) = node.down_to(number) else { continue };
                let Some(block) = self.blocks.below(index, down, self.steps)? else { continue };
                on_edges.push((index, block));
            }
            for (index, block) in &on_edges {
                let Some(node) = self.nodes.at(*index) else { continue };
                // One node alone has no supermajority, else it would have been gone to.
                if let Some(votes) = joined.get_mut(block) {
                    votes.unite(&node.votes, self.voters, self.steps)?;
                    if votes.weight.saturating_add(self.equivocators) >= self.threshold {
                        found = Some(*block);
                        break;
                    }
                } else {
                    self.steps.take(node.votes.words.len())?;
                    joined.insert(*block, node.votes.clone());
                }
            }
            let Some(block) = found else { return Ok(best) };
            best = (block, number);
            above = on_edges.into_iter().filter(|(_, at)| *at == block).map(|(index, _)| index).collect();
        }
    }

    /// Returns the nodes whose edges hold `block`, which is none itself.
    fn containing(&mut self, block: Index, number: u64) -> Result<Vec<Index>, VerifyError> {
        let mut found = Vec::new();
        self.walks = self.walks.saturating_add(1);
        let depth = self.blocks.depth(block);
        for (_, head) in &self.heads {
            self.steps.take(1)?;
            let mut at = *head;
            while let Some(node) = self.nodes.at_mut(at) {
                self.steps.take(1)?;
                if node.walk == self.walks {
                    break;
                }
                node.walk = self.walks;
                match (node.down_to(number), node.below) {
                    (Some(down), _) => {
                        let is_level = self.blocks.depth(at).checked_sub(down) == Some(depth);
                        let place = self.spans.get(at as usize).map_or(0, |span| span.start);
                        if is_level && self.spans.get(block as usize).is_some_and(|span| span.contains(&place)) {
                            found.push(at);
                        }
                        break;
                    }
                    (None, Some((below, _))) => at = below,
                    (None, None) => break,
                }
            }
        }
        Ok(found)
    }

    /// Makes `block` a node on the nearest node below it.
    fn append(&mut self, block: Index, number: u64) -> Result<(), VerifyError> {
        let (mut below, mut len) = (block, 0_u64);
        loop {
            self.steps.take(1)?;
            // Everything that is voted for descends from the base, which is a node.
            let Some(parent) = self.blocks.parent(below) else { return Ok(()) };
            (below, len) = (parent, len.saturating_add(1));
            if let Some(node) = self.nodes.at_mut(below) {
                node.above.push(block);
                break;
            }
        }
        self.steps.take(2 * SEARCH_STEPS)?;
        self.heads.remove(&(self.blocks.hash(below), below));
        self.heads.insert((self.blocks.hash(block), block));
        let below = Some((below, len));
        self.nodes.insert(block, Node { number, below, above: Vec::new(), votes: Voters::default(), walk: 0 });
        Ok(())
    }

    /// Makes `block`, which the edges of `containing` hold, a node between them and what is below.
    fn split(&mut self, containing: Vec<Index>, block: Index, number: u64) -> Result<(), VerifyError> {
        let (mut votes, mut below) = (Voters::default(), None);
        for (place, index) in containing.iter().enumerate() {
            let Some(node) = self.nodes.at_mut(*index) else { continue };
            let Some((under, len)) = node.below else { continue };
            let upper = node.number.saturating_sub(number);
            node.below = Some((block, upper));
            if place == 0 {
                below = Some((under, len.saturating_sub(upper)));
            }
            votes.unite(&node.votes, self.voters, self.steps)?;
        }
        if let Some((under, _)) = below {
            let mut above = self.nodes.at_mut(under).map_or_else(Vec::new, |node| core::mem::take(&mut node.above));
            self.steps.take(above.len())?;
            // The node under the first of them lets all of them go, those under others keep theirs.
            above.retain(|index| {
                self.nodes.at(*index).and_then(|node| node.below).is_none_or(|(below, _)| below != block)
            });
            above.push(block);
            if let Some(node) = self.nodes.at_mut(under) {
                node.above = above;
            }
        }
        self.nodes.insert(block, Node { number, below, above: containing, votes, walk: 0 });
        Ok(())
    }

    fn has_supermajority(&self, node: Index) -> bool {
        let votes = self.nodes.at(node).map(|node| node.votes.weight);
        votes.is_some_and(|votes| votes.saturating_add(self.equivocators) >= self.threshold)
    }
}

impl Node {
    /// Returns how far below the block with `number` is, if it is on the edge to the node below.
    fn down_to(&self, number: u64) -> Option<u64> {
        let down = self.number.checked_sub(number).filter(|down| *down > 0)?;
        self.below.filter(|(_, len)| down <= *len).map(|_| down)
    }
}
