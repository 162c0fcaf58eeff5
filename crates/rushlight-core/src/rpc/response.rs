//! From results to JSON-RPC text.

use super::RpcError;
use super::limits::MESSAGE_BYTES_MAX;
use super::raw::{cut, quoted};
use super::request::Id;
use alloc::format;
use alloc::string::{String, ToString};

/// Returns the response that carries `result`, which is JSON text.
pub(super) fn success(id: &Id, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.as_json())
}

/// Returns the response that carries an error.
pub(super) fn failure(id: &Id, error: &RpcError) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{}}}"#, id.as_json(), error_object(error))
}

/// Returns the error object alone, which routes without JSON-RPC use as well.
pub(super) fn error_object(error: &RpcError) -> String {
    let message = quoted(&cut(&error.to_string(), MESSAGE_BYTES_MAX));
    format!(r#"{{"code":{},"message":{message}}}"#, error.code())
}

/// Returns the notification of a subscription, `result` being JSON text.
pub(super) fn notification(method: &str, subscription: u64, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"subscription":"{subscription}","result":{result}}}}}"#)
}
