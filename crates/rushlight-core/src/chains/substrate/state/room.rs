//! What is dropped when there is too much above the finalized block.
//!
//! While finality stalls, the tree grows without end, and whoever makes blocks chooses what fills it: one author may
//! seal any number of blocks for one slot, of four megabytes each, all announcing sets; where authors are not checked, anyone
//! may. Three things must hold whatever comes:
//!
//! - **No change of the set is lost.** Finality that passed over one would be that of a set whose turn is over. So blocks
//!   between two others are *folded* first where they neither announce a change nor end a set; what is above still descends
//!   from what is below. Where a stall has more changes than are kept, the highest are forgotten, and the gap is marked:
//!   nothing is finalized across it, and once finality comes to it, what is above is dropped and fetched again.
//! - **Verified finality gets through.** [`ChainState::finalize_along`] takes its headers from any kept block upwards, needs
//!   no room in the tree, and throws out what it kills. The new block always stays, so a chain that is fetched block by block
//!   is never refused for what fills the tree.
//! - **Liars push out the least useful.** First go the tips of other forks than the best one, the lightest first; where bytes
//!   are short the largest, where changes are short those that announce one. Then blocks are folded, those off the best
//!   chain first. Neither the best block nor the lineage of a kept block is ever lost. On a chain whose authors are not
//!   checked anyone can make the longest chain, and being best means nothing there: only finality does, which clears the rest.

use super::ChainState;
use super::changes::ANNOUNCED_MAX;
use super::import::Unfinalized;
use crate::base::Hash;
use crate::chains::substrate::header::HEADER_BYTES_MAX;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The most blocks above the finalized one that are kept.
pub const UNFINALIZED_MAX: usize = 4_096;

/// The most bytes of headers above the finalized block that are kept; the sets and epochs that they announce take up to
/// twice as many again.
pub const HEADERS_BYTES_MAX: usize = 16 << 20;

// The new block, the best one and the one that both stand on always have room.
const _: () = assert!(HEADERS_BYTES_MAX >= 3 * HEADER_BYTES_MAX);

/// What is remembered of folded blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    /// Authors who may vouch for a forced change, where there is one below.
    authors: BTreeSet<[u8; 32]>,
    /// The lowest block whose announcement was forgotten.
    forgotten: Option<u64>,
}

impl Folded {
    pub(super) fn authors(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.authors.iter().copied()
    }

    pub(super) fn forgotten(&self) -> Option<u64> {
        self.forgotten
    }
}

/// What the blocks above the finalized one take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    bytes: usize,
    changes: usize,
}

impl Kept {
    pub(super) fn add(&mut self, block: &Unfinalized) {
        self.bytes = self.bytes.saturating_add(block.header().len());
        self.changes = self.changes.saturating_add(block.announced().is_some().into());
    }

    fn drop(&mut self, block: &Unfinalized) {
        self.bytes = self.bytes.saturating_sub(block.header().len());
        self.changes = self.changes.saturating_sub(block.announced().is_some().into());
    }

    /// Returns what `blocks` take.
    pub(super) fn of<'a>(blocks: impl Iterator<Item = &'a Unfinalized>) -> Self {
        let mut kept = Self::default();
        blocks.for_each(|block| kept.add(block));
        kept
    }
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Blocks,
    Bytes,
    Changes,
}

impl ChainState {
    /// Drops blocks until all bounds hold, never `new`; returns them.
    pub(super) fn make_room(&mut self, new: &Hash) -> Vec<Hash> {
        let mut dropped = Vec::new();
        while let Some(excess) = self.excess() {
            let Some(hash) = self.drop_tip(new, excess).or_else(|| self.fold(excess)) else { break };
            dropped.push(hash);
        }
        dropped
    }

    fn excess(&self) -> Option<Excess> {
        if self.tree.len() > UNFINALIZED_MAX {
            Some(Excess::Blocks)
        } else if self.kept.bytes > HEADERS_BYTES_MAX {
            Some(Excess::Bytes)
        } else {
            (self.kept.changes > ANNOUNCED_MAX).then_some(Excess::Changes)
        }
    }

    /// Drops the tip that is least useful, if there is one beside the best block and `new`.
    fn drop_tip(&mut self, new: &Hash, excess: Excess) -> Option<Hash> {
        let hash = self.tree.least_tip(new, |block| match excess {
            Excess::Blocks => (false, Reverse(0)),
            Excess::Bytes => (false, Reverse(block.header().len())),
            Excess::Changes => (block.announced().is_none(), Reverse(0)),
        })?;
        let block = self.tree.remove_tip(&hash)?;
        self.kept.drop(&block);
        Some(hash)
    }

    /// Folds the lowest block that the set can be followed without; else forgets the highest one.
    fn fold(&mut self, excess: Excess) -> Option<Hash> {
        let plain = |is_best: bool, number: u64, block: &Unfinalized| (!block.is_needed()).then_some((is_best, number));
        let hash = if excess == Excess::Changes { None } else { self.tree.least_inner(plain) };
        let hash = hash.or_else(|| {
            self.tree.least_inner(|is_best, number, block| {
                (block.announced().is_some() || excess != Excess::Changes).then_some((is_best, Reverse(number)))
            })
        })?;
        let vouch = self.votes.as_ref().filter(|votes| {
            let above = self.announced_below(&hash);
            votes.next_forced(&above).is_some()
        });
        let author = self.tree.get(&hash).and_then(Unfinalized::author);
        let author = author.filter(|author| vouch.is_some_and(|votes| votes.is_trusted_author(author)));
        let number = self.tree.number(&hash)?;
        let (block, child) = self.tree.fold(&hash)?;
        child.folded.authors.extend(block.folded.authors.iter().copied().chain(author));
        let forgotten = block.is_needed().then_some(number);
        child.folded.forgotten =
            [block.folded.forgotten, forgotten, child.folded.forgotten].into_iter().flatten().min();
        if block.announced().is_some() {
            self.tree.contents_mut().for_each(|other| other.forget_change(&hash, block.change_below()));
        }
        self.kept.drop(&block);
        Some(hash)
    }
}
