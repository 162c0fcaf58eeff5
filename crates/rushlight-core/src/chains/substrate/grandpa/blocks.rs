//! The blocks between what was voted for and the lowest of it: a tree whose root is that lowest block.

use super::{VOTES_ANCESTRIES_MAX, VerifyError};
use crate::base::Hash;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A block of the tree; blocks are numbered as they are found.
pub(super) type Index = u32;

/// Blocks that descend from one, in paths: a block's ancestors are found by steps along arrays, not block by block.
#[derive(Debug)]
pub(super) struct Blocks {
    by_hash: BTreeMap<Hash, Index>,
    hashes: Vec<Hash>,
    /// Path of each block and its place there.
    places: Vec<(Index, Index)>,
    paths: Vec<Path>,
}

#[derive(Debug)]
struct Path {
    /// The block that the first one of the path stands on; none for the path of the root.
    below: Option<Index>,
    blocks: Vec<Index>,
}

impl Blocks {
    /// The lowest block.
    pub(super) const ROOT: Index = 0;

    /// Returns the tree of `root` alone.
    pub(super) fn new(root: Hash) -> Self {
        Self {
            by_hash: [(root, Self::ROOT)].into(),
            hashes: [root].into(),
            places: [(0, 0)].into(),
            paths: [Path { below: None, blocks: [Self::ROOT].into() }].into(),
        }
    }

    /// Returns the number of blocks, with the root.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns the block with `hash`, if it is in the tree.
    pub(super) fn find(&self, hash: &Hash) -> Option<Index> {
        self.by_hash.get(hash).copied()
    }

    /// Returns the hash of `block`.
    pub(super) fn hash(&self, block: Index) -> Hash {
        self.hashes.get(block as usize).copied().unwrap_or_default()
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
            if let Some(known) = self.find(&at) {
                break known;
            }
            found.push(at);
            let parent =
                parent_of(&at).filter(|_| self.hashes.len().saturating_add(found.len()) <= VOTES_ANCESTRIES_MAX + 1);
            at = parent.ok_or(VerifyError::NotDescendant { got: hash, base: self.hash(Self::ROOT) })?;
        };
        let mut tip = below;
        for hash in found.into_iter().rev() {
            tip = self.push(hash, tip);
        }
        Ok(tip)
    }

    /// Adds a block on `parent`: to the parent's path if it is the last one there, else as a path of its own.
    fn push(&mut self, hash: Hash, parent: Index) -> Index {
        let index = self.hashes.len() as Index;
        let (path, place) = self.places.get(parent as usize).copied().unwrap_or_default();
        let place = match self.paths.get_mut(path as usize) {
            Some(path_of) if path_of.blocks.len() == (place as usize).saturating_add(1) => {
                path_of.blocks.push(index);
                (path, place.saturating_add(1))
            }
            _ => {
                self.paths.push(Path { below: Some(parent), blocks: [index].into() });
                (self.paths.len().saturating_sub(1) as Index, 0)
            }
        };
        self.hashes.push(hash);
        self.places.push(place);
        self.by_hash.insert(hash, index);
        index
    }

    /// Returns the block `steps` below `block`, if the tree reaches so far. Costs a step per fork on the way.
    pub(super) fn below(&self, mut block: Index, mut steps: u64) -> Option<Index> {
        loop {
            let (path, place) = self.places.get(block as usize).copied()?;
            let path = self.paths.get(path as usize)?;
            match u64::from(place).checked_sub(steps) {
                Some(place) => return path.blocks.get(usize::try_from(place).ok()?).copied(),
                None => {
                    steps = steps.saturating_sub(u64::from(place).saturating_add(1));
                    block = path.below?;
                }
            }
        }
    }

    /// Returns how far `block` is above the root.
    pub(super) fn depth(&self, mut block: Index) -> u64 {
        let mut depth = 0_u64;
        loop {
            let Some((path, place)) = self.places.get(block as usize).copied() else { return depth };
            depth = depth.saturating_add(u64::from(place));
            match self.paths.get(path as usize).and_then(|path| path.below) {
                Some(below) => {
                    block = below;
                    depth = depth.saturating_add(1);
                }
                None => return depth,
            }
        }
    }

    /// Tells whether `block` is `base` or above it.
    pub(super) fn descends(&self, block: Index, base: Index) -> bool {
        let (upper, lower) = (self.depth(block), self.depth(base));
        upper.checked_sub(lower).is_some_and(|steps| self.below(block, steps) == Some(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u8) -> Hash {
        Hash([n; 32])
    }

    #[test]
    fn ancestors_are_found_across_forks() {
        // 0 - 1 - 2 - 3 - 4, and 5 and 6 on 2, 7 on 5.
        let parents = [0, 0, 1, 2, 3, 2, 5, 5];
        let parent_of = |hash: &Hash| parents.get(usize::from(hash.0[0])).map(|parent| Hash([*parent; 32]));
        let mut blocks = Blocks::new(hash(0));
        for n in [4, 6, 7, 3] {
            blocks.insert(hash(n), &parent_of).unwrap();
        }
        assert_eq!(blocks.len(), 8);
        for n in 0..8_u8 {
            let block = blocks.find(&hash(n)).unwrap();
            let mut want = n;
            for steps in 0..=blocks.depth(block) {
                let below = blocks.below(block, steps).unwrap();
                assert_eq!(blocks.hash(below), hash(want));
                assert!(blocks.descends(block, below));
                want = parents[usize::from(want)];
            }
            assert_eq!(blocks.below(block, blocks.depth(block) + 1), None);
        }
        let [three, five] = [3, 5].map(|n| blocks.find(&hash(n)).unwrap());
        assert!(!blocks.descends(three, five) && !blocks.descends(five, three));
        let stray = VerifyError::NotDescendant { got: hash(9), base: hash(0) };
        assert_eq!(blocks.insert(hash(9), &parent_of), Err(stray));
    }
}
