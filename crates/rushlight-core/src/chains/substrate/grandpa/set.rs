//! A set of authorities: who may vote, with which weight.

use super::KEY_LEN;
use crate::base::Hash;
use crate::chains::substrate::header::authorities::{AUTHORITIES_MAX, AuthoritiesRef};
use crate::codec::scale::{Reader, ScaleError, put_compact, put_uint};
use crate::crypto::blake2b::blake2b_256;
use alloc::vec::Vec;

/// An authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authority {
    /// Its Ed25519 key.
    pub key: [u8; KEY_LEN],
    /// Its weight.
    pub weight: u64,
}

/// A set of authorities and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    id: u64,
    /// As it was announced, in order: checkpoints commit to this.
    list: Vec<Authority>,
    /// Who may vote, by key. A key that is listed twice has both weights, one of weight 0 has no vote.
    voters: Vec<Authority>,
    total: u64,
    digest: Hash,
}

/// Why a list of authorities is no set that can vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// Nobody has any weight, so that nothing could ever be finalized.
    #[error("set {id} has no authority with weight")]
    NoVoters {
        /// Number of the set.
        id: u64,
    },
    /// The sum of the weights does not fit: two thirds of it could not be told.
    #[error("the weights of set {id} exceed 64 bits")]
    TotalWeight {
        /// Number of the set.
        id: u64,
    },
    /// An authority without weight in the list that a block announces.
    #[error("set {id} is announced with authority {index} of weight 0")]
    NoWeight {
        /// Number of the set.
        id: u64,
        /// Place of the authority, counted from 0.
        index: usize,
    },
    /// More authorities than are kept.
    #[error("set {id} has {got} authorities, at most {AUTHORITIES_MAX} are allowed")]
    TooMany {
        /// Number of the set.
        id: u64,
        /// Authorities listed.
        got: usize,
    },
    /// The bytes are not a list of authorities.
    #[error("authorities of set {id}: {why}")]
    Decode {
        /// Number of the set.
        id: u64,
        /// The broken rule.
        why: ScaleError,
    },
}

impl AuthoritySet {
    /// Returns the set of `list` with number `id`, as the reference's `VoterSet` takes it.
    /// # Errors
    /// [`SetError::NoVoters`], [`SetError::TotalWeight`], [`SetError::TooMany`].
    pub fn new(id: u64, list: Vec<Authority>) -> Result<Self, SetError> {
        if list.len() > AUTHORITIES_MAX {
            return Err(SetError::TooMany { id, got: list.len() });
        }
        let mut voters: Vec<Authority> = list.iter().filter(|authority| authority.weight > 0).copied().collect();
        voters.sort_unstable();
        let total = voters.iter().try_fold(0_u64, |sum, voter| sum.checked_add(voter.weight));
        let total = total.ok_or(SetError::TotalWeight { id })?;
        if total == 0 {
            return Err(SetError::NoVoters { id });
        }
        voters.dedup_by(|later, kept| {
            let same = later.key == kept.key;
            if same {
                // No sum of some of the weights exceeds that of all, which fits.
                kept.weight = kept.weight.saturating_add(later.weight);
            }
            same
        });
        voters.shrink_to_fit();
        let digest = blake2b_256(&encode_list(&list));
        Ok(Self { id, list, voters, total, digest })
    }

    /// Returns the set that a digest announces.
    ///
    /// Full nodes refuse a block that announces an authority of weight 0, so no honest block stands on one.
    /// Source: `sc-consensus-grandpa` 0.45, `authorities.rs`, `invalid_authority_list`.
    /// # Errors
    /// Those of [`AuthoritySet::new`], and [`SetError::NoWeight`].
    pub fn announced(id: u64, authorities: &AuthoritiesRef<'_>) -> Result<Self, SetError> {
        if authorities.len() > AUTHORITIES_MAX {
            return Err(SetError::TooMany { id, got: authorities.len() });
        }
        match authorities.iter().position(|(_, weight)| weight == 0) {
            Some(index) => Err(SetError::NoWeight { id, index }),
            None => Self::listed(id, authorities),
        }
    }

    /// Returns the set of a list that no block announces: of a genesis, a checkpoint or a snapshot.
    /// # Errors
    /// Those of [`AuthoritySet::new`].
    pub fn listed(id: u64, authorities: &AuthoritiesRef<'_>) -> Result<Self, SetError> {
        Self::new(id, authorities.iter().map(|(key, weight)| Authority { key: *key, weight }).collect())
    }

    /// Returns the set whose SCALE encoded list is `bytes`, all of them.
    /// # Errors
    /// [`SetError`].
    pub fn decode(id: u64, bytes: &[u8]) -> Result<Self, SetError> {
        let mut reader = Reader::new(bytes);
        let authorities = AuthoritiesRef::read(&mut reader).and_then(|list| reader.finish().map(|()| list));
        Self::listed(id, &authorities.map_err(|why| SetError::Decode { id, why })?)
    }

    /// Returns the same set as number `id`.
    pub fn with_id(self, id: u64) -> Self {
        Self { id, ..self }
    }

    /// Returns the number of the set.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the authorities as they were announced.
    pub fn list(&self) -> &[Authority] {
        &self.list
    }

    /// Returns who may vote, by key.
    pub(super) fn voters(&self) -> &[Authority] {
        &self.voters
    }

    /// Returns the sum of all weights.
    pub fn total_weight(&self) -> u64 {
        self.total
    }

    /// Returns the weight that finalizes a block: all but what less than a third can withhold.
    pub fn threshold(&self) -> u64 {
        self.total.saturating_sub(self.total.saturating_sub(1) / 3)
    }

    /// Returns the place of `key` among the voters. `near` is looked at first: votes mostly stand in the order of keys.
    pub(super) fn position(&self, key: &[u8; KEY_LEN], near: usize) -> Option<usize> {
        match self.voters.get(near) {
            Some(voter) if voter.key == *key => Some(near),
            _ => self.voters.binary_search_by_key(&key, |voter| &voter.key).ok(),
        }
    }

    /// Returns the SCALE encoding of the list.
    pub fn encode_list(&self) -> Vec<u8> {
        encode_list(&self.list)
    }

    /// Returns what a checkpoint commits to: the BLAKE2b-256 of [`AuthoritySet::encode_list`].
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// Returns the memory that the set holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.list.capacity().saturating_add(self.voters.capacity()).saturating_mul(size_of::<Authority>())
    }
}

fn encode_list(list: &[Authority]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len().saturating_mul(KEY_LEN + 8).saturating_add(4));
    put_compact(&mut out, list.len() as u64);
    for authority in list {
        out.extend_from_slice(&authority.key);
        put_uint(&mut out, authority.weight, 8);
    }
    out
}
