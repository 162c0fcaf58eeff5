//! Queries of clients to a chain: each gets exactly one answer, at any height and whoever else asks.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use recording::{Recording, recordings};
use rushlight_core::base::{ChainId, ClientId, UnixTime};
use rushlight_core::bundle::Checkpoint;
use rushlight_core::chains::ChainNotice;
use rushlight_core::chains::tendermint::snapshot::Snapshot;
use rushlight_core::chains::tendermint::sync::KEPT_BLOCKS_MAX;
use rushlight_core::node::{Input, Notice, verify_bundle};
use rushlight_core::peers::Fetch;
use rushlight_core::rpc::{Access, Call, ClientKind, Scope, limits};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use world::World;

fn ends(recording: &Recording) -> (u64, u64) {
    (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap())
}

fn request(id: u64, method: &str, height: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"rushlight_{method}","params":{{"height":{height}}}}}"#)
}

fn synced<'a>(recording: &'a Recording, trusted: u64) -> (World<'a>, ChainId) {
    let mut world = recording.world();
    let chain = world.add(&recording.spec(trusted, "skipping"));
    let last = ends(recording).1;
    assert!(world.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == last)));
    (world, chain)
}

fn join(world: &mut World<'_>, client: u64, chain: ChainId) {
    let scope = Scope { chain: Some(chain), access: Access::Public };
    world.handle(Input::Joined(ClientId(client), scope, ClientKind::Socket));
}

fn ask(world: &mut World<'_>, client: u64, text: &str) {
    world.handle(Input::Asked(ClientId(client), Call::Text(text)));
}

/// Runs on until nobody can be waiting any more: past every deadline of a query.
fn settle(world: &mut World<'_>) {
    let ends = world.now.instant.after(Duration::from_secs(700));
    while world.now.instant < ends {
        world.step();
    }
}

#[test]
fn every_query_gets_exactly_one_answer_at_any_height() {
    for recording in recordings() {
        let (first, last) = ends(&recording);
        for trusted in [first, first + 1, last] {
            let (mut world, chain) = synced(&recording, trusted);
            join(&mut world, 1, chain);
            let heights =
                [0, 1, first - 1, first, first + 1, (first + last) / 2, last - 1, last, last + 1, i64::MAX as u64];
            let mut asked = BTreeMap::new();
            for height in heights {
                for method in ["header", "prove"] {
                    let id = asked.len() as u64;
                    asked.insert(id, (method, height));
                    ask(&mut world, 1, &request(id, method, height));
                    // Some side by side, some one after the other.
                    if height % 2 == 0 {
                        world.run_until(50, |_| false);
                    }
                }
            }
            settle(&mut world);
            let mut answered = Vec::new();
            for (_, answer) in &world.replies {
                let body: Value = serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap();
                let id = body["id"].as_u64().unwrap();
                let (method, height) = asked[&id];
                answered.push(id);
                if height == 0 {
                    assert_eq!(body["error"]["code"], -32022, "there is no height 0: {body}");
                } else if (trusted..=last).contains(&height) {
                    assert_eq!(body["result"]["hash"], recording.hashes[&height], "{method} {height}: {body}");
                }
            }
            // Each leaves when it is ready.
            answered.sort_unstable();
            assert_eq!(answered, asked.keys().copied().collect::<Vec<_>>(), "{} from {trusted}", recording.name);
        }
    }
}

/// What clients that left were waiting for holds nobody else up, and is no longer worked on.
#[test]
fn clients_that_left_keep_nobody_waiting() {
    let Some(recording) = recordings().into_iter().min_by_key(|recording| recording.answers.len()) else { return };
    let (first, last) = ends(&recording);
    let (mut world, chain) = synced(&recording, first + 1);
    let batch: Vec<String> = (0..limits::BATCH_REQUESTS_MAX as u64)
        .map(|id| request(id, ["header", "prove"][id as usize % 2], first + id % (last - first)))
        .collect();
    let batch = format!("[{}]", batch.join(","));
    for client in 2..2 + limits::REQUESTS_IN_FLIGHT_TOTAL_MAX as u64 / 20 {
        join(&mut world, client, chain);
        ask(&mut world, client, &batch);
        world.handle(Input::Left(ClientId(client)));
    }
    world.replies.clear();
    let fetches = |world: &World<'_>| world.node.stats(world.now).fetches_pending;
    world.run_until(20, |_| false);
    assert!(fetches(&world) < 10, "{} fetches for nobody", fetches(&world));
    let answer = world.call_chain(Some(chain), &[&request(1, "prove", last)]).remove(0);
    assert!(answer.body.as_ref().is_some_and(|body| body.text().contains("\"bundle\"")), "{answer:?}");
}

fn header_time(recording: &Recording, height: u64) -> UnixTime {
    let (_, body) = &recording.answers[&format!("/commit?height={height}")];
    let body: Value = serde_json::from_slice(body).unwrap();
    UnixTime::from_rfc3339(body["result"]["signed_header"]["header"]["time"].as_str().unwrap()).unwrap()
}

/// A chain that is made while it is followed: providers have what is not in the future.
struct Growing<'a> {
    recording: &'a Recording,
    times: BTreeMap<u64, UnixTime>,
    /// Far shorter than the recording lasts.
    period: Duration,
}

impl<'a> Growing<'a> {
    fn new(recording: &'a Recording) -> Self {
        let times: BTreeMap<_, _> =
            recording.hashes.keys().map(|height| (*height, header_time(recording, *height))).collect();
        let (first, last) = ends(recording);
        // The first block may be much older than the second: a chain begins when its genesis says.
        let period = times[&last].since(times[&(first + 1)]) / 3;
        Self { recording, times, period }
    }

    fn trusted(&self) -> u64 {
        ends(self.recording).0 + 1
    }

    fn spec(&self) -> String {
        let period = format!(r#""trusting_period":"{}s""#, self.period.as_secs().max(1));
        let spec = self.recording.spec(self.trusted(), "skipping").replace(r#""trusting_period":"24h""#, &period);
        assert!(spec.contains(&period));
        spec
    }

    fn world(&self) -> World<'_> {
        let answer = |fetch: &Fetch, wall: UnixTime| {
            if !fetch.url.ends_with("/status") {
                return self.recording.answer(fetch);
            }
            let host = fetch.url.split('/').nth(2).unwrap();
            let made = self.times.iter().rev().find(|(_, time)| **time <= wall).map(|(height, _)| *height);
            Ok((200, self.recording.status(host, made.unwrap_or(ends(self.recording).0))))
        };
        World::new(self.times[&(self.trusted() + 1)].after(Duration::from_millis(1)), Box::new(answer))
    }
}

fn ask_one(world: &mut World<'_>, text: &str) -> Value {
    serde_json::from_str(&world.call(text).body.unwrap().text()).unwrap()
}

/// A client that has outlived the trust in its checkpoint still proves what its own heads vouch for, also after a restart.
#[test]
fn a_client_older_than_its_trusting_period_proves_headers_still() {
    for recording in recordings() {
        let growing = Growing::new(&recording);
        let (last, trusted) = (ends(&recording).1, growing.trusted());
        let mut world = growing.world();
        world.add(&growing.spec());
        let is_there = world.run_until(200_000, |world| world.status().head.is_some_and(|head| head.height == last));
        assert!(is_there, "{}: {:?}", recording.name, world.status());
        world.run_until(20, |_| false);
        let ended = growing.times[&trusted].after(growing.period);
        assert!(world.now.wall > ended, "trust in the checkpoint has not ended");
        let mut again = growing.world();
        (again.saved, again.now) = (world.saved.clone(), world.now);
        again.add(&growing.spec());
        // One of an older version, which kept nothing on the way.
        let mut plain = Snapshot::decode(&recording.chain_id, world.saved.as_ref().unwrap()).unwrap();
        assert!(!plain.kept.is_empty() && plain.kept.len() <= KEPT_BLOCKS_MAX, "{} are kept", plain.kept.len());
        let gaps: Vec<Duration> = plain.kept.windows(2).map(|two| two[1].time().since(two[0].time())).collect();
        let spacing = Duration::from_secs(growing.period.as_secs()) / KEPT_BLOCKS_MAX as u32;
        assert!(gaps.len() > 1 && gaps.iter().all(|gap| *gap >= spacing), "{}: kept at {gaps:?}", recording.name);
        plain.kept.clear();
        let mut older = growing.world();
        (older.saved, older.now) = (Some(plain.encode()), world.now);
        older.add(&growing.spec());
        for (world, is_kept) in [(&mut world, true), (&mut again, true), (&mut older, false)] {
            for height in [trusted, trusted + 1, (trusted + last) / 2, last - 1, last] {
                let body = ask_one(world, &request(1, "header", height));
                assert_eq!(body["result"]["hash"], recording.hashes[&height], "{} {height}: {body}", recording.name);
            }
            let body = ask_one(world, r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#);
            let result = &body["result"];
            assert_eq!(result["hash"], recording.hashes[&last], "{}: {body}", recording.name);
            let start = Checkpoint::from_text(result["checkpoint"].as_str().unwrap()).unwrap();
            assert_eq!(start.hash.to_string(), recording.hashes[&start.height]);
            assert!(start.height > trusted, "the checkpoint has expired");
            assert_eq!(start.height < last, is_kept, "a bundle of one step is the last resort");
            let bundle = rushlight_core::codec::text::base64(result["bundle"].as_str().unwrap()).unwrap();
            let period = Duration::from_secs(growing.period.as_secs());
            let proven = verify_bundle(&bundle, &start, period, world.now.wall).unwrap();
            assert_eq!(proven.hash.to_string(), recording.hashes[&last]);
            let body = ask_one(world, &request(1, "prove", trusted));
            assert_eq!(body["error"]["code"], -32028, "no trusted block is below the checkpoint: {body}");
        }
    }
}

/// More queries than are worked on at once wait for their turn; equal ones share one walk.
#[test]
fn a_batch_of_queries_is_answered_whole() {
    for recording in recordings() {
        let (first, last) = ends(&recording);
        for trusted in [first, last] {
            let (mut world, chain) = synced(&recording, trusted);
            let count = (last - first).min(limits::BATCH_REQUESTS_MAX as u64 / 2);
            let method = |id: u64| if trusted == first && id % 2 == 1 { "prove" } else { "header" };
            let batch: Vec<String> = (0..2 * count).map(|id| request(id, method(id), first + id / 2)).collect();
            let answer = world.call_chain(Some(chain), &[&format!("[{}]", batch.join(","))]).remove(0);
            let bodies: Vec<Value> = serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap();
            assert_eq!(bodies.len() as u64, 2 * count);
            for (id, body) in bodies.iter().enumerate() {
                let height = first + id as u64 / 2;
                // Bundles of many steps are more than one answer may hold.
                let is_left_out = body["error"]["code"] == -32011;
                assert!(is_left_out || body["result"]["hash"] == recording.hashes[&height], "{height}: {body}");
            }
            let proven = bodies.iter().filter(|body| body["result"]["hash"].is_string()).count();
            assert!(proven as u64 > count, "{proven} of {}", 2 * count);
        }
    }
}

#[test]
fn equal_proofs_are_walked_once() {
    for recording in recordings() {
        let (first, last) = ends(&recording);
        let commits = |times: usize| {
            let (mut world, chain) = synced(&recording, first);
            let before = world.fetches["commit"];
            let texts: Vec<String> = (0..times as u64).map(|id| request(id, "prove", (first + last) / 2)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let answers = world.call_chain(Some(chain), &texts);
            assert!(
                answers.iter().all(|answer| answer.body.as_ref().unwrap().text().contains("bundle")),
                "{answers:?}"
            );
            world.fetches["commit"] - before
        };
        assert_eq!(commits(1), commits(12), "{}", recording.name);
    }
}

/// Who gives another checkpoint starts anew; that is told, and what was reached from the former one is not lost.
#[test]
fn a_changed_checkpoint_is_told_and_what_was_saved_is_kept() {
    for recording in recordings() {
        let (first, last) = ends(&recording);
        let (mut world, _) = synced(&recording, first);
        world.run_until(20, |_| false);
        let former = world.saved.clone().unwrap();
        let mut anew = recording.world();
        anew.saved = Some(former.clone());
        anew.add(&recording.spec(first + 1, "skipping"));
        let told = anew.notices.iter().find_map(|notice| match notice {
            Notice::Chain(_, ChainNotice::CheckpointChanged { from, to, head, kept }) => {
                Some((*from, *to, *head, *kept))
            }
            _ => None,
        });
        let (from, to, head, kept) = told.expect("it is told");
        assert_eq!((from, to, head), (first, first + 1, last));
        assert!(anew.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == last)));
        anew.run_until(20, |_| false);
        assert_eq!(anew.blobs.get(&kept), Some(&former));
        let saved = Snapshot::decode(&recording.chain_id, anew.saved.as_ref().unwrap()).unwrap();
        assert_eq!(saved.former, Some(kept));
    }
}
