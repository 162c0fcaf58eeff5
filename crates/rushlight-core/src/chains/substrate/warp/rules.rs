//! What a user's settings say of single blocks on the way.

use crate::base::Hash;
use crate::chains::substrate::grandpa::AuthoritySet;
use crate::chains::substrate::spec::rules::BlockRules;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// Rules of a chain that its blocks do not tell. There are none on nearly all chains.
#[derive(Clone, Debug, Default)]
pub struct WarpRules {
    /// Which blocks the specification refuses: `badBlocks` and `forkBlocks`. Only blocks that are shown can be looked at, so
    /// a fork that was left long ago is told by the keys of the sets on it, or by a checkpoint above.
    pub blocks: Arc<BlockRules>,
    /// Blocks after which the community gave finality to another set than the one that votes could tell, by their hash,
    /// with the set and its number. Such a block is final by the user's word: nobody's votes for it are looked at.
    /// Source: `sc-consensus-grandpa` 0.45, `authority_set_hard_forks`.
    pub hard_forks: Arc<BTreeMap<Hash, Arc<AuthoritySet>>>,
}
