//! The JSON shapes of what a light client does not write: results of transactions. The others are the core's.

use crate::app::Tx;
use crate::plan::Release;
use data_encoding::BASE64;
use rushlight_core::chains::tendermint::types::{ConsensusParams, Validator};
use rushlight_core::crypto::KeyKind;
use serde::Serialize;

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

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Returns the parameters of a chain, which never change; 0.40 has one more.
pub(super) fn consensus_params(release: Release, kinds: &[KeyKind], app_version: u64) -> ConsensusParams {
    let mut names: Vec<String> = kinds
        .iter()
        .map(|kind| match kind {
            KeyKind::Ed25519 => "ed25519".to_owned(),
            KeyKind::Secp256k1 => "secp256k1".to_owned(),
            KeyKind::Secp256k1Eth => "secp256k1eth".to_owned(),
            KeyKind::MlDsa65 => "ml_dsa_65".to_owned(),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    ConsensusParams {
        block_bytes_max: i64::try_from(release.block_bytes_max()).unwrap_or(i64::MAX),
        block_gas_max: -1,
        evidence_age_blocks_max: 100_000,
        evidence_age_nanos_max: 172_800_000_000_000,
        evidence_bytes_max: 1_048_576,
        public_key_types: names,
        app_version,
        vote_extensions_enable_height: 0,
        authority: (release == Release::V0_40).then(String::new),
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
