//! Every direct dependency has a row in `docs/decisions/dependencies.md`: who keeps it, why this one, what it costs, what
//! is known against it.

use super::{File, Violation};
use std::collections::{BTreeMap, BTreeSet};

const LIST: &str = "docs/decisions/dependencies.md";

/// Columns of a row: name, used by, who keeps it, why, size and no_std, audits and advisories.
const COLUMNS: usize = 6;

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let list = files.iter().find(|file| file.path == LIST).map_or("", |file| file.text.as_str());
    let mut found = Vec::new();
    let mut rows = BTreeMap::new();
    for (n, line) in list.lines().enumerate().filter(|(_, line)| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').to_owned();
        let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
        if cells.len() != COLUMNS || filled != COLUMNS {
            let what = format!("the row of `{name}` needs {COLUMNS} filled cells, it has {filled}");
            found.push(Violation { path: LIST.to_owned(), line: n + 1, what });
        }
        rows.insert(name, n + 1);
    }
    let mut used = BTreeSet::new();
    for file in files.iter().filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml")) {
        for (name, line) in direct_dependencies(&file.text) {
            if !rows.contains_key(&name) {
                let what = format!(
                    "`{name}` has no row in {LIST}: say who keeps it, why this one, its size, whether it is no_std, audits and advisories"
                );
                found.push(Violation { path: file.path.clone(), line, what });
            }
            used.insert(name);
        }
    }
    for (name, line) in rows.iter().filter(|(name, _)| !used.contains(*name)) {
        let what = format!("no manifest depends on `{name}`: take the row out");
        found.push(Violation { path: LIST.to_owned(), line: *line, what });
    }
    found
}

/// Returns name and line of every dependency of a manifest that is not a crate of our own.
fn direct_dependencies(manifest: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut in_table = false;
    // Open braces and brackets of a value that goes on over several lines.
    let mut open = 0isize;
    for (n, line) in manifest.lines().map(str::trim).enumerate() {
        let goes_on = open > 0;
        if in_table && !line.starts_with('[') || goes_on {
            open +=
                line.chars().map(|c| matches!(c, '{' | '[') as isize - matches!(c, '}' | ']') as isize).sum::<isize>();
        }
        if goes_on {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (table, name) = header.rsplit_once("dependencies").unwrap_or((header, "-"));
            in_table = name.is_empty() && (table.is_empty() || table.ends_with(['.', '-']));
            if let Some(name) = name.strip_prefix('.') {
                found.push((name.to_owned(), n + 1));
            }
        } else if in_table && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or(line);
            if !line.contains("path =") && !name.starts_with("rushlight") {
                found.push((name.to_owned(), n + 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use expect_test::expect;

    #[test]
    fn unlisted_dependencies_and_stale_rows_bite() {
        let files = [
            ("Cargo.toml", "[workspace.dependencies]\nrushlight = { path = \"x\" }\nserde = \"1\"\n[profile.release]\nlto = 1"),
            ("a/Cargo.toml", "[dependencies]\nsha2.workspace = true\n[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[dependencies.big]\nversion = \"1\""),
            ("fuzz/Cargo.toml", "[dev-dependencies]\nfast = { version = \"1\",\n  features = [\n  \"x=y\",\n] }\n"),
            (super::LIST, "| `serde` | a | b | c | d | e |\n| `sha2` | a | b | | d | e |\n| `old` | a | b | c | d | e |\n"),
        ]
        .map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() });
        let found: String = super::check(&files).iter().map(|v| format!("{v}\n")).collect();
        expect![[r#"
            docs/decisions/dependencies.md:2: the row of `sha2` needs 6 filled cells, it has 5
            a/Cargo.toml:4: `libc` has no row in docs/decisions/dependencies.md: say who keeps it, why this one, its size, whether it is no_std, audits and advisories
            a/Cargo.toml:5: `big` has no row in docs/decisions/dependencies.md: say who keeps it, why this one, its size, whether it is no_std, audits and advisories
            fuzz/Cargo.toml:2: `fast` has no row in docs/decisions/dependencies.md: say who keeps it, why this one, its size, whether it is no_std, audits and advisories
            docs/decisions/dependencies.md:3: no manifest depends on `old`: take the row out
        "#]].assert_eq(&found);
    }
}
