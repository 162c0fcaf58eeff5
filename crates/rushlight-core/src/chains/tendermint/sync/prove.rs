//! Proofs: bundles from the checkpoint to a height, each made by a walk of its own.

use super::TendermintChain;
use super::adopt::not_the_checkpoint;
use super::fetch::{Got, RequestId};
use super::skipping::{Skipping, Walked};
use crate::base::{Hash, Instant, Now, PeerId, QueryId, WorkId};
use crate::bundle::{Anchor, BUNDLE_BYTES_MAX, Checkpoint, Family};
use crate::chains::tendermint::bundle;
use crate::chains::tendermint::verify::{self, VerifiedBlock, VerifiedHeader};
use crate::chains::{Action, Done, Query, QueryAnswer, QueryError, To, Verdict};
use crate::codec::text::{to_base64, to_hex};
use crate::rpc::{Certainty, Finality, Proven};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// The most queries that wait for a walk at once.
pub const PROOFS_MAX: usize = 4;

/// A proof is tried with so many providers.
const PROOF_PROVIDERS_MAX: u8 = 5;

/// A query that waits for blocks.
#[derive(Debug)]
pub struct Proof {
    height: u64,
    wanted: Wanted,
    stage: Stage,
    /// So many more providers may be tried.
    providers_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// A bundle.
    Bundle,
    /// The header.
    Header,
}

#[derive(Debug)]
enum Stage {
    /// The checkpoint's own block is fetched from this provider. Not from anybody: the fastest may not have it any more.
    Anchor(RequestId, PeerId),
    /// The way from the checkpoint to the height is walked.
    Walk(Box<Skipping>),
}

impl Proof {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Anchor(..) => None,
            Stage::Walk(walk) => Some(walk.deadline()),
        }
    }

    fn waits_for_request(&self, request: RequestId) -> bool {
        match &self.stage {
            Stage::Anchor(id, _) => *id == request,
            Stage::Walk(walk) => walk.waits_for_request(request),
        }
    }
}

impl TendermintChain {
    pub(super) fn queried(&mut self, id: QueryId, query: Query, now: Now) {
        let answer = match query {
            Query::Checkpoint => self.checkpoint(),
            Query::Header { height } => match self.start_header(id, height, now) {
                Ok(None) => return,
                Ok(Some(answer)) => Ok(answer),
                Err(error) => Err(error),
            },
            Query::Prove { height } => match self.start_proof(id, height, Wanted::Bundle) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
        };
        self.desk.actions.push_back(Action::Answer(id, answer));
    }

    fn trusted_head(&self, now_state: &str) -> Result<&VerifiedBlock, QueryError> {
        if let Some(freeze) = &self.freeze {
            let why = format!("two headers of height {} are signed by trusted validators", freeze.ours.header.height);
            return Err(QueryError::Frozen { why });
        }
        let head = self.head.as_ref().ok_or_else(|| QueryError::NotSynced { why: now_state.to_string() })?;
        self.refuse_expired(head)?;
        Ok(head)
    }

    /// What was final is no longer once its trusting period is over: whoever held the keys then may sign anything now.
    fn refuse_expired(&self, block: &VerifiedBlock) -> Result<(), QueryError> {
        verify::is_trusted_at(block, &self.desk.rules, self.desk.at)
            .map_err(|error| QueryError::Expired { why: error.to_string() })
    }

    fn checkpoint(&self) -> Result<QueryAnswer, QueryError> {
        let head = self.trusted_head("there is no trusted head yet")?;
        let checkpoint = self.checkpoint_of(head);
        let text = checkpoint.to_text().map_err(|error| QueryError::NotSynced { why: error.to_string() })?;
        let (height, hash, time, chain_id) = (head.height(), head.hash(), head.time(), &self.spec.chain_id);
        let result = format!(
            r#"{{"checkpoint":{},"chain_id":{},"height":"{height}","hash":"{hash}","time":"{time}"}}"#,
            json(&text),
            json(chain_id)
        );
        Ok(QueryAnswer { result, proven: self.proven(head) })
    }

    fn checkpoint_of(&self, block: &VerifiedBlock) -> Checkpoint {
        Checkpoint {
            family: Family::Tendermint,
            chain_id: self.spec.chain_id.clone(),
            height: block.height(),
            hash: block.hash(),
            anchor: Anchor::Time(block.time()),
        }
    }

    /// Names the header at which an answer is proven. Witnesses are counted for the head alone.
    fn proven(&self, block: &VerifiedBlock) -> Proven {
        self.proven_header(&block.to_header())
    }

    /// Names the header at which an answer is proven.
    pub(super) fn proven_header(&self, block: &VerifiedHeader) -> Proven {
        let is_head = self.head.as_ref().is_some_and(|head| head.hash() == block.hash());
        let (witnesses_agreeing, witnesses_asked) = if is_head { self.head_witnesses } else { (0, 0) };
        Proven {
            height: block.height(),
            hash: block.hash(),
            time: block.time(),
            certainty: Certainty { finality: Finality::Final, witnesses_agreeing, witnesses_asked },
        }
    }

    /// Finds a header: the head at once, one above the checkpoint by a walk from it, one below by the hash chain.
    fn start_header(&mut self, id: QueryId, height: Option<u64>, now: Now) -> Result<Option<QueryAnswer>, QueryError> {
        let head = self.trusted_head("there is no trusted head yet")?;
        match height {
            Some(height) if height < self.spec.trust.height => {
                self.header_below(id, height.max(1), now);
                Ok(None)
            }
            Some(height) if height != head.height() => {
                self.start_proof(id, Some(height), Wanted::Header).map(|()| None)
            }
            _ => Ok(Some(self.header_answer(&head.to_header()))),
        }
    }

    fn start_proof(&mut self, id: QueryId, height: Option<u64>, wanted: Wanted) -> Result<(), QueryError> {
        let head = self.trusted_head("there is no trusted head yet")?.height();
        let height = height.unwrap_or(head);
        let checkpoint = self.spec.trust.height;
        if height > head {
            return Err(QueryError::AboveHead { height, head });
        }
        if height < checkpoint {
            return Err(QueryError::BelowCheckpoint { height, checkpoint });
        }
        if self.proofs.len() >= PROOFS_MAX {
            return Err(QueryError::Busy { waiting: self.proofs.len() });
        }
        let stage = self.fetch_anchor(None)?;
        self.proofs.insert(id, Proof { height, wanted, stage, providers_left: PROOF_PROVIDERS_MAX });
        Ok(())
    }

    /// Returns who can be asked for the blocks from `height` on: the primary, else another that says it has them; not
    /// `but`, if there is somebody else.
    fn provider_from(&self, height: u64, but: Option<PeerId>) -> Option<PeerId> {
        let has = |peer: &PeerId| self.desk.fetcher.status_of(*peer).is_some_and(|s| s.earliest_height <= height);
        let mut others = self.primary.into_iter().chain(self.peers.keys().copied());
        others.find(|peer| has(peer) && Some(*peer) != but).or(self.primary)
    }

    pub(super) fn proof_got(&mut self, request: RequestId, got: Got, now: Now) {
        let waiting = self.proofs.iter().find(|(_, proof)| proof.waits_for_request(request));
        let Some(id) = waiting.map(|(id, _)| *id) else { return };
        let Some(mut proof) = self.proofs.remove(&id) else { return };
        let walked = match &mut proof.stage {
            Stage::Anchor(_, provider) => {
                let provider = *provider;
                match self.proof_anchored(&mut proof, provider, got, now) {
                    Ok(walked) => walked,
                    Err(error) => return self.anchor_elsewhere(id, proof, provider, error),
                }
            }
            Stage::Walk(walk) => walk.got(got, &mut self.desk, now.instant),
        };
        self.proof_walked(id, proof, walked, now);
    }

    fn fetch_anchor(&mut self, but: Option<PeerId>) -> Result<Stage, QueryError> {
        let checkpoint = self.spec.trust.height;
        let nobody = || QueryError::NoProvider { why: "no provider can be asked now".to_string() };
        let provider = self.provider_from(checkpoint, but).ok_or_else(nobody)?;
        let request = self.desk.fetcher.block(checkpoint, To::Only(provider), true);
        Ok(Stage::Anchor(request, provider))
    }

    fn anchor_elsewhere(&mut self, id: QueryId, proof: Proof, but: PeerId, error: QueryError) {
        let next = proof.providers_left.checked_sub(1).map(|left| (left, self.fetch_anchor(Some(but))));
        match next {
            Some((providers_left, Ok(stage))) => {
                self.proofs.insert(id, Proof { stage, providers_left, ..proof });
            }
            _ => self.answer(id, Err(error)),
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
                self.fault(&failed, now.instant);
                return Err(no_provider(failed.why));
            }
            _ => return Err(no_provider("the checkpoint's block did not come".to_string())),
        };
        let trust = &self.spec.trust;
        let block = match verify::anchor(&self.spec.chain_id, trust.height, trust.hash, None, (*block).clone()) {
            Ok(block) => block,
            Err(error) => {
                let failed = not_the_checkpoint(peer, &error);
                self.fault(&failed, now.instant);
                return Err(no_provider(failed.why));
            }
        };
        // Only a bundle needs the blocks on the way, and they can be many.
        let keep_hops = matches!(proof.wanted, Wanted::Bundle);
        let mut walk = Skipping::start(block, proof.height, provider, keep_hops, &mut self.desk, now.instant);
        let walked = walk.advance(&mut self.desk, now.instant);
        proof.stage = Stage::Walk(Box::new(walk));
        Ok(walked)
    }

    pub(super) fn proof_worked(&mut self, work: WorkId, done: &Done, now: Now) {
        let is_waiting = |proof: &Proof| matches!(&proof.stage, Stage::Walk(walk) if walk.waits_for_work(work));
        let Some(id) = self.proofs.iter().find(|(_, proof)| is_waiting(proof)).map(|(id, _)| *id) else { return };
        let Some(mut proof) = self.proofs.remove(&id) else { return };
        let Stage::Walk(walk) = &mut proof.stage else { return };
        let walked = walk.worked(done, &mut self.desk, now.instant);
        self.proof_walked(id, proof, walked, now);
    }

    pub(super) fn tick_proofs(&mut self, now: Now) {
        let late = |proof: &Proof| proof.deadline().is_some_and(|deadline| now.instant >= deadline);
        while let Some(id) = self.proofs.iter().find(|(_, proof)| late(proof)).map(|(id, _)| *id) {
            if let Some(Proof { stage: Stage::Walk(mut walk), .. }) = self.proofs.remove(&id) {
                walk.cancel(&mut self.desk);
            }
            self.answer(id, Err(QueryError::NoProvider { why: "the walk took too long".to_string() }));
        }
    }

    fn proof_walked(&mut self, id: QueryId, proof: Proof, walked: Walked, now: Now) {
        let Proof { height, wanted, stage, providers_left } = proof;
        match (walked, stage) {
            (Walked::Pending, stage) => {
                self.proofs.insert(id, Proof { height, wanted, stage, providers_left });
            }
            (Walked::Reached, Stage::Walk(walk)) => {
                let answer = self.check_walked(walk.current()).and_then(|()| match wanted {
                    Wanted::Bundle => self.bundle_answer(*walk),
                    Wanted::Header => Ok(self.header_answer(&walk.current().to_header())),
                });
                self.answer(id, answer);
            }
            (Walked::Reached, Stage::Anchor(..)) => {}
            (Walked::Failed(failed), stage) => {
                if !matches!(failed.verdict, Verdict::Refusing) || failed.is_noted {
                    self.fault(&failed, now.instant);
                }
                // One lost answer out of dozens must not cost the client its proof.
                if let Stage::Walk(mut walk) = stage
                    && let Some(left) = providers_left.checked_sub(1)
                    && let Some(next) = self.provider_from(walk.current().height(), Some(walk.provider()))
                {
                    walk.go_on_with(next, &mut self.desk);
                    let walked = walk.advance(&mut self.desk, now.instant);
                    let proof = Proof { height, wanted, stage: Stage::Walk(walk), providers_left: left };
                    return self.proof_walked(id, proof, walked, now);
                }
                self.answer(id, Err(QueryError::NoProvider { why: failed.why }));
            }
            (Walked::TooLarge(bytes), _) => {
                self.answer(id, Err(QueryError::ProofTooLarge { bytes, max: BUNDLE_BYTES_MAX }));
            }
            (Walked::Expired(height, at), _) => {
                let why = format!("trust in height {height} ended at {at}; a newer checkpoint is needed");
                self.answer(id, Err(QueryError::Expired { why }));
            }
        }
    }

    /// Checks the end of a walk: time has passed on the way, and only one provider was asked. Were it part of an attack,
    /// it could prove another header than the one that witnesses have confirmed.
    fn check_walked(&self, block: &VerifiedBlock) -> Result<(), QueryError> {
        self.refuse_expired(block)?;
        let is_other = |head: &&VerifiedBlock| head.height() == block.height() && head.hash() != block.hash();
        let Some(head) = self.head.as_ref().filter(is_other) else { return Ok(()) };
        let (height, ours, theirs) = (head.height(), head.hash(), block.hash());
        let why = format!("the provider proves {theirs} at height {height}, but the adopted header is {ours}");
        Err(QueryError::NoProvider { why })
    }

    fn bundle_answer(&self, walk: Skipping) -> Result<QueryAnswer, QueryError> {
        let hops = walk.into_hops();
        let (Some(first), Some(last)) = (hops.first(), hops.last()) else {
            return Err(QueryError::NoProvider { why: "the walk has no blocks".to_string() });
        };
        let checkpoint = self.checkpoint_of(first);
        let bytes =
            bundle::encode(&checkpoint, &hops).map_err(|error| QueryError::NoProvider { why: error.to_string() })?;
        let text = checkpoint.to_text().map_err(|error| QueryError::NotSynced { why: error.to_string() })?;
        let (height, hash, time, steps) = (last.height(), last.hash(), last.time(), hops.len());
        let result = format!(
            r#"{{"bundle":"{}","checkpoint":{},"height":"{height}","hash":"{hash}","time":"{time}","steps":{steps}}}"#,
            to_base64(&bytes),
            json(&text)
        );
        Ok(QueryAnswer { result, proven: self.proven(last) })
    }

    pub(super) fn answer(&mut self, id: QueryId, answer: Result<QueryAnswer, QueryError>) {
        self.desk.actions.push_back(Action::Answer(id, answer));
    }
}

/// Returns a verified header as JSON, in the spelling of CometBFT's RPC, beside its hash.
pub(super) fn header_json(header: &VerifiedHeader) -> String {
    let (hash, header) = (header.hash(), header.header());
    let optional = |hash: &Option<Hash>| hash.map_or_else(String::new, |hash| hash.to_string());
    let last = header.last_block_id.map_or_else(
        || serde_json::json!({ "hash": "", "parts": { "total": 0, "hash": "" } }),
        |id| {
            let (hash, parts) = (id.hash.to_string(), id.parts.hash.to_string());
            serde_json::json!({ "hash": hash, "parts": { "total": id.parts.total, "hash": parts } })
        },
    );
    let header = serde_json::json!({
        "version": { "block": header.version.block.to_string(), "app": header.version.app.to_string() },
        "chain_id": header.chain_id,
        "height": header.height.to_string(),
        "time": header.time.to_rfc3339(),
        "last_block_id": last,
        "last_commit_hash": optional(&header.last_commit_hash),
        "data_hash": optional(&header.data_hash),
        "validators_hash": header.validators_hash.to_string(),
        "next_validators_hash": header.next_validators_hash.to_string(),
        "consensus_hash": optional(&header.consensus_hash),
        "app_hash": to_hex(&header.app_hash),
        "last_results_hash": optional(&header.last_results_hash),
        "evidence_hash": optional(&header.evidence_hash),
        "proposer_address": header.proposer_address.to_string(),
    });
    serde_json::json!({ "hash": hash.to_string(), "header": header }).to_string()
}

/// Returns text as a JSON string.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
