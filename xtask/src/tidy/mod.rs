//! The house rules that a machine can judge. Each rule is one file, says what is wrong *and the remedy*, and has a test
//! that it bites.

mod dependencies;
mod imports;
mod manifests;
mod names;
mod purity;
mod sizes;
mod words;

use crate::lexer::{Lexed, lex};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

/// Folders that hold nothing that people write.
const FOLDERS_SKIPPED: &[&str] = &[".git", "target", "node_modules", "corpus", "artifacts", "coverage", "vectors"];

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, seen from the root, with forward slashes.
    pub path: String,
    /// The line, counted from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong, and the remedy.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// What a check of a tree found.
#[derive(Debug)]
pub struct Report {
    /// How many files were read.
    pub files: usize,
    /// The broken rules, sorted.
    pub violations: Vec<Violation>,
}

/// A text file of the tree.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

/// A Rust file, cut up.
#[derive(Debug)]
struct Source {
    path: String,
    lexed: Lexed,
}

/// Checks the tree under `root` against every rule.
///
/// # Errors
/// Whatever the file system says when a file or folder cannot be read.
pub fn check_tree(root: &Path) -> io::Result<Report> {
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Report { files: files.len(), violations: check_files(&files) })
}

fn check_files(files: &[File]) -> Vec<Violation> {
    let sources = sources(files);
    let mut found = Vec::new();
    for source in &sources {
        found.extend(imports::check(source));
        found.extend(purity::check(source));
        found.extend(names::check(source));
        found.extend(words::check_source(source));
    }
    for file in files {
        found.extend(words::check_file(file));
    }
    found.extend(sizes::check(&sources, files));
    found.extend(manifests::check(files));
    found.extend(dependencies::check(files));
    found.sort();
    found.dedup();
    found
}

fn sources(files: &[File]) -> Vec<Source> {
    let rust = || files.iter().filter(|file| file.path.ends_with(".rs"));
    let mut test_modules = BTreeSet::new();
    for file in rust() {
        test_modules.extend(test_modules_declared(file));
    }
    rust()
        .map(|file| {
            let is_test = file.path.contains("/tests/")
                || test_modules.iter().any(|module| {
                    file.path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
                });
            Source { path: file.path.clone(), lexed: lex(&file.text, is_test) }
        })
        .collect()
}

/// Returns the paths, without `.rs`, of the modules that `file` declares under `#[cfg(test)]`.
fn test_modules_declared(file: &File) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let tokens = lex(&file.text, false).tokens;
    tokens
        .windows(3)
        .filter(|w| w[0].in_test && w[0].text == "mod" && w[2].text == ";")
        .map(|w| format!("{folder}/{}", w[1].text))
        .collect()
}

fn read_folder(folder: &Path, seen_from_root: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if seen_from_root.is_empty() { name.clone() } else { format!("{seen_from_root}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !FOLDERS_SKIPPED.contains(&name.as_str()) {
            read_folder(&entry.path(), &path, files)?;
        } else if kind.is_file() && is_text(&path) {
            files.push(File { path, text: std::fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    path.starts_with(".ci/") || matches!(ending, "rs" | "toml" | "md" | "sh" | "go" | "mjs" | "ts" | "txt" | "json")
}

/// Runs `rule` over one made-up Rust file and returns what it says, one line per violation.
#[cfg(test)]
fn bites(rule: fn(&Source) -> Vec<Violation>, path: &str, text: &str) -> String {
    let file = File { path: path.to_owned(), text: text.to_owned() };
    sources(&[file]).iter().flat_map(rule).map(|violation| format!("{violation}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_module_declared_for_tests_is_test_code() {
        let files = [
            ("crates/rushlight-core/src/peers/mod.rs", "#[cfg(test)]\nmod liars;"),
            ("crates/rushlight-core/src/peers/liars.rs", "use std::fs;"),
            ("crates/rushlight-core/src/peers/honest.rs", "use std::fs;"),
        ]
        .map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() });
        let found = check_files(&files);
        let places: Vec<_> = found.iter().filter(|v| v.what.contains("`std`")).map(|v| v.path.as_str()).collect();
        assert_eq!(places, ["crates/rushlight-core/src/peers/honest.rs"]);
    }
}
