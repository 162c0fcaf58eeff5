//! Proofs that nobody honest sends: compact ones with each rule broken once, tries that are too wide to be gone through, and
//! changes over parts that are no trie.
#![cfg(feature = "substrate")]

use rushlight_core::base::Hash;
use rushlight_core::codec::scale::{ScaleError, put_byte_string, put_compact};
use rushlight_core::crypto::blake2b::blake2b_256;
use rushlight_core::trie::patricia16::{
    COMPACT_DEPTH_MAX, ChangesError, CompactError, EMPTY_ROOT, LookupError, NodeError, PROOF_BYTES_MAX, PrefixScan,
    ProofError, Proven, SCAN_KEY_BYTES_MAX, SCAN_PATHS_BYTES_MAX, SCAN_PENDING_MAX, ScanError, StateVersion,
    VerifiedProof, root, root_after,
};

/// A leaf for a path of no nibbles.
fn leaf(value: &[u8]) -> Vec<u8> {
    let mut node = vec![0x40];
    put_byte_string(&mut node, value);
    node
}

/// The same, its value following: a hash of no bytes in its place.
const LEAF_WITHOUT_VALUE: [u8; 3] = [1, 0x40, 0];

/// A branch with children 0 and 1, both of which follow.
const FORK: [u8; 5] = [0x80, 3, 0, 0, 0];

fn list(entries: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put_compact(&mut out, entries.len() as u64);
    entries.iter().for_each(|entry| put_byte_string(&mut out, entry));
    out
}

fn refused(root: Hash, scale: &[u8]) -> CompactError {
    VerifiedProof::verify_compact(root, scale).expect_err("it is broken")
}

#[test]
fn a_compact_proof_shows_what_it_was_made_of() {
    // Two values too long to stand in their nodes, below a fork; each node and each value is named by its hash.
    let values = [[7; 40], [8; 50][..40].try_into().unwrap()];
    let entries = [(&[0x00][..], &values[0][..]), (&[0x10][..], &values[1][..])];
    let want = root(StateVersion::V1, entries).unwrap();
    let half = |value: &[u8]| {
        let mut node = vec![1, 0x41, 0];
        node.push(0);
        (node, value.to_vec())
    };
    let [(one, first), (two, second)] = [half(&values[0]), half(&values[1])];
    let scale = list(&[&FORK, &one, &first, &two, &second]);
    let proof = VerifiedProof::verify_compact(want, &scale).unwrap();
    for (key, value) in entries {
        let Ok(Proven::Present(got)) = proof.trie().value(key) else { panic!("{key:?} is not proven") };
        assert_eq!(got.bytes(), value);
    }
    assert_eq!(proof.trie().value(&[0x20]).map(|value| matches!(value, Proven::Absent)), Ok(true));
    // Nobody may say that the same entries are another state.
    let other = Hash([9; 32]);
    assert_eq!(refused(other, &scale), CompactError::Root { got: want, want: other });
}

#[test]
fn each_broken_rule_of_compact_proofs_has_its_error() {
    let any = Hash::default();
    assert_eq!(refused(any, &[]), CompactError::Scale(ScaleError::Truncated { wanted: 1, left: 0 }));
    assert_eq!(refused(any, &list(&[])), CompactError::Incomplete { entries: 0 });
    assert_eq!(refused(any, &list(&[&FORK, &leaf(&[1; 40])])), CompactError::Incomplete { entries: 2 });
    let trailing = [list(&[&leaf(b"x")]), vec![0]].concat();
    let whole = blake2b_256(&leaf(b"x"));
    assert_eq!(refused(whole, &trailing), CompactError::Scale(ScaleError::Trailing { left: 1 }));
    let error = NodeError::Header { got: 2 };
    assert_eq!(refused(any, &list(&[&FORK, &[2]])), CompactError::Node { index: 1, error });
    // A child of less than a hash's length stands in its parent: to name it by its hash would make two tries of one state.
    let error = NodeError::NotInline { got: 3 };
    assert_eq!(refused(any, &list(&[&FORK, &leaf(b"x"), &leaf(b"y")])), CompactError::Node { index: 1, error });
    // A value that follows, where the node leaves none out, or one that is too short to stand apart.
    let value = |entries: &[&[u8]]| refused(any, &list(entries));
    assert_eq!(value(&[&[&[1][..], &leaf(b"x")].concat(), &[5; 40]]), CompactError::Value { index: 0, got: 40 });
    assert_eq!(value(&[&LEAF_WITHOUT_VALUE, &[5; 32]]), CompactError::Value { index: 0, got: 32 });
    // What follows the main trie must be one of its child tries.
    let stray = leaf(&[3; 40]);
    let want = CompactError::Extraneous { root: blake2b_256(&stray) };
    assert_eq!(refused(whole, &list(&[&leaf(b"x"), &stray])), want);
    let large = vec![0; PROOF_BYTES_MAX + 1];
    assert_eq!(refused(any, &large), CompactError::Proof(ProofError::TooLarge { got: large.len() }));
}

/// Whoever nests without end must not get as much memory as he likes, nor a stack.
#[test]
fn a_compact_proof_that_is_too_deep_is_refused() {
    // A branch with a value and one child, which follows, over and over.
    let nested: &[u8] = &[0xC0, 1, 0, 0, 0];
    let mut scale = Vec::new();
    put_compact(&mut scale, COMPACT_DEPTH_MAX as u64 + 1);
    (0..=COMPACT_DEPTH_MAX).for_each(|_| put_byte_string(&mut scale, nested));
    assert_eq!(refused(Hash::default(), &scale), CompactError::TooDeep);
}

/// The key of a child trie's root says so; a value that is no root there is no trie.
#[test]
fn a_child_trie_whose_root_is_none_is_refused() {
    let key = b":child_storage:default:x";
    let mut main = vec![0x40 | 48];
    main.extend_from_slice(key);
    put_byte_string(&mut main, b"no root");
    let stray = leaf(&[3; 40]);
    let want = ScanError::Lookup(LookupError::ChildRoot { got: 7 });
    assert_eq!(refused(blake2b_256(&main), &list(&[&main, &stray])), CompactError::Children(want));
}

/// A hash for every child and no node below: each answer could make a client wait for sixteen times as much.
#[test]
fn a_trie_that_is_too_wide_is_not_gone_through() {
    let fork = |child: &Hash| {
        let one = [&[128][..], child.as_bytes()].concat();
        [&[0x80, 0xFF, 0xFF][..], &one.repeat(16)].concat()
    };
    // Five levels of sixteen are known, and all below the last of them are missing: 2^20 subtrees of three hundred bytes each.
    let mut nodes = vec![fork(&Hash([1; 32]))];
    for _ in 0..4 {
        let below = blake2b_256(nodes.last().unwrap());
        nodes.push(fork(&below));
    }
    let top = blake2b_256(nodes.last().unwrap());
    let proof = VerifiedProof::from_nodes(top, nodes.iter().map(Vec::as_slice)).unwrap();
    let mut scan = PrefixScan::new(top, b"", true);
    assert_eq!(scan.advance(&proof.trie(), usize::MAX, |_, _| ()), Err(ScanError::TooWide));
    // As many as are kept wait, and they are not thrown away.
    assert!(scan.wants().count() <= SCAN_PENDING_MAX && !scan.is_done());
}

/// One long part of a path, and many subtrees below it: the path is copied into each of them.
#[test]
fn a_trie_of_long_paths_takes_no_more_memory_than_allowed() {
    // A branch whose part of the path has 40,000 nibbles, with a fork below each of its sixteen children, and so on.
    let nibbles = 40_000_usize;
    let fork = |nibbles: usize, child: &Hash| {
        let mut node = vec![0x80 | nibbles.min(63) as u8];
        if nibbles >= 63 {
            node.extend(vec![255; (nibbles - 63) / 255]);
            node.push(((nibbles - 63) % 255) as u8);
        }
        node.extend(vec![7; nibbles.div_ceil(2)]);
        node.extend([0xFF, 0xFF]);
        (0..16).for_each(|_| put_byte_string(&mut node, child.as_bytes()));
        node
    };
    let mut nodes = vec![fork(0, &Hash([1; 32]))];
    for nibbles in [0, 0, nibbles] {
        let below = blake2b_256(nodes.last().unwrap());
        nodes.push(fork(nibbles, &below));
    }
    let top = blake2b_256(nodes.last().unwrap());
    let proof = VerifiedProof::from_nodes(top, nodes.iter().map(Vec::as_slice)).unwrap();
    let mut scan = PrefixScan::new(top, b"", true);
    assert_eq!(scan.advance(&proof.trie(), usize::MAX, |_, _| ()), Err(ScanError::TooWide));
    let held = scan.memory_bytes();
    let some = SCAN_PATHS_BYTES_MAX / 16;
    assert!(held > SCAN_PATHS_BYTES_MAX - some && held < SCAN_PATHS_BYTES_MAX + some, "{held} bytes");

    let deep = fork(60_000, &Hash([1; 32]));
    let deeper = fork(60_000, &blake2b_256(&deep));
    let top = blake2b_256(&deeper);
    let proof = VerifiedProof::from_nodes(top, [&deeper[..], &deep[..]].into_iter()).unwrap();
    let mut scan = PrefixScan::new(top, b"", true);
    let long = scan.advance(&proof.trie(), usize::MAX, |_, _| ());
    assert_eq!(long, Err(ScanError::LongKey { got: 60_001 }), "the limit is {SCAN_KEY_BYTES_MAX}");
}

#[test]
fn changes_over_what_is_no_trie_have_no_root() {
    let broken = [0xFF; 40];
    let top = blake2b_256(&broken);
    let proof = VerifiedProof::from_nodes(top, [&broken[..]].into_iter()).unwrap();
    let changed = root_after(proof.trie(), StateVersion::V1, [(&b"key"[..], Some(&b"value"[..]))]);
    assert!(matches!(changed, Err(ChangesError::Lookup(LookupError::Node { hash, .. })) if hash == top), "{changed:?}");
    // Over nothing there is one, and it is that of what was written.
    let empty = VerifiedProof::from_nodes(EMPTY_ROOT, [&[0][..]].into_iter()).unwrap();
    let changed = root_after(empty.trie(), StateVersion::V1, [(&b"key"[..], Some(&b"value"[..]))]);
    assert_eq!(changed, Ok(root(StateVersion::V1, [(&b"key"[..], &b"value"[..])]).unwrap()));
}
