//! What a parameter holds, from its JSON.

use crate::base::{Hash, SubscriptionId};
use crate::codec::text::{base64, hex, hex_array};
use crate::rpc::{ParamKind, Value};
use alloc::string::String;

/// Returns what the JSON text `raw` holds as a parameter of `kind`; `None` when it is not of this kind.
///
/// Whole numbers may be JSON numbers or strings of digits, for clients whose numbers are doubles; hex may begin with `0x`.
pub(super) fn from_json(kind: ParamKind, raw: &str) -> Option<Value> {
    match kind {
        ParamKind::Height => whole_number(raw).map(Value::Height),
        ParamKind::Count => whole_number(raw).map(Value::Count),
        ParamKind::Bool => match raw {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ParamKind::Hash => {
            let text = quoted_text(raw)?;
            hex_array(digits(&text)).ok().map(|bytes| Value::Hash(Hash(bytes)))
        }
        ParamKind::Hex => hex(digits(&quoted_text(raw)?)).ok().map(Value::Bytes),
        ParamKind::Base64 => base64(&quoted_text(raw)?).ok().map(Value::Bytes),
        ParamKind::Text => quoted_text(raw).map(Value::Text),
        ParamKind::Json => Some(Value::Json(String::from(raw))),
        ParamKind::Subscription => quoted_text(raw).map(|text| Value::Subscription(decimal(&text).map(SubscriptionId))),
    }
}

fn whole_number(raw: &str) -> Option<u64> {
    if raw.starts_with('"') { decimal(&quoted_text(raw)?) } else { decimal(raw) }
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
