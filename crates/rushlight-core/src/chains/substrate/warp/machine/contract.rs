//! What a warp sync is told and what it wants done.

use crate::base::{AskId, Hash, PeerId, WorkId};
use crate::chains::substrate::header::NumberWidth;
use crate::chains::substrate::warp::{VerifiedHead, WarpError};
use crate::work::{Done, Work};

/// How a way is split and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarpSettings {
    /// Width of the chain's block numbers.
    pub number_width: NumberWidth,
    /// Distance in blocks between the heights at which the way is split.
    pub part_blocks: u64,
    /// What is nearer than this to the highest announced finalized block is left to the following of blocks.
    pub gap_blocks: u64,
}

impl Default for WarpSettings {
    /// 65,536 blocks are some 30 to 100 changes of set; nodes do not warp below 32 blocks.
    fn default() -> Self {
        Self { number_width: NumberWidth::U32, part_blocks: 65_536, gap_blocks: 32 }
    }
}

/// What happens to a warp sync.
#[derive(Debug)]
pub enum Event<'a> {
    /// A peer can be asked, and says that this block is finalized; also when it says so of a later block.
    Peer(PeerId, u64),
    /// A peer can not be asked any more. Its asks are closed.
    PeerLeft(PeerId),
    /// A peer named the hash at the height that it was asked for, or has none. The ask is closed.
    HashTold(AskId, Option<Hash>),
    /// The next bytes of an answer.
    Received(AskId, &'a [u8]),
    /// An answer is complete. The ask is closed.
    Ended(AskId),
    /// No answer came. The ask is closed.
    Failed(AskId),
    /// A work has ended.
    Worked(WorkId, Done),
}

/// What a warp sync wants done.
#[derive(Debug)]
pub enum Action {
    /// Ask a peer for the hash of its block at a height.
    AskHash {
        /// The ask.
        ask: AskId,
        /// Whom to ask.
        peer: PeerId,
        /// The height.
        height: u64,
    },
    /// Ask a peer for the fragments that follow a block.
    AskFragments {
        /// The ask.
        ask: AskId,
        /// Whom to ask.
        peer: PeerId,
        /// Hash of the block.
        from: Hash,
    },
    /// Forget an ask.
    Cancel(AskId),
    /// Run CPU-heavy work outside the loop.
    Work(WorkId, Work),
    /// A peer is not asked any more, and why.
    Blame(PeerId, Blame),
    /// This block is final now.
    Progress(VerifiedHead),
    /// No peer has anything more: this is the newest finalized block, as far as peers say.
    Finished(VerifiedHead),
}

/// What is held against a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It sent something that is provably wrong.
    Wrong(WarpError),
    /// It announced a block and did not bring anyone nearer to it, [`super::NO_PROGRESS_MAX`] times in a row.
    NoProgress,
}
