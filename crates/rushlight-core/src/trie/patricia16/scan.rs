//! All keys below a prefix, over as many proofs as it takes.
//!
//! A [`PrefixScan`] keeps the subtrees that no proof has shown yet. It says for which keys a proof would show them, takes the
//! proof, and hands on what was found; so one round of asking per level of the trie is enough, whatever the number of keys.

use super::lookup::{LookupError, Missing, MissingPart, Trie, Value};
use super::nibbles::{Nibbles, Path};
use super::node::{MerkleValue, Node, NodeValue};
use super::root::EMPTY_ROOT;
use crate::base::Hash;
use alloc::vec::Vec;

/// Most subtrees that wait to be shown.
pub const SCAN_PENDING_MAX: usize = 1 << 18;

/// Most bytes of the keys that lead to the subtrees that wait. A few long parts in the nodes of a liar's trie would else be
/// copied into every one of them.
pub const SCAN_PATHS_BYTES_MAX: usize = 16 << 20;

/// Longest key, in bytes, below which a scan looks: what the part of one node may have. Every step copies the key so far, so
/// that longer ones would make the time of a scan grow faster than its number of steps.
pub const SCAN_KEY_BYTES_MAX: usize = 1 << 15;

/// Why a scan cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The proof has something that is no part of a trie. The sender's fault.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The proof is for another root. The caller's fault.
    #[error("proof is for root {got:#x}, the scan is of {want:#x}")]
    Root {
        /// The proof's root.
        got: Hash,
        /// The scan's root.
        want: Hash,
    },
    /// The trie is wider below the prefix than a scan may become. The user's fault: a longer prefix has fewer keys.
    #[error("more than {SCAN_PENDING_MAX} subtrees or {SCAN_PATHS_BYTES_MAX} bytes of their keys wait to be shown")]
    TooWide,
    /// A key is longer than a scan goes.
    #[error("key has {got} bytes, a scan goes to {SCAN_KEY_BYTES_MAX}")]
    LongKey {
        /// Bytes of the key so far.
        got: usize,
    },
}

/// What has become of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanStep {
    /// Everything was found.
    Done,
    /// The budget was used up; the same proof has more.
    More,
    /// Another proof is needed: see [`PrefixScan::wants`]. `opened` of what was wanted was shown; a sender that shows nothing of it
    /// has not answered.
    Wants {
        /// Number of wanted parts that this call of [`PrefixScan::advance`] and those for `More` before it found in the proof.
        opened: usize,
    },
}

/// A part that no proof has shown yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanWant<'s> {
    /// A key whose proof shows it; not every such key is in the trie.
    pub key: &'s [u8],
    /// The hash of the node or value.
    pub missing: Missing,
}

/// Something to be looked at: a subtree, or a value of a known key.
#[derive(Clone, Debug)]
struct Pending {
    path: Path,
    part: Part,
}

impl Pending {
    fn paths_bytes(&self) -> usize {
        self.path.padded_bytes().len()
    }
}

#[derive(Clone, Debug)]
enum Part {
    Subtree(Hash),
    /// A node that is inline in another; it is never missing.
    Inline {
        node: Vec<u8>,
        within: Hash,
    },
    Value(Hash),
}

/// The keys below a prefix, as far as they are found.
#[derive(Clone, Debug)]
pub struct PrefixScan {
    root: Hash,
    prefix: Vec<u8>,
    has_values: bool,
    /// To be looked for in the proof at hand, the first last.
    waiting: Vec<Pending>,
    /// Not in the proof at hand.
    missing: Vec<Pending>,
    /// Bytes of the paths of both.
    paths_bytes: usize,
    opened: usize,
}

impl PrefixScan {
    /// Returns a scan of the trie with this root, main or child, for the keys that begin with `prefix`. With `has_values` it wants
    /// the values too that stand under their hashes.
    pub fn new(root: Hash, prefix: &[u8], has_values: bool) -> Self {
        let start = Pending { path: Path::default(), part: Part::Subtree(root) };
        let waiting = if root == EMPTY_ROOT { Vec::new() } else { alloc::vec![start] };
        Self { root, prefix: prefix.to_vec(), has_values, waiting, missing: Vec::new(), paths_bytes: 0, opened: 0 }
    }

    /// Returns what the next proof should show, the first in the order of keys first.
    pub fn wants(&self) -> impl Iterator<Item = ScanWant<'_>> {
        self.waiting.iter().rev().map(|pending| {
            let (hash, part) = match &pending.part {
                Part::Subtree(hash) => (*hash, MissingPart::Node),
                Part::Inline { within, .. } => (*within, MissingPart::Node),
                Part::Value(hash) => (*hash, MissingPart::Value),
            };
            // On the way to the prefix any key below it will do; the prefix itself is the shortest.
            let is_above = pending.path.len() < self.prefix.len().saturating_mul(2);
            let key = if is_above { &self.prefix } else { pending.path.padded_bytes() };
            ScanWant { key, missing: Missing { hash, part } }
        })
    }

    /// Returns the bytes of memory that the scan takes, but for inline nodes, of less than 32 bytes each.
    pub fn memory_bytes(&self) -> usize {
        let parts = self.waiting.capacity().saturating_add(self.missing.capacity());
        let paths = self.paths_bytes.saturating_add(self.prefix.len());
        parts.saturating_mul(size_of::<Pending>()).saturating_add(paths)
    }

    /// Tells whether everything was found.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.missing.is_empty()
    }

    /// Looks for what is wanted in `trie` and calls `each` with every key found and its value, `None` without `has_values` where it
    /// stands under its hash. Opens at most `budget` nodes; tries with equal parts have more keys than their proofs have bytes.
    ///
    /// Keys come in ascending order as far as one proof shows them; over several proofs the order is any.
    /// # Errors
    /// [`ScanError`]; what was found before stays found, and what failed is still wanted.
    pub fn advance(
        &mut self,
        trie: &Trie<'_>,
        budget: usize,
        mut each: impl FnMut(&[u8], Option<Value<'_>>),
    ) -> Result<ScanStep, ScanError> {
        if trie.root() != self.root {
            return Err(ScanError::Root { got: trie.root(), want: self.root });
        }
        for _ in 0..budget {
            let Some(pending) = self.waiting.pop() else { break };
            self.paths_bytes = self.paths_bytes.saturating_sub(pending.paths_bytes());
            if let Err(error) = self.step(trie, &pending, &mut each) {
                // Whoever sent a bad part: another proof is asked for it, or the keys below it would be left out unseen.
                self.wait(pending);
                return Err(error);
            }
        }
        if !self.waiting.is_empty() {
            return Ok(ScanStep::More);
        }
        self.missing.reverse();
        core::mem::swap(&mut self.waiting, &mut self.missing);
        let opened = core::mem::take(&mut self.opened);
        Ok(if self.waiting.is_empty() { ScanStep::Done } else { ScanStep::Wants { opened } })
    }

    fn wait(&mut self, pending: Pending) {
        self.paths_bytes = self.paths_bytes.saturating_add(pending.paths_bytes());
        self.waiting.push(pending);
    }

    fn miss(&mut self, pending: Pending) {
        self.paths_bytes = self.paths_bytes.saturating_add(pending.paths_bytes());
        self.missing.push(pending);
    }

    /// Refuses to let `more` parts below `path` wait, if these are too many.
    fn check_room(&self, path: &Path, more: usize) -> Result<(), ScanError> {
        let got = path.padded_bytes().len();
        if got > SCAN_KEY_BYTES_MAX {
            return Err(ScanError::LongKey { got });
        }
        let parts = self.waiting.len().saturating_add(self.missing.len()).saturating_add(more);
        let bytes = self.paths_bytes.saturating_add(more.saturating_mul(got.saturating_add(1)));
        let is_wide = parts > SCAN_PENDING_MAX || bytes > SCAN_PATHS_BYTES_MAX;
        if is_wide { Err(ScanError::TooWide) } else { Ok(()) }
    }

    /// Looks at one part. Nothing has changed when it fails.
    fn step(
        &mut self,
        trie: &Trie<'_>,
        pending: &Pending,
        each: &mut impl FnMut(&[u8], Option<Value<'_>>),
    ) -> Result<(), ScanError> {
        match &pending.part {
            Part::Value(hash) => self.value(trie, &pending.path, NodeValue::Hashed(*hash), each),
            Part::Inline { node, within } => match trie.open(MerkleValue::Inline(node), *within)? {
                Some(node) => self.node(trie, pending, node, *within, each),
                None => Ok(()),
            },
            Part::Subtree(hash) => match trie.open(MerkleValue::Hash(*hash), *hash)? {
                Some(node) => {
                    self.node(trie, pending, node, *hash, each)?;
                    self.opened = self.opened.saturating_add(1);
                    Ok(())
                }
                None => {
                    self.miss(pending.clone());
                    Ok(())
                }
            },
        }
    }

    /// Takes a node's value, and lets its children wait, if they may lie below the prefix.
    fn node(
        &mut self,
        trie: &Trie<'_>,
        pending: &Pending,
        node: Node<'_>,
        within: Hash,
        each: &mut impl FnMut(&[u8], Option<Value<'_>>),
    ) -> Result<(), ScanError> {
        let mut path = pending.path.clone();
        path.append(node.partial);
        let (ours, prefix) = (path.as_nibbles(), Nibbles::from(&self.prefix[..]));
        if ours.common_len(prefix) < ours.len().min(prefix.len()) {
            return Ok(());
        }
        let next = prefix.get(ours.len());
        let is_below = |index: u8| next.is_none_or(|next| next == index);
        // The value may be missing, too.
        self.check_room(&path, node.children.iter().filter(|(index, _)| is_below(*index)).count().saturating_add(1))?;
        if let (Some(value), None) = (node.value, next) {
            self.value(trie, &path, value, each)?;
        }
        let first = self.waiting.len();
        for (index, child) in node.children.iter().filter(|(index, _)| is_below(*index)) {
            let part = match child {
                MerkleValue::Hash(hash) => Part::Subtree(hash),
                MerkleValue::Inline(node) => Part::Inline { node: node.to_vec(), within },
            };
            self.wait(Pending { path: path.with(index), part });
        }
        self.waiting.get_mut(first..).unwrap_or_default().reverse();
        Ok(())
    }

    /// Hands a value on, or notes that it is missing.
    fn value(
        &mut self,
        trie: &Trie<'_>,
        path: &Path,
        value: NodeValue<'_>,
        each: &mut impl FnMut(&[u8], Option<Value<'_>>),
    ) -> Result<(), ScanError> {
        let nibbles = path.len();
        if nibbles % 2 == 1 {
            return Err(LookupError::OddKey { nibbles }.into());
        }
        let key = path.padded_bytes();
        match (value, self.has_values) {
            (NodeValue::Inline(bytes), _) => each(key, Some(Value::Inline(bytes))),
            (NodeValue::Hashed(_), false) => each(key, None),
            (NodeValue::Hashed(hash), true) => match trie.hashed(hash)? {
                Some(value) => {
                    self.opened = self.opened.saturating_add(1);
                    each(key, Some(value));
                }
                None => self.miss(Pending { path: path.clone(), part: Part::Value(hash) }),
            },
        }
        Ok(())
    }
}
