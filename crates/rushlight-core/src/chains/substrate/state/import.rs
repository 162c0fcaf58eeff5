//! Blocks above the finalized one: verified one after the other, each from its parent's state.

use super::super::authorship::{self, AuthorshipState, VerifiedAuthorship};
use super::super::grandpa::AuthoritySet;
use super::super::header::HeaderRef;
use super::super::header::grandpa::{Change, Log};
use super::ChainState;
use super::changes::Announced;
use super::error::ImportError;
use super::room::Folded;
use super::tree::TreeError;
use crate::base::Hash;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A block above the finalized one.
#[derive(Clone, Debug)]
pub struct Unfinalized {
    header: Vec<u8>,
    parent: Hash,
    authorship: AuthorshipState,
    author: Option<[u8; 32]>,
    announced: Option<Announced>,
    /// The nearest block below that announces a change.
    change_below: Option<Hash>,
    /// Whether a change is made with its finality: then it must be finalized before any block above it.
    is_mandatory: bool,
    /// What is remembered of the blocks that were folded between it and the kept block below.
    pub(super) folded: Folded,
}

/// What became of a block that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its hash.
    pub hash: Hash,
    /// Its number.
    pub number: u64,
    /// What is known of its author.
    pub authorship: VerifiedAuthorship,
    /// Whether it is the best block now.
    pub is_best: bool,
    /// Whether a forced change was made with it: from now on another set votes.
    pub forces_set: bool,
    /// Blocks that were dropped to stay within the bounds; never the block itself.
    pub dropped: Vec<Hash>,
}

impl Unfinalized {
    /// Returns the header's bytes.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Returns the hash of the block before.
    pub fn parent(&self) -> Hash {
        self.parent
    }

    /// Returns the state of authorship behind the block.
    pub fn authorship(&self) -> &AuthorshipState {
        &self.authorship
    }

    /// Returns the author's key, if it is known.
    pub fn author(&self) -> Option<[u8; 32]> {
        self.author
    }

    /// Returns the change of the set that the block announces.
    pub fn announced(&self) -> Option<&Announced> {
        self.announced.as_ref()
    }

    /// Tells whether the set cannot be followed without the block: it announces a change or ends a set.
    pub(super) fn is_needed(&self) -> bool {
        self.announced.is_some() || self.is_mandatory
    }

    /// Returns the nearest block below that announces a change.
    pub(super) fn change_below(&self) -> Option<Hash> {
        self.change_below
    }

    /// Goes on without the announcement of `forgotten`, below which `next` is the nearest one.
    pub(super) fn forget_change(&mut self, forgotten: &Hash, next: Option<Hash>) {
        if self.change_below == Some(*forgotten) {
            self.change_below = next;
        }
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, AuthorshipState) {
        (self.header, self.authorship)
    }
}

impl ChainState {
    /// Verifies the block that `header` encodes and takes it in.
    ///
    /// `latest_slot` is the latest slot that the wall clock allows (`ConsensusConfig::latest_slot`); `None` leaves the
    /// question open. Costs up to two signature checks.
    /// # Errors
    /// [`ImportError`]; nothing has changed then.
    pub fn import(&mut self, header: &[u8], latest_slot: Option<u64>) -> Result<Imported, ImportError> {
        let decoded = HeaderRef::decode(header, self.width)?;
        let (hash, number, parent) = (decoded.hash(), decoded.number(), decoded.parent_hash());
        let behind = self.state_behind(&parent).filter(|_| self.tree.number(&hash).is_none());
        let Some((parent_number, behind)) = behind else {
            let finalized = self.tree.finalized().1;
            let known = self.tree.number(&hash).is_some();
            let error =
                if known { TreeError::Known { hash } } else { TreeError::UnknownParent { number, parent, finalized } };
            return Err(error.into());
        };
        let announced = self.announced_by_child(parent_number, &decoded, hash)?;
        let (authorship, state) = authorship::verify(behind, &decoded, &self.settings.consensus, latest_slot)?;
        let change_below = self.nearest_change(&parent);
        let mut above = self.announced_from(change_below);
        above.extend(&announced);
        let is_mandatory = self.votes.as_ref().is_some_and(|votes| votes.is_mandatory(number, &above));
        let author = authorship.author();
        let folded = Folded::default();
        let header = header.to_vec();
        let block =
            Unfinalized { header, parent, authorship: state, author, announced, change_below, is_mandatory, folded };
        self.kept.add(&block);
        self.tree.insert(hash, number, parent, authorship.weight(), block)?;
        let dropped = self.make_room(&hash);
        let forces_set = self.force_change(&hash, number);
        Ok(Imported { hash, number, authorship, is_best: self.tree.best().0 == hash, forces_set, dropped })
    }

    /// Asserts that a header may stand on block number `parent`; returns the change that it announces. Comes before any
    /// signature is looked at: it costs nothing to make headers up.
    pub(super) fn announced_by_child(
        &self,
        parent: u64,
        header: &HeaderRef<'_>,
        hash: Hash,
    ) -> Result<Option<Announced>, ImportError> {
        self.settings.rules.check(header.number(), &hash)?;
        if parent.checked_add(1) != Some(header.number()) {
            return Err(TreeError::Number { got: header.number(), parent }.into());
        }
        let Some(votes) = &self.votes else { return Ok(None) };
        announced_by(header, hash, votes.set().id().saturating_add(1))
    }

    pub(super) fn state_behind(&self, hash: &Hash) -> Option<(u64, &AuthorshipState)> {
        let (finalized, number) = self.tree.finalized();
        if *hash == finalized {
            return Some((number, &self.authorship));
        }
        Some((self.tree.number(hash)?, &self.tree.get(hash)?.authorship))
    }

    /// Returns the nearest block that announces a change: `hash` itself or one below it, above the finalized one.
    fn nearest_change(&self, hash: &Hash) -> Option<Hash> {
        let block = self.tree.get(hash)?;
        if block.announced.is_some() { Some(*hash) } else { block.change_below }
    }

    /// Returns the change that `nearest` announces and those announced below it, down to the finalized block.
    fn announced_from(&self, nearest: Option<Hash>) -> Vec<&Announced> {
        let mut next = nearest;
        let changes = core::iter::from_fn(move || {
            let block = self.tree.get(&next?)?;
            next = block.change_below;
            block.announced.as_ref()
        });
        changes.collect()
    }

    /// Returns the changes that are announced from `tip` down to the finalized block.
    pub(super) fn announced_below(&self, tip: &Hash) -> Vec<&Announced> {
        self.announced_from(self.nearest_change(tip))
    }

    /// Makes the lowest forced change below `tip` if its time has come; tells whether it did.
    fn force_change(&mut self, tip: &Hash, number: u64) -> bool {
        let Some(votes) = &self.votes else { return false };
        let above = self.announced_below(tip);
        let Some(change) = votes.next_forced(&above).cloned() else { return false };
        let (tree, finalized) = (&self.tree, self.tree.finalized().1);
        // A forced change that was made holds on its own fork; another one follows it there alone.
        let made = votes.forced().filter(|made| made.number > finalized);
        if made.is_some_and(|made| tree.ancestry(tip).all(|(hash, _, _)| hash != made.hash)) {
            return false;
        }
        let authors = (change.number > finalized).then(|| {
            let above = tree.ancestry(tip).take_while(|(_, number, _)| *number >= change.number);
            above.flat_map(|(_, number, block)| {
                let folded = block.folded.authors().filter(move |_| number > change.number);
                folded.chain(block.author)
            })
        });
        let above: Vec<Announced> = above.into_iter().cloned().collect();
        let above: Vec<&Announced> = above.iter().collect();
        let when = self.settings.forced;
        self.votes.as_mut().is_some_and(|votes| votes.force(&change, number, when, authors, &above))
    }
}

/// Returns the change of the set that a block announces, to set `id`: a forced one, else the first scheduled one.
pub(super) fn announced_by(header: &HeaderRef<'_>, hash: Hash, id: u64) -> Result<Option<Announced>, ImportError> {
    let forced = header.grandpa_logs().find_map(|log| match log {
        Log::ForcedChange { median_last_finalized, change } => Some((change, Some(median_last_finalized))),
        _ => None,
    });
    let scheduled = || {
        header.grandpa_logs().find_map(|log| match log {
            Log::ScheduledChange(change) => Some((change, None)),
            _ => None,
        })
    };
    let Some((Change { next_authorities, delay }, forced)) = forced.or_else(scheduled) else { return Ok(None) };
    let number = header.number();
    let effective = number.checked_add(delay).ok_or(ImportError::Delay { number, delay })?;
    let set = AuthoritySet::announced(id, &next_authorities);
    let set = Arc::new(set.map_err(|why| ImportError::Announced { number, why })?);
    Ok(Some(Announced { number, hash, effective, forced, set }))
}
