//! What the walks of one chain have found on their way, for those that cross the same heights later.
//!
//! Two things stay as they are once found. A height at which much changes at once: it has to be found exactly, by one
//! fetch for each halving of the gap, and the last height before it is kept as a *step*. And how far one verified height
//! reached: a *hop*. A set loses trusted power as time goes on, so that what an older height reached, a newer one does
//! too, nearly always; where it does not, the hop is forgotten.
//!
//! What is trusted: nothing. Steps and hops only propose which block to fetch next. Both are made of verified heights
//! alone, so that a liar cannot plant any.
//! What is left out: keeping them over a restart.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// How many steps, and how many hops, are kept; 8 and 16 bytes each, and their trees.
pub const STEPS_MAX: usize = 1_024;
/// How many steps in a row may fail before those that fail are forgotten.
const CREDIT_MAX: i8 = 4;
/// So many passes must follow a long row of failures before failures are forgiven again.
const CREDIT_MIN: i8 = -8;

/// Steps and hops of one chain. One value serves it for as long as the client runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The last heights before great changes.
    heights: BTreeSet<u64>,
    /// Falls with each step that fails when tried, rises with each that passes.
    credit: i8,
    /// From where to where; of two hops the one from higher up reaches further.
    hops: BTreeMap<u64, u64>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { heights: BTreeSet::new(), credit: CREDIT_MAX, hops: BTreeMap::new() }
    }
}

impl Steps {
    /// Returns the lowest step strictly between two heights.
    pub(crate) fn between(&self, low: u64, high: u64) -> Option<u64> {
        self.heights.range(low.saturating_add(1)..).next().copied().filter(|height| *height < high)
    }

    /// Keeps a height as a step.
    pub(crate) fn keep(&mut self, height: u64) {
        self.heights.insert(height);
        if self.heights.len() > STEPS_MAX {
            // Walks go upwards: what lies lowest is needed least.
            self.heights.pop_first();
        }
    }

    /// Learns whether a step that was tried passed. In a chain of small sets and many absences a step may be chance:
    /// what fails too often is forgotten.
    pub(crate) fn tried(&mut self, height: u64, is_passed: bool) {
        let change = if is_passed { 1 } else { -1 };
        self.credit = self.credit.saturating_add(change).clamp(CREDIT_MIN, CREDIT_MAX);
        if !is_passed && self.credit < 0 {
            self.heights.remove(&height);
        }
    }

    /// Returns the height that `from` should reach by what is known, which is not below `from`.
    pub(crate) fn reach(&self, from: u64) -> u64 {
        self.hop_at(from).map_or(from, |(_, to)| to.max(from))
    }

    /// Keeps a hop, unless a known one from no higher reaches as far.
    pub(crate) fn hop(&mut self, from: u64, to: u64) {
        // The next block is verified without any overlap of the sets.
        if to <= from.saturating_add(1) || self.reach(from) >= to {
            return;
        }
        let shorter: Vec<u64> = self.hops.range(from..).take_while(|hop| *hop.1 <= to).map(|hop| *hop.0).collect();
        for from in shorter {
            self.hops.remove(&from);
        }
        self.hops.insert(from, to);
        if self.hops.len() > STEPS_MAX {
            self.hops.pop_first();
        }
    }

    /// Forgets the hop that [`Self::reach`] went by.
    pub(crate) fn forget_hop(&mut self, from: u64) {
        if let Some((start, _)) = self.hop_at(from) {
            self.hops.remove(&start);
        }
    }

    fn hop_at(&self, from: u64) -> Option<(u64, u64)> {
        self.hops.range(..=from).next_back().map(|(start, to)| (*start, *to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_hops_the_one_from_higher_up_reaches_further() {
        let mut steps = Steps::default();
        for (from, to) in [(10, 50), (20, 40), (20, 60), (30, 55), (15, 60), (15, 16)] {
            steps.hop(from, to);
        }
        assert_eq!(steps.hops, [(10, 50), (15, 60)].into(), "the others are shorter than one from no higher");
        let reached = [9, 10, 14, 15, 59, 61].map(|from| steps.reach(from));
        assert_eq!(reached, [9, 50, 50, 60, 60, 61]);
        steps.forget_hop(17);
        assert_eq!(steps.reach(17), 50, "what misled is forgotten");
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let mut steps = Steps::default();
        for height in 0..2 * STEPS_MAX as u64 {
            steps.keep(height);
            steps.hop(height * 10, height * 10 + 20);
        }
        assert_eq!((steps.heights.len(), steps.hops.len()), (STEPS_MAX, STEPS_MAX));
        assert_eq!(steps.reach(STEPS_MAX as u64 * 10 - 1), STEPS_MAX as u64 * 10 - 1, "the lowest are gone");
    }
}
