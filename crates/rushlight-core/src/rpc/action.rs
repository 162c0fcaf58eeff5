//! What passes between the dispatcher and the node.

use super::{Answer, MethodCall, Proven, Scope};
use crate::base::{ClientId, QueryId};
use alloc::string::String;

/// What the node is asked to do for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcAction {
    /// Find the result of a method and give it to [`super::Rpc::answered`], or [`super::Rpc::answered_ready`] for
    /// [`MethodCall::Ready`].
    Dispatch {
        /// Under which number to answer.
        query: QueryId,
        /// Who asks, about which chain.
        scope: Scope,
        /// What is asked.
        method: MethodCall,
    },
    /// Whoever asked this left: it needs no answer, and need not be worked on any more.
    Forget(QueryId),
    /// Give a client an answer or, unasked, a notification of a subscription.
    Reply(ClientId, Answer),
    /// Close a client's socket: it reads more slowly than answers come, or it is one too many.
    Hangup(ClientId),
}

/// The result of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResult {
    /// The `result` member, as JSON text.
    pub json: String,
    /// The head that it is proven at; `None` when nothing in it is a fact of a chain.
    pub proven: Option<Proven>,
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
