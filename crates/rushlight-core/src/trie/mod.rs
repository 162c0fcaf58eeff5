//! Proof checks against hash trees: functions over bytes, without state of their own.

#[cfg(feature = "substrate")]
pub mod patricia16;
pub mod rfc6962;
