//! CometBFT's methods, answered from proof: what recorded nodes say, and nothing that a liar says.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use recording::{Recording, recordings};
use rushlight_core::base::ChainId;
use rushlight_core::peers::{Fetch, FetchFailed};
use serde_json::{Value, json};
use std::time::Duration;
use world::World;

type Answered = Result<(u16, Vec<u8>), FetchFailed>;

/// Returns a client that is synced from the first recorded height, before providers whose answers go through `change`.
fn synced<'a>(recording: &'a Recording, change: impl Fn(&str, Vec<u8>) -> Vec<u8> + 'a) -> (World<'a>, ChainId) {
    synced_to(recording, recording.last(), change)
}

fn synced_to<'a>(
    recording: &'a Recording,
    last: u64,
    change: impl Fn(&str, Vec<u8>) -> Vec<u8> + 'a,
) -> (World<'a>, ChainId) {
    let answer = move |fetch: &Fetch, _| -> Answered {
        let path = format!("/{}", fetch.url.splitn(4, '/').nth(3).unwrap());
        let recorded = recording.answers.get(&path).filter(|_| path != "/status").cloned();
        let (status, body) = recorded.map_or_else(|| recording.answer(fetch), Ok)?;
        Ok((status, change(&path, body)))
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answer));
    let chain = world.add(&recording.spec(recording.first(), "skipping"));
    assert!(world.sync_to(last), "{}", recording.name);
    (world, chain)
}

fn honest(_: &str, body: Vec<u8>) -> Vec<u8> {
    body
}

fn call(world: &mut World<'_>, chain: ChainId, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let answer = world.call_chain(Some(chain), &[&request]).remove(0);
    serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap()
}

/// Returns what the recorded node answered to a path.
fn recorded(recording: &Recording, path: &str) -> Option<Value> {
    let (_, body) = recording.answers.get(path)?;
    Some(serde_json::from_slice::<Value>(body).unwrap()["result"].clone())
}

#[test]
fn answers_are_those_of_the_recorded_node() {
    for recording in recordings() {
        let (mut world, chain) = synced(&recording, honest);
        let (first, last) = (recording.first(), recording.last());
        let mut compared = 0;
        for height in [first, first + 1, (first + last) / 2, last - 1, last] {
            let at = json!({ "height": height.to_string() });
            if let Some(want) = recorded(&recording, &format!("/header?height={height}")) {
                let got = call(&mut world, chain, "header", at.clone());
                assert_eq!(got["result"], want, "{} header {height}", recording.name);
                compared += 1;
            }
            let want = recorded(&recording, &format!("/commit?height={height}")).unwrap();
            let got = call(&mut world, chain, "commit", at.clone());
            assert_eq!(got["result"]["signed_header"]["header"], want["signed_header"]["header"], "{got}");
            assert_eq!(got["result"]["signed_header"]["commit"], want["signed_header"]["commit"], "{height}");
            assert_eq!(got["result"]["canonical"], height < last);
            let of_set = format!("/validators?height={height}&page=1&per_page=100");
            if let Some(want) = recorded(&recording, &of_set) {
                let page = json!({ "height": height.to_string(), "page": "1", "per_page": "100" });
                assert_eq!(call(&mut world, chain, "validators", page)["result"], want, "{of_set}");
                compared += 1;
            }
        }
        for path in recording.answers.keys() {
            let argument = |name: &str| {
                let arguments = path.split('?').nth(1).into_iter().flat_map(|all| all.split('&'));
                arguments.filter_map(|one| one.strip_prefix(name)?.strip_prefix('=')).next().map(str::to_string)
            };
            let height = argument("height").and_then(|height| height.parse::<u64>().ok());
            if path.starts_with("/consensus_params?") && height.is_some_and(|height| (first..=last).contains(&height)) {
                let got = call(&mut world, chain, "consensus_params", json!({ "height": argument("height") }));
                assert_eq!(Some(&got["result"]), recorded(&recording, path).as_ref(), "{path}");
                compared += 1;
            }
            if path.starts_with("/header_by_hash?")
                && let Some(want) = recorded(&recording, path).filter(|want| !want["header"].is_null())
            {
                let hash = argument("hash").unwrap();
                let got = call(&mut world, chain, "header_by_hash", json!({ "hash": hash }));
                assert_eq!(got["result"], want, "{path}");
                compared += 1;
            }
            if path.starts_with("/blockchain?")
                && let (Some(low), Some(high)) = (argument("minHeight"), argument("maxHeight"))
                && let Some(want) = recorded(&recording, path)
                && high.parse().is_ok_and(|high: u64| high <= last && high > first)
                && low.parse().is_ok_and(|low: u64| low >= first)
            {
                let got = call(&mut world, chain, "blockchain", json!({ "minHeight": low, "maxHeight": high }));
                assert_eq!(got["result"]["block_metas"], want["block_metas"], "{path}");
                compared += 1;
            }
        }
        assert!(compared >= 5, "{}: {compared} answers compared", recording.name);
        let status = call(&mut world, chain, "status", json!({}));
        assert_eq!(status["result"]["node_info"]["network"], recording.chain_id);
        assert_eq!(status["result"]["sync_info"]["latest_block_hash"], recording.hashes[&last]);
        assert_eq!(status["result"]["sync_info"]["latest_block_height"], last.to_string());
        assert_eq!(status["result"]["node_info"]["version"], "0.38.0");
        assert_eq!(call(&mut world, chain, "health", json!({}))["result"], json!({}));
    }
}

/// Returns `body` with the text at a JSON pointer below `result` changed.
fn changed(body: Vec<u8>, pointer: &str, to: Value) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&body).unwrap();
    if let Some(place) = value.pointer_mut(&format!("/result{pointer}")) {
        *place = to;
    }
    value.to_string().into_bytes()
}

#[test]
fn nothing_that_a_header_contradicts_is_passed_on() {
    let Some(recording) = recordings().into_iter().find(|recording| recording.name.ends_with("seven")) else { return };
    let height = (recording.first() + recording.last()) / 2;
    let at = json!({ "height": height.to_string() });
    let params_at = recording.answers.keys().filter_map(|path| path.strip_prefix("/consensus_params?height="));
    let params_at = params_at.filter_map(|height| height.parse::<u64>().ok());
    let params_at = params_at.filter(|height| (recording.first()..=recording.last()).contains(height)).max().unwrap();
    let cases: [(&str, Value, &str, &str, Value); 4] = [
        (
            "consensus_params",
            json!({ "height": params_at.to_string() }),
            "/consensus_params",
            "/consensus_params/block/max_bytes",
            json!("1"),
        ),
        (
            "validators",
            json!({ "height": height.to_string(), "per_page": "100" }),
            "&per_page=100",
            "/validators/0/voting_power",
            json!("999"),
        ),
        ("commit", at.clone(), "/commit", "/signed_header/commit/signatures/0/signature", json!("A".repeat(86) + "==")),
        (
            "blockchain",
            json!({ "minHeight": (height - 1).to_string(), "maxHeight": height.to_string() }),
            "/blockchain",
            "/block_metas/1/header/app_hash",
            json!("00"),
        ),
    ];
    for (method, params, route, pointer, forged) in cases {
        // The sync itself sees honest answers: the lies begin with the call.
        let lies = std::cell::Cell::new(false);
        let (mut world, chain) = synced(&recording, |path, body| match lies.get() && path.contains(route) {
            true => changed(body, pointer, forged.clone()),
            false => body,
        });
        lies.set(true);
        let got = call(&mut world, chain, method, params.clone());
        assert!(got["error"]["code"].is_i64() && got["result"].is_null(), "{method}: {got}");
        // An honest provider among liars is found.
        lies.set(false);
        world.advance(Duration::from_secs(3_600));
        let again = call(&mut world, chain, method, params);
        assert!(again["error"].is_null() || again["error"]["code"] != -32602, "{method}: {again}");
    }
}

#[test]
fn what_cannot_be_answered_says_why() {
    let Some(recording) = recordings().into_iter().next() else { return };
    let (mut world, chain) = synced(&recording, honest);
    let last = recording.last();
    for (method, params, code, part) in [
        ("header", json!({ "height": (last + 1).to_string() }), -32021, "above the trusted head"),
        ("validators", json!({ "height": last.to_string(), "page": "9" }), -32602, "page should be within [1, "),
        ("header_by_hash", json!({ "hash": "00".repeat(32) }), -32024, "no provider"),
        (
            "blockchain",
            json!({ "minHeight": last.to_string(), "maxHeight": (last - 1).to_string() }),
            -32024,
            "min height",
        ),
    ] {
        let got = call(&mut world, chain, method, params);
        assert_eq!(got["error"]["code"], code, "{method}: {got}");
        assert!(got["error"]["message"].as_str().unwrap().contains(part), "{method}: {got}");
    }
}

#[test]
fn the_set_of_the_next_height_stands_in_the_head() {
    let Some(recording) = recordings().into_iter().next() else { return };
    let last = recording.last();
    // Providers have one block less than was recorded.
    let latest = json!((last - 1).to_string());
    let status = |path: &str, body| match path {
        "/status" => changed(body, "/sync_info/latest_block_height", latest.clone()),
        _ => body,
    };
    let (mut world, chain) = synced_to(&recording, last - 1, status);
    let next = last;
    let want = recorded(&recording, &format!("/validators?height={next}&page=1&per_page=100")).unwrap();
    let got = call(&mut world, chain, "validators", json!({ "height": next.to_string(), "per_page": "100" }));
    assert_eq!(got["result"], want);
}
