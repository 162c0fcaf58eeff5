//! Peers that answer asks: addresses, outstanding asks, deadlines, hedging, scores, quarantine. Once, for all families.
//!
//! One [`Peers`] serves the whole node. Families put asks; it chooses who is asked, makes fetches of them, bounds and
//! hedges them, and says who answered. It trusts nobody and proves nothing: what a peer said is judged by the family,
//! which holds a [`Verdict`] against it with [`Peers::blame`].
//!
//! * An ask [`To::Any`] goes to the peer that costs least: its mean answer time, made dearer by what is held against it
//!   and by what it has to do already. When the answer has not come by the 95th percentile of the peer's recent answer
//!   times (bounded by [`HEDGE_AFTER_MIN`] and [`HEDGE_AFTER_MAX`]), one other peer is asked too; the first answer wins
//!   and the other fetch is cancelled. On failure the next peer is tried, [`ATTEMPTS_MAX`] in all.
//! * An ask [`To::Among`] some peers is the same among these.
//! * An ask [`To::Only`] goes to that peer, never to another, never twice at a time, so that a witness stays the witness
//!   it is. When the peer is in quarantine it fails at once.
//! * A connection that is refused or reset though the peer answered within [`KEPT_ALIVE_MAX`] says nothing about the
//!   peer: servers close idle connections at the moment of the next request. Such a request is written once more to the
//!   same peer, once per ask. That is safe where asks only read (RFC 9110 section 9.2.2), which the ask says.
//! * [`FETCHES_PER_PEER_MAX`] fetches per peer run at once. Asks beyond wait, oldest first, in a queue bounded by
//!   [`ASKS_PER_CHAIN_MAX`].
//! * HTTP 200, and 500 with a body, are answers. Every other status is [`Verdict::Refusing`], 429 and 503 with
//!   `Retry-After` at once and for that time. What a body above the ask's bound means the ask says. An answer that breaks off is [`Verdict::Refusing`], because a proxy or a restart does
//!   that too; one that does not come within the ask's patience is [`Verdict::Slow`].
//! * Quarantine ends by itself: the peer joins again with one fetch at a time until it has answered. When every peer of
//!   a chain is out, the one that has been out longest is back early, except liars.

mod ask;
mod attempts;
mod hedge;
mod http;
mod peer;
mod quarantine;
mod queue;
mod score;
mod stats;
mod timers;
mod verdict;

pub use ask::{Ask, AskFailed, Fault, HttpQuestion, Oversize, Question, Reply, To, WHY_BYTES_MAX};
pub use attempts::KEPT_ALIVE_MAX;
pub use hedge::{HEDGE_AFTER_MAX, HEDGE_AFTER_MIN, HEDGE_AFTER_UNKNOWN};
pub use http::{
    ADDRESS_BYTES_MAX, Address, AddressError, Fetch, FetchFailed, Fetched, HOST_BYTES_MAX, LABEL_BYTES_MAX, Method,
    Share, shown,
};
pub use quarantine::{EARLY_MAX, EARLY_MIN, RETRY_AFTER_MAX, RETRY_AFTER_MIN, STRIKE_AGE};
pub use queue::SLOWER_FACTOR_MAX;
pub use score::{ANSWER_TIME_UNKNOWN, ANSWER_TIMES_MAX, ANSWER_TIMES_MIN};
pub use stats::PeerStats;
pub use verdict::Verdict;

use crate::base::{AskId, ChainId, FetchId, Instant, PeerId, Seed};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use attempts::{Asked, Attempt};
use core::time::Duration;
use http::is_request_target;
use peer::Peer;
use timers::{Timer, Timers};

/// A chain has at most so many peers.
pub const PEERS_PER_CHAIN_MAX: usize = 64;
/// A chain has at most so many asks open; more fail at once.
pub const ASKS_PER_CHAIN_MAX: usize = 4096;
/// A peer is sent at most so many requests at once.
pub const FETCHES_PER_PEER_MAX: usize = 8;
/// An ask is sent to at most so many peers, hedges included.
pub const ATTEMPTS_MAX: u32 = 4;
/// Patience below this is raised to it.
pub const PATIENCE_MIN: Duration = Duration::from_millis(1);
/// Patience above this is lowered to it.
pub const PATIENCE_MAX: Duration = Duration::from_secs(600);
/// An ask that could go to a busy peer waits at most so many times its patience for it.
pub const WAIT_PATIENCES_MAX: u32 = 4;

/// Checks that all of these can be peers of one chain.
/// # Errors
/// The place of the first one that cannot, and [`AddressError`].
pub fn check_addresses(addresses: &[String]) -> Result<(), (usize, AddressError)> {
    let mut seen = BTreeSet::new();
    for (index, text) in addresses.iter().enumerate() {
        let address = Address::parse(text).map_err(|error| (index, error))?;
        if index >= PEERS_PER_CHAIN_MAX {
            return Err((index, AddressError::TooMany { max: PEERS_PER_CHAIN_MAX }));
        }
        if !seen.insert(String::from(address.exposed())) {
            return Err((index, AddressError::Duplicate { got: address.origin().into() }));
        }
    }
    Ok(())
}

/// What comes out of [`Peers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeersOutput {
    /// Make an HTTP request; answer with [`Peers::fetched`].
    Fetch(FetchId, Fetch),
    /// Nobody waits for this fetch any more; an answer is ignored.
    CancelFetch(FetchId),
    /// Nobody answered an ask. The ask is closed.
    Unanswered {
        /// The chain that asked.
        chain: ChainId,
        /// The ask.
        ask: AskId,
        /// Why.
        failed: AskFailed,
    },
    /// A peer of a chain may be asked.
    Joined(ChainId, PeerId),
    /// A peer of a chain may no longer be asked.
    Left(ChainId, PeerId),
    /// A peer was put into quarantine, or its quarantine was made graver.
    Quarantined {
        /// The peer.
        peer: PeerId,
        /// What for.
        verdict: Verdict,
        /// What it did, in words.
        why: String,
        /// For how long at most; shorter when no other peer of the chain may be asked.
        length: Duration,
    },
    /// A peer's quarantine has ended.
    Readmitted(PeerId),
}

/// An answer has closed an ask: the caller hands the body, which was only lent to [`Peers::fetched`], on to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The chain that asked.
    pub chain: ChainId,
    /// The ask. It is closed.
    pub ask: AskId,
    /// Who answered.
    pub peer: PeerId,
    /// The HTTP status: 200, or 500 with a body.
    pub status: u16,
}

/// The peers of all chains of a node.
#[derive(Debug)]
pub struct Peers {
    seed: Seed,
    peers: BTreeMap<PeerId, Peer>,
    chains: BTreeMap<ChainId, Crowd>,
    asks: BTreeMap<(ChainId, AskId), Asked>,
    attempts: BTreeMap<FetchId, Attempt>,
    timers: Timers,
    outputs: VecDeque<PeersOutput>,
    peers_made: u32,
    fetches_made: u64,
    asks_made: u64,
}

/// The peers of one chain and the asks that wait for any of them, by age.
#[derive(Debug, Default)]
struct Crowd {
    peers: BTreeSet<PeerId>,
    asks_open: usize,
    /// Asks that anybody may answer and nobody was tried for: one is like another.
    waiting: BTreeSet<(u64, AskId)>,
    /// Asks that only some may answer, or that some were tried for already.
    choosing: BTreeSet<(u64, AskId)>,
}

impl Peers {
    /// Returns an empty crowd. `seed` spreads the ends of quarantines and nothing else.
    pub fn new(seed: impl Into<Seed>) -> Self {
        Self {
            seed: seed.into(),
            peers: BTreeMap::new(),
            chains: BTreeMap::new(),
            asks: BTreeMap::new(),
            attempts: BTreeMap::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            peers_made: 0,
            fetches_made: 0,
            asks_made: 0,
        }
    }

    /// Adds a peer that serves `chain` at the base `address`, and returns its id, which is never used again for another. A
    /// peer that serves another chain already is the same peer: what is known of it holds for both. Asks that wait already
    /// may go to it from the next event on.
    /// # Errors
    /// [`AddressError`] names the rule that the address breaks.
    pub fn add(&mut self, chain: ChainId, address: &str) -> Result<PeerId, AddressError> {
        let address = Address::parse(address)?;
        let known = self.peers.iter().find(|(_, peer)| peer.address == address).map(|(id, _)| *id);
        let crowd = self.chains.entry(chain).or_default();
        if crowd.peers.len() >= PEERS_PER_CHAIN_MAX {
            return Err(AddressError::TooMany { max: PEERS_PER_CHAIN_MAX });
        }
        if known.is_some_and(|known| crowd.peers.contains(&known)) {
            return Err(AddressError::Duplicate { got: address.origin().into() });
        }
        let id = known.unwrap_or(PeerId(self.peers_made));
        self.peers_made = self.peers_made.max(id.0.saturating_add(1));
        crowd.peers.insert(id);
        let peer = self.peers.entry(id).or_insert_with(|| Peer::new(address));
        peer.chains.insert(chain);
        if peer.is_admitted() {
            self.outputs.push_back(PeersOutput::Joined(chain, id));
        }
        Ok(id)
    }

    /// Removes a peer from a chain: what it was asked is put to others, or fails. Does nothing when it does not serve it.
    pub fn remove(&mut self, now: Instant, chain: ChainId, id: PeerId) {
        let is_member = self.chains.get_mut(&chain).is_some_and(|crowd| crowd.peers.remove(&id));
        let Some(peer) = self.peers.get_mut(&id).filter(|_| is_member) else { return };
        peer.chains.remove(&chain);
        if peer.is_admitted() {
            self.outputs.push_back(PeersOutput::Left(chain, id));
        }
        let last = Fault::new(id, Verdict::Refusing, "it was removed");
        self.release_asks(now, id, &last, |of| of == chain);
        if self.peers.get(&id).is_some_and(|peer| peer.chains.is_empty()) {
            self.forget_peer(id);
        }
        self.readmit_early(chain);
        self.place_waiting(now, chain);
    }

    fn forget_peer(&mut self, id: PeerId) {
        if let Some(quarantine) = self.peers.remove(&id).and_then(|peer| peer.record.quarantine()) {
            self.timers.remove(quarantine.until, Timer::Readmit(id));
        }
    }

    /// Removes a chain with its peers. Its open asks are dropped without a word, their fetches cancelled.
    pub fn remove_chain(&mut self, chain: ChainId) {
        let open: Vec<AskId> =
            self.asks.range((chain, AskId(0))..=(chain, AskId(u64::MAX))).map(|((_, ask), _)| *ask).collect();
        for ask in open {
            self.close(chain, ask);
        }
        let Some(crowd) = self.chains.remove(&chain) else { return };
        for id in crowd.peers {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.chains.remove(&chain);
            if peer.chains.is_empty() {
                self.forget_peer(id);
            }
        }
    }

    /// Takes in an ask of a chain. It is closed exactly once: by [`Peers::fetched`] returning [`Answered`], by
    /// [`PeersOutput::Unanswered`], by [`Peers::cancel`] or by [`Peers::remove_chain`]. An open ask of the same id is
    /// cancelled.
    pub fn ask(&mut self, now: Instant, chain: ChainId, id: AskId, ask: Ask) {
        self.close(chain, id);
        let is_sendable = match &ask.question {
            Question::Http(HttpQuestion::Get(target)) => is_request_target(target),
            Question::Http(HttpQuestion::Post(_)) => true,
        };
        let crowd = self.chains.entry(chain).or_default();
        let refused = match ask.to {
            _ if !is_sendable || crowd.asks_open >= ASKS_PER_CHAIN_MAX => Some(None),
            To::Only(peer) if !crowd.peers.contains(&peer) => Some(None),
            To::Only(peer) => {
                self.peers.get(&peer).filter(|known| !known.is_admitted()).map(|known| known.last_fault.clone())
            }
            To::Any | To::Among(_) => None,
        };
        if let Some(last) = refused {
            let failed = AskFailed { tried: 0, last };
            self.outputs.push_back(PeersOutput::Unanswered { chain, ask: id, failed });
            return;
        }
        crowd.asks_open = crowd.asks_open.saturating_add(1);
        self.asks.insert((chain, id), Asked::new(ask, self.asks_made));
        self.asks_made = self.asks_made.saturating_add(1);
        self.wait(now, chain, id);
        self.place_waiting(now, chain);
    }

    /// Forgets an ask and cancels its fetches; does nothing when it is closed already.
    pub fn cancel(&mut self, now: Instant, chain: ChainId, ask: AskId) {
        self.close(chain, ask);
        self.place_waiting(now, chain);
    }

    /// Takes in the answer to a fetch. Returns the ask that it answers, which is closed thereby: the caller hands the
    /// body on to the chain. Returns `None` when the fetch failed or nobody waits for it.
    pub fn fetched(
        &mut self,
        now: Instant,
        fetch: FetchId,
        result: Result<Fetched<'_>, FetchFailed>,
    ) -> Option<Answered> {
        self.settle(now, fetch, result)
    }

    /// Takes in that the driver has a fetch wait, for a connection or for memory: that time is not the peer's.
    pub fn held(&mut self, now: Instant, fetch: FetchId) {
        self.hold_attempt(now, fetch);
    }

    /// Takes in that a fetch that was held goes on.
    pub fn released(&mut self, now: Instant, fetch: FetchId) {
        self.release_attempt(now, fetch);
    }

    /// Holds a verdict against a peer, for what it did in words; does nothing when there is no such peer.
    pub fn blame(&mut self, now: Instant, peer: PeerId, verdict: Verdict, why: &str) {
        self.strike(now, Fault::new(peer, verdict, why), None);
        self.place_waiting_for(now, peer);
    }

    /// Does what is due by `now`: attempts that took too long, hedges, waits that are over, quarantines that end.
    pub fn tick(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop(now) {
            self.due(now, timer);
        }
    }

    /// Returns when [`Peers::tick`] is wanted next.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first()
    }

    /// Returns the next output; the caller drains this to `None` after every call of another method.
    pub fn poll(&mut self) -> Option<PeersOutput> {
        self.outputs.pop_front()
    }

    /// Returns what is known of each peer, by id.
    pub fn stats(&self) -> Vec<PeerStats> {
        self.peers.iter().map(|(id, peer)| peer.stats(*id)).collect()
    }

    /// Returns how many fetches are under way.
    pub fn fetches_pending(&self) -> usize {
        self.attempts.len()
    }

    /// Returns the base address of a peer.
    pub fn address(&self, peer: PeerId) -> Option<&Address> {
        self.peers.get(&peer).map(|peer| &peer.address)
    }
}
