//! Builds a trie from the left and keeps nothing of it but its root.
//!
//! One branch is open per level above the last key. It is closed when a key comes that does not lie below it; then its
//! children are hashed side by side. Subtrees of an existing trie are taken as they are, which is how the root after
//! changes is found (`changes.rs`).

use super::lookup::{HASHED_VALUE_BYTES_MIN, LookupError, Missing, MissingPart, Trie};
use super::nibbles::{Nibbles, Path};
use super::node::{MerkleValue, Node, NodeValue, put_branch, put_child, put_inline_leaf_head, put_leaf};
use super::root::{EMPTY_ROOT, StateVersion};
use crate::base::Hash;
use crate::crypto::blake2b::{blake2b_256, blake2b_256_many, blake2b_256_of};
use alloc::vec::Vec;

/// From this length on, in bytes, a value is hashed where it is instead of being copied into a node.
const COPIED_BYTES_MAX: usize = 4_096;

/// What stands at a path.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    /// A value that is written now: its form follows the version.
    Fresh(&'a [u8]),
    /// A value that stays in its form.
    Kept(NodeValue<'a>),
    /// A subtree that stays as it is; the path leads to where it hangs in its parent.
    Subtree {
        /// The name of the subtree.
        merkle: MerkleValue<'a>,
        /// The hash to blame for it.
        within: Hash,
    },
}

/// Why a root cannot be computed.
#[derive(Clone, Copy)]
pub(super) enum BuildError {
    Order,
    Missing(Missing),
    Lookup(LookupError),
}

/// A child of an open branch.
enum Child {
    Hash(Hash),
    /// Its encoding is this part of the branch's bytes.
    Encoded {
        start: usize,
        end: usize,
    },
}

/// A branch whose last child has not come yet.
#[derive(Default)]
struct Branch<'a> {
    /// Half bytes of its path.
    depth: usize,
    value: Option<Item<'a>>,
    bitmap: u16,
    children: Vec<Child>,
    /// Encodings of the children.
    bytes: Vec<u8>,
    /// Values to be hashed, and where in `bytes` their hashes go.
    values: Vec<(usize, &'a [u8])>,
}

/// Takes every node and every value that stands under its hash.
pub(super) struct Sink<'s>(pub(super) &'s mut dyn FnMut(&[u8]));

/// A trie that grows from the left.
pub(super) struct Builder<'a, 's> {
    version: StateVersion,
    /// The trie that the subtrees are of.
    trie: Option<Trie<'a>>,
    sink: Option<Sink<'s>>,
    /// Open branches, each on the way to the next and to the last item.
    branches: Vec<Branch<'a>>,
    /// Branches to be used again, with what they allocated.
    spare: Vec<Branch<'a>>,
    path: Path,
    last: Option<Item<'a>>,
}

impl<'a, 's> Builder<'a, 's> {
    pub(super) fn new(version: StateVersion, trie: Option<Trie<'a>>, sink: Option<Sink<'s>>) -> Self {
        let (branches, spare, path) = (Vec::new(), Vec::new(), Path::default());
        Self { version, trie, sink, branches, spare, path, last: None }
    }

    /// Adds what stands at `path`, which is above all paths before it; none lies below a subtree.
    pub(super) fn push(&mut self, path: Nibbles<'_>, item: Item<'a>) -> Result<(), BuildError> {
        if let Some(last) = self.last.take() {
            let common = self.path.as_nibbles().common_len(path);
            if path.get(common) <= self.path.as_nibbles().get(common) {
                return Err(BuildError::Order);
            }
            if common < self.path.len() {
                self.attach(last, common)?;
                self.close(common);
            } else if matches!(last, Item::Subtree { .. }) {
                return Err(BuildError::Order);
            } else {
                self.open(common, Some(last));
            }
        }
        self.path.set(path);
        self.last = Some(item);
        Ok(())
    }

    /// Returns the root.
    pub(super) fn finish(mut self) -> Result<Hash, BuildError> {
        let Some(last) = self.last.take() else { return Ok(EMPTY_ROOT) };
        let mut root = Branch::default();
        match self.branches.last() {
            None => self.encode_item(last, 0, &mut root)?,
            Some(branch) => {
                let depth = branch.depth;
                self.attach(last, depth)?;
            }
        }
        while let Some(branch) = self.branches.pop() {
            match self.branches.pop() {
                Some(mut parent) => {
                    self.encode_branch(branch, parent.depth.saturating_add(1), &mut parent);
                    self.add(parent);
                }
                None => self.encode_branch(branch, 0, &mut root),
            }
        }
        self.hash_values(&mut root);
        if let Some(Child::Hash(hash)) = root.children.first() {
            return Ok(*hash);
        }
        self.show(&root.bytes);
        Ok(blake2b_256(&root.bytes))
    }

    /// Opens a branch at `depth` of the path.
    fn open(&mut self, depth: usize, value: Option<Item<'a>>) {
        let mut branch = self.spare.pop().unwrap_or_default();
        (branch.depth, branch.value) = (depth, value);
        self.branches.push(branch);
    }

    /// Puts a branch that was taken out for a change back on top.
    fn add(&mut self, branch: Branch<'a>) {
        self.branches.push(branch);
    }

    /// Attaches the last item to the branch at `depth` or the open one below that, whichever is deeper.
    fn attach(&mut self, item: Item<'a>, depth: usize) -> Result<(), BuildError> {
        if self.branches.last().is_none_or(|branch| branch.depth < depth) {
            self.open(depth, None);
        }
        let Some(mut branch) = self.branches.pop() else { return Ok(()) };
        let outcome = self.encode_item(item, branch.depth.saturating_add(1), &mut branch);
        self.add(branch);
        outcome
    }

    /// Closes every branch below `depth` and leaves one open there.
    fn close(&mut self, depth: usize) {
        while self.branches.last().is_some_and(|branch| branch.depth > depth) {
            let Some(branch) = self.branches.pop() else { break };
            if self.branches.last().is_none_or(|parent| parent.depth < depth) {
                self.open(depth, None);
            }
            let Some(mut parent) = self.branches.pop() else { break };
            self.encode_branch(branch, parent.depth.saturating_add(1), &mut parent);
            self.add(parent);
        }
    }

    /// Encodes an item as the next child of `parent`; its path within the node begins at `from`.
    fn encode_item(&mut self, item: Item<'a>, from: usize, parent: &mut Branch<'a>) -> Result<(), BuildError> {
        let partial = self.path.as_nibbles().skip(from);
        let start = parent.bytes.len();
        self.mark(from, parent);
        match item {
            Item::Fresh(value) => match self.form(value) {
                Some(NodeValue::Inline(value)) if value.len() > COPIED_BYTES_MAX && self.sink.is_none() => {
                    put_inline_leaf_head(&mut parent.bytes, partial, value.len());
                    let head = parent.bytes.get(start..).unwrap_or_default();
                    parent.children.push(Child::Hash(blake2b_256_of(&[head, value])));
                    parent.bytes.truncate(start);
                    return Ok(());
                }
                Some(value) => put_leaf(&mut parent.bytes, partial, value),
                None => {
                    put_leaf(&mut parent.bytes, partial, NodeValue::Hashed(Hash::default()));
                    parent.values.push((parent.bytes.len().saturating_sub(Hash::LEN), value));
                }
            },
            Item::Kept(value) => put_leaf(&mut parent.bytes, partial, value),
            // It hangs in its place: what is in it does not matter.
            Item::Subtree { merkle: MerkleValue::Hash(hash), .. } if partial.is_empty() => {
                parent.children.push(Child::Hash(hash));
                return Ok(());
            }
            Item::Subtree { merkle: MerkleValue::Inline(node), .. } if partial.is_empty() => {
                parent.bytes.extend_from_slice(node);
            }
            Item::Subtree { merkle, within } => {
                // Its parent is gone or stands elsewhere, so the node's own path grows.
                let node = self.node(merkle, within)?;
                let mut path = Path::from(partial);
                path.append(node.partial);
                put_node(&mut parent.bytes, path.as_nibbles(), &node);
            }
        }
        parent.children.push(Child::Encoded { start, end: parent.bytes.len() });
        Ok(())
    }

    /// Encodes a branch, whose children are all there, as the next child of `parent`.
    fn encode_branch(&mut self, mut branch: Branch<'a>, from: usize, parent: &mut Branch<'a>) {
        self.mark(from, parent);
        self.hash_values(&mut branch);
        let hashes = self.hash_children(&branch);
        let value = match branch.value.take() {
            None | Some(Item::Subtree { .. }) => None,
            Some(Item::Kept(value)) => Some(value),
            Some(Item::Fresh(value)) => Some(match self.form(value) {
                Some(value) => value,
                None => {
                    self.show(value);
                    NodeValue::Hashed(blake2b_256(value))
                }
            }),
        };
        let partial = self.path.as_nibbles().take(branch.depth).skip(from);
        let start = parent.bytes.len();
        put_branch(&mut parent.bytes, partial, value, branch.bitmap);
        for (child, hash) in branch.children.iter().zip(hashes) {
            let merkle = match child {
                Child::Encoded { start, end } if end - start < Hash::LEN => {
                    MerkleValue::Inline(branch.bytes.get(*start..*end).unwrap_or_default())
                }
                _ => MerkleValue::Hash(hash),
            };
            put_child(&mut parent.bytes, merkle);
        }
        parent.children.push(Child::Encoded { start, end: parent.bytes.len() });
        branch.bytes.clear();
        branch.children.clear();
        branch.bitmap = 0;
        self.spare.push(branch);
    }

    /// Returns the hashes of the children in order; of a child that is inline there is none.
    fn hash_children(&mut self, branch: &Branch<'a>) -> [Hash; 16] {
        let mut hashes = [Hash::default(); 16];
        let mut places = [0_usize; 16];
        let mut count = 0_usize;
        for (at, (child, hash)) in branch.children.iter().zip(&mut hashes).enumerate() {
            match child {
                Child::Hash(known) => *hash = *known,
                Child::Encoded { start, end } if end - start >= Hash::LEN => {
                    places.get_mut(count).into_iter().for_each(|place| *place = at);
                    count = count.saturating_add(1);
                }
                Child::Encoded { .. } => {}
            }
        }
        let encoded = |at: &usize| match branch.children.get(*at) {
            Some(Child::Encoded { start, end }) => branch.bytes.get(*start..*end),
            _ => None,
        };
        let inputs = places.iter().take(count).filter_map(encoded);
        inputs.clone().for_each(|node| self.show(node));
        blake2b_256_many(inputs, |index, hash| {
            if let Some(place) = places.get(index).and_then(|at| hashes.get_mut(*at)) {
                *place = hash;
            }
        });
        hashes
    }

    /// Puts the hashes of values where they belong in the children's encodings.
    fn hash_values(&mut self, branch: &mut Branch<'a>) {
        let Branch { values, bytes, .. } = branch;
        values.iter().for_each(|(_, value)| self.show(value));
        blake2b_256_many(values.iter().map(|(_, value)| *value), |index, hash| {
            let at = values.get(index).map_or(usize::MAX, |(at, _)| *at);
            if let Some(place) = bytes.get_mut(at..at.saturating_add(Hash::LEN)) {
                place.copy_from_slice(hash.as_bytes());
            }
        });
        values.clear();
    }

    fn show(&mut self, bytes: &[u8]) {
        self.sink.iter_mut().for_each(|sink| sink.0(bytes));
    }

    /// Notes in `parent` that it has a child where the path goes on; a root has no parent.
    fn mark(&self, from: usize, parent: &mut Branch<'a>) {
        let index = from.checked_sub(1).and_then(|at| self.path.as_nibbles().get(at));
        parent.bitmap |= index.map_or(0, |index| 1 << index);
    }

    fn node(&self, merkle: MerkleValue<'a>, within: Hash) -> Result<Node<'a>, BuildError> {
        let missing = BuildError::Missing(Missing { hash: within, part: MissingPart::Node });
        let trie = self.trie.ok_or(missing)?;
        trie.open(merkle, within).map_err(BuildError::Lookup)?.ok_or(missing)
    }

    /// Returns the form in which a value that is written now stands in its node; `None` for its hash, which is to be computed.
    fn form<'v>(&self, value: &'v [u8]) -> Option<NodeValue<'v>> {
        match self.version {
            StateVersion::V1 if value.len() >= HASHED_VALUE_BYTES_MIN => None,
            _ => Some(NodeValue::Inline(value)),
        }
    }
}

/// Appends a node that is `node` with another path.
fn put_node(out: &mut Vec<u8>, partial: Nibbles<'_>, node: &Node<'_>) {
    match node.value {
        Some(value) if node.children.is_empty() => put_leaf(out, partial, value),
        value => {
            put_branch(out, partial, value, node.children.bitmap());
            node.children.iter().for_each(|(_, child)| put_child(out, child));
        }
    }
}
