//! The walk under way, of either kind.

use super::desk::Desk;
use super::fetch::RequestId;
use super::sequential::Sequential;
use super::skipping::{Skipping, Walked};
use crate::base::{Instant, PeerId, WorkId};
use crate::chains::tendermint::verify::VerifiedBlock;
use alloc::boxed::Box;

/// The walk under way.
#[derive(Debug)]
pub(super) enum Walk {
    Skipping(Box<Skipping>),
    Sequential(Box<Sequential>),
}

impl Walk {
    pub(super) fn current(&self) -> &VerifiedBlock {
        match self {
            Self::Skipping(walk) => walk.current(),
            Self::Sequential(walk) => walk.current(),
        }
    }

    pub(super) fn target(&self) -> u64 {
        match self {
            Self::Skipping(walk) => walk.target(),
            Self::Sequential(walk) => walk.target(),
        }
    }

    pub(super) fn provider(&self) -> PeerId {
        match self {
            Self::Skipping(walk) => walk.provider(),
            Self::Sequential(walk) => walk.provider(),
        }
    }

    /// Returns when it should be done, or a part of it.
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Skipping(walk) => walk.deadline(),
            Self::Sequential(walk) => walk.deadline(),
        }
    }

    pub(super) fn advance(&mut self, desk: &mut Desk, now: Instant) -> Walked {
        match self {
            Self::Skipping(walk) => walk.advance(desk, now),
            Self::Sequential(walk) => walk.advance(desk, now),
        }
    }

    pub(super) fn cancel(&mut self, desk: &mut Desk) {
        match self {
            Self::Skipping(walk) => walk.cancel(desk),
            Self::Sequential(walk) => walk.cancel(desk),
        }
    }

    pub(super) fn waits_for_request(&self, request: RequestId) -> bool {
        match self {
            Self::Skipping(walk) => walk.waits_for_request(request),
            Self::Sequential(walk) => walk.waits_for_request(request),
        }
    }

    pub(super) fn waits_for_work(&self, work: WorkId) -> bool {
        match self {
            Self::Skipping(walk) => walk.waits_for_work(work),
            Self::Sequential(walk) => walk.waits_for_work(work),
        }
    }
}
