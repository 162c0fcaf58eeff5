//! Justifications and gossip of GRANDPA, decoded and judged.

use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{
    Authority, AuthoritySet, CommitMessage, JustificationRef, NeighborPacket, Proofs,
};
use rushlight_core::chains::substrate::header::NumberWidth;

const WIDTH: NumberWidth = NumberWidth::U32;

/// Reads `bytes` as a justification and as a message, and judges it by the set of those who signed it, so that more than
/// the first rule is reached. Returns whether it was decoded.
pub fn run(bytes: &[u8]) -> bool {
    let _ = NeighborPacket::decode(bytes, WIDTH);
    let mut decoded = false;
    if let Ok(justification) = JustificationRef::decode(bytes, WIDTH) {
        decoded = true;
        let votes = justification.precommits();
        assert_eq!(votes.iter().count(), votes.len());
        if let Some(set) = set_of(votes.iter().map(|vote| *vote.key)) {
            let mut proofs = Proofs::start(Hash::default());
            if proofs.push(&justification, justification.target(), &set).is_ok() {
                let (verified, refused) = proofs.verify_in_place();
                assert!(verified.len() == 1 || refused.is_some());
            }
        }
    }
    if let Ok(Some(commit)) = CommitMessage::decode(bytes, WIDTH) {
        decoded = true;
        if let Some(set) = set_of(commit.precommits().iter().map(|vote| *vote.key)) {
            // A chain without end: each block's parent is the block with the next first byte.
            let parent_of =
                |hash: &Hash| Some(Hash(core::array::from_fn(|n| hash.0[n].wrapping_add(u8::from(n == 0)))));
            let _ = Proofs::start(Hash::default()).push_commit(&commit, &set, &parent_of);
        }
    }
    decoded
}

/// Returns a set of those who sign, with weights of 1 to 7 by key.
fn set_of(keys: impl Iterator<Item = [u8; 32]>) -> Option<AuthoritySet> {
    let mut list: Vec<Authority> = keys.map(|key| Authority { key, weight: u64::from(key[31] % 7) + 1 }).collect();
    list.sort_unstable();
    list.dedup();
    AuthoritySet::new(0, list).ok()
}
