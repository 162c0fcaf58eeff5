//! `rushlight_status`: programs read its members, so those that were there once stay.
#![cfg(feature = "tendermint")]

mod world;

use expect_test::expect;
use rushlight_core::base::UnixTime;
use rushlight_core::peers::{Fetch, FetchFailed};
use serde_json::Value;
use world::World;

const STATUS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;

fn spec(providers: &[String]) -> String {
    let hash = "AB".repeat(32);
    serde_json::json!({
        "family": "tendermint", "chain_id": "c-1", "providers": providers, "trust": { "height": 5, "hash": hash },
        "trusting_period": "168h",
    })
    .to_string()
}

fn status(world: &mut World<'_>) -> Value {
    let answer: Value = serde_json::from_str(&world.call(STATUS).body.unwrap().text()).unwrap();
    answer["result"].clone()
}

fn members(value: &Value) -> String {
    value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn members_stay_whatever_is_known() {
    // One provider refuses until it is out, the other one never answers.
    let answers = |fetch: &Fetch, _: UnixTime| match fetch.url.contains("//a") {
        true => Ok((404, Vec::new())),
        false => Err(FetchFailed::TimedOut),
    };
    let mut world = World::new(UnixTime::new(1_000, 0).unwrap(), Box::new(answers));
    world.add(&spec(&["http://a".into(), "http://b".into()]));
    let before = status(&mut world);
    let is_out = |world: &World<'_>| world.node.stats(world.now).peers.iter().any(|peer| peer.quarantined.is_some());
    assert!(world.run_until(100, is_out), "{:?}", world.status());
    let after = status(&mut world);
    assert_eq!(after["status_version"], 1);
    expect!["agent chains status_version"].assert_eq(&members(&after));
    for chain in [&before["chains"][0], &after["chains"][0]] {
        expect!["blocks_fetched chain_id family guarantee head head_age_s headers_verified name providers signatures_checked state target trust_expires trust_remaining_s why"]
            .assert_eq(&members(chain));
        let providers = chain["providers"].as_array().unwrap();
        assert_eq!(providers.len(), 2);
        for provider in providers {
            expect!["address answered earliest faults last_fault latest node_id p95_ms quarantined_for role"]
                .assert_eq(&members(provider));
        }
    }
    let roles = |status: &Value| {
        status["chains"][0]["providers"].as_array().unwrap().iter().map(|p| p["role"].to_string()).collect::<Vec<_>>()
    };
    assert!(!roles(&before).contains(&r#""quarantined""#.into()), "{before}");
    assert!(roles(&after).contains(&r#""quarantined""#.into()), "{after}");
}
