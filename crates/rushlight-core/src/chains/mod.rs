//! Chain families: one folder each, behind one small trait.
//!
//! A family sees peers that answer asks; it knows no socket, no thread, no transport and no other family.

mod contract;
mod open;
mod spec;

// The words of asking, which families take from here: they know answers to asks, and nothing else of peers.
#[cfg_attr(not(feature = "tendermint"), allow(unused_imports, reason = "a build without families asks nobody"))]
use crate::peers::{Ask, AskFailed, HttpQuestion, Reply, To, Verdict};

pub(crate) use contract::facts_json;
pub use contract::{
    Action, Chain, ChainNotice, ChainStatus, Event, Fact, Facts, Head, Level, PeerStatus, Query, SyncState, fact_at,
};
pub use open::{OpenError, open, rows};
pub use spec::{ChainSpec, SpecError};

#[cfg(feature = "substrate")]
pub mod substrate;
#[cfg(feature = "tendermint")]
pub mod tendermint;
