//! What a chain answers: headers and bundles for RPC clients, where their proofs start, and what it says of itself.

pub(crate) mod cometbft;
pub(crate) mod kept;
pub(crate) mod methods;
pub(crate) mod prove;
mod query;
mod start;
mod status;
