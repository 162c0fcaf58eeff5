//! Errors as JSON-RPC has them, with the codes and texts of real nodes.

use serde::Serialize;

/// An error as JSON-RPC has it.
#[derive(Serialize)]
pub(super) struct RpcError {
    code: i32,
    message: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
}

impl RpcError {
    pub(super) fn internal(data: String) -> Self {
        Self { code: -32603, message: "Internal error", data }
    }

    pub(super) fn method_not_found() -> Self {
        Self { code: -32601, message: "Method not found", data: String::new() }
    }

    pub(super) fn parse(error: &serde_json::Error) -> Self {
        let why = if error.is_eof() { "unexpected end of JSON input".into() } else { error.to_string() };
        let data = format!("error unmarshaling request: {why}");
        Self { code: -32700, message: "Parse error. Invalid JSON", data }
    }

    pub(super) fn uri_params(why: &str) -> Self {
        Self::params("http", why)
    }

    pub(super) fn json_params(why: &str) -> Self {
        Self::params("json", why)
    }

    fn params(form: &str, why: &str) -> Self {
        let data = format!("error converting {form} params to arguments: {why}");
        Self { code: -32602, message: "Invalid params", data }
    }
}
