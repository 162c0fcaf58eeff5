//! Links between fragments, and their signatures in one batch.
//!
//! All rules that need no signature are checked fragment by fragment, each with the set that the one before announces.
//! Until the batch holds, that set is no better than the signatures before it: nothing is released before.

use super::fragment::{Fragment, scheduled_change};
use super::rules::WarpRules;
use super::stream::{FRAGMENT_BYTES_MAX, StreamError};
use crate::base::PeerId;
use crate::chains::substrate::grandpa::{AuthoritySet, BlockId, Proofs, Refused, SealedProofs, SetError, VerifyError};
use crate::chains::substrate::header::grandpa;
use crate::chains::substrate::spec::rules::RefusedBlock;
use crate::work::{Done, Work};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How many bytes of signatures go into one work: some 8,000, a fifth of a second of one core. Larger batches are hardly
/// faster, because each equation has a bound of its own.
pub const SIGNATURES_BYTES_AIM: usize = 3 << 19;

/// The most fragments in one work.
const FRAGMENTS_PER_WORK_MAX: usize = 256;

/// How many bytes of announced sets and headers go with one work. A set can be large and its votes few, where one member has
/// all the weight.
const LINKS_BYTES_AIM: usize = SIGNATURES_BYTES_AIM;

/// The most bytes that the links of a run hold: those of one fragment may come on top of what is aimed at.
pub(super) const LINKS_BYTES_MAX: usize = LINKS_BYTES_AIM + FRAGMENT_BYTES_MAX;

/// The most bytes that a run holds: signatures take up to half as much again as in their fragment.
pub(super) const RUN_BYTES_MAX: usize = SIGNATURES_BYTES_AIM + LINKS_BYTES_AIM + 2 * FRAGMENT_BYTES_MAX;

/// Why a fragment is refused: one variant per rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarpError {
    /// The answer is no sequence of fragments.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A fragment that does not go up: the same way could be sold again and again.
    #[error("fragment is of block {got}, wanted is one above {tip}")]
    HeightNotAbove {
        /// Number of the fragment's block.
        got: u64,
        /// Number of the block before.
        tip: u64,
    },
    /// The chain's specification refuses the block, whoever voted for it.
    #[error("warp proof: {0}")]
    Refused(#[from] RefusedBlock),
    /// The votes do not finalize the fragment's block.
    #[error("fragment of block {number}: {why}")]
    Finality {
        /// Number of the block.
        number: u64,
        /// The broken rule.
        why: VerifyError,
    },
    /// The announced set can not vote.
    #[error("fragment of block {number} announces: {why}")]
    NextSet {
        /// Number of the block.
        number: u64,
        /// The broken rule.
        why: SetError,
    },
    /// The announced set is not in force with this block, which is therefore not the last one of its set.
    #[error("fragment of block {number} announces a set that comes into force {delay} blocks later")]
    DelayedChange {
        /// Number of the block.
        number: u64,
        /// After how many blocks.
        delay: u64,
    },
    /// A fragment that changes nothing and is not the last of a finished proof: a proof could be blown up at will.
    #[error("fragment of block {number} announces no set, which only the last one of a finished proof may do")]
    NotMinimal {
        /// Number of the block.
        number: u64,
    },
    /// A proof without fragments proves nothing.
    #[error("warp proof has no fragments")]
    Empty,
}

/// A block that is final, and who votes after it. Made by verification, or from what the user trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    block: BlockId,
    set: Arc<AuthoritySet>,
    header: Option<Vec<u8>>,
}

impl VerifiedHead {
    /// Returns the block that the user trusts; `set` votes on what follows it.
    pub fn trusted(block: BlockId, set: AuthoritySet) -> Self {
        Self { block, set: Arc::new(set), header: None }
    }

    /// Returns the block.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Returns the set that votes on what follows.
    pub fn set(&self) -> &Arc<AuthoritySet> {
        &self.set
    }

    /// Returns the block's encoded header; none for the block that the user trusts and for one between others, which is
    /// the head only where the next fragment was refused.
    pub fn header(&self) -> Option<&[u8]> {
        self.header.as_deref()
    }

    /// Returns the memory that it holds, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        self.set.size_bytes().saturating_add(self.header.as_ref().map_or(0, Vec::capacity))
    }
}

/// A fragment whose signatures are in the batch.
#[derive(Debug)]
struct Link {
    head: VerifiedHead,
    /// Who sent it.
    peer: PeerId,
    /// Whether its votes are in the batch. They are not where the block is a hard fork, which is the user's word.
    has_votes: bool,
}

/// Fragments that satisfy every rule but the signatures.
#[derive(Debug)]
pub struct Run {
    rules: WarpRules,
    tip: BlockId,
    set: Arc<AuthoritySet>,
    proofs: Proofs,
    links: Vec<Link>,
    links_bytes: usize,
}

/// A part of a run whose signatures are being verified elsewhere.
#[derive(Debug)]
pub struct SealedRun {
    proofs: SealedProofs,
    links: Vec<Link>,
    links_bytes: usize,
}

/// What became of a run.
#[derive(Debug)]
pub struct Released {
    /// The highest block that is final now, if any fragment holds.
    pub head: Option<VerifiedHead>,
    /// Who sent the fragments that hold.
    pub peers: Vec<PeerId>,
    /// The first fragment that does not hold: who sent it, and why not.
    pub refused: Option<(PeerId, WarpError)>,
}

impl Run {
    /// Returns the run without fragments that starts from `trusted`, on a chain with `rules`.
    pub fn start(trusted: &VerifiedHead, rules: &WarpRules) -> Self {
        let (rules, tip, set) = (rules.clone(), trusted.block, trusted.set.clone());
        Self { rules, tip, set, proofs: Proofs::start(tip.hash), links: Vec::new(), links_bytes: 0 }
    }

    /// Returns what the user's settings say of single blocks.
    pub(super) fn rules(&self) -> &WarpRules {
        &self.rules
    }

    /// Returns the last block, which is final if all signatures hold.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// Tells whether no fragment waits to be sealed.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Tells whether the run should be sealed before another fragment is added.
    pub fn is_full(&self) -> bool {
        self.links.len() >= FRAGMENTS_PER_WORK_MAX
            || self.proofs.size_bytes() >= SIGNATURES_BYTES_AIM
            || self.links_bytes >= LINKS_BYTES_AIM
    }

    /// Returns the memory that signatures, sets and headers hold, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.proofs.size_bytes().saturating_add(self.links_bytes)
    }

    /// Adds the fragment that follows, sent by `peer`. One of the last block itself is passed over.
    /// # Errors
    /// [`WarpError`]; nothing is added. As long as fragments before it are unverified the fault may be theirs.
    pub fn push(&mut self, fragment: &Fragment, peer: PeerId) -> Result<(), WarpError> {
        // It was read when it was cut out of its answer, so this fails for none.
        let (header, justification) = fragment.decode().map_err(|why| StreamError::of(why, self.links.len()))?;
        let block = fragment.block();
        if block == self.tip {
            return Ok(());
        }
        let number = block.number;
        if number <= self.tip.number {
            return Err(WarpError::HeightNotAbove { got: number, tip: self.tip.number });
        }
        self.rules.blocks.check(number, &block.hash)?;
        let hard_fork = self.rules.hard_forks.get(&block.hash);
        let next = match scheduled_change(&header) {
            _ if hard_fork.is_some() => hard_fork.cloned(),
            Some(grandpa::Change { delay, .. }) if delay > 0 => return Err(WarpError::DelayedChange { number, delay }),
            Some(change) => {
                // 64 bits of sets: one per block would last longer than any chain.
                let id = self.set.id().saturating_add(1);
                let set = AuthoritySet::announced(id, &change.next_authorities);
                Some(Arc::new(set.map_err(|why| WarpError::NextSet { number, why })?))
            }
            None => None,
        };
        let has_votes = hard_fork.is_none();
        if has_votes {
            let pushed = self.proofs.push(&justification, block, &self.set);
            pushed.map_err(|why| WarpError::Finality { number, why })?;
        }
        self.tip = block;
        self.set = next.unwrap_or_else(|| self.set.clone());
        if let Some(before) = self.links.last_mut().and_then(|before| before.head.header.take()) {
            self.links_bytes = self.links_bytes.saturating_sub(before.capacity());
        }
        let head = VerifiedHead { block, set: self.set.clone(), header: Some(header.bytes().to_vec()) };
        self.links_bytes = self.links_bytes.saturating_add(head.size_bytes());
        self.links.push(Link { head, peer, has_votes });
        Ok(())
    }

    /// Cuts off what there is: returns the work of verifying its signatures, and what is released when they hold. The
    /// run goes on behind it.
    pub fn seal(&mut self) -> (Work, SealedRun) {
        let proofs = core::mem::replace(&mut self.proofs, Proofs::start(self.tip.hash));
        let (work, proofs) = proofs.seal();
        let (links, links_bytes) = (core::mem::take(&mut self.links), core::mem::take(&mut self.links_bytes));
        (work, SealedRun { proofs, links, links_bytes })
    }
}

impl SealedRun {
    /// Returns the memory that sets and headers hold, in bytes; signatures are in the work.
    pub fn size_bytes(&self) -> usize {
        self.links_bytes
    }

    /// Returns the highest block that is final now and the first fragment that is refused, if one is.
    pub fn release(self, done: Done) -> Released {
        let (verified, refused) = self.proofs.release(done);
        let mut links = self.links;
        let refused = refused.and_then(|Refused { error: why, .. }| {
            let mut with_votes = links.iter().enumerate().filter(|(_, link)| link.has_votes);
            let (good, bad) = with_votes.nth(verified.len())?;
            let (peer, number) = (bad.peer, bad.head.block.number);
            links.truncate(good);
            Some((peer, WarpError::Finality { number, why }))
        });
        let peers = links.iter().map(|link| link.peer).collect();
        Released { head: links.pop().map(|link| link.head), peers, refused }
    }
}
