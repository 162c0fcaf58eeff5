//! TOML files whose mistakes are pointed at: the line, what stands there, what is wanted.

use rushlight_core::codec::nearest;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How deep tables and lists may lie within each other: no description of a chain needs half of it.
const DEPTH_MAX: usize = 16;

/// Why a TOML file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The file is too large.
    #[error("{}: {got} bytes, allowed are {FILE_BYTES_MAX}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        got: u64,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not TOML: {why}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A key that means nothing.
    #[error("{}:{line}: unknown key {key:?}{}", path.display(), hint(suggestion.as_deref(), known))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
        /// All keys that exist there.
        known: String,
    },
    /// What the file says is refused by whoever it is for.
    #[error("{}{}: {why}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The line, from 1; `None` when it is about what is not there.
        line: Option<usize>,
        /// The broken rule, in words.
        why: String,
    },
    /// A key holds something else than it should.
    #[error("{}:{line}: {key} is {got}, wanted {want}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// What it holds.
        got: String,
        /// What it should hold.
        want: String,
    },
}

fn hint(suggestion: Option<&str>, known: &str) -> String {
    match suggestion {
        Some(suggestion) => format!("; did you mean {suggestion:?}?"),
        None => format!("; known are {known}"),
    }
}

/// The text of a TOML file.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable =
            |error: std::io::Error| FileError::Unreadable { path: path.to_owned(), why: error.to_string() };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { path: path.to_owned(), got: size });
        }
        Ok(Self { path: path.to_owned(), text: std::fs::read_to_string(path).map_err(unreadable)? })
    }

    /// Takes the text of a file that was read elsewhere.
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Parses the text into JSON of the same shape.
    pub(crate) fn document(&self) -> Result<Document<'_>, FileError> {
        let table = self.parsed()?;
        let mut starts = BTreeMap::new();
        let mut members = Map::new();
        for (key, value) in &table {
            let pointer = format!("/{}", key.get_ref());
            members.insert(key.get_ref().to_string(), self.to_json(key.span().start, value, pointer, &mut starts)?);
        }
        Ok(Document { source: self, json: Value::Object(members), starts })
    }

    /// Returns a value as JSON, and notes where it and all within it begins.
    fn to_json(
        &self,
        start: usize,
        value: &Spanned<DeValue<'_>>,
        pointer: String,
        starts: &mut BTreeMap<String, usize>,
    ) -> Result<Value, FileError> {
        let wrong = |want: &str| FileError::Wrong {
            path: self.path.clone(),
            line: self.line(start),
            key: pointer.trim_start_matches('/').replace('/', "."),
            got: shown(value.get_ref()),
            want: want.to_owned(),
        };
        let json = match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(is) => Value::from(*is),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .ok()
                .and_then(|n| u64::try_from(n).map(Value::from).or_else(|_| i64::try_from(n).map(Value::from)).ok())
                .ok_or_else(|| wrong("a number of at most 64 bits"))?,
            DeValue::Array(_) | DeValue::Table(_) if pointer.matches('/').count() >= DEPTH_MAX => {
                return Err(wrong("fewer tables and lists within each other"));
            }
            DeValue::Array(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.to_json(item.span().start, item, format!("{pointer}/{index}"), starts));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => {
                let mut members = Map::new();
                for (key, item) in table {
                    let within = format!("{pointer}/{}", key.get_ref());
                    members.insert(key.get_ref().to_string(), self.to_json(key.span().start, item, within, starts)?);
                }
                Value::Object(members)
            }
            DeValue::Float(_) | DeValue::Datetime(_) => return Err(wrong("a text between quotes, or a whole number")),
        };
        starts.insert(pointer, start);
        Ok(json)
    }

    fn parsed(&self) -> Result<DeTable<'_>, FileError> {
        let table = DeTable::parse(&self.text).map_err(|error| FileError::NotToml {
            path: self.path.clone(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        Ok(table.into_inner())
    }

    /// Parses the text.
    pub(crate) fn table(&self) -> Result<Table<'_>, FileError> {
        Ok(Table { source: self, entries: self.parsed()? })
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// A file as JSON, in which each value has the line of its key.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    source: &'s Source,
    /// The file as JSON.
    pub(crate) json: Value,
    /// Where each value begins, by its JSON pointer.
    starts: BTreeMap<String, usize>,
}

impl Document<'_> {
    /// Returns the error that what stands at the JSON pointer is refused. Of what is not there the table around it is named.
    pub(crate) fn refused(&self, pointer: &str, why: String) -> FileError {
        let mut around = pointer;
        while let Some((outer, _)) = around.rsplit_once('/')
            && !self.starts.contains_key(around)
        {
            around = outer;
        }
        let line = self.starts.get(around).map(|start| self.source.line(*start));
        FileError::Refused { path: self.source.path.clone(), line, why }
    }
}

/// A table of a file; values are taken out of it.
#[derive(Debug)]
pub(crate) struct Table<'s> {
    source: &'s Source,
    entries: DeTable<'s>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    key: String,
    span: Range<usize>,
}

impl<'s> Table<'s> {
    fn take(&mut self, key: &str) -> Option<Spanned<DeValue<'s>>> {
        self.entries.remove(key)
    }

    /// Returns the error that what stands at `at` is not what is wanted.
    pub(crate) fn wrong<T>(&self, at: &At<T>, got: impl Into<String>, want: impl Into<String>) -> FileError {
        FileError::Wrong {
            path: self.source.path.clone(),
            line: self.source.line(at.span.start),
            key: at.key.clone(),
            got: got.into(),
            want: want.into(),
        }
    }

    fn typed<T>(
        &mut self,
        key: &str,
        want: &str,
        read: impl FnOnce(&DeValue<'s>) -> Option<T>,
    ) -> Result<Option<At<T>>, FileError> {
        let Some(found) = self.take(key) else { return Ok(None) };
        let at = At { value: (), key: key.to_owned(), span: found.span() };
        match read(found.get_ref()) {
            Some(value) => Ok(Some(At { value, key: at.key, span: at.span })),
            None => Err(self.wrong(&at, shown(found.get_ref()), want)),
        }
    }

    /// Takes out a string, a number or a boolean as text, or a list of those.
    pub(crate) fn texts(&mut self, key: &str, want: &str) -> Result<Option<At<Vec<String>>>, FileError> {
        self.typed(key, want, |value| match value {
            DeValue::Array(many) => many.iter().map(|item| scalar(item.get_ref())).collect(),
            one => scalar(one).map(|text| vec![text]),
        })
    }

    /// Refuses keys other than `known`: before anything else is read, so that a misspelt key is named as such and not
    /// as a missing one.
    pub(crate) fn check_keys(&self, known: &[&str]) -> Result<(), FileError> {
        let unknown = self.entries.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown.min_by_key(|(key, _)| key.span().start) else { return Ok(()) };
        Err(FileError::UnknownKey {
            path: self.source.path.clone(),
            line: self.source.line(key.span().start),
            key: key.get_ref().to_string(),
            suggestion: nearest(key.get_ref(), known.iter().copied()).map(str::to_owned),
            known: known.join(", "),
        })
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(_) => whole(value).map(|number| number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        other => format!("a TOML {}", other.type_str()),
    }
}
