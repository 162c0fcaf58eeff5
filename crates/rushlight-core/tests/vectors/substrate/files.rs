//! The files below the folder, and which of them a walker has read.

use flate2::read::GzDecoder;
use rushlight_core::codec::protobuf::{Field, Reader};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files by name, relative to the folder of the vectors. Reading one marks it as read.
pub struct Files {
    root: PathBuf,
    names: BTreeSet<String>,
    read: RefCell<BTreeSet<String>>,
}

impl Files {
    pub fn new(root: &Path, names: Vec<String>) -> Self {
        Self { root: root.to_path_buf(), names: names.into_iter().collect(), read: RefCell::default() }
    }

    /// Returns the folders that hold all of `wanted`.
    pub fn folders_with(&self, wanted: &[&str]) -> Vec<String> {
        let folders: BTreeSet<&str> = self.names.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();
        let holds = |folder: &&str| wanted.iter().all(|file| self.names.contains(&format!("{folder}/{file}")));
        folders.into_iter().filter(holds).map(str::to_string).collect()
    }

    /// Returns the names of files that end so, packed with gzip or not.
    pub fn ending(&self, end: &str) -> Vec<String> {
        let is_meant = |name: &&String| name.strip_suffix(".gz").unwrap_or(name).ends_with(end);
        self.names.iter().filter(is_meant).cloned().collect()
    }

    /// Takes back that a file was read: its content is of no kind that was looked for.
    pub fn unmark(&self, name: &str) {
        self.read.borrow_mut().remove(name);
    }

    /// Returns the names of all files for which `is` holds.
    pub fn names(&self, is: impl Fn(&str) -> bool) -> Vec<String> {
        self.names.iter().filter(|name| is(name)).cloned().collect()
    }

    /// Tells whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns the content of a file, unpacked if it is packed with gzip.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.read.borrow_mut().insert(name.to_string());
        let path = self.root.join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return bytes;
        }
        let mut unpacked = Vec::new();
        GzDecoder::new(&*bytes)
            .read_to_end(&mut unpacked)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        unpacked
    }

    /// Returns the JSON of a file.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the JSON of each line of a file.
    pub fn json_lines(&self, name: &str) -> Vec<Value> {
        let text = String::from_utf8(self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}"));
        text.lines().map(line).collect()
    }

    /// Returns the messages that a recorder got under the protocol that ends so.
    pub fn notifications(&self, name: &str, protocol: &str) -> Vec<Value> {
        let is_meant = |event: &Value| {
            event["event"] == "received" && event["protocol"].as_str().is_some_and(|of| of.ends_with(protocol))
        };
        self.json_lines(name).into_iter().filter(is_meant).collect()
    }

    /// Returns the files that nothing has read.
    pub fn unread(&self) -> Vec<String> {
        self.names.difference(&self.read.borrow()).cloned().collect()
    }
}

/// Returns the bytes of a hexadecimal text, with or without `0x`.
pub fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or_else(|| panic!("{text} is no text"));
    let text = text.strip_prefix("0x").unwrap_or(text);
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The fields of a protobuf message of a node. A field of another type than the one that is asked for is not there.
pub struct Message<'a>(Vec<Field<'a>>);

impl<'a> Message<'a> {
    /// Returns the fields that `bytes` hold.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes);
        let mut fields = Vec::new();
        while let Some(field) = reader.next().map_err(|error| error.to_string())? {
            fields.push(field);
        }
        Ok(Self(fields))
    }

    /// Returns the bytes of every field `number`.
    pub fn all(&self, number: u32) -> Vec<&'a [u8]> {
        let wanted = self.0.iter().filter(|field| field.number == number);
        wanted.filter_map(|field| field.bytes().ok()).collect()
    }

    /// Returns the bytes of the first field `number`.
    pub fn one(&self, number: u32) -> Option<&'a [u8]> {
        self.all(number).first().copied()
    }

    /// Returns the integer in field `number`, 0 if it is not there.
    pub fn uint(&self, number: u32) -> u64 {
        let field = self.0.iter().find(|field| field.number == number);
        field.and_then(|field| field.uint().ok()).unwrap_or(0)
    }

    /// Tells whether there is a field `number`.
    pub fn has(&self, number: u32) -> bool {
        self.0.iter().any(|field| field.number == number)
    }

    /// Returns all fields.
    pub fn fields(&self) -> &[Field<'a>] {
        &self.0
    }
}
