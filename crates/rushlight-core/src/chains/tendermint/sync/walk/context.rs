//! What every walk needs at hand: requests, works, rules and times.

use crate::base::WorkId;
use crate::chains::Action;
use crate::chains::tendermint::sync::ask::{FetchAction, Fetcher};
use crate::chains::tendermint::sync::walk::steps::Steps;
use crate::chains::tendermint::verify::{JudgedAt, Rules};
use crate::work::Work;
use alloc::collections::VecDeque;

/// Requests, works, rules and times of one chain, shared by all its walks.
#[derive(Debug)]
pub struct Desk {
    /// Requests to providers.
    pub fetcher: Fetcher,
    /// The rules of trust.
    pub rules: Rules,
    /// The times by which is judged, taken anew at each event.
    pub at: JudgedAt,
    /// What the chain wants done.
    pub actions: VecDeque<Action>,
    /// Heights before great changes, as the chain's walks have found them.
    pub steps: Steps,
    /// Headers verified.
    pub headers_verified: u64,
    /// Signatures sent out to be checked.
    pub signatures_checked: u64,
    next_work: u64,
}

impl Desk {
    /// Returns an empty desk.
    pub fn new(rules: Rules, at: JudgedAt) -> Self {
        Self {
            fetcher: Fetcher::default(),
            rules,
            at,
            actions: VecDeque::new(),
            steps: Steps::default(),
            headers_verified: 0,
            signatures_checked: 0,
            next_work: 0,
        }
    }

    /// Sends out the work of verifying this many signatures.
    pub fn send(&mut self, work: Work, signatures: usize) -> WorkId {
        let id = WorkId(self.next_work);
        self.next_work = self.next_work.saturating_add(1);
        self.signatures_checked = self.signatures_checked.saturating_add(u64::try_from(signatures).unwrap_or(u64::MAX));
        self.actions.push_back(Action::Work(id, work));
        id
    }

    /// Forgets a work: whoever it was for no longer waits.
    pub fn cancel_work(&mut self, work: WorkId) {
        self.actions.push_back(Action::CancelWork(work));
    }

    /// Returns the next action, requests included.
    pub fn poll(&mut self) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        self.fetcher.poll().map(|action| match action {
            FetchAction::Ask(id, ask) => Action::Ask(id, ask),
            FetchAction::Cancel(id) => Action::Cancel(id),
        })
    }
}
