//! BABE: slots won by lot, epochs announced an epoch ahead.
//!
//! What it proves of a header: its author was entitled to its slot and sealed it. It does not prove that the block is valid
//! or will be final. It trusts the parent's state, which comes from genesis or from a checkpoint, header by header.
//!
//! Source: `sc-consensus-babe` 0.60 (`verification.rs`, `authorship.rs`, `lib.rs`), `sp-consensus-babe` 0.50;
//! <https://spec.polkadot.network/sect-block-production>.

mod epoch;
mod threshold;
mod verify;

use crate::codec::scale::{Reader, ScaleError};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use epoch::{BabeAuthority, Epoch, EpochConfig};
pub use threshold::primary_threshold;
pub use verify::{BabeError, SlotKind, VerifiedClaim};

pub(super) use verify::{follow, verify};

/// What a BABE chain's verifier must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BabeConfig {
    /// Length of a slot in milliseconds; only for comparing slots with the wall clock.
    pub slot_duration_ms: Option<u64>,
    /// Slots of an epoch, for the first one.
    pub epoch_length: u64,
    /// Rules of epochs that have none of their own.
    pub rules: EpochConfig,
}

/// The state of BABE behind a block: all that the verification of its children needs.
///
/// It is a small value: a clone shares the epochs, so every fork carries its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BabeState {
    pub(super) slot: u64,
    pub(super) primary_slots: u64,
    pub(super) epochs: Epochs,
}

/// The epochs that a block's children may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Epochs {
    /// Behind block 0: epoch 0, which begins with whatever slot block 1 has.
    Genesis(Arc<Epoch>),
    /// Behind any other block.
    Running { current: Arc<Epoch>, next: Arc<Epoch> },
}

impl BabeState {
    /// Returns the state behind block 0.
    pub fn at_genesis(config: &BabeConfig, authorities: Vec<BabeAuthority>, randomness: [u8; 32]) -> Self {
        let (duration, rules, authorities) = (config.epoch_length, Some(config.rules), authorities.into());
        let epoch = Epoch { index: 0, start_slot: 0, duration, authorities, randomness, config: rules };
        Self { slot: 0, primary_slots: 0, epochs: Epochs::Genesis(Arc::new(epoch)) }
    }

    /// Returns the state behind a block of slot `slot`, which lies in `current`. The caller answers for it.
    pub(in super::super) fn at_checkpoint(slot: u64, primary_slots: u64, current: Epoch, next: Epoch) -> Self {
        let epochs = Epochs::Running { current: Arc::new(current), next: Arc::new(next) };
        Self { slot, primary_slots, epochs }
    }

    /// Returns the block's slot; 0 for block 0.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Returns how many blocks up to this one claimed a primary slot, as far as the state's beginning knew.
    pub fn primary_slots(&self) -> u64 {
        self.primary_slots
    }

    /// Returns the epoch that the block lies in; behind block 0 the first one, which has no first slot yet.
    pub fn current_epoch(&self) -> &Epoch {
        match &self.epochs {
            Epochs::Genesis(epoch) => epoch,
            Epochs::Running { current, .. } => current,
        }
    }

    /// Returns the epoch behind the current one, or `None` behind block 0.
    pub fn next_epoch(&self) -> Option<&Epoch> {
        match &self.epochs {
            Epochs::Genesis(_) => None,
            Epochs::Running { next, .. } => Some(next),
        }
    }

    /// Appends the encoding that [`BabeState::read`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.slot.to_le_bytes());
        out.extend_from_slice(&self.primary_slots.to_le_bytes());
        match &self.epochs {
            Epochs::Genesis(epoch) => {
                out.push(0);
                epoch.encode(out);
            }
            Epochs::Running { current, next } => {
                out.push(1);
                current.encode(out);
                next.encode(out);
            }
        }
    }

    /// Returns the state that stands next, as [`BabeState::encode`] writes it.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        let (slot, primary_slots) = (reader.u64()?, reader.u64()?);
        let epochs = match reader.u8()? {
            0 => Epochs::Genesis(Arc::new(Epoch::read(reader)?)),
            1 => {
                let current = Arc::new(Epoch::read(reader)?);
                Epochs::Running { current, next: Arc::new(Epoch::read(reader)?) }
            }
            got => return Err(ScaleError::Variant { got, of: "BABE epochs" }),
        };
        Ok(Self { slot, primary_slots, epochs })
    }
}
