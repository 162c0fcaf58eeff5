//! How an ask is put: who is asked next, and what becomes of each attempt.

use super::hedge::hedge_at;
use super::http::judge;
use super::quarantine::Jitter;
use super::timers::Timer;
use super::{
    ATTEMPTS_MAX, Answered, Ask, AskFailed, Fault, Fetch, FetchFailed, Fetched, HttpQuestion, Method, Oversize,
    PATIENCE_MAX, PATIENCE_MIN, Peers, PeersOutput, Question, Share, Verdict,
};
use crate::base::{AskId, ChainId, FetchId, Instant, PeerId};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A connection that a peer answered on may be kept open for so long.
pub const KEPT_ALIVE_MAX: Duration = Duration::from_secs(120);

/// An open ask.
#[derive(Debug)]
pub(super) struct Asked {
    pub ask: Ask,
    /// Its place among all asks.
    pub turn: u64,
    pub tried: BTreeSet<PeerId>,
    pub attempts: u32,
    /// At most two: the first and its hedge.
    pub fetches: Vec<FetchId>,
    pub last: Option<Fault>,
    pub waits_until: Option<Instant>,
    pub waits: u32,
    pub is_reset_forgiven: bool,
}

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub chain: ChainId,
    pub ask: AskId,
    peer: PeerId,
    since: Instant,
    late_at: Instant,
    pub hedge_at: Option<Instant>,
    /// Since when the driver has it wait.
    held_at: Option<Instant>,
}

impl Asked {
    pub(super) fn new(ask: Ask, turn: u64) -> Self {
        let patience = ask.patience.clamp(PATIENCE_MIN, PATIENCE_MAX);
        Self {
            ask: Ask { patience, ..ask },
            turn,
            tried: BTreeSet::new(),
            attempts: 0,
            fetches: Vec::new(),
            last: None,
            waits_until: None,
            waits: 0,
            is_reset_forgiven: false,
        }
    }

    pub(super) fn has_attempts_left(&self) -> bool {
        self.attempts < ATTEMPTS_MAX
    }
}

/// What became of a failed attempt, and what is held against its peer.
#[derive(Debug)]
pub(super) struct Miss {
    pub verdict: Verdict,
    pub why: String,
    pub retry_after: Option<Duration>,
    pub is_reset: bool,
    pub is_oversized: bool,
}

impl Miss {
    pub(super) fn new(verdict: Verdict, why: String) -> Self {
        Self { verdict, why, retry_after: None, is_reset: false, is_oversized: false }
    }

    /// Returns what is held against a peer that did not answer within `patience`.
    pub(super) fn slow(patience: Duration) -> Self {
        Self::new(Verdict::Slow, format!("no complete answer within {} ms", patience.as_millis()))
    }
}

impl Peers {
    /// Forgets an ask wherever it stands and cancels its fetches.
    pub(super) fn close(&mut self, chain: ChainId, id: AskId) {
        self.unwait(chain, id);
        let Some(asked) = self.asks.remove(&(chain, id)) else { return };
        if let Some(crowd) = self.chains.get_mut(&chain) {
            crowd.asks_open = crowd.asks_open.saturating_sub(1);
        }
        for fetch in asked.fetches {
            self.end_attempt(fetch);
            self.outputs.push_back(PeersOutput::CancelFetch(fetch));
        }
    }

    pub(super) fn close_unanswered(&mut self, chain: ChainId, id: AskId) {
        let Some(asked) = self.asks.get(&(chain, id)) else { return };
        let tried = u32::try_from(asked.tried.len()).unwrap_or(u32::MAX);
        let failed = AskFailed { tried, last: asked.last.clone() };
        self.close(chain, id);
        self.outputs.push_back(PeersOutput::Unanswered { chain, ask: id, failed });
    }

    /// Frees the peer's slot and takes out the timers of a fetch.
    fn end_attempt(&mut self, fetch: FetchId) -> Option<Attempt> {
        let attempt = self.attempts.remove(&fetch)?;
        self.timers.remove(attempt.late_at, Timer::Late(fetch));
        if let Some(hedge_at) = attempt.hedge_at {
            self.timers.remove(hedge_at, Timer::Hedge(fetch));
        }
        if let Some(peer) = self.peers.get_mut(&attempt.peer) {
            peer.fetches.remove(&fetch);
        }
        if let Some(asked) = self.asks.get_mut(&(attempt.chain, attempt.ask)) {
            asked.fetches.retain(|open| *open != fetch);
        }
        Some(attempt)
    }

    /// Sends an ask to a peer.
    pub(super) fn start(&mut self, now: Instant, chain: ChainId, id: AskId, peer_id: PeerId) {
        self.unwait(chain, id);
        let (Some(asked), Some(peer)) = (self.asks.get_mut(&(chain, id)), self.peers.get_mut(&peer_id)) else { return };
        let fetch = FetchId(self.fetches_made);
        self.fetches_made = self.fetches_made.saturating_add(1);
        asked.attempts = asked.attempts.saturating_add(1);
        asked.tried.insert(peer_id);
        asked.fetches.push(fetch);
        peer.fetches.insert(fetch);
        let late_at = now.after(asked.ask.patience);
        let hedge_at = hedge_at(now, asked, peer).filter(|at| *at < late_at);
        self.timers.add(late_at, Timer::Late(fetch));
        if let Some(at) = hedge_at {
            self.timers.add(at, Timer::Hedge(fetch));
        }
        let (url, method) = match &asked.ask.question {
            Question::Http(HttpQuestion::Get(target)) => (peer.address.join(target), Method::Get),
            Question::Http(HttpQuestion::Post(text)) => (peer.address.exposed().into(), Method::Post(text.clone())),
        };
        let (body_bytes_max, timeout) = (asked.ask.answer_bytes_max, asked.ask.patience);
        self.attempts
            .insert(fetch, Attempt { chain, ask: id, peer: peer_id, since: now, late_at, hedge_at, held_at: None });
        let share = Share { chain, peer: peer_id };
        self.outputs.push_back(PeersOutput::Fetch(fetch, Fetch { share, url, method, body_bytes_max, timeout }));
    }

    /// Stops the clock of an attempt that the driver has wait. Somebody else may still be asked too.
    pub(super) fn hold_attempt(&mut self, now: Instant, fetch: FetchId) {
        let Some(attempt) = self.attempts.get_mut(&fetch).filter(|attempt| attempt.held_at.is_none()) else { return };
        attempt.held_at = Some(now);
        self.timers.remove(attempt.late_at, Timer::Late(fetch));
    }

    /// Lets the clock of an attempt go on.
    pub(super) fn release_attempt(&mut self, now: Instant, fetch: FetchId) {
        let Some(attempt) = self.attempts.get_mut(&fetch) else { return };
        let Some(held_at) = attempt.held_at.take() else { return };
        let waited = now.since(held_at);
        attempt.since = attempt.since.after(waited);
        attempt.late_at = attempt.late_at.after(waited);
        self.timers.add(attempt.late_at, Timer::Late(fetch));
    }

    /// Takes in what became of a fetch.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        fetch: FetchId,
        result: Result<Fetched<'_>, FetchFailed>,
    ) -> Option<Answered> {
        let attempt = self.attempts.get(&fetch)?;
        let (chain, ask, peer_id) = (attempt.chain, attempt.ask, attempt.peer);
        match judge(&result, &self.asks.get(&(chain, ask))?.ask) {
            Ok(status) => {
                self.answered(now, fetch);
                self.place_waiting_for(now, peer_id);
                Some(Answered { chain, ask, peer: peer_id, status })
            }
            Err(miss) => {
                self.failed(now, fetch, &miss);
                None
            }
        }
    }

    fn answered(&mut self, now: Instant, fetch: FetchId) {
        let Some(attempt) = self.end_attempt(fetch) else { return };
        if let Some(peer) = self.peers.get_mut(&attempt.peer) {
            peer.times.record(now.since(attempt.since));
            peer.record.answered(now);
            peer.is_on_probation = false;
            peer.answered = peer.answered.saturating_add(1);
            peer.last_answer = Some(now);
        }
        // Who lost the race needed at least so long. Without this a slow peer, always beaten by its hedge, would go on
        // being taken for a fast one.
        let losers = self.asks.get(&(attempt.chain, attempt.ask)).map(|asked| asked.fetches.clone());
        for loser in losers.into_iter().flatten().filter_map(|fetch| self.attempts.get(&fetch)) {
            if let Some(peer) = self.peers.get_mut(&loser.peer) {
                // For as long as it is held nothing is known of it.
                peer.times.record(loser.held_at.unwrap_or(now).since(loser.since));
            }
        }
        self.close(attempt.chain, attempt.ask);
    }

    /// Holds a fault against the peer of an attempt and tries the next one.
    fn failed(&mut self, now: Instant, fetch: FetchId, miss: &Miss) {
        let Some(attempt) = self.end_attempt(fetch) else { return };
        let (chain, ask, peer) = (attempt.chain, attempt.ask, attempt.peer);
        if miss.is_reset && self.is_reset_forgiven(now, &attempt) {
            self.start(now, chain, ask, peer);
            return;
        }
        let fault = Fault::new(peer, miss.verdict, &miss.why);
        let is_held_against = self.asks.get(&(chain, ask)).is_none_or(|asked| {
            asked.ask.is_held_against && (asked.ask.oversize != Oversize::Unable || !miss.is_oversized)
        });
        self.give_up_attempt(now, chain, ask, fault.clone());
        if is_held_against {
            self.strike(now, fault, miss.retry_after);
        }
        self.place_waiting_for(now, peer);
    }

    /// Tells, once per ask, whether a reset is put down to a connection that the peer had kept open and closed since.
    fn is_reset_forgiven(&mut self, now: Instant, attempt: &Attempt) -> bool {
        let Some(peer) = self.peers.get(&attempt.peer) else { return false };
        let is_kept = peer.last_answer.is_some_and(|at| now.since(at) <= KEPT_ALIVE_MAX);
        let Some(asked) = self.asks.get_mut(&(attempt.chain, attempt.ask)) else { return false };
        is_kept && asked.ask.is_repeated && peer.is_free() && !core::mem::replace(&mut asked.is_reset_forgiven, true)
    }

    /// Lets an ask go on after one of its attempts ended without an answer.
    fn give_up_attempt(&mut self, now: Instant, chain: ChainId, id: AskId, last: Fault) {
        let Some(asked) = self.asks.get_mut(&(chain, id)) else { return };
        asked.last = Some(last);
        let goes_on = asked.ask.is_repeated && asked.ask.to.only().is_none() && asked.has_attempts_left();
        let is_open = !asked.fetches.is_empty();
        if goes_on {
            self.wait(now, chain, id);
        } else if !is_open {
            self.close_unanswered(chain, id);
        }
    }

    /// Holds a verdict against a peer and takes it out of service when that is enough.
    pub(super) fn strike(&mut self, now: Instant, fault: Fault, retry_after: Option<Duration>) {
        let (id, verdict) = (fault.peer, fault.verdict);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let before = peer.record.quarantine();
        let jitter = Jitter { seed: &self.seed, peer: id };
        let quarantine = peer.record.strike(now, verdict, retry_after, jitter);
        if before.is_none() || quarantine.is_some() {
            // What a peer in quarantine is struck for on top says less than what it is in quarantine for.
            peer.last_fault = Some(fault.clone());
        }
        let Some(quarantine) = quarantine else { return };
        let length = quarantine.until.since(now);
        self.outputs.push_back(PeersOutput::Quarantined { peer: id, verdict, why: fault.why.clone(), length });
        let chains = peer.chains.clone();
        match before {
            Some(before) => self.timers.remove(before.until, Timer::Readmit(id)),
            None => self.outputs.extend(chains.iter().map(|chain| PeersOutput::Left(*chain, id))),
        }
        self.timers.add(quarantine.until, Timer::Readmit(id));
        self.release_asks(now, id, &fault, |_| true);
        for chain in chains {
            self.readmit_early(chain);
        }
    }

    /// Takes a peer's asks of some chains from it: what others may answer goes on, the rest fails.
    pub(super) fn release_asks(&mut self, now: Instant, id: PeerId, last: &Fault, is_of: impl Fn(ChainId) -> bool) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let waiting: Vec<_> = peer.waiting.iter().copied().filter(|(_, chain, _)| is_of(*chain)).collect();
        let fetches: Vec<FetchId> = peer.fetches.iter().copied().collect();
        for fetch in fetches {
            if self.attempts.get(&fetch).is_some_and(|attempt| is_of(attempt.chain))
                && let Some(attempt) = self.end_attempt(fetch)
            {
                self.outputs.push_back(PeersOutput::CancelFetch(fetch));
                self.give_up_attempt(now, attempt.chain, attempt.ask, last.clone());
            }
        }
        for (_, chain, ask) in waiting {
            if let Some(asked) = self.asks.get_mut(&(chain, ask)) {
                asked.last = Some(last.clone());
                self.close_unanswered(chain, ask);
            }
        }
    }

    /// Lets a peer of a chain back early when all are out: of those that did not lie the one that has been out longest,
    /// so that each gets its turn whatever the others are out for.
    pub(super) fn readmit_early(&mut self, chain: ChainId) {
        if self.admitted(chain).next().is_some() {
            return;
        }
        let peers = self.chains.get(&chain).into_iter().flat_map(|crowd| crowd.peers.iter().copied());
        let next = peers
            .filter_map(|id| Some((id, self.peers.get(&id)?.record.quarantine()?)))
            .filter_map(|(id, quarantine)| Some((quarantine.early_end()?, quarantine.verdict, id, quarantine.until)))
            .min();
        let Some((end, _, id, until)) = next else { return };
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.record.shorten(end);
            self.timers.remove(until, Timer::Readmit(id));
            self.timers.add(end.min(until), Timer::Readmit(id));
        }
    }

    /// Does what a timer was set for.
    pub(super) fn due(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Late(fetch) => {
                let Some(attempt) = self.attempts.get(&fetch) else { return };
                let patience = attempt.late_at.since(attempt.since);
                if let Some(peer) = self.peers.get_mut(&attempt.peer) {
                    peer.times.record(now.since(attempt.since));
                }
                self.outputs.push_back(PeersOutput::CancelFetch(fetch));
                self.failed(now, fetch, &Miss::slow(patience));
            }
            Timer::Hedge(fetch) => self.hedge(now, fetch),
            Timer::Wait(chain, ask) => self.waited(now, chain, ask),
            Timer::Readmit(id) => {
                let Some(peer) = self.peers.get_mut(&id) else { return };
                peer.record.readmit(now);
                peer.is_on_probation = true;
                let chains = peer.chains.clone();
                self.outputs.push_back(PeersOutput::Readmitted(id));
                self.outputs.extend(chains.into_iter().map(|chain| PeersOutput::Joined(chain, id)));
                self.place_waiting_for(now, id);
            }
        }
    }
}
