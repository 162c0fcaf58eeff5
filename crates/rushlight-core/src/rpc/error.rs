//! Why a call has no result, as the JSON-RPC error that the client reads.

use super::QueryError;
use super::limits::{BATCH_ANSWER_BYTES_MAX, BATCH_REQUESTS_MAX, BODY_BYTES_MAX, DEPTH_MAX, SUBSCRIPTIONS_MAX};
use alloc::string::String;

/// Why a call has no result. The text is the error's message: it says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The text is not JSON.
    #[error("parse error: the text is not JSON ({why})")]
    Parse {
        /// What the parser says.
        why: String,
    },
    /// The text is nested too deeply.
    #[error("invalid request: nested {got} deep, allowed are {DEPTH_MAX}")]
    TooDeep {
        /// The depth at which reading stopped.
        got: usize,
    },
    /// The text is JSON, but not a request.
    #[error("invalid request: {why}")]
    InvalidRequest {
        /// The broken rule.
        why: String,
    },
    /// There is no such method for this client.
    #[error("method {name} not found; {}", Instead(.suggestion))]
    MethodNotFound {
        /// The name, cut.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<&'static str>,
    },
    /// The parameters are not what the method takes.
    #[error("invalid params: {why}")]
    InvalidParams {
        /// The broken rule.
        why: String,
    },
    /// The method pushes, and the client has no socket to push through.
    #[error("{name} needs a WebSocket; over HTTP ask rushlight_status or rushlight_checkpoint again instead")]
    SocketNeeded {
        /// The method.
        name: &'static str,
    },
    /// The client has as many subscriptions as it may have.
    #[error("{SUBSCRIPTIONS_MAX} subscriptions are open already; unsubscribe one first")]
    TooManySubscriptions,
    /// The body is too large.
    #[error("the body has {got} bytes, allowed are {BODY_BYTES_MAX}")]
    BodyTooLarge {
        /// Bytes.
        got: usize,
    },
    /// The results of a batch are too large.
    #[error("the batch has {BATCH_ANSWER_BYTES_MAX} bytes of results already; ask the rest in a batch of its own")]
    BatchAnswerTooLarge,
    /// The batch has too many requests.
    #[error("the batch has more than {BATCH_REQUESTS_MAX} requests")]
    BatchTooLong,
    /// Too many clients of a kind are connected.
    #[error("too many clients are served already; try again later")]
    TooManyClients,
    /// The call is about a chain, and the client has not said which.
    #[error(
        "this is about a chain, and there are several ({names}): select one by the path /NAME, on the command line with --name NAME"
    )]
    ChainNeeded {
        /// The names, separated by commas.
        names: String,
    },
    /// A chain has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The node is going down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// One JSON-RPC error code and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcErrorCode {
    /// The number in `error.code`.
    pub code: i32,
    /// The name of the variant of [`RpcError`] or [`QueryError`].
    pub name: &'static str,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

impl RpcError {
    /// Every code, as the documentation lists them.
    pub const CODES: &[RpcErrorCode] = &[
        row(-32700, "Parse", "The text is not JSON."),
        row(-32600, "InvalidRequest", "The JSON is not a request, is nested too deeply or has a key twice."),
        row(-32601, "MethodNotFound", "There is no such method for this client."),
        row(-32602, "InvalidParams", "The parameters are not what the method takes."),
        row(-32603, "Internal", "The node broke a rule of its own: please report it."),
        row(-32004, "SocketNeeded", "The method pushes and needs a WebSocket."),
        row(-32006, "TooManySubscriptions", "The client has as many subscriptions as it may have."),
        row(-32007, "BodyTooLarge", "The body is larger than allowed."),
        row(-32009, "Busy", "Too many requests wait already, or too many clients are connected."),
        row(-32010, "BatchTooLong", "The batch has more requests than allowed."),
        row(-32011, "BatchAnswerTooLarge", "The batch's results are larger than allowed; this one is left out."),
        row(-32020, "NotSynced", "There is no trusted head yet; the message says what is waited for."),
        row(-32021, "AboveHead", "The height is above the trusted head."),
        row(-32022, "BelowCheckpoint", "The height is below the checkpoint."),
        row(-32023, "Frozen", "The chain is frozen by evidence of an attack."),
        row(-32024, "NoProvider", "No provider gave what the answer needs."),
        row(-32025, "ChainNeeded", "The call is about a chain, and the client has not said which."),
        row(-32026, "ShuttingDown", "The node is going down."),
        row(-32027, "ProofTooLarge", "The blocks that prove the header are more than a bundle may have."),
        row(-32028, "TrustExpired", "Trust in what the answer would start from has ended."),
    ];

    /// The code for a method or page that is not there.
    pub(super) const NO_METHOD_CODE: i32 = -32601;

    /// Returns the JSON-RPC error code.
    pub fn code(&self) -> i32 {
        match self {
            Self::Parse { .. } => -32700,
            Self::InvalidRequest { .. } | Self::TooDeep { .. } => -32600,
            Self::MethodNotFound { .. } => Self::NO_METHOD_CODE,
            Self::InvalidParams { .. } | Self::Query(QueryError::NoSuchPage { .. }) => -32602,
            Self::Query(QueryError::Internal { .. }) => -32603,
            Self::SocketNeeded { .. } => -32004,
            Self::TooManySubscriptions => -32006,
            Self::BodyTooLarge { .. } => -32007,
            Self::Query(QueryError::Busy { .. }) | Self::TooManyClients => -32009,
            Self::BatchTooLong => -32010,
            Self::BatchAnswerTooLarge => -32011,
            Self::Query(QueryError::NotSynced { .. }) => -32020,
            Self::Query(QueryError::AboveHead { .. }) => -32021,
            Self::Query(QueryError::BelowCheckpoint { .. }) => -32022,
            Self::Query(QueryError::Frozen { .. }) => -32023,
            Self::Query(QueryError::NoProvider { .. }) => -32024,
            Self::ChainNeeded { .. } => -32025,
            Self::ShuttingDown => -32026,
            Self::Query(QueryError::ProofTooLarge { .. }) => -32027,
            Self::Query(QueryError::TrustExpired { .. }) => -32028,
        }
    }

    /// Returns after how many seconds it makes sense to ask again, where that is soon.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyClients => Some(1),
            Self::Query(error) => error.retry_after(),
            _ => None,
        }
    }

    /// Returns the HTTP status of an answer that is this error and nothing else.
    ///
    /// Nearly always 200, because clients of JSON-RPC read the body only then; what concerns the exchange itself has
    /// the status that proxies and load balancers act on.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::BodyTooLarge { .. } => 413,
            Self::TooManyClients | Self::ShuttingDown => 503,
            _ => 200,
        }
    }
}

const fn row(code: i32, name: &'static str, doc: &'static str) -> RpcErrorCode {
    RpcErrorCode { code, name, doc }
}

/// Writes what to do instead of calling a method that is not there.
struct Instead<'a>(&'a Option<&'static str>);

impl core::fmt::Display for Instead<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(name) => write!(f, "did you mean {name}?"),
            None => f.write_str("rushlight_methods lists what there is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    /// One error of each variant.
    fn one_of_each() -> [RpcError; 23] {
        let why = || "y".to_string();
        [
            RpcError::Parse { why: why() },
            RpcError::TooDeep { got: 65 },
            RpcError::InvalidRequest { why: why() },
            RpcError::MethodNotFound { name: why(), suggestion: None },
            RpcError::InvalidParams { why: why() },
            QueryError::Internal { why: why() }.into(),
            RpcError::SocketNeeded { name: "m" },
            RpcError::TooManySubscriptions,
            RpcError::BodyTooLarge { got: 9 },
            RpcError::BatchAnswerTooLarge,
            QueryError::Busy { waiting: 1 }.into(),
            RpcError::BatchTooLong,
            RpcError::TooManyClients,
            RpcError::ChainNeeded { names: why() },
            QueryError::NotSynced { why: why() }.into(),
            QueryError::AboveHead { height: 2, head: 1 }.into(),
            QueryError::BelowCheckpoint { height: 1, checkpoint: 2 }.into(),
            QueryError::Frozen { why: why() }.into(),
            QueryError::NoProvider { why: why() }.into(),
            QueryError::NoSuchPage { page: 3, pages: 2 }.into(),
            RpcError::ShuttingDown,
            QueryError::ProofTooLarge { bytes: 2, max: 1 }.into(),
            QueryError::TrustExpired { why: why() }.into(),
        ]
    }

    #[test]
    fn every_code_is_documented_once_and_every_documented_code_is_used() {
        for (at, row) in RpcError::CODES.iter().enumerate() {
            assert!(RpcError::CODES.iter().take(at).all(|earlier| earlier.code != row.code), "{} twice", row.code);
            assert!(one_of_each().iter().any(|error| error.code() == row.code), "{} is never sent", row.code);
        }
        for error in one_of_each() {
            let row = RpcError::CODES.iter().find(|row| row.code == error.code());
            assert!(row.is_some(), "{error:?} has a code that is not documented");
        }
        for error in one_of_each().iter().filter(|error| error.code() > -32_100) {
            let name = format!("{error:?}").replace("Query(", "");
            let row = RpcError::CODES.iter().find(|row| row.code == error.code()).unwrap();
            assert!(
                name.starts_with(row.name)
                    || matches!(error, RpcError::TooManyClients | RpcError::Query(QueryError::NoSuchPage { .. })),
                "{name} {}",
                row.name
            );
        }
    }

    #[test]
    fn codes_stay_in_the_ranges_that_the_specification_gives_them() {
        for error in one_of_each() {
            assert!((-32_099..=-32_000).contains(&error.code()) || (-32_700..=-32_600).contains(&error.code()));
        }
    }
}
