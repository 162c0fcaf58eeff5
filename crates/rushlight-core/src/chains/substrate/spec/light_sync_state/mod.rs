//! The checkpoint within a specification, `lightSyncState`: a finalized header and the consensus state behind it.
//!
//! Whoever wrote the specification is trusted for it; what is checked here is that it holds together, so that a damaged
//! or half-edited one is refused at once and not after a stall.
//! Source: `sc-sync-state-rpc` 0.60, `LightSyncState`.

mod babe;
mod fork_tree;
mod grandpa;

use super::super::authorship::babe::Epoch;
use super::super::header::{DigestError, HeaderError, HeaderRef, NumberWidth};
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;

pub use babe::{BabeEpochChanges, EpochHeader, Persisted};
pub use fork_tree::{FORK_TREE_NODES_MAX, ForkTreeNode};
pub use grandpa::{DelayKind, GrandpaAuthority, GrandpaAuthoritySet, PendingChange, SET_CHANGES_MAX};

/// A finalized header and the consensus state behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightSyncState {
    /// The finalized header's bytes.
    pub header: Vec<u8>,
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The epochs announced around it, on a BABE chain.
    pub babe_epoch_changes: Option<BabeEpochChanges>,
    /// How many primary slots there are from genesis to it, on a BABE chain.
    pub babe_weight: Option<u32>,
    /// The GRANDPA set behind it, on a chain with GRANDPA.
    pub grandpa: Option<GrandpaAuthoritySet>,
}

/// The four fields as they stand in the JSON, decoded from hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LightSyncStateParts {
    /// `finalizedBlockHeader`.
    pub header: Option<Vec<u8>>,
    /// `babeEpochChanges`.
    pub babe_epoch_changes: Option<Vec<u8>>,
    /// `babeFinalizedBlockWeight`, a number.
    pub babe_weight: Option<u32>,
    /// `babeFinalizedBlockWeight`, the same in SCALE.
    pub babe_weight_bytes: Option<Vec<u8>>,
    /// `grandpaAuthoritySet`.
    pub grandpa: Option<Vec<u8>>,
}

/// Why there is no checkpoint in a `lightSyncState`. The user's fault; each names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LightSyncStateError {
    /// There is no header.
    #[error("finalizedBlockHeader is missing; without it the rest is of no block")]
    NoHeader,
    /// The header is not one.
    #[error("finalizedBlockHeader: {0}")]
    Header(#[from] HeaderError),
    /// The header's digest breaks a rule.
    #[error("finalizedBlockHeader: {0}")]
    Digest(#[from] DigestError),
    /// The epochs are in none of the known forms.
    #[error("babeEpochChanges: {0}")]
    Babe(ScaleError),
    /// The weight is not a number of 32 bits.
    #[error("babeFinalizedBlockWeight: {0}")]
    Weight(ScaleError),
    /// The set is in neither of the known forms.
    #[error("grandpaAuthoritySet: {0}")]
    Grandpa(ScaleError),
    /// The set has no members, so that nothing could ever be final.
    #[error("grandpaAuthoritySet has no authorities")]
    NoAuthorities,
    /// The sets of the list of changes do not ascend.
    #[error(
        "grandpaAuthoritySet: change {index} (set {set_id}, block {block}) is of no later set than the one before it"
    )]
    SetChangesOrder {
        /// Its place.
        index: usize,
        /// The set that ended.
        set_id: u64,
        /// Its last block.
        block: u64,
    },
    /// The list of changes does not lead to the set.
    #[error("grandpaAuthoritySet: the last change ends set {got}, but the set is {set_id}")]
    SetChangesEnd {
        /// The set that ended last.
        got: u64,
        /// The set at the finalized block.
        set_id: u64,
    },
    /// The list of changes reaches beyond the header.
    #[error("grandpaAuthoritySet: the last change is at block {block}, behind the finalized block {number}")]
    SetChangesBehind {
        /// The block of the last change.
        block: u64,
        /// The finalized block.
        number: u64,
    },
    /// A BABE chain's header has no slot.
    #[error("finalizedBlockHeader has no BABE slot, but babeEpochChanges is there")]
    NoSlot,
    /// No epoch for the header's slot, or none behind it.
    #[error("babeEpochChanges has no {which} epoch for slot {slot} of block {number}")]
    NoEpoch {
        /// `current` or `next`.
        which: &'static str,
        /// The slot.
        slot: u64,
        /// The block.
        number: u64,
    },
    /// A block announced an epoch that is not listed.
    #[error("babeEpochChanges: block {number} {hash:#x} announced an epoch that is not among the epochs")]
    EpochNotListed {
        /// The block's number.
        number: u64,
        /// Its hash.
        hash: Hash,
    },
    /// Two forks below the header announced the same epoch.
    #[error(
        "babeEpochChanges: two blocks below {number} announced the epoch from slot {start_slot}; export it again later"
    )]
    TwoForks {
        /// The finalized block.
        number: u64,
        /// First slot of the epoch.
        start_slot: u64,
    },
    /// The next epoch does not begin where the current one ends.
    #[error("babeEpochChanges: the current epoch ends at slot {end}, the next one begins at {start}")]
    EpochsApart {
        /// The slot behind the current epoch.
        end: u64,
        /// The first slot of the next one.
        start: u64,
    },
}

/// Two checkpoints that cannot be of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtherHistory {
    /// The later one is below the earlier one.
    #[error("the later checkpoint is block {later}, below block {earlier} of the earlier one")]
    Below {
        /// Number of the earlier one.
        earlier: u64,
        /// Number of the later one.
        later: u64,
    },
    /// They have the same number and different hashes.
    #[error("block {number} is {earlier:#x} in one checkpoint and {later:#x} in the other")]
    Block {
        /// The number.
        number: u64,
        /// The earlier one's hash.
        earlier: Hash,
        /// The later one's hash.
        later: Hash,
    },
    /// Fewer sets have been than before.
    #[error("the later checkpoint has GRANDPA set {later}, the earlier one {earlier}")]
    SetBelow {
        /// The earlier one's set id.
        earlier: u64,
        /// The later one's.
        later: u64,
    },
    /// A set ended at two different blocks.
    #[error("set {set_id} ended at block {earlier} in one checkpoint and at {later} in the other: the chain was reset")]
    SetChange {
        /// The set.
        set_id: u64,
        /// Its last block in the earlier one.
        earlier: u64,
        /// Its last block in the later one.
        later: u64,
    },
}

impl LightSyncState {
    /// Reads the four fields and checks that they hold together.
    /// # Errors
    /// [`LightSyncStateError`].
    pub fn decode(parts: LightSyncStateParts, width: NumberWidth) -> Result<Self, LightSyncStateError> {
        let bytes = parts.header.ok_or(LightSyncStateError::NoHeader)?;
        let header = HeaderRef::decode(&bytes, width)?;
        let (number, hash) = (header.number(), header.hash());
        let babe = parts.babe_epoch_changes.map(|bytes| BabeEpochChanges::decode(&bytes, width));
        let babe_epoch_changes = babe.transpose().map_err(LightSyncStateError::Babe)?;
        let weight = parts.babe_weight_bytes.map(|bytes| decode_weight(&bytes)).transpose();
        let babe_weight = weight.map_err(LightSyncStateError::Weight)?.or(parts.babe_weight);
        let grandpa = parts.grandpa.map(|bytes| GrandpaAuthoritySet::decode(&bytes, width)).transpose();
        let grandpa = grandpa.map_err(LightSyncStateError::Grandpa)?;
        grandpa.as_ref().map_or(Ok(()), |set| check_set(set, number))?;
        let state = Self { header: bytes, number, hash, babe_epoch_changes, babe_weight, grandpa };
        state.babe_epochs(width)?;
        Ok(state)
    }

    /// Returns the epoch of the finalized block and the one behind it, or `None` on a chain without BABE and at genesis.
    ///
    /// The announced epochs are a tree, for the node that wrote them followed several forks; those of blocks behind the
    /// finalized one do not count, and below it there is one chain.
    /// # Errors
    /// [`LightSyncStateError`].
    pub fn babe_epochs(&self, width: NumberWidth) -> Result<Option<(Epoch, Epoch)>, LightSyncStateError> {
        let Some(changes) = self.babe_epoch_changes.as_ref().filter(|_| self.number > 0) else { return Ok(None) };
        let header = HeaderRef::decode(&self.header, width)?;
        let slot = header.babe_pre_digest()?.ok_or(LightSyncStateError::NoSlot)?.slot;
        let number = self.number;
        let mut epochs: Vec<(&Hash, &Epoch)> = Vec::new();
        for node in changes.announced.iter().filter(|node| node.number <= number) {
            let missing = LightSyncStateError::EpochNotListed { number: node.number, hash: node.hash };
            let announced = changes.epochs.get(&(node.hash, node.number)).ok_or(missing)?;
            epochs.extend(announced.iter().map(|epoch| (&node.hash, epoch)));
        }
        let starts = epochs.iter().map(|(_, epoch)| epoch.start_slot);
        let current = starts.clone().filter(|start| *start <= slot).max();
        let next = starts.filter(|start| *start > slot).min();
        let none = |which| LightSyncStateError::NoEpoch { which, slot, number };
        let current = self.the_one(&epochs, current.ok_or(none("current"))?)?.at_slot(slot);
        let next = self.the_one(&epochs, next.ok_or(none("next"))?)?.clone();
        if current.end_slot() != next.start_slot {
            return Err(LightSyncStateError::EpochsApart { end: current.end_slot(), start: next.start_slot });
        }
        Ok(Some((current, next)))
    }

    /// Returns the one epoch of `epochs` that starts at `start_slot`; where two forks announced one, the fork whose first
    /// block the finalized block itself is.
    fn the_one<'a>(&self, epochs: &[(&Hash, &'a Epoch)], start_slot: u64) -> Result<&'a Epoch, LightSyncStateError> {
        let mut found = epochs.iter().filter(|(_, epoch)| epoch.start_slot == start_slot);
        if let Some((_, own)) = found.clone().find(|(hash, _)| **hash == self.hash) {
            return Ok(own);
        }
        match found.next() {
            Some((_, first)) if found.all(|(_, other)| other == first) => Ok(first),
            _ => Err(LightSyncStateError::TwoForks { number: self.number, start_slot }),
        }
    }

    /// Asserts that this checkpoint may be a later one of the chain that `earlier` is of, as far as the two tell.
    ///
    /// A chain that was reset keeps its id; its old checkpoints and databases must not be mixed with new ones.
    /// # Errors
    /// [`OtherHistory`].
    pub fn check_continues(&self, earlier: &Self) -> Result<(), OtherHistory> {
        if self.number < earlier.number {
            return Err(OtherHistory::Below { earlier: earlier.number, later: self.number });
        }
        if self.number == earlier.number && self.hash != earlier.hash {
            return Err(OtherHistory::Block { number: self.number, earlier: earlier.hash, later: self.hash });
        }
        let (Some(late), Some(early)) = (&self.grandpa, &earlier.grandpa) else { return Ok(()) };
        if late.set_id < early.set_id {
            return Err(OtherHistory::SetBelow { earlier: early.set_id, later: late.set_id });
        }
        let (Some(late), Some(early)) = (&late.set_changes, &early.set_changes) else { return Ok(()) };
        let mut late = late.iter().peekable();
        for (set_id, block) in early {
            while late.next_if(|(other, _)| other < set_id).is_some() {}
            match late.peek() {
                Some((other, later)) if other == set_id && later != block => {
                    return Err(OtherHistory::SetChange { set_id: *set_id, earlier: *block, later: *later });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn decode_weight(bytes: &[u8]) -> Result<u32, ScaleError> {
    let mut reader = Reader::new(bytes);
    let weight = reader.u32()?;
    reader.finish().map(|()| weight)
}

fn check_set(set: &GrandpaAuthoritySet, number: u64) -> Result<(), LightSyncStateError> {
    if set.authorities.is_empty() {
        return Err(LightSyncStateError::NoAuthorities);
    }
    let changes = set.set_changes.as_deref().unwrap_or_default();
    for (index, pair) in changes.windows(2).enumerate() {
        // Of the blocks nothing is asked: a forced change ends a set at a block that was final before, so that on Westend
        // eight sets ended where an earlier one did, or below.
        if let [(before, _), (set_id, block)] = pair
            && set_id <= before
        {
            let (index, set_id, block) = (index.saturating_add(1), *set_id, *block);
            return Err(LightSyncStateError::SetChangesOrder { index, set_id, block });
        }
    }
    match changes.last() {
        Some((got, _)) if got.checked_add(1) != Some(set.set_id) => {
            Err(LightSyncStateError::SetChangesEnd { got: *got, set_id: set.set_id })
        }
        Some((_, block)) if *block > number => Err(LightSyncStateError::SetChangesBehind { block: *block, number }),
        _ => Ok(()),
    }
}
