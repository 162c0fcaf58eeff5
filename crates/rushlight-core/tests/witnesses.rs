//! What witnesses can do to a head: none of them sets its pace, none of them can be passed over while it is in time, and a
//! dissent that comes late counts as much as an early one.
#![cfg(feature = "tendermint")]

mod net;
mod verify_chain;

use net::{Asked, Grown, Net, Said, commit, ms, status, validators};
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::snapshot::Snapshot;
use rushlight_core::chains::tendermint::sync::DISSENT_TIME_MAX;
use rushlight_core::chains::tendermint::types::{Header, LightBlock};
use rushlight_core::chains::{ChainNotice, Fact, SyncState, fact_at};
use rushlight_core::node::Notice;
use rushlight_core::peers::Verdict;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use verify_chain::{BLOCK_SECONDS, CHAIN_ID, START, Signers, time, to_json};

/// The height at which the client starts to follow.
const FROM: u64 = 100;

fn start() -> UnixTime {
    time(FROM)
}

/// Returns how long after its block was there each head was published, the first ones left out.
fn late_by(net: &Net<'_>) -> Vec<Duration> {
    let started = START + BLOCK_SECONDS * i64::try_from(FROM).unwrap();
    let heads = net.heads().into_iter().skip(3);
    let late = heads.map(|(at, height)| {
        let there = START + BLOCK_SECONDS * i64::try_from(height).unwrap();
        at.saturating_sub(Duration::from_secs(u64::try_from(there - started).unwrap()))
    });
    late.collect()
}

/// Returns the faults that were told: of whom, the verdict and the words.
fn faults(net: &Net<'_>) -> Vec<(String, Verdict, String)> {
    let faults = net.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Chain(_, ChainNotice::Fault { origin, verdict, why, .. }) => {
            Some((origin.clone(), *verdict, why.clone()))
        }
        _ => None,
    });
    faults.collect()
}

/// Returns a block of validators that nobody knows, with a time of one's own choice.
fn invented(height: u64, time: UnixTime, members: u64) -> LightBlock {
    let first = 1_000 + height * 100;
    let liars = Signers::equal(first..first + members, 10);
    let header = Header { time, ..verify_chain::header(height, None, &liars, &liars) };
    liars.block(header)
}

/// Returns another block of a height, signed with the real keys.
fn forked(grown: &Grown, height: u64) -> LightBlock {
    let header = Header { app_hash: vec![0xFF; 8], ..grown.block(height).header.clone() };
    grown.signers.block(header)
}

/// A witness without keys: it dissents with a header from the future, and gives the 58 validators that it has invented one by
/// one, each answer just before it would count as slow.
fn from_the_future<'a>(grown: &'a Grown, liar: char) -> impl FnMut(&Asked<'_>) -> Said + 'a {
    let mut inventions: BTreeMap<u64, (LightBlock, usize)> = BTreeMap::new();
    move |asked| {
        let height = asked.number("height").filter(|height| *height <= grown.latest(asked.wall));
        let Some(height) = height.filter(|_| asked.host == liar) else {
            return grown.answer(asked, 1).after(ms(30));
        };
        let day_ahead = asked.wall.after(Duration::from_secs(86_400));
        let (block, given) = inventions.entry(height).or_insert_with(|| (invented(height, day_ahead, 58), 0));
        if asked.route() == "/commit" {
            return commit(block).after(ms(9_900));
        }
        let member = to_json(block)["validator_set"]["validators"][*given].clone();
        *given = (*given + 1) % 58;
        let page = json!({ "block_height": height.to_string(), "validators": [member], "count": "1", "total": "58" });
        Said::ok(page).after(ms(9_900))
    }
}

#[test]
fn an_inventor_of_headers_from_the_future_holds_nobody_back_and_is_found_out() {
    for (hosts, min) in [("abcd", 1), ("abcdefgh", 3)] {
        let grown = Grown::new(500);
        let liar = hosts.chars().last().unwrap();
        let mut net = Net::new(start(), from_the_future(&grown, liar));
        net.add(&grown.spec(hosts, FROM - 10, &format!(r#","witnesses_min":{min}"#)));
        let synced = net.synced_in(3_600);
        let late = late_by(&net);
        let worst = late.iter().max().unwrap();
        println!("{hosts}: {} heads in 3,600 s, the latest {worst:?} after its block, synced {synced} s", late.len());
        assert!(synced >= 3_580, "{synced}");
        assert!(late.len() >= 350 && *worst < Duration::from_secs(15), "{} {worst:?}", late.len());
        let origin = format!("http://{liar}:1");
        let told: BTreeSet<_> = faults(&net).into_iter().map(|(of, ..)| of).collect();
        assert_eq!(told, BTreeSet::from([origin]), "nobody else is accused");
    }
}

/// Answers that are right, each just before it would count as slow. That is no lie, and no reason to wait for it either.
#[test]
fn a_slow_witness_is_asked_on_and_not_waited_for() {
    for after in [ms(5_000), ms(9_900)] {
        let grown = Grown::new(500);
        let mut net = Net::new(start(), |asked: &Asked<'_>| {
            let is_slow = asked.host == 'd' && asked.route() == "/commit";
            grown.answer(asked, 1).after(if is_slow { after } else { ms(30) })
        });
        net.add(&grown.spec("abcd", FROM - 10, ""));
        let synced = net.synced_in(1_800);
        let late = late_by(&net);
        let worst = late.iter().max().unwrap();
        println!("{after:?}: synced {synced} of 1,800 s, the latest head {worst:?} after its block");
        assert!(synced >= 1_795 && *worst < Duration::from_secs(5), "{synced} {worst:?}");
        assert_eq!(net.quarantines(), Vec::<String>::new());
        let slow: Vec<_> = faults(&net).into_iter().filter(|(_, verdict, _)| *verdict == Verdict::Slow).collect();
        assert!(slow.len() == 1 && slow[0].0 == "http://d:1", "it is said once: {slow:?}");
        assert!(net.fetches["d/commit"] > 80, "it is still asked: {:?}", net.fetches);
        // It answers within the time of a block, and so every head has all its witnesses in the end.
        net.run_for(Duration::from_secs(9));
        let asked = fact_at(&net.status().facts, "guarantee.witnesses_asked").and_then(Fact::number);
        assert_eq!(asked, Some(3));
    }
}

/// The primary and an accomplice sign another header with real keys. As long as one honest witness answers within its grace
/// nothing of it is published, however quick the two are; when it is later than that, the chain is frozen all the same, and
/// the words say what was served meanwhile.
#[test]
fn an_honest_witness_is_heard_in_time_or_later() {
    let grown = Grown::new(FROM as usize + 40);
    let at = FROM + 10;
    for (after, is_published) in [(ms(240), false), (ms(3_000), true)] {
        let fork: BTreeMap<u64, LightBlock> = [(at, forked(&grown, at))].into();
        let mut net = Net::new(start(), |asked: &Asked<'_>| {
            let lie = asked.number("height").and_then(|height| fork.get(&height));
            let is_there = grown.latest(asked.wall) >= at;
            match (asked.host, asked.route(), lie.filter(|_| is_there)) {
                ('a' | 'b', "/commit", Some(block)) => commit(block).after(ms(10)),
                ('a' | 'b', ..) => grown.answer(asked, 1).after(ms(10)),
                (_, "/commit", Some(_)) => grown.answer(asked, 1).after(after),
                _ => grown.answer(asked, 1).after(ms(200)),
            }
        });
        net.add(&grown.spec("abc", FROM - 10, ""));
        net.run_for(Duration::from_secs(200));
        let SyncState::Frozen(words) = net.status().state else { panic!("{after:?}: {:?}", net.status()) };
        let lie = fork[&at].header.hash();
        let published = net.notices.iter().any(|(_, n)| matches!(n, Notice::Head(_, head) if head.hash == lie));
        assert_eq!(published, is_published, "{after:?}: {words}");
        assert!(words.contains(&format!("{lie} from http://a:1")), "{words}");
        assert!(words.contains("from http://c:1"), "{words}");
        let served = net.notices.iter().find_map(|(_, notice)| match notice {
            Notice::Chain(_, ChainNotice::Frozen { evidence, .. }) => {
                Some(fact_at(evidence, "served_to").and_then(Fact::number))
            }
            _ => None,
        });
        assert_eq!(served, Some(is_published.then_some(at)), "{words}");
        assert_eq!(words.contains(&format!("heads of heights {at} to {at} were served")), is_published, "{words}");
        // It outlives a restart, words and all.
        let saved = net.saved.clone();
        let mut again = Net::new(net.now.wall, |asked: &Asked<'_>| grown.answer(asked, 1));
        again.saved = saved;
        again.add(&grown.spec("abc", FROM - 10, ""));
        again.run_for(Duration::from_secs(60));
        assert_eq!(again.status().state, SyncState::Frozen(words), "{after:?}");
        assert_eq!(again.heads(), []);
    }
}

/// A witness that is behind when it is asked has not agreed: it is asked again once it says that it has the height.
#[test]
fn who_was_behind_is_heard_once_it_has_the_height() {
    let grown = Grown::new(FROM as usize + 60);
    let at = FROM + 10;
    let fork = forked(&grown, at);
    let mut net = Net::new(start(), |asked: &Asked<'_>| {
        let is_lie = asked.number("height") == Some(at) && grown.latest(asked.wall) >= at;
        match (asked.host, asked.route()) {
            ('a' | 'b', "/commit") if is_lie => commit(&fork),
            ('c', route) => {
                // One height behind the others, for ever.
                let latest = grown.latest(asked.wall) - 1;
                match route {
                    "/status" => status('c', asked.wall, 1, latest),
                    _ if asked.number("height").is_some_and(|height| height > latest) => Said::not_there(),
                    _ => grown.answer(asked, 1),
                }
            }
            _ => grown.answer(asked, 1),
        }
        .after(ms(20))
    });
    net.add(&grown.spec("abc", FROM - 10, ""));
    net.run_for(Duration::from_secs(200));
    assert!(matches!(net.status().state, SyncState::Frozen(_)), "{:?}", net.status());
}

/// A dissent holds a head back while it is being proven, for a bounded time; whoever does not prove it is then out of the
/// role, each time for longer.
#[test]
fn a_dissent_that_is_never_proven_holds_back_less_and_less() {
    let grown = Grown::new(1_000);
    let (dissents, heights) = (Cell::new(0), RefCell::new(BTreeSet::new()));
    let mut net = Net::new(start(), |asked: &Asked<'_>| {
        let there = asked.number("height").filter(|height| *height <= grown.latest(asked.wall));
        let Some(height) = there.filter(|_| asked.host == 'd') else { return grown.answer(asked, 1).after(ms(30)) };
        // The first answer is another header; the proof is wanted next, and each of its answers comes as late as it may.
        let is_first = asked.route() == "/commit" && heights.borrow_mut().insert(height);
        dissents.set(dissents.get() + u64::from(is_first));
        let block = forked(&grown, height);
        match asked.route() {
            "/commit" if is_first => commit(&block).after(ms(30)),
            "/commit" => commit(grown.block(height)).after(ms(9_900)),
            _ => validators(&block).after(ms(9_900)),
        }
    });
    net.add(&grown.spec("abcd", FROM - 10, ""));
    net.run_for(Duration::from_secs(3_600));
    let late = late_by(&net);
    let held: Vec<_> = late.iter().filter(|late| **late > Duration::from_secs(5)).collect();
    println!("{} dissents; {} of {} heads held back: {held:?}", dissents.get(), held.len(), late.len());
    assert!((2..=8).contains(&dissents.get()), "{}", dissents.get());
    assert!(held.len() <= 8 && late.iter().all(|late| *late < DISSENT_TIME_MAX + Duration::from_secs(5)), "{held:?}");
    assert!(!matches!(net.status().state, SyncState::Frozen(_)));
}

/// The primary alone has the newest heights. What enough witnesses have is confirmed meanwhile.
#[test]
fn what_enough_witnesses_have_is_confirmed_where_they_stand_lower() {
    let grown = Grown::new(FROM as usize + 100);
    let stuck = Cell::new([("b", FROM + 20), ("c", FROM + 30), ("d", FROM + 5)]);
    for (min, want) in [(1, FROM + 30), (2, FROM + 20), (3, FROM + 5)] {
        let mut net = Net::new(time(FROM + 40), |asked: &Asked<'_>| {
            let stuck = stuck.get().into_iter().find(|(host, _)| host.starts_with(asked.host));
            let Some((_, latest)) = stuck else { return grown.answer(asked, 1).after(ms(20)) };
            match asked.route() {
                "/status" => status(asked.host, asked.wall, 1, latest),
                _ if asked.number("height").is_some_and(|height| height > latest) => Said::not_there(),
                _ => grown.answer(asked, 1),
            }
            .after(ms(20))
        });
        net.add(&grown.spec("abcd", FROM - 10, &format!(r#","witnesses_min":{min}"#)));
        net.run_for(Duration::from_secs(90));
        let head = net.status().head.map(|head| head.height);
        println!("{min} of 3: head {head:?}, {:?}", net.heads());
        assert_eq!(head, Some(want), "{min}: {:?}", net.status());
        assert_eq!(net.quarantines(), Vec::<String>::new());
    }
}

/// A proof is walked with one provider and no witness. If it comes to another header than the one that was adopted there, and
/// verifies, then it is evidence like any dissent: whoever asked is refused, both headers are saved, and nothing is served any more.
#[test]
fn a_proof_that_contradicts_an_adopted_head_freezes() {
    let grown = Grown::new(FROM as usize + 60);
    let lying_from = Cell::new(u64::MAX);
    let mut net = Net::new(start(), |asked: &Asked<'_>| {
        let lie = asked.number("height").filter(|height| *height >= lying_from.get() && asked.host == 'a');
        match (lie, asked.route()) {
            (Some(height), "/commit") => commit(&forked(&grown, height)),
            _ => grown.answer(asked, 1),
        }
        .after(ms(20))
    });
    net.add(&grown.spec("abc", FROM - 10, ""));
    net.run_for(Duration::from_secs(60));
    let head = net.status().head.unwrap();
    lying_from.set(head.height);
    net.join(1);
    net.ask(1, r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#);
    net.run_for(Duration::from_secs(2));
    let body = net.replies.pop().unwrap().1.body.unwrap();
    assert!(body.text().contains("the chain is frozen"), "{body}");
    let SyncState::Frozen(words) = net.status().state else { panic!("{:?}", net.status()) };
    let (height, ours, theirs) = (head.height, head.hash, forked(&grown, head.height).header.hash());
    assert!(words.contains(&format!("{ours} from the adopted chain, and {theirs} from http://a:1")), "{words}");
    assert!(words.contains(&format!("heads of heights {height} to {height} were served")), "{words}");
    let saved = net.saved.clone().unwrap();
    let freeze = Snapshot::decode(CHAIN_ID, &saved).unwrap().freeze.unwrap();
    assert_eq!((freeze.ours.header.hash(), freeze.theirs.header.hash()), (ours, theirs));
    let mut again = Net::new(net.now.wall, |asked: &Asked<'_>| grown.answer(asked, 1));
    again.saved = Some(saved);
    again.add(&grown.spec("abc", FROM - 10, ""));
    again.run_for(Duration::from_secs(60));
    assert_eq!(again.status().state, SyncState::Frozen(words));
}
