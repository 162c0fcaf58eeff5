//! Properties of verification itself, checked on chains drawn from a seed: no network, no node.
//!
//! P1 order of validators; P2 flipped bits; P3 batch and single verdicts; P4 thresholds against big integers; P5 skipping
//! against the honest chain; P6 disjoint sets; P11 time travel; P12 bundles and checkpoints. The simulator itself looks
//! after P5, P7, P8, P9, P11 and P12 for the whole node.

use crate::dice::Dice;
use crate::forge::{Signer, forge_block};
use rushlight_core::base::UnixTime;
use rushlight_core::bundle::{Bundle, Checkpoint};
use rushlight_core::chains::tendermint::NAME;
use rushlight_core::chains::tendermint::bundle;
use rushlight_core::chains::tendermint::decode::protobuf;
use rushlight_core::chains::tendermint::types::{
    CommitSig, LightBlock, Signature, TOTAL_POWER_MAX, ValidatorSet, Vote,
};
use rushlight_core::chains::tendermint::verify::{
    self, JudgedAt, Range, Rules, TrustLevel, VerifiedBlock, VerifyError,
};
use rushlight_devnet::Chain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often each property was put to the test, by name; a run that tested nothing proves nothing.
pub type Counts = BTreeMap<&'static str, u64>;

/// Checks the properties on `chain`, with everything that is left to chance drawn from `seed`.
/// # Panics
/// If a property does not hold.
pub fn check(chain: &Chain, seed: u64, counts: &mut Counts) {
    let mut dice = Dice::new(seed, "properties");
    for _ in 0..4 {
        let (from, to) = two_heights(chain, &mut dice);
        let trusted = anchored(chain, from);
        let target = Arc::new(light_block(chain, to));
        shuffled_validators(&trusted, &target, &mut dice, counts);
        flipped_bits(&trusted, &target, &mut dice, counts);
        time_travel(&trusted, &target, counts);
        skipping_is_honest(chain, &trusted, &target, counts);
    }
    batch_is_single(chain, &mut dice, counts);
    bundle_round_trip(chain, &mut dice, counts);
    thresholds(&mut dice, counts);
}

fn count(counts: &mut Counts, property: &'static str) {
    *counts.entry(property).or_default() += 1;
}

fn rules() -> Rules {
    Rules { trusting_period: Duration::from_secs(86_400), ..Rules::default() }
}

fn after(chain: &Chain) -> JudgedAt {
    JudgedAt::at(chain.plan().published_time(chain.tip()))
}

fn two_heights(chain: &Chain, dice: &mut Dice) -> (u64, u64) {
    let from = dice.within(chain.plan().initial_height..chain.tip());
    // Half of them adjacent, because other rules hold there.
    let to = if dice.chance(50) { from + 1 } else { dice.within(from + 1..chain.tip() + 1) };
    (from, to)
}

/// Returns the light block of `chain` at `height`, which must be there.
pub(crate) fn light_block(chain: &Chain, height: u64) -> LightBlock {
    LightBlock {
        header: chain.header(height).expect("the chain has this height").clone(),
        commit: chain.commit(height).expect("the chain has this height").as_ref().clone(),
        validators: Arc::clone(chain.validators(height).expect("the chain has this height")),
    }
}

/// Returns the block at `height` as a user's checkpoint makes it trusted.
fn anchored(chain: &Chain, height: u64) -> VerifiedBlock {
    let block = light_block(chain, height);
    let hash = block.header.hash();
    let trusted = verify::anchor(&chain.plan().chain_id, height, hash, None, block).expect("an honest block");
    let next = Arc::clone(chain.validators(height + 1).expect("the set after a block is known with it"));
    trusted.with_next_validators(next).expect("an honest header names its next set")
}

/// P1: the order in which validators come never changes the verdict.
fn shuffled_validators(trusted: &VerifiedBlock, target: &Arc<LightBlock>, dice: &mut Dice, counts: &mut Counts) {
    let mut members = target.validators.validators().to_vec();
    dice.shuffle(&mut members);
    let shuffled = ValidatorSet::new(members).expect("the order does not matter");
    assert_eq!(shuffled, *target.validators);
    let block = Arc::new(LightBlock { validators: Arc::new(shuffled), ..target.as_ref().clone() });
    let at = JudgedAt::at(target.header.time);
    assert_eq!(
        verify::skipping(trusted, block, &rules(), at),
        verify::skipping(trusted, Arc::clone(target), &rules(), at)
    );
    count(counts, "P1 shuffled validators");
}

/// P2: one flipped bit anywhere makes an accepted block a refused one, except in votes that were not needed; and with
/// every vote checked even those.
fn flipped_bits(trusted: &VerifiedBlock, target: &Arc<LightBlock>, dice: &mut Dice, counts: &mut Counts) {
    let at = JudgedAt::at(target.header.time);
    if verify::skipping(trusted, Arc::clone(target), &rules(), at).is_err() {
        return;
    }
    let honest = target.to_protobuf();
    for _ in 0..6 {
        let mut bytes = honest.clone();
        let bit = dice.within(0..8 * bytes.len() as u64) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        // A flip can also hit what means nothing: an unknown field's number, a value that is a default anyway.
        let Ok(flipped) = protobuf::light_block(&bytes).map(Arc::new) else {
            count(counts, "P2 flipped bits refused by the decoder");
            continue;
        };
        if flipped == *target {
            continue;
        }
        match verify::skipping(trusted, Arc::clone(&flipped), &rules(), at) {
            Err(_) => count(counts, "P2 flipped bits refused by a rule"),
            Ok(_) => {
                assert_eq!(flipped.header, target.header, "bit {bit}: another header was accepted");
                assert_eq!(flipped.validators, target.validators, "bit {bit}: another set was accepted");
                assert_eq!(flipped.commit.block_id, target.commit.block_id, "bit {bit}: another block was accepted");
                let full = verify::commit_in_full(&flipped.header.chain_id, &flipped.validators, &flipped.commit);
                assert!(full.is_err(), "bit {bit}: every vote was checked and the flip not found");
                count(counts, "P2 flipped bits in votes that were not needed");
            }
        }
    }
}

/// P11: from the moment on at which trust ends, nothing is accepted; just before it, it is.
fn time_travel(trusted: &VerifiedBlock, target: &Arc<LightBlock>, counts: &mut Counts) {
    let tight = Rules { trusting_period: Duration::from_secs(3_600), ..rules() };
    let end = trusted.time().after(tight.trusting_period);
    let before = UnixTime::from_unix_nanos(end.unix_nanos() - 1);
    let verdict = |at| verify::skipping(trusted, Arc::clone(target), &tight, JudgedAt::at(at));
    let is_expired = |at| matches!(verdict(at), Err(VerifyError::TrustExpired { .. }));
    assert!(!is_expired(before), "trust ends too early");
    for at in [end, end.after(Duration::from_nanos(1)), end.after(Duration::from_secs(1_000_000_000))] {
        assert!(is_expired(at), "trust in {} lasts at {at}: {:?}", trusted.time(), verdict(at).map(|_| ()));
        assert!(verify::is_trusted_at(trusted, &tight, JudgedAt::at(at)).is_err());
    }
    // Time passes while signatures are checked: the part was accepted in time and must not be released.
    let mut range = Range::start(trusted);
    if range.push_skipping(trusted, Arc::clone(target), &tight, JudgedAt::at(before)).is_ok() {
        let (work, sealed) = range.seal();
        let refused = sealed.release(trusted, work.run(), &tight, JudgedAt::at(end));
        assert!(matches!(refused, Err(refused) if matches!(refused.error, VerifyError::TrustExpired { .. })));
        count(counts, "P11 trust ended while signatures were checked");
    }
    count(counts, "P11 time travel");
}

/// P5: what skipping accepts is the honest header, which walking every height gives too.
/// P6: when sets are disjoint, skipping asks for a block in between and accuses nobody.
fn skipping_is_honest(chain: &Chain, trusted: &VerifiedBlock, target: &Arc<LightBlock>, counts: &mut Counts) {
    let (at, height) = (after(chain), target.header.height);
    let basis = trusted.next_validators().expect("anchored with it");
    let is_disjoint = target.validators.validators().iter().all(|member| basis.by_address(&member.address).is_none());
    match verify::skipping(trusted, Arc::clone(target), &rules(), at) {
        Ok(block) => {
            let walked = walk(chain, trusted, height);
            assert_eq!(block.hash(), walked.hash(), "skipping and walking differ at {height}");
            assert!(!is_disjoint || height == trusted.height() + 1, "skipped to a set that nobody vouches for");
            count(counts, "P5 skipping gives what walking gives");
        }
        Err(VerifyError::NotEnoughTrust { .. }) => {
            let property = if is_disjoint { "P6 disjoint sets" } else { "P6 too little overlap" };
            count(counts, property);
        }
        Err(error) => panic!("an honest block at {height} is refused: {error}"),
    }
}

fn walk(chain: &Chain, trusted: &VerifiedBlock, to: u64) -> VerifiedBlock {
    let mut range = Range::start(trusted);
    for height in trusted.height() + 1..=to {
        range.push_adjacent(Arc::new(light_block(chain, height)), &rules(), after(chain)).expect("an honest block");
    }
    let (work, sealed) = range.seal();
    let blocks = sealed.release(trusted, work.run(), &rules(), after(chain)).expect("honest signatures");
    blocks.into_iter().next_back().expect("one height at least")
}

/// P3: a batch over many heights refuses exactly what checking each height alone refuses, and names the first.
fn batch_is_single(chain: &Chain, dice: &mut Dice, counts: &mut Counts) {
    let from = dice.within(chain.plan().initial_height..chain.tip());
    let to = chain.tip().min(from + 12);
    let trusted = anchored(chain, from);
    let mut blocks: Vec<LightBlock> = (from + 1..=to).map(|height| light_block(chain, height)).collect();
    for block in &mut blocks {
        if dice.chance(20) {
            spoil(&mut block.commit.signatures, dice);
        }
    }
    let at = after(chain);
    let mut range = Range::start(&trusted);
    let mut alone = Ok(trusted.clone());
    for block in blocks {
        let block = Arc::new(block);
        range.push_adjacent(Arc::clone(&block), &rules(), at).expect("only signatures are spoilt");
        alone = alone.and_then(|last: VerifiedBlock| {
            verify::adjacent(&last, block, &rules(), at).map_err(|error| (last.height() + 1, error))
        });
    }
    let (work, sealed) = range.seal();
    let batch = sealed.release(&trusted, work.run(), &rules(), at);
    match (batch, alone) {
        (Ok(blocks), Ok(last)) => {
            assert_eq!(blocks.last().map(VerifiedBlock::hash), Some(last.hash()));
            count(counts, "P3 batches that hold");
        }
        (Err(refused), Err((height, error))) => {
            assert_eq!((refused.height, refused.error), (height, error));
            count(counts, "P3 batches that do not hold");
        }
        (batch, alone) => panic!("the batch says {:?}, one by one {:?}", batch.map(|_| ()), alone.map(|_| ())),
    }
}

fn spoil(votes: &mut [CommitSig], dice: &mut Dice) {
    let index = dice.within(0..votes.len() as u64) as usize;
    if let CommitSig::Commit(vote) | CommitSig::Nil(vote) = &mut votes[index] {
        let mut bytes = vote.signature.as_bytes().to_vec();
        let at = dice.within(0..bytes.len() as u64) as usize;
        bytes[at] ^= 1 << dice.within(0..8);
        vote.signature = Signature::from_bytes(&bytes);
    }
}

/// P12: a checkpoint and a bundle come back from their encoding as they were, and verify with nothing but themselves.
fn bundle_round_trip(chain: &Chain, dice: &mut Dice, counts: &mut Counts) {
    let (from, to) = two_heights(chain, dice);
    let mut path = vec![anchored(chain, from)];
    let mut pivot = to;
    while let Some(last) = path.last().filter(|last| last.height() < to) {
        match verify::skipping(last, Arc::new(light_block(chain, pivot)), &rules(), after(chain)) {
            Ok(block) => {
                let next = chain.validators(pivot + 1).expect("the set after a block is known with it");
                path.push(block.with_next_validators(Arc::clone(next)).expect("an honest header names its next set"));
                pivot = to;
            }
            Err(_) => pivot = last.height() + (pivot - last.height()) / 2,
        }
    }
    let first = &path[0];
    let checkpoint = Checkpoint {
        family: NAME,
        chain_id: chain.plan().chain_id.clone(),
        height: first.height(),
        hash: first.hash(),
        anchor: bundle::anchor(first.time()),
    };
    let text = checkpoint.to_text().expect("a planned chain id can be written");
    assert!(text.len() < 200, "{text}");
    assert_eq!(Checkpoint::from_text(&text).as_ref(), Ok(&checkpoint));
    let bytes = bundle::encode(&checkpoint, &path).expect("a short path fits");
    let decoded = Bundle::decode(&bytes).expect("what was encoded is decoded");
    assert_eq!(decoded.encode().as_ref(), Ok(&bytes), "one bundle has one encoding");
    let proven = bundle::verify(&decoded, &checkpoint, &rules(), after(chain)).expect("an honest path verifies");
    assert_eq!(Some(proven.hash()), chain.header(to).map(|header| header.hash()));
    let late = JudgedAt::at(chain.plan().published_time(to).after(rules().trusting_period));
    assert!(bundle::verify(&decoded, &checkpoint, &rules(), late).is_err(), "an expired bundle verifies");
    count(counts, "P12 bundles");
    let mut damaged = bytes.clone();
    let bit = dice.within(0..8 * damaged.len() as u64) as usize;
    damaged[bit / 8] ^= 1 << (bit % 8);
    if let Ok(damaged) = Bundle::decode(&damaged)
        && let Ok(other) = bundle::verify(&damaged, &checkpoint, &rules(), after(chain))
    {
        // Only a vote that was not needed can differ: the header cannot.
        assert_eq!(other.hash(), proven.hash(), "a damaged bundle proves another header");
    }
    count(counts, "P12 damaged bundles");
}

/// P4: tallies agree with big integers up to the largest power there is: exactly a third and exactly two thirds fail,
/// one unit more passes. P6: without overlap it is too little trust, not a fault.
fn thresholds(dice: &mut Dice, counts: &mut Counts) {
    let total = match dice.within(0..3) {
        0 => TOTAL_POWER_MAX,
        1 => TOTAL_POWER_MAX - dice.within(0..1_000),
        _ => dice.within(10..10_000),
    };
    let level = TrustLevel::new(dice.within(1..4), 3).expect("1/3, 2/3 and 3/3 are trust levels");
    let rules = Rules { trust_level: level, ..rules() };
    let signer = |number: u64, dice: &mut Dice| Signer::new(dice.next() ^ number);
    let (ours, theirs, other) = (signer(1, dice), signer(2, dice), signer(3, dice));

    // Own set: `ours` alone signs.
    let two_thirds = u64::try_from(u128::from(total) * 2 / 3).expect("less than total");
    for (power, is_enough) in [(two_thirds, false), (two_thirds + 1, true)] {
        let set = ValidatorSet::new(vec![ours.member(power), theirs.member(total - power)]).expect("two members");
        let block = forge_block(10, &set, &set, &[&ours]);
        let verdict = verify::commit_light(&block.header.chain_id, &block.validators, &block.commit);
        assert_eq!(verdict.is_ok(), is_enough, "{power} of {total}: {verdict:?}");
        assert!(is_enough || matches!(verdict, Err(VerifyError::TooLittlePower { .. })), "{verdict:?}");
        assert_eq!(is_enough, u128::from(power) * 3 > u128::from(total) * 2);
        count(counts, "P4 two thirds of the own set");
    }

    // Trusted set: `ours` has just so much in it, and everything in the new one.
    let threshold = level.threshold(total);
    let powers = [(threshold, false), (threshold + 1, true)];
    for (power, is_enough) in powers.into_iter().filter(|(power, _)| (1..total).contains(power)) {
        let basis = ValidatorSet::new(vec![ours.member(power), theirs.member(total - power)]).expect("two members");
        let new = ValidatorSet::new(vec![ours.member(5), other.member(1)]).expect("two members");
        let trusted = forge_block(10, &basis, &basis, &[&ours, &theirs]);
        let target = forge_block(20, &new, &new, &[&ours, &other]);
        let verdict = skip(trusted, target, &rules);
        assert_eq!(verdict.is_ok(), is_enough, "{power} of {total} at {level}: {verdict:?}");
        assert!(is_enough || matches!(verdict, Err(VerifyError::NotEnoughTrust { .. })), "{verdict:?}");
        count(counts, "P4 the trust level of a trusted set");
    }
    let basis = ValidatorSet::new(vec![theirs.member(total)]).expect("one member");
    let new = ValidatorSet::new(vec![ours.member(5), other.member(1)]).expect("two members");
    let trusted = forge_block(10, &basis, &basis, &[&theirs]);
    let verdict = skip(trusted, forge_block(20, &new, &new, &[&ours, &other]), &rules);
    assert!(matches!(verdict, Err(VerifyError::NotEnoughTrust { .. })), "{verdict:?}");
    count(counts, "P6 disjoint sets");
}

fn skip(trusted: LightBlock, target: LightBlock, rules: &Rules) -> Result<VerifiedBlock, VerifyError> {
    let (hash, at) = (trusted.header.hash(), JudgedAt::at(target.header.time));
    let (chain_id, height) = (trusted.header.chain_id.clone(), trusted.header.height);
    let trusted = verify::anchor(&chain_id, height, hash, None, trusted).expect("forged by our own rules");
    verify::skipping(&trusted, Arc::new(target), rules, at)
}

/// Returns the vote of nobody yet: its signature is empty.
pub(crate) fn unsigned(block: &LightBlock, index: usize) -> CommitSig {
    CommitSig::Commit(Vote {
        validator_address: block.validators.validators()[index].address,
        timestamp: block.header.time,
        signature: Signature::from_bytes(&[]),
    })
}
