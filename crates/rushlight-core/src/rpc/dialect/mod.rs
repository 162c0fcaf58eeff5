//! How clients of one protocol write what they ask and expect what they get: the same rows, in other forms.
//!
//! A dialect decides nothing about what is true and nothing about who may ask. It reads parameters, and it writes ids,
//! errors, statuses and notifications as the clients of its protocol know them.

mod read;
mod rushlight;

pub use rushlight::RUSHLIGHT;

use super::limits::{BODY_BYTES_MAX, SUBSCRIPTIONS_MAX};
use super::{ParamKind, RpcError, Value};
use alloc::string::{String, ToString};
use core::fmt;
use read::{from_json, from_text};

/// The forms of one protocol. What is not said otherwise is JSON-RPC 2.0 as Rushlight's own methods have it.
pub trait Dialect: fmt::Debug + Sync {
    /// Returns its name, which no other dialect has.
    fn name(&self) -> &'static str;

    /// Tells whether a parameter that the row does not name is refused; otherwise it is read over.
    fn is_strict(&self) -> bool {
        true
    }

    /// Returns how many bytes of text one call may have.
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    /// Returns how many subscriptions one client may have.
    fn subscriptions_max(&self) -> usize {
        SUBSCRIPTIONS_MAX
    }

    /// Returns what a parameter holds that came as the JSON text `raw`; `None` when it is not of this kind.
    fn read(&self, kind: ParamKind, raw: &str) -> Option<Value> {
        from_json(kind, raw)
    }

    /// Returns what a parameter holds that stands in the query of a GET as `text`, percent-decoded; `None` when it is not of
    /// this kind.
    fn read_query(&self, kind: ParamKind, text: &str) -> Option<Value> {
        from_text(kind, text)
    }

    /// Returns the error object that says `error`.
    fn error(&self, error: &RpcError) -> ErrorObject {
        ErrorObject { code: error.code(), message: error.to_string(), data: None }
    }

    /// Returns the HTTP status of an answer that is `error` and nothing else.
    fn status(&self, error: &RpcError, via: Via) -> u16 {
        match (error.http_status(), via, error) {
            (200, Via::Get, RpcError::InvalidParams { .. }) => 400,
            (200, Via::Get, _) => 503,
            (status, ..) => status,
        }
    }

    /// Returns the id under which a GET is answered; `None` where the answer is the result alone.
    fn page_id(&self) -> Option<&'static str> {
        None
    }

    /// Tells whether a batch with one response is answered with that alone, instead of a list of one.
    fn is_batch_of_one_alone(&self) -> bool {
        false
    }
}

/// How a client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// With JSON-RPC text.
    Text,
    /// With a GET.
    Get,
}

/// An error as JSON-RPC has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorObject {
    /// The code.
    pub code: i32,
    /// The message.
    pub message: String,
    /// What there is to say beside it.
    pub data: Option<String>,
}
