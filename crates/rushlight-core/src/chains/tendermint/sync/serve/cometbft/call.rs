//! Calls that wait: for their header, or for what is shown beside it.

use crate::base::{Hash, PeerId, QueryId, WorkId};
use crate::chains::tendermint::sync::ask::RequestId;
use crate::chains::tendermint::types::ValidatorSet;
use crate::chains::tendermint::verify::{SealedCommit, VerifiedHeader};
use crate::rpc::Proven;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// How many providers are asked for what a call wants, one after the other.
pub(super) const PROVIDERS_MAX: u8 = 4;

/// What a call wants to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The header.
    Header,
    /// The header with this hash, wherever it is.
    Named(Hash),
    /// The commit of the header.
    Commit,
    /// A page of the set that signs the height.
    Validators {
        /// Whether the set is asked for that signs the height after the header's.
        next: bool,
        /// Which page, counted from 1.
        page: Option<u64>,
        /// How many members a page has.
        per_page: Option<u64>,
    },
    /// The consensus parameters of the height.
    ConsensusParams,
    /// What is known of the blocks from a height up to the header's.
    Blocks {
        /// The lowest height.
        lowest: u64,
    },
}

/// A page of a set, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Which page, counted from 1.
    pub(super) number: u64,
    /// How many members a page has at most.
    pub(super) members_max: u64,
}

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) wants: Wants,
    pub(super) stage: Stage,
    /// The header, once it is there, and how certain it is.
    pub(super) header: Option<(VerifiedHeader, Proven)>,
    /// This many more providers may be asked.
    pub(super) providers_left: u8,
}

/// What a call waits for.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its header: whoever finds it hands it over.
    Header,
    /// The header with its hash, from which its height is learnt.
    Name(RequestId),
    /// The block with the commit.
    Block(RequestId),
    /// The signatures of the commit, and who gave it; `None` where it was at hand.
    Tally(WorkId, Box<SealedCommit>, Option<PeerId>),
    /// The whole set that signs a height.
    Set(RequestId, u64),
    /// A page of the set as a provider tells it.
    Page { request: RequestId, of: u64, set: Arc<ValidatorSet>, page: Page },
    /// Consensus parameters.
    Params(RequestId),
    /// Metas of blocks from a height on.
    Metas(RequestId, u64),
}

impl Stage {
    /// Returns the request and the work that the stage waits for.
    pub(super) fn waits_for(&self) -> (Option<RequestId>, Option<WorkId>) {
        match self {
            Self::Header => (None, None),
            Self::Name(request)
            | Self::Block(request)
            | Self::Set(request, _)
            | Self::Page { request, .. }
            | Self::Params(request)
            | Self::Metas(request, _) => (Some(*request), None),
            Self::Tally(work, ..) => (None, Some(*work)),
        }
    }
}

impl Call {
    pub(super) fn new(wants: Wants) -> Self {
        Self { wants, stage: Stage::Header, header: None, providers_left: PROVIDERS_MAX }
    }
}

/// All calls that wait. There are no more of them than queries in flight, which the dispatcher bounds.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: BTreeMap<QueryId, Call>,
    requests: BTreeMap<RequestId, QueryId>,
    works: BTreeMap<WorkId, QueryId>,
}

impl Calls {
    /// Has a call wait for what its stage says.
    pub(super) fn wait(&mut self, id: QueryId, call: Call) {
        let (request, work) = call.stage.waits_for();
        self.requests.extend(request.map(|request| (request, id)));
        self.works.extend(work.map(|work| (work, id)));
        self.calls.insert(id, call);
    }

    /// Takes a call out.
    pub(super) fn take(&mut self, id: QueryId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        let (request, work) = call.stage.waits_for();
        request.map(|request| self.requests.remove(&request));
        work.map(|work| self.works.remove(&work));
        Some(call)
    }

    pub(super) fn take_by_request(&mut self, request: RequestId) -> Option<(QueryId, Call)> {
        let id = *self.requests.get(&request)?;
        self.take(id).map(|call| (id, call))
    }

    pub(super) fn take_by_work(&mut self, work: WorkId) -> Option<(QueryId, Call)> {
        let id = *self.works.get(&work)?;
        self.take(id).map(|call| (id, call))
    }

    /// Tells whether a call waits for this request.
    pub(crate) fn waits_for_request(&self, request: RequestId) -> bool {
        self.requests.contains_key(&request)
    }

    /// Tells whether a call waits for this work.
    pub(crate) fn waits_for_work(&self, work: WorkId) -> bool {
        self.works.contains_key(&work)
    }

    /// Returns the calls that have their header and wait for more.
    pub(super) fn fetching(&self) -> Vec<QueryId> {
        let is_fetching = |call: &Call| !matches!(call.stage, Stage::Header);
        self.calls.iter().filter(|(_, call)| is_fetching(call)).map(|(id, _)| *id).collect()
    }
}
