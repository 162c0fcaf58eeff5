//! RFC 6962 Merkle trees over SHA-256, as Tendermint uses them for headers, validator sets, commits and transactions.
//!
//! Leaves and inner nodes are hashed under different prefixes, so that no inner node can be passed off as a leaf.
//! Source: RFC 6962 section 2.1; CometBFT `crypto/merkle`.

use crate::base::Hash;
use crate::crypto::{sha256, sha256_of};
use alloc::vec::Vec;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The index is not below the total.
    #[error("leaf index {index} is not below the total {total}")]
    Index {
        /// Claimed index.
        index: u64,
        /// Claimed total.
        total: u64,
    },
    /// The path has another length than a tree of this size has at this index.
    #[error("proof has {got} aunts, a tree of {total} leaves has {want} at index {index}")]
    Aunts {
        /// Aunts given.
        got: usize,
        /// Aunts wanted.
        want: usize,
        /// Claimed index.
        index: u64,
        /// Claimed total.
        total: u64,
    },
    /// The path leads to another root.
    #[error("proof leads to root {got}, wanted is {want}")]
    Root {
        /// The root computed.
        got: Hash,
        /// The root wanted.
        want: Hash,
    },
}

/// A proof that a leaf is at an index of a tree with a total number of leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Number of leaves.
    pub total: u64,
    /// Index of the leaf, from 0.
    pub index: u64,
    /// Sibling hashes from the leaf up.
    pub aunts: Vec<Hash>,
}

/// Returns the hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256_of(&[&[0], leaf])
}

fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// Computes a root from leaves that come one after the other, holding one hash per level.
#[derive(Default)]
pub struct RootBuilder {
    /// Complete subtrees, largest first, each with its number of leaves (a power of two).
    subtrees: Vec<(u64, Hash)>,
}

impl RootBuilder {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        self.push_hash(leaf_hash(leaf));
    }

    fn push_hash(&mut self, leaf: Hash) {
        let mut node = (1_u64, leaf);
        while let Some((size, left)) = self.subtrees.last().copied() {
            if size != node.0 {
                break;
            }
            self.subtrees.pop();
            node = (size.saturating_mul(2), inner_hash(&left, &node.1));
        }
        self.subtrees.push(node);
    }

    /// Returns the root; the SHA-256 of nothing when there was no leaf.
    pub fn finish(mut self) -> Hash {
        let Some((_, mut root)) = self.subtrees.pop() else { return sha256(&[]) };
        while let Some((_, left)) = self.subtrees.pop() {
            root = inner_hash(&left, &root);
        }
        root
    }
}

/// Returns the root of the tree over `leaves`.
pub fn root<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Hash {
    let mut builder = RootBuilder::default();
    for leaf in leaves {
        builder.push(leaf.as_ref());
    }
    builder.finish()
}

impl Proof {
    /// Verifies that `leaf` is where the proof says, in the tree with root `root`.
    ///
    /// Which aunt is left and which is right follows from index and total, so a proof cannot lie about it.
    /// # Errors
    /// [`ProofError::Index`], [`ProofError::Aunts`], [`ProofError::Root`].
    pub fn verify(&self, leaf: &[u8], root: &Hash) -> Result<(), ProofError> {
        let (index, total) = (self.index, self.total);
        if index >= total {
            return Err(ProofError::Index { index, total });
        }
        let sides = sides(index, total);
        if sides.len() != self.aunts.len() {
            return Err(ProofError::Aunts { got: self.aunts.len(), want: sides.len(), index, total });
        }
        let got = sides.iter().rev().zip(&self.aunts).fold(leaf_hash(leaf), |node, (is_right, aunt)| {
            if *is_right { inner_hash(aunt, &node) } else { inner_hash(&node, aunt) }
        });
        if got == *root { Ok(()) } else { Err(ProofError::Root { got, want: *root }) }
    }
}

/// Returns from the root down whether the leaf is in the right subtree; at most 64 steps.
fn sides(mut index: u64, mut total: u64) -> Vec<bool> {
    let mut sides = Vec::new();
    while total > 1 {
        let split = total.next_power_of_two() / 2;
        let is_right = index >= split;
        sides.push(is_right);
        if is_right {
            index -= split;
            total -= split;
        } else {
            total = split;
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// The definition, straight from RFC 6962: split at the largest power of two below the size.
    fn recursive(leaves: &[Vec<u8>]) -> (Hash, Vec<Vec<Hash>>) {
        match leaves {
            [] => (sha256(&[]), Vec::new()),
            [one] => (leaf_hash(one), alloc::vec![Vec::new()]),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, mut left_paths) = recursive(&leaves[..split]);
                let (right, mut right_paths) = recursive(&leaves[split..]);
                left_paths.iter_mut().for_each(|path| path.push(right));
                right_paths.iter_mut().for_each(|path| path.push(left));
                left_paths.append(&mut right_paths);
                (inner_hash(&left, &right), left_paths)
            }
        }
    }

    #[test]
    fn the_empty_tree_has_the_hash_of_nothing() {
        let want = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        assert_eq!(format!("{}", root::<&[u8]>([])), want);
    }

    proptest::proptest! {
        #[test]
        fn roots_and_proofs_follow_the_definition(leaves: Vec<Vec<u8>>) {
            let (want, paths) = recursive(&leaves);
            proptest::prop_assert_eq!(root(&leaves), want);
            let total = leaves.len() as u64;
            for (index, (leaf, aunts)) in leaves.iter().zip(paths).enumerate() {
                let proof = Proof { total, index: index as u64, aunts };
                proptest::prop_assert_eq!(proof.verify(leaf, &want), Ok(()));
                let other = Proof { index: (index as u64 + 1) % total, ..proof.clone() };
                proptest::prop_assert!(total == 1 || other.verify(leaf, &want).is_err() || leaves.iter().filter(|l| *l == leaf).count() > 1);
                let longer = Proof { aunts: [proof.aunts.clone(), alloc::vec![want]].concat(), ..proof.clone() };
                let is_aunts_error = matches!(longer.verify(leaf, &want), Err(ProofError::Aunts { .. }));
                proptest::prop_assert!(is_aunts_error);
                let is_root_error = matches!(proof.verify(b"another", &want), Err(ProofError::Root { .. }));
                proptest::prop_assert!(is_root_error);
            }
            let outside = Proof { total, index: total, aunts: Vec::new() };
            proptest::prop_assert_eq!(outside.verify(b"", &want), Err(ProofError::Index { index: total, total }));
        }
    }
}
