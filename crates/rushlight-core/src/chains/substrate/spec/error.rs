//! Why a text is no chain specification, and what to do about it.

use super::light_sync_state::LightSyncStateError;
use super::rules::RefusedBlock;
use crate::base::Hash;
use alloc::string::String;

/// Why a text is no chain specification that can be used. The user's fault; each names the field and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Longer than any specification.
    #[error(
        "chain specification has {got} bytes, at most {max} are allowed; one with stateRootHash in place of raw genesis is small"
    )]
    TooLong {
        /// Bytes of it.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// Not JSON, or a field of another type.
    #[error("chain specification, {field}: {why}")]
    Json {
        /// The field that was being read.
        field: &'static str,
        /// What is wrong and where, in words.
        why: String,
    },
    /// A field twice, perhaps in both of its spellings: which one holds would be the reader's choice.
    #[error("{field} is there twice; take one away")]
    FieldTwice {
        /// The field.
        field: &'static str,
    },
    /// A field that is needed.
    #[error("{field} is missing; add it")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A genesis that only a node can turn into a state.
    #[error(
        "genesis is human-readable ({got}), and only the runtime can make a state of it; convert the specification with `chain-spec-builder convert-to-raw` or `NODE build-spec --raw`"
    )]
    HumanGenesis {
        /// The member of `genesis` that shows it.
        got: &'static str,
    },
    /// A genesis without a state.
    #[error("genesis has neither raw nor stateRootHash; take a raw specification")]
    NoGenesis,
    /// Two genesis states.
    #[error("genesis has both raw and stateRootHash; take one of them away")]
    TwoGeneses,
    /// Not hex behind `0x`.
    #[error("{field}: {text:?} is not 0x and an even number of hex digits")]
    Hex {
        /// The field.
        field: &'static str,
        /// The text, cut.
        text: String,
    },
    /// A hash that is not one.
    #[error("{field}: {text:?} is not 0x and 64 hex digits")]
    Hash {
        /// The field.
        field: &'static str,
        /// The text, cut.
        text: String,
    },
    /// A block number that is not one.
    #[error("{field}: {text:?} is not the number of a block")]
    BlockNumber {
        /// The field.
        field: &'static str,
        /// The text, cut.
        text: String,
    },
    /// A key twice: which value holds would be the reader's choice.
    #[error("{field}: key {key} is there twice; take one away")]
    KeyTwice {
        /// The field.
        field: &'static str,
        /// The key, in hex, cut.
        key: String,
    },
    /// More entries than are read.
    #[error("{field} has more than {max} entries")]
    TooMany {
        /// The field.
        field: &'static str,
        /// The bound.
        max: usize,
    },
    /// A text that is longer than any of its kind.
    #[error("{field} has {got} bytes, wanted are 1 to {max}")]
    TextLength {
        /// The field.
        field: &'static str,
        /// Bytes of it.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// A width that block numbers cannot have.
    #[error("blockNumberBytes is {got}, wanted is 1 to 8; nearly every chain has 4, and may leave the field out")]
    BlockNumberBytes {
        /// The width.
        got: u64,
    },
    /// A parachain id without a relay chain.
    #[error("paraId is {para_id}, but relayChain is missing; add the id of the relay chain's specification")]
    NoRelayChain {
        /// The parachain id.
        para_id: u32,
    },
    /// The checkpoint cannot be used.
    #[error("lightSyncState: {0}; export it again with sync_state_genSyncSpec, or take it away")]
    LightSyncState(#[from] LightSyncStateError),
    /// The specification's own rules refuse its checkpoint.
    #[error("lightSyncState: {0}; take a checkpoint of the chain that the rules want")]
    CheckpointRefused(RefusedBlock),
    /// The specification is of another chain than the one asked for.
    #[error("the specification's genesis is {got:#x}, wanted is {want:#x}: the chain was reset, or it is another one")]
    OtherGenesis {
        /// The specification's genesis hash.
        got: Hash,
        /// The one wanted.
        want: Hash,
    },
}
