//! Blocks above the finalized one: verified one after the other, each from its parent's state.

use super::super::authorship::{self, AuthorshipState, VerifiedAuthorship};
use super::super::grandpa::AuthoritySet;
use super::super::header::HeaderRef;
use super::super::header::grandpa::{Change, Log};
use super::ChainState;
use super::changes::{ANNOUNCED_MAX, Announced};
use super::error::ImportError;
use super::tree::TreeError;
use crate::base::Hash;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most bytes of headers above the finalized block; the sets and epochs that they announce take up to twice as many
/// again. Without it every author could fill the memory while finality stalls, four megabytes a block.
pub const HEADERS_BYTES_MAX: usize = 16 << 20;

/// A block above the finalized one.
#[derive(Clone, Debug)]
pub struct Unfinalized {
    header: Vec<u8>,
    parent: Hash,
    authorship: AuthorshipState,
    author: Option<[u8; 32]>,
    announced: Option<Announced>,
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
    /// Blocks that were dropped to stay within the bounds.
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
        self.settings.rules.check(number, &hash)?;
        let behind = self.state_behind(&parent).filter(|_| self.tree.number(&hash).is_none());
        let Some((parent_number, behind)) = behind else {
            let finalized = self.tree.finalized().1;
            let known = self.tree.number(&hash).is_some();
            let error =
                if known { TreeError::Known { hash } } else { TreeError::UnknownParent { number, parent, finalized } };
            return Err(error.into());
        };
        // Before any signature is looked at: it costs nothing to make headers up.
        if parent_number.checked_add(1) != Some(number) {
            return Err(TreeError::Number { got: number, parent: parent_number }.into());
        }
        let headers_bytes = self.headers_bytes.saturating_add(header.len());
        if headers_bytes > HEADERS_BYTES_MAX {
            let finalized = self.tree.finalized().1;
            return Err(ImportError::Full { finalized, got: headers_bytes, max: HEADERS_BYTES_MAX });
        }
        let announced = self.announced_by(&decoded, hash)?;
        let (authorship, state) = authorship::verify(behind, &decoded, &self.settings.consensus, latest_slot)?;
        let author = authorship.author();
        let block = Unfinalized { header: header.to_vec(), parent, authorship: state, author, announced };
        let dropped = self.tree.insert(hash, number, parent, authorship.weight(), block)?;
        let dropped_bytes = dropped.iter().fold(0_usize, |sum, (_, block)| sum.saturating_add(block.header.len()));
        self.headers_bytes = headers_bytes.saturating_sub(dropped_bytes);
        Ok(Imported {
            hash,
            number,
            authorship,
            is_best: self.tree.best().0 == hash,
            forces_set: self.force_change(&hash, number),
            dropped: dropped.into_iter().map(|(hash, _)| hash).collect(),
        })
    }

    fn state_behind(&self, hash: &Hash) -> Option<(u64, &AuthorshipState)> {
        let (finalized, number) = self.tree.finalized();
        if *hash == finalized {
            return Some((number, &self.authorship));
        }
        Some((self.tree.number(hash)?, &self.tree.get(hash)?.authorship))
    }

    /// Returns the change of the set that a block announces: a forced one, else the first scheduled one.
    fn announced_by(&self, header: &HeaderRef<'_>, hash: Hash) -> Result<Option<Announced>, ImportError> {
        let Some(votes) = &self.votes else { return Ok(None) };
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
        let set = AuthoritySet::announced(votes.set().id().saturating_add(1), &next_authorities);
        let set = Arc::new(set.map_err(|why| ImportError::Announced { number, why })?);
        let above = self.tree.contents().filter(|block| block.announced.is_some()).count();
        let got = above.saturating_add(votes.announced().len()).saturating_add(1);
        if got > ANNOUNCED_MAX {
            return Err(ImportError::FullOfChanges { finalized: self.tree.finalized().1, got, max: ANNOUNCED_MAX });
        }
        Ok(Some(Announced { number, hash, effective, forced, set }))
    }

    /// Makes the lowest forced change below `tip` if its time has come; tells whether it did.
    fn force_change(&mut self, tip: &Hash, number: u64) -> bool {
        let tree = &self.tree;
        let announced: Vec<&Announced> =
            tree.ancestry(tip).filter_map(|(_, _, block)| block.announced.as_ref()).collect();
        let Some(change) = announced.iter().rev().find(|change| change.forced.is_some()) else { return false };
        let authors = tree.ancestry(tip).take_while(|(_, number, _)| *number >= change.number);
        let authors = authors.filter_map(|(_, _, block)| block.author);
        let below: Vec<&Announced> = announced.iter().filter(|other| other.number < change.number).copied().collect();
        self.votes.as_mut().is_some_and(|votes| votes.force(change, number, self.settings.forced, authors, &below))
    }
}
