use super::*;
use crate::chains::substrate::header::authorities::AuthoritiesRef;
use crate::chains::substrate::header::{Header, HeaderError, NumberWidth};
use crate::codec::scale::{Reader, ScaleError, put_compact};
use crate::crypto::SignatureError;
use crate::work::NotDone;
use alloc::vec;
use alloc::vec::Vec;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

const ROUND: u64 = 7;
const SET: u64 = 3;

fn key(voter: u8) -> SigningKey {
    SigningKey::from([voter + 1; 32])
}

fn public(voter: u8) -> [u8; 32] {
    VerificationKeyBytes::from(&key(voter)).into()
}

fn set_of(weights: &[u64]) -> AuthoritySet {
    let list = weights.iter().zip(0..).map(|(weight, voter)| Authority { key: public(voter), weight: *weight });
    AuthoritySet::new(SET, list.collect()).unwrap()
}

/// A header that differs from others of the same height by `fork`.
fn child(parent: &Header, fork: u8) -> Header {
    Header {
        parent_hash: parent.hash(),
        number: parent.number + 1,
        state_root: Hash([fork; 32]),
        extrinsics_root: Hash([0; 32]),
        digest: vec![],
    }
}

fn block(header: &Header) -> BlockId {
    BlockId { hash: header.hash(), number: header.number }
}

/// 100, and on it the forks 101 to 105 of `a` and 102 to 105 of `b`, which leaves `a` at 101.
struct Chain {
    base: Header,
    a: Vec<Header>,
    b: Vec<Header>,
}

fn chain() -> Chain {
    let base = Header {
        parent_hash: Hash([9; 32]),
        number: 100,
        state_root: Hash([9; 32]),
        extrinsics_root: Hash([9; 32]),
        digest: vec![],
    };
    let mut a = vec![child(&base, 0)];
    let mut b = vec![child(&a[0], 1)];
    (0..4).for_each(|n: usize| a.push(child(&a[n], 0)));
    (0..3).for_each(|n: usize| b.push(child(&b[n], 1)));
    Chain { base, a, b }
}

#[derive(Clone)]
struct Vote {
    target: BlockId,
    signature: [u8; 64],
    key: [u8; 32],
}

fn vote_in(voter: u8, target: BlockId, round: u64, set_id: u64) -> Vote {
    let mut message = vec![];
    justification::signed_message(&mut message, &target, round, set_id, NumberWidth::U32);
    Vote { target, signature: key(voter).sign(&message).into(), key: public(voter) }
}

fn vote(voter: u8, target: &Header) -> Vote {
    vote_in(voter, block(target), ROUND, SET)
}

fn put_block(out: &mut Vec<u8>, block: BlockId) {
    out.extend_from_slice(&block.hash.0);
    NumberWidth::U32.put(out, block.number);
}

fn encode(target: BlockId, votes: &[Vote], ancestry: &[&Header]) -> Vec<u8> {
    let mut out = ROUND.to_le_bytes().to_vec();
    put_block(&mut out, target);
    put_compact(&mut out, votes.len() as u64);
    for vote in votes {
        put_block(&mut out, vote.target);
        out.extend_from_slice(&vote.signature);
        out.extend_from_slice(&vote.key);
    }
    put_compact(&mut out, ancestry.len() as u64);
    ancestry.iter().for_each(|header| out.extend_from_slice(&header.encode()));
    out
}

fn verify(bytes: &[u8], target: BlockId, set: &AuthoritySet) -> Result<VerifiedFinality, VerifyError> {
    let justification = JustificationRef::decode(bytes, NumberWidth::U32).unwrap();
    assert_eq!(justification.bytes(), bytes);
    let mut proofs = Proofs::start(Hash::default());
    proofs.push(&justification, target, set)?;
    match proofs.verify_in_place() {
        (verified, None) => Ok(verified[0]),
        (_, Some(refused)) => Err(refused.error),
    }
}

/// Verifies votes of a set for `target`.
fn judge(weights: &[u64], target: &Header, votes: &[Vote], ancestry: &[&Header]) -> Result<(), VerifyError> {
    let target = block(target);
    let verified = verify(&encode(target, votes, ancestry), target, &set_of(weights))?;
    assert_eq!((verified.block(), verified.round(), verified.set_id()), (target, ROUND, SET));
    Ok(())
}

fn other_block(got: &Header, want: &Header) -> VerifyError {
    let (got, want) = (block(got), block(want));
    VerifyError::OtherBlock { got: got.hash, got_number: got.number, want: want.hash, want_number: want.number }
}

#[test]
fn more_than_two_thirds_finalize() {
    let Chain { base, .. } = chain();
    let votes: Vec<_> = (0..4).map(|voter| vote(voter, &base)).collect();
    assert_eq!(judge(&[1; 4], &base, &votes[..3], &[]), Ok(()));
    let little = VerifyError::TooLittleWeight { got: 2, want: 3, total: 4 };
    assert_eq!(judge(&[1; 4], &base, &votes[..2], &[]), Err(little));
    assert_eq!(judge(&[1; 4], &base, &[], &[]), Err(VerifyError::NoVotes));
}

#[test]
fn votes_count_by_weight() {
    let Chain { base, .. } = chain();
    let votes: Vec<_> = (0..4).map(|voter| vote(voter, &base)).collect();
    // One authority of four with most of the weight.
    assert_eq!(judge(&[1, 1, 1, 10], &base, &votes[3..], &[]), Ok(()));
    let little = VerifyError::TooLittleWeight { got: 3, want: 9, total: 13 };
    assert_eq!(judge(&[1, 1, 1, 10], &base, &votes[..3], &[]), Err(little));
    // Weight 0 is no vote; the signature is checked all the same.
    let little = VerifyError::TooLittleWeight { got: 1, want: 2, total: 2 };
    assert_eq!(judge(&[0, 1, 1], &base, &votes[..2], &[]), Err(little));
    assert_eq!(judge(&[0, 1, 1], &base, &votes[..3], &[]), Ok(()));
}

#[test]
fn sets_are_those_of_the_reference() {
    let authority = |voter: u8, weight| Authority { key: public(voter), weight };
    assert_eq!(AuthoritySet::new(1, vec![]), Err(SetError::NoVoters { id: 1 }));
    assert_eq!(AuthoritySet::new(1, vec![authority(0, 0)]), Err(SetError::NoVoters { id: 1 }));
    let twice = [authority(0, u64::MAX), authority(1, 1)];
    assert_eq!(AuthoritySet::new(2, twice.to_vec()), Err(SetError::TotalWeight { id: 2 }));
    let many = vec![authority(0, 1); crate::chains::substrate::header::authorities::AUTHORITIES_MAX + 1];
    assert_eq!(AuthoritySet::new(2, many.clone()), Err(SetError::TooMany { id: 2, got: many.len() }));
    let set = AuthoritySet::new(2, vec![authority(0, 2), authority(1, 1), authority(0, 3), authority(2, 0)]).unwrap();
    assert_eq!((set.total_weight(), set.threshold(), set.voters().len(), set.list().len()), (6, 5, 2, 4));
    assert_eq!(AuthoritySet::decode(2, &set.encode_list()), Ok(set.clone()));
    assert_eq!(set.digest(), crate::crypto::blake2b::blake2b_256(&set.encode_list()));
    let why = ScaleError::Trailing { left: 1 };
    assert_eq!(AuthoritySet::decode(2, &[set.encode_list(), vec![0]].concat()), Err(SetError::Decode { id: 2, why }));
    let list = set.encode_list();
    let listed = AuthoritiesRef::read(&mut Reader::new(&list)).unwrap();
    assert_eq!(AuthoritySet::announced(2, &listed), Err(SetError::NoWeight { id: 2, index: 3 }));
    assert_eq!(AuthoritySet::listed(2, &listed), Ok(set));
    for (total, threshold) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (u64::MAX, u64::MAX / 3 * 2 + 1)]
    {
        assert_eq!(AuthoritySet::new(0, vec![authority(0, total)]).unwrap().threshold(), threshold, "{total}");
    }
}

#[test]
fn votes_above_count_for_what_they_descend_from() {
    let Chain { base, a, b } = chain();
    let votes = [vote(0, &base), vote(1, &a[1]), vote(2, &b[1])];
    let ancestry = [&a[0], &a[1], &b[0], &b[1]];
    assert_eq!(judge(&[1; 3], &base, &votes, &ancestry), Ok(()));
    // What the votes finalize is not for the sender to choose.
    assert_eq!(judge(&[1; 3], &a[0], &votes, &ancestry), Err(other_block(&base, &a[0])));
    // Votes of two forks join at 101.
    let votes = [vote(0, &base), vote(1, &a[2]), vote(2, &b[1]), vote(3, &a[1])];
    let ancestry = [&a[0], &a[1], &a[2], &b[0], &b[1]];
    assert_eq!(judge(&[1; 4], &a[0], &votes, &ancestry), Ok(()));
    assert_eq!(judge(&[1; 4], &base, &votes, &ancestry), Err(other_block(&a[0], &base)));
}

/// Until 2026 the incumbent did not look at the ancestry of votes: those for unrelated forks counted.
#[test]
fn votes_without_ancestry_do_not_count() {
    let Chain { base, a, b } = chain();
    let stray = |got: &Header, base: &Header| VerifyError::NotDescendant { got: got.hash(), base: base.hash() };
    let votes = [vote(0, &base), vote(1, &a[1]), vote(2, &a[1])];
    assert_eq!(judge(&[1; 3], &base, &votes, &[]), Err(stray(&a[1], &base)));
    assert_eq!(judge(&[1; 3], &base, &votes, &[&a[1]]), Err(stray(&a[1], &base)));
    // Two forks of the same height.
    let votes = [vote(0, &a[1]), vote(1, &a[1]), vote(2, &b[0])];
    assert_eq!(judge(&[1; 3], &a[1], &votes, &[&b[0]]), Err(stray(&b[0], &a[1])));
    // One voter outside the set may not bring in a block from elsewhere either.
    let votes = [vote(0, &base), vote(1, &base), vote(9, &a[1])];
    assert_eq!(judge(&[1; 2], &base, &votes, &[]), Err(stray(&a[1], &base)));
    assert_eq!(judge(&[1; 2], &base, &votes, &[&a[0], &a[1]]), Ok(()));
}

#[test]
fn headers_that_no_vote_needs_are_refused() {
    let Chain { base, a, b } = chain();
    let votes = [vote(0, &base), vote(1, &a[0])];
    assert_eq!(judge(&[1; 2], &base, &votes, &[&a[0]]), Ok(()));
    let unused = VerifyError::UnusedAncestry { got: 2, want: 1 };
    assert_eq!(judge(&[1; 2], &base, &votes, &[&a[0], &b[0]]), Err(unused.clone()));
    // The lowest block itself is not between.
    assert_eq!(judge(&[1; 2], &base, &votes, &[&a[0], &base]), Err(unused));
    // The same header twice is one header, as in the reference.
    assert_eq!(judge(&[1; 2], &base, &votes, &[&a[0], &a[0]]), Ok(()));
}

#[test]
fn equivocation_is_tolerated_as_in_the_reference() {
    let Chain { base, a, b } = chain();
    // Who votes for two forks counts for both, and so for whatever the others agree on.
    let votes = [vote(0, &a[1]), vote(1, &a[1]), vote(2, &b[1]), vote(2, &a[2])];
    let ancestry = [&a[1], &a[2], &b[0], &b[1]];
    let with_base = |voter| [&votes[..], &[vote(voter, &a[0])]].concat();
    assert_eq!(judge(&[1; 4], &a[1], &with_base(3), &ancestry), Ok(()));
    // Without the second vote the first one counts for its own fork alone.
    let once = [&votes[..3], &[vote(3, &a[0])]].concat();
    assert_eq!(judge(&[1; 4], &a[1], &once, &[&a[1], &b[0], &b[1]]), Err(other_block(&a[0], &a[1])));
    // The same vote again adds nothing, a third one neither.
    let again = [vote(0, &base), vote(0, &base), vote(1, &base)];
    let little = VerifyError::TooLittleWeight { got: 2, want: 3, total: 3 };
    assert_eq!(judge(&[1; 3], &base, &again, &[]), Err(little));
    let thrice = [&with_base(3)[..], &[vote(2, &b[2])]].concat();
    assert_eq!(judge(&[1; 4], &a[1], &thrice, &[&a[1], &a[2], &b[0], &b[1], &b[2]]), Ok(()));
}

#[test]
fn numbers_that_votes_lie_about_are_the_voters_own() {
    let Chain { base, a, .. } = chain();
    let lie = vote_in(2, BlockId { hash: a[0].hash(), number: 7_000 }, ROUND, SET);
    let votes = [vote(0, &base), vote(1, &base), lie];
    assert_eq!(judge(&[1; 3], &base, &votes, &[&a[0]]), Ok(()));
    let low = BlockId { hash: base.hash(), number: 5 };
    let votes = [vote(0, &base), vote(1, &base), vote_in(2, low, ROUND, SET)];
    let got = judge(&[1; 3], &base, &votes, &[]);
    let (want, want_number) = (base.hash(), 100);
    assert_eq!(got, Err(VerifyError::OtherBlock { got: base.hash(), got_number: 5, want, want_number }));
}

#[test]
fn every_signature_must_hold() {
    let Chain { base, .. } = chain();
    let mut votes: Vec<_> = (0..4).map(|voter| vote(voter, &base)).collect();
    votes[2].signature[0] ^= 1;
    let bad = |index| Err(VerifyError::BadSignature { index, why: SignatureError::Mismatch });
    assert_eq!(judge(&[1; 4], &base, &votes, &[]), bad(2));
    // That of a voter outside the set too.
    assert_eq!(judge(&[1; 2], &base, &votes, &[]), bad(2));
    // A vote of another round or set is none here.
    for (round, set_id) in [(ROUND + 1, SET), (ROUND, SET - 1), (ROUND, SET + 1)] {
        let votes = [vote(0, &base), vote(1, &base), vote_in(2, block(&base), round, set_id)];
        assert_eq!(judge(&[1; 3], &base, &votes, &[]), bad(2));
    }
    // Nor is one for another block.
    let mut moved = vote(2, &base);
    moved.target.number = 101;
    assert_eq!(judge(&[1; 3], &base, &[vote(0, &base), vote(1, &base), moved], &[]), bad(2));
}

#[test]
fn the_target_is_the_one_asked_for() {
    let Chain { base, a, .. } = chain();
    let bytes = encode(block(&base), &[vote(0, &base)], &[]);
    let (got, want) = (block(&base), block(&a[0]));
    let (got, got_number, want, want_number) = (got.hash, got.number, want.hash, want.number);
    let error = VerifyError::Target { got, got_number, want, want_number };
    assert_eq!(verify(&bytes, block(&a[0]), &set_of(&[1])), Err(error));
}

/// What counting took: what the votes finalize, the steps, how many are allowed, and votes, blocks and voters.
fn count(bytes: &[u8], set: &AuthoritySet) -> (Result<BlockId, VerifyError>, u64, u64, u64) {
    let justification = JustificationRef::decode(bytes, NumberWidth::U32).unwrap();
    let parents: alloc::collections::BTreeMap<Hash, Hash> =
        justification.votes_ancestries().map(|header| (header.hash(), header.parent_hash())).collect();
    let precommits = justification.precommits();
    let (blocks, targets) = rules::blocks_of(&precommits, &|hash| parents.get(hash).copied()).unwrap();
    let items = precommits.len() + blocks.len() + set.voters().len();
    let mut steps = steps::Steps::of(items);
    let found = tally::finalized(&precommits, &targets, set, &blocks, &mut steps);
    let (taken, max) = steps.taken();
    (found, taken, max, items as u64)
}

/// A set of `voters` whose keys are nobody's.
fn strangers(voters: u32) -> AuthoritySet {
    let key = |n: u32| core::array::from_fn(|at| n.to_be_bytes().get(at).copied().unwrap_or_default());
    AuthoritySet::new(SET, (0..voters).map(|n| Authority { key: key(n), weight: 1 }).collect()).unwrap()
}

/// A path of `path` blocks on the base, and `forks` blocks on its end.
fn path_and_forks(path: usize, forks: u8) -> (Vec<Header>, Vec<Header>) {
    let mut headers = vec![chain().base];
    (0..path).for_each(|n| headers.push(child(&headers[n], 0)));
    let forks = (1..=forks).map(|fork| child(&headers[path], fork)).collect();
    (headers, forks)
}

/// Encodes the votes of all of `set`, without signatures, for the blocks that `target` names.
fn votes_of(set: &AuthoritySet, target: impl Fn(usize) -> BlockId) -> Vec<Vote> {
    let vote = |(authority, n): (&Authority, usize)| Vote { target: target(n), signature: [0; 64], key: authority.key };
    set.list().iter().zip(0..).map(vote).collect()
}

/// Forged votes are counted before their signatures are looked at: what that costs may not be theirs to choose.
#[test]
fn counting_takes_few_steps_for_each_vote_block_and_voter() {
    let (path, forks) = path_and_forks(1_000, 250);
    let ancestry: Vec<_> = path[1..].iter().chain(&forks).collect();
    let set = strangers(1_000);
    // All blocks on the way have a supermajority, which is made of many forks above each.
    let votes = votes_of(&set, |n| block(if n == 0 { &path[0] } else { &forks[n % 250] }));
    let (found, taken, _, items) = count(&encode(block(&path[0]), &votes, &ancestry), &set);
    assert_eq!(found, Ok(block(&path[999 + 1])));
    assert!(taken <= 3 * items, "{taken} steps for {items}");
    // A vote for each block, and another one on the next: forks of forks.
    let votes = votes_of(&set, |n| block(&path[n]));
    let (found, taken, _, items) = count(&encode(block(&path[0]), &votes, &ancestry[..999]), &set);
    assert_eq!(found, Ok(block(&path[333])));
    assert!(taken <= 3 * items, "{taken} steps for {items}");
    // One voter in a hundred votes twice; that changes nothing.
    let twice = [&votes[..], &votes_of(&set, |n| block(&path[999 - n]))[..10]].concat();
    let (found, taken, _, items) = count(&encode(block(&path[0]), &twice, &ancestry[..999]), &set);
    assert_eq!(found, Ok(block(&path[343])));
    assert!(taken <= 3 * items, "{taken} steps for {items}");
}

#[test]
fn votes_that_lie_for_very_many_blocks_are_refused() {
    let (path, forks) = path_and_forks(1_000, 250);
    let ancestry: Vec<_> = path[1..].iter().chain(&forks).collect();
    let lying = |header: &Header, by: u64| BlockId { number: header.number + by, ..block(header) };
    // One lie sends the votes along the long way, whose bound is never passed.
    let set = strangers(1_000);
    let votes = votes_of(&set, |n| match n {
        0 => block(&path[0]),
        1 => lying(&forks[0], 1),
        _ => block(&forks[n % 250]),
    });
    let (found, taken, max, items) = count(&encode(block(&path[0]), &votes, &ancestry), &set);
    assert_eq!((found, max), (Err(VerifyError::TooComplex { max }), steps::STEPS_PER_ITEM_MAX * items));
    // Steps are asked for before they are made, so that only the last lot asked for is above.
    assert!(taken <= max + 64, "{taken} of {max}");
    let votes = votes_of(&set, |n| lying(&path[999 - n], if n == 999 { 0 } else { 1_500 + n as u64 }));
    let bytes = encode(block(&path[0]), &votes, &ancestry[..999]);
    let (found, _, max, _) = count(&bytes, &set);
    assert_eq!(found, Err(VerifyError::TooComplex { max }));
    assert_eq!(verify(&bytes, block(&path[0]), &set), Err(VerifyError::TooComplex { max }));
    // The few blocks that the voters of one round are apart may have as many liars as a set survives.
    let near = |n: usize| if n == 0 { 0 } else { n % 20 };
    let votes = votes_of(&set, |n| lying(&path[near(n)], u64::from(n % 3 == 1)));
    let (found, taken, _, items) = count(&encode(block(&path[0]), &votes, &ancestry[..19]), &set);
    assert!(found.is_ok(), "{found:?}");
    assert!(taken <= 40 * items, "{taken} steps for {items}");
}

#[test]
fn each_broken_form_has_its_error() {
    let Chain { base, a, .. } = chain();
    let bytes = encode(block(&base), &[vote(0, &base), vote(1, &a[0])], &[&a[0]]);
    let decode = |bytes: &[u8]| JustificationRef::decode(bytes, NumberWidth::U32).map(|_| ());
    assert_eq!(decode(&bytes), Ok(()));
    let header_at = bytes.len() - a[0].encode().len();
    for len in 0..bytes.len() {
        match decode(&bytes[..len]) {
            Err(DecodeError::Scale(ScaleError::Truncated { .. })) => {}
            Err(DecodeError::Ancestry { index: 0, why: HeaderError::Scale(ScaleError::Truncated { .. }) })
                if len >= header_at => {}
            other => panic!("{len}: {other:?}"),
        }
    }
    let trailing = [&bytes[..], &[0]].concat();
    assert_eq!(decode(&trailing), Err(DecodeError::Scale(ScaleError::Trailing { left: 1 })));
    let mut many = bytes[..header_at - 1].to_vec();
    put_compact(&mut many, VOTES_ANCESTRIES_MAX as u64 + 1);
    let too_long = |max: usize| DecodeError::Scale(ScaleError::TooLong { got: max as u64 + 1, max });
    assert_eq!(decode(&many), Err(too_long(VOTES_ANCESTRIES_MAX)));
    let mut many = bytes[..8 + 36].to_vec();
    put_compact(&mut many, PRECOMMITS_MAX as u64 + 1);
    assert_eq!(decode(&many), Err(too_long(PRECOMMITS_MAX)));
}

#[test]
fn proofs_before_the_first_bad_one_are_released() {
    let Chain { base, a, .. } = chain();
    let set = set_of(&[1; 2]);
    let justify = |header: &Header| encode(block(header), &[vote(0, header), vote(1, header)], &[]);
    let mut third = justify(&a[1]);
    // The last byte of the second signature.
    let len = third.len();
    third[len - 34] ^= 1;
    let all = [(justify(&base), &base), (justify(&a[0]), &a[0]), (third, &a[1]), (justify(&a[2]), &a[2])];
    let mut proofs = Proofs::start(Hash([1; 32]));
    assert!(proofs.is_empty());
    for (bytes, header) in &all {
        proofs.push(&JustificationRef::decode(bytes, NumberWidth::U32).unwrap(), block(header), &set).unwrap();
    }
    assert_eq!(proofs.len(), 4);
    assert!(proofs.size_bytes() > 8 * 117);
    let (verified, refused) = proofs.verify_in_place();
    assert_eq!(verified.iter().map(VerifiedFinality::block).collect::<Vec<_>>(), [block(&base), block(&a[0])]);
    let error = VerifyError::BadSignature { index: 1, why: SignatureError::Mismatch };
    assert_eq!(refused, Some(Refused { index: 2, error }));
}

#[test]
fn work_of_others_releases_nothing() {
    let Chain { base, .. } = chain();
    let bytes = encode(block(&base), &[vote(0, &base)], &[]);
    let justification = JustificationRef::decode(&bytes, NumberWidth::U32).unwrap();
    let proofs = |from| {
        let mut proofs = Proofs::start(from);
        proofs.push(&justification, block(&base), &set_of(&[1])).unwrap();
        proofs.seal()
    };
    let (work, _) = proofs(Hash([1; 32]));
    let (_, sealed) = proofs(Hash([2; 32]));
    let (verified, refused) = sealed.release(work.run());
    let error = VerifyError::NotDone(NotDone::OtherStart { got: Hash([1; 32]), want: Hash([2; 32]) });
    assert_eq!((verified, refused), (vec![], Some(Refused { index: 0, error })));
    let (_, sealed) = proofs(Hash([1; 32]));
    let (verified, refused) = sealed.release(Proofs::start(Hash([1; 32])).seal().0.run());
    assert_eq!((verified, refused.as_ref().map(|refused| refused.index)), (vec![], Some(0)));
    let error = refused.map(|refused| refused.error);
    assert!(matches!(error, Some(VerifyError::NotDone(NotDone::OtherInput { .. }))), "{error:?}");
}

fn encode_commit(set_id: u64, target: BlockId, votes: &[Vote]) -> Vec<u8> {
    let mut out = [&[1][..], &ROUND.to_le_bytes(), &set_id.to_le_bytes()].concat();
    put_block(&mut out, target);
    put_compact(&mut out, votes.len() as u64);
    votes.iter().for_each(|vote| put_block(&mut out, vote.target));
    put_compact(&mut out, votes.len() as u64);
    for vote in votes {
        out.extend_from_slice(&vote.signature);
        out.extend_from_slice(&vote.key);
    }
    out
}

fn judge_commit(weights: &[u64], set_id: u64, target: &Header, votes: &[Vote]) -> Result<(), VerifyError> {
    let Chain { a, b, .. } = chain();
    let known: Vec<_> = a.iter().chain(&b).map(|header| (header.hash(), header.parent_hash)).collect();
    let parent_of = |hash: &Hash| known.iter().find(|(of, _)| of == hash).map(|(_, parent)| *parent);
    let bytes = encode_commit(set_id, block(target), votes);
    let message = CommitMessage::decode(&bytes, NumberWidth::U32).unwrap().unwrap();
    let mut proofs = Proofs::start(Hash::default());
    proofs.push_commit(&message, &set_of(weights), &parent_of)?;
    match proofs.verify_in_place() {
        (verified, None) => {
            assert_eq!(verified[0].block(), block(target));
            Ok(())
        }
        (_, Some(refused)) => Err(refused.error),
    }
}

#[test]
fn commits_are_judged_by_the_blocks_that_are_known() {
    let Chain { base, a, b } = chain();
    let votes = [vote(0, &base), vote(1, &a[1]), vote(2, &b[1])];
    assert_eq!(judge_commit(&[1; 3], SET, &base, &votes), Ok(()));
    assert_eq!(judge_commit(&[1; 3], SET, &a[0], &votes), Err(other_block(&base, &a[0])));
    let unknown = child(&b[3], 1);
    let stray = VerifyError::NotDescendant { got: child(&unknown, 1).hash(), base: base.hash() };
    let far = [&votes[..2], &[vote(2, &child(&unknown, 1))]].concat();
    assert_eq!(judge_commit(&[1; 3], SET, &base, &far), Err(stray));
    assert_eq!(judge_commit(&[1; 3], SET + 1, &base, &votes), Err(VerifyError::SetId { got: SET + 1, want: SET }));
    assert_eq!(judge_commit(&[1; 2], SET, &base, &votes), Err(VerifyError::NotMember { index: 2 }));
    // Three of three, and nobody may vote twice in a set of three.
    let twice = [&votes[..], &[vote(0, &a[0])]].concat();
    assert_eq!(judge_commit(&[1; 3], SET, &base, &twice), Err(VerifyError::TooMuchWeight { got: 4, max: 3 }));
    let mut bad = votes.clone();
    bad[1].signature[3] ^= 1;
    let error = VerifyError::BadSignature { index: 1, why: SignatureError::Mismatch };
    assert_eq!(judge_commit(&[1; 3], SET, &base, &bad), Err(error));
}

#[test]
fn gossip_is_told_apart_by_kind() {
    let Chain { base, .. } = chain();
    let bytes = encode_commit(SET, block(&base), &[vote(0, &base)]);
    let commit = |bytes: &[u8]| CommitMessage::decode(bytes, NumberWidth::U32).map(|commit| commit.is_some());
    assert_eq!(commit(&bytes), Ok(true));
    assert_eq!(commit(&[0]), Ok(false));
    assert_eq!(commit(&[&bytes[..], &[0]].concat()), Err(DecodeError::Scale(ScaleError::Trailing { left: 1 })));
    let mut fewer = encode_commit(SET, block(&base), &[]);
    fewer.pop();
    put_compact(&mut fewer, 1);
    fewer.extend_from_slice(&[0; 96]);
    assert_eq!(commit(&fewer), Err(DecodeError::VoteCount { votes: 0, signatures: 1 }));
    let packet = [&[2, 1][..], &5_u64.to_le_bytes(), &6_u64.to_le_bytes(), &7_u32.to_le_bytes()].concat();
    let want = NeighborPacket { round: 5, set_id: 6, finalized: 7 };
    assert_eq!(NeighborPacket::decode(&packet, NumberWidth::U32), Ok(Some(want)));
    assert_eq!(NeighborPacket::decode(&bytes, NumberWidth::U32), Ok(None));
    let version = ScaleError::Variant { got: 2, of: "neighbor packet version" };
    assert_eq!(NeighborPacket::decode(&[2, 2], NumberWidth::U32), Err(version));
}
