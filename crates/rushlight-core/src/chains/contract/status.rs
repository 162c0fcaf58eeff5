//! What a chain says of itself.

use super::Head;
use crate::base::{PeerId, UnixTime};
use alloc::string::String;
use alloc::vec::Vec;

/// What a chain says of itself, for `status`, `/readyz` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStatus {
    /// The family's name.
    pub family: &'static str,
    /// The chain's own id.
    pub chain_id: String,
    /// The newest trusted head.
    pub head: Option<Head>,
    /// When trust in the head ends.
    pub trust_expires: Option<UnixTime>,
    /// The height being synced to, where it is known.
    pub target: Option<u64>,
    /// The state in one word and, unless synced, the reason in words.
    pub state: SyncState,
    /// Guarantee of the head.
    pub witnesses_agreeing: u32,
    /// Witnesses asked at the head.
    pub witnesses_asked: u32,
    /// Headers verified since the start.
    pub headers_verified: u64,
    /// Light blocks fetched since the start.
    pub blocks_fetched: u64,
    /// Signatures checked since the start.
    pub signatures_checked: u64,
    /// What each peer was last found to have.
    pub providers: Vec<ProviderStatus>,
}

/// What a chain knows of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// The peer.
    pub peer: PeerId,
    /// `primary` or `witness`.
    pub role: &'static str,
    /// The node id that it gives.
    pub node_id: Option<String>,
    /// The highest height it said it has.
    pub latest: Option<u64>,
    /// The lowest height it said it has.
    pub earliest: Option<u64>,
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
            Self::Expired(_) => "expired",
            Self::Frozen(_) => "frozen",
        }
    }

    /// Returns the reason in words; empty when synced.
    pub fn reason(&self) -> &str {
        match self {
            Self::Synced => "",
            Self::Syncing(why) | Self::Stale(why) | Self::Expired(why) | Self::Frozen(why) => why,
        }
    }
}
