//! Parameters: the URI form with bare and quoted numbers, the JSON form with 64-bit numbers as strings.

use super::error::RpcError;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The parameters of one call.
pub(super) enum Params {
    /// Texts as they stand in a URI, percent-decoded.
    Uri(BTreeMap<String, String>),
    /// JSON values by name.
    Json(BTreeMap<String, Box<RawValue>>),
    /// JSON values by place.
    Array(Vec<Box<RawValue>>),
}

impl Params {
    pub(super) fn from_query(query: &str) -> Self {
        let mut params = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // The first of several counts, as in Go.
            params.entry(percent_decoded(name)).or_insert_with(|| percent_decoded(value));
        }
        Self::Uri(params)
    }

    pub(super) fn from_json(raw: Option<&RawValue>) -> Result<Self, RpcError> {
        let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else {
            return Ok(Self::Json(BTreeMap::new()));
        };
        if let Ok(params) = serde_json::from_str(raw) {
            return Ok(Self::Json(params));
        }
        serde_json::from_str(raw).map(Self::Array).map_err(|error| {
            RpcError::json_params(&format!("unknown type for JSON params: {error}. Expected map or array"))
        })
    }

    /// Gives names to parameters that were given by place.
    pub(super) fn named(self, names: &[&str]) -> Result<Self, RpcError> {
        let Self::Array(values) = self else { return Ok(self) };
        if values.len() != names.len() {
            let texts: Vec<&str> = values.iter().map(|value| value.get()).collect();
            let (want, got) = (names.len(), texts.len());
            let (names, texts) = (names.join(" "), texts.join(" "));
            return Err(RpcError::json_params(&format!(
                "expected {want} parameters ([{names}]), got {got} ([{texts}])"
            )));
        }
        Ok(Self::Json(names.iter().map(|name| String::from(*name)).zip(values).collect()))
    }

    /// Returns the number called `name`, or `None` if it is not given.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, RpcError> {
        let invalid = |raw: &str| format!("invalid 64-bit integer encoding {raw:?}, expected string");
        match self {
            Self::Uri(params) => {
                let Some(text) = params.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
                if text.to_ascii_lowercase().starts_with("0x") {
                    let kind = if name.ends_with("eight") { "int64" } else { "int" };
                    return Err(RpcError::uri_params(&format!("got a hex string arg, but expected '{kind}'")));
                }
                let digits = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                    Some(quoted) => quoted,
                    None if is_integer(text) => text,
                    None => return Err(RpcError::uri_params(&invalid(text))),
                };
                digits.parse().map(Some).map_err(|_| RpcError::uri_params(&invalid_number(digits)))
            }
            Self::Json(params) => {
                let Some(raw) = params.get(name).map(|raw| raw.get()).filter(|raw| *raw != "null") else {
                    return Ok(None);
                };
                let quoted = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
                let digits = quoted.ok_or_else(|| RpcError::json_params(&invalid(raw)))?;
                digits.parse().map(Some).map_err(|_| RpcError::json_params(&invalid_number(digits)))
            }
            Self::Array(_) => Ok(None),
        }
    }

    /// Returns the height asked about, if it can be read.
    pub(super) fn peek_height(&self) -> Option<u64> {
        self.number("height").ok().flatten().and_then(|height| u64::try_from(height).ok())
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid_number(digits: &str) -> String {
    match digits.bytes().find(|byte| !byte.is_ascii_digit() && *byte != b'-') {
        Some(byte) => format!("invalid character '{}' looking for beginning of value", char::from(byte)),
        None => format!("json: cannot unmarshal number {digits} into Go value of type int64"),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, behind @ ..]) => {
                let digits = [char::from(*high).to_digit(16), char::from(*low).to_digit(16)];
                digits[0].zip(digits[1]).map(|(high, low)| ((high * 16 + low) as u8, behind))
            }
            _ => None,
        };
        match escaped {
            Some((byte, behind)) => {
                bytes.push(byte);
                rest = behind;
            }
            None => bytes.push(if *first == b'+' { b' ' } else { *first }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
