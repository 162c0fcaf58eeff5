//! From the parameters that a client wrote to those that a method's row names.

use super::http::query;
use super::limits::NAME_BYTES_MAX;
use super::raw::{self, cut, nearest};
use super::request::first_duplicate;
use super::{Param, Row, RpcError};
use crate::base::{Hash, SubscriptionId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::value::RawValue;

/// Parameters of a call, in the types that the method's row gives them.
///
/// A parameter that was left out, or that the row does not have, is `None` to whoever asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    params: &'static [Param],
    values: Vec<Option<Value>>,
}

/// What a parameter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Of [`super::ParamKind::Height`].
    Height(u64),
    /// Of [`super::ParamKind::Count`].
    Count(u64),
    /// Of [`super::ParamKind::Bool`].
    Bool(bool),
    /// Of [`super::ParamKind::Hash`].
    Hash(Hash),
    /// Of [`super::ParamKind::Hex`] and [`super::ParamKind::Base64`].
    Bytes(Vec<u8>),
    /// Of [`super::ParamKind::Text`].
    Text(String),
    /// Of [`super::ParamKind::Json`]: JSON text.
    Json(String),
    /// Of [`super::ParamKind::Subscription`]; `None` when this client has no such subscription.
    Subscription(Option<SubscriptionId>),
}

impl Bound {
    /// Returns the height called `name`.
    pub fn height(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Height(height)) => Some(*height),
            _ => None,
        }
    }

    /// Returns the count called `name`.
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// Returns the yes or no called `name`.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.value(name) {
            Some(Value::Bool(is_so)) => Some(*is_so),
            _ => None,
        }
    }

    /// Returns the hash called `name`.
    pub fn hash(&self, name: &str) -> Option<Hash> {
        match self.value(name) {
            Some(Value::Hash(hash)) => Some(*hash),
            _ => None,
        }
    }

    /// Returns the bytes called `name`, which came in hex or in base64.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.value(name) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the text called `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the JSON text called `name`.
    pub fn json(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Json(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the subscription called `name`; `None` also when this client has no such subscription.
    pub fn subscription(&self, name: &str) -> Option<SubscriptionId> {
        match self.value(name) {
            Some(Value::Subscription(subscription)) => *subscription,
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let at = self.params.iter().position(|param| param.name == name);
        debug_assert!(at.is_some() || self.params.is_empty(), "no row has a parameter {name}");
        self.values.get(at?)?.as_ref()
    }
}

/// Reads `params` as `row` takes them.
/// # Errors
/// [`RpcError::InvalidParams`]: one too many, one unknown, one twice, one missing, or one of the wrong kind.
pub(super) fn bind(row: &'static Row, params: Option<&RawValue>) -> Result<Bound, RpcError> {
    let given = match params {
        None => Vec::new(),
        Some(params) if params.get().starts_with('[') => by_position(row, params)?,
        Some(params) => by_name(row, params)?,
    };
    let mut values = Vec::with_capacity(row.params.len());
    for (at, param) in row.params.iter().enumerate() {
        // Clients that always send every parameter send null for what they leave out.
        let raw = given.iter().find(|(position, _)| *position == at).map(|(_, raw)| *raw);
        match raw.filter(|raw| raw.get() != "null") {
            Some(raw) => values.push(Some(value(row, param, raw)?)),
            None if param.required => return Err(invalid(format!("{} is missing", param.name))),
            None => values.push(None),
        }
    }
    Ok(Bound { params: row.params, values })
}

/// Reads the query of a GET as `row` takes it. The first of several of one name counts, and an empty one is none.
/// # Errors
/// [`RpcError::InvalidParams`]: one unknown, one missing, or one of the wrong kind.
pub(super) fn bind_query(row: &'static Row, query: &str) -> Result<Bound, RpcError> {
    let given: Vec<(String, String)> = query::pairs(query).take(MEMBERS_READ_MAX).collect();
    if row.dialect.is_strict()
        && let Some((name, _)) = given.iter().find(|(name, _)| row.params.iter().all(|param| param.name != name))
    {
        return Err(unknown(row, name));
    }
    let mut values = Vec::with_capacity(row.params.len());
    for param in row.params {
        let text = given.iter().find(|(name, _)| name == param.name).map(|(_, text)| text.as_str());
        match text.filter(|text| !text.is_empty()) {
            Some(text) => {
                values.push(Some(row.dialect.read_query(param.kind, text).ok_or_else(|| not_of_kind(param))?))
            }
            None if param.required => return Err(invalid(format!("{} is missing", param.name))),
            None => values.push(None),
        }
    }
    Ok(Bound { params: row.params, values })
}

fn not_of_kind(param: &Param) -> RpcError {
    invalid(format!("{} must be a {}", param.name, param.kind.words()))
}

fn invalid(why: String) -> RpcError {
    RpcError::InvalidParams { why }
}

fn by_position<'a>(row: &Row, params: &'a RawValue) -> Result<Vec<(usize, &'a RawValue)>, RpcError> {
    let given = raw::elements(params, row.params.len()).map_err(|why| invalid(format!("{why}")))?;
    if given.has_more && row.dialect.is_strict() {
        return Err(invalid(format!("{} takes at most {} parameters", row.name, row.params.len())));
    }
    Ok(given.items.into_iter().enumerate().collect())
}

/// Parameters that are looked at where unknown ones are read over.
const MEMBERS_READ_MAX: usize = 64;

fn by_name<'a>(row: &Row, params: &'a RawValue) -> Result<Vec<(usize, &'a RawValue)>, RpcError> {
    // One more than there are, so that the first unknown one can be named.
    let most = if row.dialect.is_strict() { row.params.len().saturating_add(1) } else { MEMBERS_READ_MAX };
    let given = raw::members(params, most).map_err(|why| invalid(format!("{why}")))?;
    if given.has_more && !row.dialect.is_strict() {
        return Err(invalid(format!("at most {MEMBERS_READ_MAX} parameters are read")));
    }
    if let Some(name) = first_duplicate(&given.items) {
        return Err(invalid(format!("{} stands there twice", cut(name, NAME_BYTES_MAX))));
    }
    let mut known = Vec::new();
    for (name, raw) in &given.items {
        match row.params.iter().position(|param| param.name == name) {
            Some(at) => known.push((at, *raw)),
            None if row.dialect.is_strict() => return Err(unknown(row, name)),
            None => {}
        }
    }
    Ok(known)
}

fn unknown(row: &Row, name: &str) -> RpcError {
    let shown = cut(name, NAME_BYTES_MAX);
    if row.params.is_empty() {
        return invalid(format!("{} takes no parameters, got {shown}", row.name));
    }
    match nearest(name, row.params.iter().map(|param| param.name)) {
        Some(meant) => invalid(format!("{} has no parameter {shown}; did you mean {meant}?", row.name)),
        None => invalid(format!("{} has no parameter {shown}", row.name)),
    }
}

fn value(row: &Row, param: &Param, raw: &RawValue) -> Result<Value, RpcError> {
    let value = row.dialect.read(param.kind, raw.get());
    value.ok_or_else(|| not_of_kind(param))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Dialect, ParamKind, own};

    const fn param(name: &'static str, kind: ParamKind) -> Param {
        Param { name, kind, required: false, doc: "" }
    }

    static PARAMS: &[Param] = &[
        param("height", ParamKind::Height),
        param("count", ParamKind::Count),
        param("bool", ParamKind::Bool),
        param("hash", ParamKind::Hash),
        param("hex", ParamKind::Hex),
        param("base64", ParamKind::Base64),
        param("text", ParamKind::Text),
        param("json", ParamKind::Json),
        param("subscription", ParamKind::Subscription),
    ];

    #[derive(Debug)]
    struct Lenient;

    impl Dialect for Lenient {
        fn name(&self) -> &'static str {
            "lenient"
        }
        fn is_strict(&self) -> bool {
            false
        }
    }

    static STRICT: Row = Row { name: "m", params: PARAMS, ..own::STATUS };
    static LENIENT: Row = Row { name: "m", params: PARAMS, dialect: &Lenient, ..own::STATUS };

    fn bound(row: &'static Row, params: &str) -> Result<Bound, RpcError> {
        bind(row, Some(serde_json::from_str(params).unwrap()))
    }

    #[test]
    fn each_kind_of_parameter_is_read_and_what_is_not_of_its_kind_is_refused() {
        let hash = "AB".repeat(32);
        let bytes = Value::Bytes(alloc::vec![1, 0xab]);
        let all = [
            ("height", "7", Some(Value::Height(7))),
            ("height", r#""18446744073709551615""#, Some(Value::Height(u64::MAX))),
            ("height", "-7", None),
            ("height", r#""""#, None),
            ("count", r#""30""#, Some(Value::Count(30))),
            ("count", "1.5", None),
            ("bool", "true", Some(Value::Bool(true))),
            ("bool", "false", Some(Value::Bool(false))),
            ("bool", r#""true""#, None),
            ("bool", "1", None),
            ("hash", &format!(r#""{hash}""#), Some(Value::Hash(Hash([0xab; 32])))),
            ("hash", &format!(r#""0x{}""#, hash.to_ascii_lowercase()), Some(Value::Hash(Hash([0xab; 32])))),
            ("hash", r#""AB""#, None),
            ("hex", r#""01aB""#, Some(bytes.clone())),
            ("hex", r#""0x01ab""#, Some(bytes.clone())),
            ("hex", r#""""#, Some(Value::Bytes(Vec::new()))),
            ("hex", r#""0x1""#, None),
            ("hex", r#""0x0x""#, None),
            ("base64", r#""Aas=""#, Some(bytes)),
            ("base64", r#""Aas""#, None),
            ("text", r#""a\u0041""#, Some(Value::Text("aA".into()))),
            ("text", "1", None),
            ("json", r#"{"a":[1, 2]}"#, Some(Value::Json(r#"{"a":[1, 2]}"#.into()))),
            ("subscription", r#""5""#, Some(Value::Subscription(Some(SubscriptionId(5))))),
            ("subscription", r#""x""#, Some(Value::Subscription(None))),
            ("subscription", "5", None),
        ];
        for (name, raw, want) in all {
            let got = bound(&STRICT, &format!(r#"{{"{name}":{raw}}}"#));
            match want {
                Some(want) => assert_eq!(got.unwrap().value(name), Some(&want), "{name} {raw}"),
                None => assert!(matches!(got, Err(RpcError::InvalidParams { .. })), "{name} {raw}: {got:?}"),
            }
        }
    }

    #[test]
    fn what_was_left_out_or_null_is_nothing() {
        for params in ["{}", "[]", "[null]", r#"{"height":null}"#] {
            assert_eq!(bound(&STRICT, params).unwrap().height("height"), None, "{params}");
        }
    }

    #[test]
    fn a_dialect_that_is_not_strict_reads_over_what_it_does_not_know() {
        for (params, want) in [
            (r#"{"height":"5","prove":true}"#, Some(5)),
            (r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0,"height":5}"#, Some(5)),
            (r#"[5,1,true,null,null,null,null,null,null,"one more"]"#, Some(5)),
        ] {
            assert!(bound(&STRICT, params).is_err(), "{params}");
            assert_eq!(bound(&LENIENT, params).unwrap().height("height"), want, "{params}");
        }
        // A proxy that reads the first of two would let through what it meant to stop.
        assert!(bound(&LENIENT, r#"{"height":5,"height":6}"#).is_err());
        let many: Vec<_> = (0..=MEMBERS_READ_MAX).map(|at| format!(r#""p{at}":0"#)).collect();
        assert!(bound(&LENIENT, &format!("{{{}}}", many.join(","))).is_err());
    }
}
