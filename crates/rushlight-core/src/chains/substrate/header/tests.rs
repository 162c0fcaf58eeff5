use super::*;
use crate::chains::substrate::grandpa::{AuthoritySet, SetError};
use crate::codec::scale::{put_byte_string, put_uint};
use alloc::vec;
use proptest::prelude::*;

type Item = DigestItem<Vec<u8>>;

fn header(digest: Vec<Item>) -> Header {
    Header {
        parent_hash: Hash([1; 32]),
        number: 512_271,
        state_root: Hash([2; 32]),
        extrinsics_root: Hash([3; 32]),
        digest,
    }
}

fn authorities(count: u8) -> Vec<u8> {
    let mut out = vec![];
    put_compact(&mut out, count.into());
    for n in 0..count {
        out.extend_from_slice(&[n; 32]);
        put_uint(&mut out, u64::from(n) + 1, 8);
    }
    out
}

fn babe(kind: u8, rest: &[u8]) -> Item {
    DigestItem::Consensus(EngineId::BABE, [&[kind], rest].concat())
}

fn claim(slot: u64) -> Item {
    let claim = babe::PreDigest { authority_index: 7, slot, claim: babe::Claim::SecondaryPlain };
    DigestItem::PreRuntime(EngineId::BABE, claim.encode())
}

fn seal() -> Item {
    DigestItem::Seal(EngineId::BABE, vec![9; 64])
}

fn next_epoch() -> Item {
    babe(1, &[authorities(3), vec![5; 32]].concat())
}

fn next_config() -> Item {
    babe(3, &[&[1][..], &1_u64.to_le_bytes(), &4_u64.to_le_bytes(), &[2]].concat())
}

#[test]
fn every_kind_of_item_is_read_and_written_back() {
    let digest = vec![
        claim(44),
        DigestItem::PreRuntime(EngineId(*b"pow_"), vec![1, 2, 3]),
        DigestItem::PreRuntime(EngineId(*b"nmbs"), vec![]),
        DigestItem::Consensus(EngineId(*b"BEEF"), vec![4; 70]),
        DigestItem::Consensus(EngineId(*b"fron"), vec![4; 20_000]),
        DigestItem::Other(vec![6; 5]),
        DigestItem::RuntimeEnvironmentUpdated,
        seal(),
    ];
    let owned = header(digest);
    let bytes = owned.encode();
    let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    assert_eq!(read.bytes(), bytes);
    assert_eq!(read.to_header(), owned);
    assert_eq!(read.hash(), owned.hash());
    assert_eq!(read.digest().len(), 8);
    assert_eq!(read.digest().last(), read.digest().items().last());
    let empty = header(vec![]).encode();
    assert_eq!(HeaderRef::decode(&empty, NumberWidth::U32).unwrap().digest().last(), None);
    let mut digest = vec![];
    read.digest().encode(&mut digest);
    assert!(bytes.ends_with(&digest));
    assert!(read.updates_runtime());
    assert_eq!((read.number(), read.parent_hash()), (512_271, Hash([1; 32])));
    assert_eq!((read.state_root(), read.extrinsics_root()), (Hash([2; 32]), Hash([3; 32])));
    let babe::PreDigest { authority_index, slot, .. } = read.babe_pre_digest().unwrap().unwrap();
    assert_eq!((authority_index, slot), (7, 44));
}

#[test]
fn the_sealed_hash_is_that_of_the_header_without_its_seal() {
    // 64 items and 63 without the seal: the count takes a byte less.
    for others in [0, 1, 63] {
        let mut digest = vec![DigestItem::Other(vec![8; 3]); others];
        let before = header(digest.clone()).hash();
        digest.push(seal());
        let bytes = header(digest).encode();
        let (hash, sealed) = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap().sealed_hash().unwrap();
        assert_eq!(hash, before);
        assert_eq!(sealed, Seal { engine: EngineId::BABE, signature: &[9; 64] });
    }
}

#[test]
fn each_broken_form_has_its_error() {
    let bytes = header(vec![seal()]).encode();
    let decode = |bytes: &[u8]| HeaderRef::decode(bytes, NumberWidth::U32).map(|_| ());
    for len in 0..bytes.len() {
        assert!(matches!(decode(&bytes[..len]), Err(HeaderError::Scale(ScaleError::Truncated { .. }))), "{len}");
    }
    let trailing = [&bytes[..], &[0]].concat();
    assert_eq!(decode(&trailing), Err(HeaderError::Scale(ScaleError::Trailing { left: 1 })));
    let high = Header { number: 1 << 32, ..header(vec![]) }.encode();
    assert_eq!(decode(&high), Err(HeaderError::NumberTooLarge { got: 1 << 32, width: 4 }));
    assert!(HeaderRef::decode(&high, NumberWidth::new(8).unwrap()).is_ok());
    for kind in [1, 2, 3, 7, 9, 255] {
        let mut unknown = bytes.clone();
        // Two roots, the hash and a number of four bytes stand before the count, and one item type behind it.
        unknown[32 * 3 + 4 + 1] = kind;
        assert_eq!(decode(&unknown), Err(HeaderError::DigestItemType { index: 0, got: kind }));
    }
    // A count that the bytes left cannot hold is refused before anything is read.
    let mut few = bytes.clone();
    few.splice(32 * 3 + 4..32 * 3 + 5, [0xfe, 0xff, 0xff, 0xff]);
    assert!(matches!(decode(&few), Err(HeaderError::Scale(_))));
    let large = header(vec![DigestItem::Other(vec![0; HEADER_BYTES_MAX])]).encode();
    assert_eq!(decode(&large), Err(HeaderError::TooLarge { got: large.len(), max: HEADER_BYTES_MAX }));
}

#[test]
fn each_broken_rule_has_its_error() {
    let rule = |digest: Vec<Item>| {
        let bytes = header(digest).encode();
        let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
        [
            read.sealed_hash().err(),
            read.babe_pre_digest().err(),
            read.babe_announced_epoch().err(),
            read.aura_slot().err(),
        ]
    };
    let aura = |slot: u64| DigestItem::PreRuntime(EngineId::AURA, slot.to_le_bytes().to_vec());
    assert_eq!(rule(vec![claim(1), next_epoch(), next_config(), aura(1), seal()]), [None; 4]);
    assert_eq!(rule(vec![])[0], Some(DigestError::NotSealed));
    assert_eq!(rule(vec![seal(), claim(1)])[0], Some(DigestError::SealNotLast { index: 0, count: 2 }));
    assert_eq!(rule(vec![claim(1), seal(), seal()])[0], Some(DigestError::SealNotLast { index: 1, count: 3 }));
    assert_eq!(rule(vec![claim(1), claim(1)])[1], Some(DigestError::DuplicateBabePreDigest));
    assert_eq!(rule(vec![next_epoch(), next_epoch()])[2], Some(DigestError::DuplicateNextEpoch));
    assert_eq!(rule(vec![next_epoch(), next_config(), next_config()])[2], Some(DigestError::DuplicateNextConfig));
    assert_eq!(rule(vec![next_config()])[2], Some(DigestError::NextConfigWithoutEpoch));
    assert_eq!(rule(vec![aura(1), aura(2)])[3], Some(DigestError::DuplicateAuraPreDigest));
}

#[test]
fn an_item_that_does_not_decode_counts_as_not_there() {
    let broken = DigestItem::PreRuntime(EngineId::BABE, vec![2, 0]);
    let trailing = babe(2, &[0; 5]);
    let aura = DigestItem::PreRuntime(EngineId::AURA, vec![0; 7]);
    let bytes = header(vec![broken, trailing, aura, claim(3)]).encode();
    let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    assert_eq!(read.babe_pre_digest().unwrap().map(|claim| claim.slot), Some(3));
    assert_eq!(read.babe_announced_epoch(), Ok(None));
    assert_eq!(read.aura_slot(), Ok(None));
}

/// To count such an announcement as not there would leave the chain to the old authorities.
#[test]
fn announcements_of_too_many_authorities_are_refused() {
    let max = authorities::AUTHORITIES_MAX;
    for (count, is_refused) in [(max, false), (max + 1, true)] {
        let mut list = vec![];
        put_compact(&mut list, count as u64);
        let (mut weighted, mut keys) = (list.clone(), [&[1][..], &list].concat());
        weighted.extend_from_slice(&[&[1; 32][..], &1_u64.to_le_bytes()].concat().repeat(count));
        keys.extend_from_slice(&[1_u8; 32].repeat(count));
        let decode = |item: Item, check: &dyn Fn(HeaderRef<'_>)| {
            check(HeaderRef::decode(&header(vec![item]).encode(), NumberWidth::U32).unwrap());
        };
        let error = DigestError::TooManyAuthorities { got: count, max };
        decode(babe(1, &[weighted.clone(), vec![5; 32]].concat()), &|read| {
            let got = read.babe_announced_epoch().map(|epoch| epoch.unwrap().epoch.authorities.len());
            assert_eq!(got, if is_refused { Err(error) } else { Ok(count) });
        });
        decode(DigestItem::Consensus(EngineId::AURA, keys), &|read| {
            let got = read.aura_authorities_change().map(|keys| keys.unwrap().len());
            assert_eq!(got, if is_refused { Err(error) } else { Ok(count) });
        });
        let change = [vec![1], weighted, vec![0; 4]].concat();
        decode(DigestItem::Consensus(EngineId::GRANDPA, change), &|read| {
            let Some(grandpa::Log::ScheduledChange(change)) = read.grandpa_logs().next() else {
                panic!("a change of {count} is not there");
            };
            let set = AuthoritySet::announced(4, &change.next_authorities).map(|set| set.list().len());
            assert_eq!(set, if is_refused { Err(SetError::TooMany { id: 4, got: count }) } else { Ok(count) });
        });
    }
}

#[test]
fn babe_messages_are_those_of_the_reference() {
    let bytes = header(vec![babe(2, &[1, 0, 0, 0]), next_epoch(), next_config()]).encode();
    let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    let announced = read.babe_announced_epoch().unwrap().unwrap();
    assert_eq!(announced.epoch.randomness, &[5; 32]);
    let members: Vec<_> = announced.epoch.authorities.iter().collect();
    assert_eq!(members, [(&[0; 32], 1), (&[1; 32], 2), (&[2; 32], 3)]);
    let allowed_slots = babe::AllowedSlots::PrimaryAndSecondaryVrf;
    assert_eq!(announced.config, Some(babe::NextConfig { c: (1, 4), allowed_slots }));
    assert_eq!(babe::Log::decode(&[2, 1, 0, 0, 0]), Ok(babe::Log::OnDisabled(1)));
    let unknown = ScaleError::Variant { got: 4, of: "BABE consensus log" };
    assert_eq!(babe::Log::decode(&[4]), Err(unknown));
    let unknown = ScaleError::Variant { got: 0, of: "BABE pre-digest" };
    assert_eq!(babe::PreDigest::decode(&[0]), Err(unknown));
    let unknown = ScaleError::Variant { got: 3, of: "allowed slots" };
    assert_eq!(babe::Log::decode(&[&[3, 1][..], &[0; 16], &[3]].concat()), Err(unknown));
    let unknown = ScaleError::Variant { got: 0, of: "BABE configuration version" };
    assert_eq!(babe::Log::decode(&[3, 0]), Err(unknown));
}

#[test]
fn babe_claims_have_one_encoding() {
    let (output, proof) = ([1; 32], [2; 64]);
    let vrf = babe::Vrf { output: &output, proof: &proof };
    let claims = [babe::Claim::Primary(vrf), babe::Claim::SecondaryPlain, babe::Claim::SecondaryVrf(vrf)];
    for (claim, kind) in claims.into_iter().zip(1..) {
        let claim = babe::PreDigest { authority_index: 2, slot: 3, claim };
        let bytes = claim.encode();
        assert_eq!(bytes[0], kind);
        assert_eq!(babe::PreDigest::decode(&bytes), Ok(claim));
        let trailing = [&bytes[..], &[0]].concat();
        assert_eq!(babe::PreDigest::decode(&trailing), Err(ScaleError::Trailing { left: 1 }));
    }
}

#[test]
fn grandpa_messages_are_those_of_the_reference_in_every_width() {
    for width in [NumberWidth::U32, NumberWidth::new(8).unwrap()] {
        let number = |number: u64| {
            let mut out = vec![];
            width.put(&mut out, number);
            out
        };
        let change = [authorities(2), number(10)].concat();
        let messages = [
            [vec![1], change.clone()].concat(),
            [vec![2], number(99), change.clone()].concat(),
            [&[3][..], &5_u64.to_le_bytes()].concat(),
            [vec![4], number(6)].concat(),
            [vec![5], number(7)].concat(),
        ];
        let digest = messages.iter().map(|body| DigestItem::Consensus(EngineId::GRANDPA, body.clone())).collect();
        let bytes = header(digest).encode();
        let logs: Vec<_> = HeaderRef::decode(&bytes, width).unwrap().grandpa_logs().collect();
        let next_authorities = authorities::AuthoritiesRef::read(&mut Reader::new(&change)).unwrap();
        let want = grandpa::Change { next_authorities, delay: 10 };
        assert_eq!(
            logs,
            [
                grandpa::Log::ScheduledChange(want),
                grandpa::Log::ForcedChange { median_last_finalized: 99, change: want },
                grandpa::Log::OnDisabled(5),
                grandpa::Log::Pause(6),
                grandpa::Log::Resume(7),
            ]
        );
        assert!(!next_authorities.is_empty());
        assert_eq!(next_authorities.len(), 2);
        let trailing = [&messages[3][..], &[0]].concat();
        assert_eq!(grandpa::Log::decode(&trailing, width), Err(ScaleError::Trailing { left: 1 }));
    }
    let unknown = ScaleError::Variant { got: 6, of: "GRANDPA consensus log" };
    assert_eq!(grandpa::Log::decode(&[6], NumberWidth::U32), Err(unknown));
}

#[test]
fn aura_messages_are_those_of_the_reference() {
    let mut change = vec![1];
    put_byte_string(&mut change, &[]);
    change[1] = 8;
    change.extend_from_slice(&[[6; 32], [7; 32]].concat());
    let slot = DigestItem::PreRuntime(EngineId::AURA, 77_u64.to_le_bytes().to_vec());
    let bytes = header(vec![slot, DigestItem::Consensus(EngineId::AURA, change)]).encode();
    let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    assert_eq!(read.aura_slot(), Ok(Some(77)));
    assert_eq!(read.aura_authorities_change(), Ok(Some(&[[6; 32], [7; 32]][..])));
    assert_eq!(aura::Log::decode(&[2, 1, 0, 0, 0]), Ok(aura::Log::OnDisabled(1)));
    let unknown = ScaleError::Variant { got: 3, of: "AURA consensus log" };
    assert_eq!(aura::Log::decode(&[3]), Err(unknown));
}

fn any_item() -> impl Strategy<Value = Item> {
    let engine = prop_oneof![
        Just(EngineId::BABE),
        Just(EngineId::AURA),
        Just(EngineId::GRANDPA),
        any::<[u8; 4]>().prop_map(EngineId)
    ];
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    (0..5_u8, engine, body).prop_map(|(kind, engine, body)| match kind {
        0 => DigestItem::Other(body),
        1 => DigestItem::Consensus(engine, body),
        2 => DigestItem::Seal(engine, body),
        3 => DigestItem::PreRuntime(engine, body),
        _ => DigestItem::RuntimeEnvironmentUpdated,
    })
}

proptest! {
    #[test]
    fn reading_is_the_inverse_of_writing(
        number: u64,
        digest in proptest::collection::vec(any_item(), 0..70),
    ) {
        let owned = Header { number, ..header(digest) };
        let bytes = owned.encode();
        let read = HeaderRef::decode(&bytes, NumberWidth::new(8).unwrap()).unwrap();
        prop_assert_eq!(read.to_header(), owned);
    }

    #[test]
    fn what_is_read_has_one_encoding(bytes: Vec<u8>, tail in proptest::collection::vec(0..16_u8, 0..60)) {
        // Mostly plausible bytes behind random roots, so that decoding often succeeds.
        let mut input = vec![0; 32];
        input.extend_from_slice(&[tail.first().map_or(0, |byte| byte * 4)]);
        input.extend_from_slice(&[0; 64]);
        input.extend_from_slice(&tail);
        for input in [bytes, input] {
            if let Ok(read) = HeaderRef::decode(&input, NumberWidth::U32) {
                prop_assert_eq!(&read.to_header().encode(), &input);
                read.grandpa_logs().count();
                let _ = (read.babe_announced_epoch(), read.babe_pre_digest(), read.aura_slot(), read.sealed_hash());
            }
        }
    }
}

#[test]
fn an_author_may_write_any_number_of_items() {
    // Full nodes decode a digest without counting: 4,097 empty items of an unknown engine make a header of 24,760 bytes.
    let stranger = DigestItem::PreRuntime(EngineId(*b"nope"), vec![]);
    for count in [4_097, 100_000] {
        let mut items = vec![stranger.clone(); count];
        items.extend([claim(1), seal()]);
        let bytes = header(items).encode();
        let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
        assert_eq!(read.digest().len(), count + 2);
        assert!(read.babe_pre_digest().unwrap().is_some());
        assert!(read.sealed_hash().is_ok());
    }
}

#[test]
fn a_claim_whose_proof_does_not_decode_is_not_there() {
    // The scalar of the proof is not reduced, so the reference reads no claim and takes the true one beside it.
    let forged = |kind: u8| {
        let bytes = [&[kind][..], &0_u32.to_le_bytes(), &9_u64.to_le_bytes(), &[0; 32], &[0xff; 64]].concat();
        DigestItem::PreRuntime(EngineId::BABE, bytes)
    };
    for kind in [1, 3] {
        let bytes = header(vec![forged(kind), claim(1), forged(kind), seal()]).encode();
        let read = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
        assert_eq!(read.babe_pre_digest().unwrap().map(|claim| claim.slot), slot_of(claim(1)));
    }
    let DigestItem::PreRuntime(_, bytes) = forged(1) else { unreachable!() };
    assert_eq!(babe::PreDigest::decode(&bytes), Err(ScaleError::Value { of: "VRF proof" }));
}

fn slot_of(item: Item) -> Option<u64> {
    let DigestItem::PreRuntime(EngineId::BABE, bytes) = item else { return None };
    babe::PreDigest::decode(&bytes).ok().map(|claim| claim.slot)
}
