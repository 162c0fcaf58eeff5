//! Against recordings of real nodes: the same requests, and answers of the same shape.
//!
//! A shape is the set of JSON paths with their types, the status, and for errors code and text with numbers replaced.
//! Where a recording has null for a list or text that can be empty, either is the shape.

mod asking;

use asking::{chain, honest, vectors};
use flate2::read::GzDecoder;
use rushlight_core::chains::tendermint::decode::json;
use rushlight_devnet::{Block, Chain, ChainPlan, Release, Request, Rotation, RotationOrder};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

const ROUTES: [&str; 12] = [
    "status",
    "commit",
    "validators",
    "block",
    "block_results",
    "header",
    "genesis",
    "health",
    "consensus_params",
    "blockchain",
    "no_such_method",
    "malformed",
];

/// One recorded exchange.
struct Exchange {
    method: String,
    uri: Option<String>,
    post: Option<String>,
    status: u64,
    body: String,
}

fn exchanges(folder: &Path) -> Vec<Exchange> {
    let mut text = String::new();
    let file = std::fs::File::open(folder.join("chain.jsonl.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let text_at = |line: &Value, name: &str| line[name].as_str().map(String::from);
    let exchange = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        Exchange {
            method: text_at(&line, "method").unwrap(),
            uri: text_at(&line, "uri"),
            post: text_at(&line, "post"),
            status: line["status"].as_u64().unwrap(),
            body: text_at(&line, "body").unwrap(),
        }
    };
    text.lines().map(exchange).collect()
}

/// Adds the paths of a value with their types.
fn paths(value: &Value, path: &str, into: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    into.entry(path.into()).or_default().insert(kind);
    match value {
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), into)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| paths(item, &format!("{path}.{name}"), into)),
        _ => {}
    }
}

/// Returns an error's code, message and text with numbers replaced.
fn error_text(value: &Value) -> String {
    let error = &value["error"];
    let text = error["data"].as_str().unwrap_or("").replace(|c: char| c.is_ascii_digit(), "9");
    let mut short = String::new();
    text.chars().for_each(|c| {
        if !(c == '9' && short.ends_with('9')) {
            short.push(c);
        }
    });
    format!("{} {} {short}", error["code"], error["message"])
}

/// The shapes that one route answered with, by status.
#[derive(Default)]
struct Shapes {
    asked: usize,
    paths: BTreeMap<u64, BTreeMap<String, BTreeSet<&'static str>>>,
    errors: BTreeSet<String>,
}

impl Shapes {
    fn add(&mut self, status: u64, body: &str) {
        self.asked += 1;
        let Ok(value) = serde_json::from_str::<Value>(body) else {
            let is_page = body.starts_with("<html>");
            self.errors.insert(if is_page { format!("{status} page") } else { format!("{status} {body:?}") });
            return;
        };
        if value.get("error").is_some() {
            self.errors.insert(format!("{status} {}", error_text(&value)));
        }
        paths(&value, "", self.paths.entry(status).or_default());
    }

    /// Returns what differs; a path that only one side has, a type that only one side has.
    fn differences(&self, ours: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let statuses: BTreeSet<&u64> = self.paths.keys().chain(ours.paths.keys()).collect();
        for status in statuses {
            let empty = BTreeMap::new();
            let (theirs, ours) = (self.paths.get(status).unwrap_or(&empty), ours.paths.get(status).unwrap_or(&empty));
            let all: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            let mut missing: Option<&String> = None;
            for path in all {
                // What lies below a missing path is missing with it.
                if missing.is_some_and(|above| path.starts_with(above.as_str())) {
                    continue;
                }
                missing = ours.get(path).is_none().then_some(path);
                match (theirs.get(path), ours.get(path)) {
                    (Some(_), None) => found.push(format!("{status} {path}: missing")),
                    (None, Some(_)) => found.push(format!("{status} {path}: not in the recording")),
                    (Some(a), Some(b)) => {
                        let not_null = |kinds: &BTreeSet<&'static str>| -> BTreeSet<&'static str> {
                            kinds.iter().copied().filter(|kind| *kind != "null").collect()
                        };
                        let (a, b) = (not_null(a), not_null(b));
                        if a != b && !a.is_empty() && !b.is_empty() {
                            found.push(format!("{status} {path}: {b:?}, recorded is {a:?}"));
                        }
                    }
                    (None, None) => {}
                }
            }
        }
        let mut missing = |text: &str, only: &BTreeSet<String>, other: &BTreeSet<String>| {
            only.difference(other).for_each(|error| found.push(format!("{text}: {error}")));
        };
        missing("error missing", &self.errors, &ours.errors);
        missing("error not in the recording", &ours.errors, &self.errors);
        found
    }
}

/// Asks a chain of ours all that a real one was asked, and returns what differs, by route.
fn compare(folder: &Path, release: Release) -> String {
    let plan = ChainPlan {
        release,
        rotation: Some(Rotation { every: 10, replace_percent: 20, order: RotationOrder::Drawn, powers: true }),
        ..ChainPlan::default()
    };
    // As long as the recorded chain was when its errors were recorded, so that the same requests go wrong.
    let ours = chain(plan, 158);
    let node = honest(&ours);
    let mut routes: BTreeMap<String, (Shapes, Shapes)> = BTreeMap::new();
    for exchange in exchanges(folder) {
        let name = &exchange.method;
        let is_ours = exchange.post.as_ref().is_none_or(|post| ROUTES.iter().any(|route| post.contains(route)));
        if !(ROUTES.contains(&name.as_str()) || name == "batch") || !is_ours {
            continue;
        }
        let reply = match (&exchange.uri, &exchange.post) {
            (Some(uri), _) => {
                let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
                node.answer(Request::Get { path, query })
            }
            (None, post) => {
                let body = post.as_deref().unwrap_or("").as_bytes();
                node.answer(Request::Post { path: "/", body })
            }
        };
        let form = if exchange.uri.is_some() { "GET" } else { "POST" };
        let (theirs, ours) = routes.entry(format!("{form} {name}")).or_default();
        theirs.add(exchange.status, &exchange.body);
        ours.add(u64::from(reply.status), std::str::from_utf8(&reply.body).unwrap());
    }
    let lines = routes.iter().map(|(route, (theirs, ours))| {
        let differences: String = theirs.differences(ours).iter().map(|line| format!("\n  {line}")).collect();
        format!("{route}, asked {} times{differences}", theirs.asked)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn answers_have_the_shape_of_cometbft_0_38() {
    let Some(vectors) = vectors() else { return };
    let text = compare(&vectors.join("cometbft-0.38/seven"), Release::V0_38);
    expect_test::expect![[r#"
        GET block, asked 156 times
          200 .result.block.evidence.evidence[]: missing
        GET block_results, asked 156 times
        GET blockchain, asked 7 times
        GET commit, asked 161 times
        GET consensus_params, asked 17 times
        GET genesis, asked 1 times
        GET header, asked 156 times
        GET health, asked 1 times
        GET no_such_method, asked 1 times
        GET status, asked 2 times
        GET validators, asked 205 times
        POST batch, asked 1 times
        POST block, asked 1 times
          200 .result.block.data.txs[]: not in the recording
          200 .result.block.evidence.evidence[]: missing
        POST commit, asked 5 times
        POST malformed, asked 2 times
        POST no_such_method, asked 1 times
        POST status, asked 1 times
        POST validators, asked 2 times"#]]
    .assert_eq(&text);
}

#[test]
fn answers_have_the_shape_of_cometbft_0_40() {
    let Some(vectors) = vectors() else { return };
    let text = compare(&vectors.join("cometbft-0.40/seven"), Release::V0_40);
    expect_test::expect![[r#"
        GET block, asked 157 times
          200 .result.block.evidence.evidence[]: missing
        GET block_results, asked 157 times
        GET blockchain, asked 7 times
        GET commit, asked 162 times
        GET consensus_params, asked 17 times
        GET genesis, asked 1 times
        GET header, asked 157 times
        GET health, asked 1 times
        GET no_such_method, asked 1 times
        GET status, asked 2 times
        GET validators, asked 206 times
        POST batch, asked 1 times
        POST block, asked 1 times
          200 .result.block.evidence.evidence[]: missing
        POST commit, asked 5 times
        POST malformed, asked 2 times
        POST no_such_method, asked 1 times
        POST status, asked 1 times
        POST validators, asked 2 times"#]]
    .assert_eq(&text);
}

/// The bytes of whole blocks, for which a chain of ours has only its own word, against blocks that real nodes made.
#[test]
fn whole_blocks_have_the_bytes_of_real_ones() {
    let Some(vectors) = vectors() else { return };
    let mut checked = 0;
    for folder in ["cometbft-0.38/seven", "cometbft-0.40/seven", "cometbft-0.40/mixed"] {
        for exchange in exchanges(&vectors.join(folder)) {
            if exchange.method != "block" || exchange.status != 200 {
                continue;
            }
            let answer: Value = serde_json::from_str(&exchange.body).unwrap();
            let (id, block) = (&answer["result"]["block_id"], &answer["result"]["block"]);
            // Ours have no evidence.
            if !block["evidence"]["evidence"].as_array().unwrap().is_empty() {
                continue;
            }
            let is_first = block["header"]["height"] == "1";
            // The decoder wants a commit; the first block has none, any will do.
            let commit = if is_first { continue } else { &block["last_commit"] };
            let signed = serde_json::json!({ "header": block["header"], "commit": commit }).to_string();
            let (header, commit) = json::signed_header_value(signed.as_bytes()).unwrap();
            let txs = block["data"]["txs"].as_array().unwrap().iter();
            let txs = txs.map(|tx| data_encoding::BASE64.decode(tx.as_str().unwrap().as_bytes()).unwrap()).collect();
            let made = Block { header, txs, last_commit: Some(Arc::new(commit)) }.id();
            assert_eq!(Some(made.hash.to_string().as_str()), id["hash"].as_str());
            assert_eq!(Some(made.parts.hash.to_string().as_str()), id["parts"]["hash"].as_str());
            assert_eq!(Some(u64::from(made.parts.total)), id["parts"]["total"].as_u64());
            checked += 1;
        }
    }
    println!("{checked} blocks");
    assert!(checked > 300, "only {checked} blocks were there to check");
}

/// The consensus parameters' hash of each release's defaults, as seen in recorded headers.
#[test]
fn consensus_hashes_are_those_of_real_chains() {
    let hash = |release| {
        let chain = Chain::new(ChainPlan { release, ..ChainPlan::default() }).unwrap();
        chain.header(1).unwrap().consensus_hash.unwrap().to_string()
    };
    let text = format!("{}\n{}", hash(Release::V0_38), hash(Release::V0_40));
    assert!(text.starts_with("048091BC"), "{text}");
    assert!(text.contains("\n27521960"), "{text}");
}
