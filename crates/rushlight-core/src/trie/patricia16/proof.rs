//! Proofs: the nodes of a peer, found by their hashes.
//!
//! Nodes come in any order. Entries that no lookup needs are accepted, and so are entries that come twice: honest nodes send
//! both (substrate, issue 13357), and they can prove nothing. What they cost is bounded by the bytes of the proof.

use super::lookup::Trie;
use super::root::EMPTY_ROOT;
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError, put_byte_string, put_compact};
use crate::crypto::blake2b::blake2b_256_many;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Most bytes of one proof: what a node sends at most in one response (16 MiB).
pub const PROOF_BYTES_MAX: usize = 16 << 20;

/// Bytes of a proof per entry, at least, on average. Every node but a root has 32 bytes or more, and a child trie's root goes
/// with the 32 bytes that name it; the bound keeps the index below twice the proof's size.
const ENTRY_BYTES_MIN: usize = 20;

/// Entries that a proof may have whatever its size, so that a trie of a few bytes has its proof.
const ENTRIES_FREE: usize = 16;

/// Why entries are no proof for a root. It is the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Too many bytes.
    #[error("proof has {got} bytes, at most {PROOF_BYTES_MAX} are allowed")]
    TooLarge {
        /// The number.
        got: usize,
    },
    /// Too many entries for its size: only entries that cannot belong to a trie are that short.
    #[error("proof of {bytes} bytes has {got} entries, at most {max} are allowed")]
    TooManyEntries {
        /// The number of entries.
        got: usize,
        /// The bound.
        max: usize,
        /// Bytes of the proof.
        bytes: usize,
    },
    /// The list of entries is no SCALE.
    #[error("list of entries: {0}")]
    Scale(#[from] ScaleError),
    /// There are entries, but none is the root.
    #[error("none of the {entries} entries is the root {root:#x}")]
    RootMissing {
        /// The root.
        root: Hash,
        /// Number of entries.
        entries: usize,
    },
}

/// Where an entry is; 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: Hash,
    start: u32,
    len: u32,
}

/// Nodes of which one is the root, indexed by hash. Takes less than three times the bytes of the proof, these included.
#[derive(Clone, Debug)]
pub struct VerifiedProof<'a> {
    bytes: Cow<'a, [u8]>,
    /// Sorted by hash, each hash once.
    index: Vec<Entry>,
    root: Hash,
}

impl<'a> VerifiedProof<'a> {
    /// Returns the proof for `root` that the SCALE encoding of a list of byte strings holds, in time proportional to its size
    /// (and n log n in the number of entries). Borrowed bytes stay borrowed.
    ///
    /// A proof without entries is none of nothing: peers send it where no storage was read. All its lookups are unknown,
    /// unless the root is that of the empty trie.
    /// # Errors
    /// [`ProofError`].
    pub fn verify(root: Hash, scale: impl Into<Cow<'a, [u8]>>) -> Result<Self, ProofError> {
        let bytes = scale.into();
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge { got: bytes.len() });
        }
        let index = index(&bytes)?;
        Self::with_index(root, bytes, index)
    }

    /// Returns the proof for `root` that is made of `nodes`, which are copied.
    /// # Errors
    /// [`ProofError`].
    pub fn from_nodes<'n>(
        root: Hash,
        nodes: impl Iterator<Item = &'n [u8]> + Clone,
    ) -> Result<VerifiedProof<'static>, ProofError> {
        // Five bytes hold the largest length of an entry.
        let bound = nodes.clone().fold(5_usize, |sum, node| sum.saturating_add(node.len()).saturating_add(5));
        if bound > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge { got: bound });
        }
        let mut scale = Vec::with_capacity(bound);
        put_compact(&mut scale, nodes.clone().count() as u64);
        nodes.for_each(|node| put_byte_string(&mut scale, node));
        VerifiedProof::verify(root, scale)
    }

    fn with_index(root: Hash, bytes: Cow<'a, [u8]>, index: Vec<Entry>) -> Result<Self, ProofError> {
        let proof = Self { bytes, index, root };
        let entries = proof.index.len();
        if entries > 0 && root != EMPTY_ROOT && proof.entry(&root).is_none() {
            return Err(ProofError::RootMissing { root, entries });
        }
        Ok(proof)
    }

    /// Returns the root for which the proof was verified.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Returns the main trie.
    pub fn trie(&self) -> Trie<'_> {
        Trie::new(self, self.root)
    }

    /// Returns the proof with its bytes in its own keeping.
    pub fn into_owned(self) -> VerifiedProof<'static> {
        VerifiedProof { bytes: Cow::Owned(self.bytes.into_owned()), index: self.index, root: self.root }
    }

    /// Returns the number of entries, each counted once.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Returns the entries, each once, in the order of their hashes: for joining proofs of one root.
    pub fn nodes(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.index.iter().map(|entry| self.bytes_of(entry))
    }

    /// Returns the bytes of memory that the proof takes.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len().saturating_add(self.index.capacity().saturating_mul(size_of::<Entry>()))
    }

    /// Returns the entry with this hash, if there is one.
    pub fn entry(&self, hash: &Hash) -> Option<&[u8]> {
        let at = self.index.binary_search_by(|entry| entry.hash.cmp(hash)).ok()?;
        self.index.get(at).map(|entry| self.bytes_of(entry))
    }

    fn bytes_of(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        self.bytes.get(start..start.saturating_add(entry.len as usize)).unwrap_or_default()
    }
}

/// Returns where the entries of a proof are, sorted by hash, each hash once.
fn index(scale: &[u8]) -> Result<Vec<Entry>, ProofError> {
    let bytes = scale.len();
    let mut reader = Reader::new(scale);
    let count = reader.length(PROOF_BYTES_MAX, 1)?;
    let max = (bytes / ENTRY_BYTES_MIN).saturating_add(ENTRIES_FREE);
    if count > max {
        return Err(ProofError::TooManyEntries { got: count, max, bytes });
    }
    let mut again = reader.clone();
    let mut index = Vec::with_capacity(count);
    for _ in 0..count {
        let len = reader.byte_string(PROOF_BYTES_MAX)?.len();
        let start = bytes.saturating_sub(reader.rest().len()).saturating_sub(len);
        // Both fit, a proof is shorter than 4 GiB.
        let (start, len) = (u32::try_from(start).unwrap_or_default(), u32::try_from(len).unwrap_or_default());
        index.push(Entry { hash: Hash::default(), start, len });
    }
    reader.finish()?;
    let entries = (0..count).map_while(|_| again.byte_string(PROOF_BYTES_MAX).ok());
    blake2b_256_many(entries, |at, hash| {
        if let Some(entry) = index.get_mut(at) {
            entry.hash = hash;
        }
    });
    index.sort_unstable_by_key(|entry| entry.hash);
    index.dedup_by(|a, b| a.hash == b.hash);
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::super::{Proven, StateVersion, nodes};
    use super::*;
    use crate::crypto::blake2b::blake2b_256;
    use alloc::vec;

    fn scale(entries: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        put_compact(&mut out, entries.len() as u64);
        entries.iter().for_each(|entry| put_byte_string(&mut out, entry));
        out
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let root = blake2b_256(b"a leaf");
        let check = |bytes: Vec<u8>, want: ProofError| {
            assert_eq!(VerifiedProof::verify(root, bytes).err(), Some(want));
        };
        check(vec![0; PROOF_BYTES_MAX + 1], ProofError::TooLarge { got: PROOF_BYTES_MAX + 1 });
        check(scale(&[&[][..]; 17]), ProofError::TooManyEntries { got: 17, max: 16, bytes: 18 });
        check(vec![4], ProofError::Scale(ScaleError::Truncated { wanted: 1, left: 0 }));
        check(vec![4, 8, 0], ProofError::Scale(ScaleError::Truncated { wanted: 2, left: 1 }));
        check(vec![0, 0], ProofError::Scale(ScaleError::Trailing { left: 1 }));
        check(vec![], ProofError::Scale(ScaleError::Truncated { wanted: 1, left: 0 }));
        check(scale(&[b"another"]), ProofError::RootMissing { root, entries: 1 });
        assert!(VerifiedProof::verify(root, scale(&[b"another", b"a leaf", b"a leaf"])).is_ok());
        let huge = vec![0; PROOF_BYTES_MAX];
        let joined = VerifiedProof::from_nodes(root, [&huge[..]].into_iter());
        assert_eq!(joined.err(), Some(ProofError::TooLarge { got: PROOF_BYTES_MAX + 10 }));
    }

    #[test]
    fn no_entry_proves_nothing_and_unused_ones_prove_no_more() {
        let root = blake2b_256(b"a root");
        let proof = VerifiedProof::verify(root, vec![0]).unwrap();
        assert!(matches!(proof.trie().value(b"key"), Ok(Proven::Unknown(missing)) if missing.hash == root));
        let proof = VerifiedProof::verify(EMPTY_ROOT, vec![0]).unwrap();
        assert!(matches!(proof.trie().value(b"key"), Ok(Proven::Absent)));
        let mut all: Vec<Vec<u8>> = Vec::new();
        let root = nodes(StateVersion::V1, [(&b"key"[..], &b"value"[..])], |node| all.push(node.to_vec())).unwrap();
        all.extend([b"not a node".to_vec(), all[0].clone()]);
        let proof = VerifiedProof::from_nodes(root, all.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(proof.len(), 2);
        assert!(matches!(proof.trie().value(b"key"), Ok(Proven::Present(value)) if value.bytes() == b"value"));
    }

    #[test]
    fn memory_is_below_three_times_the_proof() {
        // The worst that is accepted: as many entries as allowed, the rest of the bytes in one.
        let mut entries: Vec<Vec<u8>> = (0..100_000_u32).map(|n| n.to_le_bytes()[..3].to_vec()).collect();
        entries.push(vec![7; 1_700_000]);
        let root = blake2b_256(&entries[0]);
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let scale = scale(&slices);
        let proof = VerifiedProof::verify(root, &scale[..]).unwrap();
        assert_eq!(proof.len(), slices.len());
        assert!(proof.memory_bytes() <= 3 * scale.len(), "{} of {}", proof.memory_bytes(), scale.len());
    }
}
