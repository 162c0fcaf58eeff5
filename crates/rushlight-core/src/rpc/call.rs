//! What an RPC client asks and what it gets back.

use super::Access;
use crate::base::{ChainId, Hash, UnixTime};
use alloc::string::{String, ToString};

/// Where a client's calls go, and what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The chain, or `None` for calls about the node as a whole.
    pub chain: Option<ChainId>,
    /// Who is asking, and so which methods exist.
    pub access: Access,
}

/// One call of a client. Each call gets exactly one [`Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call<'a> {
    /// JSON-RPC text: a request, a notification or a batch.
    Text(&'a str),
    /// A GET of a path below the listener's root.
    Get {
        /// The path, percent-encoded, without the prefix that selected the chain; starts with `/`.
        path: &'a str,
        /// The query string after `?`, percent-encoded; empty when there is none.
        query: &'a str,
        /// The value of the `If-None-Match` header.
        if_none_match: Option<&'a str>,
    },
}

/// The answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON text; `None` for a notification and for status 304.
    pub body: Option<String>,
    /// The head that the answer is proven at, and how certain it is; `None` when nothing in it is a fact of a chain.
    pub proven: Option<Proven>,
    /// The entity tag of the body, for `If-None-Match`.
    pub etag: Option<Etag>,
    /// For how many seconds the body may be cached.
    pub max_age: Option<u32>,
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

/// The verified head under which an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Height of the head.
    pub height: u64,
    /// Hash of the head's header.
    pub hash: Hash,
    /// Time of the head's header; `None` where headers do not tell it.
    pub time: Option<UnixTime>,
    /// How certain it is.
    pub certainty: Certainty,
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
