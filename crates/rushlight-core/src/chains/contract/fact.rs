//! Facts: what a family tells of itself beyond what all families have, by name.

use crate::base::{Hash, PeerId, UnixTime};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_json::{Map, Value};

/// Facts by name. A name is lower case with underscores: it is a member of JSON, a part of the names of metrics and a key in
/// the log, so once given it stays.
pub type Facts = Vec<(&'static str, Fact)>;

/// Something that a family tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It has a name, but is not known now: `null`.
    Unknown,
    /// One of the family's own words.
    Word(&'static str),
    /// A text, of which a peer may have written a part.
    Text(String),
    /// A number that goes up and down.
    Number(u64),
    /// A number that only grows, counted from the start of the chain.
    Count(u64),
    /// A height; in JSON a string of decimal digits, as all heights are.
    Height(u64),
    /// A hash.
    Hash(Hash),
    /// A peer.
    Peer(PeerId),
    /// A time.
    Time(UnixTime),
    /// Facts of one thing.
    Group(Facts),
}

impl Fact {
    /// Returns the number, count or height.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) | Self::Count(number) | Self::Height(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the time.
    pub fn time(&self) -> Option<UnixTime> {
        match self {
            Self::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// Returns the word or text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the fact as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Unknown => Value::Null,
            Self::Word(word) => (*word).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) | Self::Count(number) => (*number).into(),
            Self::Height(height) => height.to_string().into(),
            Self::Hash(hash) => hash.to_string().into(),
            Self::Peer(PeerId(peer)) => (*peer).into(),
            Self::Time(time) => time.to_rfc3339().into(),
            Self::Group(facts) => facts_json(facts).into(),
        }
    }
}

impl fmt::Display for Fact {
    /// Writes the fact for people. What a peer may have written is not escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) | Self::Count(number) | Self::Height(number) => write!(f, "{number}"),
            Self::Hash(hash) => write!(f, "{hash}"),
            Self::Peer(PeerId(peer)) => write!(f, "{peer}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::Group(facts) => {
                for (index, (name, fact)) in facts.iter().enumerate() {
                    write!(f, "{}{name}={fact}", if index == 0 { "" } else { " " })?;
                }
                Ok(())
            }
        }
    }
}

/// Returns facts as members of a JSON object.
pub(crate) fn facts_json(facts: &[(&'static str, Fact)]) -> Map<String, Value> {
    facts.iter().map(|(name, fact)| ((*name).to_string(), fact.to_json())).collect()
}

/// Returns the fact at a path of names joined by dots, as in `guarantee.witnesses_asked`.
pub fn fact_at<'f>(facts: &'f [(&'static str, Fact)], path: &str) -> Option<&'f Fact> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let fact = facts.iter().find(|(other, _)| *other == name).map(|(_, fact)| fact)?;
    match (rest, fact) {
        (None, fact) => Some(fact),
        (Some(rest), Fact::Group(facts)) => fact_at(facts, rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use expect_test::expect;

    fn facts() -> Facts {
        let witnesses = vec![("agreeing", Fact::Number(1)), ("height", Fact::Height(7))];
        vec![
            ("role", Fact::Word("leader")),
            ("node", Fact::Text("n\"1".into())),
            ("seen", Fact::Count(3)),
            ("ends", Fact::Time(UnixTime::new(60, 0).unwrap())),
            ("hash", Fact::Hash(Hash([0xab; 32]))),
            ("peer", Fact::Peer(PeerId(4))),
            ("witnesses", Fact::Group(witnesses)),
            ("later", Fact::Unknown),
        ]
    }

    #[test]
    fn each_kind_has_its_json_and_its_words() {
        let json = Value::from(facts_json(&facts())).to_string();
        expect![[r#"{"ends":"1970-01-01T00:01:00Z","hash":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB","later":null,"node":"n\"1","peer":4,"role":"leader","seen":3,"witnesses":{"agreeing":1,"height":"7"}}"#]]
            .assert_eq(&json);
        expect![[r#"role=leader node=n"1 seen=3 ends=1970-01-01T00:01:00Z hash=ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB peer=4 witnesses=agreeing=1 height=7 later=unknown"#]]
            .assert_eq(&Fact::Group(facts()).to_string());
    }

    #[test]
    fn facts_are_found_by_their_path() {
        let facts = facts();
        let number = |path| fact_at(&facts, path).and_then(Fact::number);
        assert_eq!((number("seen"), number("witnesses.height")), (Some(3), Some(7)));
        assert_eq!((number("height"), number("witnesses"), number("seen.height")), (None, None, None));
        assert_eq!(fact_at(&facts, "role").and_then(Fact::text), Some("leader"));
        assert_eq!(fact_at(&facts, "ends").and_then(Fact::time), UnixTime::new(60, 0).ok());
    }
}
