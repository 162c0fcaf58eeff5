//! A small network that speaks the CometBFT RPC, in one process.
//!
//! Small, not fake: real keys sign real commits, every header field is what the rules of the chain make it, and other
//! clients can talk to it. It can also lie on demand, because that is how a light client is tested.
//!
//! - [`Chain`] makes blocks from a [`ChainPlan`] and a seed: the same plan gives the same bytes.
//! - [`Node::answer`] turns a request into an HTTP answer without any socket, so that a simulator can call it.
//! - [`Lie`] says in which way a node does not tell the truth.
//! - [`Devnet`] serves a network of such nodes on loopback, with a new block as often as planned.
//!
//! Keys are derived from the seed: nothing here protects anything of value.
#![forbid(unsafe_code)]

mod answers;
mod app;
mod block;
mod chain;
mod draw;
mod epochs;
mod keys;
mod lies;
mod plan;
mod priorities;
mod server;

pub use answers::{Ending, Node, Reply, Request};
pub use app::{Execution, Tx};
pub use block::{Block, PART_BYTES};
pub use chain::{COMMITS_CACHED_MAX, Chain};
pub use lies::{Lie, LieError, LieKind};
pub use plan::{
    ChainPlan, Fork, LastCommit, PlanError, Powers, Release, Rotation, RotationOrder, VALIDATORS_PLANNED_MAX,
};
pub use server::{Devnet, DevnetError, DevnetPlan, PROVIDERS_MAX, wall_clock};
