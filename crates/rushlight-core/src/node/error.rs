//! Why the node refuses a chain. The user's fault; each names the remedy.

use super::CHAINS_MAX;
use alloc::string::String;

/// Why a chain cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddChainError {
    /// There are too many chains already.
    #[error("{CHAINS_MAX} chains are followed already, the most that one node follows")]
    TooManyChains,
    /// Another chain has this name.
    #[error("another chain has the name {name:?} already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A provider's address is not one.
    #[error("providers: {address}: {why}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong, in words.
        why: String,
    },
    /// The saved state cannot be read.
    #[error("saved state: {why}; remove it to start from the checkpoint again")]
    Saved {
        /// What is wrong, in words.
        why: String,
    },
}
