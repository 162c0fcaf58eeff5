//! The two verdicts. The reference's own `validate_commit` counts; the rules that the node has around it are written out.

use super::generate::{Case, Key};
use finality_grandpa::voter_set::VoterSet;
use finality_grandpa::{Chain, Error, validate_commit};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{
    Authority, AuthoritySet, BlockId, CommitMessage, JustificationRef, Proofs, VerifyError,
};
use rushlight_core::chains::substrate::header::NumberWidth;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks by their parents.
struct Known(BTreeMap<[u8; 32], [u8; 32]>);

impl Chain<[u8; 32], u32> for Known {
    fn ancestry(&self, base: [u8; 32], block: [u8; 32]) -> Result<Vec<[u8; 32]>, Error> {
        let (mut route, mut at) = (vec![], block);
        while at != base {
            at = *self.0.get(&at).ok_or(Error::NotDescendent)?;
            route.push(at);
        }
        // The base itself is none of them.
        route.pop();
        Ok(route)
    }
}

pub struct Judge<'a> {
    case: &'a Case,
    set: AuthoritySet,
    voters: VoterSet<Key>,
}

impl<'a> Judge<'a> {
    /// Returns `None` for a set that nobody takes.
    pub fn of(case: &'a Case) -> Option<Self> {
        let list = case.authorities.iter().map(|(key, weight)| Authority { key: *key, weight: *weight });
        let set = AuthoritySet::new(case.set_id, list.collect()).ok();
        let voters = VoterSet::new(case.authorities.iter().copied());
        assert_eq!(set.is_some(), voters.is_some(), "both take the same sets");
        Some(Self { case, set: set?, voters: voters? })
    }

    pub fn our_justification(&self, target: BlockId) -> Result<(), VerifyError> {
        let bytes = self.case.justification(target);
        let justification = JustificationRef::decode(&bytes, NumberWidth::U32).expect("it is well formed");
        Proofs::start(Hash::default()).push(&justification, target, &self.set)
    }

    /// Source: `sc-consensus-grandpa` 0.45.0, `justification.rs`, `verify_with_voter_set`, but for signatures.
    pub fn their_justification(&self, target: BlockId) -> bool {
        let case = self.case;
        let chain = Known(case.parents(case.ancestry.iter().copied()));
        if !self.counted(target, &chain) {
            return false;
        }
        let votes = || case.votes.iter().map(|vote| &vote.precommit);
        let Some(base) = votes().min_by_key(|vote| vote.target_number).map(|vote| vote.target_hash) else {
            return false;
        };
        let mut visited = BTreeSet::new();
        for vote in votes().filter(|vote| vote.target_hash != base) {
            let Ok(route) = chain.ancestry(base, vote.target_hash) else { return false };
            visited.insert(vote.target_hash);
            visited.extend(route);
        }
        visited == chain.0.keys().copied().collect()
    }

    pub fn our_commit(&self, target: BlockId, unknown: usize) -> Result<(), VerifyError> {
        let bytes = self.case.message(target);
        let message = CommitMessage::decode(&bytes, NumberWidth::U32).expect("it is well formed").expect("a commit");
        let known = self.known(unknown);
        let parent_of = |hash: &Hash| known.0.get(&hash.0).map(|parent| Hash(*parent));
        Proofs::start(Hash::default()).push_commit(&message, &self.set, &parent_of)
    }

    /// Source: `sc-consensus-grandpa` 0.45.0, `communication/mod.rs`, `check_compact_commit`, but for signatures, and the
    /// set's number, which its gossip looks at; then `validate_commit`, as the voter does.
    pub fn their_commit(&self, target: BlockId, unknown: usize) -> bool {
        if self.case.voted_set_id != self.case.set_id {
            return false;
        }
        let (total, threshold) = (self.voters.total_weight().get(), self.voters.threshold().get());
        let full = total + (total - threshold);
        let mut weight = 0;
        for vote in &self.case.votes {
            let Some(voter) = self.voters.get(&vote.id) else { return false };
            weight += voter.weight().get();
            if weight > full {
                return false;
            }
        }
        weight >= threshold && self.counted(target, &self.known(unknown))
    }

    fn counted(&self, target: BlockId, chain: &Known) -> bool {
        let commit = self.case.commit(target);
        validate_commit(&commit, &self.voters, chain).is_ok_and(|result| result.is_valid())
    }

    /// The whole tree but one block; all of it if there is no such block.
    fn known(&self, unknown: usize) -> Known {
        Known(self.case.parents((0..self.case.blocks.len()).filter(|at| *at != unknown)))
    }
}
