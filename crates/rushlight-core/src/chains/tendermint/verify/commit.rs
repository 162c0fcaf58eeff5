//! The commit of a header that is proven already, tallied before it is shown to anybody.
//!
//! A header that came by the hash chain says nothing of who signed it. Whoever is shown its commit counts on more than two
//! thirds of its own set having signed: this is where that is made sure of.

use super::{VerifiedBlock, VerifiedHeader, VerifyError, rules, tally};
use crate::chains::tendermint::types::LightBlock;
use crate::crypto::batch::SignatureBatch;
use crate::work::{Done, Ticket, Work};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A commit that satisfies every rule but the signatures, which are being verified elsewhere.
#[derive(Debug)]
pub struct SealedCommit {
    ticket: Ticket<SignatureBatch>,
    header: VerifiedHeader,
    block: Arc<LightBlock>,
    votes: Vec<usize>,
}

impl SealedCommit {
    /// Checks that `block` is the one with the proven `header`, and every rule of its set and commit that needs no signature;
    /// returns the work of verifying the signatures of all its votes, those for no block included.
    ///
    /// Trust in where the header was proven from is not asked for: the set stands in the header.
    /// # Errors
    /// [`VerifyError::CheckpointHeight`], [`VerifyError::CheckpointHash`] for another header;
    /// [`VerifyError::CommitHeight`] and what else is wrong with the commit or the set.
    pub fn begin(header: &VerifiedHeader, block: Arc<LightBlock>) -> Result<(Work, Self), VerifyError> {
        super::is_header_of(&block.header, header.height(), header.hash())?;
        rules::commit_has_height(&block.commit, &block.header)?;
        rules::commit_is_for(&block.commit, header.hash())?;
        rules::validators_are_named(&block.header, &block.validators)?;
        rules::votes_are_positional(&block.commit, &block.validators)?;
        tally::own_set(&block.commit, &block.validators)?;
        // All votes, not the two thirds alone: a reader of the commit takes each of them for its validator's.
        let votes = block.commit.signatures.iter().enumerate().filter(|(_, place)| place.vote().is_some());
        let votes: Vec<usize> = votes.map(|(index, _)| index).collect();
        let mut batch = SignatureBatch::new();
        tally::push_votes(&mut batch, &block.header.chain_id, &block.validators, &block.commit, &votes)?;
        batch.end_group();
        let (work, ticket) = Work::new(header.hash(), batch);
        Ok((work, Self { ticket, header: header.clone(), block, votes }))
    }

    /// Returns how many signatures are being verified.
    pub fn signatures(&self) -> usize {
        self.votes.len()
    }

    /// Returns the header that was proven already.
    pub fn header(&self) -> &VerifiedHeader {
        &self.header
    }

    /// Returns the block, if every signature holds.
    /// # Errors
    /// [`VerifyError::BadSignature`]; what stands for a result of another work or one that was stopped.
    pub fn release(self, done: Done) -> Result<VerifiedBlock, VerifyError> {
        let height = self.block.header.height;
        let verdict = self.ticket.redeem(done)?;
        verdict.outcome().map_err(|bad| {
            let index = self.votes.get(bad.item).copied().unwrap_or(bad.item);
            VerifyError::BadSignature { height, index, why: bad.why }
        })?;
        Ok(VerifiedBlock::new(self.block, self.header.hash))
    }
}
