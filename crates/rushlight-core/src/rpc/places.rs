//! How many clients there may be, by what they are: nobody takes the place of somebody who came for something else.

use super::limits::{CONTROL_CLIENTS_MAX, EXCHANGES_MAX, PROBES_MAX, SOCKETS_MAX};
use super::{Access, ClientKind, Scope};
use alloc::collections::BTreeMap;

/// Clients that share their places. An idle socket may stay for days, so sockets must not keep anybody from asking once;
/// and whoever looks after the node gets in whatever the public does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pot {
    Exchanges,
    Sockets,
    Probes,
    Control,
}

impl Pot {
    /// Returns the pot of a client.
    pub(super) fn of(scope: Scope, kind: ClientKind) -> Self {
        match (scope.access, kind) {
            (Access::Control, _) => Self::Control,
            (Access::Public, ClientKind::Probe) => Self::Probes,
            (Access::Public, ClientKind::Exchange) => Self::Exchanges,
            (Access::Public, ClientKind::Socket) => Self::Sockets,
        }
    }

    /// Returns how many clients may share it.
    pub(super) fn max(self) -> usize {
        match self {
            Self::Exchanges => EXCHANGES_MAX,
            Self::Sockets => SOCKETS_MAX,
            Self::Probes => PROBES_MAX,
            Self::Control => CONTROL_CLIENTS_MAX,
        }
    }
}

/// The places that are taken.
#[derive(Default)]
pub(super) struct Places(BTreeMap<Pot, usize>);

impl Places {
    /// Takes a place, and tells whether there was one.
    pub(super) fn take(&mut self, pot: Pot) -> bool {
        let taken = self.0.entry(pot).or_insert(0);
        let is_free = *taken < pot.max();
        if is_free {
            *taken = taken.saturating_add(1);
        }
        is_free
    }

    /// Gives a place back that was taken.
    pub(super) fn give_back(&mut self, pot: Pot) {
        if let Some(taken) = self.0.get_mut(&pot) {
            *taken = taken.saturating_sub(1);
        }
    }
}
