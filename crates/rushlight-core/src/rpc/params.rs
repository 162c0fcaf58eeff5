//! From the parameters that a client wrote to those that a method's table row names.

use super::RpcError;
use super::limits::NAME_BYTES_MAX;
use super::methods::{Method, Param, ParamKind};
use super::raw::{self, cut, nearest};
use super::request::{first_duplicate, text_of};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::value::RawValue;

/// Parameters in the order of the method's row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound(Vec<Option<Value>>);

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Height(u64),
    Text(String),
}

impl Bound {
    /// Returns the height at `position`; `None` when it was left out.
    pub(super) fn height(&self, position: usize) -> Option<u64> {
        match self.0.get(position) {
            Some(Some(Value::Height(height))) => Some(*height),
            _ => None,
        }
    }

    /// Returns the text at `position`; `None` when it was left out.
    pub(super) fn text(&self, position: usize) -> Option<&str> {
        match self.0.get(position) {
            Some(Some(Value::Text(text))) => Some(text),
            _ => None,
        }
    }
}

/// Reads `params` as `method` takes them.
/// # Errors
/// [`RpcError::InvalidParams`]: one too many, one unknown, one twice, one missing, or one of the wrong kind.
pub(super) fn bind(method: &Method, params: Option<&RawValue>) -> Result<Bound, RpcError> {
    let given = match params {
        None => Vec::new(),
        Some(params) if params.get().starts_with('[') => by_position(method, params)?,
        Some(params) => by_name(method, params)?,
    };
    let mut values = Vec::with_capacity(method.params.len());
    for (at, param) in method.params.iter().enumerate() {
        // Clients that always send every parameter send null for what they leave out.
        let raw = given.iter().find(|(position, _)| *position == at).map(|(_, raw)| *raw);
        match raw.filter(|raw| raw.get() != "null") {
            Some(raw) => values.push(Some(value(param, raw)?)),
            None if param.required => return Err(invalid(format!("{} is missing", param.name))),
            None => values.push(None),
        }
    }
    Ok(Bound(values))
}

fn invalid(why: String) -> RpcError {
    RpcError::InvalidParams { why }
}

fn by_position<'a>(method: &Method, params: &'a RawValue) -> Result<Vec<(usize, &'a RawValue)>, RpcError> {
    let given = raw::elements(params, method.params.len()).map_err(|why| invalid(format!("{why}")))?;
    if given.has_more {
        return Err(invalid(format!("{} takes at most {} parameters", method.name, method.params.len())));
    }
    Ok(given.items.into_iter().enumerate().collect())
}

fn by_name<'a>(method: &Method, params: &'a RawValue) -> Result<Vec<(usize, &'a RawValue)>, RpcError> {
    // One more than there are, so that the first unknown one can be named.
    let given = raw::members(params, method.params.len().saturating_add(1)).map_err(|why| invalid(format!("{why}")))?;
    if let Some(name) = first_duplicate(&given.items) {
        return Err(invalid(format!("{} stands there twice", cut(name, NAME_BYTES_MAX))));
    }
    let mut known = Vec::new();
    for (name, raw) in &given.items {
        let Some(at) = method.params.iter().position(|param| param.name == name) else {
            return Err(unknown(method, name));
        };
        known.push((at, *raw));
    }
    Ok(known)
}

fn unknown(method: &Method, name: &str) -> RpcError {
    let shown = cut(name, NAME_BYTES_MAX);
    if method.params.is_empty() {
        return invalid(format!("{} takes no parameters, got {shown}", method.name));
    }
    match nearest(name, method.params.iter().map(|param| param.name)) {
        Some(meant) => invalid(format!("{} has no parameter {shown}; did you mean {meant}?", method.name)),
        None => invalid(format!("{} has no parameter {shown}", method.name)),
    }
}

fn value(param: &Param, raw: &RawValue) -> Result<Value, RpcError> {
    let value = match param.kind {
        ParamKind::Height => height(raw).map(Value::Height),
        ParamKind::Text => text_of(raw).map(Value::Text),
    };
    value.ok_or_else(|| invalid(format!("{} must be a {}", param.name, param.kind.words())))
}

/// Digits of `u64::MAX`.
const HEIGHT_DIGITS_MAX: usize = 20;

fn height(raw: &RawValue) -> Option<u64> {
    let digits = if raw.get().starts_with('"') { text_of(raw)? } else { String::from(raw.get()) };
    // The parser of the standard library takes a sign and any number of zeros before; a height has neither.
    let is_decimal = digits.len() <= HEIGHT_DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| digits.parse().ok()).flatten()
}
