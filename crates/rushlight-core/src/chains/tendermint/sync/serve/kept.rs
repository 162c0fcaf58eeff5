//! Blocks kept on the way: adopted heads of earlier times, from which proofs and headers are still walked to.
//!
//! The checkpoint alone would not do. Trust in it ends after one trusting period, while the client lives on from head to
//! head; without these nothing below the head could be proven any more. They are spread over the trusting period, so that
//! there is always one that is young enough and one that is not far.

use crate::base::Hash;
use crate::chains::tendermint::verify::{self, JudgedAt, Rules, VerifiedBlock};
use alloc::vec::Vec;

/// How many blocks are kept: with every head they are written to the disk, at 150 validators 22 KB each.
pub const KEPT_BLOCKS_MAX: usize = 8;
/// How many bytes they may have together; a set of 10,000 has more than a megabyte.
pub const KEPT_BYTES_MAX: usize = 2 << 20;

/// Verified blocks, lowest first. Each was adopted: confirmed by witnesses and saved, or the user's checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    blocks: Vec<VerifiedBlock>,
}

impl Kept {
    /// Returns the blocks as a snapshot holds them.
    pub fn resume(blocks: Vec<VerifiedBlock>) -> Self {
        Self { blocks }
    }

    /// Returns the blocks, lowest first.
    pub fn blocks(&self) -> &[VerifiedBlock] {
        &self.blocks
    }

    /// Keeps a head that a later one replaces, if the last one kept is old enough; forgets those that are no longer trusted.
    pub fn keep(&mut self, block: &VerifiedBlock, rules: &Rules, at: JudgedAt) {
        self.blocks.retain(|kept| verify::is_trusted_at(kept, rules, at).is_ok());
        let spacing = rules.trusting_period / u32::try_from(KEPT_BLOCKS_MAX).unwrap_or(u32::MAX);
        let is_near =
            |last: &VerifiedBlock| block.height() <= last.height() || block.time() < last.time().after(spacing);
        if self.blocks.last().is_some_and(is_near) {
            return;
        }
        self.blocks.push(block.clone());
        while self.blocks.len() > KEPT_BLOCKS_MAX || (self.blocks.len() > 1 && self.bytes() > KEPT_BYTES_MAX) {
            self.blocks.remove(self.most_crowded());
        }
    }

    fn bytes(&self) -> usize {
        let held = |block: &VerifiedBlock| block.block().size_bytes().saturating_add(block.validators().size_bytes());
        self.blocks.iter().map(held).sum()
    }

    /// Returns the place of the block whose neighbours are nearest to each other in time; of two, the lower.
    fn most_crowded(&self) -> usize {
        let gaps = self.blocks.windows(3).enumerate().filter_map(|(index, three)| match three {
            [before, _, after] => Some((after.time().since(before.time()), index.saturating_add(1))),
            _ => None,
        });
        gaps.min().map_or(0, |(_, index)| index)
    }

    /// Returns the newest block at or below `height` in which trust has not ended.
    pub fn newest_trusted(&self, height: u64, rules: &Rules, at: JudgedAt) -> Option<&VerifiedBlock> {
        let is_usable =
            |block: &&VerifiedBlock| block.height() <= height && verify::is_trusted_at(block, rules, at).is_ok();
        self.blocks.iter().rev().find(is_usable)
    }

    /// Returns the lowest block at or above `height`. Trust in it may have ended: the hash chain below it has not.
    pub fn lowest_from(&self, height: u64) -> Option<&VerifiedBlock> {
        self.blocks.iter().find(|block| block.height() >= height)
    }

    /// Returns the block whose header has this hash.
    pub fn by_hash(&self, hash: Hash) -> Option<&VerifiedBlock> {
        self.blocks.iter().find(|block| block.hash() == hash)
    }
}
