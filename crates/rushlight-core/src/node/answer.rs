//! What a chain answers, in the words of RPC.

use crate::chains::{QueryAnswer, QueryError};
use crate::rpc::{QueryResult, RpcError};
use alloc::string::ToString;

pub(super) fn query_result(answer: QueryAnswer) -> QueryResult {
    QueryResult { json: answer.result, proven: answer.proven }
}

pub(super) fn rpc_error(error: QueryError) -> RpcError {
    match error {
        QueryError::NotSynced { why } => RpcError::NotSynced { why },
        QueryError::Expired { why } => RpcError::TrustExpired { why },
        QueryError::AboveHead { height, head } => RpcError::AboveHead { height, head },
        QueryError::BelowCheckpoint { height, checkpoint } => RpcError::BelowCheckpoint { height, checkpoint },
        QueryError::Frozen { why } => RpcError::Frozen { why },
        QueryError::NoProvider { why } => RpcError::NoProvider { why },
        QueryError::ProofTooLarge { bytes, max } => RpcError::ProofTooLarge { bytes, max },
        QueryError::NoSuchPage { .. } => RpcError::InvalidParams { why: error.to_string() },
        QueryError::Internal { why } => RpcError::Internal { why },
        QueryError::Busy { waiting } => RpcError::Busy { waiting },
    }
}
