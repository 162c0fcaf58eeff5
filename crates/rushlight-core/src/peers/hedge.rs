//! Hedges: when another peer is asked too, because the first one takes longer than it usually does.

use super::Peers;
use super::attempts::Asked;
use super::peer::Peer;
use crate::base::{FetchId, Instant};
use core::time::Duration;

/// Another peer is asked too no earlier than this.
pub const HEDGE_AFTER_MIN: Duration = Duration::from_millis(50);
/// Another peer is asked too no later than this.
pub const HEDGE_AFTER_MAX: Duration = Duration::from_secs(5);
/// When another peer is asked too while little is known of the first one's answer times.
pub const HEDGE_AFTER_UNKNOWN: Duration = Duration::from_secs(1);
/// Returns when another peer is asked too, if that may be.
pub(super) fn hedge_at(now: Instant, asked: &Asked, peer: &Peer) -> Option<Instant> {
    let may_be = asked.ask.is_hedged && asked.ask.is_repeated && asked.ask.to.only().is_none();
    let is_hedgeable = may_be && asked.fetches.len() == 1 && asked.has_attempts_left();
    let usual = peer.times.p95().unwrap_or(HEDGE_AFTER_UNKNOWN).clamp(HEDGE_AFTER_MIN, HEDGE_AFTER_MAX);
    Some(now.after(usual)).filter(|_| is_hedgeable)
}

impl Peers {
    /// Asks another peer too; when none is free, the first stays alone, because a hedge must not make a queue longer.
    pub(super) fn hedge(&mut self, now: Instant, fetch: FetchId) {
        let Some(attempt) = self.attempts.get_mut(&fetch) else { return };
        attempt.hedge_at = None;
        let (chain, ask) = (attempt.chain, attempt.ask);
        let Some(asked) = self.asks.get(&(chain, ask)) else { return };
        if asked.fetches.len() == 1
            && asked.has_attempts_left()
            && let Some(peer) = self.best(now, chain, asked)
        {
            self.start(now, chain, ask, peer);
        }
    }
}
