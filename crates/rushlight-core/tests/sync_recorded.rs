//! Sync over recorded chains, served by providers that know nothing but the recording.
#![cfg(feature = "tendermint")]

mod world;

use flate2::read::GzDecoder;
use rushlight_core::base::UnixTime;
use rushlight_core::bundle::Checkpoint;
use rushlight_core::node::verify_bundle;
use rushlight_core::peers::{Fetch, FetchFailed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use world::World;

/// A recording: answers by path and query, hashes by height.
struct Recording {
    name: String,
    chain_id: String,
    answers: BTreeMap<String, (u16, Vec<u8>)>,
    hashes: BTreeMap<u64, String>,
    last_time: UnixTime,
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

fn recordings() -> Vec<Recording> {
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

fn read(folder: &Path) -> Recording {
    let mut text = String::new();
    let file = std::fs::File::open(folder.join("chain.jsonl.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut answers = BTreeMap::new();
    let (mut chain_id, mut last_time) = (String::new(), UnixTime::EPOCH);
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
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
    Recording { name: folder.to_string_lossy().into_owned(), chain_id, answers, hashes, last_time }
}

impl Recording {
    fn answer(&self, fetch: &Fetch) -> Result<(u16, Vec<u8>), FetchFailed> {
        let mut parts = fetch.url.splitn(4, '/');
        let host = parts.nth(2).unwrap().to_string();
        let path = format!("/{}", parts.next().unwrap());
        if path == "/status" {
            let (first, last) = (self.hashes.keys().next().unwrap(), self.hashes.keys().last().unwrap());
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":-1,"result":{{"node_info":{{"id":"{host}","network":"{}"}},"sync_info":{{"latest_block_height":"{last}","latest_block_time":"{}","earliest_block_height":"{first}","catching_up":false}}}}}}"#,
                self.chain_id, self.last_time
            );
            return Ok((200, body.into_bytes()));
        }
        self.answers.get(&path).cloned().ok_or(FetchFailed::Refused)
    }

    fn spec(&self, trusted: u64, mode: &str) -> String {
        let hash = &self.hashes[&trusted];
        format!(
            r#"{{"family":"tendermint","chain_id":"{}","providers":["http://a:1","http://b:1","http://c:1"],"trust":{{"height":{trusted},"hash":"{hash}"}},"trusting_period_s":86400,"mode":"{mode}"}}"#,
            self.chain_id
        )
    }

    fn world(&self) -> World<'_> {
        World::new(self.last_time.after(Duration::from_secs(1)), Box::new(|fetch, _| self.answer(fetch)))
    }
}

#[test]
fn every_recorded_chain_syncs_from_its_first_height_to_its_last() {
    for recording in recordings() {
        let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
        for mode in ["skipping", "sequential"] {
            let mut world = recording.world();
            world.add(&recording.spec(first, mode));
            let is_synced =
                world.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == last));
            let status = world.status();
            assert!(is_synced, "{} {mode}: {:?}\n{:?}", recording.name, status, world.notices);
            let head = status.head.unwrap();
            assert_eq!(head.hash.to_string(), recording.hashes[&last]);
            assert_eq!((status.witnesses_agreeing, status.witnesses_asked), (2, 2));
            assert_eq!(status.state.word(), "synced", "{}", status.state.reason());
            println!(
                "{} {mode}: {first} to {last}, {} headers verified, {} blocks fetched, {} signatures, {:?}",
                recording.name,
                status.headers_verified,
                status.blocks_fetched,
                status.signatures_checked,
                world.fetches
            );
            if mode == "sequential" {
                assert_eq!(status.headers_verified, last - first);
            }
        }
    }
}

#[test]
fn a_bundle_from_a_synced_chain_verifies_offline() {
    for recording in recordings() {
        let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == last)));
        for height in [first, first + 1, (first + last) / 2, last] {
            let answer = world.call(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_prove","params":{{"height":{height}}}}}"#
            ));
            let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
            let result = &body["result"];
            assert_eq!(result["hash"], recording.hashes[&height], "{body}");
            let checkpoint = Checkpoint::from_text(result["checkpoint"].as_str().unwrap()).unwrap();
            assert_eq!(checkpoint.hash.to_string(), recording.hashes[&first]);
            let bundle = rushlight_core::codec::text::base64(result["bundle"].as_str().unwrap()).unwrap();
            let day = Duration::from_secs(86_400);
            let proven = verify_bundle(&bundle, &checkpoint, day, world.now.wall).unwrap();
            assert_eq!((proven.height, proven.hash.to_string()), (height, recording.hashes[&height].clone()));
            // The same bundle proves nothing once trust in its checkpoint has ended.
            let late = verify_bundle(&bundle, &checkpoint, day, world.now.wall.after(day)).unwrap_err();
            assert!(late.is_expired(), "{late}");
            let mut damaged = bundle.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 1;
            assert!(verify_bundle(&damaged, &checkpoint, day, world.now.wall).is_err());
        }
    }
}

#[test]
fn a_restart_goes_on_from_the_saved_head() {
    for recording in recordings() {
        let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == last)));
        let saved = world.saved.clone();
        let mut again = recording.world();
        again.saved = saved;
        again.add(&recording.spec(first, "skipping"));
        assert_eq!(again.status().head.map(|head| head.height), Some(last));
    }
}
