//! A verifier has a test per broken rule: every variant of the errors of Substrate chains and of tries is met in a test, by its
//! name or by its words.

use std::path::Path;

/// Where the verifiers stand, below the core.
const FOLDERS: [&str; 2] = ["src/chains/substrate", "src/trie/patricia16"];

/// Words of a message that are too few to tell it from others.
const WORDS_BYTES_MIN: usize = 10;

fn read(folder: &Path, found: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source is text");
            found.push((path.display().to_string(), text));
        }
    }
}

/// Returns name and message of each variant of an enum whose body is `body`.
fn variants(body: &str) -> Vec<(String, String)> {
    let (mut found, mut message, mut in_message) = (Vec::new(), String::new(), false);
    for line in body.lines() {
        in_message |= line.starts_with("    #[error(");
        if in_message {
            message.push_str(line);
            in_message = !line.ends_with(")]");
        } else if line.starts_with("    ") && line[4..].starts_with(|c: char| c.is_ascii_uppercase()) {
            let name = line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            found.push((name.to_owned(), std::mem::take(&mut message)));
        }
    }
    found
}

/// Returns the parts of a message between what is put into it.
fn words(message: &str) -> Vec<&str> {
    let text = message.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or("", |(text, _)| text);
    let parts = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    parts.filter(|part| part.len() >= WORDS_BYTES_MIN).collect()
}

fn is_named(tests: &str, name: &str) -> bool {
    tests.match_indices(name).any(|(at, _)| {
        let after = tests[at + name.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn every_error_of_a_verifier_is_met_in_a_test() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/rushlight-core");
    let (mut all, mut sources) = (Vec::new(), Vec::new());
    read(&core.join("src"), &mut all);
    FOLDERS.iter().for_each(|folder| read(&core.join(folder), &mut sources));
    let mut tests = String::new();
    for (path, text) in &all {
        let begin = if path.ends_with("tests.rs") { Some(0) } else { text.find("#[cfg(test)]") };
        tests.push_str(begin.map_or("", |begin| &text[begin..]));
    }
    let mut files = Vec::new();
    read(&core.join("tests"), &mut files);
    // What is recorded may not be there when tests run.
    for (_, text) in files.iter().filter(|(path, _)| !path.contains("/tests/vectors/")) {
        tests.push_str(text);
    }
    let (mut missing, mut count) = (Vec::new(), 0);
    for (_, text) in &sources {
        for derived in text.split("thiserror::Error)]").skip(1) {
            let Some((_, rest)) = derived.split_once("pub enum ").filter(|(before, _)| before.len() < 200) else {
                continue;
            };
            let name = rest.split([' ', '<']).next().unwrap_or_default();
            let body = rest.split("\n}").next().unwrap_or_default();
            for (variant, message) in variants(body) {
                count += 1;
                let full = format!("{name}::{variant}");
                if !is_named(&tests, &full) && !words(&message).iter().any(|part| tests.contains(part)) {
                    missing.push(full);
                }
            }
        }
    }
    assert!(missing.is_empty(), "no test meets {}: break the rule in one", missing.join(", "));
    assert!(count > 150, "{count} variants were found");
}
