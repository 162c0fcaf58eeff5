//! The rules by which a header becomes a verified header.
//!
//! [`rules`] holds one function per rule of the specification, [`tally`] the arithmetic of power, [`range`] the order of
//! the rules and the typestate: what comes out of [`Range::seal`] and [`Sealed::release`] is a [`VerifiedBlock`], and
//! nothing else can make one (but [`anchor`], which takes the user's word for a hash, and [`backwards`], which follows
//! the hash chain). Cheap checks come first, signatures last, so that a liar cannot make us work.
//!
//! The order, of which each step is worth what the ones before it make sure of:
//!
//! 1. `decode`: form and sizes of each field, and so of the whole ([`Header::BYTES_MAX`]).
//! 2. Chain id, block protocol, height of the commit: whether it is at all what it is said to be.
//! 3. Height, time, trust in where it starts.
//! 4. Hash of the header in the commit, hash of the set in the header.
//! 5. On the next height: the set that was announced, the block and parts that it follows on.
//! 6. Each vote at its validator's place, with a signature as long as that key's.
//! 7. Power of the trusted set, when heights are skipped; 8. power of its own set.
//! 9. Signatures, as one batch.
//! 10. The future. By then the header is proven to be signed as the rules want, so that a time to come can only be our own
//!     clock's fault or that of the chain's validators; an invented header was refused before, as its inventor's fault.
//!
//! On purpose not checked: `last_commit_hash` against the commit that we hold for the height before. At the tip nodes give
//! the votes that they have seen so far, and the block after it is made from others, so both can be honest; and a header
//! whose own votes hold needs no such proof. The reference does not look at it either. Nor is a header of more than 626
//! bytes refused, `MaxHeaderBytes` of CometBFT: it only reserves room in a block by that number, and no node counts a
//! header's bytes; an application may have a longer hash than the 32 bytes that it was counted with.
//!
//! Sources: CometBFT `spec/light-client/verification/verification_002_draft.md`, `light/verifier.go` at v0.38.25.

mod commit;
mod error;
mod range;
mod rules;
mod tally;
mod trust;

pub use commit::SealedCommit;
pub use error::{Blame, VerifyError};
pub use range::{Range, Refused, SIGNATURE_BATCH_HEIGHTS_MAX, Sealed};
pub use tally::VotePower;
pub use trust::{JudgedAt, Rules, TrustLevel, TrustLevelError};

use super::types::{BlockId, Commit, Header, LightBlock, ValidatorSet};
use crate::base::{Hash, UnixTime};
use crate::crypto::batch::SignatureBatch;
use crate::rpc::VerifiedHead;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A header that is proven: by signatures from a trusted one, by the hash chain from a later one, or by the user's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHeader {
    header: Header,
    hash: Hash,
}

impl VerifiedHeader {
    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the header's hash.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the header's height.
    pub fn height(&self) -> u64 {
        self.header.height
    }

    /// Returns the header's time.
    pub fn time(&self) -> UnixTime {
        self.header.time
    }
}

impl VerifiedHead for VerifiedHeader {
    fn height(&self) -> u64 {
        self.header.height
    }

    fn hash(&self) -> Hash {
        self.hash
    }

    fn time(&self) -> Option<UnixTime> {
        Some(self.header.time)
    }
}

impl VerifiedHead for VerifiedBlock {
    fn height(&self) -> u64 {
        self.block.header.height
    }

    fn hash(&self) -> Hash {
        self.hash
    }

    fn time(&self) -> Option<UnixTime> {
        Some(self.block.header.time)
    }
}

/// A verified header with the commit and the validator set that prove it: what later headers are verified from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBlock {
    block: Arc<LightBlock>,
    hash: Hash,
    next_validators: Option<Arc<ValidatorSet>>,
}

impl VerifiedBlock {
    fn new(block: Arc<LightBlock>, hash: Hash) -> Self {
        let stays = block.header.validators_hash == block.header.next_validators_hash;
        let next_validators = stays.then(|| Arc::clone(&block.validators));
        Self { block, hash, next_validators }
    }

    /// Returns the light block, all of whose header is proven.
    pub fn block(&self) -> &LightBlock {
        &self.block
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.block.header
    }

    /// Returns the header's hash.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the header's height.
    pub fn height(&self) -> u64 {
        self.block.header.height
    }

    /// Returns the header's time.
    pub fn time(&self) -> UnixTime {
        self.block.header.time
    }

    /// Returns the set that signed this block.
    pub fn validators(&self) -> &Arc<ValidatorSet> {
        &self.block.validators
    }

    /// Returns the set that signs the next block, where it is known: the basis of skipping.
    pub fn next_validators(&self) -> Option<&Arc<ValidatorSet>> {
        self.next_validators.as_ref()
    }

    /// Adds the set that signs the next block.
    /// # Errors
    /// [`VerifyError::NextValidatorsHash`] if the header names another set.
    pub fn with_next_validators(mut self, next: Arc<ValidatorSet>) -> Result<Self, VerifyError> {
        rules::next_validators_are_named(&self.block.header, &next)?;
        self.next_validators = Some(next);
        Ok(self)
    }

    /// Returns the header alone.
    pub fn to_header(&self) -> VerifiedHeader {
        VerifiedHeader { header: self.block.header.clone(), hash: self.hash }
    }
}

/// Takes a block for trusted because the user says that its header has hash `hash`.
///
/// The commit is checked too, by the block's own set: it proves nothing that the user does not vouch for, but a provider
/// that sends a damaged one is found out here and not later.
/// # Errors
/// [`VerifyError::CheckpointHeight`], [`VerifyError::CheckpointHash`], [`VerifyError::CheckpointTime`] if it is not the
/// block that the user means; those of [`commit_light`] otherwise.
pub fn anchor(
    chain_id: &str,
    height: u64,
    hash: Hash,
    time: Option<UnixTime>,
    block: LightBlock,
) -> Result<VerifiedBlock, VerifyError> {
    let header = &block.header;
    is_header_of(header, height, hash)?;
    if let Some(want) = time.filter(|want| *want != header.time) {
        return Err(VerifyError::CheckpointTime { got: header.time, want });
    }
    rules::header_is_well_formed(header, chain_id)?;
    rules::commit_has_height(&block.commit, header)?;
    rules::commit_is_for(&block.commit, hash)?;
    rules::validators_are_named(header, &block.validators)?;
    commit_light(chain_id, &block.validators, &block.commit)?;
    Ok(VerifiedBlock::new(Arc::new(block), hash))
}

/// Verifies that more than two thirds of `validators` signed `commit`, checking no more signatures than that takes.
///
/// Enough for following a chain: what the unchecked rest says cannot change that the block is final.
/// # Errors
/// Those of the votes' form, [`VerifyError::TooLittlePower`], [`VerifyError::BadSignature`].
pub fn commit_light(chain_id: &str, validators: &ValidatorSet, commit: &Commit) -> Result<VotePower, VerifyError> {
    rules::votes_are_positional(commit, validators)?;
    let needed = tally::own_set(commit, validators)?;
    verify_votes(chain_id, validators, commit, &needed.votes)?;
    Ok(needed.power)
}

/// Verifies *every* vote of `commit`, also nil ones, and that more than two thirds of the power is for the block.
///
/// For evidence, where a bad signature beyond two thirds would make others refuse it (CVE-2020-15091).
/// # Errors
/// As [`commit_light`].
pub fn commit_in_full(chain_id: &str, validators: &ValidatorSet, commit: &Commit) -> Result<VotePower, VerifyError> {
    rules::votes_are_positional(commit, validators)?;
    let needed = tally::own_set(commit, validators)?;
    let votes = commit.signatures.iter().enumerate().filter(|(_, sig)| sig.vote().is_some()).map(|(index, _)| index);
    verify_votes(chain_id, validators, commit, &votes.collect::<Vec<_>>())?;
    Ok(needed.power)
}

/// Tells whether trust in a verified block lasts at a time.
///
/// Asked at the end of every path, also after the last step: a header proven by a chain of others is only worth what its
/// own age allows.
/// # Errors
/// [`VerifyError::TrustExpired`].
pub fn is_trusted_at(block: &VerifiedBlock, rules: &Rules, at: JudgedAt) -> Result<(), VerifyError> {
    rules::trust_lasts(block.height(), block.time(), rules, at)
}

/// Returns the share of the power of the set after `trusted` that signed `block`, in millionths; `None` when that set is
/// not known. Signatures are not checked: this guides the choice of the next block to fetch and proves nothing.
pub fn trusted_share_ppm(trusted: &VerifiedBlock, block: &LightBlock) -> Option<u32> {
    let basis = trusted.next_validators()?;
    let signed = tally::signed_power(&block.commit, &block.validators, basis);
    let ppm = u128::from(signed).saturating_mul(1_000_000) / u128::from(basis.total_power().max(1));
    u32::try_from(ppm).ok()
}

fn verify_votes(
    chain_id: &str,
    validators: &ValidatorSet,
    commit: &Commit,
    votes: &[usize],
) -> Result<(), VerifyError> {
    let mut batch = SignatureBatch::new();
    tally::push_votes(&mut batch, chain_id, validators, commit, votes)?;
    batch.end_group();
    batch.verify().outcome().map_err(|bad| VerifyError::BadSignature {
        height: commit.height,
        index: votes.get(bad.item).copied().unwrap_or(bad.item),
        why: bad.why,
    })
}

/// Verifies a header by its hash, which was proven before: by the hash chain, and kept in an index.
/// # Errors
/// [`VerifyError::ChainId`], [`VerifyError::BlockProtocol`], [`VerifyError::CheckpointHeight`],
/// [`VerifyError::CheckpointHash`].
pub fn by_hash(chain_id: &str, height: u64, hash: Hash, header: Header) -> Result<VerifiedHeader, VerifyError> {
    rules::header_is_well_formed(&header, chain_id)?;
    is_header_of(&header, height, hash)?;
    Ok(VerifiedHeader { header, hash })
}

/// Checks that `header` is the one that was vouched for by its height and hash.
fn is_header_of(header: &Header, height: u64, hash: Hash) -> Result<(), VerifyError> {
    if header.height != height {
        return Err(VerifyError::CheckpointHeight { got: header.height, want: height });
    }
    let got = header.hash();
    if got == hash { Ok(()) } else { Err(VerifyError::CheckpointHash { got, want: hash }) }
}

/// Verifies a header one below a verified one by the hash that the later one carries: no signature is needed.
///
/// Holds however old the header is, because the hash chain does not expire; what the trusting period bounds is the later
/// header, which was verified within it.
/// # Errors
/// [`VerifyError::ChainId`], [`VerifyError::BlockProtocol`], [`VerifyError::BackwardsHash`],
/// [`VerifyError::BackwardsTime`].
pub fn backwards(later: &VerifiedHeader, header: Header) -> Result<VerifiedHeader, VerifyError> {
    rules::header_is_well_formed(&header, &later.header.chain_id)?;
    let got = header.hash();
    let want = later.header.last_block_id.map(|BlockId { hash, .. }| hash);
    if want != Some(got) {
        return Err(VerifyError::BackwardsHash { height: header.height, got, want: want.unwrap_or_default() });
    }
    if header.time >= later.header.time {
        return Err(VerifyError::BackwardsTime { got: header.time, later: later.header.time });
    }
    Ok(VerifiedHeader { header, hash: got })
}

/// Verifies one block that follows directly on `trusted`, signatures included.
/// # Errors
/// [`VerifyError`].
pub fn adjacent(
    trusted: &VerifiedBlock,
    block: Arc<LightBlock>,
    rules: &Rules,
    at: JudgedAt,
) -> Result<VerifiedBlock, VerifyError> {
    let mut range = Range::start(trusted);
    range.push_adjacent(block, rules, at)?;
    range.verify_in_place(trusted, rules, at)
}

/// Verifies one block any number of heights above `trusted`, signatures included.
/// # Errors
/// [`VerifyError`]; [`VerifyError::NotEnoughTrust`] asks for a block in between and accuses nobody.
pub fn skipping(
    trusted: &VerifiedBlock,
    block: Arc<LightBlock>,
    rules: &Rules,
    at: JudgedAt,
) -> Result<VerifiedBlock, VerifyError> {
    let mut range = Range::start(trusted);
    range.push_skipping(trusted, block, rules, at)?;
    range.verify_in_place(trusted, rules, at)
}
