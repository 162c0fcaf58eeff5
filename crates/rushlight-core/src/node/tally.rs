//! Counts and times for metrics that no part of the node keeps for itself.

use crate::base::{ChainId, Instant, QueryId};
use crate::chains::ChainNotice;
use crate::peers::Verdict;
use alloc::collections::BTreeMap;
use core::time::Duration;

/// How many classes [`Times`] has below the one for everything longer.
pub const TIME_CLASSES: usize = 12;

/// Upper ends of the classes of [`Times`]: from what takes no time to a walk over many heights.
pub const TIME_CLASS_ENDS: [Duration; TIME_CLASSES] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// How long things took: how many were within each class, and all together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many took at most as long as the class's end in [`TIME_CLASS_ENDS`], and longer than that of the one before.
    pub classes: [u64; TIME_CLASSES],
    /// How many there were, those longer than the last class included.
    pub count: u64,
    /// How long all of them took together.
    pub sum: Duration,
}

impl Times {
    /// Counts something that took this long.
    pub fn add(&mut self, took: Duration) {
        let class = TIME_CLASS_ENDS.iter().position(|end| took <= *end);
        if let Some(count) = class.and_then(|class| self.classes.get_mut(class)) {
            *count = count.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(took);
    }
}

/// How far the sync that a chain is at has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The trusted height at which it was first seen.
    pub from: u64,
    /// The trusted height now.
    pub height: u64,
    /// Where it goes.
    pub target: u64,
}

/// What the node counts beside its parts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    asked: BTreeMap<QueryId, (&'static str, Instant)>,
    /// How long calls took that a chain had to be asked about, by method.
    pub(super) rpc_times: BTreeMap<&'static str, Times>,
    /// Quarantines by their reason.
    pub(super) quarantines: BTreeMap<Verdict, u64>,
    /// Conflicting headers that both verify, by chain.
    pub(super) equivocations: BTreeMap<ChainId, u64>,
    /// Syncs under way.
    pub(super) progress: BTreeMap<ChainId, Progress>,
}

impl Tally {
    /// Notes that a chain is asked for `method`, the name of a row.
    pub(super) fn asked(&mut self, query: QueryId, method: &'static str, now: Instant) {
        self.asked.insert(query, (method, now));
    }

    /// Notes that a query is over.
    pub(super) fn answered(&mut self, query: QueryId, now: Instant) {
        if let Some((method, asked)) = self.asked.remove(&query) {
            self.rpc_times.entry(method).or_default().add(now.since(asked));
        }
    }

    /// Notes that nobody waits for a query any more.
    pub(super) fn forgotten(&mut self, query: QueryId) {
        self.asked.remove(&query);
    }

    /// Notes that a peer was put into quarantine.
    pub(super) fn quarantined(&mut self, verdict: Verdict) {
        let count = self.quarantines.entry(verdict).or_default();
        *count = count.saturating_add(1);
    }

    /// Notes what a chain tells the operator.
    pub(super) fn told(&mut self, chain: ChainId, notice: &ChainNotice) {
        match *notice {
            ChainNotice::Progress { height, target } => {
                let progress = self.progress.entry(chain).or_insert(Progress { from: height, height, target });
                progress.height = height;
                progress.target = target;
            }
            ChainNotice::Frozen { .. } => {
                let count = self.equivocations.entry(chain).or_default();
                *count = count.saturating_add(1);
            }
            _ => {}
        }
    }

    /// Notes that a chain has a new head, which ends a sync that went there.
    pub(super) fn adopted(&mut self, chain: ChainId, height: u64) {
        if self.progress.get(&chain).is_some_and(|progress| progress.target <= height) {
            self.progress.remove(&chain);
        }
    }

    /// Forgets a chain.
    pub(super) fn forget(&mut self, chain: ChainId) {
        self.progress.remove(&chain);
        self.equivocations.remove(&chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_classes() {
        let mut times = Times::default();
        for millis in [0, 1, 2, 60_000, 60_001] {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!((times.classes[0], times.classes[1], times.classes[11], times.count), (2, 1, 1, 5));
        assert_eq!(times.sum, Duration::from_millis(120_004));
        assert!(TIME_CLASS_ENDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_sync_is_over_when_its_target_is_the_head() {
        let (mut tally, chain) = (Tally::default(), ChainId(1));
        tally.told(chain, &ChainNotice::Progress { height: 10, target: 50 });
        tally.told(chain, &ChainNotice::Progress { height: 30, target: 60 });
        assert_eq!(tally.progress.get(&chain), Some(&Progress { from: 10, height: 30, target: 60 }));
        tally.adopted(chain, 59);
        assert!(tally.progress.contains_key(&chain));
        tally.adopted(chain, 60);
        assert!(tally.progress.is_empty());
    }
}
