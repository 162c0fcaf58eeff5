//! Witnesses: other providers that must have the same header before it is adopted.
//!
//! Headers are compared by hash, never commits: two honest nodes may hold different commits for one header. A witness's
//! dissent counts only when its own header verifies from our trusted state: then more than a third of a trusted set has
//! signed two histories, and nothing may be adopted any more. Else it is the witness that is at fault; otherwise one
//! liar could stop the client.
//!
//! Everybody is asked, also who seems to be run by the primary's operator: node ids are only what providers say of
//! themselves, and a liar that takes an honest provider's id must not thereby silence it. Kinship bears on one thing: whose
//! agreement counts.

use crate::base::{Instant, PeerId, WorkId};
use crate::chains::tendermint::sync::ask::{Failed, Fetcher, Got, RequestId};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::walk::skipping::{Skipping, Walked};
use crate::chains::tendermint::types::{Commit, Header};
use crate::chains::tendermint::verify::VerifiedBlock;
use crate::chains::{To, Verdict};
use crate::work::Done;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
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
    primary: PeerId,
    asked: BTreeMap<RequestId, PeerId>,
    /// Who has the same header.
    agreeing: Vec<PeerId>,
    /// Who was asked, and who runs it as far as its address tells; the primary's too.
    operators: BTreeMap<PeerId, String>,
    /// How many of those who were asked agree independently, and how many could.
    count: (u32, u32),
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
    /// Starts a check: asks all `peers` but the `primary`; so many as `min` must agree that are independent of it and of
    /// each other.
    pub fn start(
        block: VerifiedBlock,
        trusted: VerifiedBlock,
        primary: PeerId,
        peers: &BTreeMap<PeerId, String>,
        min: u32,
        desk: &mut Desk,
    ) -> Self {
        let mut check = Self {
            block,
            trusted,
            primary,
            asked: BTreeMap::new(),
            agreeing: Vec::new(),
            operators: BTreeMap::new(),
            count: (0, 0),
            dissents: Vec::new(),
            retry_at: None,
            min,
        };
        check.ask(peers, desk);
        check
    }

    /// Returns the block that is checked.
    pub fn block(&self) -> &VerifiedBlock {
        &self.block
    }

    /// Returns who gave the block that is checked.
    pub fn primary(&self) -> PeerId {
        self.primary
    }

    /// Returns how many witnesses agree, and how many were asked; of those that are kin only one counts.
    pub fn count(&self) -> (u32, u32) {
        self.count
    }

    /// Returns when the check wants to be asked again.
    pub fn deadline(&self) -> Option<Instant> {
        let walks = self.dissents.iter().map(|(_, walk)| walk.deadline()).min();
        [walks, self.retry_at].into_iter().flatten().min()
    }

    /// Asks all of `peers` that have not agreed and are not busy with an answer.
    fn ask(&mut self, peers: &BTreeMap<PeerId, String>, desk: &mut Desk) {
        let busy: Vec<PeerId> = self.asked.values().copied().chain(self.dissents.iter().map(|d| d.0)).collect();
        for (peer, operator) in peers {
            self.operators.insert(*peer, operator.clone());
            if *peer != self.primary && !self.agreeing.contains(peer) && !busy.contains(peer) {
                let request = desk.fetcher.signed(self.block.height(), To::Only(*peer));
                self.asked.insert(request, *peer);
            }
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
    pub fn tick(&mut self, peers: &BTreeMap<PeerId, String>, desk: &mut Desk, now: Instant) -> Checked {
        for index in 0..self.dissents.len() {
            let checked = self.walk(index, desk, now, |walk, desk| walk.advance(desk, now));
            if !matches!(checked, Checked::Pending) {
                return checked;
            }
        }
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.ask(peers, desk);
        }
        self.conclude(desk, now)
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
                self.conclude(desk, now)
            }
            Got::Failed(failed) => {
                let concluded = self.conclude(desk, now);
                if matches!(concluded, Checked::Pending) { Checked::Fault(failed) } else { concluded }
            }
            _ => self.conclude(desk, now),
        }
    }

    /// Takes in signatures that the check waits for.
    pub fn worked(&mut self, work: WorkId, done: Done, desk: &mut Desk, now: Instant) -> Checked {
        match self.dissents.iter().position(|(_, walk)| walk.waits_for_work(work)) {
            Some(index) => self.walk(index, desk, now, |walk, desk| walk.worked(done, desk, now)),
            None => Checked::Pending,
        }
    }

    fn compare(&mut self, witness: PeerId, header: &Header, commit: &Commit, desk: &mut Desk, now: Instant) -> Checked {
        let hash = header.hash();
        if hash == self.block.hash() {
            self.agreeing.push(witness);
            return self.conclude(desk, now);
        }
        if commit.block_id.hash != hash {
            let (height, got) = (header.height, commit.block_id.hash);
            let why = format!("witness's header of height {height} has hash {hash}, its own commit is for {got}");
            return Checked::Fault(Failed::by(witness, Verdict::Lying, why));
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
                    return self.conclude(desk, now);
                }
                Checked::Attack(witness, theirs)
            }
            Walked::Failed(failed) => {
                self.dissents.remove(index);
                if failed.peer.is_some_and(|peer| peer != witness) {
                    // Sets are asked of anybody. Who gave a wrong one is at fault, and the witness is asked again.
                    return Checked::Fault(failed);
                }
                // It said that it has another header and does not prove it. It lies when what it gave is provably wrong; one that
                // is slow, refuses or has pruned may be the only honest one.
                let why = format!("witness dissents and does not prove its header: {}", failed.why);
                Checked::Fault(Failed { peer: Some(witness), why, ..failed })
            }
            Walked::Expired(..) | Walked::TooLarge(_) => {
                self.dissents.remove(index);
                self.conclude(desk, now)
            }
        }
    }

    /// Every verdict is in before anything is concluded: the order of answers must not matter.
    fn conclude(&mut self, desk: &Desk, now: Instant) -> Checked {
        if !self.asked.is_empty() || !self.dissents.is_empty() {
            return Checked::Pending;
        }
        let count = |among: &mut dyn Iterator<Item = PeerId>| {
            u32::try_from(independent(self.primary, among, &self.operators, &desk.fetcher).len()).unwrap_or(u32::MAX)
        };
        let agreeing = count(&mut self.agreeing.iter().copied());
        self.count = (agreeing, count(&mut self.operators.keys().copied()).max(agreeing));
        if agreeing >= self.min {
            return Checked::Agreed;
        }
        if self.retry_at.is_none() {
            self.retry_at = Some(now.after(RETRY_AFTER));
        }
        Checked::Pending
    }
}

/// Returns those `among` some providers that can witness for the primary: run by somebody else, and another node, as far as
/// addresses and node ids tell; one of each operator.
pub(crate) fn independent(
    primary: PeerId,
    among: &mut dyn Iterator<Item = PeerId>,
    operators: &BTreeMap<PeerId, String>,
    fetcher: &Fetcher,
) -> Vec<PeerId> {
    let node_id = |peer: PeerId| fetcher.status_of(peer).map(|status| &status.node_id);
    let mut seen = alloc::vec![primary];
    for peer in among {
        let is_kin = |other: &PeerId| {
            *other == peer
                || operators.get(other) == operators.get(&peer)
                || (node_id(peer).is_some() && node_id(peer) == node_id(*other))
        };
        if !seen.iter().any(is_kin) {
            seen.push(peer);
        }
    }
    seen.split_off(1)
}
