//! Every crate takes the workspace's lints, and these demand documentation and forbid `unsafe`.

use super::{File, Violation};

const NEEDED: &[(&str, &str)] = &[
    ("missing_docs = \"deny\"", "every public item is documented"),
    ("unsafe_code = \"forbid\"", "only a crate with a reason takes it back, for itself"),
    ("todo = \"deny\"", "nothing is left for later"),
];

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml")) {
        let mut report = |what: String| found.push(Violation { path: file.path.clone(), line: 0, what });
        if file.path == "Cargo.toml" {
            for (lint, why) in NEEDED.iter().filter(|(lint, _)| !file.text.contains(lint)) {
                report(format!("put the lint `{lint}` back: {why}"));
            }
        } else if is_member(&file.text) && !takes_workspace_lints(&file.text) {
            report("add `[lints]` with `workspace = true`, so that the workspace's lints hold here too".to_owned());
        }
    }
    found
}

/// A manifest with a `[workspace]` of its own (fuzz, bench/versus) is no member.
fn is_member(manifest: &str) -> bool {
    !manifest.lines().any(|line| line.trim() == "[workspace]")
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.find(|line| !line.is_empty() && !line.starts_with('#')) == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use expect_test::expect;

    #[test]
    fn missing_lints_bite() {
        let files = [
            ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"forbid\"\ntodo = \"deny\""),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\""),
            ("crates/b/Cargo.toml", "[lints]\nworkspace = true"),
            ("fuzz/Cargo.toml", "[package]\n[workspace]"),
        ]
        .map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() });
        let found: String = super::check(&files).iter().map(|v| format!("{v}\n")).collect();
        expect![[r#"
            Cargo.toml:0: put the lint `missing_docs = "deny"` back: every public item is documented
            crates/a/Cargo.toml:0: add `[lints]` with `workspace = true`, so that the workspace's lints hold here too
        "#]]
        .assert_eq(&found);
    }
}
