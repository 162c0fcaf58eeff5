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
mod bound;
mod call;
mod client;
mod dialect;
mod dispatch;
mod error;
mod heads;
mod pages;
mod places;
mod raw;
mod request;
mod response;
mod row;
mod table;

pub use action::{ChainReadiness, QueryResult, RpcAction};
pub use bound::{Bound, Value};
pub use call::{Answer, Call, Certainty, Etag, Finality, Proven, Scope};
pub use client::ClientKind;
pub use dialect::{Dialect, RUSHLIGHT};
pub use dispatch::Rpc;
pub use error::{RpcError, RpcErrorCode};
pub use row::{Access, Kind, Param, ParamKind, Row, Verified};
pub use table::UNKNOWN_LABEL;
