//! A whole genesis, from the text of the specification to the state root.
//!
//! Compared functions: `Spec::from_json` and `Genesis::state_root` with `ChainSpec::from_json_bytes`,
//! `GenesisStorageItems::iter` and `trie::trie_root`. Ours also takes the layout of the state from the code; theirs would have
//! to compile the code for that, so it is told. Both begin with bytes. Paseo is left out: its code is compressed, and ours
//! unpacks it to find the layout (about 20 ms), for which there is nothing to compare.

use super::recorded;
use crate::measure::{cpu, in_turns};
use crate::report::Row;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::spec::Spec;
use smoldot::chain_spec::ChainSpec;
use smoldot::trie::{HashFunction, TrieEntryVersion, trie_root};
use std::hint::black_box;
use std::io::Read;

/// Returns every row.
pub fn rows(is_quick: bool) -> Vec<Row> {
    let chains = [("Polkadot", "polkadot", 3.0), ("Westend", "westend", 3.0)];
    let rounds = if is_quick { 3 } else { 15 };
    let row = |(name, file, wanted)| {
        let packed = recorded(&format!("real/genesis-{file}.json.gz"))?;
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut json).expect("gzip");
        Some(row(name, &json, rounds, wanted))
    };
    chains.into_iter().filter_map(row).collect()
}

fn row(name: &str, json: &[u8], rounds: usize, wanted: f64) -> Row {
    assert_eq!(our_root(json).0, their_root(json), "both compute the same root");
    let (ours, theirs) =
        in_turns(rounds, 1, || cpu(|| black_box(our_root(json))).1, || cpu(|| black_box(their_root(json))).1);
    let megabytes = json.len() as f64 / 1e6;
    Row::new(format!("whole genesis of {name}, {megabytes:.1} MB of JSON: read and state root"), ours, theirs, wanted)
}

fn our_root(json: &[u8]) -> Hash {
    let text = core::str::from_utf8(json).expect("text");
    let spec = Spec::from_json(text).expect("a specification");
    spec.genesis.state_root().expect("a whole genesis")
}

fn their_root(json: &[u8]) -> [u8; 32] {
    let spec = ChainSpec::from_json_bytes(json).expect("a specification");
    let items = spec.genesis_storage().into_genesis_items().expect("a whole genesis");
    let entries: Vec<(&[u8], &[u8])> = items.iter().collect();
    trie_root(TrieEntryVersion::V0, HashFunction::Blake2, &entries)
}
