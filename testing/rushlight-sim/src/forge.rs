//! Single blocks with powers of any size, signed with keys of our own: what no planned chain has.

use crate::properties::unsigned;
use ed25519_zebra::SigningKey;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::types::{
    BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Signature, Validator, ValidatorSet, Version,
};
use rushlight_core::crypto::{KeyKind, PublicKey, sha256};
use std::sync::Arc;
use std::time::Duration;

/// A key that signs votes.
pub(crate) struct Signer {
    key: SigningKey,
    public: PublicKey,
}

impl Signer {
    pub(crate) fn new(seed: u64) -> Self {
        let key = SigningKey::from_bytes(&sha256(&seed.to_be_bytes()).0);
        let bytes: [u8; 32] = key.verification_key().into();
        let public = PublicKey::from_bytes(KeyKind::Ed25519, &bytes).expect("a key of 32 bytes");
        Self { key, public }
    }

    pub(crate) fn member(&self, power: u64) -> Validator {
        Validator::new(self.public.clone(), power).expect("an ed25519 key always has an address")
    }
}

/// Returns a block at `height` whose set is `set` and whose commit holds the votes of `signers`; others are absent.
pub(crate) fn forge_block(height: u64, set: &ValidatorSet, next: &ValidatorSet, signers: &[&Signer]) -> LightBlock {
    let time = UnixTime::EPOCH.after(Duration::from_secs(1_800_000_000 + height));
    let some = Some(sha256(b"any"));
    let header = Header {
        version: Version { block: Header::BLOCK_PROTOCOL, app: 1 },
        chain_id: "forged".into(),
        height,
        time,
        last_block_id: Some(BlockId {
            hash: Hash([height as u8; 32]),
            parts: PartSetHeader { total: 1, hash: Hash([1; 32]) },
        }),
        last_commit_hash: some,
        data_hash: some,
        validators_hash: set.hash(),
        next_validators_hash: next.hash(),
        consensus_hash: some,
        app_hash: vec![height as u8; 32],
        last_results_hash: some,
        evidence_hash: some,
        proposer_address: set.validators()[0].address,
    };
    let block_id = BlockId { hash: header.hash(), parts: PartSetHeader { total: 1, hash: Hash([2; 32]) } };
    let commit = Commit { height, round: 0, block_id, signatures: vec![CommitSig::Absent; set.len()] };
    let mut block = LightBlock { header, commit, validators: Arc::new(set.clone()) };
    for signer in signers {
        let address = signer.member(1).address;
        let (index, _) = set.by_address(&address).expect("who signs is in the set");
        block.commit.signatures[index] = unsigned(&block, index);
        let mut message = Vec::new();
        block.commit.sign_bytes("forged").put(&block.commit.signatures[index], &mut message);
        if let CommitSig::Commit(vote) = &mut block.commit.signatures[index] {
            vote.signature = Signature::Bytes64(signer.key.sign(&message).into());
        }
    }
    block
}
