//! JSON-RPC 2.0 text for local clients: what a call is, how it is answered, which methods exist, what is refused.
//!
//! Trusts nobody who calls: a page in the user's own browser reaches a loopback port too, so [`http::admission`] decides
//! first whether an HTTP request is let in at all, and [`Rpc`] bounds everything that a client can make it keep
//! ([`limits`]). Knows no chain: it turns text into a [`Row`] with its parameters and the results of nodes and chains into
//! text.
//! Source: <https://www.jsonrpc.org/specification>.

pub mod http;
pub mod limits;
pub mod own;
pub mod reference;

mod action;
mod answer;
mod body;
mod bound;
mod call;
mod client;
mod dialect;
mod dispatch;
mod error;
mod heads;
mod pages;
mod places;
mod query;
mod queued;
mod raw;
mod request;
mod response;
mod row;
mod table;

pub use action::{ChainReadiness, RpcAction};
pub use answer::{Answer, Certainty, Etag, Finality, Proven};
pub use body::Body;
pub use bound::{Bound, Value};
pub use call::{Call, Scope};
pub use client::ClientKind;
pub use dialect::{Dialect, ErrorObject, RUSHLIGHT, Via};
pub use dispatch::Rpc;
pub use error::{RpcError, RpcErrorCode};
pub use query::{QueryAnswer, QueryError, VerifiedHead};
pub use row::{Access, Kind, Param, ParamKind, Row, Verified};
pub use table::UNKNOWN_LABEL;
