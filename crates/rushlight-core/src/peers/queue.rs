//! Asks that wait: whose turn it is and who is asked.

use super::attempts::Asked;
use super::timers::Timer;
use super::{Peer, Peers, To, WAIT_PATIENCES_MAX};
use crate::base::{AskId, ChainId, Instant, PeerId};
use alloc::vec::Vec;

/// A free peer is passed over for a busy one when it costs more than so many times as much.
pub const SLOWER_FACTOR_MAX: u64 = 4;

impl Peers {
    /// Puts an open ask into the queue of those that wait for a peer.
    pub(super) fn wait(&mut self, now: Instant, chain: ChainId, id: AskId) {
        let (Some(asked), Some(crowd)) = (self.asks.get_mut(&(chain, id)), self.chains.get_mut(&chain)) else { return };
        let place = (asked.turn, id);
        match &asked.ask.to {
            To::Any if asked.attempts == 0 => crowd.waiting.insert(place),
            To::Any | To::Among(_) => crowd.choosing.insert(place),
            To::Only(peer) => self.peers.get_mut(peer).is_some_and(|peer| peer.waiting.insert((asked.turn, chain, id))),
        };
        let until = now.after(asked.ask.patience);
        if let Some(before) = asked.waits_until.replace(until) {
            self.timers.remove(before, Timer::Wait(chain, id));
        }
        self.timers.add(until, Timer::Wait(chain, id));
    }

    pub(super) fn unwait(&mut self, chain: ChainId, id: AskId) {
        let (Some(asked), Some(crowd)) = (self.asks.get_mut(&(chain, id)), self.chains.get_mut(&chain)) else { return };
        let place = (asked.turn, id);
        crowd.waiting.remove(&place);
        crowd.choosing.remove(&place);
        if let Some(peer) = asked.ask.to.only()
            && let Some(peer) = self.peers.get_mut(&peer)
        {
            peer.waiting.remove(&(asked.turn, chain, id));
        }
        if let Some(until) = asked.waits_until.take() {
            self.timers.remove(until, Timer::Wait(chain, id));
        }
    }

    /// Sends out waiting asks of all chains that a peer serves.
    pub(super) fn place_waiting_for(&mut self, now: Instant, peer: PeerId) {
        let chains = self.peers.get(&peer).map(|peer| peer.chains.clone());
        for chain in chains.into_iter().flatten() {
            self.place_waiting(now, chain);
        }
    }

    /// Sends out waiting asks, oldest first, as long as somebody is free; closes those for whom nobody is left.
    pub(super) fn place_waiting(&mut self, now: Instant, chain: ChainId) {
        while let Some((id, peer)) = self.next_placement(now, chain) {
            self.start(now, chain, id, peer);
        }
        let Some(crowd) = self.chains.get(&chain) else { return };
        let stuck: Vec<AskId> = crowd
            .choosing
            .iter()
            .map(|(_, id)| *id)
            .filter(|id| self.asks.get(&(chain, *id)).is_some_and(|asked| !self.has_untried(chain, asked)))
            .collect();
        for id in stuck {
            self.unwait(chain, id);
            if self.asks.get(&(chain, id)).is_some_and(|asked| asked.fetches.is_empty()) {
                self.close_unanswered(chain, id);
            }
        }
    }

    /// Returns the oldest waiting ask that somebody is free for, and who that is.
    fn next_placement(&self, now: Instant, chain: ChainId) -> Option<(AskId, PeerId)> {
        let crowd = self.chains.get(&chain)?;
        if !crowd.peers.iter().any(|id| self.peers.get(id).is_some_and(Peer::is_free)) {
            return None;
        }
        let place = |(turn, id): (u64, AskId)| {
            let asked = self.asks.get(&(chain, id))?;
            Some((turn, id, self.best(now, chain, asked)?))
        };
        // Asks that nobody has been tried for are all alike: if the oldest finds nobody, none does.
        let fresh = crowd.waiting.first().copied().and_then(place);
        let chosen = crowd.choosing.iter().copied().find_map(place);
        let only = crowd
            .peers
            .iter()
            .filter_map(|peer| Some((peer, self.peers.get(peer)?)))
            .filter(|(_, known)| known.is_free())
            .filter_map(|(peer, known)| {
                let (turn, _, id) = known.waiting.iter().find(|(_, of, _)| *of == chain)?;
                Some((*turn, *id, *peer))
            })
            .min();
        fresh.into_iter().chain(chosen).chain(only).min().map(|(_, id, peer)| (id, peer))
    }

    pub(super) fn admitted(&self, chain: ChainId) -> impl Iterator<Item = (PeerId, &Peer)> {
        let peers = self.chains.get(&chain).into_iter().flat_map(|crowd| crowd.peers.iter().copied());
        peers.filter_map(|id| Some((id, self.peers.get(&id)?))).filter(|(_, peer)| peer.is_admitted())
    }

    /// Returns who may answer an ask and has not been tried for it.
    fn untried<'a>(&'a self, chain: ChainId, asked: &'a Asked) -> impl Iterator<Item = (PeerId, &'a Peer)> {
        self.admitted(chain).filter(|(id, _)| asked.ask.to.includes(*id) && !asked.tried.contains(id))
    }

    fn has_untried(&self, chain: ChainId, asked: &Asked) -> bool {
        self.untried(chain, asked).next().is_some()
    }

    /// Returns the free peer that costs least, unless waiting for a busy one is better than asking it.
    pub(super) fn best(&self, now: Instant, chain: ChainId, asked: &Asked) -> Option<PeerId> {
        let cheapest = self.untried(chain, asked).map(|(_, peer)| peer.cost(now)).min()?;
        self.untried(chain, asked)
            .filter(|(_, peer)| peer.is_free() && peer.cost(now) <= cheapest.saturating_mul(SLOWER_FACTOR_MAX))
            .min_by_key(|(id, peer)| (peer.cost_of_next(now), peer.answered, *id))
            .map(|(id, _)| id)
    }

    /// Ends the wait of an ask, or prolongs it while those it could go to are busy.
    pub(super) fn waited(&mut self, now: Instant, chain: ChainId, id: AskId) {
        let Some(asked) = self.asks.get_mut(&(chain, id)) else { return };
        asked.waits_until = None;
        asked.waits = asked.waits.saturating_add(1);
        let is_over = asked.waits >= WAIT_PATIENCES_MAX;
        let is_open = !asked.fetches.is_empty();
        let somebody = match self.asks.get(&(chain, id)) {
            Some(asked) if asked.ask.to.only().is_none() => self.has_untried(chain, asked),
            _ => true,
        };
        if !is_over && somebody {
            self.wait(now, chain, id);
            self.place_waiting(now, chain);
            return;
        }
        self.unwait(chain, id);
        if !is_open {
            self.close_unanswered(chain, id);
        }
    }
}
