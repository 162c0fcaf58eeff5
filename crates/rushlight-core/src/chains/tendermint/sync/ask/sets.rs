//! Validator sets seen lately, by hash: most heights have the set of the height before.

use crate::base::Hash;
use crate::chains::tendermint::types::ValidatorSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How many sets are kept.
const SETS_MAX: usize = 16;
/// How much memory they may hold in all, the newest one apart.
const SETS_BYTES_MAX: usize = 8 << 20;

/// The sets used last, newest at the end.
#[derive(Debug, Default)]
pub struct SetCache {
    sets: Vec<Arc<ValidatorSet>>,
}

impl SetCache {
    /// Returns the set with this hash.
    pub fn by_hash(&mut self, hash: &Hash) -> Option<Arc<ValidatorSet>> {
        let at = self.sets.iter().position(|set| set.hash() == *hash)?;
        let set = self.sets.remove(at);
        self.sets.push(Arc::clone(&set));
        Some(set)
    }

    /// Keeps a set, and returns the one that is kept.
    pub fn keep(&mut self, set: Arc<ValidatorSet>) -> Arc<ValidatorSet> {
        if let Some(known) = self.by_hash(&set.hash()) {
            return known;
        }
        let held = |sets: &Vec<Arc<ValidatorSet>>| sets.iter().map(|set| set.size_bytes()).sum::<usize>();
        while !self.sets.is_empty() && (self.sets.len() >= SETS_MAX || held(&self.sets) > SETS_BYTES_MAX) {
            self.sets.remove(0);
        }
        self.sets.push(Arc::clone(&set));
        set
    }
}
