//! What a parameter holds, from its JSON.

use crate::base::{Hash, SubscriptionId};
use crate::codec::text::{base64, hex, hex_array};
use crate::rpc::{ParamKind, Value};
use alloc::string::String;
use serde_json::value::RawValue;

/// Returns what the JSON text `raw` holds as a parameter of `kind`; `None` when it is not of this kind.
///
/// Whole numbers may be JSON numbers or strings of digits, for clients whose numbers are doubles; hex may begin with `0x`.
pub(super) fn from_json(kind: ParamKind, raw: &str) -> Option<Value> {
    match kind {
        ParamKind::Height | ParamKind::Count if !raw.starts_with('"') => from_text(kind, raw),
        ParamKind::Bool => match raw {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ParamKind::Json => serde_json::from_str::<&RawValue>(raw).ok().map(|raw| Value::Json(String::from(raw.get()))),
        _ => from_text(kind, &quoted_text(raw)?),
    }
}

/// Returns what `text` holds as a parameter of `kind`, without quotes; `None` when it is not of this kind.
pub(super) fn from_text(kind: ParamKind, text: &str) -> Option<Value> {
    match kind {
        ParamKind::Height => decimal(text).map(Value::Height),
        ParamKind::Count => decimal(text).map(Value::Count),
        ParamKind::Hash => hex_array(digits(text)).ok().map(|bytes| Value::Hash(Hash(bytes))),
        ParamKind::Hex => hex(digits(text)).ok().map(Value::Bytes),
        ParamKind::Base64 => base64(text).ok().map(Value::Bytes),
        ParamKind::Text => Some(Value::Text(String::from(text))),
        ParamKind::Subscription => Some(Value::Subscription(decimal(text).map(SubscriptionId))),
        ParamKind::Bool | ParamKind::Json => from_json(kind, text),
    }
}

fn digits(text: &str) -> &str {
    text.strip_prefix("0x").unwrap_or(text)
}

/// Returns the text of a JSON string; `None` for anything else, half a surrogate pair included.
fn quoted_text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// Digits of `u64::MAX`.
const DIGITS_MAX: usize = 20;

/// Returns the whole number that `text` is, in decimal digits and nothing else.
fn decimal(text: &str) -> Option<u64> {
    // The parser of the standard library takes a sign and any number of zeros before; a height has neither.
    let is_decimal = text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| text.parse().ok()).flatten()
}
