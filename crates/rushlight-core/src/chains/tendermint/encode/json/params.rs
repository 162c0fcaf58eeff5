//! Consensus parameters.

use crate::chains::tendermint::types::ConsensusParams;
use alloc::string::{String, ToString};
use serde::Serialize;

/// Consensus parameters. Of all of them a header covers the two of `block`.
#[derive(Clone, Debug, Serialize)]
pub struct ConsensusParamsJson<'a> {
    block: BlockParamsJson,
    evidence: EvidenceParamsJson,
    validator: ValidatorParamsJson<'a>,
    version: AppVersionJson,
    abci: AbciParamsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<AuthorityParamsJson<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct BlockParamsJson {
    max_bytes: String,
    max_gas: String,
}

#[derive(Clone, Debug, Serialize)]
struct EvidenceParamsJson {
    max_age_num_blocks: String,
    max_age_duration: String,
    max_bytes: String,
}

#[derive(Clone, Debug, Serialize)]
struct ValidatorParamsJson<'a> {
    pub_key_types: &'a [String],
}

#[derive(Clone, Debug, Serialize)]
struct AppVersionJson {
    app: String,
}

#[derive(Clone, Debug, Serialize)]
struct AbciParamsJson {
    vote_extensions_enable_height: String,
}

#[derive(Clone, Debug, Serialize)]
struct AuthorityParamsJson<'a> {
    authority: &'a str,
}

impl<'a> From<&'a ConsensusParams> for ConsensusParamsJson<'a> {
    fn from(params: &'a ConsensusParams) -> Self {
        Self {
            block: BlockParamsJson {
                max_bytes: params.block_bytes_max.to_string(),
                max_gas: params.block_gas_max.to_string(),
            },
            evidence: EvidenceParamsJson {
                max_age_num_blocks: params.evidence_age_blocks_max.to_string(),
                max_age_duration: params.evidence_age_nanos_max.to_string(),
                max_bytes: params.evidence_bytes_max.to_string(),
            },
            validator: ValidatorParamsJson { pub_key_types: &params.public_key_types },
            version: AppVersionJson { app: params.app_version.to_string() },
            abci: AbciParamsJson { vote_extensions_enable_height: params.vote_extensions_enable_height.to_string() },
            authority: params.authority.as_deref().map(|authority| AuthorityParamsJson { authority }),
        }
    }
}

/// The result of `/consensus_params`.
#[derive(Clone, Debug, Serialize)]
pub struct ConsensusParamsResultJson<'a> {
    block_height: String,
    consensus_params: ConsensusParamsJson<'a>,
}

impl<'a> ConsensusParamsResultJson<'a> {
    /// Returns the parameters in force at `height`.
    pub fn new(height: u64, params: &'a ConsensusParams) -> Self {
        Self { block_height: height.to_string(), consensus_params: params.into() }
    }
}
