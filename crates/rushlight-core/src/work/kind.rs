//! What a kind of work has to say of itself.

use super::StopFlag;
use crate::base::Hash;
use alloc::boxed::Box;
use core::any::Any;

/// A kind of work: the input, how it is run, and what comes out.
///
/// Running it is pure: the same input gives the same outcome on every machine and in every driver, however many threads
/// there are.
pub trait Kind: Send + 'static {
    /// The kind's name, for meters and the log: one word of lower-case letters, unique among the kinds.
    const NAME: &'static str;
    /// Where works of this kind wait for their turn.
    const LANE: Lane;
    /// What comes out.
    type Outcome: Send + 'static;

    /// Returns the memory that the work holds, in bytes. A short one's is that of its input, so much that with all that
    /// running it takes it stays within [`Work::BYTES_MAX`](super::Work::BYTES_MAX); a long one's is what running it takes
    /// at most.
    fn size_bytes(&self) -> usize;

    /// Returns a hash that tells this input from all others of this kind.
    fn digest(&self) -> Hash;

    /// Does the work. It asks `stop` again and again, at least every 50 ms where it can be interrupted at all.
    /// # Errors
    /// [`Stopped`], when it found that nobody waits for it any more.
    fn run(self, stop: &StopFlag) -> Result<Self::Outcome, Stopped>;

    /// Tells whether an outcome is what was hoped for, and no refusal: for meters.
    fn is_valid(outcome: &Self::Outcome) -> bool;
}

/// Where a work waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Up to about a quarter of a second of one core: heads wait for it.
    Short,
    /// Seconds. It must not hold up short ones.
    Long,
}

/// A work found that nobody waits for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// A [`Kind`] whose type is forgotten.
pub(super) trait Task: Send {
    /// Does the work; returns the outcome, and whether it is what was hoped for.
    fn run(self: Box<Self>, stop: &StopFlag) -> Result<(Box<dyn Any + Send>, bool), Stopped>;
}

impl<K: Kind> Task for K {
    fn run(self: Box<Self>, stop: &StopFlag) -> Result<(Box<dyn Any + Send>, bool), Stopped> {
        let outcome = K::run(*self, stop)?;
        let is_valid = K::is_valid(&outcome);
        Ok((Box::new(outcome), is_valid))
    }
}
