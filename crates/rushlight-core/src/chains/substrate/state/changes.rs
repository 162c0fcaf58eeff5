//! Which set votes: changes as they are announced, and when each is made.
//!
//! A *scheduled* change is made when the block `delay` above its announcement is finalized, by the set that it ends. A
//! *forced* change is the way out of a stall: it is made without finality, once the chain is `delay` blocks above it.
//! Full nodes execute the block that announces one; a client that does not would believe any author. It is therefore made
//! only once authors of more than two thirds of the keys that could author behind the finalized block have built on it:
//! the same assumption as that of finality, see `docs/decisions/010-forced-changes.md`. Where the announcing block is final
//! itself, the set voted for it, and nobody else is asked.
//! `Pause` and `Resume` change nothing, as in the reference, which stopped acting on them.
//!
//! Source: `sc-consensus-grandpa` 0.45, `authorities.rs` and `import.rs`.

use super::super::authorship::AuthorshipState;
use super::super::grandpa::AuthoritySet;
use super::error::{FinalityError, StartError};
use crate::base::Hash;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most changes that are announced and not made: so many up to the finalized block, and so many above it on all forks
/// together. Honest chains have one a session.
pub const ANNOUNCED_MAX: usize = 64;

/// When a forced change of the set is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForcedChanges {
    /// Once more than two thirds of those who could author behind the finalized block have built on its announcement, or that
    /// is final.
    /// Where the authors were replaced meanwhile, that never happens, and a new checkpoint is needed.
    #[default]
    Vouched,
    /// As soon as the chain has the height for it, as the reference does, which has executed the announcing block. Here it
    /// lets any single author replace the set, so it is for chains whose authors the user trusts one by one.
    Imported,
}

/// A change of the set that a block announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The announcing block's number.
    pub number: u64,
    /// The announcing block's hash.
    pub hash: Hash,
    /// The last block of the set that ends.
    pub effective: u64,
    /// Where the change is forced, the finalized height that the runtime took for agreed.
    pub forced: Option<u64>,
    /// The set that begins; its number counts from the one that was in force below the announcement.
    pub set: Arc<AuthoritySet>,
}

/// A forced change that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forced {
    /// The announcing block's number.
    pub(super) number: u64,
    /// The announcing block's hash.
    pub(super) hash: Hash,
    /// The block with which it was made; scheduled changes announced up to there are void.
    pub(super) effective: u64,
}

/// The set whose turn it is, and what comes after it.
#[derive(Clone, Debug)]
pub(super) struct SetState {
    set: Arc<AuthoritySet>,
    /// Changes that are announced up to the finalized block, scheduled and forced ones, in the order of blocks.
    announced: Vec<Announced>,
    /// The forced change by which the set came, until the block with which it was made is finalized.
    forced: Option<Forced>,
    /// The authors behind the finalized block, who together can vouch for a forced change.
    authors: BTreeSet<[u8; 32]>,
}

impl SetState {
    pub(super) fn new(
        set: AuthoritySet,
        announced: Vec<Announced>,
        finalized: u64,
        authorship: &AuthorshipState,
    ) -> Result<Self, StartError> {
        if announced.len() > ANNOUNCED_MAX {
            return Err(StartError::TooManyAnnounced { got: announced.len(), max: ANNOUNCED_MAX });
        }
        let mut before = 0;
        let first = announced.iter().position(|change| change.forced.is_none());
        for (index, change) in announced.iter().enumerate() {
            let Announced { number, effective, .. } = *change;
            // A scheduled change waits for the one before it, so only the first is sure to be made later.
            let is_past = effective <= finalized && (change.forced.is_some() || first == Some(index));
            if number > finalized || effective < number || number < before || is_past {
                return Err(StartError::Announced { index, announced: number, effective, finalized });
            }
            before = number;
        }
        let mut votes = Self { set: Arc::new(set), announced, forced: None, authors: BTreeSet::new() };
        votes.trust_authors_of(authorship);
        Ok(votes)
    }

    pub(super) fn set(&self) -> &AuthoritySet {
        &self.set
    }

    pub(super) fn announced(&self) -> &[Announced] {
        &self.announced
    }

    pub(super) fn forced(&self) -> Option<Forced> {
        self.forced
    }

    /// Sets the forced change by which the set came: what a snapshot remembers.
    pub(super) fn remember_forced(&mut self, forced: Option<Forced>) {
        self.forced = forced;
    }

    /// Returns the changes among `above` and those announced before that are still to be made, in the order of blocks. A
    /// forced change that was made voids all that were announced up to the block with which it was made.
    fn pending<'a>(&'a self, above: &[&'a Announced]) -> Vec<&'a Announced> {
        let void = self.forced.map(|forced| forced.effective);
        let is_void = |change: &&Announced| void.is_some_and(|void| change.number <= void);
        let all = above.iter().copied().chain(&self.announced);
        let mut pending: Vec<&Announced> = all.filter(|change| !is_void(change)).collect();
        pending.sort_by_key(|change| change.number);
        pending
    }

    /// Returns the lowest forced change that is still to be made, of those that `above` has and those announced before.
    pub(super) fn next_forced<'a>(&'a self, above: &[&'a Announced]) -> Option<&'a Announced> {
        self.pending(above).into_iter().find(|change| change.forced.is_some())
    }

    /// Tells whether a scheduled change is made with the finality of block `number`, or a later one waits for that block.
    pub(super) fn is_mandatory(&self, number: u64, above: &[&Announced]) -> bool {
        self.pending(above).iter().any(|change| change.forced.is_none() && change.effective == number)
    }

    /// Tells whether `key` may vouch for a forced change.
    pub(super) fn is_trusted_author(&self, key: &[u8; 32]) -> bool {
        self.authors.contains(key)
    }

    /// Takes the authors who may vouch for a forced change from the state behind a finalized block.
    pub(super) fn trust_authors_of(&mut self, authorship: &AuthorshipState) {
        self.authors = match authorship {
            AuthorshipState::Babe(state) => state.current_epoch().authorities.iter().map(|author| author.key).collect(),
            AuthorshipState::Aura(state) => state.authorities().iter().copied().collect(),
            AuthorshipState::Unchecked(_) => BTreeSet::new(),
        };
    }

    /// Returns the last block of the set whose turn it is, given what is announced above the finalized block: that of the
    /// scheduled change that was announced first. A later one waits for it, whatever its own block, as in the reference,
    /// which asks the roots of its tree of changes alone (`ForkTree::finalize_with_descendent_if`).
    pub(super) fn ending(&self, above: &[&Announced]) -> Option<u64> {
        self.pending(above).into_iter().find(|change| change.forced.is_none()).map(|change| change.effective)
    }

    /// Returns what is in force behind block `number` once that is finalized; `path` is what is announced between.
    /// # Errors
    /// [`FinalityError::ChangeFirst`], [`FinalityError::TwoChanges`], [`FinalityError::TooManyAnnounced`].
    pub(super) fn after(&self, number: u64, path: &[&Announced]) -> Result<Self, FinalityError> {
        let pending = self.pending(path);
        let mut scheduled = pending.iter().filter(|change| change.forced.is_none());
        let (first, second) = (scheduled.next(), scheduled.next());
        if let Some(mandatory) = first.map(|change| change.effective).filter(|ending| *ending < number) {
            return Err(FinalityError::ChangeFirst { mandatory, number });
        }
        let made = first.filter(|change| change.effective == number);
        if made.is_some() && second.is_some_and(|second| second.effective <= number) {
            return Err(FinalityError::TwoChanges { number });
        }
        // A forced change is the way out where finality stalls: one that it overtook, or that a scheduled change came
        // before, is not made any more, as in the reference.
        let stays = |change: &Announced| match change.forced {
            None => made.is_none_or(|made| made.hash != change.hash),
            Some(_) => made.is_none() && change.effective > number,
        };
        let announced: Vec<Announced> =
            pending.iter().filter(|change| stays(change)).map(|c| Announced::clone(c)).collect();
        if announced.len() > ANNOUNCED_MAX {
            return Err(FinalityError::TooManyAnnounced { number, got: announced.len(), max: ANNOUNCED_MAX });
        }
        let mut next = Self { announced, ..self.clone() };
        next.forced = self.forced.filter(|forced| forced.effective > number);
        if let Some(change) = made {
            next.set = renumbered(&change.set, self.set.id().saturating_add(1));
        }
        Ok(next)
    }

    /// Makes `change`, the lowest forced one below a tip ([`SetState::next_forced`]), if its time has come; tells whether
    /// it did.
    ///
    /// `authors` are those of the blocks from the announcing one to the tip, `None` where that is final: then it was voted
    /// for, and nobody else need vouch for it. `tip` is the tip's number, `above` is what is announced above the finalized
    /// block, `when` is the rule that the user chose.
    pub(super) fn force(
        &mut self,
        change: &Announced,
        tip: u64,
        when: ForcedChanges,
        authors: Option<impl Iterator<Item = [u8; 32]>>,
        above: &[&Announced],
    ) -> bool {
        let Some(median) = change.forced.filter(|_| tip >= change.effective) else { return false };
        // What the runtime took for agreed comes first, as in the reference.
        let first = self.pending(above).into_iter().find(|other| other.forced.is_none());
        if first.is_some_and(|first| first.number < change.number && first.effective <= median) {
            return false;
        }
        let is_vouched_for = authors.is_none_or(|authors| self.is_vouched_for(authors));
        if when == ForcedChanges::Vouched && !is_vouched_for {
            return false;
        }
        self.set = renumbered(&change.set, self.set.id().saturating_add(1));
        self.announced.clear();
        self.forced = Some(Forced { number: change.number, hash: change.hash, effective: change.effective });
        true
    }

    fn is_vouched_for(&self, authors: impl Iterator<Item = [u8; 32]>) -> bool {
        let vouching: BTreeSet<[u8; 32]> = authors.filter(|author| self.authors.contains(author)).collect();
        vouching.len().saturating_mul(3) > self.authors.len().saturating_mul(2)
    }
}

/// Returns `set` as number `id`: which number a set has follows from what was made before it, not from its announcement.
fn renumbered(set: &Arc<AuthoritySet>, id: u64) -> Arc<AuthoritySet> {
    if set.id() == id { Arc::clone(set) } else { Arc::new(set.as_ref().clone().with_id(id)) }
}

#[cfg(test)]
mod tests {
    use super::super::super::authorship::aura::AuraState;
    use super::super::super::grandpa::Authority;
    use super::*;
    use alloc::vec;

    fn set(id: u64, voter: u8) -> AuthoritySet {
        AuthoritySet::new(id, vec![Authority { key: [voter; 32], weight: 1 }]).unwrap()
    }

    /// Tells whether the change is made when `built` have built on it, of four authors behind the finalized block.
    fn is_made(built: &[u8]) -> bool {
        let authors = AuthorshipState::Aura(AuraState::new(0, &[[1; 32], [2; 32], [3; 32], [4; 32]]));
        let mut votes = SetState::new(set(1, 1), vec![], 0, &authors).unwrap();
        let forced = Some(0);
        let change = Announced { number: 5, hash: Hash([5; 32]), effective: 6, forced, set: Arc::new(set(9, 2)) };
        let authors = Some(built.iter().map(|author| [*author; 32]));
        let made = votes.force(&change, 7, ForcedChanges::Vouched, authors, &[]);
        assert_eq!(votes.set(), &if made { set(2, 2) } else { set(1, 1) });
        made
    }

    #[test]
    fn more_than_two_thirds_of_the_known_authors_vouch_for_a_forced_change() {
        assert!(is_made(&[1, 2, 3]));
        assert!(is_made(&[4, 1, 4, 3, 1]));
        // Neither the same few over and over, nor authors whom the fork itself brought.
        assert!(!is_made(&[1, 2, 1, 2, 1, 2]));
        assert!(!is_made(&[1, 2, 7, 8, 9, 10]));
        assert!(!is_made(&[]));
    }
}
