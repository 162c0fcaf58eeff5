//! TOML files whose mistakes are pointed at: the line, what stands there, what is wanted.

use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How far a misspelt key may be from the one that was meant, in letters.
const TYPO_LETTERS_MAX: usize = 3;

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
    /// A key is not there.
    #[error("{}: the key {key:?} is missing: {want}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it should hold.
        want: String,
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

/// Returns the one of `known` that `word` is probably a misspelling of.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(letters, candidate)| *letters <= TYPO_LETTERS_MAX && *letters * 2 < candidate.len())
        .min_by_key(|(letters, _)| *letters)
        .map(|(_, candidate)| candidate)
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

    /// Parses the text.
    pub(crate) fn table(&self) -> Result<Table<'_>, FileError> {
        let table = DeTable::parse(&self.text).map_err(|error| FileError::NotToml {
            path: self.path.clone(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        Ok(Table { source: self, prefix: String::new(), entries: table.into_inner() })
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// A table of a file; values are taken out of it.
#[derive(Debug)]
pub(crate) struct Table<'s> {
    source: &'s Source,
    prefix: String,
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

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Returns the error that `key` is missing.
    pub(crate) fn missing(&self, key: &str, want: &str) -> FileError {
        FileError::Missing { path: self.source.path.clone(), key: self.name(key), want: want.to_owned() }
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
        let at = At { value: (), key: self.name(key), span: found.span() };
        match read(found.get_ref()) {
            Some(value) => Ok(Some(At { value, key: at.key, span: at.span })),
            None => Err(self.wrong(&at, shown(found.get_ref()), want)),
        }
    }

    /// Takes out a string.
    pub(crate) fn string(&mut self, key: &str, want: &str) -> Result<Option<At<String>>, FileError> {
        self.typed(key, want, |value| value.as_str().map(str::to_owned))
    }

    /// Takes out a whole number from 0.
    pub(crate) fn number(&mut self, key: &str, want: &str) -> Result<Option<At<u64>>, FileError> {
        self.typed(key, want, whole)
    }

    /// Takes out a list of strings; one string counts as a list of one.
    pub(crate) fn strings(&mut self, key: &str, want: &str) -> Result<Option<At<Vec<String>>>, FileError> {
        self.typed(key, want, |value| match value {
            DeValue::String(one) => Some(vec![one.clone().into_owned()]),
            DeValue::Array(many) => strings(many),
            _ => None,
        })
    }

    /// Takes out a string, a number or a boolean as text, or a list of those.
    pub(crate) fn texts(&mut self, key: &str, want: &str) -> Result<Option<At<Vec<String>>>, FileError> {
        self.typed(key, want, |value| match value {
            DeValue::Array(many) => many.iter().map(|item| scalar(item.get_ref())).collect(),
            one => scalar(one).map(|text| vec![text]),
        })
    }

    /// Takes out a table.
    pub(crate) fn table(&mut self, key: &str, want: &str) -> Result<Option<Table<'s>>, FileError> {
        let prefix = format!("{}.", self.name(key));
        let source = self.source;
        let table = self.typed(key, want, |value| value.as_table().cloned())?;
        Ok(table.map(|at| Table { source, prefix, entries: at.value }))
    }

    /// Refuses keys other than `known`: before anything else is read, so that a misspelt key is named as such and not
    /// as a missing one.
    pub(crate) fn check_keys(&self, known: &[&str]) -> Result<(), FileError> {
        let unknown = self.entries.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown.min_by_key(|(key, _)| key.span().start) else { return Ok(()) };
        Err(FileError::UnknownKey {
            path: self.source.path.clone(),
            line: self.source.line(key.span().start),
            key: self.name(key.get_ref()),
            suggestion: nearest(key.get_ref(), known.iter().copied()).map(|known| self.name(known)),
            known: known.join(", "),
        })
    }
}

fn strings(values: &DeArray<'_>) -> Option<Vec<String>> {
    values.iter().map(|value| value.get_ref().as_str().map(str::to_owned)).collect()
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
