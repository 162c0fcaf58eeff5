//! Everything recorded that can be verified, against the verifiers.
//!
//! The folder comes from `RUSHLIGHT_VECTORS`, else it is `../shared/vectors` seen from the workspace root. What a file is
//! shows in its content, so more files of each kind may appear anywhere; a file of no known kind is listed. Without the
//! folder the test passes and says loudly what was left out. With `CI` set a known folder that gives no case fails.
//!
//! Run: `cargo test --release -p rushlight-core --test vectors -- --nocapture`
#![cfg(all(feature = "substrate", feature = "tendermint"))]

mod answers;
mod canonical;
mod cases;
mod chain;
mod evidence;
#[path = "../fragments/mod.rs"]
mod fragments;
mod kind;
#[path = "../recording/mod.rs"]
mod recording;
mod report;
mod rewritten;
mod substrate;
mod sync;
mod traces;
#[path = "../world/mod.rs"]
mod world;
mod zip215;

use kind::{Found, Kind};
use report::Report;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders, relative to that of the vectors, that must give cases when they are there.
const KNOWN_FOLDERS: &[&str] = &[
    "tendermint/model-based",
    "tendermint/rpc-fixtures",
    "tendermint/celestia",
    "tendermint/cometbft-0.38",
    "tendermint/cometbft-0.38/verify-cases",
    "tendermint/cometbft-0.40",
    "tendermint/cometbft-0.40/verify-cases",
    "tendermint/cosmos-sdk-0.53",
    "substrate/aura",
    "substrate/chain",
    "substrate/fast",
    "substrate/p2p",
    "substrate/proofs",
    "substrate/real",
    "substrate/rpc",
    "substrate/runtime",
];

fn vectors_folder() -> PathBuf {
    match std::env::var_os("RUSHLIGHT_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

#[test]
fn every_recorded_case_has_the_recorded_verdict() {
    let root = vectors_folder();
    if !root.is_dir() {
        println!("LEFT OUT: there is no folder {}: no recorded case was run. Set RUSHLIGHT_VECTORS.", root.display());
        return;
    }
    let mut files = Vec::new();
    walk(&root, &mut files);
    let mut report = Report::default();
    let mut folders: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    let mut substrate = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if name.starts_with("substrate/") {
            substrate.push(name);
            continue;
        }
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", &name));
        match kind::of(&std::fs::read(&path).unwrap()) {
            Some(kind) => {
                let found = Found { folder: folder.to_string(), file: file.to_string(), kind };
                folders.entry(folder.to_string()).or_default().push(found);
            }
            None => report.unknown(&name),
        }
    }

    let chains = chain::recorded(&folders, &mut report);
    for found in folders.values().flatten() {
        let name = format!("{}/{}", found.folder, found.file);
        match &found.kind {
            Kind::Recording(lines) => {
                answers::recording(&name, lines, &mut report);
                rewritten::recording(&name, lines, &mut report);
            }
            Kind::Verdicts(_) => {}
            Kind::Trace(trace) => traces::run(&name, trace, &mut report),
            Kind::VerifyCase(case) => cases::verify(&name, case, &mut report),
            Kind::KeyTypes(cases) => cases::key_types(&name, cases, &mut report),
            Kind::Canonical(entries) => canonical::run(&name, entries, &chains, &mut report),
            Kind::LightBlock(block) => chain::light_block(&name, block, &mut report),
            Kind::Blocks(blocks) => chain::answered_blocks(&name, blocks, &mut report),
            Kind::Evidence(case) => evidence::run(&name, case, &mut report),
            Kind::Answer(_) | Kind::Transactions(_) | Kind::Request => {}
        }
    }
    for (folder, found) in &folders {
        answers::fixtures(folder, found, &mut report);
    }
    substrate::run(&root, substrate, &mut report);
    let figures = sync::run(&root, &mut report);
    print!("{report}");
    println!("\nSync over recorded chains, through the node:");
    figures.iter().for_each(|line| println!("  {line}"));
    assert!(
        report.failures().is_empty(),
        "{} of the recorded cases failed:\n{}",
        report.failures().len(),
        report.failures().join("\n")
    );
    assert!(report.cases() > 0 || std::env::var_os("CI").is_none(), "the folder {} gave no case", root.display());
    for known in KNOWN_FOLDERS {
        if std::env::var_os("CI").is_some() && root.join(known).is_dir() {
            assert!(report.cases_below(known) > 0, "known folder {known} gave no case");
        }
    }
}
