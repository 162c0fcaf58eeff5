//! Compact proofs: decoding, and every question to what they show.

use super::trie_proof::ask;
use rushlight_core::base::Hash;
use rushlight_core::trie::patricia16::{CompactError, VerifiedProof};

/// Reads `bytes` as a compact proof, first to learn its root. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    match VerifiedProof::verify_compact(Hash::default(), bytes) {
        Ok(_) => panic!("nothing has a root of zeros"),
        Err(CompactError::Root { got, .. }) => match VerifiedProof::verify_compact(got, bytes) {
            Ok(proof) => {
                assert_eq!(proof.root(), got);
                ask(&proof.trie());
                true
            }
            Err(CompactError::Root { .. }) => panic!("the root that it leads to is refused"),
            Err(_) => false,
        },
        Err(_) => false,
    }
}
