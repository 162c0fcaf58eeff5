//! Storage proofs: decoding, and every question to what they show.

use rushlight_core::base::Hash;
use rushlight_core::codec::scale::{Reader, put_byte_string, put_compact};
use rushlight_core::crypto::blake2b::blake2b_256;
use rushlight_core::trie::patricia16::{PrefixScan, Proven, StateVersion, Trie, VerifiedProof, root_after};

/// Nodes opened for one question, at most.
const BUDGET: usize = 2_000;

/// Reads `bytes` as a storage proof whose first entry is the root. So that mutations get past the hashes, 31 bytes of zero and
/// the number of a later entry stand for that entry's hash. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Some(entries) = entries(bytes) else {
        assert!(VerifiedProof::verify(Hash::default(), bytes).is_err(), "a proof that is no list");
        return false;
    };
    let entries = linked(entries);
    let root = entries.first().map_or(Hash::default(), |entry| blake2b_256(entry));
    let mut scale = Vec::new();
    put_compact(&mut scale, entries.len() as u64);
    entries.iter().for_each(|entry| put_byte_string(&mut scale, entry));
    let Ok(proof) = VerifiedProof::verify(root, &scale[..]) else { return false };
    // Of a proof that is smaller than this, the entries that any size is allowed weigh more.
    assert!(scale.len() < 1_000 || proof.memory_bytes() <= 3 * scale.len(), "a proof takes too much memory");
    ask(&proof.trie());
    proof.trie().value(b"").is_ok()
}

fn entries(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader::new(bytes);
    let count = reader.length(1_000, 1).ok()?;
    let entries: Option<Vec<Vec<u8>>> = (0..count).map(|_| Some(reader.byte_string(1 << 20).ok()?.to_vec())).collect();
    reader.finish().ok()?;
    entries
}

fn linked(mut entries: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for at in (0..entries.len()).rev() {
        let mut entry = entries[at].clone();
        let mut place = 0;
        while place + Hash::LEN <= entry.len() {
            let later = usize::from(entry[place + 31]);
            if entry[place..place + 31] == [0; 31] && later > at && later < entries.len() {
                entry[place..place + Hash::LEN].copy_from_slice(blake2b_256(&entries[later]).as_bytes());
                place += Hash::LEN;
            } else {
                place += 1;
            }
        }
        entries[at] = entry;
    }
    entries
}

/// Asks a trie everything about the keys that it shows; the answers must agree.
pub fn ask(trie: &Trie<'_>) {
    let mut found: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let mut scan = PrefixScan::new(trie.root(), b"", false);
    let _ = scan.advance(trie, BUDGET, |key, value| {
        found.push((key.to_vec(), value.map(|value| value.bytes().to_vec())));
    });
    assert!(found.is_sorted_by(|a, b| a.0 < b.0), "keys of one proof come in order");
    assert!(scan.wants().count() <= BUDGET * 16);
    for (key, value) in found.iter().take(64) {
        match (trie.value(key), value) {
            (Ok(Proven::Present(got)), Some(value)) => assert_eq!(got.bytes(), &value[..]),
            (Ok(Proven::Present(_) | Proven::Unknown(_)) | Err(_), None) => {}
            (got, value) => panic!("a scan found {value:?}, a lookup {got:?}"),
        }
        assert!(matches!(trie.value_hash(key), Ok(Proven::Present(_))));
        assert!(matches!(trie.closest_descendant_merkle_value(key), Ok(Proven::Present(_))));
        if let Ok(Proven::Present(next)) = trie.next_key(key) {
            assert!(next > *key);
            assert!(!matches!(trie.value(&next), Ok(Proven::Absent)), "the next key is there");
        }
        let changes = [(&key[..], None)];
        if let Ok(after) = root_after(*trie, StateVersion::V1, changes) {
            assert_ne!(after, trie.root(), "a key less is another trie");
        }
    }
    // Writing what is there already, in its form, changes nothing.
    assert_eq!(root_after(*trie, StateVersion::V0, []), Ok(trie.root()));
    if let [(key, Some(value)), ..] = &found[..]
        && let Ok(after) = root_after(*trie, StateVersion::V0, [(&key[..], Some(&value[..]))])
    {
        assert_eq!(after, trie.root(), "the same value makes another root");
    }
    let _ = trie.child(b"name");
}
