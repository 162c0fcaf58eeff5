//! Proof checks against hash trees: functions only, no state.

pub mod rfc6962;
