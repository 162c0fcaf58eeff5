//! Tendermint and CometBFT chains, 0.34 to 1.x: headers signed by more than two thirds of a validator set.
//!
//! What is trusted: a checkpoint (height and header hash) within its trusting period, and that more than two thirds of
//! the validators of a trusted header stay honest for that period. What is proven: every later header, by its
//! signatures and by the overlap of its validator set with a trusted one. What is left out: the application's state
//! (its root is in the header, its proofs are another layer) and the order in which proposers take turns.
//! Sources: CometBFT `spec/light-client/verification`, `spec/core/data_structures.md`, and its code at v0.38.25 and
//! v0.40.0 for bytes.

pub mod bundle;
pub mod decode;
pub mod encode;
mod family;
mod probe;
pub mod snapshot;
pub mod spec;
pub mod sync;
pub mod types;
pub mod verify;

use crate::bundle::{FamilyName, FamilyNumber};

const NAME_TEXT: &str = "tendermint";
/// The name of this family.
pub const NAME: FamilyName = FamilyName::of(NAME_TEXT);
/// The number of this family in bundles.
pub const NUMBER: FamilyNumber = FamilyNumber(1);

/// This family's row of [`crate::chains::Families`].
#[derive(Clone, Copy, Debug)]
pub struct Tendermint;
