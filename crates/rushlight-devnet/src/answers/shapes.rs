//! The JSON shapes of answers. 64-bit numbers are strings, hashes upper-case hex, keys and signatures base64.

use crate::app::Tx;
use crate::plan::Release;
use data_encoding::{BASE64, HEXUPPER};
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::types::{BlockId, Commit, CommitSig, Header, PartSetHeader, Validator};
use rushlight_core::crypto::{KeyKind, PublicKey};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PartsJson {
    total: u32,
    hash: String,
}

#[derive(Serialize)]
pub(super) struct BlockIdJson {
    hash: String,
    parts: PartsJson,
}

#[derive(Serialize)]
struct VersionJson {
    block: String,
    /// Left out when it is 0, as in Go.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
}

#[derive(Serialize)]
pub(super) struct HeaderJson<'a> {
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

#[derive(Serialize)]
struct CommitSigJson {
    block_id_flag: u8,
    validator_address: String,
    timestamp: String,
    signature: Option<String>,
}

#[derive(Serialize)]
pub(super) struct CommitJson {
    height: String,
    round: u32,
    block_id: BlockIdJson,
    signatures: Vec<CommitSigJson>,
}

#[derive(Serialize)]
pub(super) struct SignedHeaderJson<'a> {
    pub(super) header: HeaderJson<'a>,
    pub(super) commit: CommitJson,
}

#[derive(Serialize)]
pub(super) struct PublicKeyJson {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
pub(super) struct ValidatorJson {
    address: String,
    pub_key: PublicKeyJson,
    voting_power: String,
    proposer_priority: String,
}

#[derive(Serialize)]
pub(super) struct GenesisValidatorJson {
    address: String,
    pub_key: PublicKeyJson,
    power: String,
    name: String,
}

#[derive(Serialize)]
struct BlockParamsJson {
    max_bytes: String,
    max_gas: &'static str,
}

#[derive(Serialize)]
struct EvidenceParamsJson {
    max_age_num_blocks: &'static str,
    max_age_duration: &'static str,
    max_bytes: &'static str,
}

#[derive(Serialize)]
struct ValidatorParamsJson {
    pub_key_types: Vec<&'static str>,
}

#[derive(Serialize)]
struct VersionParamsJson {
    app: String,
}

#[derive(Serialize)]
struct AbciParamsJson {
    vote_extensions_enable_height: &'static str,
}

#[derive(Serialize)]
struct AuthorityParamsJson {
    authority: &'static str,
}

#[derive(Serialize)]
pub(super) struct ConsensusParamsJson {
    block: BlockParamsJson,
    evidence: EvidenceParamsJson,
    validator: ValidatorParamsJson,
    version: VersionParamsJson,
    abci: AbciParamsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<AuthorityParamsJson>,
}

#[derive(Serialize)]
struct AttributeJson {
    key: &'static str,
    value: String,
    index: bool,
}

#[derive(Serialize)]
struct EventJson {
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: Vec<AttributeJson>,
}

#[derive(Serialize)]
pub(super) struct TxResultJson {
    code: u32,
    data: Option<String>,
    log: &'static str,
    info: &'static str,
    gas_wanted: String,
    gas_used: String,
    events: Vec<EventJson>,
    codespace: &'static str,
}

/// A public key as `block_results` has it: another shape than everywhere else.
#[derive(Serialize)]
pub(super) struct ValidatorUpdateJson {
    pub_key: UpdateKeyJson,
    /// Left out when it is 0, as in Go.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<String>,
}

#[derive(Serialize)]
struct UpdateKeyJson {
    #[serde(rename = "Sum")]
    sum: UpdateSumJson,
}

#[derive(Serialize)]
struct UpdateSumJson {
    #[serde(rename = "type")]
    kind: &'static str,
    value: serde_json::Map<String, serde_json::Value>,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    HEXUPPER.encode(bytes)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn optional(hash: Option<Hash>) -> String {
    hash.map_or_else(String::new, |hash| hex(&hash.0))
}

pub(super) fn block_id(id: Option<BlockId>) -> BlockIdJson {
    match id {
        None => BlockIdJson { hash: String::new(), parts: PartsJson { total: 0, hash: String::new() } },
        Some(BlockId { hash, parts: PartSetHeader { total, hash: parts } }) => {
            BlockIdJson { hash: hex(&hash.0), parts: PartsJson { total, hash: hex(&parts.0) } }
        }
    }
}

pub(super) fn header(header: &Header) -> HeaderJson<'_> {
    HeaderJson {
        version: VersionJson {
            block: header.version.block.to_string(),
            app: (header.version.app != 0).then(|| header.version.app.to_string()),
        },
        chain_id: &header.chain_id,
        height: header.height.to_string(),
        time: header.time.to_rfc3339(),
        last_block_id: block_id(header.last_block_id),
        last_commit_hash: optional(header.last_commit_hash),
        data_hash: optional(header.data_hash),
        validators_hash: hex(&header.validators_hash.0),
        next_validators_hash: hex(&header.next_validators_hash.0),
        consensus_hash: optional(header.consensus_hash),
        app_hash: hex(&header.app_hash),
        last_results_hash: optional(header.last_results_hash),
        evidence_hash: optional(header.evidence_hash),
        proposer_address: hex(&header.proposer_address.0),
    }
}

pub(super) fn commit(commit: &Commit) -> CommitJson {
    let place = |place: &CommitSig| CommitSigJson {
        block_id_flag: place.flag(),
        validator_address: place.vote().map_or_else(String::new, |vote| hex(&vote.validator_address.0)),
        timestamp: place.vote().map_or(UnixTime::GO_ZERO, |vote| vote.timestamp).to_rfc3339(),
        signature: place.vote().map(|vote| base64(vote.signature.as_bytes())),
    };
    CommitJson {
        height: commit.height.to_string(),
        round: commit.round,
        block_id: block_id(Some(commit.block_id)),
        signatures: commit.signatures.iter().map(place).collect(),
    }
}

/// The commit in the first block: there was nothing to commit to.
pub(super) fn no_commit() -> CommitJson {
    CommitJson { height: "0".into(), round: 0, block_id: block_id(None), signatures: Vec::new() }
}

pub(super) fn public_key(key: &PublicKey) -> PublicKeyJson {
    let kind = match key.kind() {
        KeyKind::Ed25519 => "tendermint/PubKeyEd25519",
        KeyKind::Secp256k1 => "tendermint/PubKeySecp256k1",
        KeyKind::Secp256k1Eth => "tendermint/PubKeySecp256k1eth",
        KeyKind::MlDsa65 => "cometbft/PubKeyMlDsa65",
    };
    PublicKeyJson { kind, value: base64(key.as_bytes()) }
}

pub(super) fn validator(member: &Validator, priority: i64) -> ValidatorJson {
    ValidatorJson {
        address: hex(&member.address.0),
        pub_key: public_key(&member.public_key),
        voting_power: member.power.to_string(),
        proposer_priority: priority.to_string(),
    }
}

pub(super) fn genesis_validator(member: &Validator, index: usize) -> GenesisValidatorJson {
    GenesisValidatorJson {
        address: hex(&member.address.0),
        pub_key: public_key(&member.public_key),
        power: member.power.to_string(),
        name: format!("node{index}"),
    }
}

pub(super) fn consensus_params(release: Release, kinds: &[KeyKind], app_version: u64) -> ConsensusParamsJson {
    let mut names: Vec<&'static str> = kinds
        .iter()
        .map(|kind| match kind {
            KeyKind::Ed25519 => "ed25519",
            KeyKind::Secp256k1 => "secp256k1",
            KeyKind::Secp256k1Eth => "secp256k1eth",
            KeyKind::MlDsa65 => "ml_dsa_65",
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    ConsensusParamsJson {
        block: BlockParamsJson { max_bytes: release.block_bytes_max().to_string(), max_gas: "-1" },
        evidence: EvidenceParamsJson {
            max_age_num_blocks: "100000",
            max_age_duration: "172800000000000",
            max_bytes: "1048576",
        },
        validator: ValidatorParamsJson { pub_key_types: names },
        version: VersionParamsJson { app: app_version.to_string() },
        abci: AbciParamsJson { vote_extensions_enable_height: "0" },
        authority: (release == Release::V0_40).then_some(AuthorityParamsJson { authority: "" }),
    }
}

pub(super) fn tx_result(tx: &Tx) -> TxResultJson {
    let execution = tx.execution();
    TxResultJson {
        code: 0,
        data: (!execution.data.is_empty()).then(|| base64(&execution.data)),
        log: "",
        info: "",
        gas_wanted: execution.gas_wanted.to_string(),
        gas_used: execution.gas_used.to_string(),
        events: vec![EventJson {
            kind: "app",
            attributes: vec![AttributeJson { key: "key", value: tx.key(), index: true }],
        }],
        codespace: "",
    }
}

pub(super) fn validator_update(member: &Validator) -> ValidatorUpdateJson {
    let (kind, field) = match member.public_key.kind() {
        KeyKind::Ed25519 => ("tendermint.crypto.PublicKey_Ed25519", "ed25519"),
        KeyKind::Secp256k1 => ("tendermint.crypto.PublicKey_Secp256K1", "secp256k1"),
        KeyKind::Secp256k1Eth => ("tendermint.crypto.PublicKey_Secp256K1Eth", "secp256k1eth"),
        KeyKind::MlDsa65 => ("tendermint.crypto.PublicKey_Mldsa65", "mldsa65"),
    };
    let value = [(field.to_owned(), base64(member.public_key.as_bytes()).into())].into_iter().collect();
    let power = (member.power != 0).then(|| member.power.to_string());
    ValidatorUpdateJson { pub_key: UpdateKeyJson { sum: UpdateSumJson { kind, value } }, power }
}
