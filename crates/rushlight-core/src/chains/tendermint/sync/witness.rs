//! Witnesses: other providers that must have the same header before it is adopted.
//!
//! Headers are compared by hash, never commits: two honest nodes may hold different commits for one header. A witness's
//! dissent counts only when its own header verifies from our trusted state: then more than a third of a trusted set has
//! signed two histories, and nothing may be adopted any more. Else it is the witness that is at fault; otherwise one
//! liar could stop the client.

use super::super::types::{Commit, Header};
use super::super::verify::VerifiedBlock;
use super::desk::Desk;
use super::fetch::{Failed, Got, RequestId};
use super::skipping::{Skipping, Walked};
use crate::base::{Instant, PeerId, WorkId};
use crate::chains::{Done, To, Verdict};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

/// After how long witnesses that do not have the height yet are asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The check of one verified block against all witnesses.
#[derive(Debug)]
pub struct CrossCheck {
    /// The block that is to be adopted.
    block: VerifiedBlock,
    /// The last adopted block: what a dissenting header must verify from.
    trusted: VerifiedBlock,
    asked: BTreeMap<RequestId, PeerId>,
    /// What each witness was found to say.
    agreeing: Vec<PeerId>,
    witnesses: Vec<PeerId>,
    dissents: Vec<(PeerId, Skipping)>,
    retry_at: Option<Instant>,
    min: u32,
}

/// What a check came to.
#[derive(Debug)]
pub enum Checked {
    /// It waits.
    Pending,
    /// Enough witnesses agree.
    Agreed,
    /// A witness is at fault.
    Fault(Failed),
    /// Two headers of one height verify from our trusted state.
    Attack(PeerId, VerifiedBlock),
}

impl CrossCheck {
    /// Starts a check: asks all `witnesses`, of which `min` must agree.
    pub fn start(
        block: VerifiedBlock,
        trusted: VerifiedBlock,
        witnesses: Vec<PeerId>,
        min: u32,
        desk: &mut Desk,
    ) -> Self {
        let mut check = Self {
            block,
            trusted,
            asked: BTreeMap::new(),
            agreeing: Vec::new(),
            witnesses: Vec::new(),
            dissents: Vec::new(),
            retry_at: None,
            min,
        };
        check.ask(&witnesses, desk);
        check
    }

    /// Returns the block that is checked.
    pub fn block(&self) -> &VerifiedBlock {
        &self.block
    }

    /// Returns how many witnesses agree, and how many were asked.
    pub fn count(&self) -> (u32, u32) {
        let count = |list: &Vec<PeerId>| u32::try_from(list.len()).unwrap_or(u32::MAX);
        (count(&self.agreeing), count(&self.witnesses))
    }

    /// Returns when the check wants to be asked again.
    pub fn deadline(&self) -> Option<Instant> {
        let walks = self.dissents.iter().map(|(_, walk)| walk.deadline()).min();
        [walks, self.retry_at].into_iter().flatten().min()
    }

    fn ask(&mut self, witnesses: &[PeerId], desk: &mut Desk) {
        for witness in witnesses {
            if !self.witnesses.contains(witness) {
                self.witnesses.push(*witness);
            }
            let request = desk.fetcher.signed(self.block.height(), To::Only(*witness));
            self.asked.insert(request, *witness);
        }
    }

    /// Forgets what is asked for.
    pub fn cancel(&mut self, desk: &mut Desk) {
        for request in core::mem::take(&mut self.asked).into_keys() {
            desk.fetcher.cancel(request);
        }
        for (_, walk) in &mut self.dissents {
            walk.cancel(desk);
        }
        self.dissents.clear();
    }

    /// Tells whether the check waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        self.asked.contains_key(&request) || self.dissents.iter().any(|(_, walk)| walk.waits_for_request(request))
    }

    /// Tells whether the check waits for this work.
    pub fn waits_for_work(&self, work: WorkId) -> bool {
        self.dissents.iter().any(|(_, walk)| walk.waits_for_work(work))
    }

    /// Asks those again who did not have the height, once it is time, and those who have joined since.
    pub fn tick(&mut self, witnesses: &[PeerId], desk: &mut Desk, now: Instant) -> Checked {
        for index in 0..self.dissents.len() {
            let checked = self.walk(index, desk, now, |walk, desk| walk.advance(desk, now));
            if !matches!(checked, Checked::Pending) {
                return checked;
            }
        }
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            let busy: Vec<PeerId> = self.asked.values().copied().chain(self.dissents.iter().map(|d| d.0)).collect();
            let again = |witness: &&PeerId| !self.agreeing.contains(witness) && !busy.contains(witness);
            let again: Vec<PeerId> = witnesses.iter().filter(again).copied().collect();
            self.ask(&again, desk);
        }
        self.conclude(now)
    }

    /// Takes in what a request that the check waits for came to.
    pub fn got(&mut self, request: RequestId, got: Got, desk: &mut Desk, now: Instant) -> Checked {
        if let Some(index) = self.dissents.iter().position(|(_, walk)| walk.waits_for_request(request)) {
            return self.walk(index, desk, now, |walk, desk| walk.got(got, desk, now));
        }
        let Some(witness) = self.asked.remove(&request) else { return Checked::Pending };
        match got {
            Got::Signed(signed) => self.compare(witness, &signed.0, &signed.1, desk, now),
            Got::Failed(failed) if failed.verdict == Verdict::Behind => {
                // It will have the height soon: no fault.
                self.conclude(now)
            }
            Got::Failed(failed) => {
                let concluded = self.conclude(now);
                if matches!(concluded, Checked::Pending) { Checked::Fault(failed) } else { concluded }
            }
            _ => self.conclude(now),
        }
    }

    /// Takes in signatures that the check waits for.
    pub fn worked(&mut self, work: WorkId, done: &Done, desk: &mut Desk, now: Instant) -> Checked {
        match self.dissents.iter().position(|(_, walk)| walk.waits_for_work(work)) {
            Some(index) => self.walk(index, desk, now, |walk, desk| walk.worked(done, desk, now)),
            None => Checked::Pending,
        }
    }

    fn compare(&mut self, witness: PeerId, header: &Header, commit: &Commit, desk: &mut Desk, now: Instant) -> Checked {
        let hash = header.hash();
        if hash == self.block.hash() {
            self.agreeing.push(witness);
            return self.conclude(now);
        }
        if commit.block_id.hash != hash {
            let (height, got) = (header.height, commit.block_id.hash);
            let why = format!("witness's header of height {height} has hash {hash}, its own commit is for {got}");
            return Checked::Fault(lying(witness, why));
        }
        let walk = Skipping::start(self.trusted.clone(), self.block.height(), witness, false, desk, now);
        self.dissents.push((witness, walk));
        Checked::Pending
    }

    fn walk(
        &mut self,
        index: usize,
        desk: &mut Desk,
        now: Instant,
        step: impl FnOnce(&mut Skipping, &mut Desk) -> Walked,
    ) -> Checked {
        let Some((witness, walk)) = self.dissents.get_mut(index) else { return Checked::Pending };
        let witness = *witness;
        match step(walk, desk) {
            Walked::Pending => Checked::Pending,
            Walked::Reached => {
                let (_, walk) = self.dissents.remove(index);
                let theirs = walk.current().clone();
                // It may have changed its mind meanwhile.
                if theirs.hash() == self.block.hash() {
                    self.agreeing.push(witness);
                    return self.conclude(now);
                }
                Checked::Attack(witness, theirs)
            }
            Walked::Failed(failed) => {
                self.dissents.remove(index);
                // It said that it has another header and cannot prove it.
                let why = format!("witness dissents and cannot prove its header: {}", failed.why);
                let verdict = if failed.is_noted { failed.verdict } else { Verdict::Lying };
                Checked::Fault(Failed { peer: Some(witness), verdict, why, ..failed })
            }
            Walked::Expired(..) => {
                self.dissents.remove(index);
                self.conclude(now)
            }
        }
    }

    /// Every verdict is in before anything is concluded: the order of answers must not matter.
    fn conclude(&mut self, now: Instant) -> Checked {
        if !self.asked.is_empty() || !self.dissents.is_empty() {
            return Checked::Pending;
        }
        if self.count().0 >= self.min {
            return Checked::Agreed;
        }
        if self.retry_at.is_none() {
            self.retry_at = Some(now.after(RETRY_AFTER));
        }
        Checked::Pending
    }
}

fn lying(peer: PeerId, why: alloc::string::String) -> Failed {
    Failed { peer: Some(peer), verdict: Verdict::Lying, is_noted: false, why }
}
