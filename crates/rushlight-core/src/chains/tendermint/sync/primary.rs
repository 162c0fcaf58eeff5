//! Whom to ask: the primary, who replaces it, and who can witness for it.

use super::fetch::Failed;
use super::witness::independent;
use super::{PAUSE, TendermintChain};
use crate::base::{Instant, PeerId};
use crate::chains::{Action, ChainNotice};
use alloc::string::String;
use alloc::vec::Vec;

impl TendermintChain {
    /// Notes what is held against a provider. A primary at fault is replaced.
    pub(super) fn fault(&mut self, failed: &Failed, now: Instant) {
        self.last_fault = Some(failed.why.clone());
        let Some(peer) = failed.peer else {
            self.pause_until = Some(now.after(PAUSE));
            return;
        };
        let (verdict, why) = (failed.verdict, failed.why.clone());
        self.notice(ChainNotice::Fault { peer, verdict, why });
        if !failed.is_noted {
            self.desk.actions.push_back(Action::Blame(peer, verdict));
        }
        if self.primary == Some(peer) {
            self.replace_primary(now);
        }
    }

    /// Chooses the provider that says it has the most, among those that may be asked; never the one it was, if there is
    /// another.
    pub(super) fn replace_primary(&mut self, now: Instant) {
        let old = self.primary.take();
        self.drop_walk();
        let mut others: Vec<PeerId> = self.peers.keys().copied().filter(|peer| Some(*peer) != old).collect();
        others.sort_by_key(|peer| core::cmp::Reverse(self.desk.fetcher.status_of(*peer).map(|s| s.latest_height)));
        self.primary = others.first().copied().or(old.filter(|old| self.peers.contains_key(old)));
        self.follow.begins(now);
        match (old, self.primary) {
            (Some(from), Some(to)) if from != to => self.notice(ChainNotice::PrimaryReplaced { from, to }),
            // There is nobody else: give it time.
            _ => self.pause_until = Some(now.after(PAUSE)),
        }
        self.follow.poll_soon(now);
    }

    /// Returns the providers that can witness for the primary.
    pub(super) fn witnesses(&self, primary: PeerId) -> Vec<PeerId> {
        independent(primary, &mut self.peers.keys().copied(), &self.peers, &self.desk.fetcher)
    }

    pub(super) fn peer_left(&mut self, peer: PeerId, now: Instant) {
        self.peers.remove(&peer);
        if self.primary == Some(peer) {
            self.replace_primary(now);
        }
    }
}
