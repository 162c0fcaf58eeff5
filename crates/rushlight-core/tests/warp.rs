//! Warp sync: every rule of verification, and the machine against peers that lie, stall and leave.

mod fragments;

use expect_test::{Expect, expect};
use fragments::{Plan, World, block_rules, encode_answer};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::{DigestItem, EngineId, Header, NumberWidth};
use rushlight_core::chains::substrate::warp::{FragmentStream, StreamError, WarpError, WarpRules, verify_proof};
use std::sync::Arc;

fn world() -> World {
    World::new(Plan::SMALL)
}

fn check(answer: &[u8], want: Expect) {
    check_with(&WarpRules::default(), answer, want);
}

fn check_with(rules: &WarpRules, answer: &[u8], want: Expect) {
    want.assert_eq(&match verdict(rules, answer) {
        Ok((number, set, finished)) => format!("block {number}, set {set}, finished {finished}"),
        Err(error) => error.to_string(),
    });
}

fn verdict(rules: &WarpRules, answer: &[u8]) -> Result<(u64, u64, bool), WarpError> {
    let proof = verify_proof(&world().genesis(), answer, NumberWidth::U32, rules);
    proof.map(|(head, end)| (head.block().number, head.set().id(), end))
}

#[test]
fn an_honest_proof_leads_to_the_newest_finalized_block() {
    check(&world().answer(0, 100), expect!["block 305, set 30, finished true"]);
    check(&world().answer(0, 7), expect!["block 70, set 7, finished false"]);
    let mut at_a_change = World::new(Plan { above: 0, ..Plan::SMALL });
    check(&at_a_change.answer(0, 100), expect!["block 300, set 30, finished true"]);
}

#[test]
fn each_broken_rule_has_its_error() {
    let mut world = world();
    let mut all: Vec<_> = (0..5).map(|index| world.fragment(index)).collect();
    check(&encode_answer(&[], true), expect!["warp proof has no fragments"]);
    // A set is left out.
    let gap = [all[0].clone(), all[2].clone()];
    check(
        &encode_answer(&gap, false),
        expect!["fragment of block 30: signature of vote 0: signature does not match key and message"],
    );
    let wide = [all[0].clone(), all[4].clone()];
    check(
        &encode_answer(&wide, false),
        expect!["fragment of block 50: votes have weight 1, wanted is 3 (more than two thirds of 4)"],
    );
    all.swap(0, 1);
    check(&encode_answer(&all, false), expect!["fragment is of block 10, wanted is one above 20"]);
    all.swap(0, 1);
    let down = [all[0].clone(), all[1].clone(), all[0].clone()];
    check(&encode_answer(&down, false), expect!["fragment is of block 10, wanted is one above 20"]);
    // A vote is forged: the length behind the votes is one byte.
    let mut forged = all.clone();
    let len = forged[3].len();
    forged[3][len - 40] ^= 1;
    check(
        &encode_answer(&forged, false),
        expect!["fragment of block 40: signature of vote 2: signature does not match key and message"],
    );
    // The header is not the one that was voted for.
    let mut other = all.clone();
    other[1][0] ^= 1;
    check(
        &encode_answer(&other, false),
        expect![
            "fragment of block 20: justification is for block 0x08f529a945431c0c3810ff64a6a54332a41856dee6471516dfb4759de1a40089 at 20, wanted is 0x513a88986b78590160faeb4d6ee77a4cc781b9158e9b1815bca83df3dfaf87b5 at 20"
        ],
    );
    // Blocks of one set, one above the other.
    let plain = World::new(Plan { changes: 0, ..Plan::SMALL }).fragment(0);
    check(&encode_answer(std::slice::from_ref(&plain), true), expect!["block 5, set 0, finished true"]);
    check(
        &encode_answer(std::slice::from_ref(&plain), false),
        expect!["fragment of block 5 announces no set, which only the last one of a finished proof may do"],
    );
    check(
        &encode_answer(&[plain, all[0].clone()], true),
        expect!["fragment of block 5 announces no set, which only the last one of a finished proof may do"],
    );
    check(&[&encode_answer(&all, true)[..], &[0]].concat(), expect!["warp proof: 1 bytes stand behind the value"]);
    check(
        &encode_answer(&all, true)[..900],
        expect!["fragment 1: header: ends within a value: 166 bytes wanted, 81 left"],
    );
    check(
        &encode_answer(&all, true)[..encode_answer(&all, true).len() - 8],
        expect!["fragment 4: justification: ends within a value: 396 bytes wanted, 390 left"],
    );
    check(&[], expect!["warp proof: ends within a value: 1 bytes wanted, 0 left"]);
    assert!(matches!(verdict(&WarpRules::default(), &[]), Err(WarpError::Stream(StreamError::Scale(_)))));
    let short = |len: usize| verdict(&WarpRules::default(), &encode_answer(&all, true)[..len]).unwrap_err();
    assert!(matches!(short(900), WarpError::Stream(StreamError::Header { index: 1, .. })));
    let len = encode_answer(&all, true).len() - 8;
    assert!(matches!(short(len), WarpError::Stream(StreamError::Justification { index: 4, .. })));
    let mut header = encode_answer(&all, true);
    header[1 + 32 + 1 + 64 + 1] = 3;
    check(&header, expect!["fragment 0: item 0 of the digest has type 3, known are 0, 4, 5, 6 and 8"]);
}

#[test]
fn what_a_header_announces_must_be_a_set_that_votes_at_once() {
    let mut world = world();
    let mut with = |body: Vec<u8>| {
        let mut header = world.header(0);
        header.digest = vec![DigestItem::Consensus(EngineId::GRANDPA, body)];
        encode_answer(&[world.justified(0, &header)], true)
    };
    check(
        &with([&[1, 0][..], &[0; 4]].concat()),
        expect!["fragment of block 10 announces: set 1 has no authority with weight"],
    );
    check(
        &with([&[1, 4][..], &[9; 32], &1_u64.to_le_bytes(), &[2, 0, 0, 0]].concat()),
        expect!["fragment of block 10 announces a set that comes into force 2 blocks later"],
    );
    // A forced change is no change that the old set proves.
    check(
        &with([&[2, 0, 0, 0, 0, 4][..], &[9; 32], &1_u64.to_le_bytes(), &[0; 4]].concat()),
        expect!["block 10, set 0, finished true"],
    );
    // Weights count.
    let heavy = [&[1, 4][..], &[9; 32], &7_u64.to_le_bytes(), &[0; 4]].concat();
    check(&with(heavy), expect!["block 10, set 1, finished true"]);
}

#[test]
fn what_the_specification_refuses_is_no_way() {
    let mut world = world();
    let (answer, other) = (world.answer(0, 5), Hash([7; 32]));
    let blocks: Vec<_> = (0..5).map(|index| world.block(index)).collect();
    let rules =
        |bad: &[Hash], forks: &[(u64, Hash)]| WarpRules { blocks: block_rules(bad, forks), ..WarpRules::default() };
    let good: Vec<_> = blocks.iter().map(|block| (block.number, block.hash)).collect();
    check_with(&rules(&[other], &good), &answer, expect!["block 50, set 5, finished false"]);
    check_with(
        &rules(&[blocks[3].hash], &[]),
        &answer,
        expect![
            "warp proof: block 40 0x1ce3173ca89d10e4e35c4aace5ab2c7d00b3c292880e7f65dec5c8037e8dc110 is among the specification's badBlocks"
        ],
    );
    check_with(
        &rules(&[], &[(20, other)]),
        &answer,
        expect![
            "warp proof: block 20 is 0x08f529a945431c0c3810ff64a6a54332a41856dee6471516dfb4759de1a40089, but the specification's forkBlocks want 0x0707070707070707070707070707070707070707070707070707070707070707"
        ],
    );
}

#[test]
fn a_hard_fork_of_the_set_is_the_users_word() {
    // From the third change on another set votes than the one that was announced, which the second one's votes do not tell.
    let mut world = world();
    let heads: Vec<Vec<u8>> = (0..2).map(|index| world.fragment(index)).collect();
    let (behind_two, fork_header) = (1 + heads.concat().len(), world.header(2));
    let mut other = World::new(Plan { fork: 7, ..Plan::SMALL });
    // Nobody's votes of the old sets stand behind the block itself.
    let fork = other.justified(2, &fork_header);
    let above: Vec<Vec<u8>> = (3..6).map(|index| other.fragment(index)).collect();
    let answer = encode_answer(&[heads, vec![fork], above].concat(), false);
    check(&answer, expect!["fragment of block 30: no vote is by a member of the set"]);
    let set = Arc::new(other.set(3));
    let rules = WarpRules { hard_forks: Arc::new([(fork_header.hash(), set)].into()), ..WarpRules::default() };
    check_with(&rules, &answer, expect!["block 60, set 6, finished false"]);
    // Blocks before it and behind it are proven by votes, also where one batch holds all of them.
    let mut forged = answer.clone();
    let len = forged.len();
    forged[len - 40] ^= 1;
    check_with(
        &rules,
        &forged,
        expect!["fragment of block 60: signature of vote 2: signature does not match key and message"],
    );
    let mut forged = answer;
    forged[behind_two - 40] ^= 1;
    check_with(
        &rules,
        &forged,
        expect!["fragment of block 20: signature of vote 2: signature does not match key and message"],
    );
    // A hard fork at a block that announces nothing, in the middle: the set changes by the user's word.
    let mut silent = World::new(Plan { fork: 7, ..Plan::SMALL });
    let quiet = Header { digest: vec![], ..silent.header(2) };
    let above: Vec<Vec<u8>> = (3..6).map(|index| silent.fragment(index)).collect();
    let heads: Vec<Vec<u8>> = (0..2).map(|index| world.fragment(index)).collect();
    let answer = encode_answer(&[heads, vec![silent.justified(2, &quiet)], above].concat(), false);
    check(&answer, expect!["fragment of block 30: no vote is by a member of the set"]);
    let set = Arc::new(silent.set(3));
    let rules_of_quiet = WarpRules { hard_forks: Arc::new([(quiet.hash(), set)].into()), ..WarpRules::default() };
    check_with(&rules_of_quiet, &answer, expect!["block 60, set 6, finished false"]);
    // A hard fork without anything else to verify.
    check_with(
        &rules,
        &encode_answer(&[other.justified(2, &fork_header)], false),
        expect!["block 30, set 3, finished false"],
    );
}

#[test]
fn a_stream_gives_the_same_fragments_in_any_pieces() {
    let answer = world().answer(0, 100);
    let whole = pieces(&answer, answer.len());
    assert_eq!(whole.len(), 31);
    for size in [1, 7, 100, 1_000, 4_096] {
        assert_eq!(pieces(&answer, size), whole, "{size}");
    }
}

fn pieces(answer: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut stream = FragmentStream::new(NumberWidth::U32);
    let mut found = vec![];
    for chunk in answer.chunks(size) {
        stream.receive(chunk).expect("the answer is small");
        while let Some(fragment) = stream.next_fragment().expect("the answer is honest") {
            found.push(fragment.bytes().to_vec());
        }
        // Never more than one fragment and what came with its end.
        assert!(stream.size_bytes() <= 4_096 + 2 * size.max(4_096));
    }
    loop {
        match stream.end().expect("the answer is honest") {
            Ok(fragment) => found.push(fragment.bytes().to_vec()),
            Err(finished) => {
                assert!(finished);
                return found;
            }
        }
    }
}

#[test]
fn a_stream_without_end_is_refused() {
    let mut stream = FragmentStream::new(NumberWidth::U32);
    // One fragment, whose header has one item of eight mebibytes, which is more than a header may have.
    stream.receive(&[&[4][..], &[0; 97], &[4, 0, 2, 0, 0, 2]].concat()).expect("nothing is wrong so far");
    let mut last = Ok(());
    for _ in 0..300 {
        last = stream.receive(&[0; 1 << 16]).and_then(|()| stream.next_fragment().map(|_| ()));
        if last.is_err() {
            break;
        }
    }
    assert!(last.is_err(), "{last:?}");
    let mut stream = FragmentStream::new(NumberWidth::U32);
    let mut last = Ok(());
    for _ in 0..300 {
        last = stream.receive(&[0; 1 << 16]);
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(StreamError::FragmentTooLarge { index: 0 })), "{last:?}");
    let mut stream = FragmentStream::new(NumberWidth::U32);
    assert_eq!(stream.receive(&vec![0; (16 << 20) + 1]), Err(StreamError::ResponseTooLarge));
}
