//! Proofs: bundles, and headers between trusted heights, each by a walk of its own.
//!
//! Few are under way at a time, so that the sync itself is not held up; the others wait in the order in which they were
//! asked for, and who asks for what somebody else waits for already gets the same answer.
//!
//! A bundle starts from the checkpoint as long as that is trusted, since that is what its reader trusts too. A header is for
//! this client alone: it is reached from the nearest trusted block, upwards by signatures or downwards by the hash chain.

use crate::base::{Instant, Now, PeerId, QueryId, WorkId};
use crate::bundle::BUNDLE_BYTES_MAX;
use crate::chains::To;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::adopt::not_the_checkpoint;
use crate::chains::tendermint::sync::adopt::witness::Conflict;
use crate::chains::tendermint::sync::ask::{Got, RequestId};
use crate::chains::tendermint::sync::below::descend::{Descended, Descent};
use crate::chains::tendermint::sync::serve::start::Start;
use crate::chains::tendermint::sync::walk::skipping::{Skipping, WALK_TIME_MAX, Walked};
use crate::chains::tendermint::verify::{self, VerifiedBlock, VerifiedHeader};
use crate::rpc::limits::QUERIES_WAITING_MAX;
use crate::rpc::{Proven, QueryAnswer, QueryError};
use crate::work::Done;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The most proofs that are walked at once.
pub const PROOFS_MAX: usize = 4;
/// The most queries that one walk answers: each gets a copy, and a bundle can be large.
const PROOF_SHARED_MAX: usize = 16;

/// A proof is tried with so many providers.
const PROOF_PROVIDERS_MAX: u8 = 5;

/// All proofs that are waited for, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Proofs {
    pub(crate) proofs: BTreeMap<u64, Proof>,
    next: u64,
}

/// A header or bundle that queries wait for.
#[derive(Debug)]
pub(crate) struct Proof {
    height: u64,
    wanted: Wanted,
    /// Who waits for it.
    pub(crate) queries: Vec<QueryId>,
    pub(crate) stage: Stage,
    /// So many more providers may be tried.
    providers_left: u8,
    ends: Instant,
}

/// What a query wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A bundle.
    Bundle,
    /// The header.
    Header,
}

#[derive(Debug)]
pub(crate) enum Stage {
    /// Others are before it.
    Queued,
    /// The checkpoint's own block is fetched from this provider. Not from anybody: the fastest may not have it any more.
    Anchor(RequestId, PeerId),
    /// The way up to the height is walked.
    Walk(Box<Skipping>),
    /// The hash chain is followed down to the height.
    Descent(Box<Descent>),
}

/// What a proof came to.
enum Came {
    Walked(Walked),
    Header(Box<VerifiedHeader>),
}

impl Proofs {
    fn queries_count(&self) -> usize {
        self.proofs.values().map(|proof| proof.queries.len()).sum()
    }

    fn under_way_count(&self) -> usize {
        self.proofs.values().filter(|proof| !matches!(proof.stage, Stage::Queued)).count()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.proofs.values().map(Proof::deadline).min()
    }

    pub(crate) fn place_of(&self, is_it: impl Fn(&Proof) -> bool) -> Option<u64> {
        self.proofs.iter().find(|(_, proof)| is_it(proof)).map(|(place, _)| *place)
    }
}

impl Proof {
    fn deadline(&self) -> Instant {
        match &self.stage {
            Stage::Walk(walk) => walk.deadline(),
            _ => self.ends,
        }
    }

    fn waits_for_request(&self, request: RequestId) -> bool {
        match &self.stage {
            Stage::Queued => false,
            Stage::Anchor(id, _) => *id == request,
            Stage::Walk(walk) => walk.waits_for_request(request),
            Stage::Descent(descent) => descent.waits_for_request(request),
        }
    }
}

impl TendermintChain {
    /// Has a query wait for a proof, and begins with it if few others are under way.
    pub(crate) fn queue_proof(&mut self, id: QueryId, height: u64, wanted: Wanted, now: Now) -> Result<(), QueryError> {
        let waiting = self.proofs.queries_count();
        if waiting >= QUERIES_WAITING_MAX {
            return Err(QueryError::Busy { waiting });
        }
        let is_same = |proof: &&mut Proof| {
            (proof.height, proof.wanted) == (height, wanted) && proof.queries.len() < PROOF_SHARED_MAX
        };
        if let Some(same) = self.proofs.proofs.values_mut().find(is_same) {
            same.queries.push(id);
            return Ok(());
        }
        let proof = Proof {
            height,
            wanted,
            queries: alloc::vec![id],
            stage: Stage::Queued,
            providers_left: PROOF_PROVIDERS_MAX,
            ends: now.instant.after(WALK_TIME_MAX),
        };
        self.proofs.proofs.insert(self.proofs.next, proof);
        self.proofs.next = self.proofs.next.saturating_add(1);
        self.start_proofs(now);
        Ok(())
    }

    /// Begins with what waits longest, as far as there is room.
    pub(crate) fn start_proofs(&mut self, now: Now) {
        while self.proofs.under_way_count() < PROOFS_MAX {
            let Some(place) = self.proofs.place_of(|proof| matches!(proof.stage, Stage::Queued)) else { return };
            let Some(mut proof) = self.proofs.proofs.remove(&place) else { return };
            proof.ends = now.instant.after(WALK_TIME_MAX);
            match self.begin_proof(&mut proof, now) {
                Ok(walked) => self.proof_came(place, proof, Came::Walked(walked), now),
                Err(error) => self.answer_all(proof.queries, Err(error)),
            }
        }
    }

    fn begin_proof(&mut self, proof: &mut Proof, now: Now) -> Result<Walked, QueryError> {
        // It may have waited for long.
        self.trusted_head()?;
        match self.start_of(proof.height, proof.wanted)? {
            Start::Block(block) => {
                let nobody = || QueryError::NoProvider { why: "no provider can be asked now".to_string() };
                let provider = self.provider_from(block.height(), None).ok_or_else(nobody)?;
                Ok(self.start_proof_walk(proof, block, provider, now))
            }
            Start::Checkpoint => {
                proof.stage = self.fetch_anchor(None)?;
                Ok(Walked::Pending)
            }
            Start::Above(above) => {
                let descent = Descent::start(*above, proof.height, &mut self.desk.fetcher);
                proof.stage = Stage::Descent(Box::new(descent));
                Ok(Walked::Pending)
            }
        }
    }

    fn fetch_anchor(&mut self, but: Option<PeerId>) -> Result<Stage, QueryError> {
        let checkpoint = self.spec.trust.height;
        let nobody = || QueryError::NoProvider { why: "no provider can be asked now".to_string() };
        let provider = self.provider_from(checkpoint, but).ok_or_else(nobody)?;
        let request = self.desk.fetcher.block(checkpoint, To::Only(provider), true);
        Ok(Stage::Anchor(request, provider))
    }

    fn start_proof_walk(&mut self, proof: &mut Proof, from: VerifiedBlock, provider: PeerId, now: Now) -> Walked {
        // Only a bundle needs the blocks on the way, and they can be many.
        let keep_hops = proof.wanted == Wanted::Bundle;
        let mut walk = Skipping::start(from, proof.height, provider, keep_hops, &mut self.desk, now.instant);
        let walked = walk.advance(&mut self.desk, now.instant);
        proof.stage = Stage::Walk(Box::new(walk));
        walked
    }

    pub(crate) fn proof_got(&mut self, request: RequestId, got: Got, now: Now) {
        let Some(place) = self.proofs.place_of(|proof| proof.waits_for_request(request)) else { return };
        let Some(mut proof) = self.proofs.proofs.remove(&place) else { return };
        let came = match &mut proof.stage {
            Stage::Queued => Came::Walked(Walked::Pending),
            Stage::Anchor(_, provider) => {
                let provider = *provider;
                match self.proof_anchored(&mut proof, provider, got, now) {
                    Ok(walked) => Came::Walked(walked),
                    Err(error) => {
                        self.anchor_elsewhere(place, proof, provider, error);
                        return self.start_proofs(now);
                    }
                }
            }
            Stage::Walk(walk) => Came::Walked(walk.got(got, &mut self.desk, now.instant)),
            Stage::Descent(descent) => match descent.got(got, &mut self.desk.fetcher) {
                Descended::Pending => Came::Walked(Walked::Pending),
                Descended::Reached(header) => Came::Header(header),
                Descended::Failed(failed) => Came::Walked(Walked::Failed(failed)),
            },
        };
        self.proof_came(place, proof, came, now);
        self.start_proofs(now);
    }

    fn anchor_elsewhere(&mut self, place: u64, proof: Proof, but: PeerId, error: QueryError) {
        let next = proof.providers_left.checked_sub(1).map(|left| (left, self.fetch_anchor(Some(but))));
        match next {
            Some((providers_left, Ok(stage))) => {
                self.proofs.proofs.insert(place, Proof { stage, providers_left, ..proof });
            }
            _ => self.answer_all(proof.queries, Err(error)),
        }
    }

    fn proof_anchored(
        &mut self,
        proof: &mut Proof,
        provider: PeerId,
        got: Got,
        now: Now,
    ) -> Result<Walked, QueryError> {
        let no_provider = |why: String| QueryError::NoProvider { why };
        let (peer, block) = match got {
            Got::Block(peer, block) => (peer, block),
            Got::Failed(failed) => {
                self.errand_failed(&failed, now.instant);
                return Err(no_provider(failed.why));
            }
            _ => return Err(no_provider("the checkpoint's block did not come".to_string())),
        };
        let trust = &self.spec.trust;
        let block = match verify::anchor(&self.spec.chain_id, trust.height, trust.hash, None, (*block).clone()) {
            Ok(block) => block,
            Err(error) => {
                let failed = not_the_checkpoint(peer, &error);
                self.errand_failed(&failed, now.instant);
                return Err(no_provider(failed.why));
            }
        };
        Ok(self.start_proof_walk(proof, block, provider, now))
    }

    pub(crate) fn proof_worked(&mut self, work: WorkId, done: Done, now: Now) {
        let is_waiting = |proof: &Proof| matches!(&proof.stage, Stage::Walk(walk) if walk.waits_for_work(work));
        let Some(place) = self.proofs.place_of(is_waiting) else { return };
        let Some(mut proof) = self.proofs.proofs.remove(&place) else { return };
        if let Stage::Walk(walk) = &mut proof.stage {
            let walked = walk.worked(done, &mut self.desk, now.instant);
            self.proof_came(place, proof, Came::Walked(walked), now);
        }
        self.start_proofs(now);
    }

    pub(crate) fn tick_proofs(&mut self, now: Now) {
        while let Some(place) = self.proofs.place_of(|proof| now.instant >= proof.deadline()) {
            let Some(proof) = self.proofs.proofs.remove(&place) else { return };
            self.cancel_stage(proof.stage);
            self.answer_all(proof.queries, Err(QueryError::NoProvider { why: "the walk took too long".to_string() }));
        }
        self.start_proofs(now);
    }

    /// Stops working on a proof for a query whose client has left; tells whether there was one.
    pub(crate) fn forget_proof(&mut self, id: QueryId, now: Now) -> bool {
        let Some(place) = self.proofs.place_of(|proof| proof.queries.contains(&id)) else { return false };
        let Some(mut proof) = self.proofs.proofs.remove(&place) else { return false };
        proof.queries.retain(|query| *query != id);
        if proof.queries.is_empty() {
            self.cancel_stage(proof.stage);
            self.start_proofs(now);
        } else {
            self.proofs.proofs.insert(place, proof);
        }
        true
    }

    /// Answers all who wait for proofs that there will be none, now that the chain has stopped.
    pub(crate) fn refuse_proofs(&mut self) {
        let Err(error) = self.trusted_head().map(|_| ()) else { return };
        for proof in core::mem::take(&mut self.proofs.proofs).into_values() {
            self.cancel_stage(proof.stage);
            self.answer_all(proof.queries, Err(error.clone()));
        }
    }

    pub(crate) fn cancel_stage(&mut self, stage: Stage) {
        match stage {
            Stage::Queued => {}
            Stage::Anchor(request, _) => self.desk.fetcher.cancel(request),
            Stage::Walk(mut walk) => walk.cancel(&mut self.desk),
            Stage::Descent(descent) => descent.cancel(&mut self.desk.fetcher),
        }
    }

    fn proof_came(&mut self, place: u64, mut proof: Proof, came: Came, now: Now) {
        if let Stage::Walk(walk) = &proof.stage
            && let Some(conflict) = self.contradicts(walk.current(), walk.provider())
        {
            self.proofs.proofs.insert(place, proof);
            return self.freeze(&conflict);
        }
        let answer = match (came, proof.stage) {
            (Came::Header(header), _) => {
                let proven = self.proven_header(&header);
                return self.give_all(proof.queries, &header, &proven);
            }
            (Came::Walked(Walked::Pending), stage) => {
                proof.stage = stage;
                self.proofs.proofs.insert(place, proof);
                return;
            }
            (Came::Walked(Walked::Reached), Stage::Walk(walk)) => {
                // Time has passed on the way.
                match (self.refuse_expired(walk.current()), proof.wanted) {
                    (Err(error), _) => Err(error),
                    (Ok(()), Wanted::Bundle) => self.bundle_answer(*walk),
                    (Ok(()), Wanted::Header) => {
                        let header = walk.current().to_header();
                        let proven = self.proven_header(&header);
                        return self.give_all(proof.queries, &header, &proven);
                    }
                }
            }
            (Came::Walked(Walked::Reached), _) => Err(QueryError::NoProvider { why: "nothing was walked".to_string() }),
            (Came::Walked(Walked::Failed(failed)), stage) => {
                self.errand_failed(&failed, now.instant);
                // One lost answer out of dozens must not cost the client its proof.
                let left = proof.providers_left.checked_sub(1);
                match (stage, left) {
                    (Stage::Walk(mut walk), Some(left)) => {
                        if let Some(next) = self.provider_from(walk.current().height(), Some(walk.provider())) {
                            walk.go_on_with(next, &mut self.desk);
                            let walked = walk.advance(&mut self.desk, now.instant);
                            let proof = Proof { stage: Stage::Walk(walk), providers_left: left, ..proof };
                            return self.proof_came(place, proof, Came::Walked(walked), now);
                        }
                    }
                    // It has asked again already.
                    (Stage::Descent(descent), Some(left)) => {
                        let proof = Proof { stage: Stage::Descent(descent), providers_left: left, ..proof };
                        self.proofs.proofs.insert(place, proof);
                        return;
                    }
                    (stage, _) => self.cancel_stage(stage),
                }
                Err(QueryError::NoProvider { why: failed.why })
            }
            (Came::Walked(Walked::TooLarge(bytes)), _) => {
                Err(QueryError::ProofTooLarge { bytes, max: BUNDLE_BYTES_MAX })
            }
            (Came::Walked(Walked::Expired(height, at)), _) => {
                let why = format!("trust in height {height} ended at {at}; a newer checkpoint is needed");
                Err(QueryError::TrustExpired { why })
            }
        };
        self.answer_all(proof.queries, answer);
    }

    fn give_all(&mut self, queries: Vec<QueryId>, header: &VerifiedHeader, proven: &Proven) {
        for id in queries {
            self.give_header(id, Ok((header.clone(), proven.clone())));
        }
    }

    pub(crate) fn answer_all(&mut self, queries: Vec<QueryId>, answer: Result<QueryAnswer, QueryError>) {
        for id in queries {
            self.answer(id, answer.clone());
        }
    }

    /// Compares a block on the way of a proof with the adopted one of that height.
    ///
    /// Only one provider is asked on that way, and no witness. Were it part of an attack it could prove another header than the
    /// one that was confirmed. Then two headers of one height are signed by trusted validators, whoever it was that found out.
    fn contradicts(&self, theirs: &VerifiedBlock, theirs_from: PeerId) -> Option<Conflict> {
        let ours = self.known_at(theirs.height()).filter(|known| known.hash() != theirs.hash())?;
        Some(Conflict { ours: ours.clone(), ours_from: None, theirs: theirs.clone(), theirs_from })
    }
}
