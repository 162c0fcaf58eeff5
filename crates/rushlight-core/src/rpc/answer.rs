//! What an RPC client gets back.

use super::{Body, Verified, VerifiedHead};
use crate::base::{Hash, UnixTime};
use alloc::string::ToString;

/// The answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `None` for a notification and for status 304.
    pub body: Option<Body>,
    /// What the body is.
    pub content_type: &'static str,
    /// What of the body is verified; of a batch, what is verified of the weakest of its results. `None` where there is no
    /// result: for errors and the node's own pages.
    pub verified: Option<Verified>,
    /// The header that the answer is proven at, and how certain it is; of a batch, that of the weakest of its results. `None`
    /// when nothing in it is a fact of a chain.
    pub proven: Option<Proven>,
    /// The entity tag of the body, for `If-None-Match`.
    pub etag: Option<Etag>,
    /// For how many seconds the body may be cached.
    pub max_age: Option<u32>,
    /// After how many seconds it makes sense to ask again.
    pub retry_after: Option<u32>,
}

impl Answer {
    /// The content type of JSON.
    pub const JSON: &str = "application/json";

    /// Returns an answer of JSON about no chain.
    pub fn json(status: u16, body: impl Into<Body>) -> Self {
        Self { body: Some(body.into()), ..Self::empty(status) }
    }

    /// Returns an answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            body: None,
            content_type: Self::JSON,
            verified: None,
            proven: None,
            etag: None,
            max_age: None,
            retry_after: None,
        }
    }
}

/// What stands behind a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) verified: Verified,
    pub(super) proven: Option<Proven>,
}

impl Standing {
    /// Returns what stands behind two results together: no more than behind the weaker of them.
    pub(super) fn weaker(self, other: Self) -> Self {
        let verified = match (self.verified, other.verified) {
            (Verified::Full, Verified::Full) => Verified::Full,
            (Verified::No, _) | (_, Verified::No) => Verified::No,
            (one, other) if one == other => one,
            // Each result has other fields, and a list of both would vouch for too much.
            _ => Verified::Part(&[]),
        };
        let proven =
            self.proven.zip(other.proven).map(|(one, other)| if one.rank() <= other.rank() { one } else { other });
        Self { verified, proven }
    }
}

/// An entity tag: a strong hash of what the body depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag(pub Hash);

impl Etag {
    /// Tells whether the value of an `If-None-Match` header names this tag, or every tag with `*`.
    ///
    /// Compares weakly, as RFC 9110 section 13.1.2 wants it: a proxy that compressed the body has put `W/` before.
    pub fn is_listed_in(self, if_none_match: &str) -> bool {
        let own = self.to_string();
        if_none_match.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
    }
}

impl core::fmt::Display for Etag {
    /// Writes the header's value: the hash in hex between double quotes.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The verified header under which an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    proof_height: u64,
    header_height: u64,
    hash: Hash,
    time: Option<UnixTime>,
    certainty: Certainty,
}

impl Proven {
    /// Returns that an answer follows from `head`, which is this certain.
    pub fn by(head: &impl VerifiedHead, certainty: Certainty) -> Self {
        let (height, hash, time) = (head.height(), head.hash(), head.time());
        Self { proof_height: height, header_height: height, hash, time, certainty }
    }

    /// Returns the same of an answer that is about `height`, and not about the header's own.
    pub(super) fn about(self, height: u64) -> Self {
        Self { proof_height: height, ..self }
    }

    /// Returns the height that the answer is about: the block itself, or the state after it.
    pub fn proof_height(&self) -> u64 {
        self.proof_height
    }

    /// Returns the height of the header that proves it: the same one, or a later one that commits to the state.
    pub fn header_height(&self) -> u64 {
        self.header_height
    }

    /// Returns the hash of the header.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the time of the header; `None` where headers do not tell it.
    pub fn time(&self) -> Option<UnixTime> {
        self.time
    }

    /// Returns how certain the header is.
    pub fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Orders by what one relies on: the weakest guarantee first and, where that is the same, the oldest header.
    fn rank(&self) -> (Finality, u32, u64) {
        (self.certainty.finality, self.certainty.witnesses_agreeing, self.header_height)
    }
}

/// A guarantee: how final, and how many independent witnesses agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certainty {
    /// The degree of finality.
    pub finality: Finality,
    /// Witnesses that gave the same header.
    pub witnesses_agreeing: u32,
    /// Witnesses that were asked.
    pub witnesses_asked: u32,
}

/// Degrees of finality, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finality {
    /// One peer said so.
    Claimed,
    /// In a block of the verified chain that is not final.
    Included,
    /// Finalised by more than 2/3 of an authenticated set within its trusting period.
    Final,
}

impl Finality {
    /// Returns the word used in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Included => "included",
            Self::Final => "final",
        }
    }
}
