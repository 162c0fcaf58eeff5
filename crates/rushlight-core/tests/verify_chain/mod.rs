//! Chains with keys of our own, so that a test can sign what no honest validator would.
#![allow(dead_code, reason = "each test uses another part")]

use k256::ecdsa::signature::Signer;
use k256::ecdsa::signature::hazmat::PrehashSigner;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::types::{
    Address, BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Signature, Validator, ValidatorSet,
    Version, Vote,
};
use rushlight_core::chains::tendermint::verify::{self, JudgedAt, Rules, VerifiedBlock};
use rushlight_core::codec::text::{to_base64, to_hex};
use rushlight_core::crypto::{KeyKind, PublicKey, sha256};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};
use std::sync::Arc;
use std::time::Duration;

pub const CHAIN_ID: &str = "test-chain";
/// The time of height 0.
pub const START: i64 = 1_700_000_000;
/// Seconds from one height to the next.
pub const BLOCK_SECONDS: i64 = 10;

/// A secret key of any scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: KeyKind,
    secret: [u8; 32],
}

impl Key {
    /// Returns key `number` of a scheme.
    pub fn new(kind: KeyKind, number: u64) -> Self {
        Self { kind, secret: sha256(format!("{kind:?} {number}").as_bytes()).0 }
    }

    fn ecdsa(&self) -> k256::ecdsa::SigningKey {
        k256::ecdsa::SigningKey::from_slice(&self.secret).unwrap()
    }

    fn ml_dsa(&self) -> ml_dsa::SigningKey<ml_dsa::MlDsa65> {
        ml_dsa::SigningKey::from_seed(&self.secret.into())
    }

    pub fn public(&self) -> PublicKey {
        let bytes: Vec<u8> = match self.kind {
            KeyKind::Ed25519 => {
                let key = ed25519_zebra::SigningKey::from(self.secret);
                <[u8; 32]>::from(ed25519_zebra::VerificationKey::from(&key)).to_vec()
            }
            KeyKind::Secp256k1 | KeyKind::Secp256k1Eth => {
                self.ecdsa().verifying_key().to_sec1_point(true).as_bytes().to_vec()
            }
            KeyKind::MlDsa65 => self.ml_dsa().expanded_key().verifying_key().encode().to_vec(),
        };
        PublicKey::from_bytes(self.kind, &bytes).unwrap()
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self.kind {
            KeyKind::Ed25519 => <[u8; 64]>::from(ed25519_zebra::SigningKey::from(self.secret).sign(message)).to_vec(),
            KeyKind::Secp256k1 => {
                let signature: k256::ecdsa::Signature = self.ecdsa().sign(message);
                signature.normalize_s().to_bytes().to_vec()
            }
            KeyKind::Secp256k1Eth => {
                let (signature, id): (k256::ecdsa::Signature, k256::ecdsa::RecoveryId) =
                    self.ecdsa().sign_prehash(&Keccak256::digest(message)).unwrap();
                [signature.to_bytes().as_slice(), &[id.to_byte()]].concat()
            }
            KeyKind::MlDsa65 => {
                self.ml_dsa().expanded_key().sign_deterministic(message, &[]).unwrap().encode().to_vec()
            }
        }
    }
}

/// Validators with their secret keys.
#[derive(Clone, Debug)]
pub struct Signers {
    pub set: Arc<ValidatorSet>,
    keys: Vec<(Address, Key)>,
}

impl Signers {
    pub fn of(members: &[(Key, u64)]) -> Self {
        let validator = |(key, power): &(Key, u64)| Validator::new(key.public(), *power).unwrap();
        let validators: Vec<Validator> = members.iter().map(validator).collect();
        let keys = validators.iter().zip(members).map(|(validator, (key, _))| (validator.address, *key)).collect();
        Self { set: Arc::new(ValidatorSet::new(validators).unwrap()), keys }
    }

    /// Returns Ed25519 validators `numbers` with `power` each.
    pub fn equal(numbers: impl IntoIterator<Item = u64>, power: u64) -> Self {
        let members: Vec<_> = numbers.into_iter().map(|number| (Key::new(KeyKind::Ed25519, number), power)).collect();
        Self::of(&members)
    }

    fn key(&self, address: &Address) -> Key {
        self.keys.iter().find(|(of, _)| of == address).unwrap().1
    }

    /// Signs the vote at `index` of `commit` for chain `chain_id`.
    pub fn sign_one(&self, chain_id: &str, commit: &mut Commit, index: usize) {
        let mut message = Vec::new();
        commit.sign_bytes(chain_id).put(&commit.signatures[index], &mut message);
        let key = self.key(&self.set.validators()[index].address);
        if let CommitSig::Commit(vote) | CommitSig::Nil(vote) = &mut commit.signatures[index] {
            vote.signature = Signature::from_bytes(&key.sign(&message));
        }
    }

    /// Returns the commit in which everybody votes for `header`.
    pub fn commit(&self, header: &Header) -> Commit {
        let hash = header.hash();
        let parts = PartSetHeader { total: 1, hash: sha256(hash.as_bytes()) };
        let vote = |(index, member): (usize, &Validator)| {
            CommitSig::Commit(Vote {
                validator_address: member.address,
                timestamp: UnixTime::new(header.time.seconds() + 1, 1_000 * (index as u32 + 1)).unwrap(),
                signature: Signature::from_bytes(&[0; 64]),
            })
        };
        let signatures: Vec<CommitSig> = self.set.validators().iter().enumerate().map(vote).collect();
        let mut commit = Commit { height: header.height, round: 0, block_id: BlockId { hash, parts }, signatures };
        (0..commit.signatures.len()).for_each(|index| self.sign_one(&header.chain_id, &mut commit, index));
        commit
    }

    /// Returns the block that everybody signs, with this header.
    pub fn block(&self, header: Header) -> LightBlock {
        LightBlock { commit: self.commit(&header), header, validators: Arc::clone(&self.set) }
    }
}

pub fn time(height: u64) -> UnixTime {
    UnixTime::new(START + BLOCK_SECONDS * height as i64, 0).unwrap()
}

/// Returns the header at `height` that follows on `last`.
pub fn header(height: u64, last: Option<&LightBlock>, signers: &Signers, next: &Signers) -> Header {
    Header {
        version: Version { block: 11, app: 1 },
        chain_id: CHAIN_ID.to_string(),
        height,
        time: time(height),
        last_block_id: last.map(|last| last.commit.block_id),
        last_commit_hash: last.map(|last| last.commit.hash()),
        data_hash: Some(sha256(b"")),
        validators_hash: signers.set.hash(),
        next_validators_hash: next.set.hash(),
        consensus_hash: Some(sha256(b"parameters")),
        app_hash: vec![height as u8; 8],
        last_results_hash: Some(sha256(b"")),
        evidence_hash: Some(sha256(b"")),
        proposer_address: signers.set.validators()[0].address,
    }
}

/// Returns heights 1 to the number of `sets`, each signed by its set and announcing the next.
pub fn chain(sets: &[&Signers]) -> Vec<LightBlock> {
    let mut blocks: Vec<LightBlock> = Vec::new();
    for (index, signers) in sets.iter().enumerate() {
        let next = sets.get(index + 1).unwrap_or(signers);
        let header = header(index as u64 + 1, blocks.last(), signers, next);
        blocks.push(signers.block(header));
    }
    blocks
}

pub fn rules() -> Rules {
    Rules { trusting_period: Duration::from_secs(3_600), ..Rules::default() }
}

/// Returns the time `seconds` after height 1.
pub fn at(seconds: i64) -> JudgedAt {
    JudgedAt::at(UnixTime::new(time(1).seconds() + seconds, 0).unwrap())
}

/// Takes a block for trusted, with the set after it.
pub fn anchor(block: &LightBlock, next: &Signers) -> VerifiedBlock {
    let (height, hash) = (block.header.height, block.header.hash());
    let trusted = verify::anchor(&block.header.chain_id, height, hash, None, block.clone()).unwrap();
    trusted.with_next_validators(Arc::clone(&next.set)).unwrap()
}

fn id(id: Option<BlockId>) -> Value {
    let (hash, total, parts) = match id {
        None => (String::new(), 0, String::new()),
        Some(id) => (id.hash.to_string(), id.parts.total, id.parts.hash.to_string()),
    };
    json!({ "hash": hash, "parts": { "total": total, "hash": parts } })
}

fn key_type(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "tendermint/PubKeyEd25519",
        KeyKind::Secp256k1 => "tendermint/PubKeySecp256k1",
        KeyKind::Secp256k1Eth => "tendermint/PubKeySecp256k1eth",
        KeyKind::MlDsa65 => "cometbft/PubKeyMlDsa65",
    }
}

fn signature(signature: &CommitSig) -> Value {
    match signature.vote() {
        None => json!({
            "block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z", "signature": null
        }),
        Some(vote) => json!({
            "block_id_flag": signature.flag(),
            "validator_address": vote.validator_address.to_string(),
            "timestamp": vote.timestamp.to_string(),
            "signature": to_base64(vote.signature.as_bytes()),
        }),
    }
}

/// Returns a block as CometBFT writes it: `{signed_header, validator_set}`.
pub fn to_json(block: &LightBlock) -> Value {
    let header = &block.header;
    let hash = |hash: Option<Hash>| hash.map(|hash| hash.to_string()).unwrap_or_default();
    let member = |member: &Validator| {
        json!({
            "address": member.address.to_string(),
            "pub_key": { "type": key_type(member.public_key.kind()), "value": to_base64(member.public_key.as_bytes()) },
            "voting_power": member.power.to_string(),
            "proposer_priority": "0",
        })
    };
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
                "signatures": block.commit.signatures.iter().map(signature).collect::<Vec<_>>(),
            },
        },
        "validator_set": { "validators": block.validators.validators().iter().map(member).collect::<Vec<_>>() },
    })
}
