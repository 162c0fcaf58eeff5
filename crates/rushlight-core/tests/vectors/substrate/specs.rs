//! Chain specifications: every file that holds one is read; those with a whole genesis have their state root and genesis
//! hash computed and compared with what is recorded of the chain, or known of it.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::HeaderRef;
use rushlight_core::chains::substrate::spec::genesis::Genesis;
use rushlight_core::chains::substrate::spec::{Spec, SpecError};
use serde_json::Value;
use std::collections::BTreeMap;

/// Genesis hashes of public chains, by state root. Paseo is there before its reset.
/// Source: the specifications' own networks, as every node and wallet has them.
const PUBLIC: [(&str, &str); 3] = [
    (
        "29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17",
        "91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3",
    ),
    (
        "7e92439a94f79671f9cade9dff96a094519b9001a7432244d46ab644bb6f746f",
        "e143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e",
    ),
    (
        "2b2a8395a8ec27c54d322d3a6602152da0e3bd0c8f4c01f17a572a44a8e36ab6",
        "77afd6190f1554ad45fd0d31aee62aacc33c6db0ea801129acb813f913e0764f",
    ),
];

pub fn run(files: &Files, report: &mut Report) {
    let mut hashes: BTreeMap<String, Vec<(String, Hash)>> = BTreeMap::new();
    for name in files.ending(".json") {
        let bytes = files.bytes(&name);
        let text = String::from_utf8(bytes).unwrap_or_default();
        if !text.contains("\"bootNodes\"") || !text.contains("\"genesis\"") {
            files.unmark(&name);
            continue;
        }
        match Spec::from_json(&text) {
            Err(SpecError::HumanGenesis { .. }) if text.contains("\"runtimeGenesis\"") => report.case(&name, Ok(())),
            Err(error) => report.case(&name, Err(error.to_string())),
            Ok(spec) => {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                match spec.genesis_hash() {
                    Ok(hash) => hashes.entry(folder.to_string()).or_default().push((name.clone(), hash)),
                    Err(error) => report.case(&name, Err(error.to_string())),
                }
                check(&name, &spec, report);
            }
        }
    }
    for (folder, found) in &hashes {
        for (name, hash) in found {
            for want in recorded_hashes(files, folder) {
                report.equal(name, "genesis hash", *hash, want);
            }
        }
    }
}

fn check(name: &str, spec: &Spec, report: &mut Report) {
    for warning in &spec.warnings {
        report.differs("specifications of which something was left out", format!("{name}: {warning}"));
    }
    if let Genesis::Storage(storage) = &spec.genesis
        && name.contains("/real/")
    {
        let header = spec.genesis_header().expect("it has a root");
        let root = format!("{:x}", header.state_root);
        let hash = PUBLIC.iter().find(|(known, _)| *known == root).map(|(_, hash)| hash.to_string());
        report.equal(name, format_args!("genesis of root {root}"), Some(format!("{:x}", header.hash())), hash);
        report.equal(name, "keys", storage.top().len() > 50, true);
    }
    if let Some(state) = &spec.light_sync_state {
        let header = HeaderRef::decode(&state.header, spec.number_width).expect("it was decoded before");
        report.equal(name, "hash of the checkpoint", header.hash(), state.hash);
        let set = state.grandpa.as_ref().expect("every recorded checkpoint has a GRANDPA set");
        let changes = set.set_changes.as_ref().map(|changes| changes.len() as u64);
        report.equal(name, "set id and number of changes", changes.unwrap_or(set.set_id), set.set_id);
        let epochs = state.babe_epochs(spec.number_width);
        report.case(name, epochs.map(|_| ()).map_err(|error| error.to_string()));
    }
}

/// Returns the genesis hashes that the folder's other files tell.
fn recorded_hashes(files: &Files, folder: &str) -> Vec<Hash> {
    let json = |file: &str| {
        let name = format!("{folder}/{file}");
        let is_there = files.ending(file).contains(&name);
        is_there.then(|| serde_json::from_slice::<Value>(&files.bytes(&name)).expect("JSON"))
    };
    let mut hashes = Vec::new();
    if let Some(genesis) = json("genesis.json") {
        hashes.extend(["hash", "genesisHash", "genesis_hash"].iter().filter_map(|member| hash(&genesis[*member])));
        assert!(!hashes.is_empty(), "{folder}/genesis.json tells no hash");
    }
    let blocks = format!("{folder}/blocks.jsonl");
    if files.ending("blocks.jsonl").contains(&blocks) {
        let first = &files.json_lines(&blocks)[0];
        assert_eq!(first["number"], 0);
        hashes.extend(hash(&first["hash"]));
    }
    let below = files.ending("requests.json");
    for name in below.iter().filter(|name| name.starts_with(&format!("{folder}/p2p/"))) {
        let requests: Value = serde_json::from_slice(&files.bytes(name)).expect("JSON");
        hashes.extend(hash(&requests["genesis"]));
    }
    hashes
}

fn hash(text: &Value) -> Option<Hash> {
    text.is_string().then(|| Hash::from_slice(&unhex(text)).expect("a hash has 32 bytes"))
}
