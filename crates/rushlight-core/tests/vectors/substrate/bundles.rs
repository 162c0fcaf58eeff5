//! Bundles of recorded chains: from genesis and from a later checkpoint to blocks whose state was read, with what was read.

use super::Files;
use super::files::unhex;
use super::recorded::{Block, genesis_set, recorded, sets_behind};
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::bundle::Bundle;
use rushlight_core::chains::substrate::bundle::{self, Proof, ProvenValue, StateClaim, StateKey};
use rushlight_core::chains::substrate::grandpa::AuthoritySet;
use rushlight_core::chains::substrate::header::grandpa::Log;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::warp::WarpRules;
use rushlight_core::crypto::sha256;
use rushlight_core::trie::patricia16::{CHILD_STORAGE_PREFIX, VerifiedProof};
use serde_json::Value;
use std::path::Path;

const WIDTH: NumberWidth = NumberWidth::U32;

pub fn run(files: &Files, report: &mut Report) {
    let reads: Vec<(String, Value)> = files
        .folders_with(&["read-proofs.json"])
        .into_iter()
        .flat_map(|folder| {
            let name = format!("{folder}/read-proofs.json");
            let cases = files.json(&name);
            cases.as_array().cloned().unwrap_or_default().into_iter().map(move |case| (name.clone(), case))
        })
        .filter(|(_, case)| case["proof"].is_array())
        .collect();
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl", "consensus.json"]) {
        let blocks = recorded(files, &folder);
        let first = genesis_set(&files.json(&format!("{folder}/consensus.json"))["grandpa"]);
        let sets = sets_behind(&blocks, first);
        for start in [0, 401] {
            for target in targets(&blocks, start, &reads) {
                let reads = reads.iter().filter(|(_, case)| hash(&case["block"]) == blocks[target].hash);
                proves(&format!("{folder}/blocks.jsonl"), &blocks, start, &sets[start], target, reads, report);
            }
        }
    }
}

fn hash(text: &Value) -> Hash {
    Hash::from_slice(&unhex(text)).expect("a hash has 32 bytes")
}

/// Returns the blocks above `start` that are of interest: those whose state was read, and the last ones.
fn targets(blocks: &[Block], start: usize, reads: &[(String, Value)]) -> Vec<usize> {
    let last = blocks.iter().rposition(|block| block.justification.is_some()).unwrap_or_default();
    let read = |block: &Block| reads.iter().any(|(_, case)| hash(&case["block"]) == block.hash);
    let above = (start..=last).filter(|at| read(&blocks[*at]) || *at + 9 == last || *at == last);
    if blocks.get(start).is_some_and(|block| block.justification.is_some() || start == 0) {
        above.collect()
    } else {
        vec![]
    }
}

fn proves<'a>(
    name: &str,
    blocks: &[Block],
    start: usize,
    set: &AuthoritySet,
    target: usize,
    reads: impl Iterator<Item = &'a (String, Value)>,
    report: &mut Report,
) {
    let anchor = &blocks[start].header;
    let fragment = |block: &Block| Some([block.header.as_slice(), block.justification.as_ref()?].concat());
    let changes = |block: &Block| {
        let header = HeaderRef::decode(&block.header, WIDTH).expect("a recorded header");
        header.grandpa_logs().any(|log| matches!(log, Log::ScheduledChange(_)))
    };
    // Up to the first justified block that is the target or above it.
    let Some(proving) =
        (target.max(start)..blocks.len()).find(|at| blocks[*at].justification.is_some() || *at == start)
    else {
        return;
    };
    if blocks[start..=proving].iter().any(|block| has_forced_change(&block.header)) {
        report.differs("no chain of fragments leads across a forced change", format!("{name}: {start} to {target}"));
        return;
    }
    let fragments: Vec<Vec<u8>> = (start + 1..=proving)
        .filter(|at| *at == proving || changes(&blocks[*at]))
        .filter_map(|at| fragment(&blocks[at]))
        .collect();
    let ancestors: Vec<Vec<u8>> = (target..proving).rev().map(|at| blocks[at].header.clone()).collect();
    let (mut keys, mut nodes, mut want) = (Vec::new(), Vec::new(), Vec::new());
    for (_, case) in reads {
        let child = case.get("child").map(|key| unhex(key).split_off(CHILD_STORAGE_PREFIX.len()));
        nodes.extend(case["proof"].as_array().into_iter().flatten().map(unhex));
        let values = case["values"].as_array().into_iter().flatten();
        for (key, value) in case["keys"].as_array().into_iter().flatten().zip(values) {
            let key = StateKey { child: child.clone(), key: unhex(key) };
            // Of very large values the recording says only how long they are.
            want.push((key.clone(), value.is_string().then(|| unhex(value)), value.is_object()));
            keys.push(key);
        }
    }
    let header = HeaderRef::decode(&blocks[target].header, WIDTH).expect("a recorded header");
    let claims: Vec<StateClaim> = (!keys.is_empty())
        .then(|| {
            let proof =
                VerifiedProof::from_nodes(header.state_root(), nodes.iter().map(Vec::as_slice)).expect("a proof");
            StateClaim::of(keys, &proof).expect("the recorded nodes answer for the recorded keys")
        })
        .into_iter()
        .collect();
    let proof = Proof { width: WIDTH, anchor, set, fragments: &fragments, ancestors: &ancestors, state: &claims };
    let checkpoint = bundle::checkpoint("recorded", anchor, set, WIDTH).expect("a recorded header");
    let bytes = bundle::encode(&checkpoint, &proof).expect("a recorded chain fits a bundle");
    if !claims.is_empty() && start == 0 && target > 0 && std::env::var_os("RUSHLIGHT_UPDATE").is_some() {
        record(target, &bytes, &checkpoint.to_text().expect("a recorded chain has a short name"));
    }
    let what = format!("bundle from {start} to {target}");
    let decoded = Bundle::decode(&bytes).expect("an encoded bundle decodes");
    let verified = match bundle::verify(&decoded, &checkpoint, &WarpRules::default()) {
        Ok(verified) => verified,
        Err(error) => return report.case(name, Err(format!("{what}: {error}"))),
    };
    report.equal(name, format_args!("{what}: header"), verified.header(), &*blocks[target].header);
    report.equal(name, format_args!("{what}: hash"), verified.block().hash, blocks[target].hash);
    for (key, value, is_large) in &want {
        let got = verified.values().iter().find(|proven| proven.key == *key).map(|proven| proven.value.clone());
        let fits = if *is_large { matches!(got, Some(Some(_))) } else { got.as_ref() == Some(value) };
        report.equal(name, format_args!("{what}: value of {:?}", key.key), fits, true);
    }
    // No bit of it can be another one, also where the checksum is made to fit; but for those of a key that is asked for, for
    // the same nodes may answer for another one.
    let content = bytes.len() - 32;
    for bit in (0..content * 8).step_by(content * 8 / 97) {
        let mut changed = bytes[..content].to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let sealed = [changed.as_slice(), sha256(&changed).as_bytes()].concat();
        let again = Bundle::decode(&sealed)
            .ok()
            .and_then(|bundle| bundle::verify(&bundle, &checkpoint, &WarpRules::default()).ok());
        let keys = |values: &[ProvenValue]| values.iter().map(|proven| proven.key.clone()).collect::<Vec<_>>();
        let is_harmless = again
            .is_none_or(|other| other.header() == verified.header() && keys(other.values()) != keys(verified.values()));
        report.equal(name, format_args!("{what}: bit {bit} changed, harmless"), is_harmless, true);
    }
}

/// Keeps a bundle for tests that have no recorded chain.
fn record(target: usize, bytes: &[u8], checkpoint: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/vectors/substrate-bundles");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::write(folder.join(format!("genesis-to-{target}.rlb")), bytes).expect("it can be written to");
    std::fs::write(folder.join(format!("genesis-to-{target}.checkpoint")), checkpoint).expect("it can be written to");
}

fn has_forced_change(header: &[u8]) -> bool {
    let header = HeaderRef::decode(header, WIDTH).expect("a recorded header");
    header.grandpa_logs().any(|log| matches!(log, Log::ForcedChange { .. }))
}
