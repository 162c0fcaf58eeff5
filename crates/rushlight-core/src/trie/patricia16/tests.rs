//! Answers of proofs beside those of plain maps. Random tries at length, beside the reference, are in `testing/oracles`.

use super::*;
use crate::base::Hash;
use crate::crypto::blake2b::blake2b_256;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use proptest::prelude::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn entries(map: &Map) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
}

/// Returns the root of a map and all its nodes.
fn whole(version: StateVersion, map: &Map) -> (Hash, Vec<Vec<u8>>) {
    let mut all = Vec::new();
    let root = nodes(version, entries(map), |node| all.push(node.to_vec())).unwrap();
    (root, all)
}

fn proof(root: Hash, nodes: &[Vec<u8>]) -> VerifiedProof<'static> {
    VerifiedProof::from_nodes(root, nodes.iter().map(Vec::as_slice)).unwrap()
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(alloc::vec![0_u8, 1, 0x10, 0x11, 0xFF]), 0..5)
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(alloc::vec![0_usize, 1, 5, 31, 32, 33, 70])
        .prop_flat_map(|len| any::<u8>().prop_map(move |byte| alloc::vec![byte; len]))
}

fn maps() -> impl Strategy<Value = Map> {
    prop::collection::btree_map(keys(), values(), 0..24)
}

fn versions() -> impl Strategy<Value = StateVersion> {
    prop::sample::select(alloc::vec![StateVersion::V0, StateVersion::V1])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_whole_trie_answers_as_the_map(map in maps(), version in versions(), asked in prop::collection::vec(keys(), 8)) {
        let (root, all) = whole(version, &map);
        prop_assert_eq!(super::root(version, entries(&map)), Ok(root));
        let proof = proof(root, &all);
        let trie = proof.trie();
        for key in map.keys().chain(&asked) {
            let got = trie.value(key).unwrap().map(|value| value.bytes().to_vec());
            prop_assert_eq!(got, map.get(key).map_or(Proven::Absent, |value| Proven::Present(value.clone())));
            let got = trie.value_hash(key).unwrap();
            prop_assert_eq!(got, map.get(key).map_or(Proven::Absent, |value| Proven::Present(blake2b_256(value))));
            let next = map.range([&key[..], &[0]].concat()..).next();
            prop_assert_eq!(trie.next_key(key).unwrap(), next.map_or(Proven::Absent, |(next, _)| Proven::Present(next.clone())));
            let below = map.keys().any(|other| other.starts_with(key));
            prop_assert_eq!(matches!(trie.closest_descendant_merkle_value(key).unwrap(), Proven::Present(_)), below);
            let mut found = Vec::new();
            let mut scan = PrefixScan::new(root, key, true);
            let step = scan.advance(&trie, 1_000, |key, value| found.push((key.to_vec(), value.unwrap().bytes().to_vec())));
            prop_assert_eq!(step, Ok(ScanStep::Done));
            let wanted: Vec<_> = map.clone().into_iter().filter(|(other, _)| other.starts_with(key)).collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_proof_that_lacks_nodes_never_says_absent_for_present(map in maps(), version in versions(), keep: Vec<bool>, asked in keys()) {
        let (root, all) = whole(version, &map);
        let part: Vec<Vec<u8>> = all.iter().enumerate()
            .filter(|(at, node)| keep.get(*at).copied().unwrap_or(false) || blake2b_256(node) == root)
            .map(|(_, node)| node.clone()).collect();
        let proof = proof(root, &part);
        for key in map.keys().chain([&asked]) {
            match proof.trie().value(key).unwrap() {
                Proven::Present(value) => prop_assert_eq!(Some(value.bytes()), map.get(key).map(Vec::as_slice)),
                Proven::Absent => prop_assert!(!map.contains_key(key)),
                Proven::Unknown(missing) => {
                    prop_assert!(all.iter().any(|node| blake2b_256(node) == missing.hash));
                    prop_assert!(part.iter().all(|node| blake2b_256(node) != missing.hash));
                }
            }
            match proof.trie().next_key(key).unwrap() {
                Proven::Unknown(missing) => prop_assert!(part.iter().all(|node| blake2b_256(node) != missing.hash)),
                got => {
                    let next = map.range([&key[..], &[0]].concat()..).next();
                    prop_assert_eq!(got, next.map_or(Proven::Absent, |(next, _)| Proven::Present(next.clone())));
                }
            }
        }
    }

    #[test]
    fn a_scan_over_many_rounds_finds_everything(map in maps(), version in versions(), prefix in keys(), budget in 1_usize..9) {
        let (root, all) = whole(version, &map);
        let full = proof(root, &all);
        let mut scan = PrefixScan::new(root, &prefix, true);
        let mut shown = Vec::new();
        let mut found = Map::new();
        for round in 0.. {
            prop_assert!(round < 200);
            let part = VerifiedProof::from_nodes(root, shown.iter().map(Vec::as_slice)).unwrap();
            let step = scan.advance(&part.trie(), budget, |key, value| {
                assert!(found.insert(key.to_vec(), value.unwrap().bytes().to_vec()).is_none());
            });
            match step.unwrap() {
                ScanStep::Done => break,
                ScanStep::More => {}
                ScanStep::Wants { opened } => {
                    prop_assert!(opened > 0 || shown.is_empty());
                    // The next proof has the root and what is wanted, and no more.
                    shown = scan.wants().map(|want| full.entry(&want.missing.hash).unwrap().to_vec()).collect();
                    shown.push(full.entry(&root).unwrap().to_vec());
                    for want in scan.wants() {
                        let way = part.trie().value(want.key).unwrap();
                        prop_assert!(matches!(way, Proven::Unknown(_)), "the proof had what it was asked for");
                    }
                }
            }
        }
        prop_assert!(scan.is_done());
        prop_assert_eq!(found, map.into_iter().filter(|(key, _)| key.starts_with(&prefix)).collect::<Map>());
    }

    #[test]
    fn the_root_after_changes_is_that_of_the_changed_map(
        map in maps(),
        changes in prop::collection::btree_map(keys(), prop::option::of(values()), 0..9),
        version in versions(),
        keep: Vec<bool>,
    ) {
        let (root, all) = whole(version, &map);
        let full = proof(root, &all);
        let mut changed = map.clone();
        for (key, value) in &changes {
            match value {
                Some(value) => drop(changed.insert(key.clone(), value.clone())),
                None => drop(changed.remove(key)),
            }
        }
        let list = || changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
        let want = super::root(version, entries(&changed)).unwrap();
        prop_assert_eq!(root_after(full.trie(), version, list()), Ok(want));
        let part: Vec<Vec<u8>> = all.iter().enumerate()
            .filter(|(at, node)| keep.get(*at).copied().unwrap_or(false) || blake2b_256(node) == root)
            .map(|(_, node)| node.clone()).collect();
        match root_after(proof(root, &part).trie(), version, list()) {
            Ok(got) => prop_assert_eq!(got, want),
            Err(ChangesError::Missing { missing }) => prop_assert!(part.iter().all(|node| blake2b_256(node) != missing.hash)),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

#[test]
fn values_keep_their_form_until_they_are_written() {
    let long = alloc::vec![7; 40];
    let map: Map = [(b"a".to_vec(), long.clone()), (b"b".to_vec(), long.clone())].into();
    let (root, all) = whole(StateVersion::V0, &map);
    let proof = proof(root, &all);
    let same = root_after(proof.trie(), StateVersion::V1, []);
    assert_eq!(same, Ok(root));
    let changes = [(&b"a"[..], Some(&long[..])), (b"b", Some(&long))];
    assert_eq!(
        root_after(proof.trie(), StateVersion::V1, changes),
        super::root(StateVersion::V1, entries(&map)).map_err(|_| unreachable!())
    );
    let one = root_after(proof.trie(), StateVersion::V1, [(&b"a"[..], Some(&long[..]))]).unwrap();
    assert!(one != root && Ok(one) != super::root(StateVersion::V1, entries(&map)));
}

#[test]
fn keys_out_of_order_are_refused() {
    let twice = [(&b"b"[..], &b"1"[..]), (b"b", b"2")];
    assert_eq!(super::root(StateVersion::V1, twice), Err(KeyOrderError { index: 1 }));
    let down = [(&b"b"[..], &b"1"[..]), (b"c", b"1"), (b"a", b"2")];
    assert_eq!(super::root(StateVersion::V1, down), Err(KeyOrderError { index: 2 }));
    let proof = VerifiedProof::verify(EMPTY_ROOT, &[0][..]).unwrap();
    let changes = [(&b"b"[..], None), (b"b", None)];
    assert_eq!(root_after(proof.trie(), StateVersion::V1, changes), Err(ChangesError::Order { index: 1 }));
}

#[test]
fn the_empty_trie_has_the_hash_of_a_zero() {
    assert_eq!(EMPTY_ROOT, blake2b_256(&[0]));
    assert_eq!(super::root(StateVersion::V1, []), Ok(EMPTY_ROOT));
    assert_eq!(ordered_root(StateVersion::V0, []), EMPTY_ROOT);
    let proof = VerifiedProof::verify_compact(EMPTY_ROOT, &[4, 4, 0]).unwrap();
    assert_eq!(proof.trie().value(b""), Ok(Proven::Absent));
    assert_eq!(proof.trie().next_key(b""), Ok(Proven::Absent));
    assert_eq!(proof.trie().closest_descendant_merkle_value(b""), Ok(Proven::Absent));
}

#[test]
fn an_ordered_root_is_that_of_compact_indices() {
    let values: Vec<Vec<u8>> = (0..70_u8).map(|n| alloc::vec![n; usize::from(n)]).collect();
    let mut map = Map::new();
    for (index, value) in values.iter().enumerate() {
        let mut key = Vec::new();
        crate::codec::scale::put_compact(&mut key, index as u64);
        map.insert(key, value.clone());
    }
    for version in [StateVersion::V0, StateVersion::V1] {
        assert_eq!(ordered_root(version, values.iter().map(Vec::as_slice)), whole(version, &map).0);
    }
}

#[test]
fn child_tries_are_found_by_their_names() {
    let child: Map = [(b"k".to_vec(), b"v".to_vec())].into();
    let (child_root, mut all) = whole(StateVersion::V1, &child);
    assert!(all[0].len() < 32, "a root may be shorter than a hash");
    let key = |name: &[u8]| [CHILD_STORAGE_PREFIX, name].concat();
    let map: Map = [
        (key(b"there"), child_root.0.to_vec()),
        (key(b"empty"), EMPTY_ROOT.0.to_vec()),
        (key(b"wrong"), alloc::vec![1; 31]),
        (key(b"lost"), alloc::vec![9; 32]),
    ]
    .into();
    let (root, main) = whole(StateVersion::V1, &map);
    all.extend(main);
    let proof = proof(root, &all);
    let value = |name: &[u8]| match proof.trie().child(name) {
        Ok(Proven::Present(trie)) => trie.value(b"k").map(|found| found.map(|value| value.bytes().to_vec())),
        Ok(Proven::Absent) => Ok(Proven::Absent),
        Ok(Proven::Unknown(missing)) => Ok(Proven::Unknown(missing)),
        Err(error) => Err(error),
    };
    assert_eq!(value(b"there"), Ok(Proven::Present(b"v".to_vec())));
    assert_eq!(value(b"empty"), Ok(Proven::Absent));
    assert_eq!(value(b"none"), Ok(Proven::Absent));
    assert_eq!(value(b"wrong"), Err(LookupError::ChildRoot { got: 31 }));
    assert_eq!(value(b"lost"), Ok(Proven::Unknown(Missing { hash: Hash([9; 32]), part: MissingPart::Node })));
}

#[test]
fn what_no_honest_trie_has_is_refused_when_it_is_met() {
    // A child that should be inline stands under its hash.
    let small = [0x40, 4, 7];
    let branch = [&[0x80, 3, 0, 128][..], blake2b_256(&small).as_bytes(), &[128], &[5; 32]].concat();
    let root = blake2b_256(&branch);
    let short = proof(root, &[branch, small.to_vec()]);
    let error = NodeError::NotInline { got: 3 };
    assert_eq!(short.trie().value(&[0]), Err(LookupError::Node { hash: blake2b_256(&small), error }));
    // A short value stands under its hash.
    let value = b"short".to_vec();
    let leaf = [&[0x20][..], blake2b_256(&value).as_bytes()].concat();
    let hashed = proof(blake2b_256(&leaf), &[leaf, value.clone()]);
    let want = LookupError::ShortHashedValue { hash: blake2b_256(&value), got: 5 };
    assert_eq!(hashed.trie().value(b""), Err(want));
    assert_eq!(hashed.trie().value_hash(b""), Ok(Proven::Present(blake2b_256(&value))));
    // A key ends within a byte.
    let leaf = [&[0x41, 7, 4][..], b"x"].concat();
    let odd = proof(blake2b_256(&leaf), &[leaf]);
    assert_eq!(odd.trie().next_key(b""), Err(LookupError::OddKey { nibbles: 1 }));
    let mut scan = PrefixScan::new(odd.root(), b"", true);
    assert_eq!(scan.advance(&odd.trie(), 9, |_, _| ()), Err(ScanError::Lookup(LookupError::OddKey { nibbles: 1 })));
    let mut other = PrefixScan::new(Hash([1; 32]), b"", true);
    let want = ScanError::Root { got: odd.root(), want: Hash([1; 32]) };
    assert_eq!(other.advance(&odd.trie(), 9, |_, _| ()), Err(want));
}

#[test]
fn a_scan_still_wants_what_a_bad_proof_had_instead() {
    // An honest trie of two long values; the liar's proof has a root of its own making, so the bad part must be one that the
    // root names: here a value that should not stand under its hash.
    let short = b"short".to_vec();
    let hashed = |index: u8, value: &[u8]| {
        [&[0x20 | index][..], &[0][..usize::from(index > 0)], blake2b_256(value).as_bytes()].concat()
    };
    let (good, bad) = (hashed(1, &[9; 40]), hashed(1, &short));
    let name = |node: &[u8]| [&[128][..], blake2b_256(node).as_bytes()].concat();
    let branch = [&[0x80, 3, 0][..], &name(&bad), &name(&good)].concat();
    let root = blake2b_256(&branch);
    let proof = proof(root, &[branch, good, bad, short.clone(), alloc::vec![9; 40]]);
    let mut scan = PrefixScan::new(root, b"", true);
    let mut found = 0;
    let want = ScanError::Lookup(LookupError::ShortHashedValue { hash: blake2b_256(&short), got: 5 });
    for _ in 0..2 {
        assert_eq!(scan.advance(&proof.trie(), 100, |_, _| found += 1), Err(want));
    }
    assert!(!scan.is_done() && found == 0);
    assert_eq!(scan.wants().count(), 2, "the bad part and the one behind it");
}
