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
        /// The address as far as it may be shown: without its path, which may hold a key.
        address: String,
        /// What is wrong, in words.
        why: String,
    },
    /// What was saved under this name is of another chain.
    #[error(
        "what is saved as {name:?} is of chain {got:?}, not of {want:?}: give one of the two chains another `name`"
    )]
    SavedOfOther {
        /// The name.
        name: String,
        /// The chain that was saved.
        got: String,
        /// The chain to be added.
        want: String,
    },
    /// What was saved of the chain is frozen, and its checkpoint was changed since.
    #[error(
        "{why}. Compare with sources you trust; then set the store aside with `rushlight doctor --set-aside-store` \
         (nothing is deleted) and start from a checkpoint that you trust"
    )]
    Frozen {
        /// The evidence, in words.
        why: String,
    },
    /// The saved state cannot be read. It may hold a freeze, so nobody but the user may throw it away.
    #[error(
        "saved state: {why}. It is left as it is. Restore the store from a backup, or set it aside with \
         `rushlight doctor --set-aside-store` and start again from the trust in the chain file"
    )]
    Saved {
        /// What is wrong, in words.
        why: String,
    },
}
