//! What is due when.

use crate::base::{AskId, ChainId, FetchId, Instant, PeerId};
use alloc::collections::BTreeSet;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A fetch has taken longer than its ask's patience.
    Late(FetchId),
    /// A fetch has taken longer than usual: ask another peer too.
    Hedge(FetchId),
    /// An ask has waited long enough for somebody to be asked.
    Wait(ChainId, AskId),
    /// A quarantine ends.
    Readmit(PeerId),
}

/// Timers by instant; those of one instant are due in the order of [`Timer`].
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(super) fn add(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn remove(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out the next timer that is due by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
