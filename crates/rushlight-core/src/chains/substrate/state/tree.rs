//! The tree of blocks above the finalized one: which block is best, what finality keeps and what it drops.
//!
//! It knows hashes, numbers and weights, not headers; whoever inserts has verified the block, and decides what goes when
//! there is too much: the tip of a fork, or a block between two others, whose place is closed, so that what is above it
//! still descends from what is below.
//! Fork choice is the reference's: the heaviest chain, then the longest, then the one seen first.
//! Source: `sc-consensus-babe` 0.60, block import (`ForkChoiceStrategy::Custom`); `sc-consensus` `LongestChain`.

use crate::base::Hash;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// A block above the finalized one.
#[derive(Clone, Debug)]
struct Block<T> {
    number: u64,
    /// The nearest block below that is kept: the parent, unless that was folded.
    below: Hash,
    /// Weight of the chain from the first root of this tree to here.
    weight: u64,
    /// Blocks that were inserted before: the block seen first wins a tie.
    seen_before: u64,
    children: u32,
    content: T,
}

impl<T> Block<T> {
    /// What is compared to find the best block: more is better.
    fn rank(&self) -> (u64, u64, core::cmp::Reverse<u64>) {
        (self.weight, self.number, core::cmp::Reverse(self.seen_before))
    }
}

/// The finalized block and the blocks above it.
#[derive(Clone, Debug)]
pub struct ForkTree<T> {
    root: Hash,
    root_number: u64,
    root_weight: u64,
    blocks: BTreeMap<Hash, Block<T>>,
    best: Hash,
    inserted: u64,
}

/// Why a block has no place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The parent is neither the finalized block nor in the tree: fetch it first, or the block is of a dead fork.
    #[error("parent {parent:#x} of block {number} is not known; the finalized block is {finalized}")]
    UnknownParent {
        /// The block's number.
        number: u64,
        /// Its parent.
        parent: Hash,
        /// Number of the finalized block.
        finalized: u64,
    },
    /// The number is not the parent's plus one.
    #[error("block has number {got}, its parent has {parent}")]
    Number {
        /// The block's number.
        got: u64,
        /// The parent's number.
        parent: u64,
    },
    /// The block is in the tree already.
    #[error("block {hash:#x} is known already")]
    Known {
        /// Its hash.
        hash: Hash,
    },
    /// The block to be finalized is not in the tree.
    #[error("block {hash:#x} is not above the finalized block {finalized}, as far as is known")]
    NotAbove {
        /// Its hash.
        hash: Hash,
        /// Number of the finalized block.
        finalized: u64,
    },
}

/// What finality did to the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized<T> {
    /// The newly finalized blocks, oldest first, as far as they were kept; the last one is the new root.
    pub path: Vec<(Hash, T)>,
    /// Blocks of forks that can no longer be finalized, in no order that means anything.
    pub pruned: Vec<Hash>,
}

impl<T> ForkTree<T> {
    /// Returns the tree of a finalized block alone.
    pub fn new(root: Hash, root_number: u64) -> Self {
        Self { root, root_number, root_weight: 0, blocks: BTreeMap::new(), best: root, inserted: 0 }
    }

    /// Returns hash and number of the finalized block.
    pub fn finalized(&self) -> (Hash, u64) {
        (self.root, self.root_number)
    }

    /// Returns hash and number of the best block; the finalized one when nothing is above it.
    pub fn best(&self) -> (Hash, u64) {
        (self.best, self.number(&self.best).unwrap_or(self.root_number))
    }

    /// Returns how many blocks are above the finalized one.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Tells whether nothing is above the finalized block.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns what was inserted with a block above the finalized one.
    pub fn get(&self, hash: &Hash) -> Option<&T> {
        self.blocks.get(hash).map(|block| &block.content)
    }

    /// Returns the number of the finalized block or of one above it.
    pub fn number(&self, hash: &Hash) -> Option<u64> {
        if *hash == self.root { Some(self.root_number) } else { self.blocks.get(hash).map(|block| block.number) }
    }

    /// Returns what was inserted with each block above the finalized one, in no order that means anything.
    pub fn contents(&self) -> impl Iterator<Item = &T> {
        self.blocks.values().map(|block| &block.content)
    }

    /// The same, to be changed.
    pub(super) fn contents_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.blocks.values_mut().map(|block| &mut block.content)
    }

    /// Returns the blocks from `hash` down to the finalized one, which is not among them; as far as they are kept.
    pub fn ancestry<'a>(&'a self, hash: &Hash) -> impl Iterator<Item = (Hash, u64, &'a T)> + use<'a, T> {
        let mut next = *hash;
        core::iter::from_fn(move || {
            let block = self.blocks.get(&next)?;
            let hash = core::mem::replace(&mut next, block.below);
            Some((hash, block.number, &block.content))
        })
    }

    /// Returns all blocks above the finalized one, parents before children: hash, number, the nearest kept block below.
    pub fn by_number(&self) -> Vec<(Hash, u64, Hash, &T)> {
        let mut all: Vec<_> = self.blocks.iter().map(|(hash, b)| (*hash, b.number, b.below, &b.content)).collect();
        all.sort_by_key(|(hash, number, _, _)| (*number, *hash));
        all
    }

    /// Adds a block whose chain is `weight` heavier than its parent's.
    /// # Errors
    /// [`TreeError::Known`], [`TreeError::UnknownParent`], [`TreeError::Number`].
    pub fn insert(&mut self, hash: Hash, number: u64, parent: Hash, weight: u64, content: T) -> Result<(), TreeError> {
        if hash == self.root || self.blocks.contains_key(&hash) {
            return Err(TreeError::Known { hash });
        }
        let (parent_number, parent_weight) = if parent == self.root {
            (self.root_number, self.root_weight)
        } else {
            let known = self.blocks.get_mut(&parent);
            let known = known.ok_or(TreeError::UnknownParent { number, parent, finalized: self.root_number })?;
            (known.number, known.weight)
        };
        if parent_number.checked_add(1) != Some(number) {
            return Err(TreeError::Number { got: number, parent: parent_number });
        }
        if let Some(known) = self.blocks.get_mut(&parent) {
            known.children = known.children.saturating_add(1);
        }
        let weight = parent_weight.saturating_add(weight);
        let block = Block { number, below: parent, weight, seen_before: self.inserted, children: 0, content };
        self.blocks.insert(hash, block);
        self.inserted = self.inserted.saturating_add(1);
        self.choose(hash);
        Ok(())
    }

    /// Makes a block of the tree the finalized one and drops what does not descend from it.
    /// # Errors
    /// [`TreeError::NotAbove`].
    pub fn finalize(&mut self, hash: &Hash) -> Result<Finalized<T>, TreeError> {
        let Some(block) = self.blocks.get(hash) else {
            return Err(TreeError::NotAbove { hash: *hash, finalized: self.root_number });
        };
        let (number, weight) = (block.number, block.weight);
        let path: Vec<Hash> = self.ancestry(hash).map(|(hash, _, _)| hash).collect();
        // Parents stand before children, so one pass finds all descendants.
        let mut above = BTreeSet::from([*hash]);
        for (block, _, parent, _) in self.by_number() {
            if above.contains(&parent) {
                above.insert(block);
            }
        }
        let mut finalized = Finalized { path: Vec::with_capacity(path.len()), pruned: Vec::new() };
        for hash in path.iter().rev() {
            if let Some(block) = self.blocks.remove(hash) {
                finalized.path.push((*hash, block.content));
            }
        }
        finalized.pruned = self.blocks.keys().filter(|block| !above.contains(block)).copied().collect();
        for hash in &finalized.pruned {
            self.blocks.remove(hash);
        }
        (self.root, self.root_number, self.root_weight) = (*hash, number, weight);
        self.choose_anew();
        Ok(finalized)
    }

    fn choose(&mut self, new: Hash) {
        let rank = |hash: &Hash| self.blocks.get(hash).map(Block::rank);
        if rank(&new) > rank(&self.best) {
            self.best = new;
        }
    }

    /// Makes a block that is not in the tree the finalized one: a descendant of `from`, which is in the tree or the
    /// finalized block. Nothing above it is known.
    pub(super) fn finalize_beyond(&mut self, from: &Hash, hash: Hash, number: u64) -> Finalized<T> {
        let mut path: Vec<Hash> = self.ancestry(from).map(|(hash, _, _)| hash).collect();
        path.reverse();
        let path = path.into_iter().filter_map(|hash| Some((hash, self.blocks.remove(&hash)?.content))).collect();
        let pruned = core::mem::take(&mut self.blocks).into_keys().collect();
        (self.root, self.root_number, self.root_weight, self.best) = (hash, number, 0, hash);
        Finalized { path, pruned }
    }

    /// Returns the tip with the least `key`, and among equals the lightest one; neither the best block nor `but`.
    pub fn least_tip<K: Ord>(&self, but: &Hash, key: impl Fn(&T) -> K) -> Option<Hash> {
        let is_free = |hash: &Hash, block: &Block<T>| block.children == 0 && *hash != self.best && hash != but;
        let tips = self.blocks.iter().filter(|(hash, block)| is_free(hash, block));
        tips.min_by_key(|(_, block)| (key(&block.content), block.rank())).map(|(hash, _)| *hash)
    }

    /// Returns the block with the least `key` among those that have exactly one child; `None` is no key. `key` is told
    /// whether the block is on the best chain, its number and its content.
    pub fn least_inner<K: Ord>(&self, key: impl Fn(bool, u64, &T) -> Option<K>) -> Option<Hash> {
        // A tree with a single tip is the best chain.
        let has_forks = self.blocks.values().filter(|block| block.children == 0).nth(1).is_some();
        let best = has_forks.then(|| self.ancestry(&self.best).map(|(hash, _, _)| hash).collect::<BTreeSet<Hash>>());
        let is_best = |hash: &Hash| best.as_ref().is_none_or(|best| best.contains(hash));
        let inner = self.blocks.iter().filter(|(_, block)| block.children == 1);
        let keys = inner.filter_map(|(hash, block)| Some((key(is_best(hash), block.number, &block.content)?, *hash)));
        keys.min().map(|(_, hash)| hash)
    }

    /// Drops a block without children; not the best one. Returns what was inserted with it.
    pub fn remove_tip(&mut self, hash: &Hash) -> Option<T> {
        self.blocks.get(hash).filter(|block| block.children == 0 && *hash != self.best)?;
        let block = self.blocks.remove(hash)?;
        if let Some(below) = self.blocks.get_mut(&block.below) {
            below.children = below.children.saturating_sub(1);
        }
        Some(block.content)
    }

    /// Drops a block that has exactly one child, which takes its place above the block below. Returns what was inserted
    /// with the two.
    pub fn fold(&mut self, hash: &Hash) -> Option<(T, &mut T)> {
        self.blocks.get(hash).filter(|block| block.children == 1)?;
        let block = self.blocks.remove(hash)?;
        let child = self.blocks.values_mut().find(|child| child.below == *hash)?;
        child.below = block.below;
        Some((block.content, &mut child.content))
    }

    /// Drops the blocks that `is_first` tells, and all above them; returns them.
    pub(super) fn prune(&mut self, is_first: impl Fn(&T) -> bool) -> Vec<Hash> {
        let mut gone = BTreeSet::new();
        for (hash, _, below, content) in self.by_number() {
            if is_first(content) || gone.contains(&below) {
                gone.insert(hash);
            }
        }
        for hash in &gone {
            let Some(block) = self.blocks.remove(hash) else { continue };
            if let Some(below) = self.blocks.get_mut(&block.below) {
                below.children = below.children.saturating_sub(1);
            }
        }
        self.choose_anew();
        gone.into_iter().collect()
    }

    fn choose_anew(&mut self) {
        if !self.blocks.contains_key(&self.best) {
            let best = self.blocks.iter().max_by_key(|(_, block)| block.rank()).map(|(hash, _)| *hash);
            self.best = best.unwrap_or(self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn hash(name: u64) -> Hash {
        crate::crypto::sha256(&name.to_le_bytes())
    }

    /// A tree of blocks named by numbers; each is (name, parent, weight).
    fn tree(blocks: &[(u64, u64, u64)]) -> ForkTree<u64> {
        let mut tree = ForkTree::new(hash(0), 100);
        for (name, parent, weight) in blocks {
            let number = tree.number(&hash(*parent)).unwrap() + 1;
            tree.insert(hash(*name), number, hash(*parent), *weight, *name).unwrap();
        }
        tree
    }

    fn names(tree: &ForkTree<u64>) -> String {
        let mut names: Vec<u64> = tree.blocks.values().map(|block| block.content).collect();
        names.sort_unstable();
        let best = tree.get(&tree.best().0).copied().unwrap_or(0);
        format!("{names:?} best {best}")
    }

    #[test]
    fn the_best_block_is_the_heaviest_then_the_longest_then_the_first_seen() {
        assert_eq!(names(&tree(&[])), "[] best 0");
        assert_eq!(names(&tree(&[(1, 0, 0), (2, 0, 1)])), "[1, 2] best 2");
        assert_eq!(names(&tree(&[(1, 0, 1), (2, 0, 0), (3, 2, 0), (4, 3, 0)])), "[1, 2, 3, 4] best 1");
        assert_eq!(names(&tree(&[(1, 0, 1), (2, 0, 1), (3, 2, 0)])), "[1, 2, 3] best 3");
        assert_eq!(names(&tree(&[(1, 0, 1), (2, 0, 1)])), "[1, 2] best 1");
    }

    #[test]
    fn finality_keeps_descendants_and_drops_the_rest() {
        let mut tree = tree(&[(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 1, 9), (5, 4, 1), (6, 3, 1), (7, 0, 1)]);
        assert_eq!(names(&tree), "[1, 2, 3, 4, 5, 6, 7] best 5");
        let finalized = tree.finalize(&hash(3)).unwrap();
        assert_eq!(finalized.path, [(hash(1), 1), (hash(2), 2), (hash(3), 3)]);
        let mut pruned = finalized.pruned;
        pruned.sort();
        let mut want = [hash(4), hash(5), hash(7)];
        want.sort();
        assert_eq!(pruned, want);
        assert_eq!((names(&tree).as_str(), tree.finalized()), ("[6] best 6", (hash(3), 103)));
        assert_eq!(tree.finalize(&hash(4)), Err(TreeError::NotAbove { hash: hash(4), finalized: 103 }));
        assert_eq!(tree.finalize(&hash(3)), Err(TreeError::NotAbove { hash: hash(3), finalized: 103 }));
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let mut tree = tree(&[(1, 0, 1)]);
        let known = TreeError::Known { hash: hash(1) };
        assert_eq!(tree.insert(hash(1), 101, hash(0), 1, 1), Err(known));
        assert_eq!(tree.insert(hash(0), 101, hash(0), 1, 1), Err(TreeError::Known { hash: hash(0) }));
        let unknown = TreeError::UnknownParent { number: 102, parent: hash(9), finalized: 100 };
        assert_eq!(tree.insert(hash(2), 102, hash(9), 1, 2), Err(unknown));
        assert_eq!(tree.insert(hash(2), 103, hash(1), 1, 2), Err(TreeError::Number { got: 103, parent: 101 }));
        assert_eq!(tree.insert(hash(2), 101, hash(1), 1, 2), Err(TreeError::Number { got: 101, parent: 101 }));
    }

    #[test]
    fn tips_go_and_places_between_blocks_close() {
        let mut tree = tree(&[(1, 0, 1), (2, 1, 1), (3, 1, 0), (4, 2, 1), (5, 4, 1), (6, 2, 0)]);
        // The lightest tip, unless another key says otherwise; never the best one, nor one that is excepted.
        assert_eq!(tree.least_tip(&hash(9), |_| ()), Some(hash(3)));
        assert_eq!(tree.least_tip(&hash(3), |_| ()), Some(hash(6)));
        assert_eq!(tree.least_tip(&hash(9), |name| core::cmp::Reverse(*name)), Some(hash(6)));
        assert_eq!(
            (tree.remove_tip(&hash(5)), tree.remove_tip(&hash(2)), tree.remove_tip(&hash(9))),
            (None, None, None)
        );
        assert_eq!((tree.remove_tip(&hash(3)), tree.remove_tip(&hash(6))), (Some(3), Some(6)));
        assert_eq!(tree.least_tip(&hash(9), |_| ()), None);
        // A block between two others.
        assert_eq!(tree.least_inner(|_, number, _| Some(number)), Some(hash(1)));
        assert_eq!(tree.least_inner(|_, number, name| (*name > 1).then_some(number)), Some(hash(2)));
        assert_eq!(tree.least_inner(|is_best, number, _| (!is_best).then_some(number)), None);
        assert_eq!(tree.fold(&hash(2)).map(|(content, child)| (content, *child)), Some((2, 4)));
        assert!(tree.fold(&hash(2)).is_none() && tree.fold(&hash(5)).is_none());
        assert_eq!(names(&tree), "[1, 4, 5] best 5");
        let finalized = tree.finalize(&hash(4)).unwrap();
        assert_eq!((finalized.path, finalized.pruned), (Vec::from([(hash(1), 1), (hash(4), 4)]), Vec::new()));
        assert_eq!(names(&tree), "[5] best 5");
    }

    #[test]
    fn what_stands_on_a_pruned_block_goes_with_it() {
        let mut tree = tree(&[(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 1, 0)]);
        let mut want = [hash(2), hash(3)];
        want.sort();
        assert_eq!(tree.prune(|name| *name == 2), want);
        assert_eq!(names(&tree), "[1, 4] best 4");
        let beyond = tree.finalize_beyond(&hash(1), hash(7), 105);
        assert_eq!((beyond.path, beyond.pruned), (Vec::from([(hash(1), 1)]), Vec::from([hash(4)])));
        assert_eq!((names(&tree).as_str(), tree.finalized()), ("[] best 0", (hash(7), 105)));
    }

    proptest::proptest! {
        #[test]
        fn links_hold_and_best_is_what_a_full_scan_finds(moves in proptest::collection::vec((0_u64..40, 0_u64..3, 0_u8..12), 1..200)) {
            let mut tree = ForkTree::new(hash(0), 0);
            for (index, (pick, weight, what)) in moves.into_iter().enumerate() {
                let known: Vec<Hash> = tree.blocks.keys().copied().chain([tree.root]).collect();
                let picked = known[pick as usize % known.len()];
                if what == 0 {
                    let _ = tree.finalize(&picked);
                } else if what == 1 {
                    let _ = tree.remove_tip(&picked);
                } else if what == 2 {
                    let _ = tree.fold(&picked);
                } else {
                    let number = tree.number(&picked).unwrap() + 1;
                    tree.insert(hash(index as u64 + 1), number, picked, weight, 0).unwrap();
                }
                let want = tree.blocks.iter().max_by_key(|(_, b)| b.rank()).map_or(tree.root, |(hash, _)| *hash);
                proptest::prop_assert_eq!(tree.best().0, want);
                for (hash, block) in &tree.blocks {
                    let children = tree.blocks.values().filter(|b| b.below == *hash).count();
                    proptest::prop_assert_eq!(children, block.children as usize);
                    proptest::prop_assert!(tree.number(&block.below).is_some_and(|below| below < block.number));
                }
            }
        }
    }
}
