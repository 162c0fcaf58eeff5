//! BABE epochs: who may author, when, by which rules.

use super::super::super::header::babe::{AllowedSlots, NextConfig};
use crate::codec::scale::{Reader, ScaleError, put_compact};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::super::header::authorities::AuthoritiesRef;

/// Key and weight of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BabeAuthority {
    /// The sr25519 key.
    pub key: [u8; 32],
    /// How likely its primary slots are, in proportion to the sum of all weights.
    pub weight: u64,
}

/// The rules of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochConfig {
    /// The constant `c` as numerator and denominator: the share of slots that have a primary author.
    pub c: (u64, u64),
    /// Which slots may be claimed.
    pub allowed_slots: AllowedSlots,
}

/// An epoch: a stretch of slots with its authors, its randomness and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its place among the epochs, counted by slots: skipped epochs count.
    pub index: u64,
    /// Its first slot.
    pub start_slot: u64,
    /// How many slots it has.
    pub duration: u64,
    /// Its authors: shared, for each block that skips epochs begins a later one of the same authors.
    pub authorities: Arc<[BabeAuthority]>,
    /// What the slots' authors are drawn with.
    pub randomness: [u8; 32],
    /// Its rules, or `None` in checkpoints from before each epoch had its own: then those of the chain's configuration.
    pub config: Option<EpochConfig>,
}

impl From<NextConfig> for EpochConfig {
    fn from(config: NextConfig) -> Self {
        Self { c: config.c, allowed_slots: config.allowed_slots }
    }
}

impl Epoch {
    /// Returns the slot behind its last one.
    pub fn end_slot(&self) -> u64 {
        self.start_slot.saturating_add(self.duration)
    }

    /// Returns the epoch that `slot` belongs to if no block was authored since this one began: a later epoch of the same
    /// authors, randomness and rules, for nobody was there to announce others.
    ///
    /// Source: `sc-consensus-babe`, `Epoch::clone_for_slot`.
    pub fn at_slot(&self, slot: u64) -> Self {
        let skipped = slot.saturating_sub(self.start_slot).checked_div(self.duration).unwrap_or(0);
        let mut epoch = self.clone();
        epoch.index = self.index.saturating_add(skipped);
        epoch.start_slot = self.start_slot.saturating_add(skipped.saturating_mul(self.duration));
        epoch
    }

    /// Appends the encoding that [`Epoch::read`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.index, self.start_slot, self.duration] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        put_compact(out, self.authorities.len() as u64);
        for authority in self.authorities.iter() {
            out.extend_from_slice(&authority.key);
            out.extend_from_slice(&authority.weight.to_le_bytes());
        }
        out.extend_from_slice(&self.randomness);
        match &self.config {
            None => out.push(0),
            Some(config) => {
                out.push(1);
                config.encode(out);
            }
        }
    }

    /// Returns the epoch that stands next, as [`Epoch::encode`] writes it.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        let mut epoch = Self::read_without_config(reader)?;
        epoch.config = if reader.is_some()? { Some(EpochConfig::read(reader)?) } else { None };
        Ok(epoch)
    }

    /// Returns the epoch that stands next, without its rules: the beginning of the reference's own encoding.
    pub(in super::super::super) fn read_without_config(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        let (index, start_slot, duration) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let authorities = AuthoritiesRef::read(reader)?;
        let authorities = authorities.iter().map(|(key, weight)| BabeAuthority { key: *key, weight }).collect();
        Ok(Self { index, start_slot, duration, authorities, randomness: *reader.array()?, config: None })
    }
}

impl EpochConfig {
    /// Returns the rules that stand next.
    pub(in super::super::super) fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        Ok(Self { c: (reader.u64()?, reader.u64()?), allowed_slots: AllowedSlots::read(reader)? })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.c.0.to_le_bytes());
        out.extend_from_slice(&self.c.1.to_le_bytes());
        out.push(match self.allowed_slots {
            AllowedSlots::Primary => 0,
            AllowedSlots::PrimaryAndSecondaryPlain => 1,
            AllowedSlots::PrimaryAndSecondaryVrf => 2,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands of siblings may each skip epochs; none of them may keep a list of its own.
    #[test]
    fn later_epochs_of_the_same_authors_share_the_list() {
        let authorities: Arc<[_]> = Arc::from([BabeAuthority { key: [1; 32], weight: 1 }]);
        let epoch = Epoch { index: 1, start_slot: 10, duration: 10, authorities, randomness: [2; 32], config: None };
        let later = epoch.at_slot(47);
        assert_eq!((later.index, later.start_slot, later.end_slot()), (4, 40, 50));
        assert!(Arc::ptr_eq(&epoch.authorities, &later.authorities));
    }
}
