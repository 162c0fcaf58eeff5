//! What the node knows of a peer, for metrics and status.

use super::{Address, Verdict};
use crate::base::{ChainId, PeerId};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What the node knows of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStats {
    /// The peer.
    pub peer: PeerId,
    /// The chains that it serves.
    pub chains: Vec<ChainId>,
    /// Its address.
    pub address: Address,
    /// The verdict for which it is in quarantine now.
    pub quarantined: Option<Verdict>,
    /// Asks answered.
    pub answered: u64,
    /// What was held against it, counted by verdict.
    pub faults: BTreeMap<Verdict, u64>,
    /// What was held against it last, and for what, in words; while it is in quarantine, what it is there for.
    pub last_fault: Option<(Verdict, String)>,
    /// The 95th percentile of its answer times, in milliseconds.
    pub p95_ms: Option<u32>,
}
