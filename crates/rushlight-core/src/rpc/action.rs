//! What passes between the dispatcher and the node.

use super::{Answer, Bound, Row, Scope};
use crate::base::{ChainId, ClientId, QueryId};
use alloc::string::String;

/// What the node is asked to do for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcAction {
    /// Answer a method of the node's own ([`super::own`]) with [`super::Rpc::answered`], or with
    /// [`super::Rpc::answered_ready`] where it is [`super::own::READYZ`].
    Own {
        /// Under which number to answer.
        query: QueryId,
        /// Who asks, about which chain.
        scope: Scope,
        /// What is asked.
        row: &'static Row,
    },
    /// Have a chain answer one of its methods, and give what it says to [`super::Rpc::answered`].
    Ask {
        /// Under which number to answer.
        query: QueryId,
        /// The chain.
        chain: ChainId,
        /// What is asked.
        row: &'static Row,
        /// Its parameters.
        bound: Bound,
    },
    /// Whoever asked this left: it needs no answer, and need not be worked on any more.
    Forget(QueryId),
    /// Give a client an answer or, unasked, a notification of a subscription.
    Reply(ClientId, Answer),
    /// Close a client's socket: it reads more slowly than answers come, or it is one too many.
    Hangup(ClientId),
}

/// Whether a chain serves, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReadiness {
    /// The chain's name in the configuration.
    pub chain: String,
    /// Whether it is synced.
    pub is_ready: bool,
    /// Its state in one word.
    pub state: &'static str,
    /// Why it is not ready, in words; empty when it is.
    pub why: String,
}
