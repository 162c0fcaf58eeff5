//! The walk under way, of either kind.

pub(crate) mod context;
pub mod pivot;
pub(crate) mod sequential;
pub(crate) mod skipping;
pub mod steps;

use crate::base::{Instant, PeerId, WorkId};
use crate::chains::tendermint::sync::ask::RequestId;
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::walk::sequential::Sequential;
use crate::chains::tendermint::sync::walk::skipping::{Skipping, Walked};
use crate::chains::tendermint::verify::VerifiedBlock;
use alloc::boxed::Box;

/// The walk under way.
#[derive(Debug)]
pub(crate) enum Walk {
    Skipping(Box<Skipping>),
    Sequential(Box<Sequential>),
}

impl Walk {
    pub(crate) fn current(&self) -> &VerifiedBlock {
        match self {
            Self::Skipping(walk) => walk.current(),
            Self::Sequential(walk) => walk.current(),
        }
    }

    pub(crate) fn target(&self) -> u64 {
        match self {
            Self::Skipping(walk) => walk.target(),
            Self::Sequential(walk) => walk.target(),
        }
    }

    pub(crate) fn provider(&self) -> PeerId {
        match self {
            Self::Skipping(walk) => walk.provider(),
            Self::Sequential(walk) => walk.provider(),
        }
    }

    /// Returns when it should be done, or a part of it.
    pub(crate) fn deadline(&self) -> Instant {
        match self {
            Self::Skipping(walk) => walk.deadline(),
            Self::Sequential(walk) => walk.deadline(),
        }
    }

    pub(crate) fn advance(&mut self, desk: &mut Desk, now: Instant) -> Walked {
        match self {
            Self::Skipping(walk) => walk.advance(desk, now),
            Self::Sequential(walk) => walk.advance(desk, now),
        }
    }

    pub(crate) fn cancel(&mut self, desk: &mut Desk) {
        match self {
            Self::Skipping(walk) => walk.cancel(desk),
            Self::Sequential(walk) => walk.cancel(desk),
        }
    }

    pub(crate) fn waits_for_request(&self, request: RequestId) -> bool {
        match self {
            Self::Skipping(walk) => walk.waits_for_request(request),
            Self::Sequential(walk) => walk.waits_for_request(request),
        }
    }

    pub(crate) fn waits_for_work(&self, work: WorkId) -> bool {
        match self {
            Self::Skipping(walk) => walk.waits_for_work(work),
            Self::Sequential(walk) => walk.waits_for_work(work),
        }
    }
}
