//! Asks: what a family wants to know from its peers.

use super::Verdict;
use crate::base::PeerId;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

/// A question of a chain to its peers, and what its answer may be, whatever it travels by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who may answer.
    pub to: To,
    /// The question.
    pub question: Question,
    /// The largest answer that is read.
    pub answer_bytes_max: u32,
    /// What a larger one means.
    pub oversize: Oversize,
    /// After how long an attempt counts as [`Verdict::Slow`].
    pub patience: Duration,
    /// Whether a second peer may be asked while the first one takes long.
    pub is_hedged: bool,
    /// Whether it may be put again after an attempt failed. What changes something at the peer may not: nobody knows whether
    /// an attempt that failed was carried out.
    pub is_repeated: bool,
    /// Whether it is held against a peer that it does not answer. What one client wants is not: else clients could have
    /// honest peers sent away by asking for what costs them too much.
    pub is_held_against: bool,
}

impl Ask {
    /// Returns an ask that only reads: hedged where several may answer, put again where that may help.
    pub fn to_read(to: To, question: HttpQuestion, answer_bytes_max: u32, patience: Duration) -> Self {
        Self {
            to,
            question: Question::Http(question),
            answer_bytes_max,
            oversize: Oversize::AnotherForm,
            patience,
            is_hedged: true,
            is_repeated: true,
            is_held_against: true,
        }
    }

    /// Returns the ask as one that a client wants: nothing of what comes of it is held against a peer.
    #[must_use]
    pub fn for_client(self) -> Self {
        Self { is_held_against: false, oversize: Oversize::Unable, ..self }
    }
}

/// What an answer means that is larger than its bound. It was not read in whole, so it is never a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize {
    /// [`Verdict::AnotherForm`]: nobody has so much to say.
    AnotherForm,
    /// The peer cannot answer this in what we have room for. It costs it nothing; the family does not ask it the same again.
    Unable,
}

/// Who may answer an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Whoever is best. Where the ask is hedged, after the 95th percentile of past answer times another peer is asked too, and
    /// the first answer wins. On failure the next peer is tried, where it may be repeated.
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

/// The question itself, by what it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// An HTTP request.
    Http(HttpQuestion),
}

/// A question put by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpQuestion {
    /// GET of a path and query below the peer's base address; starts with `/`.
    Get(String),
    /// POST of a JSON text to the peer's base address.
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
