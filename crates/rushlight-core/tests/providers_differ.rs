//! Providers as they are: some have less than others, are slower or allow less. None of that is a fault.
#![cfg(feature = "tendermint")]

mod net;
mod verify_chain;

use net::{Asked, Grown, Net, Said, ms};
use rushlight_core::chains::tendermint::sync::QUERY_HEIGHTS_MAX;
use std::cell::RefCell;
use std::time::Duration;
use verify_chain::time;

const HEADER_1: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{"height":1}}"#;

/// The ground of all other tests here: with nothing in the way, each head is there at once and nobody is blamed.
#[test]
fn a_chain_that_grows_is_followed() {
    let chain = Grown::new(900);
    let mut net = Net::new(time(500), |asked: &Asked<'_>| chain.answer(asked, 1).after(ms(30)));
    net.add(&chain.spec("abc", 400, ""));
    let synced = net.synced_in(600);
    assert!(synced >= 598, "synced in {synced} of 600 s");
    assert!(net.heads().len() >= 60, "{:?}", net.heads());
    assert_eq!(net.quarantines(), Vec::<String>::new());
}

/// Two nodes that have pruned, and an archive, which gives what it has or keeps it to itself.
fn pruned<'a>(chain: &'a Grown, is_archive_open: bool) -> Net<'a> {
    let mut net = Net::new(time(4_000), move |asked: &Asked<'_>| match asked.host {
        'c' if !is_archive_open && asked.number("minHeight").is_some_and(|low| low < 3_000) => {
            // Just not too slow, and then a refusal.
            Said::not_there().after(ms(9_900))
        }
        'c' => chain.answer(asked, 1).after(ms(400)),
        _ => {
            assert!(
                asked.number("minHeight").is_none_or(|low| low >= 3_000),
                "it said that it has no {}",
                asked.target
            );
            chain.answer(asked, 3_000).after(ms(30))
        }
    });
    net.add(&chain.spec("abc", 3_500, ""));
    net.run_for(Duration::from_secs(60));
    net
}

/// A client asks for what most providers have said that they no longer have: they are not asked for it, nobody is held
/// to it, and the sync goes on as if nothing were.
#[test]
fn what_a_client_asks_for_costs_nobody_his_standing() {
    let chain = Grown::new(4_800);
    for is_archive_open in [true, false] {
        let mut net = pruned(&chain, is_archive_open);
        net.join(9);
        let mut synced = 0;
        for _ in 0..20 {
            net.ask(9, HEADER_1);
            synced += net.synced_in(60);
        }
        assert!(synced >= 1_195, "synced in {synced} of 1,200 s");
        assert_eq!(net.quarantines(), Vec::<String>::new());
        let answers: Vec<String> =
            net.replies.iter().filter_map(|(_, answer)| Some(answer.body.as_ref()?.text())).collect();
        let hash = chain.block(1).header.hash().to_string();
        assert_eq!(answers.iter().any(|answer| answer.contains(&hash)), is_archive_open, "{answers:?}");
        assert_eq!(answers.len(), 20);
    }
}

/// What a client wanted ends when it leaves.
#[test]
fn the_walk_below_the_checkpoint_ends_with_its_client() {
    let chain = Grown::new(4_800);
    let mut net = pruned(&chain, true);
    net.join(9);
    net.ask(9, HEADER_1);
    net.run_for(Duration::from_secs(2));
    let asked = |net: &Net<'_>| net.fetches.get("c/blockchain").copied().unwrap_or_default();
    assert!(asked(&net) > 10);
    net.leave(9);
    let before = asked(&net);
    net.run_for(Duration::from_secs(600));
    assert_eq!(asked(&net), before);
}

/// One call of a few bytes has a bounded number of headers fetched; who asks again gets on.
#[test]
fn one_question_has_a_budget() {
    let top = QUERY_HEIGHTS_MAX + 600;
    let chain = Grown::of(1, usize::try_from(top).unwrap() + 20);
    let mut net = Net::new(time(top), |asked: &Asked<'_>| chain.answer(asked, 1).after(ms(10)));
    net.add(&chain.spec("abc", top, ""));
    net.run_for(Duration::from_secs(20));
    net.join(9);
    net.ask(9, HEADER_1);
    net.run_for(Duration::from_secs(60));
    let answer = net.replies.pop().unwrap().1.body.unwrap().text();
    assert!(answer.contains("walked back along the hash chain to 600; ask again to go on to 1"), "{answer}");
    let asked: u64 =
        net.fetches.iter().filter(|(route, _)| route.ends_with("/blockchain")).map(|(_, count)| *count).sum();
    assert!((1_001..1_020).contains(&asked), "{asked} requests");
    net.ask(9, HEADER_1);
    net.run_for(Duration::from_secs(60));
    let answer = net.replies.pop().unwrap().1.body.unwrap().text();
    assert!(answer.contains(&chain.block(1).header.hash().to_string()), "{answer}");
}

/// Addresses of providers often hold a key of their user. Whatever happens to one, nobody but the owner of the data folder
/// reads it.
#[test]
fn a_key_in_the_path_of_a_provider_is_nowhere_printed() {
    let chain = Grown::new(600);
    let printed = RefCell::new(String::new());
    let mut net = Net::new(time(500), |asked: &Asked<'_>| {
        printed.borrow_mut().push_str(&format!("{:?}", asked.fetch));
        match asked.host {
            'a' if asked.wall < time(510) => Said::status(403, "no").after(ms(30)),
            'a' => {
                assert!(asked.target.starts_with("/v1/s3cret/"), "{}", asked.target);
                let target = asked.target.replace("/v1/s3cret", "");
                chain.answer(&Asked { target, ..*asked }, 1).after(ms(30))
            }
            _ => chain.answer(asked, 1).after(ms(30)),
        }
    });
    net.add(&chain.spec("abc", 400, "").replace("http://a:1", "http://a:1/v1/s3cret"));
    net.run_for(Duration::from_secs(600));
    let told = format!("{:?} {:?} {:?}", net.notices, net.node.stats(net.now), net.status());
    for kind in ["Quarantined", "Readmitted", "Fault", "http://a:1"] {
        assert!(told.contains(kind), "{kind}");
    }
    assert!(!told.contains("s3cret") && !printed.borrow().contains("s3cret"));
    let text = chain.spec("ab", 400, "").replace("http://a:1", "http://a:1/s3 cret");
    let spec = rushlight_core::chains::ChainSpec::from_json(&text);
    let refused = spec.map(|spec| net.node.add_chain(net.now, "other", spec, None));
    let refused = format!("{refused:?}");
    assert!(refused.contains("Err") && !refused.contains("cret"), "{refused}");
}

/// Chains take turns: the wishes of one do not wait until another has no more.
#[test]
fn chains_take_turns() {
    let chain = Grown::new(600);
    let asked_at = RefCell::new(Vec::new());
    let mut net = Net::new(time(500), |asked: &Asked<'_>| {
        asked_at.borrow_mut().push((asked.wall, asked.host));
        chain.answer(asked, 1).after(ms(30))
    });
    net.add_named("first", &chain.spec("abc", 400, ""));
    net.add_named("second", &chain.spec("def", 400, ""));
    net.run_for(Duration::from_secs(60));
    // Where both poll their witnesses at one instant.
    let asked_at = asked_at.borrow();
    let order = |wall| asked_at.iter().filter(|(at, _)| *at == wall).map(|(_, host)| *host).collect::<String>();
    let orders: Vec<String> = asked_at.iter().map(|(wall, _)| order(*wall)).collect();
    assert!(orders.iter().any(|order| order == "becf"), "{orders:?}");
}
