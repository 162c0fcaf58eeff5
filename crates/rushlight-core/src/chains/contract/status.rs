//! What a chain says of itself.

use super::Head;
use super::fact::{Fact, Facts, fact_at};
use crate::base::PeerId;
use alloc::string::String;
use alloc::vec::Vec;

/// What a chain says of itself, for `status`, `/readyz` and metrics: what all families have, and facts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStatus {
    /// The family's name.
    pub family: &'static str,
    /// The chain's own id.
    pub chain_id: String,
    /// The newest trusted head.
    pub head: Option<Head>,
    /// The height being synced to, where it is known.
    pub target: Option<u64>,
    /// The state in one word and, unless synced, the reason in words.
    pub state: SyncState,
    /// What the family tells beside. In JSON they stand beside the members above and cannot replace one of them.
    pub facts: Facts,
    /// What is known of each peer that may be asked.
    pub peers: Vec<PeerStatus>,
}

impl ChainStatus {
    /// Returns the fact at a path of names joined by dots, as in `guarantee.witnesses_asked`.
    pub fn fact(&self, path: &str) -> Option<&Fact> {
        fact_at(&self.facts, path)
    }
}

/// What a chain knows of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub peer: PeerId,
    /// The identity that it gives.
    pub node_id: Option<String>,
    /// The highest height it said it has.
    pub latest: Option<u64>,
    /// The lowest height it said it has.
    pub earliest: Option<u64>,
    /// What the family tells beside, such as the role that the peer has.
    pub facts: Facts,
}

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// The head is fresh and verified.
    Synced,
    /// On its way; the text says what it waits for.
    Syncing(String),
    /// The head is verified but old: the text says since when and why.
    Stale(String),
    /// A computation of this program panicked, which is a bug: nothing new is adopted until it is tried again.
    Broken(String),
    /// Trust in the last head has ended: a new checkpoint is needed.
    Expired(String),
    /// Two conflicting headers verify: an attack. Nothing is adopted any more.
    Frozen(String),
}

impl SyncState {
    /// Returns the state in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Syncing(_) => "syncing",
            Self::Stale(_) => "stale",
            Self::Broken(_) => "broken",
            Self::Expired(_) => "expired",
            Self::Frozen(_) => "frozen",
        }
    }

    /// Returns the reason in words; empty when synced.
    pub fn reason(&self) -> &str {
        match self {
            Self::Synced => "",
            Self::Syncing(why) | Self::Stale(why) | Self::Broken(why) | Self::Expired(why) | Self::Frozen(why) => why,
        }
    }
}
