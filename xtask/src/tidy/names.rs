//! Names are the field's own words: nothing is called data, info, process, manager or util.

use super::{Source, Violation};

const FUNCTION_STARTS: &[(&str, &str)] = &[
    ("process_", "say what becomes of it: `verify_`, `decode_`, `handle_`, `adopt_`"),
    ("get_", "a function that returns a thing is named after the thing"),
];

const MODULES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "info", "data", "common", "misc"];

/// `Info` and `Data` are not among them: `NodeInfo`, `SyncInfo` and `Data` are CometBFT's own words.
const TYPE_ENDS: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils", "Processor"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(Violation { path: source.path.clone(), line, what });
    for pair in source.lexed.tokens.windows(2) {
        let (keyword, name, line) = (pair[0].text.as_str(), pair[1].text.as_str(), pair[1].line);
        match keyword {
            "fn" => {
                if let Some((start, remedy)) = FUNCTION_STARTS.iter().find(|(start, _)| name.starts_with(start)) {
                    report(line, format!("`fn {name}`: no function begins with `{start}`; {remedy}"));
                }
            }
            // Cargo's own idiom for what several test files share is `tests/common`.
            "mod" if MODULES.contains(&name) && !(name == "common" && pair[1].in_test) => {
                report(line, format!("`mod {name}` says nothing; name the module after what it decides or holds"));
            }
            "struct" | "enum" | "trait" => {
                if let Some(end) = TYPE_ENDS.iter().find(|end| name.ends_with(*end)) {
                    report(line, format!("`{name}`: `{end}` says nothing; use the field's own noun"));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::bites;
    use expect_test::expect;

    #[test]
    fn empty_names_bite() {
        let text = "fn process_block() {}\nfn get_head() {}\nmod utils;\nstruct PeerManager;\nenum HeaderProcessor {}\nfn target() {}\nmod database;";
        expect![[r#"
            crates/rushlight/src/lib.rs:1: `fn process_block`: no function begins with `process_`; say what becomes of it: `verify_`, `decode_`, `handle_`, `adopt_`
            crates/rushlight/src/lib.rs:2: `fn get_head`: no function begins with `get_`; a function that returns a thing is named after the thing
            crates/rushlight/src/lib.rs:3: `mod utils` says nothing; name the module after what it decides or holds
            crates/rushlight/src/lib.rs:4: `PeerManager`: `Manager` says nothing; use the field's own noun
            crates/rushlight/src/lib.rs:5: `HeaderProcessor`: `Processor` says nothing; use the field's own noun
        "#]].assert_eq(&bites(super::check, "crates/rushlight/src/lib.rs", text));
    }
}
