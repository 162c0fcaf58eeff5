//! CPU-heavy work that leaves the loop: kinds of it, how a driver runs it, and how its result comes back.
//!
//! Whoever needs something computed makes a [`Work`] of it and keeps the [`Ticket`]. The work goes out to a driver, which
//! runs it on a thread, in a worker of a page or in place, and hands back a [`Done`]. The ticket alone opens it, and only
//! if it is the result of that very input, computed from that very trusted head. So a driver that mixes up two works, or
//! a result that comes late, proves nothing.
//!
//! A kind of work is a type with the trait [`Kind`], brought by whoever needs it; neither drivers nor the node know the
//! kinds. What they see is what they need: the name, for meters; the [`Lane`]; the bytes; and how it ended.

mod kind;
#[cfg(any(feature = "substrate", feature = "tendermint"))]
mod signatures;
mod stop;
#[cfg(test)]
mod tests;
mod ticket;

pub use kind::{Kind, Lane, Stopped};
pub use stop::StopFlag;
pub use ticket::{NotDone, Ticket};

use self::kind::Task;
use crate::base::Hash;
use alloc::boxed::Box;
use alloc::string::String;
use core::any::Any;
use core::fmt;

/// A self-contained, pure piece of CPU-heavy work. A driver runs it where it likes; the result is the same everywhere.
pub struct Work {
    receipt: Receipt,
    lane: Lane,
    size_bytes: usize,
    task: Box<dyn Task>,
}

/// What is left of a [`Work`] that never comes to its end: by it whoever gave it up, or caught its panic, says so. Taken
/// before the work is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    kind: &'static str,
    from: Hash,
    digest: Hash,
}

/// A [`Work`] that has ended, well or not. Only running it makes one with a result, and only its [`Ticket`] opens that.
#[derive(Debug)]
pub struct Done {
    receipt: Receipt,
    end: End,
}

#[derive(Debug)]
enum End {
    /// It came to a result, which is what was hoped for or is not.
    Result {
        value: Box<dyn Any + Send>,
        is_valid: bool,
    },
    Stopped,
    Panicked(String),
    TooLarge {
        bytes: usize,
        max: usize,
    },
}

/// How a work ended, as far as a driver may know: for meters and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The result is what was hoped for: all signatures hold, the bytes can be read.
    Valid,
    /// The result is a refusal.
    Invalid,
    /// It was stopped before it had a result, or there was no room to begin.
    Stopped,
    /// It panicked, which is a bug.
    Panicked,
}

impl Outcome {
    /// Returns the outcome in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Stopped => "stopped",
            Self::Panicked => "panicked",
        }
    }
}

impl Work {
    /// The most memory that a short work holds together with its input, in bytes.
    pub const BYTES_MAX: usize = 24 << 20;

    /// Returns the work of running `input`, which starts from the trusted head with hash `from`, and the ticket that opens
    /// its result.
    pub fn new<K: Kind>(from: Hash, input: K) -> (Self, Ticket<K>) {
        let receipt = Receipt { kind: K::NAME, from, digest: input.digest() };
        let size_bytes = input.size_bytes();
        debug_assert!(
            K::LANE == Lane::Long || size_bytes <= Self::BYTES_MAX,
            "a short work of kind {} holds {size_bytes} bytes",
            K::NAME
        );
        (Self { receipt, lane: K::LANE, size_bytes, task: Box::new(input) }, Ticket::new(receipt))
    }

    /// Returns the name of the kind.
    pub fn kind(&self) -> &'static str {
        self.receipt.kind
    }

    /// Returns where it waits for its turn.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Returns the memory that it holds, in bytes; a long work's is what running it may take.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Returns the receipt, by which is said that the work does not come to its end.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Runs it to its end.
    pub fn run(self) -> Done {
        self.run_until(&StopFlag::new())
    }

    /// Runs it to its end, or until `stop` says that nobody waits for it any more.
    pub fn run_until(self, stop: &StopFlag) -> Done {
        let end = match self.task.run(stop) {
            Ok((value, is_valid)) => End::Result { value, is_valid },
            Err(Stopped) => End::Stopped,
        };
        Done { receipt: self.receipt, end }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receipt, lane, size_bytes, task: _ } = self;
        f.debug_struct("Work").field("receipt", receipt).field("lane", lane).field("size_bytes", size_bytes).finish()
    }
}

impl Receipt {
    /// Returns that running the work panicked, with the panic's message.
    pub fn panicked(self, message: String) -> Done {
        Done { receipt: self, end: End::Panicked(message) }
    }

    /// Returns that the work was given up before it was run.
    pub fn stopped(self) -> Done {
        Done { receipt: self, end: End::Stopped }
    }

    /// Returns that the work may take more memory than there may ever be for it.
    pub fn too_large(self, bytes: usize, max: usize) -> Done {
        Done { receipt: self, end: End::TooLarge { bytes, max } }
    }
}

impl Done {
    /// Returns the name of the work's kind.
    pub fn kind(&self) -> &'static str {
        self.receipt.kind
    }

    /// Returns how the work ended.
    pub fn outcome(&self) -> Outcome {
        match &self.end {
            End::Result { is_valid: true, .. } => Outcome::Valid,
            End::Result { is_valid: false, .. } => Outcome::Invalid,
            End::Stopped | End::TooLarge { .. } => Outcome::Stopped,
            End::Panicked(_) => Outcome::Panicked,
        }
    }

    /// Returns the panic's message, if running the work panicked.
    pub fn panic(&self) -> Option<&str> {
        match &self.end {
            End::Panicked(message) => Some(message),
            _ => None,
        }
    }
}
