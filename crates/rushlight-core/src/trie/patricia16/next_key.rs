//! The key that follows another in the order of the trie.

use super::lookup::{LookupError, Missing, MissingPart, Proven, Trie};
use super::nibbles::{Nibbles, Path};
use super::node::MerkleValue;
use super::root::EMPTY_ROOT;
use crate::base::Hash;
use alloc::vec::Vec;

/// A subtree: where it hangs, and the hash to blame for it.
#[derive(Clone, Copy)]
struct Subtree<'p> {
    /// Half bytes of the path to it, with the index in its parent.
    depth: usize,
    /// The index in its parent; the root has none.
    index: Option<u8>,
    merkle: MerkleValue<'p>,
    within: Hash,
}

impl<'p> Trie<'p> {
    /// Returns the smallest key above `key`, as `ext_storage_next_key` does; absent when there is none.
    ///
    /// Costs two ways through the trie at most. What the way needs and the proof lacks is unknown.
    /// # Errors
    /// [`LookupError::Node`], [`LookupError::OddKey`].
    pub fn next_key(&self, key: &[u8]) -> Result<Proven<Vec<u8>>, LookupError> {
        if self.root() == EMPTY_ROOT {
            return Ok(Proven::Absent);
        }
        let key = Nibbles::from(key);
        let root = MerkleValue::Hash(self.root());
        let mut at = Subtree { depth: 0, index: None, merkle: root, within: self.root() };
        // The next subtree behind the way to the key, all of whose keys are larger.
        let mut behind: Option<Subtree<'p>> = None;
        loop {
            let Some(node) = self.open(at.merkle, at.within)? else {
                return Ok(Proven::Unknown(Missing { hash: at.within, part: MissingPart::Node }));
            };
            let rest = key.skip(at.depth);
            let common = node.partial.common_len(rest);
            if common < node.partial.len() {
                // The node's own path decides for all below it; a key that is over is smaller than any longer one.
                if node.partial.get(common) > rest.get(common) {
                    return self.first_key(key, at);
                }
                break;
            }
            let next = rest.get(common);
            let depth = at.depth.saturating_add(common).saturating_add(1);
            let subtree = |(index, merkle): (u8, MerkleValue<'p>)| {
                let within = if let MerkleValue::Hash(hash) = merkle { hash } else { at.within };
                Subtree { depth, index: Some(index), merkle, within }
            };
            let Some(index) = next else {
                // The key ends here, everything below is larger.
                behind = node.children.iter().next().map(subtree).or(behind);
                break;
            };
            behind = node.children.iter().find(|(other, _)| *other > index).map(subtree).or(behind);
            match node.children.get(index) {
                Some(merkle) => at = subtree((index, merkle)),
                None => break,
            }
        }
        match behind {
            Some(subtree) => self.first_key(key, subtree),
            None => Ok(Proven::Absent),
        }
    }

    /// Returns the smallest key of `subtree`, whose path but for its last half byte is that of `key`.
    fn first_key(&self, key: Nibbles<'_>, subtree: Subtree<'p>) -> Result<Proven<Vec<u8>>, LookupError> {
        let mut path = Path::from(key.take(subtree.depth.saturating_sub(1)));
        subtree.index.into_iter().for_each(|index| path.push(index));
        let (mut merkle, mut within) = (subtree.merkle, subtree.within);
        loop {
            let Some(node) = self.open(merkle, within)? else {
                return Ok(Proven::Unknown(Missing { hash: within, part: MissingPart::Node }));
            };
            path.append(node.partial);
            // A leaf has a value; what is neither a leaf nor has a value has children.
            let (None, Some((index, child))) = (node.value, node.children.iter().next()) else {
                let nibbles = path.len();
                return path.into_bytes().map(Proven::Present).ok_or(LookupError::OddKey { nibbles });
            };
            path.push(index);
            merkle = child;
            if let MerkleValue::Hash(hash) = child {
                within = hash;
            }
        }
    }
}
