//! What an RPC client asks.

use super::Access;
use crate::base::ChainId;

/// Where a client's calls go, and what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The chain, or `None` for calls about the node as a whole.
    pub chain: Option<ChainId>,
    /// Who is asking, and so which methods exist.
    pub access: Access,
}

/// One call of a client. Each call gets exactly one [`super::Answer`].
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
