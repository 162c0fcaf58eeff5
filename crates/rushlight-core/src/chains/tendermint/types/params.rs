//! Consensus parameters: what a chain's application allows in blocks, evidence and keys.

use super::consensus_hash;
use crate::base::Hash;
use alloc::string::String;
use alloc::vec::Vec;

/// The most key types that the parameters may list: CometBFT 0.40 knows five.
pub const PUBLIC_KEY_TYPES_MAX: usize = 16;
/// The longest name of a key type, and of the authority, in bytes.
pub const PARAM_TEXT_BYTES_MAX: usize = 256;

/// The consensus parameters of a height. A header covers two of them, by [`ConsensusParams::hash`]; the others are what a
/// provider says.
///
/// Source: CometBFT `types/params.go`, v0.38.25 and v0.40.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsensusParams {
    /// The most bytes of a block; -1 for the protocol's own bound. Covered by the header.
    pub block_bytes_max: i64,
    /// The most gas of a block; -1 without a bound. Covered by the header.
    pub block_gas_max: i64,
    /// How many heights back evidence may lie.
    pub evidence_age_blocks_max: i64,
    /// How many nanoseconds back evidence may lie.
    pub evidence_age_nanos_max: i64,
    /// The most bytes of evidence in a block.
    pub evidence_bytes_max: i64,
    /// Names of the key types that validators may have.
    pub public_key_types: Vec<String>,
    /// The application's version.
    pub app_version: u64,
    /// From which height votes carry extensions; 0 for never.
    pub vote_extensions_enable_height: i64,
    /// Who may change parameters, from 0.40 on; `None` where the member does not exist.
    pub authority: Option<String>,
}

impl ConsensusParams {
    /// Returns the hash that a header has as `consensus_hash`.
    pub fn hash(&self) -> Hash {
        consensus_hash(self.block_bytes_max, self.block_gas_max)
    }
}
