//! Chain families: one folder each, behind one small trait.
//!
//! A family sees peers that answer asks; it knows no socket, no thread, no transport and no other family.

mod contract;
mod family;
mod keys;
mod proven;

// The words of asking, which families take from here: they know answers to asks, and nothing else of peers.
#[cfg_attr(not(feature = "tendermint"), allow(unused_imports, reason = "a build without families asks nobody"))]
use crate::peers::{Ask, AskFailed, HttpQuestion, Reply, To, Verdict};

pub(crate) use contract::facts_json;
pub use contract::{
    Action, Chain, ChainNotice, ChainStatus, Event, Fact, Facts, Head, Level, PeerStatus, Query, SyncState, fact_at,
};
pub use family::{
    BundleRefused, BundleRules, ChainSpec, Described, Families, Family, FamilyTaken, HeaderTold, OpenError, Opening,
    PeerTold, Probe, Refused, RefusedKind, SpecError, ToDescribe, Trusted,
};
#[cfg_attr(not(feature = "tendermint"), allow(unused_imports, reason = "a build without families shows no texts"))]
pub(crate) use keys::shown_text;
pub use keys::{Fields, Key, KeyError, Kind, SHOWN_CHARS_MAX};
pub use proven::{ProvenHeader, ProvenState};

#[cfg(feature = "substrate")]
pub mod substrate;
#[cfg(feature = "tendermint")]
pub mod tendermint;
