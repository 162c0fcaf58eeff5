//! What a chain makes is what the rules of Tendermint make: read back from its own answers with the core's decoders.

mod asking;

use asking::{chain, honest, light_block};
use rushlight_core::chains::tendermint::types::{CommitSig, ValidatorSet};
use rushlight_core::chains::tendermint::verify::{JudgedAt, Rules, adjacent, anchor, commit_in_full};
use rushlight_core::crypto::KeyKind;
use rushlight_devnet::{ChainPlan, LastCommit, Powers, Release, Rotation, RotationOrder};
use std::sync::Arc;
use std::time::Duration;

fn rotation(every: u64, replace_percent: u8) -> Option<Rotation> {
    Some(Rotation { every, replace_percent, order: RotationOrder::Drawn, powers: true })
}

/// Follows a chain from its first block to its tip, and says what it met on the way.
fn follow(plan: ChainPlan, heights: u64) -> String {
    let tip = plan.initial_height + heights - 1;
    let chain = chain(plan, tip);
    let (plan, node) = (chain.plan(), honest(&chain));
    let at = JudgedAt::at(plan.published_time(tip));
    let rules = Rules { max_clock_drift: Duration::ZERO, ..Rules::default() };
    let first = light_block(&node, plan.initial_height).unwrap();
    let hash = first.header.hash();
    let mut trusted = anchor(&plan.chain_id, plan.initial_height, hash, None, first).unwrap();
    let (mut absent, mut nil, mut late, mut sets) = (0, 0, 0, 1);
    for height in plan.initial_height..=tip {
        let block = light_block(&node, height).unwrap();
        assert_eq!(block.header.hash(), block.commit.block_id.hash);
        assert_eq!(Some(&block.header), chain.header(height));
        assert_eq!(&block.validators, chain.validators(height).unwrap());
        commit_in_full(&plan.chain_id, &block.validators, &block.commit).unwrap();
        absent += block.commit.signatures.iter().filter(|place| **place == CommitSig::Absent).count();
        nil += block.commit.signatures.iter().filter(|place| matches!(place, CommitSig::Nil(_))).count();
        late += usize::from(block.commit.round > 0);
        if height > plan.initial_height {
            let is_new = |v: &&rushlight_core::chains::tendermint::types::Validator| {
                trusted.validators().by_address(&v.address).is_none_or(|(_, old)| old.power != v.power)
            };
            sets += usize::from(block.validators.validators().iter().any(|v| is_new(&v)));
            let whole = chain.block(height).unwrap();
            if plan.last_commit == LastCommit::Full {
                assert_eq!(whole.id(), block.commit.block_id);
                assert_eq!(block.header.last_commit_hash, whole.last_commit.map(|commit| commit.hash()));
            }
            trusted = adjacent(&trusted, Arc::new(block), &rules, at).unwrap();
        }
        if height + 2 <= tip {
            applies(&chain, height);
        }
    }
    format!("{heights} heights, {sets} sets, {absent} absent, {nil} nil, {late} late rounds")
}

/// The updates that a block decides turn the set of the next height into that of the one behind.
fn applies(chain: &rushlight_devnet::Chain, height: u64) {
    let mut members = chain.validators(height + 1).unwrap().validators().to_vec();
    for update in chain.validator_updates(height).unwrap() {
        members.retain(|member| member.address != update.address);
        if update.power > 0 {
            members.push(update);
        }
    }
    assert_eq!(&ValidatorSet::new(members).unwrap(), &**chain.validators(height + 2).unwrap());
}

#[test]
fn a_small_chain_verifies() {
    expect_test::expect!["40 heights, 1 sets, 11 absent, 8 nil, 2 late rounds"]
        .assert_eq(&follow(ChainPlan::default(), 40));
}

#[test]
fn a_rotating_chain_of_one_member_and_more_verifies() {
    let text = [(1, 1), (2, 1), (7, 3)].map(|(validators, every)| {
        follow(ChainPlan { validators, rotation: rotation(every, 30), ..ChainPlan::default() }, 30)
    });
    expect_test::expect![[r#"
        30 heights, 29 sets, 0 absent, 0 nil, 2 late rounds
        30 heights, 29 sets, 0 absent, 0 nil, 2 late rounds
        30 heights, 10 sets, 12 absent, 5 nil, 2 late rounds"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn a_sparse_chain_of_many_validators_verifies() {
    let plan = ChainPlan {
        validators: 150,
        rotation: rotation(4, 10),
        last_commit: LastCommit::Sparse,
        powers: Powers::Equal,
        initial_height: 1_000,
        ..ChainPlan::default()
    };
    expect_test::expect!["12 heights, 3 sets, 72 absent, 57 nil, 0 late rounds"].assert_eq(&follow(plan, 12));
}

#[test]
fn a_chain_of_every_key_type_verifies() {
    let plan = ChainPlan {
        key_kinds: vec![KeyKind::Ed25519, KeyKind::Secp256k1, KeyKind::Secp256k1Eth, KeyKind::MlDsa65],
        release: Release::V0_40,
        rotation: rotation(5, 20),
        ..ChainPlan::default()
    };
    expect_test::expect!["12 heights, 3 sets, 5 absent, 2 nil, 0 late rounds"].assert_eq(&follow(plan, 12));
}

#[test]
fn more_withheld_votes_than_a_commit_can_bear_leave_two_thirds() {
    let plan = ChainPlan { absent_percent: 60, nil_percent: 40, late_round_percent: 100, ..ChainPlan::default() };
    expect_test::expect!["20 heights, 1 sets, 23 absent, 17 nil, 20 late rounds"].assert_eq(&follow(plan, 20));
}

#[test]
fn the_same_plan_gives_the_same_bytes_however_it_is_grown() {
    let plan = ChainPlan { rotation: rotation(3, 20), ..ChainPlan::default() };
    let once = chain(plan.clone(), 700);
    let mut in_steps = rushlight_devnet::Chain::new(plan).unwrap();
    for tip in 1..=700 {
        in_steps.grow_to(tip);
        // Asked about on the way, which fills the caches.
        assert!(in_steps.priorities(tip + 1).is_some());
    }
    for height in [1, 2, 255, 256, 257, 258, 512, 513, 514, 699, 700] {
        assert_eq!(once.header(height), in_steps.header(height));
        assert_eq!(once.commit(height), in_steps.commit(height));
        assert_eq!(once.priorities(height), in_steps.priorities(height));
    }
    assert_eq!(once.priorities(701), in_steps.priorities(701));
}

#[test]
fn plans_that_cannot_be_followed_say_why() {
    let plan = ChainPlan::default;
    let error = |plan: ChainPlan| rushlight_devnet::Chain::new(plan).err().map(|error| error.to_string());
    let text = [
        error(ChainPlan { validators: 0, ..plan() }),
        error(ChainPlan { chain_id: "x".repeat(51), ..plan() }),
        error(ChainPlan { key_kinds: vec![KeyKind::MlDsa65], ..plan() }),
        error(ChainPlan { nil_percent: 101, ..plan() }),
        error(ChainPlan { rotation: rotation(0, 10), ..plan() }),
        error(ChainPlan { initial_height: 0, ..plan() }),
        error(ChainPlan { block_interval: Duration::ZERO, ..plan() }),
        error(ChainPlan { key_kinds: Vec::new(), ..plan() }),
    ]
    .map(Option::unwrap)
    .join("\n");
    expect_test::expect![[r#"
        plan has 0 validators, wanted are 1 to 175
        chain id has 51 bytes, wanted are 1 to 50
        key type MlDsa65 is unknown to V0_38
        nil_percent is 101 percent, wanted is 0 to 100
        rotation every 0 heights, wanted is at least 1
        initial height is 0, wanted is 1 to 9223372036854775807
        block interval is 0ns, wanted is at least 1 ms and at most a day
        plan names no key type"#]]
    .assert_eq(&text);
}
