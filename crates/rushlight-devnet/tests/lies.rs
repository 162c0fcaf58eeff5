//! Each lie is well-formed enough to be read, and wrong in the way that it says.

mod asking;

use asking::{chain, get, honest, light_block};
use rushlight_core::chains::tendermint::verify::{JudgedAt, Rules, adjacent, anchor};
use rushlight_devnet::{ChainPlan, Ending, Lie, LieKind, Node, Request, Rotation, RotationOrder};
use std::sync::Arc;

const TIP: u64 = 20;
const TRUSTED: u64 = 10;

fn plan() -> ChainPlan {
    let rotation = Rotation { every: 4, replace_percent: 20, order: RotationOrder::Drawn, powers: false };
    ChainPlan { rotation: Some(rotation), ..ChainPlan::default() }
}

/// Asks a lying node for the block after a trusted one, and returns what became of it.
fn told(lie: Lie) -> String {
    let real = chain(plan(), TIP);
    let trusted = light_block(&honest(&real), TRUSTED).unwrap();
    let hash = trusted.header.hash();
    let trusted = anchor(&real.plan().chain_id, TRUSTED, hash, None, trusted).unwrap();
    let served = chain(lie.plan(real.plan()), TIP);
    let node = Node { chain: &served, tip: TIP, lie: Some(lie), number: 1 };
    let query = format!("height={}", TRUSTED + 1);
    let reply = node.answer(Request::Get { path: "/commit", query: &query });
    if reply.ending != Ending::Complete || reply.status != 200 || !reply.delay.is_zero() {
        let ending = match reply.ending {
            Ending::BreaksOff(sent) => format!("breaks off at {} %", sent * 100 / reply.body.len()),
            other => format!("{other:?}"),
        };
        let text = if reply.status == 200 { "" } else { std::str::from_utf8(&reply.body).unwrap().trim() };
        return format!("{} {ending} after {:?} {text}", reply.status, reply.delay).trim_end().into();
    }
    let block = match light_block(&node, TRUSTED + 1) {
        Err(error) => return format!("not read: {error}"),
        Ok(block) => block,
    };
    let at = JudgedAt::at(plan().published_time(TIP));
    match adjacent(&trusted, Arc::new(block), &Rules::default(), at) {
        Ok(block) if Some(block.header()) == real.header(TRUSTED + 1) => "accepted".into(),
        Ok(_) => "accepted, and not the real block".into(),
        Err(error) => format!("refused: {error}").split_inclusive(": ").take(2).collect(),
    }
}

fn lie(kind: LieKind, from: u64) -> Lie {
    Lie { kind, from }
}

#[test]
fn each_lie_is_refused_for_what_it_is() {
    let text: Vec<String> = Lie::kinds().map(|kind| format!("{}: {}", Lie::from(kind), told(lie(kind, 11)))).collect();
    expect_test::expect![[r#"
        wrong-hash: refused: header has hash DDE080C907CF121F29B974185B0839E76DDCFD38358FE2F4A7066B2F4467FC5D, the commit is for 9D795ECFC90AB9D819B24AB3C75284D636967B85CFDB24A2845898252F3A00D8
        forged-signature: refused: signature 0 of the commit at height 11: 
        forged-header: refused: signature 0 of the commit at height 11: 
        wrong-validators: refused: validator set has hash BDD6B60E88C0D30AECA927FA87B340FC1B3A24981275EBD122871451FACE4020, the header names A4195E5F8C1D06794A155C38D72CC808DEFD448E1D0F08F7BDA59512977100C7
        other-validators: refused: validator set has hash 4F057615390C110D28177829A9110DF9E5F51716949CEE0B86DE7EC167D9B1A7, the header names A4195E5F8C1D06794A155C38D72CC808DEFD448E1D0F08F7BDA59512977100C7
        other-commit: refused: commit is for height 10, the header has 11
        withheld: not read: result is missing
        pruned: accepted
        stale: accepted
        other-chain: refused: header is of chain "other-rushlight-devnet", wanted is "rushlight-devnet"
        fork: accepted, and not the real block
        slow:1000: 200 Complete after 1s
        silent: 200 Never after 0ns
        busy: 429 Complete after 0ns Too Many Requests
        truncated: 200 breaks off at 50 % after 0ns
        endless: 200 Endless after 0ns
        junk: not read: commit is not JSON of the expected shape at line 1 column 1"#]].assert_eq(&text.join("\n"));
}

#[test]
fn lies_about_later_heights_leave_earlier_ones_alone() {
    for kind in Lie::kinds().filter(|kind| !matches!(kind, LieKind::Pruned | LieKind::OtherChain)) {
        assert_eq!(told(lie(kind, 15)), "accepted", "{kind:?}");
    }
}

#[test]
fn a_fork_is_signed_with_the_real_keys_and_differs_from_its_first_height_on() {
    assert_eq!(told(lie(LieKind::Fork, TRUSTED + 1)), "accepted, and not the real block");
    let (real, fork) = (chain(plan(), TIP), chain(lie(LieKind::Fork, 12).plan(&plan()), TIP));
    for height in 1..=TIP {
        assert_eq!(real.header(height) == fork.header(height), height < 12, "height {height}");
    }
}

#[test]
fn a_stale_node_stays_where_it_is() {
    let real = chain(plan(), TIP);
    let node = Node { chain: &real, tip: TIP, lie: Some(lie(LieKind::Stale, 7)), number: 0 };
    let status = String::from_utf8(get(&node, "/status")).unwrap();
    assert!(status.contains(r#""latest_block_height":"7""#), "{status}");
}

#[test]
fn nodes_have_seen_other_commits_for_the_tip() {
    let real = chain(plan(), TIP);
    let commits: Vec<Vec<u8>> =
        (0..7).map(|number| get(&Node { number, ..honest(&real) }, &format!("/commit?height={TIP}"))).collect();
    let mut distinct = commits.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() > 1);
    for number in 0..7 {
        let block = light_block(&Node { number, ..honest(&real) }, TIP).unwrap();
        assert_eq!(Some(&block.header), real.header(TIP));
        anchor(&real.plan().chain_id, TIP, block.header.hash(), None, block).unwrap();
    }
}

#[test]
fn a_pruned_node_says_what_it_still_has() {
    let real = chain(plan(), TIP);
    let node = Node { chain: &real, tip: TIP, lie: Some(lie(LieKind::Pruned, 7)), number: 0 };
    let answer = String::from_utf8(get(&node, "/commit?height=6")).unwrap();
    assert!(answer.contains("height 6 is not available, lowest height is 7"), "{answer}");
    assert!(light_block(&node, 7).is_ok());
    let status = String::from_utf8(get(&node, "/status")).unwrap();
    assert!(status.contains(r#""earliest_block_height":"7""#), "{status}");
}
