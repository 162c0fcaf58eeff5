//! The reference: a trie in memory, its proofs and its answers.

use crate::dice::Map;
use sp_core::{Blake2Hasher, H256};
use sp_trie::recorder::Recorder;
use sp_trie::{
    LayoutV0, LayoutV1, MemoryDB, MerkleValue, StorageProof, TrieConfiguration, TrieDBBuilder, TrieDBIterator,
    TrieDBMutBuilder, delta_trie_root,
};
use std::collections::{BTreeMap, BTreeSet};
use trie_db::{Trie, TrieError, TrieMut};

pub type Db = MemoryDB<Blake2Hasher>;
type V0 = LayoutV0<Blake2Hasher>;
type V1 = LayoutV1<Blake2Hasher>;
type Failure = Box<TrieError<H256, sp_trie::Error<H256>>>;

/// An answer of the reference.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    Known(Option<T>),
    /// It lacks something with this hash.
    Missing(H256),
    Failed(String),
    Panicked,
}

fn answer<T>(result: Result<Option<T>, Failure>) -> Answer<T> {
    match result {
        Ok(known) => Answer::Known(known),
        Err(error) => match *error {
            TrieError::IncompleteDatabase(hash) | TrieError::InvalidStateRoot(hash) => Answer::Missing(hash),
            other => Answer::Failed(format!("{other:?}")),
        },
    }
}

/// Adds a trie to the database and returns its root.
pub fn insert(db: &mut Db, map: &Map, is_v1: bool) -> H256 {
    let mut root = H256::default();
    if is_v1 {
        let mut trie = TrieDBMutBuilder::<V1>::new(db, &mut root).build();
        map.iter().for_each(|(key, value)| drop(trie.insert(key, value).expect("inserts")));
        drop(trie);
    } else {
        let mut trie = TrieDBMutBuilder::<V0>::new(db, &mut root).build();
        map.iter().for_each(|(key, value)| drop(trie.insert(key, value).expect("inserts")));
        drop(trie);
    }
    root
}

/// Adds a trie of which some values were written under version 1, the others under version 0, and returns its root.
pub fn insert_both(db: &mut Db, map: &Map, in_v1: &BTreeSet<Vec<u8>>) -> H256 {
    let old: Map = map.iter().filter(|(key, _)| !in_v1.contains(*key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut root = insert(db, &old, false);
    let mut trie = TrieDBMutBuilder::<V1>::from_existing(db, &mut root).build();
    for (key, value) in map.iter().filter(|(key, _)| in_v1.contains(*key)) {
        trie.insert(key, value).expect("inserts");
    }
    drop(trie);
    root
}

/// Returns the root of a map without building a database.
pub fn root_of(map: &Map, is_v1: bool) -> H256 {
    if is_v1 { V1::trie_root(map.iter()) } else { V0::trie_root(map.iter()) }
}

/// Returns the root after changes, in either layout.
pub fn changed(db: &mut Db, root: H256, changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>, is_v1: bool) -> Answer<H256> {
    let list = || changes.iter().map(|(key, value)| (key.clone(), value.clone()));
    // It panics now and then where a branch collapses (trie-db 0.32, `nibbleslice.rs` 244).
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match is_v1 {
        true => delta_trie_root::<V1, _, _, _, _, _>(db, root, list(), None, None),
        false => delta_trie_root::<V0, _, _, _, _, _>(db, root, list(), None, None),
    }));
    let Ok(result) = result else { return Answer::Panicked };
    answer(result.map(Some))
}

/// Returns what a node would send for these keys of these tries: (root, keys).
pub fn prove(db: &Db, asked: &[(H256, Vec<Vec<u8>>)]) -> StorageProof {
    let recorder = Recorder::<Blake2Hasher>::default();
    for (root, keys) in asked {
        let mut tap = recorder.as_trie_recorder(*root);
        let trie = TrieDBBuilder::<V1>::new(db, root).with_recorder(&mut tap).build();
        for key in keys {
            trie.get(key).expect("the database is whole");
        }
    }
    recorder.to_storage_proof()
}

pub fn value(db: &Db, root: &H256, key: &[u8]) -> Answer<Vec<u8>> {
    answer(TrieDBBuilder::<V1>::new(db, root).build().get(key))
}

pub fn value_hash(db: &Db, root: &H256, key: &[u8]) -> Answer<H256> {
    answer(TrieDBBuilder::<V1>::new(db, root).build().get_hash(key))
}

pub fn descendant(db: &Db, root: &H256, key: &[u8]) -> Answer<MerkleValue<H256>> {
    answer(TrieDBBuilder::<V1>::new(db, root).build().lookup_first_descendant(key))
}

pub fn next_key(db: &Db, root: &H256, key: &[u8]) -> Answer<Vec<u8>> {
    let trie = TrieDBBuilder::<V1>::new(db, root).build();
    let find = || -> Result<Option<Vec<u8>>, Failure> {
        let mut iter = trie.key_iter()?;
        iter.seek(key)?;
        for next in iter {
            let next = next?;
            if next.as_slice() > key {
                return Ok(Some(next));
            }
        }
        Ok(None)
    };
    answer(find())
}

pub fn below(db: &Db, root: &H256, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let trie = TrieDBBuilder::<V1>::new(db, root).build();
    let iter = TrieDBIterator::new_prefixed(&trie, prefix).expect("the database is whole");
    iter.map(|item| item.expect("the database is whole")).collect()
}
