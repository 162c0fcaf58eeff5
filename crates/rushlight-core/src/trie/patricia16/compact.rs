//! Compact proofs: nodes in the order in which a trie is walked, without the hashes of the children that follow.
//!
//! An entry is a node in which a child that follows is an inline node of no bytes, or, behind the byte 0x01, a node whose value
//! of no bytes stands for the hash of the next entry, which is the value. Behind the main trie come child tries, in the order
//! of their keys. The hashes are computed here, up to the root, and the result is a proof like any other.
//! Source: `trie-db` 0.32 `trie_codec.rs`, `sp-trie` 47 `trie_codec.rs`.

use super::lookup::{CHILD_STORAGE_PREFIX, HASHED_VALUE_BYTES_MIN, LookupError};
use super::node::{MerkleValue, Node, NodeError, NodeValue, decode_compact, put_branch, put_child, put_leaf};
use super::proof::{PROOF_BYTES_MAX, ProofError, VerifiedProof};
use super::root::EMPTY_ROOT;
use super::scan::{PrefixScan, ScanError, ScanStep};
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError, put_byte_string, put_compact};
use crate::crypto::blake2b::blake2b_256;
use alloc::vec::Vec;

/// Begins an entry whose value is the next one. Source: `sp-storage`, `ESCAPE_COMPACT_HEADER`.
const VALUE_FOLLOWS: u8 = 0x01;

/// Nodes above each other, at most; a key has half as many bytes at least.
pub const COMPACT_DEPTH_MAX: usize = 1 << 16;

/// Steps beyond one per node when child tries are looked for: equal parts of a trie are one node and many keys.
const CHILD_STEPS_MAX: usize = 1 << 16;

/// Most bytes of the number of entries.
const COUNT_BYTES_MAX: usize = 5;

/// Why entries are no compact proof for a root. It is the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompactError {
    /// The list of entries is no SCALE.
    #[error("list of entries: {0}")]
    Scale(#[from] ScaleError),
    /// An entry is no node.
    #[error("entry {index}: {error}")]
    Node {
        /// Which entry.
        index: usize,
        /// What is wrong.
        error: NodeError,
    },
    /// The entries end before the trie does.
    #[error("ends after {entries} entries within a trie")]
    Incomplete {
        /// Number of entries.
        entries: usize,
    },
    /// A value follows that is not left out, or not long enough to stand under its hash.
    #[error(
        "entry {index}: a value of {got} bytes follows a node that does not leave one of {HASHED_VALUE_BYTES_MIN} or more out"
    )]
    Value {
        /// Which entry.
        index: usize,
        /// Length of the value.
        got: usize,
    },
    /// Too many nodes stand above each other.
    #[error("more than {COMPACT_DEPTH_MAX} nodes stand above each other")]
    TooDeep,
    /// The main trie has another root.
    #[error("leads to root {got:#x}, wanted is {want:#x}")]
    Root {
        /// The root computed.
        got: Hash,
        /// The root wanted.
        want: Hash,
    },
    /// Entries follow that belong to no child trie of the main one.
    #[error("trie {root:#x} is no child trie, or not in its place")]
    Extraneous {
        /// Root of what follows.
        root: Hash,
    },
    /// What a child trie's root should be is none.
    #[error(transparent)]
    Children(#[from] ScanError),
    /// The proof that results breaks a rule.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl VerifiedProof<'static> {
    /// Returns the proof for `root` that a compact proof stands for, in time proportional to its size.
    ///
    /// The result holds all hashes again: 32 bytes more per node than the compact proof. At most three times the bytes of the
    /// result are taken on the way, and 56 bytes for each of the nodes above each other.
    /// # Errors
    /// [`CompactError`].
    pub fn verify_compact(root: Hash, scale: &[u8]) -> Result<Self, CompactError> {
        if scale.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge { got: scale.len() }.into());
        }
        let mut reader = Reader::new(scale);
        let left = reader.length(PROOF_BYTES_MAX, 1)?;
        // The number of entries comes first and is known last.
        let out = alloc::vec![0; COUNT_BYTES_MAX];
        let mut expansion = Expansion { reader, left, out, ..Expansion::default() };
        let got = expansion.trie()?;
        if got != root {
            return Err(CompactError::Root { got, want: root });
        }
        let mut children = Vec::new();
        while expansion.left > 0 {
            children.push(expansion.trie()?);
        }
        expansion.reader.clone().finish()?;
        let proof = Self::verify(root, expansion.finish())?;
        if !children.is_empty() {
            // In the order of their keys; the proof need not have them all.
            let mut roots = child_roots(&proof)?.into_iter();
            if let Some(root) = children.into_iter().find(|child| !roots.any(|root| root == *child)) {
                return Err(CompactError::Extraneous { root });
            }
        }
        Ok(proof)
    }
}

/// Returns the roots of the child tries that the main trie shows, in the order of their keys.
fn child_roots(proof: &VerifiedProof<'_>) -> Result<Vec<Hash>, CompactError> {
    let mut scan = PrefixScan::new(proof.root(), CHILD_STORAGE_PREFIX, true);
    let mut roots = Vec::new();
    let mut wrong = None;
    let step = scan.advance(&proof.trie(), proof.len().saturating_add(CHILD_STEPS_MAX), |_, value| {
        let bytes = value.map(|value| value.bytes()).unwrap_or_default();
        match Hash::from_slice(bytes) {
            Some(root) => roots.push(root),
            None => wrong = Some(LookupError::ChildRoot { got: bytes.len() }),
        }
    })?;
    match (wrong, step) {
        (Some(error), _) => Err(ScanError::Lookup(error).into()),
        // More keys than bytes: parts of the trie are equal, and no chain has equal roots in such numbers.
        (None, ScanStep::More) => Err(ScanError::TooWide.into()),
        (None, _) => Ok(roots),
    }
}

/// A node whose children are on their way. Many may stand above each other, so only what cannot be read again is kept.
struct Open<'a> {
    /// The node, without what says that its value follows.
    entry: &'a [u8],
    /// Where the hashes of what is left out begin: of the value first, if it is, then of the children.
    first: u32,
    /// How many hashes there will be.
    omitted: u8,
    is_value_omitted: bool,
}

/// Entries on their way to become nodes.
#[derive(Default)]
struct Expansion<'a> {
    reader: Reader<'a>,
    /// Entries not read yet.
    left: usize,
    /// Entries read.
    index: usize,
    /// Nodes and values, each behind its length, and their number.
    out: Vec<u8>,
    count: u64,
    open: Vec<Open<'a>>,
    /// Hashes of the values and complete children of the open nodes.
    hashes: Vec<Hash>,
}

impl<'a> Expansion<'a> {
    /// Reads one trie and returns its root.
    fn trie(&mut self) -> Result<Hash, CompactError> {
        loop {
            let index = self.index;
            let entry = self.entry()?;
            if entry == [0] && self.open.is_empty() {
                self.emit(entry)?;
                return Ok(EMPTY_ROOT);
            }
            let without = entry.strip_prefix(&[VALUE_FOLLOWS]);
            let entry = without.unwrap_or(entry);
            let node = decode_compact(entry).map_err(|error| CompactError::Node { index, error })?;
            let first = u32::try_from(self.hashes.len()).map_err(|_| CompactError::TooDeep)?;
            if without.is_some() {
                let value = self.entry()?;
                if node.value != Some(NodeValue::Inline(&[])) || value.len() < HASHED_VALUE_BYTES_MIN {
                    return Err(CompactError::Value { index, got: value.len() });
                }
                self.emit(value)?;
                self.hashes.push(blake2b_256(value));
            }
            if self.open.len() >= COMPACT_DEPTH_MAX {
                return Err(CompactError::TooDeep);
            }
            let children = node.children.iter().filter(|(_, child)| is_omitted(*child)).map(|_| 1_u8);
            let omitted = children.sum::<u8>().saturating_add(u8::from(without.is_some()));
            self.open.push(Open { entry, first, omitted, is_value_omitted: without.is_some() });
            if let Some(root) = self.close(index)? {
                return Ok(root);
            }
        }
    }

    /// Encodes the nodes whose children are all there. Returns the root, if it is among them.
    fn close(&mut self, index: usize) -> Result<Option<Hash>, CompactError> {
        while let Some(open) =
            self.open.pop_if(|open| self.hashes.len().saturating_sub(open.first as usize) == usize::from(open.omitted))
        {
            let node = self.encode(&open).map_err(|error| CompactError::Node { index, error })?;
            self.hashes.truncate(open.first as usize);
            self.emit(&node)?;
            let hash = blake2b_256(&node);
            if self.open.is_empty() {
                return Ok(Some(hash));
            }
            if node.len() < Hash::LEN {
                return Err(CompactError::Node { index, error: NodeError::NotInline { got: node.len() } });
            }
            self.hashes.push(hash);
        }
        Ok(None)
    }

    fn encode(&self, open: &Open<'a>) -> Result<Vec<u8>, NodeError> {
        let Node { partial, value, children } = decode_compact(open.entry)?;
        let mut hashes = self.hashes.get(open.first as usize..).unwrap_or_default().iter();
        let value = match open.is_value_omitted {
            true => hashes.next().map(|hash| NodeValue::Hashed(*hash)),
            false => value,
        };
        let mut out = Vec::new();
        match value {
            Some(value) if children.is_empty() => put_leaf(&mut out, partial, value),
            value => put_branch(&mut out, partial, value, children.bitmap()),
        }
        for (_, child) in children.iter() {
            match hashes.as_slice().first().filter(|_| is_omitted(child)) {
                Some(hash) => {
                    put_child(&mut out, MerkleValue::Hash(*hash));
                    hashes.next();
                }
                None => put_child(&mut out, child),
            }
        }
        Ok(out)
    }

    /// Returns the list of all nodes and values.
    fn finish(self) -> Vec<u8> {
        let mut count = Vec::with_capacity(COUNT_BYTES_MAX);
        put_compact(&mut count, self.count);
        let mut out = self.out;
        let unused = COUNT_BYTES_MAX.saturating_sub(count.len());
        if let Some(place) = out.get_mut(unused..COUNT_BYTES_MAX) {
            place.copy_from_slice(&count);
        }
        out.drain(..unused);
        out.shrink_to_fit();
        out
    }

    fn entry(&mut self) -> Result<&'a [u8], CompactError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(CompactError::Incomplete { entries: self.index });
        };
        self.left = left;
        self.index = self.index.saturating_add(1);
        Ok(self.reader.byte_string(PROOF_BYTES_MAX)?)
    }

    fn emit(&mut self, bytes: &[u8]) -> Result<(), CompactError> {
        put_byte_string(&mut self.out, bytes);
        self.count = self.count.saturating_add(1);
        let got = self.out.len();
        if got > PROOF_BYTES_MAX { Err(ProofError::TooLarge { got }.into()) } else { Ok(()) }
    }
}

fn is_omitted(child: MerkleValue<'_>) -> bool {
    child == MerkleValue::Inline(&[])
}
