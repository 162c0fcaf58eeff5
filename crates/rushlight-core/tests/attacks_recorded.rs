//! Attacks with real validator keys, recorded: a primary lies, a witness is honest, and the client stops.
//!
//! The liar's headers verify from the trusted state, so only the witness shows that there are two histories. Building
//! evidence of it is another matter; what must never happen is that the liar's header is adopted.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use recording::{Recording, lines, recordings};
use rushlight_core::base::UnixTime;
use rushlight_core::chains::{ChainNotice, ChainSpec, SyncState, fact_at};
use rushlight_core::node::{AddChainError, Notice};
use rushlight_core::peers::{Fetch, FetchFailed};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use world::World;

struct Attack {
    kind: String,
    trusted: u64,
    target: u64,
    now: UnixTime,
    lies: BTreeMap<String, Vec<u8>>,
    /// What honest nodes had later, where the recording of the chain ends before the attack.
    after: BTreeMap<String, Vec<u8>>,
}

fn by_uri(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let lines = if path.is_file() { lines(path) } else { Vec::new() };
    let entry = |line: &Value| Some((line["uri"].as_str()?.to_string(), line["body"].as_str()?.as_bytes().to_vec()));
    lines.iter().filter(|line| line["status"] == 200).filter_map(entry).collect()
}

fn attacks(recording: &Recording) -> Vec<Attack> {
    let Ok(entries) = std::fs::read_dir(recording.folder.join("attacks")) else { return Vec::new() };
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut attacks = Vec::new();
    for folder in folders.iter().filter(|folder| folder.join("primary.jsonl").is_file()) {
        let case = std::fs::read(folder.join("go-light-client.json")).unwrap();
        let case: Value = serde_json::from_slice(&case).unwrap();
        attacks.push(Attack {
            kind: folder.file_name().unwrap().to_string_lossy().into_owned(),
            trusted: case["trusted_height"].as_u64().unwrap(),
            target: case["target_height"].as_u64().unwrap(),
            now: UnixTime::from_rfc3339(case["now"].as_str().unwrap()).unwrap(),
            lies: by_uri(&folder.join("primary.jsonl")),
            after: by_uri(&folder.join("chain-after.jsonl.gz")),
        });
    }
    attacks
}

/// Answers as the liar (the first provider) or as an honest node that has heights up to `honest_tip`.
fn answer(
    recording: &Recording,
    attack: &Attack,
    honest_tip: u64,
    fetch: &Fetch,
) -> Result<(u16, Vec<u8>), FetchFailed> {
    let mut parts = fetch.url.splitn(4, '/');
    let host = parts.nth(2).unwrap();
    let path = format!("/{}", parts.next().unwrap());
    let is_liar = host.starts_with('a');
    if path == "/status" {
        return Ok((200, recording.status(host, if is_liar { attack.target } else { honest_tip })));
    }
    if let Some(lie) = attack.lies.get(&path).filter(|_| is_liar) {
        return Ok((200, lie.clone()));
    }
    let height: u64 = path.split("height=").nth(1).and_then(|rest| rest.split('&').next()?.parse().ok()).unwrap_or(0);
    if !is_liar && height > honest_tip {
        let error = r#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"height must be less than or equal to the current blockchain height"}}"#;
        return Ok((500, error.as_bytes().to_vec()));
    }
    match attack.after.get(&path) {
        Some(body) => Ok((200, body.clone())),
        None => recording.answers.get(&path).cloned().ok_or(FetchFailed::Refused),
    }
}

fn is_frozen(world: &World<'_>) -> bool {
    matches!(world.status().state, SyncState::Frozen(_))
}

#[test]
fn a_lying_primary_with_real_keys_freezes_the_client() {
    let mut count = 0;
    for recording in recordings() {
        for attack in attacks(&recording) {
            let start = attack.now.max(recording.last_time.after(Duration::from_secs(1)));
            let honest = |fetch: &Fetch, _| answer(&recording, &attack, attack.target, fetch);
            let mut world = World::new(start, Box::new(honest));
            world.add(&recording.spec(attack.trusted, "skipping"));
            let what = format!("{} {}", recording.name, attack.kind);
            assert!(world.run_until(3_000, is_frozen), "{what}: {:?} {:?}", world.status(), world.notices);
            assert_eq!(world.status().head.map(|head| head.height), Some(attack.trusted), "{what}");
            let frozen = world.notices.iter().find_map(|notice| match notice {
                Notice::Chain(_, ChainNotice::Frozen { height, evidence }) => Some((*height, evidence.clone())),
                _ => None,
            });
            let (height, evidence) = frozen.unwrap();
            let [ours, ours_from, theirs, theirs_from] = ["ours", "ours_from", "theirs", "theirs_from"]
                .map(|name| fact_at(&evidence, name).unwrap().to_string());
            assert_eq!(ours_from, "http://a:1", "{what}");
            assert!(["http://b:1", "http://c:1"].contains(&theirs_from.as_str()), "{what}: {theirs_from}");
            assert_eq!(height, attack.target, "{what}");
            assert_ne!(ours, theirs, "{what}");
            // The freeze outlives a restart.
            world.run_until(100, |_| false);
            let saved = world.saved.clone();
            let honest = |fetch: &Fetch, _| answer(&recording, &attack, attack.target, fetch);
            let mut again = World::new(start, Box::new(honest));
            again.saved = saved;
            again.add(&recording.spec(attack.trusted, "skipping"));
            assert!(is_frozen(&again), "{what}: not frozen after a restart");
            // Whoever reads it later learns who gave which header.
            let text = again.status().state.reason().to_string();
            assert!(text.contains(&format!("{ours} from {ours_from}")), "{what}: {text}");
            assert!(text.contains(&format!("{theirs} from {theirs_from}")), "{what}: {text}");
            again.run_until(200, |_| false);
            assert_eq!(again.status().head.map(|head| head.height), Some(attack.trusted), "{what}");
            // Another checkpoint does not wipe out the evidence, whichever it is.
            let honest = |fetch: &Fetch, _| answer(&recording, &attack, attack.target, fetch);
            let mut other = World::new(start, Box::new(honest));
            let spec = ChainSpec::from_json(&recording.spec(attack.trusted + 1, "skipping")).unwrap();
            let refused = other.node.add_chain(other.now, "test", spec, again.saved.as_deref()).unwrap_err();
            assert!(matches!(refused, AddChainError::Frozen { .. }), "{what}: {refused}");
            let said = refused.to_string();
            for part in [ours.to_string(), theirs.to_string(), "doctor --set-aside-store".into()] {
                assert!(said.contains(&part), "{said}");
            }
            println!("{what}: frozen at {height}, ours {ours}, theirs {theirs}");
            count += 1;
        }
    }
    println!("{count} attacks replayed");
}

/// GHSA-f3w5-v9xx-rp8p: a header above the chain's tip, with a time before it. No witness can contradict it yet, so it
/// must not be adopted until one can. Where the witnesses have anything above our head, that is confirmed first, and the
/// header is refused for its time.
#[test]
fn a_header_ahead_of_every_witness_waits_for_one() {
    for recording in recordings() {
        for attack in attacks(&recording).iter().filter(|attack| attack.kind == "forward-lunatic") {
            for is_at_head in [true, false] {
                let tip = Cell::new(if is_at_head { attack.trusted } else { attack.target - 2 });
                let start = attack.now.max(recording.last_time.after(Duration::from_secs(1)));
                let honest = |fetch: &Fetch, _| answer(&recording, attack, tip.get(), fetch);
                let mut world = World::new(start, Box::new(honest));
                world.add(&recording.spec(attack.trusted, "skipping"));
                world.run_until(2_000, |_| false);
                assert_eq!(world.status().head.map(|head| head.height), Some(tip.get()));
                if !is_at_head {
                    let is_refused = |notice: &Notice| matches!(notice, Notice::Quarantined { origin, why, .. } if origin == "http://a:1" && why.contains("wanted is after"));
                    assert!(world.notices.iter().any(is_refused), "{:?}", world.notices);
                    continue;
                }
                assert_eq!(world.status().state.word(), "syncing", "{:?}", world.status().state);
                tip.set(attack.target);
                assert!(world.run_until(20_000, is_frozen), "{:?}", world.status());
                assert_eq!(world.status().head.map(|head| head.height), Some(attack.trusted));
            }
        }
    }
}

/// Node ids are only what providers say of themselves. Here the liar takes that of the honest provider, which would then
/// be no witness of it, and another provider is in league with it: the honest one must be heard all the same.
#[test]
fn a_liar_with_a_witness_s_node_id_and_an_accomplice_freezes_the_client() {
    for recording in recordings() {
        for attack in attacks(&recording) {
            let start = attack.now.max(recording.last_time.after(Duration::from_secs(1)));
            let answers = |fetch: &Fetch, _| {
                let host = fetch.url.split('/').nth(2).unwrap();
                if fetch.url.ends_with("/status") && !host.starts_with('b') {
                    let id = if host.starts_with('a') { "b:1" } else { host };
                    return Ok((200, recording.status(id, attack.target)));
                }
                let as_liar = Fetch { url: fetch.url.replace("//c:", "//a:"), ..fetch.clone() };
                answer(&recording, &attack, attack.target, &as_liar)
            };
            let mut world = World::new(start, Box::new(answers));
            world.add(&recording.spec(attack.trusted, "skipping"));
            let what = format!("{} {}", recording.name, attack.kind);
            assert!(world.run_until(3_000, is_frozen), "{what}: {:?} {:?}", world.status(), world.notices);
            assert_eq!(world.status().head.map(|head| head.height), Some(attack.trusted), "{what}");
        }
    }
}
