//! The core has no standard library, clock, randomness, log or hash map outside tests.

use super::{Source, Violation};
use crate::lexer::Token;

const CORE: &str = "crates/rushlight-core/src/";

/// Words that must not stand in the core, and the remedy.
const FORBIDDEN: &[(&str, &str)] = &[
    ("HashMap", "its order depends on a random seed or invites hash flooding; use `BTreeMap`"),
    ("HashSet", "its order depends on a random seed or invites hash flooding; use `BTreeSet`"),
    ("hashbrown", "its order is no part of its contract; use `BTreeMap`"),
    ("SystemTime", "the core has no clock; take `base::Now` as an argument"),
    ("getrandom", "the core has no randomness but the node's seed; take a seeded generator as an argument"),
    ("OsRng", "the core has no randomness but the node's seed; take a seeded generator as an argument"),
    ("SysRng", "the core has no randomness but the node's seed; take a seeded generator as an argument"),
    ("thread_rng", "the core has no randomness but the node's seed; take a seeded generator as an argument"),
];

/// Macros that must not be called in the core, and the remedy.
const MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Crates that must not be used in the core, and the remedy.
const CRATES: &[(&str, &str)] = &[
    ("std", "the core is no_std and owns no file, socket, thread or clock; use `core` or `alloc`, or emit an `Output`"),
    ("log", "the core writes no log; emit a `Notice`"),
    ("tracing", "the core writes no log; emit a `Notice`"),
];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with(CORE) {
        return Vec::new();
    }
    let tokens = &source.lexed.tokens;
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate().filter(|(_, token)| !token.in_test) {
        let word = token.text.as_str();
        let next = tokens.get(i + 1).map_or("", |t| t.text.as_str());
        let remedy = FORBIDDEN
            .iter()
            .find(|(name, _)| *name == word)
            .or_else(|| CRATES.iter().find(|(name, _)| *name == word && is_crate(tokens, i)))
            .map(|(_, remedy)| *remedy)
            .or_else(|| (MACROS.contains(&word) && next == "!").then_some("the core prints nothing; emit a `Notice`"));
        if let Some(remedy) = remedy {
            found.push(Violation {
                path: source.path.clone(),
                line: token.line,
                what: format!("`{word}` in the core: {remedy}"),
            });
        }
    }
    if source.path == "crates/rushlight-core/src/lib.rs" {
        for (words, text) in [(["no_std", "]"], "#![no_std]"), (["unsafe_code", ")"], "#![forbid(unsafe_code)]")] {
            if !tokens.windows(2).any(|w| w[0].text == words[0] && w[1].text == words[1]) {
                found.push(Violation { path: source.path.clone(), line: 0, what: format!("put `{text}` back") });
            }
        }
    }
    found
}

/// Tells whether the word at `i` begins a path or is named by `extern crate` or `use`.
fn is_crate(tokens: &[Token], i: usize) -> bool {
    let word = |n: usize| tokens.get(n).map_or("", |t| t.text.as_str());
    let before = if i == 0 { "" } else { word(i - 1) };
    (word(i + 1) == "::" && before != "::") || before == "crate" || (before == "use" && word(i + 1) == ";")
}

#[cfg(test)]
mod tests {
    use super::super::bites;
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&bites(super::check, "crates/rushlight-core/src/node/mod.rs", text));
    }

    #[test]
    fn std_bites() {
        check(
            "use std::collections::BTreeMap;",
            expect![[r#"
            crates/rushlight-core/src/node/mod.rs:1: `std` in the core: the core is no_std and owns no file, socket, thread or clock; use `core` or `alloc`, or emit an `Output`
        "#]],
        );
        check(
            "extern crate std;",
            expect![[r#"
            crates/rushlight-core/src/node/mod.rs:1: `std` in the core: the core is no_std and owns no file, socket, thread or clock; use `core` or `alloc`, or emit an `Output`
        "#]],
        );
    }

    #[test]
    fn maps_randomness_logs_and_prints_bite() {
        check(
            "use hashbrown::HashMap;\nlet s: HashSet<u8>;\nOsRng.fill(&mut b);\nlog::warn!(\"\");\nprintln!(\"\");\nlet t: SystemTime;",
            expect![[r#"
                crates/rushlight-core/src/node/mod.rs:1: `hashbrown` in the core: its order is no part of its contract; use `BTreeMap`
                crates/rushlight-core/src/node/mod.rs:1: `HashMap` in the core: its order depends on a random seed or invites hash flooding; use `BTreeMap`
                crates/rushlight-core/src/node/mod.rs:2: `HashSet` in the core: its order depends on a random seed or invites hash flooding; use `BTreeSet`
                crates/rushlight-core/src/node/mod.rs:3: `OsRng` in the core: the core has no randomness but the node's seed; take a seeded generator as an argument
                crates/rushlight-core/src/node/mod.rs:4: `log` in the core: the core writes no log; emit a `Notice`
                crates/rushlight-core/src/node/mod.rs:5: `println` in the core: the core prints nothing; emit a `Notice`
                crates/rushlight-core/src/node/mod.rs:6: `SystemTime` in the core: the core has no clock; take `base::Now` as an argument
            "#]],
        );
    }

    #[test]
    fn tests_strings_comments_and_other_crates_are_free() {
        check(
            "#[cfg(test)]\nextern crate std;\n// std::fs\nlet s = \"std::fs\"; a.log(2); core::mem::swap(a, b);",
            expect![],
        );
        let elsewhere = bites(super::check, "crates/rushlight/src/lib.rs", "use std::collections::HashMap;");
        assert_eq!(elsewhere, "");
    }

    #[test]
    fn the_core_stays_no_std_and_safe() {
        expect![[r#"
            crates/rushlight-core/src/lib.rs:0: put `#![no_std]` back
            crates/rushlight-core/src/lib.rs:0: put `#![forbid(unsafe_code)]` back
        "#]]
        .assert_eq(&bites(super::check, "crates/rushlight-core/src/lib.rs", "pub mod base;"));
    }
}
