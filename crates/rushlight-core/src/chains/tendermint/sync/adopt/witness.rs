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
//!
//! A head waits for those that suffice and, for the grace that each of the others has, for them; never for the slowest. What
//! it did not wait for may still come: a check lives on after its head was adopted.

use crate::base::{Instant, PeerId, WorkId};
use crate::chains::tendermint::sync::adopt::kin::independent;
use crate::chains::tendermint::sync::adopt::standing::Standings;
use crate::chains::tendermint::sync::ask::{Failed, Fetcher, Got, RequestId};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::walk::skipping::{Skipping, Walked};
use crate::chains::tendermint::types::{Commit, Header};
use crate::chains::tendermint::verify::VerifiedBlock;
use crate::chains::{To, Verdict};
use crate::work::Done;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// After how long witnesses that do not have the height yet are asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a dissent may hold a head back while it is being proven.
pub const DISSENT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a head may wait for witnesses before it is given up and the newest one is fetched in its place.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(60);

/// The check of one verified block against all witnesses.
#[derive(Debug)]
pub struct CrossCheck {
    /// The block that is to be adopted.
    block: VerifiedBlock,
    /// The last adopted block: what a dissenting header must verify from.
    trusted: VerifiedBlock,
    primary: PeerId,
    /// What each witness said, or still has to say.
    words: BTreeMap<PeerId, Word>,
    /// Who was asked, and who runs it as far as its address tells; the primary's too.
    operators: BTreeMap<PeerId, String>,
    /// How many of those who were asked agree independently, and how many could.
    count: (u32, u32),
    /// When those who had nothing to say are asked again, if too few agree.
    retry_at: Option<Instant>,
    /// When the grace ends of somebody who is waited for.
    grace_ends: Option<Instant>,
    /// When the head no longer waits.
    ends: Instant,
}

#[derive(Debug)]
enum Word {
    /// It is to be asked, once it owes no answer to an older question.
    Due,
    /// It was asked.
    Asked { request: RequestId, at: Instant },
    /// It has the same header.
    Agrees,
    /// It has another one, and is asked to prove it. An overdue proof holds nothing back.
    Dissents { proof: Box<Skipping>, since: Instant, is_overdue: bool },
    /// It does not have the height yet.
    Behind,
    /// It has said nothing of use.
    Silent,
}

/// What a check came to.
#[derive(Debug)]
pub enum Checked {
    /// It waits.
    Pending,
    /// A provider is at fault.
    Fault(Failed),
    /// This witness said that it has another header, and has not proven it; what is held against it for that.
    Unproven(PeerId, Option<Failed>),
    /// Two headers of one height verify from our trusted state.
    Attack(Box<Conflict>),
}

/// Two verified headers of one height, and who gave them.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The one that was to be adopted, or was.
    pub ours: VerifiedBlock,
    /// Who gave it, where that is known: of an adopted block it is not kept.
    pub ours_from: Option<PeerId>,
    /// The other one.
    pub theirs: VerifiedBlock,
    /// Who gave the other one.
    pub theirs_from: PeerId,
}

impl CrossCheck {
    /// Starts a check of a block that `primary` gave.
    pub fn start(block: VerifiedBlock, trusted: VerifiedBlock, primary: PeerId, now: Instant) -> Self {
        Self {
            block,
            trusted,
            primary,
            words: BTreeMap::new(),
            operators: BTreeMap::new(),
            count: (0, 0),
            retry_at: None,
            grace_ends: None,
            ends: now.after(CHECK_TIME_MAX),
        }
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

    /// Returns about how many bytes it holds.
    pub fn size_bytes(&self) -> usize {
        self.block.block().size_bytes().saturating_add(self.block.validators().size_bytes())
    }

    /// Has a provider, run by `operator` as far as its address tells, asked too.
    pub fn invite(&mut self, peer: PeerId, operator: &str) {
        self.operators.entry(peer).or_insert_with(|| operator.into());
        if peer != self.primary {
            self.words.entry(peer).or_insert(Word::Due);
        }
    }

    /// Returns when the check wants to be asked again; `is_waited_for` when a head waits for it.
    pub fn deadline(&self, is_waited_for: bool) -> Option<Instant> {
        let proofs = self.words.values().filter_map(|word| match word {
            Word::Dissents { proof, is_overdue: true, .. } => Some(proof.deadline()),
            Word::Dissents { since, is_overdue: false, .. } => Some(since.after(DISSENT_TIME_MAX)),
            _ => None,
        });
        let waits = [self.retry_at, self.grace_ends, Some(self.ends)].into_iter().flatten();
        proofs.chain(waits.filter(|_| is_waited_for)).min()
    }

    /// Tells whether the head has waited for as long as it may.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.ends
    }

    /// Tells whether it is time to ask those again who had nothing to say.
    pub fn is_retry_due(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| now >= at)
    }

    /// Has those asked again who had nothing to say.
    pub fn retry(&mut self) {
        self.retry_at = None;
        for word in self.words.values_mut().filter(|word| matches!(word, Word::Behind | Word::Silent)) {
            *word = Word::Due;
        }
    }

    /// Tells whether a witness owes an answer: to the question, or a proof.
    pub fn is_busy_with(&self, peer: PeerId) -> bool {
        matches!(self.words.get(&peer), Some(Word::Asked { .. } | Word::Dissents { .. }))
    }

    /// Tells whether a dissent is being proven and holds heads back.
    pub fn is_disputed(&self) -> bool {
        self.words.values().any(|word| matches!(word, Word::Dissents { is_overdue: false, .. }))
    }

    /// Tells whether an answer may still come that matters, once nothing waits for it any more.
    pub fn is_open(&self) -> bool {
        self.words.values().any(|word| !matches!(word, Word::Agrees | Word::Silent))
    }

    /// Tells whether a witness is to be asked, `latest` being the highest height that it says it has.
    pub fn is_due(&self, peer: PeerId, latest: Option<u64>) -> bool {
        match self.words.get(&peer) {
            Some(Word::Due) => true,
            Some(Word::Behind) => latest >= Some(self.block.height()),
            _ => false,
        }
    }

    /// Asks a witness.
    pub fn ask(&mut self, peer: PeerId, desk: &mut Desk, now: Instant) {
        let request = desk.fetcher.signed(self.block.height(), To::Only(peer));
        self.words.insert(peer, Word::Asked { request, at: now });
    }

    /// Forgets what is asked for.
    pub fn cancel(&mut self, desk: &mut Desk) {
        for word in core::mem::take(&mut self.words).into_values() {
            match word {
                Word::Asked { request, .. } => desk.fetcher.cancel(request),
                Word::Dissents { mut proof, .. } => proof.cancel(desk),
                _ => {}
            }
        }
    }

    /// Tells whether the check waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        self.words.values().any(|word| match word {
            Word::Asked { request: asked, .. } => *asked == request,
            Word::Dissents { proof, .. } => proof.waits_for_request(request),
            _ => false,
        })
    }

    /// Tells whether the check waits for this work.
    pub fn waits_for_work(&self, work: WorkId) -> bool {
        self.words.values().any(|word| matches!(word, Word::Dissents { proof, .. } if proof.waits_for_work(work)))
    }

    /// Notes which proofs are overdue, and gives those up that have taken too long altogether.
    pub fn tick(&mut self, desk: &mut Desk, now: Instant) -> Vec<Checked> {
        let (height, mut checked, mut over) = (self.block.height(), Vec::new(), Vec::new());
        for (peer, word) in &mut self.words {
            let Word::Dissents { proof, since, is_overdue } = word else { continue };
            if !*is_overdue && now >= since.after(DISSENT_TIME_MAX) {
                *is_overdue = true;
                let limit = DISSENT_TIME_MAX.as_secs();
                let why = format!("witness dissents at height {height} and has not proven its header within {limit} s");
                // The proof may still come, and no strike is due before it is known to be wrong.
                let failed = Failed { is_noted: true, ..Failed::by(*peer, Verdict::Slow, why) };
                checked.push(Checked::Unproven(*peer, Some(failed)));
            }
            if now >= proof.deadline() {
                over.push(*peer);
            }
        }
        for peer in over {
            checked.push(self.prove(peer, desk, |proof, desk| proof.advance(desk, now)));
        }
        checked
    }

    /// Takes in what a request that the check waits for came to.
    pub fn got(
        &mut self,
        request: RequestId,
        got: Got,
        standings: &mut Standings,
        desk: &mut Desk,
        now: Instant,
    ) -> Vec<Checked> {
        let asked = |word: &Word| matches!(word, Word::Asked { request: asked, .. } if *asked == request);
        let Some((peer, word)) = self.words.iter_mut().find(|(_, word)| asked(word)) else {
            let proves = |word: &Word| matches!(word, Word::Dissents { proof, .. } if proof.waits_for_request(request));
            let Some(peer) = self.words.iter().find(|(_, word)| proves(word)).map(|(peer, _)| *peer) else {
                return Vec::new();
            };
            return alloc::vec![self.prove(peer, desk, |proof, desk| proof.got(got, desk, now))];
        };
        let witness = *peer;
        let Word::Asked { at, .. } = core::mem::replace(word, Word::Silent) else { return Vec::new() };
        let said = match &got {
            // What never reached it, or never came back, is no answer.
            Got::Failed(failed) if failed.is_noted => standings.did_not_answer(witness),
            _ => standings.answered(witness, at, now),
        };
        let checked = match got {
            Got::Signed(signed) => self.compare(witness, &signed.0, &signed.1, desk, now),
            Got::Failed(failed) if failed.verdict == Verdict::Behind => {
                // It will have the height soon: no fault.
                self.words.insert(witness, Word::Behind);
                Checked::Pending
            }
            Got::Failed(failed) => Checked::Fault(failed),
            _ => Checked::Pending,
        };
        said.map(Checked::Fault).into_iter().chain([checked]).collect()
    }

    /// Takes in signatures that the check waits for.
    pub fn worked(&mut self, work: WorkId, done: Done, desk: &mut Desk, now: Instant) -> Checked {
        let proves = |word: &Word| matches!(word, Word::Dissents { proof, .. } if proof.waits_for_work(work));
        match self.words.iter().find(|(_, word)| proves(word)).map(|(peer, _)| *peer) {
            Some(peer) => self.prove(peer, desk, |proof, desk| proof.worked(done, desk, now)),
            None => Checked::Pending,
        }
    }

    fn compare(&mut self, witness: PeerId, header: &Header, commit: &Commit, desk: &mut Desk, now: Instant) -> Checked {
        let hash = header.hash();
        if hash == self.block.hash() {
            self.words.insert(witness, Word::Agrees);
            return Checked::Pending;
        }
        if commit.block_id.hash != hash {
            let (height, got) = (header.height, commit.block_id.hash);
            let why = format!("witness's header of height {height} has hash {hash}, its own commit is for {got}");
            return Checked::Fault(Failed::by(witness, Verdict::Lying, why));
        }
        let proof = Skipping::start(self.trusted.clone(), self.block.height(), witness, false, desk, now);
        self.words.insert(witness, Word::Dissents { proof: Box::new(proof), since: now, is_overdue: false });
        Checked::Pending
    }

    /// Has the proof of a witness's dissent go on.
    fn prove(
        &mut self,
        witness: PeerId,
        desk: &mut Desk,
        step: impl FnOnce(&mut Skipping, &mut Desk) -> Walked,
    ) -> Checked {
        let Some(Word::Dissents { proof, .. }) = self.words.get_mut(&witness) else { return Checked::Pending };
        let walked = step(proof, desk);
        if matches!(walked, Walked::Pending) {
            return Checked::Pending;
        }
        proof.cancel(desk);
        let theirs = proof.current().clone();
        match walked {
            Walked::Reached if theirs.hash() != self.block.hash() => {
                self.words.insert(witness, Word::Silent);
                let (ours, ours_from) = (self.block.clone(), Some(self.primary));
                Checked::Attack(Box::new(Conflict { ours, ours_from, theirs, theirs_from: witness }))
            }
            // It has changed its mind meanwhile. That it agrees is proven; that it dissented has held heads back.
            Walked::Reached => {
                self.words.insert(witness, Word::Agrees);
                Checked::Unproven(witness, None)
            }
            // Sets are asked of anybody. Who gave a wrong one is at fault, and the witness is asked again.
            Walked::Failed(failed) if failed.peer.is_some_and(|peer| peer != witness) => {
                self.words.insert(witness, Word::Due);
                Checked::Fault(failed)
            }
            // It said that it has another header and does not prove it. It lies when what it gave is provably wrong; one that
            // is slow, refuses or has pruned may be the only honest one.
            Walked::Failed(failed) => {
                self.words.insert(witness, Word::Silent);
                let why = format!("witness dissents and does not prove its header: {}", failed.why);
                Checked::Unproven(witness, Some(Failed { peer: Some(witness), why, ..failed }))
            }
            Walked::Pending | Walked::Expired(..) | Walked::TooLarge(_) => {
                self.words.insert(witness, Word::Silent);
                Checked::Pending
            }
        }
    }

    /// Returns whom it has asked and when, of those that have not answered.
    pub fn asked(&self) -> impl Iterator<Item = (PeerId, Instant)> {
        self.words.iter().filter_map(|(peer, word)| match word {
            Word::Asked { at, .. } => Some((*peer, *at)),
            _ => None,
        })
    }

    /// Tells whether enough witnesses agree, no dissent is being proven, and all others have answered or had their grace.
    /// `asked` says who owes an answer, to this check or another one, and since when.
    pub fn is_enough(
        &mut self,
        min: u32,
        asked: &BTreeMap<PeerId, Instant>,
        standings: &Standings,
        fetcher: &Fetcher,
        now: Instant,
    ) -> bool {
        let count = |among: &mut dyn Iterator<Item = PeerId>| {
            u32::try_from(independent(self.primary, among, &self.operators, fetcher).len()).unwrap_or(u32::MAX)
        };
        let agrees = |(peer, word): (&PeerId, &Word)| matches!(word, Word::Agrees).then_some(*peer);
        let agreeing = count(&mut self.words.iter().filter_map(agrees));
        self.count = (agreeing, count(&mut self.operators.keys().copied()).max(agreeing));
        let graces = self.words.iter().filter_map(|(peer, word)| match word {
            // Who is asked about an older head is asked about this one next, if it answers in time.
            Word::Asked { .. } | Word::Due => standings.waited_for_until(*peer, *asked.get(peer)?),
            _ => None,
        });
        let graces = graces.filter(|until| now < *until);
        self.grace_ends = graces.min();
        if self.grace_ends.is_some() || self.is_disputed() {
            return false;
        }
        if agreeing < min && self.retry_at.is_none() {
            self.retry_at = Some(now.after(RETRY_AFTER));
        }
        agreeing >= min
    }
}
