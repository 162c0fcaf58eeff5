//! SCALE of the BABE epochs of a `lightSyncState`: `sc_consensus_epochs::EpochChanges`.
//!
//! Three forms are in use: with the later field `gap`, without it, and without it and with epochs from before they had a
//! configuration of their own.
//! Source: `sc-consensus-epochs` 0.59 (`EpochChanges`, `PersistedEpochHeader`, `PersistedEpoch`, `GapEpochs`),
//! `sc-consensus-babe` 0.60 (`Epoch`, `migration::EpochV0`).

use super::super::super::authorship::babe::{Epoch, EpochConfig};
use super::super::super::header::NumberWidth;
use super::fork_tree::{self, FORK_TREE_NODES_MAX, ForkTreeNode};
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The first and the last slot but one of an epoch as the tree has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochHeader {
    /// Its first slot.
    pub start_slot: u64,
    /// The slot behind its last one.
    pub end_slot: u64,
}

/// What one block announced: the next epoch, or at the first block the first two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persisted<E> {
    /// The first block: the epoch that it begins and the next one.
    Genesis(E, E),
    /// Any other block that begins an epoch: the next one.
    Regular(E),
}

/// The epochs that blocks announced around the finalized block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BabeEpochChanges {
    /// The announcing blocks.
    pub announced: Vec<ForkTreeNode<Persisted<EpochHeader>>>,
    /// The epochs by hash and number of the block that announced them.
    pub epochs: BTreeMap<(Hash, u64), Persisted<Epoch>>,
}

impl<E> Persisted<E> {
    fn read<'a>(
        reader: &mut Reader<'a>,
        mut epoch: impl FnMut(&mut Reader<'a>) -> Result<E, ScaleError>,
    ) -> Result<Self, ScaleError> {
        match reader.u8()? {
            0 => Ok(Self::Genesis(epoch(reader)?, epoch(reader)?)),
            1 => epoch(reader).map(Self::Regular),
            got => Err(ScaleError::Variant { got, of: "persisted epoch" }),
        }
    }

    /// Returns the epoch or epochs, the earlier one first.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        let (first, second) = match self {
            Self::Genesis(first, second) => (first, Some(second)),
            Self::Regular(epoch) => (epoch, None),
        };
        core::iter::once(first).chain(second)
    }
}

impl BabeEpochChanges {
    /// Reads `bytes` in whichever of the three forms takes them all.
    /// # Errors
    /// [`ScaleError`] of the newest form.
    pub fn decode(bytes: &[u8], width: NumberWidth) -> Result<Self, ScaleError> {
        Self::decode_as(bytes, width, true).or_else(|newest| Self::decode_as(bytes, width, false).map_err(|_| newest))
    }

    fn decode_as(bytes: &[u8], width: NumberWidth, has_config: bool) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let header = |reader: &mut Reader<'_>| Ok(EpochHeader { start_slot: reader.u64()?, end_slot: reader.u64()? });
        let announced = fork_tree::read(&mut reader, width, |reader| Persisted::read(reader, header))?;
        let epoch = |reader: &mut Reader<'_>| read_epoch(reader, has_config);
        let mut epochs = BTreeMap::new();
        for _ in 0..reader.length(FORK_TREE_NODES_MAX, 34)? {
            let key = (Hash(*reader.array()?), width.read(&mut reader)?);
            epochs.insert(key, Persisted::read(&mut reader, epoch)?);
        }
        // The gap of a node that warp-synced: blocks before the finalized one, which are of no use here.
        if !reader.is_empty() && reader.is_some()? {
            reader.array::<32>()?;
            width.read(&mut reader)?;
            Persisted::read(&mut reader, epoch)?;
            if reader.is_some()? {
                reader.array::<32>()?;
                width.read(&mut reader)?;
                epoch(&mut reader)?;
            }
        }
        reader.finish()?;
        Ok(Self { announced, epochs })
    }
}

fn read_epoch(reader: &mut Reader<'_>, has_config: bool) -> Result<Epoch, ScaleError> {
    let mut epoch = Epoch::read_without_config(reader)?;
    epoch.config = if has_config { Some(EpochConfig::read(reader)?) } else { None };
    Ok(epoch)
}
