//! The JSON of CometBFT's RPC, 0.38 to 0.40: member order, spelling and omissions as Go's encoder has them.
//!
//! Numbers of 64 bits are strings, numbers of 32 bits are numbers, hashes and addresses are upper-case hex, keys and
//! signatures are base64. Each type is a view: [`serde::Serialize`] is all that can be done with it.
//!
//! Source: CometBFT `types/block.go`, `types/validator.go`, `rpc/core/types/responses.go`, v0.38.25 and v0.40.0.

mod params;
mod status;

pub use params::{ConsensusParamsJson, ConsensusParamsResultJson};
pub use status::{NodeInfoJson, NodeOtherJson, ProtocolVersionJson, StatusResultJson, SyncInfoJson, ValidatorInfoJson};

use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::{BlockId, Commit, CommitSig, Header, PartSetHeader, Validator};
use crate::codec::text::{to_base64, to_hex};
use crate::crypto::{KeyKind, PublicKey};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// A block id; [`BlockIdJson::none`] is that of the block before the first one.
#[derive(Clone, Debug, Serialize)]
pub struct BlockIdJson {
    hash: String,
    parts: PartsJson,
}

#[derive(Clone, Debug, Serialize)]
struct PartsJson {
    total: u32,
    hash: String,
}

impl BlockIdJson {
    /// Returns the id of no block, as a first header and an unknown block have it.
    pub fn none() -> Self {
        Self { hash: String::new(), parts: PartsJson { total: 0, hash: String::new() } }
    }
}

impl From<&BlockId> for BlockIdJson {
    fn from(id: &BlockId) -> Self {
        let BlockId { hash, parts: PartSetHeader { total, hash: parts } } = id;
        Self { hash: hash.to_string(), parts: PartsJson { total: *total, hash: parts.to_string() } }
    }
}

impl From<&Option<BlockId>> for BlockIdJson {
    fn from(id: &Option<BlockId>) -> Self {
        id.as_ref().map_or_else(Self::none, Self::from)
    }
}

/// A header.
#[derive(Clone, Debug, Serialize)]
pub struct HeaderJson<'a> {
    version: VersionJson,
    chain_id: &'a str,
    height: String,
    time: String,
    last_block_id: BlockIdJson,
    last_commit_hash: String,
    data_hash: String,
    validators_hash: String,
    next_validators_hash: String,
    consensus_hash: String,
    app_hash: String,
    last_results_hash: String,
    evidence_hash: String,
    proposer_address: String,
}

#[derive(Clone, Debug, Serialize)]
struct VersionJson {
    block: String,
    /// Left out when it is 0, as Go does.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
}

impl<'a> From<&'a Header> for HeaderJson<'a> {
    fn from(header: &'a Header) -> Self {
        let optional = |hash: &Option<Hash>| hash.as_ref().map_or_else(String::new, ToString::to_string);
        Self {
            version: VersionJson {
                block: header.version.block.to_string(),
                app: (header.version.app != 0).then(|| header.version.app.to_string()),
            },
            chain_id: &header.chain_id,
            height: header.height.to_string(),
            time: header.time.to_rfc3339(),
            last_block_id: BlockIdJson::from(&header.last_block_id),
            last_commit_hash: optional(&header.last_commit_hash),
            data_hash: optional(&header.data_hash),
            validators_hash: header.validators_hash.to_string(),
            next_validators_hash: header.next_validators_hash.to_string(),
            consensus_hash: optional(&header.consensus_hash),
            app_hash: to_hex(&header.app_hash),
            last_results_hash: optional(&header.last_results_hash),
            evidence_hash: optional(&header.evidence_hash),
            proposer_address: header.proposer_address.to_string(),
        }
    }
}

/// A commit; [`CommitJson::none`] is the one in a first block, which has nothing to commit to.
#[derive(Clone, Debug, Serialize)]
pub struct CommitJson {
    height: String,
    round: u32,
    block_id: BlockIdJson,
    signatures: Vec<CommitSigJson>,
}

#[derive(Clone, Debug, Serialize)]
struct CommitSigJson {
    block_id_flag: u8,
    validator_address: String,
    timestamp: String,
    signature: Option<String>,
}

impl CommitJson {
    /// Returns the commit of height 0.
    pub fn none() -> Self {
        Self { height: "0".to_string(), round: 0, block_id: BlockIdJson::none(), signatures: Vec::new() }
    }
}

impl From<&Commit> for CommitJson {
    fn from(commit: &Commit) -> Self {
        Self {
            height: commit.height.to_string(),
            round: commit.round,
            block_id: BlockIdJson::from(&commit.block_id),
            signatures: commit.signatures.iter().map(CommitSigJson::from).collect(),
        }
    }
}

impl From<&CommitSig> for CommitSigJson {
    fn from(place: &CommitSig) -> Self {
        let vote = place.vote();
        Self {
            block_id_flag: place.flag(),
            validator_address: vote.map_or_else(String::new, |vote| vote.validator_address.to_string()),
            timestamp: vote.map_or(UnixTime::GO_ZERO, |vote| vote.timestamp).to_rfc3339(),
            signature: vote.map(|vote| to_base64(vote.signature.as_bytes())),
        }
    }
}

/// The result of `/commit`.
#[derive(Clone, Debug, Serialize)]
pub struct CommitResultJson<'a> {
    signed_header: SignedHeaderJson<'a>,
    canonical: bool,
}

#[derive(Clone, Debug, Serialize)]
struct SignedHeaderJson<'a> {
    header: HeaderJson<'a>,
    commit: CommitJson,
}

impl<'a> CommitResultJson<'a> {
    /// Returns the result for a header with its commit. `canonical` tells whether it is the commit that the next block holds;
    /// a node says no at its tip.
    pub fn new(header: &'a Header, commit: &Commit, canonical: bool) -> Self {
        Self { signed_header: SignedHeaderJson { header: header.into(), commit: commit.into() }, canonical }
    }
}

/// A public key with its tag.
#[derive(Clone, Debug, Serialize)]
pub struct PublicKeyJson {
    #[serde(rename = "type")]
    tag: &'static str,
    value: String,
}

impl From<&PublicKey> for PublicKeyJson {
    fn from(key: &PublicKey) -> Self {
        let tag = match key.kind() {
            KeyKind::Ed25519 => "tendermint/PubKeyEd25519",
            KeyKind::Secp256k1 => "tendermint/PubKeySecp256k1",
            KeyKind::Secp256k1Eth => "tendermint/PubKeySecp256k1eth",
            KeyKind::MlDsa65 => "cometbft/PubKeyMlDsa65",
        };
        Self { tag, value: to_base64(key.as_bytes()) }
    }
}

/// A member of a validator set.
#[derive(Clone, Debug, Serialize)]
pub struct ValidatorJson {
    address: String,
    pub_key: PublicKeyJson,
    voting_power: String,
    proposer_priority: String,
}

impl ValidatorJson {
    /// Returns the member with its proposer priority, which no hash of the chain covers.
    pub fn new(member: &Validator, proposer_priority: i64) -> Self {
        Self {
            address: member.address.to_string(),
            pub_key: PublicKeyJson::from(&member.public_key),
            voting_power: member.power.to_string(),
            proposer_priority: proposer_priority.to_string(),
        }
    }
}

/// The result of `/validators`: a page of a set.
#[derive(Clone, Debug, Serialize)]
pub struct ValidatorsResultJson {
    block_height: String,
    validators: Vec<ValidatorJson>,
    count: String,
    total: String,
}

impl ValidatorsResultJson {
    /// Returns a page of the set at `height`, which has `total` members.
    pub fn new(height: u64, page: Vec<ValidatorJson>, total: usize) -> Self {
        Self {
            block_height: height.to_string(),
            count: page.len().to_string(),
            validators: page,
            total: total.to_string(),
        }
    }
}

/// What `/blockchain` says of a block.
#[derive(Clone, Debug, Serialize)]
pub struct BlockMetaJson<'a> {
    block_id: BlockIdJson,
    block_size: String,
    header: HeaderJson<'a>,
    num_txs: String,
}

impl<'a> BlockMetaJson<'a> {
    /// Returns what is said of a block with this header: its id, its size in bytes and its number of transactions. Go writes a
    /// size that it does not know as -1.
    pub fn new(id: &BlockId, header: &'a Header, block_size: i64, num_txs: i64) -> Self {
        Self {
            block_id: id.into(),
            block_size: block_size.to_string(),
            header: header.into(),
            num_txs: num_txs.to_string(),
        }
    }
}

/// The result of `/blockchain`, highest block first.
#[derive(Clone, Debug, Serialize)]
pub struct BlockchainResultJson<'a> {
    last_height: String,
    block_metas: Vec<BlockMetaJson<'a>>,
}

impl<'a> BlockchainResultJson<'a> {
    /// Returns what is said of some blocks by a node whose newest one is at `last_height`.
    pub fn new(last_height: u64, block_metas: Vec<BlockMetaJson<'a>>) -> Self {
        Self { last_height: last_height.to_string(), block_metas }
    }
}

/// A validator as `/genesis` lists it.
#[derive(Clone, Debug, Serialize)]
pub struct GenesisValidatorJson {
    address: String,
    pub_key: PublicKeyJson,
    power: String,
    name: String,
}

impl GenesisValidatorJson {
    /// Returns a validator of the first set with the name that the genesis document gives it.
    pub fn new(member: &Validator, name: String) -> Self {
        Self {
            address: member.address.to_string(),
            pub_key: PublicKeyJson::from(&member.public_key),
            power: member.power.to_string(),
            name,
        }
    }
}
