//! What a specification says of the state before the first block, and what follows from it: state root and genesis hash.

use super::code::{CodeError, RuntimeVersion};
use crate::base::Hash;
use crate::trie::patricia16::{EMPTY_ROOT, KeyOrderError, StateVersion, root};
use alloc::vec::Vec;

/// Key of the runtime's code in the state.
pub const CODE_KEY: &[u8] = b":code";
/// Prefix of the keys under which the roots of child tries stand in the main trie.
pub const CHILD_STORAGE_PREFIX: &[u8] = b":child_storage:default:";
/// The most entries of a genesis state, child tries included.
pub const GENESIS_ENTRIES_MAX: usize = 1_000_000;
/// The most child tries of a genesis state.
pub const GENESIS_CHILDREN_MAX: usize = 10_000;

/// The state before the first block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Genesis {
    /// All of it.
    Storage(GenesisStorage),
    /// Its root alone.
    StateRoot(Hash),
}

/// The whole genesis state: keys and values in one buffer, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisStorage {
    bytes: Vec<u8>,
    top: Vec<Entry>,
    children: Vec<Child>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at: usize,
    key_len: usize,
    value_len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Child {
    at: usize,
    len: usize,
    entries: Vec<Entry>,
}

/// Why a genesis state has no root. The user's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// A state without code cannot execute its first block.
    #[error("genesis.raw.top: there is no :code (key 0x3a636f6465), so this is not the state of a chain")]
    NoCode,
    /// The code does not tell the layout of the state.
    #[error("genesis.raw.top, :code: {0}")]
    Code(#[from] CodeError),
    /// The root of a child trie stands among the values of the main trie, where only the trie itself may put it.
    #[error(
        "genesis.raw.top: key {index} of the state, sorted, is the root of a child trie that childrenDefault has too"
    )]
    ChildRoot {
        /// Its place.
        index: usize,
    },
}

impl From<KeyOrderError> for GenesisError {
    // The entries of one trie are sorted and no key is there twice, so only a child's root can stand beside another.
    fn from(error: KeyOrderError) -> Self {
        Self::ChildRoot { index: error.index }
    }
}

impl Genesis {
    /// Returns the root of the state.
    ///
    /// Costs the hashing of the whole state where the specification has it: some milliseconds a megabyte, so it belongs
    /// into work that leaves the loop.
    /// # Errors
    /// [`GenesisError`].
    pub fn state_root(&self) -> Result<Hash, GenesisError> {
        match self {
            Self::StateRoot(root) => Ok(*root),
            Self::Storage(storage) => storage.root(),
        }
    }
}

impl GenesisStorage {
    /// Returns the value under `key` of the main trie. The roots of child tries are not among the values.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let place = self.top.binary_search_by(|entry| self.key(entry).cmp(key)).ok()?;
        self.top.get(place).map(|entry| self.value(entry))
    }

    /// Returns the runtime's code, perhaps compressed.
    /// # Errors
    /// [`GenesisError::NoCode`].
    pub fn code(&self) -> Result<&[u8], GenesisError> {
        self.get(CODE_KEY).ok_or(GenesisError::NoCode)
    }

    /// Returns keys and values of the main trie in the order of the keys, without the roots of child tries.
    pub fn top(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.pairs(&self.top)
    }

    /// Returns the child tries: the name behind [`CHILD_STORAGE_PREFIX`], and keys and values in order.
    pub fn children(&self) -> impl ExactSizeIterator<Item = (&[u8], impl ExactSizeIterator<Item = (&[u8], &[u8])>)> {
        self.children.iter().map(|child| (self.slice(child.at, child.len), self.pairs(&child.entries)))
    }

    /// Returns how the state is laid out: what the code's version says, [`StateVersion::V0`] where it carries none, as
    /// the runtimes from before there were two layouts.
    /// # Errors
    /// [`GenesisError`].
    pub fn state_version(&self) -> Result<StateVersion, GenesisError> {
        Ok(RuntimeVersion::of_code(self.code()?)?.map_or(StateVersion::V0, |version| version.state_version))
    }

    /// Returns the root of the state: of the main trie with the roots of the child tries in it. A child trie without
    /// entries has no root there.
    fn root(&self) -> Result<Hash, GenesisError> {
        let version = self.state_version()?;
        let mut roots: Vec<(Vec<u8>, Hash)> = Vec::new();
        for (name, entries) in self.children() {
            match root(version, entries)? {
                EMPTY_ROOT => {}
                child => roots.push(([CHILD_STORAGE_PREFIX, name].concat(), child)),
            }
        }
        if roots.is_empty() {
            return Ok(root(version, self.top())?);
        }
        let children = roots.iter().map(|(key, root)| (key.as_slice(), root.as_bytes().as_slice()));
        let mut entries: Vec<(&[u8], &[u8])> = self.top().chain(children).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        Ok(root(version, entries)?)
    }

    fn pairs<'a>(&'a self, entries: &'a [Entry]) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> {
        entries.iter().map(|entry| (self.key(entry), self.value(entry)))
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        self.slice(entry.at, entry.key_len)
    }

    fn value(&self, entry: &Entry) -> &[u8] {
        self.slice(entry.at.saturating_add(entry.key_len), entry.value_len)
    }

    /// Places are only made by [`Builder`], of what it wrote.
    fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.bytes.get(at..at.saturating_add(len)).unwrap_or_default()
    }
}

/// A rule of the shape of a genesis state that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Too many entries or child tries.
    TooMany { max: usize },
    /// A key twice.
    Twice { key: Vec<u8> },
}

/// Writes a [`GenesisStorage`].
#[derive(Default)]
pub(super) struct Builder {
    storage: GenesisStorage,
    count: usize,
}

impl Builder {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let storage = GenesisStorage { bytes: Vec::with_capacity(bytes), ..GenesisStorage::default() };
        Self { storage, count: 0 }
    }

    /// Calls `write`, which appends to the buffer; returns where it wrote and how much.
    pub(super) fn append<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(usize, usize), E> {
        let at = self.storage.bytes.len();
        write(&mut self.storage.bytes)?;
        Ok((at, self.storage.bytes.len().saturating_sub(at)))
    }

    /// Begins a child trie by its name, which was appended.
    pub(super) fn child(&mut self, (at, len): (usize, usize)) -> Result<(), Broken> {
        if self.storage.children.len() >= GENESIS_CHILDREN_MAX {
            return Err(Broken::TooMany { max: GENESIS_CHILDREN_MAX });
        }
        self.storage.children.push(Child { at, len, entries: Vec::new() });
        Ok(())
    }

    /// Adds an entry whose key and value were appended one behind the other: to the child trie that was begun last, or to
    /// the main trie.
    pub(super) fn entry(&mut self, key: (usize, usize), value: (usize, usize), in_child: bool) -> Result<(), Broken> {
        self.count = self.count.saturating_add(1);
        if self.count > GENESIS_ENTRIES_MAX {
            return Err(Broken::TooMany { max: GENESIS_ENTRIES_MAX });
        }
        let entry = Entry { at: key.0, key_len: key.1, value_len: value.1 };
        match self.storage.children.last_mut().filter(|_| in_child) {
            Some(child) => child.entries.push(entry),
            None => self.storage.top.push(entry),
        }
        Ok(())
    }

    /// Sorts what was added. A key twice is refused: which value holds would be the reader's choice, and so would the
    /// genesis hash.
    pub(super) fn finish(mut self) -> Result<GenesisStorage, Broken> {
        let mut top = core::mem::take(&mut self.storage.top);
        let mut children = core::mem::take(&mut self.storage.children);
        let storage = &self.storage;
        sort(storage, &mut top)?;
        for child in &mut children {
            sort(storage, &mut child.entries)?;
        }
        let name = |child: &Child| storage.slice(child.at, child.len);
        children.sort_by(|a, b| name(a).cmp(name(b)));
        for pair in children.windows(2) {
            if let [a, b] = pair
                && name(a) == name(b)
            {
                return Err(Broken::Twice { key: name(a).to_vec() });
            }
        }
        Ok(GenesisStorage { bytes: self.storage.bytes, top, children })
    }
}

fn sort(storage: &GenesisStorage, entries: &mut [Entry]) -> Result<(), Broken> {
    let by_key = |a: &Entry, b: &Entry| storage.key(a).cmp(storage.key(b));
    if !entries.is_sorted_by(|a, b| by_key(a, b).is_lt()) {
        entries.sort_unstable_by(by_key);
    }
    for pair in entries.windows(2) {
        if let [a, b] = pair
            && storage.key(a) == storage.key(b)
        {
            return Err(Broken::Twice { key: storage.key(a).to_vec() });
        }
    }
    Ok(())
}
