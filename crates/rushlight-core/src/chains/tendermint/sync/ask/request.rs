//! Requests to providers: what is wanted, what has come so far, what it came to.

use crate::base::{AskId, Hash, PeerId};
use crate::chains::tendermint::decode::json::{BlockMeta, NodeStatus, ValidatorsPage};
use crate::chains::tendermint::types::{Commit, ConsensusParams, Header, LightBlock, Validator, ValidatorSet};
use crate::chains::{To, Verdict};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A request to a provider, made of one or more asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

/// What a request came to.
#[derive(Debug)]
pub enum Got {
    /// A light block, and who gave its commit; commit and set belong together.
    Block(PeerId, Arc<LightBlock>),
    /// A header with its commit.
    Signed(Box<(Header, Commit)>),
    /// The set with the hash asked for.
    Validators(Arc<ValidatorSet>),
    /// What a provider says of itself.
    Status(NodeStatus),
    /// Headers of a range of heights, highest first, and who gave them.
    Headers(PeerId, Vec<Header>),
    /// Consensus parameters, for which height they are said to be, and who gave them.
    Params(PeerId, u64, Box<ConsensusParams>),
    /// A page of a set, and who gave it.
    Page(PeerId, ValidatorsPage),
    /// The header with the hash asked for, if its giver has one.
    Named(PeerId, Option<Box<Header>>),
    /// What is known of the blocks of a range of heights, and who said it.
    Metas(PeerId, Vec<BlockMeta>),
    /// Nothing.
    Failed(Failed),
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Who is at fault; `None` when there was nobody to ask.
    pub peer: Option<PeerId>,
    /// What is held against it.
    pub verdict: Verdict,
    /// Whether `peers` has noted it already (it notes what happens below the family: slow, refusing).
    pub is_noted: bool,
    /// What happened, in words.
    pub why: String,
}

impl Failed {
    /// Returns what is held against a provider, of which nobody has taken note yet.
    pub fn by(peer: PeerId, verdict: Verdict, why: String) -> Self {
        Self { peer: Some(peer), verdict, is_noted: false, why }
    }
}

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Commit,
    Page,
    Status,
    Headers,
    /// Consensus parameters.
    Params,
    /// A page of a set as it is to be shown.
    Members,
    /// A header by its hash.
    Named,
    /// Metas of blocks.
    Metas,
}

impl Part {
    /// Tells whether clients alone want to know: who does not answer is not asked the same again for a while, and that is all.
    pub(crate) fn is_of_clients(self) -> bool {
        match self {
            Self::Commit | Self::Page | Self::Status => false,
            Self::Headers | Self::Params | Self::Members | Self::Named | Self::Metas => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Block,
    Signed,
    Validators(Hash),
    Status,
    Headers,
    /// What one answer settles.
    Single,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) want: Want,
    pub(crate) to: To,
    /// The height that is wanted; of a range of headers the lowest.
    pub(crate) height: u64,
    pub(crate) asks: Vec<AskId>,
    pub(crate) signed: Option<(Header, Commit)>,
    pub(crate) signed_by: Option<PeerId>,
    pub(crate) members: Vec<Validator>,
    pub(crate) members_total: Option<usize>,
    /// How many members a page has, where a node gives fewer than it is asked for.
    pub(crate) page_members: Option<usize>,
    /// How many pages were asked for.
    pub(crate) pages_asked: usize,
    /// Who gave what has come so far, each once.
    pub(crate) givers: Vec<PeerId>,
    pub(crate) retries: u8,
    /// Who was asked although anybody may answer, and refused.
    pub(crate) refused_by: Vec<PeerId>,
}

impl Request {
    /// Returns the only provider that may answer.
    pub(crate) fn only(&self) -> Option<PeerId> {
        match self.to {
            To::Only(peer) => Some(peer),
            To::Any | To::Among(_) => None,
        }
    }

    /// Notes who gave a part.
    pub(crate) fn given_by(&mut self, peer: PeerId) {
        if !self.givers.contains(&peer) {
            self.givers.push(peer);
        }
    }

    /// Forgets what has come so far.
    pub(crate) fn restart(&mut self) -> Vec<AskId> {
        self.signed = None;
        self.members.clear();
        self.members_total = None;
        self.page_members = None;
        self.pages_asked = 0;
        self.givers.clear();
        core::mem::take(&mut self.asks)
    }
}

/// Returns that a provider said what is provably wrong.
pub(crate) fn lying(peer: PeerId, why: String) -> Got {
    failed(peer, Verdict::Lying, why)
}

/// Returns what is held against a provider, of which nobody has taken note yet.
pub(crate) fn failed(peer: PeerId, verdict: Verdict, why: String) -> Got {
    Got::Failed(Failed::by(peer, verdict, why))
}
