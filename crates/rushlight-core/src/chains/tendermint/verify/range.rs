//! The order of the rules, for one block or for a range, and what may come out of it.
//!
//! A range is checked in three steps. First all rules that need no signature are checked block by block, each against
//! the one before: this binds every set of the range to the trusted header by hashes alone. Then one batch of signatures
//! is verified for all heights, elsewhere. Only when the whole batch holds are the blocks released; before that, nothing
//! of the range may be believed, because the early blocks are no better than their signatures.

use super::{JudgedAt, Rules, VerifiedBlock, VerifyError, rules, tally};
use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::{LightBlock, PartSetHeader};
use crate::crypto::batch::{BadSignature, SignatureBatch};
use crate::work::{Done, Ticket, Work};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most heights whose signatures go into one batch.
pub const SIGNATURE_BATCH_HEIGHTS_MAX: usize = 256;

/// Blocks that satisfy every rule but the signatures.
#[derive(Debug)]
pub struct Range {
    chain_id: String,
    /// Hash of the header that the blocks below follow on: the trusted one, or the tip of the part sealed last.
    from: Hash,
    trusted_height: u64,
    trusted_time: UnixTime,
    tip: Link,
    blocks: Vec<Unsigned>,
    batch: SignatureBatch,
    size_bytes: usize,
}

/// What the next block must follow on.
#[derive(Debug)]
struct Link {
    height: u64,
    hash: Hash,
    time: UnixTime,
    parts: PartSetHeader,
    next_validators_hash: Hash,
}

#[derive(Debug)]
struct Unsigned {
    block: Arc<LightBlock>,
    hash: Hash,
    /// Places of the votes in the batch, to name a bad one.
    votes: Vec<usize>,
}

/// A part of a range whose signatures are being verified elsewhere.
#[derive(Debug)]
pub struct Sealed {
    ticket: Ticket<SignatureBatch>,
    signatures: usize,
    blocks: Vec<Unsigned>,
}

/// Why nothing of a range is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The height at fault; 0 when the fault is with no height.
    pub height: u64,
    /// The broken rule.
    pub error: VerifyError,
}

impl Link {
    fn of(block: &LightBlock, hash: Hash) -> Self {
        Self {
            height: block.header.height,
            hash,
            time: block.header.time,
            parts: block.commit.block_id.parts,
            next_validators_hash: block.header.next_validators_hash,
        }
    }
}

impl Range {
    /// Returns an empty range that starts from `trusted`.
    pub fn start(trusted: &VerifiedBlock) -> Self {
        Self {
            chain_id: trusted.header().chain_id.clone(),
            from: trusted.hash(),
            trusted_height: trusted.height(),
            trusted_time: trusted.time(),
            tip: Link::of(trusted.block(), trusted.hash()),
            blocks: Vec::new(),
            batch: SignatureBatch::new(),
            size_bytes: 0,
        }
    }

    /// Returns the number of blocks that are not sealed yet.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Tells whether no block waits to be sealed.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns the height of the last block, or of the trusted one.
    pub fn tip_height(&self) -> u64 {
        self.tip.height
    }

    /// Returns the hash of the set that must sign the next block.
    pub fn next_validators_hash(&self) -> Hash {
        self.tip.next_validators_hash
    }

    /// Tells whether the range should be sealed before another block is added.
    pub fn is_full(&self) -> bool {
        self.blocks.len() >= SIGNATURE_BATCH_HEIGHTS_MAX
            || self.batch.size_bytes().saturating_add(self.size_bytes) >= Work::BYTES_MAX / 2
    }

    /// Adds the block that follows directly on the last one.
    /// # Errors
    /// [`VerifyError`]; the range is unchanged.
    pub fn push_adjacent(&mut self, block: Arc<LightBlock>, rules: &Rules, at: JudgedAt) -> Result<(), VerifyError> {
        let header = &block.header;
        rules::header_is_well_formed(header, &self.chain_id)?;
        rules::commit_has_height(&block.commit, header)?;
        let want = self.tip.height.saturating_add(1);
        if header.height != want {
            return Err(VerifyError::NotAdjacent { got: header.height, want });
        }
        let hash = self.check_alone(&block, rules, at)?;
        if header.validators_hash != self.tip.next_validators_hash {
            let (got, want) = (header.validators_hash, self.tip.next_validators_hash);
            return Err(VerifyError::SetNotAnnounced { got, want });
        }
        rules::follows_on(header, self.tip.hash, self.tip.parts)?;
        rules::votes_are_positional(&block.commit, &block.validators)?;
        let own = tally::own_set(&block.commit, &block.validators)?;
        self.push(block, hash, own.votes)
    }

    /// Adds a block any number of heights above `trusted`, the block that this range starts from; it must be the first.
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::NotEnoughTrust`] is no fault of the block. The range is unchanged.
    pub fn push_skipping(
        &mut self,
        trusted: &VerifiedBlock,
        block: Arc<LightBlock>,
        rules: &Rules,
        at: JudgedAt,
    ) -> Result<(), VerifyError> {
        if block.header.height == trusted.height().saturating_add(1) {
            return self.push_adjacent(block, rules, at);
        }
        if self.tip.hash != trusted.hash() {
            return Err(VerifyError::OtherBasis { got: trusted.hash(), want: self.tip.hash });
        }
        let header = &block.header;
        rules::header_is_well_formed(header, &self.chain_id)?;
        rules::commit_has_height(&block.commit, header)?;
        if header.height <= trusted.height() {
            return Err(VerifyError::HeightNotAbove { got: header.height, trusted: trusted.height() });
        }
        let hash = self.check_alone(&block, rules, at)?;
        rules::votes_are_positional(&block.commit, &block.validators)?;
        let basis = trusted.next_validators().ok_or(VerifyError::NoBasis { height: trusted.height() })?;
        let trusting = tally::trusted_set(&block.commit, &block.validators, basis, rules.trust_level)?;
        let own = tally::own_set(&block.commit, &block.validators)?;
        self.push(block, hash, tally::union(&trusting.votes, &own.votes))
    }

    /// Checks what both kinds of step have in common; returns the header's hash.
    fn check_alone(&self, block: &LightBlock, rules: &Rules, at: JudgedAt) -> Result<Hash, VerifyError> {
        let header = &block.header;
        rules::time_is_after(header, self.tip.time)?;
        rules::trust_lasts(self.trusted_height, self.trusted_time, rules, at)?;
        let hash = header.hash();
        rules::commit_is_for(&block.commit, hash)?;
        rules::validators_are_named(header, &block.validators)?;
        Ok(hash)
    }

    fn push(&mut self, block: Arc<LightBlock>, hash: Hash, votes: Vec<usize>) -> Result<(), VerifyError> {
        tally::push_votes(&mut self.batch, &self.chain_id, &block.validators, &block.commit, &votes)?;
        self.batch.end_group();
        self.tip = Link::of(&block, hash);
        self.size_bytes = self.size_bytes.saturating_add(block.size_bytes());
        self.blocks.push(Unsigned { block, hash, votes });
        Ok(())
    }

    /// Cuts off a part: returns the work of verifying its signatures, and what is released when they hold. The range
    /// goes on behind it.
    pub fn seal(&mut self) -> (Work, Sealed) {
        let batch = core::mem::take(&mut self.batch);
        let blocks = core::mem::take(&mut self.blocks);
        self.size_bytes = 0;
        let from = core::mem::replace(&mut self.from, self.tip.hash);
        let signatures = batch.len();
        let (work, ticket) = Work::new(from, batch);
        (work, Sealed { ticket, signatures, blocks })
    }

    /// Verifies the signatures here and now and returns the last block; the trusted one when there is none.
    pub(super) fn verify_in_place(
        mut self,
        trusted: &VerifiedBlock,
        rules: &Rules,
        at: JudgedAt,
    ) -> Result<VerifiedBlock, VerifyError> {
        let (work, sealed) = self.seal();
        let blocks = sealed.release(trusted, work.run(), rules, at).map_err(|refused| refused.error)?;
        Ok(blocks.into_iter().next_back().unwrap_or_else(|| trusted.clone()))
    }
}

impl Sealed {
    /// Returns the hash of the header that the part follows on.
    pub fn from(&self) -> Hash {
        self.ticket.from()
    }

    /// Returns how many signatures are being verified.
    pub fn signatures(&self) -> usize {
        self.signatures
    }

    /// Returns the height of the last block; 0 when there is none.
    pub fn tip_height(&self) -> u64 {
        self.blocks.last().map_or(0, |last| last.block.header.height)
    }

    /// Returns the blocks of the part, verified, if every signature holds, `trusted` is the block that the part follows
    /// on, trust in it has not ended since, and the time of each block has come.
    ///
    /// The future is judged last. A header from the future may show that our own clock is late and so is held against
    /// nobody; judged any earlier, that verdict would be free for whoever invents a header.
    /// # Errors
    /// [`Refused`], with the first height at fault; nothing of the part is verified then.
    pub fn release(
        self,
        trusted: &VerifiedBlock,
        done: Done,
        rules: &Rules,
        at: JudgedAt,
    ) -> Result<Vec<VerifiedBlock>, Refused> {
        let Self { ticket, blocks, .. } = self;
        let of_no_height = |error| Refused { height: 0, error };
        if trusted.hash() != ticket.from() {
            return Err(of_no_height(VerifyError::OtherBasis { got: trusted.hash(), want: ticket.from() }));
        }
        let verdict = ticket.redeem(done).map_err(|error| of_no_height(error.into()))?;
        rules::trust_lasts(trusted.height(), trusted.time(), rules, at)
            .map_err(|error| Refused { height: trusted.height(), error })?;
        verdict.outcome().map_err(|bad| refused(&blocks, bad))?;
        for Unsigned { block, .. } in &blocks {
            let height = block.header.height;
            rules::time_has_come(&block.header, rules, at).map_err(|error| Refused { height, error })?;
        }
        Ok(blocks.into_iter().map(|unsigned| VerifiedBlock::new(unsigned.block, unsigned.hash)).collect())
    }
}

fn refused(blocks: &[Unsigned], bad: BadSignature) -> Refused {
    // Each group of the batch is a block. Nothing is released in any case.
    let height = blocks.get(bad.group).map_or(0, |unsigned| unsigned.block.header.height);
    let votes = blocks.get(bad.group).map_or(&[][..], |unsigned| &unsigned.votes);
    let index = votes.get(bad.item).copied().unwrap_or(bad.item);
    Refused { height, error: VerifyError::BadSignature { height, index, why: bad.why } }
}
