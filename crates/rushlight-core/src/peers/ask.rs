//! Asks: what a family wants to know from its peers.

use super::Verdict;
use crate::base::PeerId;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

/// A question of a chain to its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who may answer.
    pub to: To,
    /// The question.
    pub body: AskBody,
    /// The largest answer that is read; more counts as [`Verdict::Lying`].
    pub answer_bytes_max: u32,
    /// After how long an attempt counts as [`Verdict::Slow`].
    pub patience: Duration,
    /// Whether it is held against a peer that it does not answer. What one client wants is not: else clients could have
    /// honest peers sent away by asking for what costs them too much.
    pub is_held_against: bool,
}

/// Who may answer an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Whoever is best; hedged: after the 95th percentile of past answer times another peer is asked too, and the first
    /// answer wins. On failure the next peer is tried.
    Any,
    /// Whoever is best of these peers; as [`To::Any`] otherwise.
    Among(Arc<[PeerId]>),
    /// This peer and no other, never hedged, so that a witness stays the witness it is.
    Only(PeerId),
}

impl To {
    /// Tells whether a peer may answer.
    pub(super) fn includes(&self, peer: PeerId) -> bool {
        match self {
            Self::Any => true,
            Self::Among(peers) => peers.contains(&peer),
            Self::Only(only) => *only == peer,
        }
    }

    /// Returns the only peer that may answer.
    pub(super) fn only(&self) -> Option<PeerId> {
        match self {
            Self::Only(peer) => Some(*peer),
            Self::Any | Self::Among(_) => None,
        }
    }
}

/// The question itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskBody {
    /// HTTP GET of a path and query below the peer's base address; starts with `/`.
    Get(String),
    /// HTTP POST of a JSON text to the peer's base address.
    Post(String),
}

/// An answer to an ask: bytes that nobody has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// HTTP status. Peers answer asks with 200, and with 500 when the body holds a JSON-RPC error; everything else is a
    /// [`Verdict::Refusing`] and does not reach the family.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// No peer answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskFailed {
    /// How many peers were tried.
    pub tried: u32,
    /// What is held against the last one; `None` when there was nobody to ask.
    pub last: Option<Fault>,
}

/// What is held against a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The peer.
    pub peer: PeerId,
    /// The verdict.
    pub verdict: Verdict,
    /// What happened, in words, with what was got and what was wanted; at most [`WHY_BYTES_MAX`] bytes. A provider may have
    /// written a part of it.
    pub why: String,
}

/// The longest text that says why something is held against a peer; more is cut off.
pub const WHY_BYTES_MAX: usize = 512;

impl Fault {
    pub(super) fn new(peer: PeerId, verdict: Verdict, why: &str) -> Self {
        Self { peer, verdict, why: why.get(..why.floor_char_boundary(WHY_BYTES_MAX)).unwrap_or_default().into() }
    }
}
