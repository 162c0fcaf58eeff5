//! Roots of whole tries, from keys in ascending order.

use super::build::{Builder, Item, Sink};
use super::nibbles::Nibbles;
use crate::base::Hash;
use crate::codec::scale::put_compact;
use alloc::vec::Vec;

/// The root of the trie without keys: the BLAKE2b-256 of one zero byte.
pub const EMPTY_ROOT: Hash = Hash([
    0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7, 0xe3, 0xd8, 0x4c, 0x05, 0x39, 0x1d, 0x13, 0x9a, 0x62, 0xb1, 0x57,
    0xe7, 0x87, 0x86, 0xd8, 0xc0, 0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14,
]);

/// How values enter a trie. What is in it already keeps its form until it is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateVersion {
    /// Every value stands in its node.
    V0,
    /// A value of 33 bytes or more stands under its hash.
    V1,
}

/// Keys are not in strictly ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {index} is not above the one before it")]
pub struct KeyOrderError {
    /// Index of the key, from 0.
    pub index: usize,
}

/// Returns the root of the trie with these keys and values, which come in ascending order of the keys.
///
/// Memory is that of the nodes on one way from the root, whatever the number of keys.
/// # Errors
/// [`KeyOrderError`].
pub fn root<'a>(
    version: StateVersion,
    entries: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Hash, KeyOrderError> {
    build(Builder::new(version, None, None), entries)
}

/// Returns the same root as [`root`] and calls `each` with every node and every value that stands under its hash, children
/// before parents: together they are the proof of the whole trie.
/// # Errors
/// [`KeyOrderError`].
pub fn nodes<'a>(
    version: StateVersion,
    entries: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    mut each: impl FnMut(&[u8]),
) -> Result<Hash, KeyOrderError> {
    build(Builder::new(version, None, Some(Sink(&mut each))), entries)
}

fn build<'a>(
    mut builder: Builder<'a, '_>,
    entries: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Hash, KeyOrderError> {
    let mut count = 0_usize;
    for (index, (key, value)) in entries.into_iter().enumerate() {
        // Without a trie below it, the builder fails for the order alone.
        builder.push(Nibbles::from(key), Item::Fresh(value)).map_err(|_| KeyOrderError { index })?;
        count = index;
    }
    builder.finish().map_err(|_| KeyOrderError { index: count })
}

/// Returns the root of the trie of `values` under the compact encodings of their indices, as for the extrinsics of a block.
pub fn ordered_root<'a>(version: StateVersion, values: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut entries: Vec<(Vec<u8>, &[u8])> = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let mut key = Vec::new();
        put_compact(&mut key, index as u64);
        entries.push((key, value));
    }
    // The encodings are little-endian, so their order is not that of the indices.
    entries.sort_unstable();
    let sorted = entries.iter().map(|(key, value)| (key.as_slice(), *value));
    // No two indices have one encoding, so the keys ascend.
    root(version, sorted).unwrap_or(EMPTY_ROOT)
}
