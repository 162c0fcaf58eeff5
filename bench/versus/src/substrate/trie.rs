//! Storage proofs, and the root of a whole genesis.
//!
//! Compared functions: `VerifiedProof::verify` and `Trie::value` with `proof_decode::decode_and_verify_proof` and
//! `DecodedTrieProof::storage_value`; `patricia16::root` with `trie::trie_root`. Ours checks the form of a node when a lookup
//! meets it, theirs of all nodes at once; so the rows that also look every key up compare the same work.

use super::recorded;
use crate::measure::{cpu, in_turns};
use crate::report::Row;
use rushlight_core::base::Hash;
use rushlight_core::crypto::blake2b::blake2b_256;
use rushlight_core::trie::patricia16::{
    MerkleValue, Nibbles, PrefixScan, Proven, StateVersion, VerifiedProof, decode_node, nodes, root,
};
use smoldot::trie::proof_decode::{Config, decode_and_verify_proof};
use smoldot::trie::{HashFunction, TrieEntryVersion, trie_root};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read;

/// Keys of the generated trie, and how many of them are proven.
const GENERATED_KEYS: u32 = 20_000;
const PROVEN_KEYS: u32 = 140;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Returns every row.
pub fn rows(is_quick: bool) -> Vec<Row> {
    let rounds = if is_quick { 5 } else { 31 };
    let mut rows = Vec::new();
    if let Some(proof) = recorded("real/storage-proof-1762.bin") {
        let root = "29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17";
        rows.extend(proof_rows(unhex(root), &proof, rounds, 200));
    }
    let (root, proof) = generated();
    rows.extend(proof_rows(root, &proof, rounds, 5));
    if let Some(packed) = recorded("real/genesis-polkadot.json.gz") {
        rows.push(genesis_row(&packed, rounds));
    }
    rows
}

fn unhex(text: &str) -> Hash {
    Hash::from_slice(&bytes(text)).expect("32 bytes")
}

fn bytes(text: &str) -> Vec<u8> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn proof_rows(root: Hash, proof: &[u8], rounds: usize, repeats: u32) -> [Row; 2] {
    let keys = keys(root, proof);
    let decode_ours = || VerifiedProof::verify(root, proof).expect("a proof");
    let decode_theirs = || decode_and_verify_proof(Config { proof }).expect("a proof");
    let (ours, theirs) = in_turns(
        rounds,
        repeats,
        || cpu(|| drop(black_box(decode_ours()))).1,
        || cpu(|| drop(black_box(decode_theirs()))).1,
    );
    let size = proof.len();
    let decoded = Row::new(format!("storage proof of {size} bytes: decode"), ours, theirs, 2.0);
    let (ours, theirs) = in_turns(
        rounds,
        repeats,
        || {
            cpu(|| {
                let proof = decode_ours();
                keys.iter().filter(|key| matches!(proof.trie().value(key), Ok(Proven::Present(_)))).count()
            })
            .1
        },
        || {
            cpu(|| {
                let proof = decode_theirs();
                keys.iter().filter(|key| matches!(proof.storage_value(&root.0, key), Ok(Some(_)))).count()
            })
            .1
        },
    );
    let (proof, other) = (decode_ours(), decode_theirs());
    for key in &keys {
        let our_value = proof.trie().value(key).expect("a proof");
        let their_value = other.storage_value(&root.0, key).expect("a proof").map(|(value, _)| value);
        let Proven::Present(our_value) = our_value else { panic!("the key was found by a scan") };
        assert_eq!(Some(our_value.bytes()), their_value, "both read the same value");
    }
    let name = format!("storage proof of {size} bytes: decode and look {} keys up", keys.len());
    [decoded, Row::new(name, ours, theirs, 2.0)]
}

/// Returns the keys whose values a proof has.
fn keys(root: Hash, proof: &[u8]) -> Vec<Vec<u8>> {
    let proof = VerifiedProof::verify(root, proof).expect("a proof");
    let mut keys = Vec::new();
    PrefixScan::new(root, b"", true)
        .advance(&proof.trie(), usize::MAX, |key, _| keys.push(key.to_vec()))
        .expect("a proof");
    keys
}

/// Returns a root and a proof of about 100 KB: accounts under hashed keys, as in the state of a real chain.
fn generated() -> (Hash, Vec<u8>) {
    let prefix = blake2b_256(b"System Account");
    let key = |n: u32| [&prefix.as_bytes()[..], blake2b_256(&n.to_le_bytes()).as_bytes()].concat();
    let value = |n: u32| blake2b_256(&[&n.to_le_bytes()[..], b"value"].concat()).0.repeat(3)[..80].to_vec();
    let map: Map = (0..GENERATED_KEYS).map(|n| (key(n), value(n))).collect();
    let mut all = BTreeMap::new();
    let entries = map.iter().map(|(key, value)| (&key[..], &value[..]));
    let root =
        nodes(StateVersion::V1, entries, |node| drop(all.insert(blake2b_256(node), node.to_vec()))).expect("sorted");
    let mut used = BTreeMap::new();
    for n in 0..PROVEN_KEYS {
        way(root, &key(n), &all, &mut used);
    }
    let proof = VerifiedProof::from_nodes(root, used.values().map(Vec::as_slice)).expect("a proof");
    let mut scale = Vec::new();
    rushlight_core::codec::scale::put_compact(&mut scale, proof.len() as u64);
    proof.nodes().for_each(|node| rushlight_core::codec::scale::put_byte_string(&mut scale, node));
    (root, scale)
}

/// Adds to `used` what a lookup of `key` needs.
fn way(root: Hash, key: &[u8], all: &BTreeMap<Hash, Vec<u8>>, used: &mut BTreeMap<Hash, Vec<u8>>) {
    let (mut next, mut rest) = (Some(root), Nibbles::from(key));
    while let Some(hash) = next {
        used.insert(hash, all[&hash].clone());
        let node = decode_node(&all[&hash]).expect("a node");
        if let Some(rushlight_core::trie::patricia16::NodeValue::Hashed(value)) = node.value {
            used.insert(value, all[&value].clone());
        }
        rest = rest.skip(node.partial.len());
        next = match rest.get(0).and_then(|index| node.children.get(index)) {
            Some(MerkleValue::Hash(hash)) => Some(hash),
            _ => None,
        };
        rest = rest.skip(1);
    }
}

fn genesis_row(packed: &[u8], rounds: usize) -> Row {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("gzip");
    let spec: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let top = spec["genesis"]["raw"]["top"].as_object().expect("a raw genesis");
    let map: Map = top.iter().map(|(key, value)| (bytes(key), bytes(value.as_str().expect("hex")))).collect();
    let pairs: Vec<(&[u8], &[u8])> = map.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    let our_root = || root(StateVersion::V0, pairs.iter().copied()).expect("sorted");
    let their_root = || trie_root(TrieEntryVersion::V0, HashFunction::Blake2, &pairs);
    assert_eq!(our_root().0, their_root(), "both compute the same root");
    let (ours, theirs) =
        in_turns(rounds.min(11), 1, || cpu(|| black_box(our_root())).1, || cpu(|| black_box(their_root())).1);
    Row::new(format!("state root of Polkadot's genesis, {} keys, from sorted pairs", pairs.len()), ours, theirs, 3.0)
}
