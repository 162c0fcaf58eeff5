//! Substrate and Polkadot: what is decided from bytes alone, without executing a runtime.
//!
//! Whatever comes from outside is first decoded, then verified; only a verifier makes a `Verified…`.

pub mod authorship;
pub mod bundle;
pub mod grandpa;
pub mod header;
pub mod spec;
pub mod state;
pub mod warp;
