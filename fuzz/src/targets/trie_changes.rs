//! The root after changes, beside that of the changed map.

use rushlight_core::crypto::blake2b::blake2b_256;
use rushlight_core::trie::patricia16::{ChangesError, StateVersion, VerifiedProof, nodes, root, root_after};
use std::collections::BTreeMap;

/// Reads `bytes` as a map, changes and nodes to be left out: first a byte of which the lowest bit is the version and the others
/// say how many of the entries that follow are the map. An entry is a byte of which the low half is the length of the key and
/// the high half that of the value, in nines; both follow. In a change a value of the longest length is a deletion. Always
/// accepted, unless nothing is changed.
pub fn run(bytes: &[u8]) -> bool {
    let Some((first, mut rest)) = bytes.split_first() else { return false };
    let version = if first & 1 == 1 { StateVersion::V1 } else { StateVersion::V0 };
    let (mut map, mut changes) = (BTreeMap::new(), BTreeMap::new());
    let mut count = 0;
    while let Some((lengths, after)) = rest.split_first() {
        let key_len = usize::from(lengths & 15).min(after.len());
        let (key, after) = after.split_at(key_len);
        let value_len = usize::from(lengths >> 4) * 9;
        let (value, after) = after.split_at(value_len.min(after.len()));
        // A shorter rest is filled up, so that few bytes make long values.
        let mut value = value.to_vec();
        value.resize(value_len, *first);
        if count < usize::from(first >> 1) {
            map.insert(key.to_vec(), value);
        } else {
            changes.insert(key.to_vec(), (lengths >> 4 < 15).then_some(value));
        }
        count += 1;
        rest = after;
    }
    let mut all = Vec::new();
    let list = |map: &BTreeMap<Vec<u8>, Vec<u8>>| {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
    };
    let before = list(&map);
    let pairs = before.iter().map(|(key, value)| (&key[..], &value[..]));
    let old = nodes(version, pairs, |node| all.push(node.to_vec())).expect("a map is sorted");
    for (key, value) in &changes {
        match value {
            Some(value) => drop(map.insert(key.clone(), value.clone())),
            None => drop(map.remove(key)),
        }
    }
    let after = list(&map);
    let want = root(version, after.iter().map(|(key, value)| (&key[..], &value[..]))).expect("a map is sorted");
    let changed = || changes.iter().map(|(key, value)| (&key[..], value.as_deref()));
    let whole = VerifiedProof::from_nodes(old, all.iter().map(Vec::as_slice)).expect("a whole trie");
    assert_eq!(root_after(whole.trie(), version, changed()), Ok(want));
    for left_out in 0..all.len().min(16) {
        let part = all.iter().enumerate().filter(|(at, node)| *at != left_out || blake2b_256(node) == old);
        let part = VerifiedProof::from_nodes(old, part.map(|(_, node)| &node[..])).expect("it has its root");
        match root_after(part.trie(), version, changed()) {
            Ok(got) => assert_eq!(got, want),
            Err(ChangesError::Missing { missing }) => assert_eq!(missing.hash, blake2b_256(&all[left_out])),
            Err(error) => panic!("{error}"),
        }
    }
    !changes.is_empty()
}
