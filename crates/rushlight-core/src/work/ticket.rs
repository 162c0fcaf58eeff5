//! The way back in.

use super::{Done, End, Kind, Receipt};
use crate::base::Hash;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

/// What opens the result of one work: of this input, from this trusted head, and of nothing else.
pub struct Ticket<K: Kind> {
    receipt: Receipt,
    kind: PhantomData<fn() -> K>,
}

/// Why a finished work has no result for a ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDone {
    /// It is a work of another kind: a fault of the driver.
    #[error("the finished work is of kind {got}, expected {want}")]
    OtherKind {
        /// Its kind.
        got: &'static str,
        /// The ticket's kind.
        want: &'static str,
    },
    /// It started from another trusted head: a fault of the driver.
    #[error("the finished work starts from {got}, expected {want}")]
    OtherStart {
        /// Where it started.
        got: Hash,
        /// Where the ticket's work starts.
        want: Hash,
    },
    /// It had another input: a fault of the driver.
    #[error("the finished work had the input {got}, expected {want}")]
    OtherInput {
        /// Digest of its input.
        got: Hash,
        /// Digest of the input of the ticket's work.
        want: Hash,
    },
    /// It was stopped, although it was waited for.
    #[error("the work of kind {kind} was stopped before it was done")]
    Stopped {
        /// Its kind.
        kind: &'static str,
    },
    /// It may take more memory than all long works may take together.
    #[error("a work of kind {kind} takes up to {bytes} bytes, at most {max} are allowed")]
    TooLarge {
        /// Its kind.
        kind: &'static str,
        /// What it may take.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// It panicked.
    #[error("a work of kind {kind} panicked ({message}); this is a bug, please report it")]
    Panicked {
        /// Its kind.
        kind: &'static str,
        /// The panic's message.
        message: String,
    },
}

impl<K: Kind> Ticket<K> {
    pub(super) fn new(receipt: Receipt) -> Self {
        Self { receipt, kind: PhantomData }
    }

    /// Returns the hash of the trusted head that the work starts from.
    pub fn from(&self) -> Hash {
        self.receipt.from
    }

    /// Returns what the work came to.
    /// # Errors
    /// [`NotDone`]: the work is not the ticket's, or it has no result.
    pub fn redeem(self, done: Done) -> Result<K::Outcome, NotDone> {
        let (got, want) = (done.receipt, self.receipt);
        let other_kind = NotDone::OtherKind { got: got.kind, want: want.kind };
        if got.kind != want.kind {
            return Err(other_kind);
        }
        if got.from != want.from {
            return Err(NotDone::OtherStart { got: got.from, want: want.from });
        }
        if got.digest != want.digest {
            return Err(NotDone::OtherInput { got: got.digest, want: want.digest });
        }
        match done.end {
            // Two kinds of one name differ in their types.
            End::Result { value, .. } => value.downcast().map(|value| *value).map_err(|_| other_kind),
            End::Stopped => Err(NotDone::Stopped { kind: got.kind }),
            End::TooLarge { bytes, max } => Err(NotDone::TooLarge { kind: got.kind, bytes, max }),
            End::Panicked(message) => Err(NotDone::Panicked { kind: got.kind, message }),
        }
    }
}

impl<K: Kind> fmt::Debug for Ticket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.receipt).finish()
    }
}
