//! One peer.

use super::http::Address;
use super::quarantine::Record;
use super::score::AnswerTimes;
use super::{FETCHES_PER_PEER_MAX, Fault, PeerStats};
use crate::base::{AskId, ChainId, FetchId, Instant, PeerId};
use alloc::collections::BTreeSet;

#[derive(Debug)]
pub(super) struct Peer {
    /// The chains that it serves.
    pub chains: BTreeSet<ChainId>,
    pub address: Address,
    pub times: AnswerTimes,
    pub record: Record,
    /// What was held against it last; while it is in quarantine, what it is there for.
    pub last_fault: Option<Fault>,
    /// Back from quarantine and not heard of since.
    pub is_on_probation: bool,
    pub answered: u64,
    pub last_answer: Option<Instant>,
    pub fetches: BTreeSet<FetchId>,
    /// Asks that only this peer may answer, by age.
    pub waiting: BTreeSet<(u64, ChainId, AskId)>,
}

impl Peer {
    pub(super) fn new(address: Address) -> Self {
        Self {
            chains: BTreeSet::new(),
            address,
            times: AnswerTimes::new(),
            record: Record::default(),
            last_fault: None,
            is_on_probation: false,
            answered: 0,
            last_answer: None,
            fetches: BTreeSet::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Tells whether the peer may be asked at all.
    pub(super) fn is_admitted(&self) -> bool {
        self.record.quarantine().is_none()
    }

    /// Tells whether the peer may be sent one more request now. On probation that is one at a time.
    pub(super) fn is_free(&self) -> bool {
        let fetches_max = if self.is_on_probation { 1 } else { FETCHES_PER_PEER_MAX };
        self.is_admitted() && self.fetches.len() < fetches_max
    }

    /// Returns what an idle peer costs: its mean answer time in microseconds, made dearer by what is held against it.
    pub(super) fn cost(&self, now: Instant) -> u64 {
        self.times.mean_us().saturating_mul(self.record.cost(now).saturating_add(100)) / 100
    }

    /// Returns the cost of one more request: what it is doing already comes first.
    pub(super) fn cost_of_next(&self, now: Instant) -> u64 {
        let ahead = u64::try_from(self.fetches.len()).unwrap_or(u64::MAX);
        self.cost(now).saturating_mul(ahead.saturating_add(1))
    }

    pub(super) fn stats(&self, id: PeerId) -> PeerStats {
        PeerStats {
            peer: id,
            chains: self.chains.iter().copied().collect(),
            address: self.address.clone(),
            quarantined: self.record.quarantine().map(|quarantine| quarantine.verdict),
            answered: self.answered,
            faults: self.record.faults(),
            last_fault: self.last_fault.as_ref().map(|fault| (fault.verdict, fault.why.clone())),
            p95_ms: self.times.p95().map(|p95| u32::try_from(p95.as_millis()).unwrap_or(u32::MAX)),
        }
    }
}
