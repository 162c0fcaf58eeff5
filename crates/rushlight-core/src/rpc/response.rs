//! From results to JSON-RPC text.

use super::RpcError;
use super::body::{Body, Writer};
use super::dialect::{Dialect, ErrorObject};
use super::limits::MESSAGE_BYTES_MAX;
use super::raw::{cut, quoted};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

/// Returns the response that carries `result`, which is JSON text, under `id`, which is JSON text too.
pub(super) fn success(id: &str, result: &Arc<str>) -> Body {
    let mut writer = Writer::default();
    writer.push(r#"{"jsonrpc":"2.0","id":"#);
    writer.push(id);
    writer.push(r#","result":"#);
    writer.push_shared(result);
    writer.push("}");
    writer.finish()
}

/// Returns the response that carries an error.
pub(super) fn failure(id: &str, error: &RpcError, dialect: &dyn Dialect) -> Body {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#, error_object(error, dialect)).into()
}

/// Returns the error object alone, which pages use as well.
pub(super) fn error_object(error: &RpcError, dialect: &dyn Dialect) -> String {
    let ErrorObject { code, message, data } = dialect.error(error);
    let text = |text: &str| quoted(&cut(text, MESSAGE_BYTES_MAX));
    let message = text(&message);
    match data {
        None => format!(r#"{{"code":{code},"message":{message}}}"#),
        Some(data) => format!(r#"{{"code":{code},"message":{message},"data":{}}}"#, text(&data)),
    }
}

/// Returns the notification of a subscription.
pub(super) fn notification(method: &str, subscription: u64, result: &Arc<str>) -> Body {
    let mut writer = Writer::default();
    writer.push(&format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"subscription":"{subscription}","result":"#
    ));
    writer.push_shared(result);
    writer.push("}}");
    writer.finish()
}
