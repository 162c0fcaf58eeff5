//! Nothing is left for later, nothing is switched off, and no file knows the machine it was written on.

use super::{File, Source, Violation};

/// Marks of things left for later.
const LATER: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &["/home/", "/root/", "/Users/", "/work/", "C:\\Users\\"];

pub(super) fn check_source(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(Violation { path: source.path.clone(), line, what });
    for comment in &source.lexed.comments {
        if let Some(mark) = later(&comment.text) {
            report(comment.line, format!("`{mark}`: do it, or open an issue and leave the comment out"));
        }
    }
    let tokens = &source.lexed.tokens;
    for (i, token) in tokens.iter().enumerate() {
        let next = |n: usize| tokens.get(i + n).map_or("", |t| t.text.as_str());
        match token.text.as_str() {
            word @ ("todo" | "unimplemented") if next(1) == "!" => {
                report(token.line, format!("`{word}!`: write it, or leave the function out"));
            }
            "#" if next(1) == "[" && next(2) == "ignore" => {
                report(
                    token.line,
                    "`#[ignore]`: a test that does not run proves nothing; make it fast, or a command of its own"
                        .to_owned(),
                );
            }
            "sleep" if token.in_test && next(1) == "(" => {
                report(
                    token.line,
                    "`sleep` in a test: wait for the event itself, or let the test own the clock".to_owned(),
                );
            }
            _ => {}
        }
    }
    found
}

pub(super) fn check_file(file: &File) -> Vec<Violation> {
    // These words are this file's subject.
    if file.path == "xtask/src/tidy/words.rs" {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(Violation { path: file.path.clone(), line, what });
    let prose = !file.path.ends_with(".rs") && !file.path.ends_with(".json");
    for (n, line) in file.text.lines().enumerate() {
        if let Some(path) = MACHINE_PATHS.iter().find(|path| holds_path(line, path)) {
            report(
                n + 1,
                format!(
                    "`{path}` is a path of one machine; take it from an argument, the environment or the workspace root"
                ),
            );
        }
        if let Some(mark) = later(line).filter(|_| prose) {
            report(n + 1, format!("`{mark}`: do it, or open an issue and leave the mark out"));
        }
    }
    found
}

fn later(text: &str) -> Option<&'static str> {
    LATER.iter().copied().find(|mark| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == *mark))
}

/// Tells whether `line` names an absolute path that begins with `path`.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')' | '/' | '*' | '$')))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{File, bites};
    use expect_test::expect;

    #[test]
    fn things_left_for_later_bite() {
        let text = "// TODO: more\nfn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\n#[ignore]\n#[test]\nfn h() { std::thread::sleep(d); }\nfn i() { sleep(d); }";
        expect![[r#"
            crates/rushlight/src/lib.rs:1: `TODO`: do it, or open an issue and leave the comment out
            crates/rushlight/src/lib.rs:2: `todo!`: write it, or leave the function out
            crates/rushlight/src/lib.rs:3: `unimplemented!`: write it, or leave the function out
            crates/rushlight/src/lib.rs:4: `#[ignore]`: a test that does not run proves nothing; make it fast, or a command of its own
            crates/rushlight/src/lib.rs:6: `sleep` in a test: wait for the event itself, or let the test own the clock
        "#]].assert_eq(&bites(super::check_source, "crates/rushlight/src/lib.rs", text));
    }

    #[test]
    fn machine_paths_and_marks_in_prose_bite() {
        let text = "see `/home/anna/notes`\nFIXME later\nfine: docs/home/x, and so is https://a.example/root/x\n";
        let file = File { path: "docs/a.md".to_owned(), text: text.to_owned() };
        let found: String = super::check_file(&file).iter().map(|violation| format!("{violation}\n")).collect();
        expect![[r#"
            docs/a.md:1: `/home/` is a path of one machine; take it from an argument, the environment or the workspace root
            docs/a.md:2: `FIXME`: do it, or open an issue and leave the mark out
        "#]].assert_eq(&found);
    }
}
