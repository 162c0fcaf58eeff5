//! From text to requests: what JSON-RPC 2.0 calls a request, a notification and a batch.

use super::RpcError;
use super::limits::{BATCH_REQUESTS_MAX, ID_BYTES_MAX, REQUEST_MEMBERS_MAX};
use super::raw;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::value::RawValue;

/// The id of a request, as the JSON text in which it came: it goes back byte for byte, because clients compare it and
/// one that reads `1.0` or an escape differently would lose its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(String);

impl Id {
    /// Returns the id `null`, with which errors go out whose request's id could not be read.
    pub(super) fn null() -> Self {
        Self("null".to_string())
    }

    /// Returns the JSON text.
    pub(super) fn as_json(&self) -> &str {
        &self.0
    }
}

/// A request or, without an id, a notification.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The id; `None` for a notification, which gets no answer.
    pub(super) id: Option<Id>,
    /// The method's name as the client wrote it.
    pub(super) method: String,
    /// An array or an object; `None` when left out or `null`.
    pub(super) params: Option<&'a RawValue>,
}

/// A request that is refused, with the id under which to say so.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Id,
    pub(super) error: RpcError,
}

/// What one text holds.
#[derive(Debug)]
pub(super) enum Requests<'a> {
    Single(Result<Request<'a>, Refused>),
    Batch(Vec<Result<Request<'a>, Refused>>),
}

/// Reads a call's text.
/// # Errors
/// [`RpcError::BodyTooLarge`], [`RpcError::TooDeep`], [`RpcError::BatchTooLong`], [`RpcError::Parse`], and
/// [`RpcError::InvalidRequest`] for an empty batch: what concerns the text as a whole.
pub(super) fn decode(text: &str) -> Result<Requests<'_>, RpcError> {
    raw::scan(text)?;
    let whole: &RawValue = serde_json::from_str(text).map_err(|why| RpcError::Parse { why: why.to_string() })?;
    if !whole.get().starts_with('[') {
        return Ok(Requests::Single(decode_one(whole)));
    }
    let batch = raw::elements(whole, BATCH_REQUESTS_MAX).map_err(|why| RpcError::Parse { why: why.to_string() })?;
    if batch.has_more {
        return Err(RpcError::BatchTooLong);
    }
    if batch.items.is_empty() {
        return Err(invalid("the batch is empty"));
    }
    Ok(Requests::Batch(batch.items.into_iter().map(decode_one).collect()))
}

fn invalid(why: &str) -> RpcError {
    RpcError::InvalidRequest { why: why.to_string() }
}

fn decode_one(raw: &RawValue) -> Result<Request<'_>, Refused> {
    let unread = |error| Refused { id: Id::null(), error };
    if !raw.get().starts_with('{') {
        return Err(unread(invalid("a request is an object")));
    }
    let members =
        raw::members(raw, REQUEST_MEMBERS_MAX).map_err(|why| unread(RpcError::Parse { why: why.to_string() }))?;
    if members.has_more {
        return Err(unread(RpcError::InvalidRequest {
            why: alloc::format!("a request has at most {REQUEST_MEMBERS_MAX} members"),
        }));
    }
    // A proxy or log that reads the first of two equal keys, while we read the last, would let a call through that it
    // meant to stop.
    if let Some(key) = first_duplicate(&members.items) {
        return Err(unread(RpcError::InvalidRequest {
            why: alloc::format!("the key {} stands there twice", raw::cut(key, super::limits::NAME_BYTES_MAX)),
        }));
    }
    let member = |name: &str| members.items.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let id = member("id").map(decode_id).transpose().map_err(unread)?;
    let refused = |error| Refused { id: id.clone().unwrap_or_else(Id::null), error };
    match member("jsonrpc").and_then(text_of).as_deref() {
        Some("2.0") => {}
        _ => return Err(refused(invalid("the member jsonrpc must be the string 2.0"))),
    }
    let Some(method) = member("method").and_then(text_of) else {
        return Err(refused(invalid("the member method must be a string")));
    };
    let params = match member("params") {
        None => None,
        Some(params) => match params.get().as_bytes().first() {
            Some(b'[' | b'{') => Some(params),
            // JSON-RPC allows only arrays and objects, but clients that always write the member write null.
            _ if params.get() == "null" => None,
            _ => return Err(refused(invalid("the member params must be an array or an object"))),
        },
    };
    Ok(Request { id, method, params })
}

/// Returns the first key that comes twice in `members`, which are few.
pub(super) fn first_duplicate<'m>(members: &'m [(String, &RawValue)]) -> Option<&'m str> {
    members
        .iter()
        .enumerate()
        .find_map(|(at, (key, _))| members.iter().take(at).any(|(earlier, _)| earlier == key).then_some(key.as_str()))
}

/// Returns the text of a JSON string; `None` for anything else, half a surrogate pair included.
pub(super) fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn decode_id(raw: &RawValue) -> Result<Id, RpcError> {
    let text = raw.get();
    if text.len() > ID_BYTES_MAX {
        return Err(RpcError::InvalidRequest {
            why: alloc::format!("the id has {} bytes, allowed are {ID_BYTES_MAX}", text.len()),
        });
    }
    let is_id = match text.as_bytes().first() {
        Some(b'"') => text_of(raw).is_some(),
        // Whole numbers only: an id of 1e999 or 0.1 would come back as something else from many a parser.
        Some(b'-' | b'0'..=b'9') => text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok(),
        _ => text == "null",
    };
    if !is_id {
        return Err(invalid("the id must be a string, a whole number of 64 bits or null"));
    }
    Ok(Id(text.to_string()))
}
