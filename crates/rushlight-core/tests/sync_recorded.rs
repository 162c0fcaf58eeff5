//! Sync over recorded chains, served by providers that know nothing but the recording.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use recording::recordings;
use rushlight_core::base::Hash;
use rushlight_core::bundle::{Bundle, Checkpoint};
use rushlight_core::chains::{ChainNotice, SyncState};
use rushlight_core::node::{Input, Notice, verify_bundle};
use rushlight_core::rpc::Answer;
use serde_json::Value;
use std::time::Duration;
use world::World;

#[test]
fn every_recorded_chain_syncs_from_its_first_height_to_its_last() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        for mode in ["skipping", "sequential"] {
            let mut world = recording.world();
            world.add(&recording.spec(first, mode));
            let is_synced = world.sync_to(last);
            let status = world.status();
            assert!(is_synced, "{} {mode}: {:?}\n{:?}", recording.name, status, world.notices);
            let head = status.head.unwrap();
            assert_eq!(head.hash.to_string(), recording.hashes[&last]);
            let witnesses =
                ["guarantee.witnesses_agreeing", "guarantee.witnesses_asked"].map(|path| world.number(path));
            assert_eq!(witnesses, [2, 2]);
            assert_eq!(status.state.word(), "synced", "{}", status.state.reason());
            println!(
                "{} {mode}: {first} to {last}, {} headers verified, {} blocks fetched, {} signatures, {:?}",
                recording.name,
                world.number("headers_verified"),
                world.number("blocks_fetched"),
                world.number("signatures_checked"),
                world.fetches
            );
            if mode == "sequential" {
                assert_eq!(world.number("headers_verified"), last - first);
            }
        }
    }
}

#[test]
fn a_bundle_from_a_synced_chain_verifies_offline() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.sync_to(last));
        for height in [first, first + 1, (first + last) / 2, last] {
            let answer = world.call(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_prove","params":{{"height":{height}}}}}"#
            ));
            let body: Value = serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap();
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
            // Bytes that no rule looks at would make two files of one proof.
            for stuffed in stuffed(&bundle) {
                let refused = verify_bundle(&stuffed, &checkpoint, day, world.now.wall).unwrap_err().to_string();
                let is_told = ["is not in its one encoding", "is there twice", "checkpoint's form is not valid"];
                assert!(is_told.iter().any(|why| refused.contains(why)), "{refused}");
            }
            let mut damaged = bundle.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 1;
            assert!(verify_bundle(&damaged, &checkpoint, day, world.now.wall).is_err());
        }
    }
}

/// Returns other files that say the same as `bytes`: an unknown field, a field twice, white space in the checkpoint.
fn stuffed(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bundle = Bundle::decode(bytes).unwrap();
    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut changed = bundle.clone();
        change(&mut changed);
        changed.encode().unwrap()
    };
    vec![
        changed(&|bundle| bundle.sections[1].content.extend([0x78, 1])),
        changed(&|bundle| {
            let twice = bundle.sections[1].content.repeat(2);
            bundle.sections[1].content = twice;
        }),
        changed(&|bundle| bundle.sections[0].content.push(b'\n')),
    ]
}

/// Trust that has ended stays so: neither a restart nor a clock set back before it brings old keys back to life.
#[test]
fn expired_trust_stays_expired_after_a_restart_with_the_clock_set_back() {
    for recording in recordings() {
        let first = recording.first();
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.run_until(20_000, |world| world.status().state.word() == "synced"));
        let synced_at = world.now.wall;
        world.advance(Duration::from_secs(2 * 86_400));
        assert!(world.run_until(1_000, |world| world.status().state.word() == "expired"));
        world.run_until(100, |_| false);
        let mut again = recording.world();
        again.now.wall = synced_at;
        again.saved = world.saved.clone();
        again.add(&recording.spec(first, "skipping"));
        again.run_until(200, |_| false);
        assert_eq!(again.status().state.word(), "expired", "{:?}", again.status().state);
        // Who gives another checkpoint decides anew, also by which clock.
        let mut anew = recording.world();
        anew.saved = world.saved.clone();
        anew.add(&recording.spec(first + 1, "skipping"));
        assert!(anew.run_until(20_000, |world| world.status().state.word() == "synced"), "{:?}", anew.status());
    }
}

#[test]
fn a_restart_goes_on_from_the_saved_head() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.sync_to(last));
        let saved = world.saved.clone();
        let mut again = recording.world();
        again.saved = saved;
        again.add(&recording.spec(first, "skipping"));
        assert_eq!(again.status().head.map(|head| head.height), Some(last));
    }
}

#[test]
fn heights_below_the_checkpoint_are_proven_by_the_hash_chain_and_indexed() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        world.add(&recording.spec(last, "skipping"));
        assert!(world.run_until(20_000, |world| world.status().head.is_some()));
        let header = |world: &mut World<'_>, height: u64| -> Value {
            let answer = world.call(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{{"height":{height}}}}}"#
            ));
            serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap()
        };
        for height in [last - 1, (first + last) / 2, first] {
            let body = header(&mut world, height);
            assert_eq!(body["result"]["hash"], recording.hashes[&height], "{} {height}: {body}", recording.name);
            assert_eq!(body["result"]["header"]["height"], height.to_string());
        }
        world.run_until(100, |_| false);
        let asked = world.fetches["blockchain"];
        // The index outlives a restart: a height walked over before costs one fetch, or two while the walk goes on.
        let mut again = recording.world();
        (again.saved, again.blobs) = (world.saved.clone(), world.blobs.clone());
        again.add(&recording.spec(last, "skipping"));
        assert_eq!(header(&mut again, first + 1)["result"]["hash"], recording.hashes[&(first + 1)]);
        assert_eq!(again.fetches["blockchain"], 1, "{asked} for the walk");
        // A store that has lost the blob makes it walk again, not believe anything.
        let mut forgetful = recording.world();
        forgetful.saved = world.saved.clone();
        forgetful.add(&recording.spec(last, "skipping"));
        assert_eq!(header(&mut forgetful, first)["result"]["hash"], recording.hashes[&first]);
        assert!(forgetful.fetches["blockchain"] > 1);
    }
}

#[test]
fn a_header_between_two_trusted_heights_is_walked_to_from_the_checkpoint() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        world.add(&recording.spec(first, "skipping"));
        assert!(world.sync_to(last));
        let height = (first + last) / 2;
        let answer = world
            .call(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{{"height":{height}}}}}"#));
        let body: Value = serde_json::from_str(&answer.body.as_ref().unwrap().text()).unwrap();
        assert_eq!(body["result"]["hash"], recording.hashes[&height], "{body}");
        let above = world.call(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{{"height":{}}}}}"#,
            last + 1
        ));
        assert!(above.body.unwrap().text().contains("is above the trusted head"));
    }
}

fn header_at(height: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{{"height":{height}}}}}"#)
}

fn results(answers: Vec<Answer>) -> Vec<Value> {
    let body = |answer: Answer| serde_json::from_str::<Value>(&answer.body.as_ref().unwrap().text()).unwrap();
    answers.into_iter().map(|answer| body(answer)["result"]["hash"].clone()).collect()
}

/// The store loses the index for one query and has it again for the next: what the second reads is still the place that it
/// asked for, and nobody is accused of the mix-up.
#[test]
fn an_index_that_is_forgotten_while_it_is_read_confuses_no_heights() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        world.add(&recording.spec(last, "skipping"));
        assert!(world.run_until(20_000, |world| world.status().head.is_some()));
        world.call(&header_at(first));
        world.run_until(100, |_| false);
        let mut again = recording.world();
        (again.saved, again.blobs, again.loads_lost) = (world.saved.clone(), world.blobs.clone(), 1);
        assert_eq!(again.blobs.len(), 1, "nothing is indexed");
        let chain = again.add(&recording.spec(last, "skipping"));
        let (one, two) = (first + 3, first + 1);
        let got = results(again.call_chain(Some(chain), &[&header_at(one), &header_at(two)]));
        let want = [one, two].map(|height| Value::from(recording.hashes[&height].clone()));
        assert_eq!(got, want, "{}", recording.name);
        let is_fault = |notice: &&Notice| matches!(notice, Notice::Chain(_, ChainNotice::Fault { .. }));
        assert_eq!(again.notices.iter().filter(is_fault).collect::<Vec<_>>(), Vec::<&Notice>::new());
    }
}

/// Two chains of one node follow the same network and so name the same blobs. What one of them no longer needs stays until
/// the other does not need it either.
#[test]
fn a_blob_stays_while_another_chain_names_it() {
    for recording in recordings() {
        let (first, last) = (recording.first(), recording.last());
        let mut world = recording.world();
        let spec = recording.spec(last, "skipping");
        let other = spec
            .replace("http://a:1", "http://d:1")
            .replace("http://b:1", "http://e:1")
            .replace("http://c:1", "http://f:1");
        let chains = [world.add_named("one", &spec), world.add_named("two", &other)];
        let heads =
            |world: &World<'_>| world.node.stats(world.now).chains.iter().filter(|c| c.2.head.is_some()).count();
        assert!(world.run_until(20_000, |world| heads(world) == 2));
        for chain in chains {
            world.call_chain(Some(chain), &[&header_at(last - 1)]);
        }
        world.run_until(300, |_| false);
        let shared: Vec<Hash> = world.blobs.keys().copied().collect();
        assert_eq!(shared.len(), 1, "both have the same index");
        world.call_chain(Some(chains[0]), &[&header_at(first)]);
        world.run_until(300, |_| false);
        assert!(world.blobs.contains_key(&shared[0]), "{}: the other chain's index is gone", recording.name);
        world.call_chain(Some(chains[1]), &[&header_at(first)]);
        world.run_until(300, |_| false);
        assert!(!world.blobs.contains_key(&shared[0]), "{}: nobody names it any more", recording.name);
        assert_eq!(world.blobs.len(), 1);
    }
}

/// A work whose walk is dropped, here since trust has ended, is taken back from the driver.
#[test]
fn works_of_a_dropped_walk_are_cancelled() {
    for mode in ["skipping", "sequential"] {
        for recording in recordings() {
            let first = recording.first();
            let mut world = recording.world();
            world.add(&recording.spec(first, mode));
            assert!(world.run_until(20_000, |world| world.works_pending() > 0), "{} {mode}", recording.name);
            let pending = world.works_pending();
            world.advance(Duration::from_secs(30 * 86_400));
            world.handle(Input::Tick);
            assert!(matches!(world.status().state, SyncState::Expired(_)), "{:?}", world.status());
            assert_eq!((world.works_pending(), world.works_cancelled), (0, pending), "{} {mode}", recording.name);
        }
    }
}
