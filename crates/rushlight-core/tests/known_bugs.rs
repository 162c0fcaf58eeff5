//! Bugs that other clients had and that no test beside a rule covers. `docs/known-bugs.md` lists all of them with their tests,
//! and tidy checks that each test which it names is there.
#![cfg(feature = "substrate")]

use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::AuthorshipState;
use rushlight_core::chains::substrate::authorship::babe::Epoch;
use rushlight_core::chains::substrate::grandpa::{AuthoritySet, CommitMessage, JustificationRef, NeighborPacket};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::warp::FragmentStream;
use rushlight_core::codec::scale::{Reader, put_compact};
use rushlight_core::trie::patricia16::{
    CHILD_STORAGE_PREFIX, PrefixScan, Proven, ScanStep, StateVersion, VerifiedProof, nodes, root,
};

type Entries<'a> = Vec<(Vec<u8>, &'a [u8])>;

/// Returns the root of `entries` and its nodes and long values, each once.
fn trie(entries: &Entries<'_>) -> (Hash, Vec<Vec<u8>>) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let borrowed = entries.iter().map(|(key, value)| (key.as_slice(), *value));
    let root = nodes(StateVersion::V1, borrowed, |node| all.push(node.to_vec())).unwrap();
    all.sort();
    all.dedup();
    (root, all)
}

fn proof(root: Hash, nodes: &[Vec<u8>]) -> VerifiedProof<'static> {
    VerifiedProof::from_nodes(root, nodes.iter().map(Vec::as_slice)).unwrap()
}

fn check(proof: &VerifiedProof<'_>, entries: &Entries<'_>) {
    for (key, want) in entries {
        let Ok(Proven::Present(got)) = proof.trie().value(key) else { panic!("{key:02x?} is not proven") };
        assert_eq!(got.bytes(), *want);
    }
}

/// smoldot-archive 1362, 1504, 1633: values in a proof were told from nodes by whether they decode as nodes, and a proof of a
/// real chain with a value that happens to decode was refused.
#[test]
fn a_value_that_reads_as_a_node_is_a_value() {
    // A branch of two children under hashes that nobody has, and a leaf: both decode, neither is part of the trie.
    let branch = [&[0x80, 3, 0, 128][..], &[0xAA; 32], &[128], &[0xBB; 32]].concat();
    let leaf = [&[0x42, 0x12, 160][..], &[7; 40]].concat();
    let entries: Entries<'_> = vec![(b"branch".to_vec(), &branch), (b"leaf".to_vec(), &leaf), (b"x".to_vec(), &[1])];
    let (root, nodes) = trie(&entries);
    let proof = proof(root, &nodes);
    check(&proof, &entries);
    assert!(matches!(proof.trie().value(b"nothing"), Ok(Proven::Absent)));
    let mut scan = PrefixScan::new(root, b"", true);
    let mut found = 0;
    assert_eq!(scan.advance(&proof.trie(), 100, |_, _| found += 1), Ok(ScanStep::Done));
    assert_eq!(found, entries.len());
}

/// smoldot-archive 680: a proof was of one trie alone. And what is equal stands in a proof once, whoever names it: real chains
/// have child tries with the same root.
#[test]
fn equal_parts_of_several_tries_share_their_entries() {
    let long = [9; 100];
    let inside: Entries<'_> = vec![(b"a".to_vec(), &long), (b"b".to_vec(), &long)];
    let (child, mut all) = trie(&inside);
    let key = |name: u8| [CHILD_STORAGE_PREFIX, &[name]].concat();
    let main: Entries<'_> = vec![(key(1), child.as_bytes()), (key(2), child.as_bytes()), (b":outside".to_vec(), &long)];
    let (root, of_main) = trie(&main);
    all.extend(of_main);
    all.sort();
    all.dedup();
    let proof = proof(root, &all);
    check(&proof, &main);
    for name in [1, 2] {
        let Ok(Proven::Present(trie)) = proof.trie().child(&[name]) else { panic!("child {name} is not proven") };
        for (key, want) in &inside {
            assert!(matches!(trie.value(key), Ok(Proven::Present(got)) if got.bytes() == *want));
        }
    }
}

/// smoldot 382: children of less than 32 bytes stand in their parents and are no entries of the proof.
#[test]
fn small_children_stand_in_their_parents() {
    let entries: Entries<'_> = vec![(vec![0x00], &[1]), (vec![0x01], &[2]), (vec![0x10], &[3]), (vec![0x11], &[4])];
    let (want, nodes) = trie(&entries);
    assert_eq!(nodes.len(), 1, "four leaves and two branches fit into the root");
    check(&proof(want, &nodes), &entries);
    assert_eq!(root(StateVersion::V0, entries.iter().map(|(key, value)| (key.as_slice(), *value))).unwrap(), want);
}

/// A generator of small numbers; the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// What a decoder allocates for is a count that it has read. It must be one that the bytes behind it can hold, or sixteen bytes
/// could ask for gigabytes.
#[test]
fn a_count_is_never_more_than_the_bytes_behind_it_can_hold() {
    let mut dice = Dice(20_261_121);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..1_000_000 {
        let mut bytes = Vec::with_capacity(24);
        // Half of them begin with a huge count, which chance would not find.
        match dice.next() % 4 {
            0 => put_compact(&mut bytes, dice.next() << (dice.next() % 34)),
            1 => put_compact(&mut bytes, dice.next() % 20),
            _ => {}
        }
        (0..dice.next() % 17).for_each(|_| bytes.push(dice.next() as u8));
        let element = 1 + (dice.next() % 4) as usize;
        let mut reader = Reader::new(&bytes);
        match reader.length(1 << 20, element) {
            Ok(count) => {
                assert!(count <= reader.rest().len() / element, "{count} of {element} bytes in {bytes:02x?}");
                taken += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 50_000 && refused > 500_000, "{taken} {refused}");
}

/// About fifteen panics in half a year came from bytes of peers. Every decoder takes whatever there is and says no.
#[test]
fn no_decoder_stops_at_short_bytes_with_large_counts() {
    let mut dice = Dice(7);
    for round in 0..200_000_u32 {
        let mut bytes = Vec::with_capacity(40);
        for _ in 0..dice.next() % 6 {
            match dice.next() % 3 {
                0 => put_compact(&mut bytes, dice.next() << (dice.next() % 34)),
                1 => bytes.push(dice.next() as u8),
                _ => bytes.extend([0xFF; 5]),
            }
        }
        bytes.truncate(16);
        let width = NumberWidth::new(u64::from(round % 8) + 1).unwrap_or(NumberWidth::U32);
        let _ = HeaderRef::decode(&bytes, width).map(|header| header.to_header());
        let _ = JustificationRef::decode(&bytes, width).map(|justification| justification.precommits().len());
        let _ = CommitMessage::decode(&bytes, width).map(|commit| commit.is_some());
        let _ = NeighborPacket::decode(&bytes, width);
        let _ = AuthoritySet::decode(0, &bytes);
        let _ = Epoch::read(&mut Reader::new(&bytes));
        let _ = AuthorshipState::read(&mut Reader::new(&bytes));
        let _ = VerifiedProof::verify(Hash::default(), &bytes[..]).map(|proof| proof.len());
        let _ = VerifiedProof::verify_compact(Hash::default(), &bytes).map(|proof| proof.len());
        let mut stream = FragmentStream::new(width);
        assert!(stream.receive(&bytes).and_then(|()| stream.next_fragment()).map_or(true, |next| next.is_none()));
    }
}
