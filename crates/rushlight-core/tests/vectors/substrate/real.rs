//! Facts of public chains: a header, and blocks with the whole state before them.

use super::Files;
use super::files::unhex;
use super::trie::is_body_of;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::grandpa::Log;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::trie::patricia16::{CHILD_STORAGE_PREFIX, StateVersion, root};
use serde_json::Value;
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

pub fn run(files: &Files, report: &mut Report) {
    for name in files.ending(".scale") {
        header(&name, &files.bytes(&name), report);
    }
    for name in files.ending(".json") {
        let content = if name.contains("/real/") { files.json(&name) } else { continue };
        if content["block"].is_object() && content["parentStorage"].is_object() {
            block(&name, &content, report);
        }
    }
}

/// A header that announces new authors and new voters; its number stands in the name of the file.
fn header(name: &str, bytes: &[u8], report: &mut Report) {
    let header = match HeaderRef::decode(bytes, WIDTH) {
        Ok(header) => header,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    report.equal(name, "encoded again", &header.to_header().encode()[..], bytes);
    let number = name.rsplit(['-', '.']).nth(1).and_then(|number| number.parse().ok());
    report.equal(name, "number", Some(header.number()), number);
    let epoch = header.babe_announced_epoch().ok().flatten().map(|announced| announced.epoch.authorities.len());
    let voters = header.grandpa_logs().find_map(|log| match log {
        Log::ScheduledChange(change) => Some(change.next_authorities.len()),
        _ => None,
    });
    report.equal(name, "as many voters as authors", voters, epoch.filter(|count| *count > 100));
    let is_cut_short = |len: usize| HeaderRef::decode(&bytes[..len], WIDTH).is_err();
    report.equal(name, "nothing shorter is a header", (0..bytes.len()).all(is_cut_short), true);
}

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A block and the state before it. That the state leads to the header's root only the runtime can show; the body and the
/// roots of child tries can be seen here.
fn block(name: &str, content: &Value, report: &mut Report) {
    let bytes = unhex(&content["block"]["header"]);
    let header = match HeaderRef::decode(&bytes, WIDTH) {
        Ok(header) => header,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    report.equal(name, "encoded again", &header.to_header().encode(), &bytes);
    let body: Vec<Vec<u8>> = content["block"]["body"].as_array().into_iter().flatten().map(unhex).collect();
    report.case(name, is_body_of(&body.iter().map(Vec::as_slice).collect::<Vec<_>>(), &header));
    let main = map(&content["parentStorage"]["mainTrie"]);
    let is_there = |version| root(version, entries(&main)).is_ok();
    report.equal(name, "the whole state has a root", is_there(StateVersion::V0) && is_there(StateVersion::V1), true);
    let children = content["parentStorage"]["childTries"].as_object().expect("child tries");
    for (key, child) in children {
        let at = [CHILD_STORAGE_PREFIX, &unhex(&Value::from(key.as_str()))].concat();
        let want = main.get(&at).and_then(|root| Hash::from_slice(root));
        let got = [StateVersion::V0, StateVersion::V1].map(|version| root(version, entries(&map(child))).ok());
        report.equal(name, format_args!("root of child trie {key}"), want.is_some() && got.contains(&want), true);
    }
}

fn entries(map: &Map) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
}

fn map(pairs: &Value) -> Map {
    let pairs = pairs.as_object().expect("keys and values");
    pairs.iter().map(|(key, value)| (unhex(&Value::from(key.as_str())), unhex(value))).collect()
}
