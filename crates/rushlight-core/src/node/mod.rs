//! The node: the only type that a driver touches.
//!
//! A driver calls [`Node::handle`] with what happened and drains [`Node::poll`] to `None`; it calls again with
//! [`Input::Tick`] when [`Node::deadline`] has come. That is the whole contract.

mod contract;

pub use contract::{Blob, Input, Notice, Output, Pending, Snapshot, Stats};
