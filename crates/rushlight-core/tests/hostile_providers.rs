//! One liar among honest providers: it must neither get them sent away, nor hold the client back, nor be paid for silence.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use expect_test::expect;
use recording::{Recording, recordings};
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::decode::json::commit_answer;
use rushlight_core::chains::{ChainNotice, Fact, PeerStatus, fact_at};
use rushlight_core::node::Notice;
use rushlight_core::peers::{Fetch, FetchFailed, Verdict};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fmt::Write;
use std::time::Duration;
use world::{World, told};

fn smallest() -> Option<Recording> {
    recordings().into_iter().min_by_key(|recording| recording.answers.len())
}

fn host(fetch: &Fetch) -> char {
    fetch.url.split('/').nth(2).unwrap().chars().next().unwrap()
}

/// Returns the addresses of providers found lying.
fn liars(world: &World<'_>) -> Vec<String> {
    let lying = world.notices.iter().filter_map(|notice| match notice {
        Notice::Quarantined { origin, verdict: Verdict::Lying, .. } => Some(origin.clone()),
        _ => None,
    });
    lying.collect()
}

/// A provider that says it has far more than the others, and gives nothing of it, becomes primary once and now and then
/// again; it must not get hold of the client as soon as the honest ones have given all they have.
#[test]
fn who_claims_most_and_gives_nothing_is_passed_over() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (recording.first(), recording.last());
    let answers = |fetch: &Fetch, _: UnixTime| -> Result<(u16, Vec<u8>), FetchFailed> {
        match host(fetch) {
            'c' if fetch.url.ends_with("/status") => Ok((200, recording.status("c:1", last + 1_000_000))),
            // Too late to be a lie and too late to be of use.
            'c' => Err(FetchFailed::TimedOut),
            _ => recording.answer(fetch),
        }
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.add(&recording.spec(first, "skipping"));
    let is_synced = world.sync_to(last);
    assert!(is_synced, "{:?}\n{:?}", world.status(), world.notices);
    let end = world.now.instant.after(Duration::from_secs(3_600));
    assert!(world.run_until(200_000, |world| world.now.instant >= end));
    let liar =
        world.node.stats(world.now).peers.into_iter().find(|peer| peer.address.exposed().contains("//c")).unwrap().peer;
    let is_chosen =
        |notice: &&Notice| told(notice, "primary_replaced").and_then(|f| fact_at(f, "to")) == Some(&Fact::Peer(liar));
    let chosen = world.notices.iter().filter(is_chosen).count();
    println!("{}: in an hour the liar was made primary {chosen} times", recording.name);
    assert!((1..=5).contains(&chosen), "{chosen} times");
}

/// A node that has no block yet says height 0. It is new, not lying.
#[test]
fn a_node_without_a_block_is_not_taken_for_a_liar() {
    let Some(recording) = smallest() else { return };
    let first = recording.first();
    let answers = |fetch: &Fetch, _: UnixTime| match host(fetch) {
        'c' if fetch.url.ends_with("/status") => Ok((200, recording.status("c:1", 0))),
        _ => recording.answer(fetch),
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.add(&recording.spec(first, "skipping"));
    world.run_until(2_000, |_| false);
    assert_eq!(liars(&world), Vec::<String>::new());
}

/// Headers are from the future when our own clock is late. That is nobody's fault but ours: once the clock is right the
/// providers are still there.
#[test]
fn a_late_clock_of_ours_sends_nobody_away() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (recording.first(), recording.last());
    let answers = |fetch: &Fetch, _: UnixTime| recording.answer(fetch);
    let nanos = recording.last_time.unix_nanos() - 60_000_000_000;
    let mut world = World::new(UnixTime::from_unix_nanos(nanos), Box::new(answers));
    world.add(&recording.spec(first, "skipping"));
    let end = world.now.instant.after(Duration::from_secs(20));
    assert!(world.run_until(20_000, |world| world.now.instant >= end));
    assert!(world.status().head.is_none_or(|head| head.height < last), "{:?}", world.status());
    let is_out = |notice: &&Notice| matches!(notice, Notice::Quarantined { .. });
    assert_eq!(world.notices.iter().filter(is_out).collect::<Vec<_>>(), Vec::<&Notice>::new());
    world.now.wall = recording.last_time.after(Duration::from_secs(1));
    let end = world.now.instant.after(Duration::from_secs(10));
    let is_synced = world.sync_to(last);
    assert!(is_synced && world.now.instant < end, "{:?}", world.status());
}

/// When the checkpoint's hash is not the chain's, `status` names both hashes and what to do, and goes on doing so once all
/// providers are sent away: that nobody can be asked any more says nothing.
#[test]
fn a_checkpoint_that_no_provider_has_is_named_with_both_hashes() {
    let Some(recording) = smallest() else { return };
    let first = recording.first();
    let (theirs, ours) = (recording.hashes[&first].clone(), "AB".repeat(32));
    let answers = |fetch: &Fetch, _: UnixTime| recording.answer(fetch);
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.add(&recording.spec(first, "skipping").replace(&theirs, &ours));
    let is_refused =
        |world: &World<'_>| world.notices.iter().any(|n| matches!(n, Notice::Chain(_, ChainNotice::Fault { .. })));
    assert!(world.run_until(10_000, is_refused), "{:?}", world.status());
    let end = world.now.instant.after(Duration::from_secs(600));
    while world.now.instant < end {
        let text = world.status().state.reason().to_string();
        assert!([&theirs, &ours].iter().all(|hash| text.contains(hash.as_str())), "{text}");
        assert!(text.contains("compare the checkpoint with a source you trust"), "{text}");
        world.step();
    }
    assert!(world.notices.iter().any(|notice| matches!(notice, Notice::Quarantined { .. })), "{:?}", world.notices);
    assert_eq!(liars(&world), Vec::<String>::new());
}

/// Answers get lost on the way, one block in ten, from every provider. Each loss costs one answer, neither those that came
/// nor the primary: with 40 to fetch, a walk in which nothing at all is lost would never come.
#[test]
fn lost_answers_do_not_keep_a_sync_from_its_end() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (recording.first(), recording.last());
    let heights = last - first;
    for mode in ["sequential", "skipping"] {
        let (mut asked, lost) = (0_u64, Cell::new(0));
        let answers = |fetch: &Fetch, _: UnixTime| {
            // The first block that is lost is the target of a skipping walk.
            let is_of_walk = fetch.url.contains("/commit?height=") && !fetch.url.ends_with(&format!("={first}"));
            asked += u64::from(is_of_walk);
            if is_of_walk && asked % 10 == 1 {
                lost.set(lost.get() + 1);
                return Err(FetchFailed::TimedOut);
            }
            recording.answer(fetch)
        };
        let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
        world.add(&recording.spec(first, mode));
        let is_synced = world.sync_to(last);
        let fetched = world.number("blocks_fetched");
        println!("{mode}: {fetched} blocks fetched for {heights} heights, {} answers lost", lost.get());
        assert!(is_synced && lost.get() > 0, "{mode}: {:?}", world.status());
        assert!(fetched <= heights + 10, "{mode}: {fetched} blocks fetched for {heights} heights");
        let is_replaced = |notice: &&Notice| told(notice, "primary_replaced").is_some();
        assert_eq!(world.notices.iter().find(is_replaced), None, "{mode}");
    }
}

/// A witness that has another header and then refuses to prove it may be the only honest one, on a node that has pruned or
/// fails: it is refusing. Lying is what is provably wrong.
#[test]
fn a_dissenting_witness_that_refuses_its_proof_is_not_taken_for_a_liar() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (recording.first(), recording.last());
    let path = format!("/commit?height={last}");
    let mut forged: Value = serde_json::from_slice(&recording.answers[&path].1).unwrap();
    forged["result"]["signed_header"]["header"]["app_hash"] = json!("AB".repeat(32));
    let (header, _) = commit_answer(forged.to_string().as_bytes()).unwrap().unwrap();
    forged["result"]["signed_header"]["commit"]["block_id"]["hash"] = json!(header.hash().to_string());
    let refusal = br#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"no"}}"#;
    let mut asked = 0;
    let answers = |fetch: &Fetch, _: UnixTime| {
        if host(fetch) != 'b' || !fetch.url.ends_with(&path) {
            return recording.answer(fetch);
        }
        asked += 1;
        if asked == 1 { Ok((200, forged.to_string().into_bytes())) } else { Ok((500, refusal.to_vec())) }
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.add(&recording.spec(first, "skipping"));
    let is_synced = world.sync_to(last);
    assert!(is_synced, "{:?}", world.status());
    let said = world.notices.iter().filter_map(|notice| match notice {
        Notice::Chain(_, ChainNotice::Fault { verdict, why, .. }) if why.contains("dissents") => Some((*verdict, why)),
        _ => None,
    });
    let said: Vec<_> = said.collect();
    assert!(!said.is_empty() && said.iter().all(|said| said.0 == Verdict::Refusing), "{said:?} {:?}", world.notices);
    assert_eq!(liars(&world), Vec::<String>::new());
}

/// A provider that answers each time just before it would count as slow holds a sequential sync back for a bounded time: then it
/// is slow after all, and another one is asked.
#[test]
fn who_is_just_not_slow_each_time_is_slow_in_the_end() {
    let Some(recording) = recordings().into_iter().max_by_key(|recording| recording.hashes.len()) else { return };
    let first = recording.first();
    let answers = |fetch: &Fetch, _: UnixTime| recording.answer(fetch);
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.latency = Duration::from_millis(9_900);
    world.add(&recording.spec(first, "sequential"));
    let begin = world.now.instant;
    let is_slow = |notice: &Notice| matches!(notice, Notice::Chain(_, ChainNotice::Fault { verdict: Verdict::Slow, why, .. }) if why.contains("took it more than 300 s"));
    assert!(world.run_until(2_000, |world| world.notices.iter().any(is_slow)), "{:?}", world.notices);
    let took = world.now.instant.since(begin);
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(400), "{took:?}");
    let is_replaced = |notice: &Notice| told(notice, "primary_replaced").is_some();
    assert!(world.notices.iter().any(is_replaced), "{:?}", world.notices);
}

/// The provider named first answers last. It is slow, not behind: whoever is quicker with `/status` does not take its place.
#[test]
fn a_slow_first_provider_stays_the_primary() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
    let answers = |fetch: &Fetch, _: UnixTime| recording.answer(fetch);
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.slowest = Some("//a:");
    world.latency = Duration::from_millis(30);
    world.add(&recording.spec(first, "skipping"));
    let is_synced = world.run_until(2_000, |world| world.status().head.is_some_and(|head| head.height == last));
    assert!(is_synced, "{:?}", world.status());
    let replaced: Vec<&Notice> =
        world.notices.iter().filter(|notice| told(notice, "primary_replaced").is_some()).collect();
    assert_eq!(replaced, Vec::<&Notice>::new());
    let is_primary = |peer: &PeerStatus| fact_at(&peer.facts, "role") == Some(&Fact::Word("primary"));
    let primary = world.status().peers.into_iter().find(is_primary).unwrap().peer;
    let primary = world.node.stats(world.now).peers.into_iter().find(|peer| peer.peer == primary).unwrap();
    assert!(primary.address.exposed().contains("//a:"), "{primary:?}");
}

/// A provider named first that never says what it has loses its polls, and with them its place.
#[test]
fn a_silent_first_provider_is_replaced() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
    let answers = |fetch: &Fetch, _: UnixTime| match host(fetch) {
        'a' => Err(FetchFailed::TimedOut),
        _ => recording.answer(fetch),
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    world.add(&recording.spec(first, "skipping"));
    let end = world.now.instant.after(Duration::from_secs(120));
    let is_synced = world.run_until(5_000, |world| world.status().head.is_some_and(|head| head.height == last));
    assert!(is_synced && world.now.instant < end, "{:?} {:?}", world.now, world.status());
}

const PAGE: &[u8] = b"<html>maintenance</html>";

/// For 12 seconds every provider's gateway answers with a page of its own. That is no lie: less than a minute after it is over the
/// client is synced.
#[test]
fn a_page_of_a_gateway_costs_seconds() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
    for http_status in [200, 500] {
        let start = recording.last_time.after(Duration::from_secs(1));
        let end = start.after(Duration::from_secs(12));
        let answers = |fetch: &Fetch, wall: UnixTime| match wall < end {
            true => Ok((http_status, PAGE.to_vec())),
            false => recording.answer(fetch),
        };
        let mut world = World::new(start, Box::new(answers));
        world.add(&recording.spec(first, "skipping"));
        assert!(world.run_until(5_000, |world| world.now.wall >= end), "{:?}", world.now);
        let text = world.status().state.reason().to_string();
        assert!(text.contains("cannot be read") && text.contains("<html>maintenance"), "{text}");
        let is_synced = world.run_until(5_000, |world| world.status().head.is_some_and(|head| head.height == last));
        let took = world.now.wall.since(end);
        println!("status {http_status}: synced {took:?} after the pages ended");
        assert!(is_synced && took < Duration::from_secs(60), "{took:?} {:?}", world.status());
        assert_eq!(liars(&world), Vec::<String>::new());
    }
}

fn other_chains(world: &World<'_>) -> Vec<(String, String)> {
    let told = world.notices.iter().filter_map(|notice| match notice {
        Notice::Chain(_, ChainNotice::OtherChain { got, want }) => Some((got.clone(), want.clone())),
        _ => None,
    });
    told.collect()
}

/// When all providers serve one chain and the settings name another, it is the settings that are wrong: status says so with both
/// ids and what to do, the operator is told once, and nobody is taken for a liar.
#[test]
fn a_chain_id_that_nobody_serves_is_named_with_the_one_that_all_serve() {
    let Some(recording) = smallest() else { return };
    let first = *recording.hashes.keys().next().unwrap();
    let answers = |fetch: &Fetch, _: UnixTime| recording.answer(fetch);
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    let id = |id: &str| format!(r#""chain_id":"{id}""#);
    world.add(&recording.spec(first, "skipping").replace(&id(&recording.chain_id), &id("mistyped-1")));
    assert!(world.run_until(1_000, |world| !other_chains(world).is_empty()), "{:?}", world.status());
    let end = world.now.instant.after(Duration::from_secs(600));
    while world.now.instant < end {
        let text = world.status().state.reason().to_string();
        assert!(
            [recording.chain_id.as_str(), "mistyped-1", "correct chain_id"].iter().all(|w| text.contains(w)),
            "{text}"
        );
        world.step();
    }
    assert_eq!(other_chains(&world), [(recording.chain_id.clone(), "mistyped-1".to_string())]);
    assert_eq!(liars(&world), Vec::<String>::new());
}

/// One provider of another chain among others says nothing about the settings.
#[test]
fn one_provider_of_another_chain_does_not_accuse_the_settings() {
    let Some(recording) = smallest() else { return };
    let (first, last) = (*recording.hashes.keys().next().unwrap(), *recording.hashes.keys().last().unwrap());
    let answers = |fetch: &Fetch, _: UnixTime| match recording.answer(fetch) {
        Ok((status, body)) if host(fetch) == 'a' && fetch.url.ends_with("/status") => {
            let text = String::from_utf8(body).unwrap();
            Ok((status, text.replace(&recording.chain_id, "elsewhere-1").into_bytes()))
        }
        answer => answer,
    };
    let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
    // Whoever serves another chain is the first to say what it serves, and for a moment the only one.
    world.add(&recording.spec(first, "skipping"));
    let is_synced = world.run_until(5_000, |world| world.status().head.is_some_and(|head| head.height == last));
    assert!(is_synced, "{:?}", world.status());
    world.run_until(200, |_| false);
    assert!(!world.status().state.reason().contains("elsewhere-1"), "{:?}", world.status().state);
    let is_named = |notice: &Notice| matches!(notice, Notice::Chain(_, ChainNotice::Fault { origin, why, .. }) if origin == "http://a:1" && why.contains("elsewhere-1"));
    assert!(world.notices.iter().any(is_named), "{:?}", world.notices);
    assert_eq!(other_chains(&world), []);
}

/// What every provider answers with: status and body.
type Said = Result<(u16, &'static [u8]), FetchFailed>;

/// Why nothing goes on is told in words, whatever it is: in the chain's state, of each provider, and once in the log.
#[test]
fn what_providers_do_is_told_in_words() {
    let Some(recording) = smallest() else { return };
    let first = *recording.hashes.keys().next().unwrap();
    let cases: [(&str, Said); 8] = [
        ("refused", Err(FetchFailed::Refused)),
        ("no such name", Err(FetchFailed::Unresolved)),
        ("tls", Err(FetchFailed::Tls)),
        ("late", Err(FetchFailed::TimedOut)),
        ("broken off", Err(FetchFailed::Broken)),
        ("no such route", Ok((404, b"not found"))),
        ("page", Ok((200, PAGE))),
        ("node's error", Ok((500, br#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"no"}}"#))),
    ];
    let mut told = String::new();
    for (name, answer) in cases {
        let answers = move |_: &Fetch, _: UnixTime| answer.map(|(status, body)| (status, body.to_vec()));
        let mut world = World::new(recording.last_time.after(Duration::from_secs(1)), Box::new(answers));
        world.add(&recording.spec(first, "skipping"));
        let end = world.now.instant.after(Duration::from_secs(60));
        assert!(world.run_until(5_000, |world| world.now.instant >= end));
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;
        let status: Value = serde_json::from_str(&world.call(call).body.unwrap().text()).unwrap();
        let chain = &status["result"]["chains"][0];
        let of_each = chain["providers"].as_array().unwrap().iter().map(|provider| &provider["last_fault"]["why"]);
        let mut of_each: Vec<&str> = of_each.map(|why| why.as_str().unwrap()).collect();
        of_each.dedup();
        let is_quarantine =
            |notice: &&Notice| matches!(notice, Notice::Quarantined { why, .. } if of_each.contains(&why.as_str()));
        assert!(world.notices.iter().filter(is_quarantine).count() >= 3, "{name}: {:?}", world.notices);
        let is_news =
            |notice: &&Notice| matches!(notice, Notice::Chain(_, ChainNotice::Fault { is_repeated: false, .. }));
        let news = world.notices.iter().filter(is_news).count();
        writeln!(told, "{name}, in the log {news}x\n  chain: {}\n  each: {of_each:?}", chain["why"].as_str().unwrap())
            .unwrap();
    }
    expect![[r#"
        refused, in the log 3x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: the connection was refused or reset
          each: ["the connection was refused or reset"]
        no such name, in the log 3x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: the host name does not resolve
          each: ["the host name does not resolve"]
        tls, in the log 3x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: the TLS handshake failed
          each: ["the TLS handshake failed"]
        late, in the log 3x
          chain: no provider can be asked now; last fault: http://c:1: no complete answer within 10000 ms
          each: ["no complete answer within 10000 ms"]
        broken off, in the log 3x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: the answer broke off or is not HTTP
          each: ["the answer broke off or is not HTTP"]
        no such route, in the log 3x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: it answered with HTTP status 404
          each: ["it answered with HTTP status 404"]
        page, in the log 6x
          chain: the checkpoint's block is being fetched; last fault: http://b:1: its answer with HTTP status 200 cannot be read: commit is not JSON of the expected shape at line 1 column 1; it begins "<html>maintenance</html>"
          each: ["its answer with HTTP status 200 cannot be read: commit is not JSON of the expected shape at line 1 column 1; it begins \"<html>maintenance</html>\"", "its answer with HTTP status 200 cannot be read: status is not JSON of the expected shape at line 1 column 1; it begins \"<html>maintenance</html>\""]
        node's error, in the log 3x
          chain: no provider can be asked now; last fault: http://b:1: node answered with error -32603: no 
          each: ["node answered with error -32603: no "]
    "#]].assert_eq(&told);
}
