//! Substrate's base-16 patricia Merkle trie over BLAKE2b-256: proofs, and the computation of roots.
//!
//! What it trusts: a root, which the caller took from a verified header. What it proves: the value, or the absence, of keys
//! below that root. A [`VerifiedProof`] is made from a root and the untrusted nodes of a peer; every answer follows hashes from
//! the root, so a node that does not belong there is never seen. What a proof lacks is reported as missing, never as absent.
//!
//! No function recurses on input, and every loop is bounded by the bytes of the proof or by a budget that is an argument.
//! Left out: tries over Keccak-256, and writing proofs.
//!
//! Source: Polkadot specification, section "State storage"; `sp-trie` 47 and `trie-db` 0.32.

mod build;
mod changes;
mod compact;
mod lookup;
mod next_key;
mod nibbles;
mod node;
mod proof;
mod root;
mod scan;

pub use changes::{ChangesError, root_after};
pub use compact::{COMPACT_DEPTH_MAX, CompactError};
pub use lookup::{CHILD_STORAGE_PREFIX, LookupError, Missing, MissingPart, Proven, Trie, Value};
pub use nibbles::{Nibbles, Path};
pub use node::{Children, MerkleValue, Node, NodeError, NodeValue, VALUE_BYTES_MAX, decode as decode_node};
pub use proof::{PROOF_BYTES_MAX, ProofError, VerifiedProof};
pub use root::{EMPTY_ROOT, KeyOrderError, StateVersion, nodes, ordered_root, root};
pub use scan::{PrefixScan, SCAN_KEY_BYTES_MAX, SCAN_PATHS_BYTES_MAX, SCAN_PENDING_MAX, ScanError, ScanStep, ScanWant};

#[cfg(test)]
mod tests;
