//! The blocks between what was voted for and the lowest of it: a tree whose root is that lowest block.

use super::steps::Steps;
use super::{VOTES_ANCESTRIES_MAX, VerifyError};
use crate::base::Hash;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// A block of the tree; blocks are numbered as they are found, each after its parent.
pub(super) type Index = u32;

/// Blocks that descend from one.
#[derive(Debug)]
pub(super) struct Blocks {
    by_hash: BTreeMap<Hash, Index>,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    hash: Hash,
    /// The block below; the root's is the root.
    parent: Index,
    /// How far above the root.
    depth: u32,
    /// A block further down. The lengths of these leaps are such that each ancestor is some dozen leaps and steps away,
    /// also where every block stands on a fork of a fork.
    leap: Index,
}

impl Blocks {
    /// The lowest block.
    pub(super) const ROOT: Index = 0;

    /// Returns the tree of `root` alone.
    pub(super) fn new(root: Hash) -> Self {
        let block = Block { hash: root, parent: Self::ROOT, depth: 0, leap: Self::ROOT };
        Self { by_hash: [(root, Self::ROOT)].into(), blocks: [block].into() }
    }

    /// Returns the number of blocks, with the root.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    fn block(&self, index: Index) -> Block {
        self.blocks.get(index as usize).copied().unwrap_or_default()
    }

    /// Returns the hash of `block`.
    pub(super) fn hash(&self, block: Index) -> Hash {
        self.block(block).hash
    }

    /// Returns how far `block` is above the root.
    pub(super) fn depth(&self, block: Index) -> u64 {
        self.block(block).depth.into()
    }

    /// Returns the block below `block`; none for the root.
    pub(super) fn parent(&self, block: Index) -> Option<Index> {
        self.blocks.get(block as usize).filter(|block| block.depth > 0).map(|block| block.parent)
    }

    /// Takes in `hash` and all blocks from it down to the tree; `parent_of` knows their parents.
    ///
    /// Every block is walked over once, however many votes stand above it.
    /// # Errors
    /// [`VerifyError::NotDescendant`] if the walk ends elsewhere.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        parent_of: &dyn Fn(&Hash) -> Option<Hash>,
    ) -> Result<Index, VerifyError> {
        let mut found = Vec::new();
        let mut at = hash;
        let below = loop {
            if let Some(known) = self.by_hash.get(&at) {
                break *known;
            }
            found.push(at);
            let parent = parent_of(&at).filter(|_| self.len().saturating_add(found.len()) <= VOTES_ANCESTRIES_MAX + 1);
            at = parent.ok_or(VerifyError::NotDescendant { got: hash, base: self.hash(Self::ROOT) })?;
        };
        let mut tip = below;
        for hash in found.into_iter().rev() {
            tip = self.push(hash, tip);
        }
        Ok(tip)
    }

    /// Adds a block on `parent`. Where the two leaps from the parent are of one length, its own goes over both.
    fn push(&mut self, hash: Hash, parent: Index) -> Index {
        let index = self.blocks.len() as Index;
        let below = self.block(parent);
        let near = self.block(below.leap);
        let far = self.block(near.leap);
        let are_equal = below.depth.saturating_sub(near.depth) == near.depth.saturating_sub(far.depth);
        let leap = if are_equal { near.leap } else { parent };
        self.blocks.push(Block { hash, parent, depth: below.depth.saturating_add(1), leap });
        self.by_hash.insert(hash, index);
        index
    }

    /// Returns the block `down` below `block`, if the tree reaches so far.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn below(&self, block: Index, down: u64, steps: &mut Steps) -> Result<Option<Index>, VerifyError> {
        let Some(wanted) = self.depth(block).checked_sub(down) else { return Ok(None) };
        let mut at = block;
        while self.depth(at) > wanted {
            steps.take(1)?;
            let Block { parent, leap, .. } = self.block(at);
            at = if self.depth(leap) >= wanted { leap } else { parent };
        }
        Ok(Some(at))
    }

    /// Returns of every block whether it is `base` or above it.
    pub(super) fn above(&self, base: Index) -> Vec<bool> {
        let mut above: Vec<bool> = Vec::with_capacity(self.len());
        for (index, block) in (0..).zip(&self.blocks) {
            // The parent's place was filled before, and the root has none of its own.
            let parent = above.get(block.parent as usize).copied().unwrap_or_default();
            above.push(index == base || parent);
        }
        above
    }

    /// Adds the weight of every block to all below it.
    pub(super) fn sum_up(&self, weights: &mut [u64]) {
        for (index, block) in self.blocks.iter().enumerate().skip(1).rev() {
            let weight = weights.get(index).copied().unwrap_or_default();
            if let Some(below) = weights.get_mut(block.parent as usize) {
                *below = below.saturating_add(weight);
            }
        }
    }

    /// Returns for every block the places of what is at or above it, in an order where that is one range; the block's own
    /// place comes first. Tells without a walk whether a block descends from another.
    pub(super) fn spans(&self) -> Vec<Range<u64>> {
        let mut sizes = alloc::vec![1; self.len()];
        self.sum_up(&mut sizes);
        let mut free: Vec<u64> = Vec::with_capacity(self.len());
        let mut spans = Vec::with_capacity(self.len());
        for (block, size) in self.blocks.iter().zip(sizes) {
            // The first free place above the parent; the root begins at 0.
            let start = free.get_mut(block.parent as usize).map_or(0, |free| {
                let start = *free;
                *free = start.saturating_add(size);
                start
            });
            spans.push(start..start.saturating_add(size));
            free.push(start.saturating_add(1));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn hash(n: u8) -> Hash {
        Hash([n; 32])
    }

    #[test]
    fn ancestors_are_found_across_forks() {
        // 0 - 1 - 2 - 3 - 4, and 5 and 6 on 2, 7 on 5.
        let parents = [0, 0, 1, 2, 3, 2, 5, 5];
        let parent_of = |hash: &Hash| parents.get(usize::from(hash.0[0])).map(|parent| Hash([*parent; 32]));
        let mut blocks = Blocks::new(hash(0));
        let mut found = [Blocks::ROOT; 8];
        for n in [4, 6, 7, 3, 1, 2, 5] {
            found[usize::from(n)] = blocks.insert(hash(n), &parent_of).unwrap();
        }
        assert_eq!(blocks.len(), 8);
        let (spans, mut steps) = (blocks.spans(), Steps::of(100));
        let mut below = |block, down| blocks.below(block, down, &mut steps).unwrap();
        for n in 0..8_u8 {
            let block = found[usize::from(n)];
            let mut want = n;
            let mut ancestors = vec![];
            for down in 0..=blocks.depth(block) {
                let at = below(block, down).unwrap();
                assert_eq!(blocks.hash(at), hash(want));
                want = parents[usize::from(want)];
                assert_eq!(blocks.parent(at), (at != Blocks::ROOT).then(|| found[usize::from(want)]));
                ancestors.push(at);
            }
            assert_eq!(below(block, blocks.depth(block) + 1), None);
            for base in 0..8 {
                let descends = ancestors.contains(&base);
                assert_eq!(blocks.above(base)[block as usize], descends, "{block} {base}");
                assert_eq!(spans[base as usize].contains(&spans[block as usize].start), descends, "{block} {base}");
            }
        }
        let stray = VerifyError::NotDescendant { got: hash(9), base: hash(0) };
        assert_eq!(blocks.insert(hash(9), &parent_of), Err(stray));
    }

    #[test]
    fn the_way_down_is_short() {
        // A long path, and a block of its own on each of it.
        let mut blocks = Blocks::new(Hash::default());
        let mut tip = Blocks::ROOT;
        for n in 0..4_000_u16 {
            let named =
                |side| Hash(core::array::from_fn(|at| [side, n.to_be_bytes()[0], n.to_be_bytes()[1]][at.min(2)]));
            tip = blocks.push(named(1), tip);
            blocks.push(named(2), tip);
        }
        for down in 0..=4_000 {
            let mut steps = Steps::of(1);
            let found = blocks.below(tip, down, &mut steps).unwrap().unwrap();
            assert_eq!(blocks.depth(found), 4_000 - down);
            assert!(steps.taken().0 <= 3 * 12, "{down}: {:?}", steps.taken());
        }
    }
}
