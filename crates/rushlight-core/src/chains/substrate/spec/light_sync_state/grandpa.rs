//! SCALE of the GRANDPA set of a `lightSyncState`: `sc_consensus_grandpa::AuthoritySet`, with and without the later field
//! `authority_set_changes`. Source: `sc-consensus-grandpa` 0.45, `authorities.rs`.

use super::super::super::header::NumberWidth;
use super::super::super::header::authorities::AuthoritiesRef;
use super::fork_tree::{self, FORK_TREE_NODES_MAX, ForkTreeNode};
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;

/// The most changes of the set that are listed. Kusama, with the most, had 13,623 in its first six years.
pub const SET_CHANGES_MAX: usize = 1_000_000;

/// Key and weight of a member of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrandpaAuthority {
    /// The ed25519 key.
    pub key: [u8; 32],
    /// How much its vote counts.
    pub weight: u64,
}

/// A change of the set that is announced and not yet made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// The set to come.
    pub authorities: Vec<GrandpaAuthority>,
    /// How many blocks behind the announcing one the change is made.
    pub delay: u64,
    /// Number of the announcing block.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// When the delay counts.
    pub kind: DelayKind,
}

/// When the delay of a pending change counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayKind {
    /// In finalized blocks: a scheduled change.
    Finalized,
    /// In blocks of the best chain: a forced change.
    Best {
        /// The last block that is taken for finalized although finality stalls.
        median_last_finalized: u64,
    },
}

/// The set at the finalized block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrandpaAuthoritySet {
    /// How many sets there were before.
    pub set_id: u64,
    /// Its members.
    pub authorities: Vec<GrandpaAuthority>,
    /// Scheduled changes, as a tree of the announcing blocks.
    pub scheduled: Vec<ForkTreeNode<PendingChange>>,
    /// Forced changes, at most one a fork.
    pub forced: Vec<PendingChange>,
    /// Every earlier set's id and the last block of its time, as far as the node that wrote this knew them; `None` in the
    /// form from before the field. The blocks need not ascend: a forced change ends a set at a block that was final before.
    pub set_changes: Option<Vec<(u64, u64)>>,
}

impl GrandpaAuthoritySet {
    /// Reads `bytes` in either form.
    /// # Errors
    /// [`ScaleError`].
    pub fn decode(bytes: &[u8], width: NumberWidth) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let authorities = read_authorities(&mut reader)?;
        let set_id = reader.u64()?;
        let scheduled = fork_tree::read(&mut reader, width, |reader| PendingChange::read(reader, width))?;
        let mut forced = Vec::new();
        for _ in 0..reader.length(FORK_TREE_NODES_MAX, 36)? {
            forced.push(PendingChange::read(&mut reader, width)?);
        }
        let set_changes = if reader.is_empty() {
            None
        } else {
            let count = reader.length(SET_CHANGES_MAX, width.bytes().saturating_add(8))?;
            let mut changes = Vec::with_capacity(count);
            for _ in 0..count {
                changes.push((reader.u64()?, width.read(&mut reader)?));
            }
            Some(changes)
        };
        reader.finish()?;
        Ok(Self { set_id, authorities, scheduled, forced, set_changes })
    }
}

impl PendingChange {
    fn read(reader: &mut Reader<'_>, width: NumberWidth) -> Result<Self, ScaleError> {
        let authorities = read_authorities(reader)?;
        let (delay, number) = (width.read(reader)?, width.read(reader)?);
        let hash = Hash(*reader.array()?);
        let kind = match reader.u8()? {
            0 => DelayKind::Finalized,
            1 => DelayKind::Best { median_last_finalized: width.read(reader)? },
            got => return Err(ScaleError::Variant { got, of: "delay kind" }),
        };
        Ok(Self { authorities, delay, number, hash, kind })
    }
}

fn read_authorities(reader: &mut Reader<'_>) -> Result<Vec<GrandpaAuthority>, ScaleError> {
    let authorities = AuthoritiesRef::read(reader)?;
    Ok(authorities.iter().map(|(key, weight)| GrandpaAuthority { key: *key, weight }).collect())
}
