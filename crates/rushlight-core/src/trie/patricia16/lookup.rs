//! What a proof says of a key.

use super::nibbles::Nibbles;
use super::node::{MerkleValue, Node, NodeError, NodeValue, decode};
use super::proof::VerifiedProof;
use super::root::EMPTY_ROOT;
use crate::base::Hash;
use crate::crypto::blake2b::blake2b_256;
use alloc::vec::Vec;

/// What the key of a default child trie's root begins with; the name of the child trie follows.
/// Source: `sp-storage`, `well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX`.
pub const CHILD_STORAGE_PREFIX: &[u8] = b":child_storage:default:";

/// Shortest value that is stored under its hash, in bytes. Source: `sp-storage`, `TRIE_VALUE_NODE_THRESHOLD`.
pub(super) const HASHED_VALUE_BYTES_MIN: usize = 33;

/// Why a proof that has its root gives no answer. It is the sender's fault: the chain's own nodes never look like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// An entry that the trie refers to is no node.
    #[error("node {hash:#x}: {error}")]
    Node {
        /// Its hash, or that of the node in which it is inline.
        hash: Hash,
        /// What is wrong.
        error: NodeError,
    },
    /// A value that belongs into its node stands under its hash.
    #[error("value {hash:#x} of {got} bytes stands under its hash, from {HASHED_VALUE_BYTES_MIN} bytes on it may")]
    ShortHashedValue {
        /// The hash.
        hash: Hash,
        /// Its length.
        got: usize,
    },
    /// The root of a child trie has another length than a hash.
    #[error("root of the child trie has {got} bytes, a hash has 32")]
    ChildRoot {
        /// The length.
        got: usize,
    },
    /// A key of the trie ends within a byte.
    #[error("key of {nibbles} half bytes ends within a byte")]
    OddKey {
        /// The number of half bytes.
        nibbles: usize,
    },
}

/// What is proven of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven<T> {
    /// It is there, and this is it.
    Present(T),
    /// It is not there.
    Absent,
    /// The proof lacks what is needed for an answer.
    Unknown(Missing),
}

impl<T> Proven<T> {
    /// Returns the answer with `map` applied to what is present.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Proven<U> {
        match self {
            Proven::Present(value) => Proven::Present(map(value)),
            Proven::Absent => Proven::Absent,
            Proven::Unknown(missing) => Proven::Unknown(missing),
        }
    }
}

/// What a proof lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The hash of it.
    pub hash: Hash,
    /// What it is.
    pub part: MissingPart,
}

/// What kind of bytes is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPart {
    /// A node.
    Node,
    /// A value that its node holds the hash of.
    Value,
}

/// A value of the trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'p> {
    /// It stands in its node.
    Inline(&'p [u8]),
    /// Its node holds its hash, and the proof has the bytes.
    Resolved {
        /// The hash.
        hash: Hash,
        /// The bytes.
        bytes: &'p [u8],
    },
}

impl<'p> Value<'p> {
    /// Returns the bytes of the value.
    pub fn bytes(self) -> &'p [u8] {
        match self {
            Value::Inline(bytes) | Value::Resolved { bytes, .. } => bytes,
        }
    }
}

/// A trie as far as a proof shows it: the main trie, or a child trie whose root the main trie proves.
#[derive(Clone, Copy, Debug)]
pub struct Trie<'p> {
    proof: &'p VerifiedProof<'p>,
    root: Hash,
}

/// Where the way to a key ends.
enum Reached<'p> {
    /// At a node whose path begins with the key.
    Node {
        node: Node<'p>,
        /// Whether its path is the key.
        is_exact: bool,
        merkle: MerkleValue<'p>,
    },
    /// Exactly where a node of this hash hangs, which the proof lacks.
    MissingNode(Hash),
    /// Nowhere.
    Nothing,
    /// Further than the proof shows.
    Unknown(Missing),
}

impl<'p> Trie<'p> {
    pub(super) fn new(proof: &'p VerifiedProof<'_>, root: Hash) -> Self {
        Self { proof, root }
    }

    /// Returns the root.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Returns the value of `key`.
    /// # Errors
    /// [`LookupError::Node`], [`LookupError::ShortHashedValue`].
    pub fn value(&self, key: &[u8]) -> Result<Proven<Value<'p>>, LookupError> {
        self.value_by(key, &mut |_| {})
    }

    /// Returns the value of `key`, as [`Trie::value`], and calls `needed` with the hash of every entry that this takes: for
    /// whoever wants to know whether a proof has more than it needs.
    /// # Errors
    /// [`LookupError::Node`], [`LookupError::ShortHashedValue`].
    pub fn value_by(&self, key: &[u8], needed: &mut dyn FnMut(Hash)) -> Result<Proven<Value<'p>>, LookupError> {
        Ok(match self.node_value(key, needed)? {
            Proven::Present(NodeValue::Inline(bytes)) => Proven::Present(Value::Inline(bytes)),
            Proven::Present(NodeValue::Hashed(hash)) => match self.hashed(hash).inspect(|_| needed(hash))? {
                Some(value) => Proven::Present(value),
                None => Proven::Unknown(Missing { hash, part: MissingPart::Value }),
            },
            Proven::Absent => Proven::Absent,
            Proven::Unknown(missing) => Proven::Unknown(missing),
        })
    }

    /// Returns the BLAKE2b-256 of the value of `key`; of a value that stands under its hash the value itself is not needed.
    /// # Errors
    /// [`LookupError::Node`].
    pub fn value_hash(&self, key: &[u8]) -> Result<Proven<Hash>, LookupError> {
        Ok(self.node_value(key, &mut |_| {})?.map(|value| match value {
            NodeValue::Inline(bytes) => blake2b_256(bytes),
            NodeValue::Hashed(hash) => hash,
        }))
    }

    /// Returns the Merkle value of the node whose path is the shortest of those that begin with `key`, as
    /// `closestDescendantMerkleValue` of `chainHead_v1_storage`: it changes exactly when anything below `key` does.
    /// # Errors
    /// [`LookupError::Node`].
    pub fn closest_descendant_merkle_value(&self, key: &[u8]) -> Result<Proven<MerkleValue<'p>>, LookupError> {
        Ok(match self.reach(Nibbles::from(key), &mut |_| {})? {
            Reached::Node { merkle, .. } => Proven::Present(merkle),
            Reached::MissingNode(hash) => Proven::Present(MerkleValue::Hash(hash)),
            Reached::Nothing => Proven::Absent,
            Reached::Unknown(missing) => Proven::Unknown(missing),
        })
    }

    /// Returns the default child trie with this name (without prefix), whose root the main trie holds. One without a key has no
    /// root there and is absent; in it every key is.
    /// # Errors
    /// [`LookupError::Node`], [`LookupError::ChildRoot`].
    pub fn child(&self, name: &[u8]) -> Result<Proven<Trie<'p>>, LookupError> {
        self.child_by(name, &mut |_| {})
    }

    /// Returns a child trie, as [`Trie::child`], and calls `needed` as [`Trie::value_by`] does.
    /// # Errors
    /// [`LookupError::Node`], [`LookupError::ChildRoot`].
    pub fn child_by(&self, name: &[u8], needed: &mut dyn FnMut(Hash)) -> Result<Proven<Trie<'p>>, LookupError> {
        let key: Vec<u8> = [CHILD_STORAGE_PREFIX, name].concat();
        Ok(match self.value_by(&key, needed)? {
            Proven::Present(value) => {
                let got = value.bytes().len();
                let root = Hash::from_slice(value.bytes()).ok_or(LookupError::ChildRoot { got })?;
                Proven::Present(Trie { proof: self.proof, root })
            }
            Proven::Absent => Proven::Absent,
            Proven::Unknown(missing) => Proven::Unknown(missing),
        })
    }

    fn node_value(&self, key: &[u8], needed: &mut dyn FnMut(Hash)) -> Result<Proven<NodeValue<'p>>, LookupError> {
        Ok(match self.reach(Nibbles::from(key), needed)? {
            Reached::Node { node, is_exact: true, .. } => node.value.map_or(Proven::Absent, Proven::Present),
            Reached::Node { .. } | Reached::Nothing => Proven::Absent,
            Reached::MissingNode(hash) => Proven::Unknown(Missing { hash, part: MissingPart::Node }),
            Reached::Unknown(missing) => Proven::Unknown(missing),
        })
    }

    /// Follows `key` from the root. Every step takes a hash or an inline node from a node that was reached the same way, so
    /// that nothing but the trie of this root is seen; it ends, for each step takes a half byte of the key.
    fn reach(&self, key: Nibbles<'_>, needed: &mut dyn FnMut(Hash)) -> Result<Reached<'p>, LookupError> {
        if self.root == EMPTY_ROOT {
            return Ok(Reached::Nothing);
        }
        let (mut merkle, mut within) = (MerkleValue::Hash(self.root), self.root);
        let mut rest = key;
        loop {
            if let MerkleValue::Hash(hash) = merkle {
                within = hash;
                needed(hash);
            }
            let Some(node) = self.open(merkle, within)? else {
                return Ok(match rest.is_empty() {
                    true => Reached::MissingNode(within),
                    false => Reached::Unknown(Missing { hash: within, part: MissingPart::Node }),
                });
            };
            let common = node.partial.common_len(rest);
            let Some(index) = rest.get(common) else {
                return Ok(Reached::Node { is_exact: common == node.partial.len(), node, merkle });
            };
            if common < node.partial.len() {
                return Ok(Reached::Nothing);
            }
            let Some(child) = node.children.get(index) else { return Ok(Reached::Nothing) };
            merkle = child;
            rest = rest.skip(common.saturating_add(1));
        }
    }

    /// Returns the node behind a Merkle value, or `None` when the proof lacks it. `within` is the hash to blame.
    pub(super) fn open(&self, merkle: MerkleValue<'p>, within: Hash) -> Result<Option<Node<'p>>, LookupError> {
        let bytes = match merkle {
            MerkleValue::Inline(bytes) => bytes,
            MerkleValue::Hash(hash) => match self.proof.entry(&hash) {
                None => return Ok(None),
                // The root has no parent that it could be inline in.
                Some(bytes) if bytes.len() < Hash::LEN && hash != self.root => {
                    let error = NodeError::NotInline { got: bytes.len() };
                    return Err(LookupError::Node { hash, error });
                }
                Some(bytes) => bytes,
            },
        };
        decode(bytes).map(Some).map_err(|error| LookupError::Node { hash: within, error })
    }

    /// Returns the value that stands under `hash`, or `None` when the proof lacks it.
    pub(super) fn hashed(&self, hash: Hash) -> Result<Option<Value<'p>>, LookupError> {
        match self.proof.entry(&hash) {
            None => Ok(None),
            Some(bytes) if bytes.len() < HASHED_VALUE_BYTES_MIN => {
                Err(LookupError::ShortHashedValue { hash, got: bytes.len() })
            }
            Some(bytes) => Ok(Some(Value::Resolved { hash, bytes })),
        }
    }
}
