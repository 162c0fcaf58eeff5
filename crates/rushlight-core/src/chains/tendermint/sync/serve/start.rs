//! Starts: from which trusted block a proof is walked.

use crate::base::PeerId;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::HEADERS_PER_ASK;
use crate::chains::tendermint::sync::below::descend::DESCENT_HEIGHTS_MAX;
use crate::chains::tendermint::sync::serve::prove::Wanted;
use crate::chains::tendermint::verify::{VerifiedBlock, VerifiedHeader};
use crate::rpc::QueryError;
use alloc::boxed::Box;
use alloc::format;

/// From where a proof starts.
pub(crate) enum Start {
    /// Up from this block.
    Block(VerifiedBlock),
    /// Up from the checkpoint, whose block is not at hand.
    Checkpoint,
    /// Down from this header.
    Above(Box<VerifiedHeader>),
}

impl TendermintChain {
    /// Returns from where to prove a height that is not below the checkpoint nor above the head.
    pub(crate) fn start_of(&self, height: u64, wanted: Wanted) -> Result<Start, QueryError> {
        let head = self.trusted_head()?;
        let (rules, at) = (&self.desk.rules, self.desk.at);
        let kept = self.kept.newest_trusted(height, rules, at);
        let checkpoint = self.kept.by_hash(self.spec.trust.hash).or(Some(head));
        let checkpoint = checkpoint.filter(|block| block.hash() == self.spec.trust.hash);
        let is_checkpoint_trusted =
            self.checkpoint_time.is_none_or(|time| time.after(rules.trusting_period) > at.expiry);
        if wanted == Wanted::Bundle {
            if is_checkpoint_trusted {
                return Ok(checkpoint.map_or(Start::Checkpoint, |block| Start::Block(block.clone())));
            }
            // A bundle of one step proves nothing that its reader does not trust already, so better from one below.
            let below = self.kept.newest_trusted(height.saturating_sub(1), rules, at);
            let start = below.or(kept).or_else(|| Some(head).filter(|head| head.height() == height));
            return start.map(|block| Start::Block(block.clone())).ok_or_else(|| self.no_longer_provable(height));
        }
        let above = self.kept.lowest_from(height).unwrap_or(head);
        let distance = above.height().saturating_sub(height);
        if let Some(earliest) = self.nobody_has(height) {
            return Err(QueryError::NoProvider { why: format!("none has heights below {earliest}") });
        }
        if distance <= HEADERS_PER_ASK {
            return Ok(Start::Above(Box::new(above.to_header())));
        }
        if let Some(below) = kept {
            return Ok(Start::Block(below.clone()));
        }
        if is_checkpoint_trusted {
            return Ok(Start::Checkpoint);
        }
        if distance <= DESCENT_HEIGHTS_MAX {
            return Ok(Start::Above(Box::new(above.to_header())));
        }
        Err(self.no_longer_provable(height))
    }

    /// Returns the lowest height that any provider says it has, if that is above `height`.
    ///
    /// Who asks for what nobody has must not thereby have us hold it against them all, until there is nobody to be asked.
    pub(crate) fn nobody_has(&self, height: u64) -> Option<u64> {
        let earliest = |peer: &PeerId| self.desk.fetcher.status_of(*peer).map(|status| status.earliest_height);
        self.peers.keys().filter_map(earliest).min().filter(|earliest| *earliest > height)
    }

    fn no_longer_provable(&self, height: u64) -> QueryError {
        let checkpoint = self.spec.trust.height;
        let lowest = self.kept.blocks().first().or(self.head.as_ref()).map_or(0, VerifiedBlock::height);
        let why = format!(
            "trust in the checkpoint at {checkpoint} has ended, and the lowest block that is still trusted is at {lowest}: \
             too far from height {height}"
        );
        QueryError::TrustExpired { why }
    }

    /// Returns who can be asked for the blocks from `height` on: the primary, else another that says it has them; not
    /// `but`, if there is somebody else. Who says that it does not have them is not asked.
    pub(crate) fn provider_from(&self, height: u64, but: Option<PeerId>) -> Option<PeerId> {
        let has = |peer: &PeerId| self.desk.fetcher.status_of(*peer).is_some_and(|s| s.earliest_height <= height);
        let mut others = self.primary.into_iter().chain(self.peers.keys().copied());
        let says_nothing = |peer: &PeerId| self.desk.fetcher.status_of(*peer).is_none();
        let other = others.find(|peer| has(peer) && Some(*peer) != but);
        other.or(but.filter(has)).or(self.primary.filter(says_nothing))
    }
}
