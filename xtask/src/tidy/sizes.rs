//! Files stay small enough to read: aim at 400 lines without tests. `xtask/sizes.txt` lists those above, with the size
//! that they may not exceed; a listed size may only shrink.

use super::{File, Source, Violation};
use std::collections::BTreeMap;

const LIST: &str = "xtask/sizes.txt";
const LINES_AIM: usize = 400;
const LINES_MAX: usize = 800;

/// A listed file may be this much smaller than its row before the row must follow.
const SLACK: usize = 40;

pub(super) fn check(sources: &[Source], files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |path: &str, line: usize, what: String| {
        found.push(Violation { path: path.to_owned(), line, what });
    };
    let list = files.iter().find(|file| file.path == LIST).map_or("", |file| file.text.as_str());
    let mut rows = BTreeMap::new();
    for (n, row) in list.lines().enumerate().filter(|(_, row)| !row.starts_with('#') && !row.trim().is_empty()) {
        match row.split_once(' ').map(|(path, lines)| (path, lines.trim().parse::<usize>())) {
            Some((path, Ok(lines))) => {
                rows.insert(path, (n + 1, lines));
            }
            _ => report(LIST, n + 1, "not `PATH LINES`".to_owned()),
        }
    }
    for source in sources {
        let lines = source.lexed.code_lines;
        match rows.remove(source.path.as_str()) {
            _ if lines > LINES_MAX => {
                report(
                    &source.path,
                    0,
                    format!("{lines} lines without tests, no file may have more than {LINES_MAX}: split it"),
                );
            }
            None if lines > LINES_AIM => {
                report(
                    &source.path,
                    0,
                    format!(
                        "{lines} lines without tests, aim at {LINES_AIM}: split it, or say why not and list it in {LIST}"
                    ),
                );
            }
            Some((_, listed)) if lines > listed => {
                report(
                    &source.path,
                    0,
                    format!(
                        "{lines} lines without tests, listed with {listed} in {LIST}: a listed file may only shrink, so split it"
                    ),
                );
            }
            Some((row, _)) if lines <= LINES_AIM => {
                report(LIST, row, format!("{} has {lines} lines without tests: take the row out", source.path));
            }
            Some((row, listed)) if lines + SLACK < listed => {
                report(LIST, row, format!("{} has shrunk to {lines} lines without tests: lower the row", source.path));
            }
            _ => {}
        }
    }
    for (path, (row, _)) in rows {
        report(LIST, row, format!("{path} is no file: take the row out"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{File, sources};
    use expect_test::expect;

    #[test]
    fn growing_files_bite_and_rows_follow_shrinking_ones() {
        let list = "# PATH LINES\na.rs 500\nb.rs 500\nc.rs 500\nd.rs 700\nf.rs 900\nnonsense\n";
        let mut files = vec![File { path: super::LIST.to_owned(), text: list.to_owned() }];
        for (path, lines) in
            [("a.rs", 501), ("b.rs", 500), ("c.rs", 390), ("d.rs", 600), ("e.rs", 401), ("f.rs", 801), ("g.rs", 400)]
        {
            let tests = "#[cfg(test)]\nmod tests {\n\n\n}\n";
            files.push(File { path: path.to_owned(), text: "fn f() {}\n".repeat(lines) + tests });
        }
        let found: String = super::check(&sources(&files), &files).iter().map(|v| format!("{v}\n")).collect();
        expect![[r#"
            xtask/sizes.txt:7: not `PATH LINES`
            a.rs:0: 501 lines without tests, listed with 500 in xtask/sizes.txt: a listed file may only shrink, so split it
            xtask/sizes.txt:4: c.rs has 390 lines without tests: take the row out
            xtask/sizes.txt:5: d.rs has shrunk to 600 lines without tests: lower the row
            e.rs:0: 401 lines without tests, aim at 400: split it, or say why not and list it in xtask/sizes.txt
            f.rs:0: 801 lines without tests, no file may have more than 800: split it
        "#]].assert_eq(&found);
    }
}
