//! Chains made for the comparison: every validator signs every block, keys and times are the same in every run.

use ed25519_zebra::{SigningKey, VerificationKey};
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::types::{
    Address, BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Signature, Validator, ValidatorSet,
    Version, Vote,
};
use rushlight_core::codec::text::{to_base64, to_hex};
use rushlight_core::crypto::{KeyKind, PublicKey, sha256};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The chain's id, of the length that real ones have.
pub const CHAIN_ID: &str = "versus-chain-1";
/// The time of the first block.
pub const START_SECONDS: i64 = 1_760_000_000;

/// Returns `heights` blocks of a chain whose set of `validators` never changes.
pub fn blocks(validators: usize, heights: u64) -> Vec<Arc<LightBlock>> {
    let keys: Vec<SigningKey> =
        (0..validators).map(|index| SigningKey::from(sha256(format!("validator {index}").as_bytes()).0)).collect();
    let mut by_address: BTreeMap<Address, SigningKey> = BTreeMap::new();
    let mut members = Vec::new();
    for key in keys {
        let bytes: [u8; 32] = VerificationKey::from(&key).into();
        let public = PublicKey::from_bytes(KeyKind::Ed25519, &bytes).expect("32 bytes");
        let member = Validator::new(public, 10).expect("an address");
        by_address.insert(member.address, key);
        members.push(member);
    }
    let set = Arc::new(ValidatorSet::new(members).expect("a set"));
    let (mut last_block_id, mut last_commit_hash) = (None, None);
    let mut blocks = Vec::new();
    for height in 1..=heights {
        let time = UnixTime::new(START_SECONDS + 6 * height as i64, 123_456_789).expect("a time");
        let header = Header {
            version: Version { block: 11, app: 1 },
            chain_id: CHAIN_ID.to_string(),
            height,
            time,
            last_block_id,
            last_commit_hash,
            data_hash: Some(sha256(b"")),
            validators_hash: set.hash(),
            next_validators_hash: set.hash(),
            consensus_hash: Some(sha256(b"parameters")),
            app_hash: sha256(&height.to_le_bytes()).0.to_vec(),
            last_results_hash: Some(sha256(b"")),
            evidence_hash: Some(sha256(b"")),
            proposer_address: set.validators()[height as usize % set.len()].address,
        };
        let parts = PartSetHeader { total: 1, hash: sha256(&[b"parts".as_slice(), &height.to_le_bytes()].concat()) };
        let block_id = BlockId { hash: header.hash(), parts };
        let signatures = (0..set.len() as u32)
            .map(|index| {
                let timestamp = UnixTime::new(time.seconds() + 5, 1_000 * index + 7).expect("a time");
                let validator_address = set.validators()[index as usize].address;
                CommitSig::Commit(Vote { validator_address, timestamp, signature: Signature::from_bytes(&[0; 64]) })
            })
            .collect();
        let mut commit = Commit { height, round: 0, block_id, signatures };
        let sign_bytes = commit.clone();
        let sign_bytes = sign_bytes.sign_bytes(CHAIN_ID);
        for signature in &mut commit.signatures {
            let mut message = Vec::new();
            sign_bytes.put(signature, &mut message);
            if let CommitSig::Commit(vote) = signature {
                let signed: [u8; 64] = by_address[&vote.validator_address].sign(&message).into();
                vote.signature = Signature::from_bytes(&signed);
            }
        }
        last_block_id = Some(block_id);
        last_commit_hash = Some(commit.hash());
        blocks.push(Arc::new(LightBlock { header, commit, validators: Arc::clone(&set) }));
    }
    blocks
}

fn id(id: Option<BlockId>) -> Value {
    match id {
        None => json!({ "hash": "", "parts": { "total": 0, "hash": "" } }),
        Some(id) => json!({
            "hash": id.hash.to_string(),
            "parts": { "total": id.parts.total, "hash": id.parts.hash.to_string() },
        }),
    }
}

/// Returns a block in the JSON of CometBFT's RPC: `{signed_header, validator_set}`.
pub fn to_json(block: &LightBlock) -> String {
    let header = &block.header;
    let hash = |hash: Option<Hash>| hash.map(|hash| hash.to_string()).unwrap_or_default();
    let signatures: Vec<Value> = block
        .commit
        .signatures
        .iter()
        .filter_map(CommitSig::vote)
        .map(|vote| {
            json!({
                "block_id_flag": 2,
                "validator_address": vote.validator_address.to_string(),
                "timestamp": vote.timestamp.to_string(),
                "signature": to_base64(vote.signature.as_bytes()),
            })
        })
        .collect();
    let validators: Vec<Value> = block
        .validators
        .validators()
        .iter()
        .map(|member| {
            json!({
                "address": member.address.to_string(),
                "pub_key": { "type": "tendermint/PubKeyEd25519", "value": to_base64(member.public_key.as_bytes()) },
                "voting_power": member.power.to_string(),
                "proposer_priority": "0",
            })
        })
        .collect();
    json!({
        "signed_header": {
            "header": {
                "version": { "block": header.version.block.to_string(), "app": header.version.app.to_string() },
                "chain_id": header.chain_id,
                "height": header.height.to_string(),
                "time": header.time.to_string(),
                "last_block_id": id(header.last_block_id),
                "last_commit_hash": hash(header.last_commit_hash),
                "data_hash": hash(header.data_hash),
                "validators_hash": header.validators_hash.to_string(),
                "next_validators_hash": header.next_validators_hash.to_string(),
                "consensus_hash": hash(header.consensus_hash),
                "app_hash": to_hex(&header.app_hash),
                "last_results_hash": hash(header.last_results_hash),
                "evidence_hash": hash(header.evidence_hash),
                "proposer_address": header.proposer_address.to_string(),
            },
            "commit": {
                "height": block.commit.height.to_string(),
                "round": block.commit.round,
                "block_id": id(Some(block.commit.block_id)),
                "signatures": signatures,
            },
        },
        "validator_set": { "validators": validators, "proposer": validators[0] },
    })
    .to_string()
}
