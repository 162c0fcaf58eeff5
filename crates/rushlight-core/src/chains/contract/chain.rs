//! A chain as the node drives it.

use super::{Action, ChainStatus, Event};
use crate::base::{Hash, Instant, Now};
use crate::rpc::Row;
use alloc::vec::Vec;

/// A chain as the node drives it: events in, actions out, all of it deterministic.
pub trait Chain: Send {
    /// Takes in what happened. Does bounded work and never fails: nothing that a peer does is the node's error.
    fn handle(&mut self, now: Now, event: Event<'_>);

    /// Returns the next thing to do; the node drains this to `None` after every [`Chain::handle`].
    fn poll(&mut self) -> Option<Action>;

    /// Returns when [`Event::Tick`] is wanted next.
    fn deadline(&self) -> Option<Instant>;

    /// Returns what the chain says of itself.
    fn status(&self, now: Now) -> ChainStatus;

    /// Returns the methods that it answers, each of which may come as an [`Event::Queried`].
    fn rows(&self) -> Vec<&'static Row>;

    /// Tells whether the chain, as it is saved or about to be, names this blob. Blobs are named by their content, so two
    /// chains may name the same one, and what one of them drops may still be the other's.
    fn names_blob(&self, blob: &Hash) -> bool;
}
