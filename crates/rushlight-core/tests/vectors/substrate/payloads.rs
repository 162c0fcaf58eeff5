//! Raw payloads of real nodes: whatever a node answered is verified against the chain that it joins by its genesis hash.
//!
//! A folder with `requests.json` holds them. What a payload is follows from its protocol, or from its name where the list
//! does not have it. The files that `expect.json` lists must be refused, and nothing is learnt from them.

use super::files::unhex;
use super::history::History;
use super::{Files, finality, responses, trie};
use crate::report::Report;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const UNANSWERED: &str = "the node refused to answer, which is no payload";

/// What an answer is, by the end of its protocol and the beginning of its name.
const PROTOCOLS: [(&str, &str); 4] =
    [("/sync/warp", "warp-"), ("/sync/2", "blocks-"), ("/light/2", "light-"), ("/state/2", "state-")];

pub fn run(files: &Files, histories: &BTreeMap<String, History>, report: &mut Report) {
    for (folder, history) in histories {
        let requests = files.json(&format!("{folder}/requests.json"));
        let refused = refused(files, folder);
        let mut counts = BTreeMap::new();
        for name in files.names(|name| is_answer(folder, name)) {
            let (protocol, payload) = request(files, folder, &name, &requests, report);
            if refused.contains(&name) {
                let mut scratch = Report::default();
                one(files, &name, protocol, &payload, history, &mut BTreeMap::new(), &mut scratch);
                report.equal(&name, "refused", scratch.failures().is_empty(), false);
            } else {
                one(files, &name, protocol, &payload, history, &mut counts, report);
            }
        }
        for name in refused.iter().filter(|name| !is_answer(folder, name)) {
            report.case(name, Err("to be refused, and nothing here reads it".into()));
        }
        unanswered(files, folder, &requests, report);
        finality::way_in_one_go(files, folder, report);
        println!("{folder}: {counts:?}");
    }
}

fn is_answer(folder: &str, name: &str) -> bool {
    name.strip_prefix(folder)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|file| !file.contains('/') && file.ends_with(".response.bin"))
}

/// Returns the files that must be refused, which `expect.json` names.
pub fn refused(files: &Files, folder: &str) -> BTreeSet<String> {
    let expect = format!("{folder}/expect.json");
    let expect = if files.has(&expect) { files.json(&expect) } else { Value::Null };
    let listed = expect["refuse"].as_array().into_iter().flatten();
    listed.map(|entry| format!("{folder}/{}", entry["file"].as_str().expect("the name of a file"))).collect()
}

/// Returns the protocol of an answer and the payload of its request.
fn request(
    files: &Files,
    folder: &str,
    name: &str,
    requests: &Value,
    report: &mut Report,
) -> (Option<&'static str>, Vec<u8>) {
    let short = name[folder.len() + 1..].trim_end_matches(".response.bin");
    let listed = requests["requests"].as_array().into_iter().flatten().find(|request| request["name"] == short);
    let protocol = PROTOCOLS.iter().find(|(end, begin)| match listed {
        Some(listed) => listed["protocol"].as_str().unwrap_or_default().ends_with(end),
        None => short.starts_with(begin),
    });
    let file = format!("{folder}/{short}.request.bin");
    let sent = files.has(&file).then(|| files.bytes(&file));
    let told = listed.map(|listed| unhex(&listed["payload"]));
    if let (Some(sent), Some(told)) = (&sent, &told) {
        report.equal(&file, "the payload of the list", sent, told);
    }
    (protocol.map(|(end, _)| *end), told.or(sent).unwrap_or_default())
}

fn one(
    files: &Files,
    name: &str,
    protocol: Option<&str>,
    payload: &[u8],
    history: &History,
    counts: &mut BTreeMap<&'static str, usize>,
    report: &mut Report,
) {
    let bytes = files.bytes(name);
    match protocol {
        Some("/sync/warp") => report.case(name, finality::answer(&bytes, history)),
        Some("/sync/2") => {
            let outcome = responses::answer(name, payload, &bytes, history, counts, report);
            report.case(name, outcome);
        }
        Some("/light/2") => trie::light(name, payload, &bytes, history, report),
        Some("/state/2") => {
            let outcome = trie::state(name, payload, &bytes, history, report);
            report.case(name, outcome);
        }
        _ => files.unmark(name),
    }
}

/// Names the requests that got no answer.
fn unanswered(files: &Files, folder: &str, requests: &Value, report: &mut Report) {
    for request in requests["requests"].as_array().into_iter().flatten() {
        let name = request["name"].as_str().expect("a request has a name");
        let sent = format!("{folder}/{name}.request.bin");
        if files.has(&sent) && !files.has(&format!("{folder}/{name}.response.bin")) {
            report.equal(&sent, "the payload of the list", files.bytes(&sent), unhex(&request["payload"]));
            report.differs(UNANSWERED, sent);
        }
    }
}
