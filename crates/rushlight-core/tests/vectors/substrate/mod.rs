//! Recorded Substrate chains, payloads of real nodes and facts of public chains.
//!
//! A folder with `spec-raw.json` and `blocks.jsonl` is a recorded chain; one with `requests.json` holds raw payloads, which
//! join a chain by its genesis hash. Whatever no walker has read is listed.

mod authorship;
mod bundles;
mod code;
mod files;
mod finality;
mod recorded;
mod specs;
mod trie;

use super::report::Report;
use std::path::Path;

pub use files::Files;

/// Runs every case below the folder `substrate` of the vectors; `names` are relative to `root`.
pub fn run(root: &Path, names: Vec<String>, report: &mut Report) {
    let files = Files::new(root, names);
    specs::run(&files, report);
    authorship::run(&files, report);
    code::run(&files, report);
    recorded::run(&files, report);
    trie::run(&files, report);
    finality::run(&files, report);
    bundles::run(&files, report);
    files.unread().iter().for_each(|name| report.unknown(name));
}
