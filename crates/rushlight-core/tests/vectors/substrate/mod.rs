//! Recorded Substrate chains, payloads of real nodes and facts of public chains.
//!
//! A folder with `spec-raw.json` and `blocks.jsonl` is a recorded chain; one with `requests.json` holds raw payloads, which
//! join a chain by its genesis hash. Whatever no walker has read is listed.

mod answers;
mod authorship;
mod bundles;
mod code;
mod files;
mod finality;
mod gossip;
mod history;
mod payloads;
mod real;
mod recorded;
mod responses;
mod specs;
mod trie;

use super::report::Report;
use std::path::Path;

pub use files::Files;

/// What is recorded and says nothing that could be decided from bytes alone: a part of the name, and who reads it instead.
const LATER: [(&str, &str); 6] = [
    ("/kad-", "left out: the network's own messages, which no verifier reads"),
    ("/dapps/", "left out: JSON-RPC of applications, for whoever answers them"),
    ("/rpc/", "left out: JSON-RPC of a node, for whoever answers it"),
    ("/metadata-", "left out: what a runtime answers, which needs one that runs"),
    ("/smoldot-reference/", "left out: figures of another client, which are not judged here"),
    ("README.md", "left out: words"),
];

/// Runs every case below the folder `substrate` of the vectors; `names` are relative to `root`.
pub fn run(root: &Path, names: Vec<String>, report: &mut Report) {
    let files = Files::new(root, names);
    specs::run(&files, report);
    authorship::run(&files, report);
    code::run(&files, report);
    recorded::run(&files, report);
    trie::run(&files, report);
    bundles::run(&files, report);
    let histories = history::of_payloads(&files, report);
    payloads::run(&files, &histories, report);
    trie::account(&files, &histories, report);
    gossip::run(&files, &histories, report);
    answers::run(&files, report);
    real::run(&files, report);
    for name in files.unread() {
        match LATER.iter().find(|(part, _)| name.contains(part)) {
            Some((_, why)) => report.differs(why, name),
            None => report.unknown(&name),
        }
    }
}
