//! Properties of verification that no fixture shows: whatever the order, the bit, the mix of schemes or the powers.
#![cfg(feature = "tendermint")]

mod verify_chain;

use proptest::prelude::*;
use rushlight_core::chains::tendermint::decode::protobuf;
use rushlight_core::chains::tendermint::types::{CommitSig, LightBlock, TOTAL_POWER_MAX, Validator, ValidatorSet};
use rushlight_core::chains::tendermint::verify::{self, Rules, TrustLevel, VerifyError};
use rushlight_core::crypto::KeyKind;
use rushlight_core::crypto::batch::SignatureBatch;
use std::sync::{Arc, LazyLock};
use verify_chain::{CHAIN_ID, Key, Signers, anchor, at, chain, rules};

const KINDS: [KeyKind; 4] = [KeyKind::Ed25519, KeyKind::Secp256k1, KeyKind::Secp256k1Eth, KeyKind::MlDsa65];

/// Every bit of a block matters: flipped, it is refused, or it says nothing that a block is made of.
#[test]
fn flipping_any_one_bit_of_a_block_is_noticed() {
    let signers = Signers::equal(0..3, 10);
    let blocks = chain(&[&signers; 2]);
    let trusted = anchor(&blocks[0], &signers);
    let accepted = |block: LightBlock| {
        let is_signed_in_full = verify::commit_in_full(CHAIN_ID, &block.validators, &block.commit).is_ok();
        is_signed_in_full && verify::adjacent(&trusted, Arc::new(block), &rules(), at(60)).is_ok()
    };
    assert!(accepted(blocks[1].clone()));
    let bytes = blocks[1].to_protobuf();
    let (mut unread, mut undecoded, mut refused) = (0, 0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match protobuf::light_block(&flipped) {
            Err(_) => undecoded += 1,
            Ok(block) if block == blocks[1] => unread += 1,
            Ok(block) => {
                assert!(!accepted(block), "bit {bit} of {} is flipped", bytes.len() * 8);
                refused += 1;
            }
        }
    }
    println!("{} bits: {undecoded} not decoded, {refused} refused, {unread} without a meaning", bytes.len() * 8);
    // What has no meaning: the total power of the set, which is summed up anew, and tags of it.
    assert!(unread < 32, "{unread} bits have no meaning");
    assert!(refused > 2_000);
}

/// With the light check only the signatures beyond two thirds may differ.
#[test]
fn flipping_a_bit_of_a_needed_signature_is_noticed() {
    let signers = Signers::equal(0..4, 10);
    let blocks = chain(&[&signers; 2]);
    for index in 0..4 {
        for bit in 0..512 {
            let mut block = blocks[1].clone();
            if let CommitSig::Commit(vote) = &mut block.commit.signatures[index] {
                let mut signature = vote.signature.as_bytes().to_vec();
                signature[bit / 8] ^= 1 << (bit % 8);
                vote.signature = rushlight_core::chains::tendermint::types::Signature::from_bytes(&signature);
            }
            let light = verify::commit_light(CHAIN_ID, &block.validators, &block.commit);
            // Three of four are more than two thirds: the fourth is not needed.
            match light {
                Ok(_) => assert_eq!(index, 3),
                Err(VerifyError::BadSignature { index: bad, .. }) => assert_eq!(bad, index),
                Err(other) => panic!("{other}"),
            }
            assert!(verify::commit_in_full(CHAIN_ID, &block.validators, &block.commit).is_err());
        }
    }
}

/// A key, a message, and the signature over it.
type Signed = (Key, Vec<u8>, Vec<u8>);

/// Three good signatures of each scheme; making them is the slow part.
static SIGNED: LazyLock<Vec<Signed>> = LazyLock::new(|| {
    let keys = KINDS.iter().flat_map(|kind| (0..3).map(|number| Key::new(*kind, number)));
    keys.map(|key| {
        let message = format!("message of {:?}", key.kind).into_bytes();
        let signature = key.sign(&message);
        (key, message, signature)
    })
    .collect()
});

/// How an item of a batch is spoilt, if it is.
#[derive(Clone, Copy, Debug)]
enum Spoilt {
    No,
    Bit(u16),
    Message,
    Short,
    Empty,
}

fn spoilt() -> impl Strategy<Value = Spoilt> {
    prop_oneof![
        12 => Just(Spoilt::No),
        1 => any::<u16>().prop_map(Spoilt::Bit),
        1 => Just(Spoilt::Message),
        1 => Just(Spoilt::Short),
        1 => Just(Spoilt::Empty),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_says_what_single_checks_say(
        items in prop::collection::vec((0_usize..12, spoilt(), any::<bool>()), 0..24),
    ) {
        let mut batch = SignatureBatch::new();
        let (mut group, mut item, mut first_bad) = (0, 0, None);
        for (index, how, ends_group) in &items {
            let (key, mut message, mut signature) = SIGNED[*index].clone();
            match how {
                Spoilt::No => {}
                Spoilt::Bit(bit) => {
                    let bit = usize::from(*bit) % (signature.len() * 8);
                    signature[bit / 8] ^= 1 << (bit % 8);
                }
                Spoilt::Message => message.push(0),
                Spoilt::Short => drop(signature.pop()),
                Spoilt::Empty => signature.clear(),
            }
            let public = key.public();
            if let (Err(why), None) = (public.verify(&message, &signature), first_bad) {
                first_bad = Some((group, item, why));
            }
            batch.push(&public, &message, &signature);
            item += 1;
            if *ends_group {
                batch.end_group();
                (group, item) = (group + 1, 0);
            }
        }
        batch.end_group();
        let got = batch.verify().outcome().map_err(|bad| (bad.group, bad.item, bad.why));
        prop_assert_eq!(got, first_bad.map_or(Ok(()), Err));
    }

    #[test]
    fn the_order_in_which_validators_come_does_not_matter(
        powers in prop::collection::vec(1_u64..4, 1..8),
        order in any::<prop::sample::Index>(),
        swaps in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..8),
    ) {
        let members: Vec<Validator> = powers
            .iter()
            .enumerate()
            .map(|(number, power)| Validator::new(Key::new(KeyKind::Ed25519, number as u64).public(), *power).unwrap())
            .collect();
        let mut shuffled = members.clone();
        shuffled.rotate_left(order.index(members.len()));
        for (a, b) in swaps {
            shuffled.swap(a.index(members.len()), b.index(members.len()));
        }
        prop_assert_eq!(ValidatorSet::new(shuffled).unwrap(), ValidatorSet::new(members).unwrap());
    }

    #[test]
    fn tallies_are_those_of_whole_numbers(
        shares in prop::collection::vec((1_u64..1_000, any::<bool>()), 1..7),
        scale in prop_oneof![Just(1_u64), Just(TOTAL_POWER_MAX / 8_000)],
        extra in 0_u64..3,
    ) {
        let members: Vec<(Key, u64)> = shares
            .iter()
            .enumerate()
            .map(|(number, (share, _))| (Key::new(KeyKind::Ed25519, number as u64), share * scale + extra))
            .collect();
        let signers = Signers::of(&members);
        let mut block = chain(&[&signers])[0].clone();
        let absent: Vec<_> = members.iter().zip(&shares).filter(|(_, (_, votes))| !votes).collect();
        for ((key, _), _) in &absent {
            let address = Validator::new(key.public(), 1).unwrap().address;
            let place = signers.set.by_address(&address).unwrap().0;
            block.commit.signatures[place] = CommitSig::Absent;
        }
        let total: u128 = members.iter().map(|(_, power)| u128::from(*power)).sum();
        let voted = total - absent.iter().map(|((_, power), _)| u128::from(*power)).sum::<u128>();
        match verify::commit_light(CHAIN_ID, &block.validators, &block.commit) {
            Ok(power) => {
                prop_assert!(3 * voted > 2 * total);
                prop_assert_eq!(u128::from(power.total), total);
                prop_assert!(3 * u128::from(power.counted) > 2 * total && u128::from(power.counted) <= voted);
            }
            Err(VerifyError::TooLittlePower { got, .. }) => {
                prop_assert!(3 * voted <= 2 * total);
                prop_assert_eq!(u128::from(got), voted);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn thresholds_round_as_exact_fractions_do(
        total in 1..=TOTAL_POWER_MAX,
        signed in any::<u64>(),
        level in prop_oneof![Just((1_u64, 3_u64)), Just((2, 3)), Just((1, 2)), Just((1, 1)), Just((u64::MAX / 2, u64::MAX))],
    ) {
        let signed = signed % (total + 1);
        let exact = u128::from(signed) * u128::from(level.1) > u128::from(total) * u128::from(level.0);
        prop_assert_eq!(signed > TrustLevel::new(level.0, level.1).unwrap().threshold(total), exact);
    }
}

/// Exactly two thirds, or exactly the trust level, is not more than that.
#[test]
fn exactly_a_third_and_two_thirds_are_too_little() {
    let power = |number, power| (Key::new(KeyKind::Ed25519, number), power);
    let huge = TOTAL_POWER_MAX / 3;
    for (a, b, is_enough) in [(20, 10, false), (21, 10, true), (2 * huge, huge, false), (2 * huge - 1, huge - 1, true)]
    {
        let signers = Signers::of(&[power(0, a), power(1, b)]);
        let mut block = chain(&[&signers])[0].clone();
        block.commit.signatures[1] = CommitSig::Absent;
        let light = verify::commit_light(CHAIN_ID, &block.validators, &block.commit);
        assert_eq!(light.is_ok(), is_enough, "{a} of {}: {light:?}", a + b);
    }
    // Of the trusted set only key 0 goes on to sign; the new set is its own two thirds.
    for (stays, leaves, is_enough) in
        [(10, 20, false), (11, 20, true), (huge, 2 * huge, false), (huge, 2 * huge - 2, true)]
    {
        let old = Signers::of(&[power(0, stays), power(1, leaves)]);
        let new = Signers::of(&[power(0, 1), power(2, 1)]);
        let blocks = chain(&[&old, &old, &new, &new]);
        let skipped = verify::skipping(&anchor(&blocks[0], &old), Arc::new(blocks[3].clone()), &rules(), at(60));
        match &skipped {
            Ok(_) => assert!(is_enough),
            Err(VerifyError::NotEnoughTrust { got, .. }) => assert!(!is_enough && *got == stays),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(skipped.is_ok(), is_enough, "{stays} of {}", stays + leaves);
    }
}

/// Sets without a common member: another block in between is needed, nobody lied.
#[test]
fn disjoint_sets_ask_for_a_block_in_between() {
    for count in 1..8 {
        let (old, new) = (Signers::equal(0..count, 10), Signers::equal(100..100 + count, 10));
        let blocks = chain(&[&old, &old, &new, &new]);
        for level in [TrustLevel::ONE_THIRD, TrustLevel::new(2, 3).unwrap(), TrustLevel::new(1, 1).unwrap()] {
            let rules = Rules { trust_level: level, ..rules() };
            let refused = verify::skipping(&anchor(&blocks[0], &old), Arc::new(blocks[3].clone()), &rules, at(60));
            assert!(matches!(refused, Err(VerifyError::NotEnoughTrust { got: 0, .. })), "{refused:?}");
        }
    }
}

/// A set of every scheme at once signs a chain that is followed step by step and by a jump.
#[test]
fn mixed_sets_are_followed() {
    let members: Vec<(Key, u64)> = KINDS.iter().map(|kind| (Key::new(*kind, 1), 10)).collect();
    let mixed = Signers::of(&members);
    let blocks = chain(&[&mixed; 4]);
    let mut trusted = anchor(&blocks[0], &mixed);
    let jumped = verify::skipping(&trusted, Arc::new(blocks[3].clone()), &rules(), at(60)).unwrap();
    for block in &blocks[1..] {
        assert!(verify::commit_in_full(CHAIN_ID, &block.validators, &block.commit).is_ok());
        trusted = verify::adjacent(&trusted, Arc::new(block.clone()), &rules(), at(60)).unwrap();
    }
    assert_eq!(trusted.hash(), jumped.hash());
}
