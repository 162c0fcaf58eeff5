//! Keys of chain files and rules of bundles: which there are, what they hold, and the refusal of everything else.
//!
//! A description is a JSON object; a chain file is the same object in TOML. What is said here of a key is said nowhere else: the
//! readers of files only find the line of a refusal by its pointer.

use crate::codec::{duration, nearest};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use serde_json::{Map, Value};

/// The longest text of a wrong value that is repeated in a refusal, in characters.
pub const SHOWN_CHARS_MAX: usize = 100;

/// A key of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub is_required: bool,
    /// What is wanted there, in words that end a refusal.
    pub want: &'static str,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number from 0.
    Number,
    /// A time as text, such as `168h`.
    Duration,
    /// A list of texts; one text stands for a list of one.
    Texts,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// An object.
    Table(&'static [Key]),
}

/// Why the keys of a description are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key that means nothing.
    #[error("unknown key {:?}{}", dotted(pointer), hint(suggestion.as_deref(), known))]
    Unknown {
        /// The key's JSON pointer.
        pointer: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
        /// All keys that exist there.
        known: String,
    },
    /// A key is not there.
    #[error("the key {:?} is missing: {want}", dotted(pointer))]
    Missing {
        /// The key's JSON pointer.
        pointer: String,
        /// What it should hold.
        want: String,
    },
    /// A key holds something else than it should.
    #[error("{} is {got}, wanted {want}", dotted(pointer))]
    Wrong {
        /// The key's JSON pointer.
        pointer: String,
        /// What it holds.
        got: String,
        /// What it should hold.
        want: String,
    },
}

impl KeyError {
    /// Returns the JSON pointer of the key.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Unknown { pointer, .. } | Self::Missing { pointer, .. } | Self::Wrong { pointer, .. } => pointer,
        }
    }
}

/// Returns `/trust/hash` as `trust.hash`.
pub(crate) fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').chars().take(SHOWN_CHARS_MAX).collect::<String>().replace('/', ".")
}

fn hint(suggestion: Option<&str>, known: &str) -> String {
    match suggestion {
        Some(suggestion) => format!("; did you mean {suggestion:?}?"),
        None => format!("; known are {known}"),
    }
}

/// Returns a value as a refusal shows it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shown_text(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// Returns a text between quotes, cut to [`SHOWN_CHARS_MAX`].
pub(crate) fn shown_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// The members of a description, of which each has been found to be a known key that holds what it should.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'j> {
    members: &'j Map<String, Value>,
}

impl<'j> Fields<'j> {
    /// Checks that `members` are keys of `keys` and hold what these say, and that none is missing that must be there.
    /// # Errors
    /// [`KeyError`]. An unknown key is named before a missing one: most of the time they are the same, misspelt.
    pub fn checked(members: &'j Map<String, Value>, keys: &[Key]) -> Result<Self, KeyError> {
        check(members, keys, "")?;
        Ok(Self { members })
    }

    /// Returns the text at a key.
    pub fn text(&self, name: &str) -> Option<&'j str> {
        self.members.get(name)?.as_str()
    }

    /// Returns the number at a key.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.members.get(name)?.as_u64()
    }

    /// Returns the time at a key.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        duration(self.text(name)?)
    }

    /// Returns the texts at a key; none when it is not there.
    pub fn texts(&self, name: &str) -> Vec<&'j str> {
        match self.members.get(name) {
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => Vec::from([one.as_str()]),
            _ => Vec::new(),
        }
    }

    /// Returns the members of the object at a key.
    pub fn table(&self, name: &str) -> Option<Self> {
        Some(Self { members: self.members.get(name)?.as_object()? })
    }
}

/// Checks objects from the outer to the inner ones. Keys say how deep that goes, not what is written.
fn check(members: &Map<String, Value>, keys: &[Key], at: &str) -> Result<(), KeyError> {
    let known = || keys.iter().map(|key| key.name);
    let pointer = |name: &str| format!("{at}/{name}");
    if let Some(name) = members.keys().find(|name| !known().any(|key| key == *name)) {
        let suggestion = nearest(name, known()).map(|meant| dotted(&pointer(meant)));
        let known = known().collect::<Vec<_>>().join(", ");
        return Err(KeyError::Unknown { pointer: pointer(name), suggestion, known });
    }
    for key in keys {
        let pointer = pointer(key.name);
        match members.get(key.name) {
            None if key.is_required => return Err(KeyError::Missing { pointer, want: key.want.to_owned() }),
            None => {}
            Some(value) => check_value(value, key, pointer)?,
        }
    }
    Ok(())
}

fn check_value(value: &Value, key: &Key, pointer: String) -> Result<(), KeyError> {
    let is_text = |value: &Value| value.is_string();
    let is_good = match key.kind {
        Kind::Text => is_text(value),
        Kind::Number => value.is_u64(),
        Kind::Duration => value.as_str().is_some_and(|text| duration(text).is_some()),
        Kind::Texts => is_text(value) || value.as_array().is_some_and(|many| many.iter().all(is_text)),
        Kind::Choice(known) => {
            if value.as_str().is_some_and(|text| known.contains(&text)) {
                return Ok(());
            }
            return Err(KeyError::Wrong { pointer, got: shown(value), want: format!("one of {known:?}") });
        }
        Kind::Table(keys) => match value.as_object() {
            Some(members) => return check(members, keys, &pointer),
            None => false,
        },
    };
    if is_good { Ok(()) } else { Err(KeyError::Wrong { pointer, got: shown(value), want: key.want.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    const INNER: &[Key] = &[Key { name: "height", kind: Kind::Number, is_required: true, want: "a height" }];
    const KEYS: &[Key] = &[
        Key { name: "name", kind: Kind::Text, is_required: true, want: "a name" },
        Key { name: "period", kind: Kind::Duration, is_required: false, want: "a time such as \"10s\"" },
        Key { name: "urls", kind: Kind::Texts, is_required: false, want: "a list of URLs" },
        Key { name: "mode", kind: Kind::Choice(&["fast", "slow"]), is_required: false, want: "" },
        Key { name: "trust", kind: Kind::Table(INNER), is_required: false, want: "a table with height" },
    ];

    fn check_one(json: &Value, want: Expect) {
        let got = match Fields::checked(json.as_object().unwrap(), KEYS) {
            Ok(_) => "good".into(),
            Err(error) => format!("{} {error}", error.pointer()),
        };
        want.assert_eq(&got);
    }

    #[test]
    fn each_refusal_names_key_and_remedy() {
        check_one(&json!({ "name": "n", "urls": "one", "trust": { "height": 3 } }), expect!["good"]);
        check_one(&json!({ "nmae": "n" }), expect![[r#"/nmae unknown key "nmae"; did you mean "name"?"#]]);
        check_one(
            &json!({ "name": "n", "x": 1 }),
            expect![[r#"/x unknown key "x"; known are name, period, urls, mode, trust"#]],
        );
        check_one(&json!({}), expect![[r#"/name the key "name" is missing: a name"#]]);
        check_one(&json!({ "name": 5 }), expect!["/name name is 5, wanted a name"]);
        check_one(
            &json!({ "name": "n", "period": "10" }),
            expect![[r#"/period period is "10", wanted a time such as "10s""#]],
        );
        check_one(&json!({ "name": "n", "urls": ["a", 5] }), expect!["/urls urls is a list, wanted a list of URLs"]);
        check_one(
            &json!({ "name": "n", "mode": "slwo" }),
            expect![[r#"/mode mode is "slwo", wanted one of ["fast", "slow"]"#]],
        );
        check_one(&json!({ "name": "n", "trust": 5 }), expect!["/trust trust is 5, wanted a table with height"]);
        check_one(
            &json!({ "name": "n", "trust": {} }),
            expect![[r#"/trust/height the key "trust.height" is missing: a height"#]],
        );
        check_one(
            &json!({ "name": "n", "trust": { "height": -7 } }),
            expect!["/trust/height trust.height is -7, wanted a height"],
        );
        check_one(
            &json!({ "name": "n", "trust": { "heigth": 7 } }),
            expect![[r#"/trust/heigth unknown key "trust.heigth"; did you mean "trust.height"?"#]],
        );
    }

    #[test]
    fn what_was_checked_can_be_read() {
        let json = json!({ "name": "n", "period": "2m", "urls": "one", "trust": { "height": 3 } });
        let fields = Fields::checked(json.as_object().unwrap(), KEYS).unwrap();
        assert_eq!((fields.text("name"), fields.text("mode")), (Some("n"), None));
        assert_eq!(fields.duration("period"), Some(Duration::from_secs(120)));
        assert_eq!((fields.texts("urls"), fields.texts("name2")), (Vec::from(["one"]), Vec::new()));
        assert_eq!(fields.table("trust").and_then(|trust| trust.number("height")), Some(3));
    }

    #[test]
    fn long_values_are_cut() {
        let got = shown_text(&"x".repeat(SHOWN_CHARS_MAX + 1));
        assert_eq!(got.chars().count(), SHOWN_CHARS_MAX + 3);
        assert_eq!(shown_text("é"), "\"é\"");
    }
}
