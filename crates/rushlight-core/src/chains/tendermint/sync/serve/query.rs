//! Queries of clients: what is at hand is answered at once, the rest goes to whoever walks for it.

use crate::base::{Now, QueryId};
use crate::bundle::Checkpoint;
use crate::chains::Action;
use crate::chains::tendermint::NAME;
use crate::chains::tendermint::bundle::{self, anchor};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::serve::cometbft;
use crate::chains::tendermint::sync::serve::prove::Wanted;
use crate::chains::tendermint::sync::walk::skipping::Skipping;
use crate::chains::tendermint::verify::{self, VerifiedBlock, VerifiedHeader};
use crate::codec::text::to_base64;
use crate::rpc::{Certainty, Finality, Proven, QueryAnswer, QueryError};
use alloc::format;
use alloc::string::{String, ToString};

impl TendermintChain {
    /// Stops working on a query whose client has left.
    pub(crate) fn forget_query(&mut self, id: QueryId, now: Now) {
        self.forget_call(id);
        if !self.forget_proof(id, now) {
            self.forget_lookup(id);
        }
    }

    pub(crate) fn answer(&mut self, id: QueryId, answer: Result<QueryAnswer, QueryError>) {
        // A call whose header is not found ends here as well.
        self.forget_call(id);
        self.desk.actions.push_back(Action::Answer(id, answer));
    }

    pub(crate) fn trusted_head(&self) -> Result<&VerifiedBlock, QueryError> {
        if let Some(freeze) = &self.freeze {
            let why = format!("two headers of height {} are signed by trusted validators", freeze.ours.header.height);
            return Err(QueryError::Frozen { why });
        }
        let no_head = || QueryError::NotSynced { why: "there is no trusted head yet".to_string() };
        // A checkpoint that had expired before it could be adopted is no head that never was.
        if let (None, Some((height, at))) = (&self.head, self.is_expired) {
            let why = format!("trust in the checkpoint at {height} ended at {at}; a newer one is needed");
            return Err(QueryError::TrustExpired { why });
        }
        let head = self.head.as_ref().ok_or_else(no_head)?;
        self.refuse_expired(head)?;
        Ok(head)
    }

    /// What was final is no longer once its trusting period is over: whoever held the keys then may sign anything now.
    pub(crate) fn refuse_expired(&self, block: &VerifiedBlock) -> Result<(), QueryError> {
        verify::is_trusted_at(block, &self.desk.rules, self.desk.at)
            .map_err(|error| QueryError::TrustExpired { why: error.to_string() })
    }

    pub(crate) fn checkpoint(&self) -> Result<QueryAnswer, QueryError> {
        let head = self.trusted_head()?;
        let checkpoint = self.checkpoint_of(head);
        let text = checkpoint.to_text().map_err(|error| QueryError::NotSynced { why: error.to_string() })?;
        let (height, hash, time, chain_id) = (head.height(), head.hash(), head.time(), &self.spec.chain_id);
        let result = format!(
            r#"{{"checkpoint":{},"chain_id":{},"height":"{height}","hash":"{hash}","time":"{time}"}}"#,
            json(&text),
            json(chain_id)
        );
        Ok(QueryAnswer::proven(result, self.proven(head)))
    }

    pub(crate) fn checkpoint_of(&self, block: &VerifiedBlock) -> Checkpoint {
        Checkpoint {
            family: NAME,
            chain_id: self.spec.chain_id.clone(),
            height: block.height(),
            hash: block.hash(),
            anchor: anchor(block.time()),
        }
    }

    /// Names the header at which an answer is proven. Witnesses are counted for the head alone.
    pub(crate) fn proven(&self, block: &VerifiedBlock) -> Proven {
        self.proven_header(&block.to_header())
    }

    /// Names the header at which an answer is proven.
    pub(crate) fn proven_header(&self, block: &VerifiedHeader) -> Proven {
        let is_head = self.head.as_ref().is_some_and(|head| head.hash() == block.hash());
        let (witnesses_agreeing, witnesses_asked) = if is_head { self.head_witnesses } else { (0, 0) };
        Proven::by(block, Certainty { finality: Finality::Final, witnesses_agreeing, witnesses_asked })
    }

    /// Finds a header: one that is kept at once, one above the checkpoint from the trusted blocks around it, one below by
    /// the hash chain. `None`: it is looked for, and [`TendermintChain::give_header`] will have it.
    pub(crate) fn find_header(
        &mut self,
        id: QueryId,
        height: Option<u64>,
        now: Now,
    ) -> Result<Option<VerifiedHeader>, QueryError> {
        let head = self.trusted_head()?;
        let (top, checkpoint) = (head.height(), self.spec.trust.height);
        let height = height.unwrap_or(top);
        if height == 0 {
            // No chain has a header of this height.
            return Err(QueryError::BelowCheckpoint { height, checkpoint });
        }
        if height > top {
            return Err(QueryError::AboveHead { height, head: top });
        }
        if let Some(known) = self.known_at(height) {
            return Ok(Some(known.to_header()));
        }
        if height < checkpoint {
            self.header_below(id, height, now)?;
            return Ok(None);
        }
        self.queue_proof(id, height, Wanted::Header, now).map(|()| None)
    }

    /// Answers with a header in Rushlight's own form, now or when it is found.
    pub(crate) fn start_header(
        &mut self,
        id: QueryId,
        height: Option<u64>,
        now: Now,
    ) -> Result<Option<QueryAnswer>, QueryError> {
        let found = self.find_header(id, height, now)?;
        Ok(found.map(|header| cometbft::rushlight_header(&header, self.proven_header(&header))))
    }

    /// Has a query wait for a bundle.
    pub(crate) fn start_bundle(&mut self, id: QueryId, height: Option<u64>, now: Now) -> Result<(), QueryError> {
        let head = self.trusted_head()?.height();
        let (height, checkpoint) = (height.unwrap_or(head), self.spec.trust.height);
        if height > head {
            return Err(QueryError::AboveHead { height, head });
        }
        if height < checkpoint {
            return Err(QueryError::BelowCheckpoint { height, checkpoint });
        }
        self.queue_proof(id, height, Wanted::Bundle, now)
    }

    /// Returns the block of this height that was adopted, if it is kept.
    pub(crate) fn known_at(&self, height: u64) -> Option<&VerifiedBlock> {
        let head = self.head.as_ref().filter(|head| head.height() == height);
        head.or_else(|| self.kept.lowest_from(height).filter(|block| block.height() == height))
    }

    /// Returns the blocks of a walk as a bundle.
    pub(crate) fn bundle_answer(&self, walk: Skipping) -> Result<QueryAnswer, QueryError> {
        let hops = walk.into_hops();
        let (Some(first), Some(last)) = (hops.first(), hops.last()) else {
            return Err(QueryError::NoProvider { why: "the walk has no blocks".to_string() });
        };
        // Its reader verifies it from there, and will be refused all of it if that has expired meanwhile.
        self.refuse_expired(first)?;
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
        Ok(QueryAnswer::proven(result, self.proven(last)))
    }
}

/// Returns text as a JSON string.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
