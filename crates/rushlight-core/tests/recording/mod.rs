//! Recorded chains as providers serve them: answers by path and query, byte for byte.
#![allow(dead_code, reason = "each test uses another part")]

use super::world::World;
use flate2::read::GzDecoder;
use rushlight_core::base::UnixTime;
use rushlight_core::peers::{Fetch, FetchFailed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A recording: answers by path and query, hashes by height.
pub struct Recording {
    pub folder: PathBuf,
    pub name: String,
    pub chain_id: String,
    pub answers: BTreeMap<String, (u16, Vec<u8>)>,
    pub hashes: BTreeMap<u64, String>,
    pub last_time: UnixTime,
}

fn folder() -> PathBuf {
    match std::env::var_os("RUSHLIGHT_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    if paths.iter().any(|path| path.ends_with("chain.jsonl.gz")) && folder.join("verdicts.json").is_file() {
        found.push(folder.to_path_buf());
    }
    paths.iter().filter(|path| path.is_dir()).for_each(|path| walk(path, found));
}

pub fn recordings() -> Vec<Recording> {
    let mut folders = Vec::new();
    walk(&folder(), &mut folders);
    if folders.is_empty() {
        println!(
            "LEFT OUT: no recorded chain below {}: nothing was synced. Set RUSHLIGHT_VECTORS.",
            folder().display()
        );
    }
    folders.iter().map(|folder| read(folder)).collect()
}

/// Reads a recording's lines, packed or not.
pub fn lines(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(folder: &Path) -> Recording {
    let mut answers = BTreeMap::new();
    let (mut chain_id, mut last_time) = (String::new(), UnixTime::EPOCH);
    for line in lines(&folder.join("chain.jsonl.gz")) {
        let Some(uri) = line["uri"].as_str() else { continue };
        let body = line["body"].as_str().unwrap().to_string();
        if line["method"] == "commit" && line["status"] == 200 {
            let body: Value = serde_json::from_str(&body).unwrap();
            let header = &body["result"]["signed_header"]["header"];
            if let Some(time) = header["time"].as_str() {
                last_time = last_time.max(UnixTime::from_rfc3339(time).unwrap());
                chain_id = header["chain_id"].as_str().unwrap().to_string();
            }
        }
        answers.entry(uri.to_string()).or_insert((line["status"].as_u64().unwrap() as u16, body.into_bytes()));
    }
    let verdicts: Value = serde_json::from_slice(&std::fs::read(folder.join("verdicts.json")).unwrap()).unwrap();
    let hashes = verdicts.as_array().unwrap().iter();
    let hashes = hashes.map(|v| (v["height"].as_u64().unwrap(), v["hash"].as_str().unwrap().to_string())).collect();
    Recording {
        folder: folder.to_path_buf(),
        name: folder.to_string_lossy().into_owned(),
        chain_id,
        answers,
        hashes,
        last_time,
    }
}

impl Recording {
    /// Returns the lowest recorded height.
    pub fn first(&self) -> u64 {
        *self.hashes.keys().next().unwrap()
    }

    /// Returns the highest recorded height.
    pub fn last(&self) -> u64 {
        *self.hashes.keys().last().unwrap()
    }

    pub fn answer(&self, fetch: &Fetch) -> Result<(u16, Vec<u8>), FetchFailed> {
        let mut parts = fetch.url.splitn(4, '/');
        let host = parts.nth(2).unwrap().to_string();
        let path = format!("/{}", parts.next().unwrap());
        if path == "/status" {
            return Ok((200, self.status(&host, self.last())));
        }
        if path.starts_with("/blockchain?") {
            return Ok((200, self.blockchain(&path)));
        }
        self.answers.get(&path).cloned().ok_or(FetchFailed::Refused)
    }

    /// Returns the recorded headers of a range, highest first, in the shape of `/blockchain`.
    fn blockchain(&self, path: &str) -> Vec<u8> {
        let number =
            |name: &str| -> u64 { path.split(name).nth(1).unwrap().split('&').next().unwrap().parse().unwrap() };
        let (low, high) = (number("minHeight="), number("maxHeight="));
        let mut metas = Vec::new();
        for height in (low..=high).rev().take(20) {
            // A node gives what it has.
            let Some((_, body)) = self.answers.get(&format!("/commit?height={height}")) else { continue };
            let body: Value = serde_json::from_slice(body).unwrap();
            metas.push(serde_json::json!({ "header": body["result"]["signed_header"]["header"], "num_txs": "0" }));
        }
        let result = serde_json::json!({ "last_height": "0", "block_metas": metas });
        serde_json::json!({ "jsonrpc": "2.0", "id": -1, "result": result }).to_string().into_bytes()
    }

    /// Returns what a node says of itself that has heights up to `last`.
    pub fn status(&self, host: &str, last: u64) -> Vec<u8> {
        let first = self.first();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":-1,"result":{{"node_info":{{"id":"{host}","network":"{}"}},"sync_info":{{"latest_block_height":"{last}","latest_block_time":"{}","earliest_block_height":"{first}","catching_up":false}}}}}}"#,
            self.chain_id, self.last_time
        );
        body.into_bytes()
    }

    pub fn spec(&self, trusted: u64, mode: &str) -> String {
        let hash = &self.hashes[&trusted];
        format!(
            r#"{{"family":"tendermint","chain_id":"{}","providers":["http://a:1","http://b:1","http://c:1"],"trust":{{"height":{trusted},"hash":"{hash}"}},"trusting_period":"24h","mode":"{mode}"}}"#,
            self.chain_id
        )
    }

    pub fn world(&self) -> World<'_> {
        World::new(self.last_time.after(Duration::from_secs(1)), Box::new(|fetch, _| self.answer(fetch)))
    }
}
