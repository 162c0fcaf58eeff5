//! Questions of RPC clients to a chain.

use crate::rpc::{Bound, Row};

/// A question of an RPC client to a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// One of the methods that [`super::Chain::rows`] names.
    Call {
        /// The method.
        row: &'static Row,
        /// Its parameters.
        bound: Bound,
    },
}
