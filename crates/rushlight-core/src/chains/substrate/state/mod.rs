//! What is known of a chain: the finalized block, the authorities who finalize its successors, and the tree of blocks above.
//!
//! It trusts the block that it starts from, with its authority set and state of authorship, and proves of every further
//! block that it follows its parent and that its author was entitled to it. A block is finalized only by
//! [`VerifiedFinality`] of the set that governs it, never across a change of the set that is not final itself.
//!
//! All of it is bounded, also while finality stalls: blocks by [`tree::UNFINALIZED_MAX`], their bytes by
//! [`HEADERS_BYTES_MAX`], announced sets by [`ANNOUNCED_MAX`].

mod changes;
mod error;
mod import;
mod snapshot;
pub mod tree;

use super::authorship::{AuthorshipState, ConsensusConfig};
use super::grandpa::{AuthoritySet, BlockId, VerifiedFinality};
use super::header::{HeaderRef, NumberWidth};
use super::spec::rules::BlockRules;
use crate::base::Hash;
use alloc::sync::Arc;
use alloc::vec::Vec;
use changes::SetState;
use tree::ForkTree;

pub use changes::{ANNOUNCED_MAX, Announced, ForcedChanges};
pub use error::{FinalityError, ImportError, StartError};
pub use import::{HEADERS_BYTES_MAX, Imported, Unfinalized};
pub use snapshot::{SNAPSHOT_BYTES_MAX, SnapshotError};

/// The block that a chain is followed from, and what is trusted with it.
#[derive(Clone, Debug)]
pub struct Start {
    /// Hash of block 0, by which a saved state is told from that of another chain.
    pub genesis: Hash,
    /// Width of block numbers.
    pub width: NumberWidth,
    /// The finalized header's bytes.
    pub header: Vec<u8>,
    /// State of authorship behind it.
    pub authorship: AuthorshipState,
    /// The set that votes for its successors; `None` where finality comes from elsewhere, as from a relay chain.
    pub set: Option<AuthoritySet>,
    /// Changes of the set that are announced up to the finalized block and not made yet, in the order of blocks.
    pub announced: Vec<Announced>,
}

/// What does not change while a chain is followed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How authorship is verified.
    pub consensus: ConsensusConfig,
    /// Which blocks the specification refuses.
    pub rules: Arc<BlockRules>,
    /// When a forced change of the set is made.
    pub forced: ForcedChanges,
}

/// What is known of a chain.
#[derive(Clone, Debug)]
pub struct ChainState {
    genesis: Hash,
    width: NumberWidth,
    settings: Settings,
    header: Vec<u8>,
    authorship: AuthorshipState,
    votes: Option<SetState>,
    tree: ForkTree<Unfinalized>,
    headers_bytes: usize,
}

/// What finality did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The newly finalized blocks, oldest first, as far as they were kept; the last one is the finalized block.
    pub finalized: Vec<Hash>,
    /// Blocks of forks that can no longer be finalized.
    pub pruned: Vec<Hash>,
    /// Whether another set votes from now on.
    pub changes_set: bool,
}

impl ChainState {
    /// Returns the chain that `start` is the finalized block of.
    /// # Errors
    /// [`StartError`].
    pub fn new(start: Start, settings: Settings) -> Result<Self, StartError> {
        let header = HeaderRef::decode(&start.header, start.width)?;
        let (hash, number) = (header.hash(), header.number());
        settings.rules.check(number, &hash)?;
        if number == 0 && hash != start.genesis {
            return Err(StartError::OtherGenesis { got: hash, want: start.genesis });
        }
        let votes = start.set.map(|set| SetState::new(set, start.announced, number, &start.authorship)).transpose()?;
        Ok(Self {
            genesis: start.genesis,
            width: start.width,
            settings,
            header: start.header,
            authorship: start.authorship,
            votes,
            tree: ForkTree::new(hash, number, tree::UNFINALIZED_MAX),
            headers_bytes: 0,
        })
    }

    /// Returns the hash of block 0.
    pub fn genesis(&self) -> Hash {
        self.genesis
    }

    /// Returns the width of block numbers.
    pub fn number_width(&self) -> NumberWidth {
        self.width
    }

    /// Returns the finalized block.
    pub fn finalized(&self) -> BlockId {
        let (hash, number) = self.tree.finalized();
        BlockId { hash, number }
    }

    /// Returns the best block: the heaviest chain's, then the longest's, then the one seen first.
    pub fn best(&self) -> BlockId {
        let (hash, number) = self.tree.best();
        BlockId { hash, number }
    }

    /// Returns the bytes of the header of the finalized block or of one above it.
    pub fn header(&self, hash: &Hash) -> Option<&[u8]> {
        if *hash == self.tree.finalized().0 { Some(&self.header) } else { self.tree.get(hash).map(Unfinalized::header) }
    }

    /// Returns the parent of a block above the finalized one: what the verification of a commit asks for.
    pub fn parent(&self, hash: &Hash) -> Option<Hash> {
        self.tree.get(hash).map(Unfinalized::parent)
    }

    /// Returns the tree of blocks above the finalized one.
    pub fn tree(&self) -> &ForkTree<Unfinalized> {
        &self.tree
    }

    /// Returns the state of authorship behind the finalized block.
    pub fn authorship(&self) -> &AuthorshipState {
        &self.authorship
    }

    /// Returns the set that votes now; `None` where finality comes from elsewhere.
    pub fn authority_set(&self) -> Option<&AuthoritySet> {
        self.votes.as_ref().map(SetState::set)
    }

    /// Returns the lowest block above the finalized one that ends a set on the best chain: nothing above it can be
    /// finalized before it, so its justification is what to ask for.
    pub fn next_set_change(&self) -> Option<u64> {
        let votes = self.votes.as_ref()?;
        votes.ending(&self.announced_below(&self.tree.best().0))
    }

    /// Returns the changes that are announced from `tip` down to the finalized block.
    fn announced_below(&self, tip: &Hash) -> Vec<&Announced> {
        self.tree.ancestry(tip).filter_map(|(_, _, block)| block.announced()).collect()
    }

    /// Finalizes a block of the tree.
    /// # Errors
    /// [`FinalityError`]; nothing has changed then.
    pub fn finalize(&mut self, finality: &VerifiedFinality) -> Result<Advanced, FinalityError> {
        let block = finality.block();
        let votes = self.votes.as_ref().ok_or(FinalityError::Elsewhere)?;
        if finality.set_id() != votes.set().id() {
            return Err(FinalityError::OtherSet { got: finality.set_id(), want: votes.set().id() });
        }
        let number = self.tree.number(&block.hash).filter(|_| block.hash != self.tree.finalized().0);
        let finalized = self.tree.finalized().1;
        let number = number.ok_or(FinalityError::NotAbove { hash: block.hash, number: block.number, finalized })?;
        if number != block.number {
            return Err(FinalityError::Number { got: block.number, want: number });
        }
        let on_path = |hash: &Hash| self.tree.ancestry(&block.hash).any(|(ancestor, _, _)| ancestor == *hash);
        let leads_to = |hash: &Hash| self.tree.ancestry(hash).any(|(ancestor, _, _)| ancestor == block.hash);
        // Only on the fork that forced the change is there such a set.
        if let Some(forced) = votes.forced().filter(|forced| forced.number > finalized)
            && !on_path(&forced.hash)
            && !leads_to(&forced.hash)
        {
            return Err(FinalityError::OtherFork { hash: block.hash, forced: forced.hash });
        }
        let next = votes.after(number, &self.announced_below(&block.hash))?;
        let changes_set = next.set().id() != votes.set().id();
        self.advance(block.hash, Some(next), changes_set)
    }

    /// Finalizes a block of the tree because another chain says so: a parachain's, by its relay chain. That the other
    /// chain says so has been verified by the caller.
    /// # Errors
    /// [`FinalityError::ByVotes`] where the chain has an authority set of its own, [`FinalityError::NotAbove`].
    pub fn finalize_from_elsewhere(&mut self, hash: &Hash) -> Result<Advanced, FinalityError> {
        if self.votes.is_some() {
            return Err(FinalityError::ByVotes);
        }
        self.advance(*hash, None, false)
    }

    fn advance(&mut self, hash: Hash, votes: Option<SetState>, changes_set: bool) -> Result<Advanced, FinalityError> {
        let finalized = self.tree.finalized().1;
        let not_above =
            FinalityError::NotAbove { hash, number: self.tree.number(&hash).unwrap_or_default(), finalized };
        let mut done = self.tree.finalize(&hash).map_err(|_| not_above)?;
        let Some((_, block)) = done.path.pop() else { return Err(not_above) };
        let (header, authorship) = block.into_parts();
        if let Some(mut votes) = votes {
            votes.trust_authors_of(&authorship);
            self.votes = Some(votes);
        }
        (self.header, self.authorship) = (header, authorship);
        self.headers_bytes = self.tree.contents().map(|block| block.header().len()).sum();
        let finalized = done.path.iter().map(|(hash, _)| *hash).chain([hash]).collect();
        Ok(Advanced { finalized, pruned: done.pruned, changes_set })
    }
}
