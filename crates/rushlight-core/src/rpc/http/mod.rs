//! JSON-RPC over HTTP: which requests are let in, and what a GET asks for. A driver without a listener, as in a web page,
//! uses none of it.

pub mod admission;
pub mod routes;

mod host;
pub(super) mod query;
