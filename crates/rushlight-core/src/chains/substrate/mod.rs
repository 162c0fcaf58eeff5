//! Substrate and Polkadot: what is decided from bytes alone, without executing a runtime.
//!
//! Whatever comes from outside is first decoded, then verified; only a verifier makes a `Verified…`.

pub mod authorship;
pub mod bundle;
mod family;
pub mod grandpa;
pub mod header;
pub mod spec;
pub mod state;
pub mod warp;

use crate::bundle::{FamilyName, FamilyNumber};

const NAME_TEXT: &str = "substrate";
/// The name of this family.
pub const NAME: FamilyName = FamilyName::of(NAME_TEXT);
/// The number of this family in bundles.
pub const NUMBER: FamilyNumber = FamilyNumber(2);

/// This family's row of [`crate::chains::Families`]. It verifies bundles; it follows no chains yet.
#[derive(Clone, Copy, Debug)]
pub struct Substrate;
