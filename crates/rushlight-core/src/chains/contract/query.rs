//! Questions of RPC clients to a chain, and their answers.

use crate::rpc::{Bound, Proven, Row};
use alloc::string::String;

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

/// An answer to a query. It can only be built from verified values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The `result` member of the JSON-RPC answer, as JSON text.
    pub result: String,
    /// The header that it is proven at; `None` where nothing in it is a fact of the chain.
    pub proven: Option<Proven>,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no trusted head yet.
    #[error("not synced: {why}")]
    NotSynced {
        /// Why not, in words.
        why: String,
    },
    /// Trust in what the answer would start from has ended.
    #[error("trust has expired: {why}")]
    Expired {
        /// In which height and when, in words.
        why: String,
    },
    /// The height is above the trusted head.
    #[error("height {height} is above the trusted head {head}; wait until the client has synced to it")]
    AboveHead {
        /// The height asked for.
        height: u64,
        /// The trusted head.
        head: u64,
    },
    /// The height is below the checkpoint and cannot be proven forwards from it.
    #[error("height {height} is below the checkpoint at {checkpoint}; start from an older checkpoint")]
    BelowCheckpoint {
        /// The height asked for.
        height: u64,
        /// The checkpoint's height.
        checkpoint: u64,
    },
    /// The chain is frozen by evidence of an attack.
    #[error("the chain is frozen: {why}")]
    Frozen {
        /// The evidence, in words.
        why: String,
    },
    /// No peer gave what the answer needs.
    #[error("no provider gave what is needed: {why}")]
    NoProvider {
        /// What failed last.
        why: String,
    },
    /// The blocks between the checkpoint and the height are more than a bundle may have.
    #[error("the proof has more than {bytes} bytes, at most {max} are allowed; prove from a newer checkpoint")]
    ProofTooLarge {
        /// How many bytes there were when it was given up.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// A page that the list does not have.
    #[error("page should be within [1, {pages}] range, given {page}")]
    NoSuchPage {
        /// The page asked for.
        page: u64,
        /// How many pages there are.
        pages: u64,
    },
    /// This program broke a rule of its own, which is a bug.
    #[error("internal error: {why}")]
    Internal {
        /// What happened.
        why: String,
    },
    /// Too many queries wait already.
    #[error("{waiting} queries wait already; try again later")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
}
