//! What is known of a chain: the finalized block, the authorities who finalize its successors, and the tree of blocks above.
//!
//! It trusts the block that it starts from, with its authority set and state of authorship, and proves of every further
//! block that it follows its parent and that its author was entitled to it. A block is finalized only by
//! [`VerifiedFinality`] of the set that governs it, never across a change of the set that is not final itself.
//!
//! All of it is bounded, also while finality stalls: blocks by [`UNFINALIZED_MAX`], their bytes by [`HEADERS_BYTES_MAX`],
//! announced sets by [`ANNOUNCED_MAX`]. A full tree keeps what finality needs: the lineage of each kept block, the best chain,
//! and each block that announces or ends a set, lowest first; `room.rs` says what goes and why no liar can choose it.

mod changes;
mod error;
mod import;
mod room;
mod snapshot;
mod start;
pub mod tree;

use super::authorship::{self, AuthorshipState, ConsensusConfig};
use super::grandpa::{AuthoritySet, BlockId, VerifiedFinality};
use super::header::{HeaderRef, NumberWidth};
use super::spec::rules::BlockRules;
use crate::base::Hash;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use changes::SetState;
use room::Kept;
use tree::ForkTree;

pub use changes::{ANNOUNCED_MAX, Announced, ForcedChanges};
pub use error::{AlongError, FinalityError, ImportError, StartError};
pub use import::{Imported, Unfinalized};
pub use room::{HEADERS_BYTES_MAX, UNFINALIZED_MAX};
pub use snapshot::{SNAPSHOT_BYTES_MAX, SnapshotError};
pub use start::{Start, StartFromError};

/// The most headers along which one block is finalized. Where sets change with sessions, each session's last block is
/// finalized of its own, so it is far more than a way ever has.
pub const FINALITY_PATH_MAX: usize = 65_536;

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
    kept: Kept,
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
        check_engine(&start.authorship, &settings.consensus)?;
        let votes = start.set.map(|set| SetState::new(set, start.announced, number, &start.authorship)).transpose()?;
        Ok(Self {
            genesis: start.genesis,
            width: start.width,
            settings,
            header: start.header,
            authorship: start.authorship,
            votes,
            tree: ForkTree::new(hash, number),
            kept: Kept::default(),
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

    /// Finalizes a block of the tree.
    /// # Errors
    /// [`FinalityError`]; nothing has changed then. After [`FinalityError::NotAbove`] and [`FinalityError::Forgotten`],
    /// fetch the headers that lead to the block and call [`ChainState::finalize_along`].
    pub fn finalize(&mut self, finality: &VerifiedFinality) -> Result<Advanced, FinalityError> {
        let block = finality.block();
        let votes = self.votes_of(finality)?;
        let number = self.tree.number(&block.hash).filter(|_| block.hash != self.tree.finalized().0);
        let finalized = self.tree.finalized().1;
        let number = number.ok_or(FinalityError::NotAbove { hash: block.hash, number: block.number, finalized })?;
        if number != block.number {
            return Err(FinalityError::Number { got: block.number, want: number });
        }
        // Only on the fork that forced the change is there such a set.
        if let Some(forced) = votes.forced().filter(|forced| forced.number > finalized)
            && !self.is_on_path(&forced.hash, &block.hash)
            && !self.is_on_path(&block.hash, &forced.hash)
        {
            return Err(FinalityError::OtherFork { hash: block.hash, forced: forced.hash });
        }
        self.check_path(&block.hash, number)?;
        let next = votes.after(number, &self.announced_below(&block.hash))?;
        let changes_set = next.set().id() != votes.set().id();
        self.advance(block.hash, Some(next), changes_set)
    }

    /// Finalizes a block along the encoded `headers` that lead to it: the first is a child of the finalized block or of one
    /// in the tree, the last is the block. Nothing in the tree can stop it, for the headers need no room there. Who authored
    /// them is not asked: more than two thirds of the set voted for them, and a seal says less.
    ///
    /// Costs a hash for each header. What is in the tree and does not provably descend from the block is dropped.
    /// # Errors
    /// [`AlongError`]; nothing has changed then.
    pub fn finalize_along(&mut self, finality: &VerifiedFinality, headers: &[&[u8]]) -> Result<Advanced, AlongError> {
        let target = finality.block();
        let votes = self.votes_of(finality)?;
        if headers.len() > FINALITY_PATH_MAX {
            return Err(AlongError::TooMany { got: headers.len(), max: FINALITY_PATH_MAX });
        }
        let path = self.link(headers, &target)?;
        let finalized = self.tree.finalized().1;
        let not_above = FinalityError::NotAbove { hash: target.hash, number: target.number, finalized };
        let (first, last) = path.first().zip(path.last()).ok_or(not_above)?;
        if last.1.number() != target.number {
            return Err(FinalityError::Number { got: target.number, want: last.1.number() }.into());
        }
        let from = first.1.parent_hash();
        let (mut number, behind) = self.state_behind(&from).ok_or(not_above)?;
        self.check_path(&from, target.number)?;
        let mut authorship = behind.clone();
        let mut announced = Vec::new();
        for (index, (hash, header)) in path.iter().enumerate() {
            let broken = |why| AlongError::Header { index, why };
            announced.extend(self.announced_by_child(number, header, *hash).map_err(broken)?);
            let state = authorship::follow(&authorship, header, &self.settings.consensus);
            (number, authorship) = (header.number(), state.map_err(|why| broken(why.into()))?);
        }
        if let Some(forced) = votes.forced().filter(|forced| forced.number > finalized)
            && !self.is_on_path(&forced.hash, &from)
            && path.iter().all(|(hash, _)| *hash != forced.hash)
            && !self.is_on_path(&target.hash, &forced.hash)
        {
            return Err(FinalityError::OtherFork { hash: target.hash, forced: forced.hash }.into());
        }
        let mut above = self.announced_below(&from);
        above.extend(&announced);
        let next = votes.after(target.number, &above)?;
        let changes_set = next.set().id() != votes.set().id();
        if self.tree.number(&target.hash).is_some() {
            return Ok(self.advance(target.hash, Some(next), changes_set)?);
        }
        let header = headers.last().map(|header| header.to_vec()).unwrap_or_default();
        let done = self.tree.finalize_beyond(&from, target.hash, target.number);
        let along: BTreeSet<Hash> = path.iter().map(|(hash, _)| *hash).collect();
        let pruned = done.pruned.into_iter().filter(|hash| !along.contains(hash)).collect();
        let kept = done.path.iter().map(|(hash, _)| *hash);
        let finalized = kept.chain(path.iter().map(|(hash, _)| *hash)).collect();
        self.settle(header, authorship, Some(next));
        Ok(Advanced { finalized, pruned, changes_set })
    }

    /// Returns the set that voted, if it is the one whose turn it is.
    fn votes_of(&self, finality: &VerifiedFinality) -> Result<&SetState, FinalityError> {
        let votes = self.votes.as_ref().ok_or(FinalityError::Elsewhere)?;
        let (got, want) = (finality.set_id(), votes.set().id());
        if got != want {
            return Err(FinalityError::OtherSet { got, want });
        }
        // A number names no members: a set of another chain, or one that anybody made, has the same.
        let (got, want) = (finality.set_digest(), votes.set().digest());
        if got == want { Ok(votes) } else { Err(FinalityError::OtherMembers { set_id: finality.set_id(), got, want }) }
    }

    /// Reads `headers` and asserts that each follows the one before it and that the last is `target`.
    fn link<'a>(&self, headers: &[&'a [u8]], target: &BlockId) -> Result<Vec<(Hash, HeaderRef<'a>)>, AlongError> {
        let mut path: Vec<(Hash, HeaderRef<'a>)> = Vec::with_capacity(headers.len());
        for (index, bytes) in headers.iter().enumerate() {
            let header = HeaderRef::decode(bytes, self.width);
            let header = header.map_err(|why| AlongError::Header { index, why: why.into() })?;
            if let Some((want, _)) = path.last().filter(|(before, _)| *before != header.parent_hash()) {
                return Err(AlongError::Gap { index, got: header.parent_hash(), want: *want });
            }
            path.push((header.hash(), header));
        }
        match path.last() {
            Some((got, _)) if *got != target.hash => Err(AlongError::OtherEnd { got: *got, want: target.hash }),
            _ => Ok(path),
        }
    }

    fn is_on_path(&self, hash: &Hash, tip: &Hash) -> bool {
        self.tree.ancestry(tip).any(|(ancestor, _, _)| ancestor == *hash)
    }

    /// Asserts that no change of the set was forgotten between the finalized block and `tip`.
    fn check_path(&self, tip: &Hash, number: u64) -> Result<(), FinalityError> {
        let forgotten = self.tree.ancestry(tip).filter_map(|(_, _, block)| block.folded.forgotten()).min();
        forgotten.map_or(Ok(()), |from| Err(FinalityError::Forgotten { from, number }))
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
        // What stands on a change that was forgotten could be finalized across it.
        done.pruned.extend(self.tree.prune(|block| block.folded.forgotten().is_some()));
        self.settle(header, authorship, votes);
        let finalized = done.path.iter().map(|(hash, _)| *hash).chain([hash]).collect();
        Ok(Advanced { finalized, pruned: done.pruned, changes_set })
    }

    fn settle(&mut self, header: Vec<u8>, authorship: AuthorshipState, votes: Option<SetState>) {
        if let Some(mut votes) = votes {
            votes.trust_authors_of(&authorship);
            self.votes = Some(votes);
        }
        (self.header, self.authorship) = (header, authorship);
        self.kept = Kept::of(self.tree.contents());
    }
}

/// Asserts that the state of authorship is of the engine that the settings are of: with another one, blocks would be taken
/// in that nobody was entitled to, or none at all.
fn check_engine(state: &AuthorshipState, settings: &ConsensusConfig) -> Result<(), StartError> {
    let (state, settings) = (state.engine(), settings.engine());
    if state == settings { Ok(()) } else { Err(StartError::OtherEngine { state, settings }) }
}
