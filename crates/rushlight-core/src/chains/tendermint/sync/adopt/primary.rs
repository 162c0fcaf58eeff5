//! Whom to ask: the primary, who replaces it, and who can witness for it.

use crate::base::{Instant, PeerId};
use crate::chains::tendermint::sync::adopt::kin::independent;
use crate::chains::tendermint::sync::ask::Failed;
use crate::chains::tendermint::sync::{PAUSE, TendermintChain};
use crate::chains::{Action, ChainNotice, Fact, Level, Verdict};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// How long a primary that failed is passed over for the first time; each further time twice as long…
const PASSED_OVER: Duration = Duration::from_secs(300);
/// …but at most so long.
const PASSED_OVER_MAX: Duration = Duration::from_secs(6 * 3_600);
/// What a provider said is named rather than that it, or another one, cannot be asked because of it, for so long.
const FAULT_NAMED: Duration = Duration::from_secs(60);
/// After so long without failing again it counts as the first time.
const FORGIVEN_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// Who failed as primary, how often, and until when others are preferred.
///
/// The primary is chosen by what providers say that they have. Without this a liar that says the most, gives nothing and
/// takes its time would be chosen again as soon as the honest one had given all, and hold the client back for ever.
#[derive(Debug, Default)]
pub(crate) struct PassedOver(BTreeMap<PeerId, (u32, Instant)>);

impl PassedOver {
    fn add(&mut self, peer: PeerId, now: Instant) {
        let (times, until) = self.0.entry(peer).or_insert((0, now));
        if now >= until.after(FORGIVEN_AFTER) {
            *times = 0;
        }
        let length = PASSED_OVER.saturating_mul(1 << (*times).min(16)).min(PASSED_OVER_MAX);
        *times = times.saturating_add(1);
        *until = now.after(length);
    }

    /// Returns until when others are preferred to a provider, if that is not over.
    pub(crate) fn until(&self, peer: PeerId, now: Instant) -> Option<Instant> {
        self.0.get(&peer).map(|(_, until)| *until).filter(|until| now < *until)
    }
}

fn primary_replaced(from: PeerId, to: PeerId) -> ChainNotice {
    ChainNotice::Told {
        name: "primary_replaced",
        words: "primary replaced",
        level: Level::News,
        facts: vec![("from", Fact::Peer(from)), ("to", Fact::Peer(to))],
    }
}

impl TendermintChain {
    /// Notes what is held against a provider. A primary at fault is replaced.
    pub(crate) fn fault(&mut self, failed: &Failed, now: Instant) {
        self.hold(failed, now);
        match failed.peer {
            None => self.pause_until = Some(now.after(PAUSE)),
            Some(peer) if self.primary == Some(peer) => self.replace_primary(now),
            Some(_) => {}
        }
    }

    /// Notes that a provider did not give what a client wants. Only a lie is held against it, and the sync goes on as before:
    /// else a client could have honest providers sent away by asking for what they do not have.
    pub(crate) fn errand_failed(&mut self, failed: &Failed, now: Instant) {
        if failed.verdict == Verdict::Lying {
            self.fault(failed, now);
        }
    }

    /// Notes what is held against a provider, and leaves the primary where it is.
    pub(crate) fn hold(&mut self, failed: &Failed, now: Instant) {
        // That nobody is left to be asked, or that somebody refuses, often follows from what was found out before; it says
        // less, and must not hide it.
        let is_hidden = self.last_fault.as_ref().is_some_and(|(last, at)| {
            failed.peer.is_none() || (failed.is_noted && !last.is_noted && now < at.after(FAULT_NAMED))
        });
        if !is_hidden {
            self.last_fault = Some((failed.clone(), now));
        }
        let Some(peer) = failed.peer else { return };
        let (verdict, why, origin) = (failed.verdict, failed.why.clone(), self.known.origin(peer));
        let is_repeated = self.known.is_repeated(peer, &why);
        self.notice(ChainNotice::Fault { peer, origin, verdict, why: why.clone(), is_repeated });
        if !failed.is_noted {
            self.desk.actions.push_back(Action::Blame(peer, verdict, why));
        }
    }

    /// Chooses the provider that says it has the most, among those that may be asked and did not fail lately; never the one
    /// it was, if there is another.
    pub(crate) fn replace_primary(&mut self, now: Instant) {
        let old = self.primary.take();
        self.drop_walk();
        if let Some(old) = old {
            self.passed_over.add(old, now);
        }
        let mut others: Vec<PeerId> = self.peers.keys().copied().filter(|peer| Some(*peer) != old).collect();
        others.sort_by_key(|peer| {
            let latest = self.desk.fetcher.status_of(*peer).map(|status| status.latest_height);
            (self.passed_over.until(*peer, now), core::cmp::Reverse(latest))
        });
        self.primary = others.first().copied().or(old.filter(|old| self.peers.contains_key(old)));
        self.follow.begins(now);
        match (old, self.primary) {
            // Before there is a head nothing is asked of a primary, and that another one would be asked is no news.
            (Some(from), Some(to)) if from != to && self.head.is_none() => {}
            (Some(from), Some(to)) if from != to => self.notice(primary_replaced(from, to)),
            // There is nobody else: give it time.
            _ => self.pause_until = Some(now.after(PAUSE)),
        }
        self.follow.poll_soon(now);
    }

    /// Returns the providers that can witness for the primary.
    pub(crate) fn witnesses(&self, primary: PeerId) -> Vec<PeerId> {
        independent(primary, &mut self.peers.keys().copied(), &self.peers, &self.desk.fetcher)
    }

    pub(crate) fn peer_left(&mut self, peer: PeerId, now: Instant) {
        self.peers.remove(&peer);
        if self.primary == Some(peer) {
            self.replace_primary(now);
        }
    }
}
