//! How a family asks one peer outside of any sync.

use crate::base::{Hash, UnixTime};
use crate::peers::{HttpQuestion, Reply};
use alloc::string::String;

/// How a family asks one peer outside of any sync, for `init` and `doctor`. Nothing that is answered is trusted.
pub trait Probe: Sync {
    /// Returns the question where a peer stands.
    fn ask_status(&self) -> HttpQuestion;

    /// Reads the answer to it.
    /// # Errors
    /// Why it is not one, in words of which the peer may have written a part.
    fn read_status(&self, reply: Reply<'_>) -> Result<PeerTold, String>;

    /// Returns the question for the header at a height.
    fn ask_header(&self, height: u64) -> HttpQuestion;

    /// Reads the answer to it. The hash is computed from the header itself.
    /// # Errors
    /// Why it is not one, in words of which the peer may have written a part.
    fn read_header(&self, height: u64, reply: Reply<'_>) -> Result<HeaderTold, String>;

    /// Returns the text of a chain file.
    fn chain_file(&self, chain: &ToDescribe<'_>) -> String;
}

/// Where a peer says that it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTold {
    /// The chain's id.
    pub chain_id: String,
    /// The identity that it gives.
    pub node_id: String,
    /// The highest height that it has.
    pub latest: u64,
    /// Time of the header there, where headers tell it.
    pub latest_time: Option<UnixTime>,
    /// The lowest height that it has.
    pub earliest: u64,
    /// Whether it says that it is still syncing itself.
    pub is_syncing: bool,
}

/// A header as a peer told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTold {
    /// Its hash.
    pub hash: Hash,
    /// Its time, where headers tell it.
    pub time: Option<UnixTime>,
}

/// What a chain file is made of.
#[derive(Clone, Copy, Debug)]
pub struct ToDescribe<'a> {
    /// The chain's id.
    pub chain_id: &'a str,
    /// Base addresses of the peers.
    pub providers: &'a [String],
    /// The height of the header to trust.
    pub height: u64,
    /// The header.
    pub header: HeaderTold,
    /// For how long headers are to be trusted, as the user wrote it.
    pub trusting_period: &'a str,
}
