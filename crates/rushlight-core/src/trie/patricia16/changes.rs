//! The root after changes, from a proof that shows only a part of the trie (`ext_storage_root`).
//!
//! The trie is read as a sequence in ascending order: values, and subtrees below which nothing changes. It is merged with the
//! changes and built anew; a subtree that stays in its place goes in by its Merkle value. So only nodes on the way to a
//! changed key are opened, and a branch's last child when all else in the branch is deleted, for the two become one node.

use super::build::{BuildError, Builder, Item};
use super::lookup::{LookupError, Missing, MissingPart, Trie};
use super::nibbles::{Nibbles, Path};
use super::node::{MerkleValue, NodeValue};
use super::root::{EMPTY_ROOT, StateVersion};
use crate::base::Hash;
use alloc::vec::Vec;

/// Why the root after changes is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangesError {
    /// The proof lacks a node. A proof of the changed keys, and of the neighbours of deleted ones, has it.
    #[error("proof lacks node {:#x}", .missing.hash)]
    Missing {
        /// What is missing.
        missing: Missing,
    },
    /// The proof has something that is no part of a trie.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The keys of the changes are not in strictly ascending order. It is the caller's fault.
    #[error("change {index} is not above the one before it")]
    Order {
        /// Index of the change, from 0.
        index: usize,
    },
}

/// Returns the root of `trie` after `changes`: each key, in ascending order, with its new value, or with `None` to be deleted.
///
/// A value that is written takes the form of `version`; all others keep theirs. Deleting what is not there changes nothing.
/// Time and memory are those of the nodes on the ways to the changed keys.
/// # Errors
/// [`ChangesError`]; [`ChangesError::Missing`] names the first node in the order of keys that the proof lacks.
pub fn root_after<'a, 'c: 'a>(
    trie: Trie<'a>,
    version: StateVersion,
    changes: impl IntoIterator<Item = (&'c [u8], Option<&'c [u8]>)>,
) -> Result<Hash, ChangesError> {
    let mut merge = Merge { trie, builder: Builder::new(version, Some(trie), None), waiting: Vec::new() };
    if trie.root() != EMPTY_ROOT {
        let item = Waiting::Subtree { merkle: MerkleValue::Hash(trie.root()), within: trie.root() };
        merge.waiting.push((Path::default(), item));
    }
    let mut last: Option<&[u8]> = None;
    for (index, (key, value)) in changes.into_iter().enumerate() {
        if last.is_some_and(|last| last >= key) {
            return Err(ChangesError::Order { index });
        }
        last = Some(key);
        merge.change(Nibbles::from(key), value)?;
    }
    while let Some((path, item)) = merge.waiting.pop() {
        merge.keep(&path, item)?;
    }
    merge.builder.finish().map_err(ChangesError::from)
}

impl From<BuildError> for ChangesError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Missing(missing) => ChangesError::Missing { missing },
            BuildError::Lookup(error) => ChangesError::Lookup(error),
            // Changes are in order, and so is a trie: its paths are ordered by the indices of children.
            BuildError::Order => ChangesError::Order { index: 0 },
        }
    }
}

/// A part of the existing trie that was not built yet.
#[derive(Clone, Copy)]
enum Waiting<'a> {
    Value(NodeValue<'a>),
    Subtree { merkle: MerkleValue<'a>, within: Hash },
}

struct Merge<'a> {
    trie: Trie<'a>,
    builder: Builder<'a, 'static>,
    /// The smallest path last.
    waiting: Vec<(Path, Waiting<'a>)>,
}

impl<'a> Merge<'a> {
    /// Builds what is below `key`, then `key` with its new value.
    fn change(&mut self, key: Nibbles<'_>, value: Option<&'a [u8]>) -> Result<(), ChangesError> {
        while let Some((path, item)) = self.waiting.pop() {
            match item {
                // What stands here is replaced or deleted.
                Waiting::Value(_) if path.as_nibbles() == key => break,
                Waiting::Subtree { merkle, within } if key.starts_with(path.as_nibbles()) => {
                    self.open(path, merkle, within)?;
                }
                _ if path.as_nibbles() < key => self.keep(&path, item)?,
                _ => {
                    self.waiting.push((path, item));
                    break;
                }
            }
        }
        match value {
            Some(value) => Ok(self.builder.push(key, Item::Fresh(value))?),
            None => Ok(()),
        }
    }

    /// Lets the value and the children of a node wait in its place.
    fn open(&mut self, mut path: Path, merkle: MerkleValue<'a>, within: Hash) -> Result<(), ChangesError> {
        let missing = Missing { hash: within, part: MissingPart::Node };
        let node = self.trie.open(merkle, within)?.ok_or(ChangesError::Missing { missing })?;
        path.append(node.partial);
        let first = self.waiting.len();
        if let Some(value) = node.value {
            self.waiting.push((path.clone(), Waiting::Value(value)));
        }
        for (index, merkle) in node.children.iter() {
            let mut path = path.clone();
            path.push(index);
            let within = if let MerkleValue::Hash(hash) = merkle { hash } else { within };
            self.waiting.push((path, Waiting::Subtree { merkle, within }));
        }
        self.waiting.get_mut(first..).unwrap_or_default().reverse();
        Ok(())
    }

    fn keep(&mut self, path: &Path, item: Waiting<'a>) -> Result<(), ChangesError> {
        let item = match item {
            Waiting::Value(value) => Item::Kept(value),
            Waiting::Subtree { merkle, within } => Item::Subtree { merkle, within },
        };
        Ok(self.builder.push(path.as_nibbles(), item)?)
    }
}
