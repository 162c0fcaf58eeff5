//! JSON-RPC 2.0 text for local clients: what a call is, how it is answered, which methods exist, what is refused.
//!
//! Trusts nobody who calls: a page in the user's own browser reaches a loopback port too, so [`http::admission`] decides
//! first whether an HTTP request is let in at all, and [`Rpc`] bounds everything that a client can make it keep
//! ([`limits`]). Knows no chain: it turns text into a [`MethodCall`] and the node's results into text.
//! Source: <https://www.jsonrpc.org/specification>.

pub mod http;
pub mod limits;
pub mod methods;

mod action;
mod call;
mod client;
mod dispatch;
mod error;
mod heads;
mod params;
mod raw;
mod request;
mod response;

pub use action::{ChainReadiness, QueryResult, RpcAction};
pub use call::{Answer, Call, Certainty, Dialect, Etag, Finality, Proven, Scope};
pub use client::ClientKind;
pub use dispatch::Rpc;
pub use error::{RpcError, RpcErrorCode};
pub use methods::MethodCall;
