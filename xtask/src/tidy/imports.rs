//! Imports in the core point one way: `base` <- `crypto` `codec` <- `work` <- `trie` `net` `peers` `rpc` `bundle` <- `vm` <-
//! `chains/FAMILY` <- `node`. Why, and what a family may know of its peers, is in `docs/decisions/002-import-direction.md`.
//!
//! Every path that begins with `crate` or `super` is looked at, wherever it stands, except in test code. Tidy reads no
//! more than paths: a `pub use` from another row would hide an edge and is forbidden for that reason.

use super::{Source, Violation};
use crate::lexer::Token;

const CORE: &str = "crates/rushlight-core/src/";

/// Modules and their rows. A module may use the rows below its own, and nothing of its own row but itself.
const ROWS: &[(&str, u8)] = &[
    ("base", 0),
    ("crypto", 1),
    ("codec", 1),
    ("work", 2),
    ("trie", 3),
    ("net", 3),
    ("peers", 3),
    ("rpc", 3),
    ("bundle", 3),
    ("vm", 4),
    ("chains", 5),
    ("node", 6),
];

/// What `chains` may take from `peers`: the words in which a family asks and is answered, and no machinery. Families
/// take them from `chains`.
const ASK_WORDS: &[&str] = &["Ask", "AskFailed", "HttpQuestion", "Oversize", "Question", "Reply", "To", "Verdict"];

const ROWS_AS_TEXT: &str = "base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md";

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let Some(inside) = source.path.strip_prefix(CORE) else { return Vec::new() };
    let home = module_of(inside);
    let mut found = Vec::new();
    for reference in references(&source.lexed.tokens, &home) {
        if let Some(what) = judge(&home, &reference) {
            found.push(Violation { path: source.path.clone(), line: reference.line, what });
        }
    }
    found
}

/// A path of this crate that some code names, from the crate's root.
#[derive(Debug)]
struct Reference {
    path: Vec<String>,
    line: usize,
    public_use: bool,
}

fn judge(home: &[String], reference: &Reference) -> Option<String> {
    let from = home.first().map_or("", String::as_str);
    let to = reference.path.first()?.as_str();
    let item = reference.path.get(1).map_or("", String::as_str);
    let shown = reference.path.join("::");
    let Some(row_to) = row(to) else {
        return (from != to).then(|| {
            format!("`crate::{shown}` is no module with a row; add `{to}` to the rows in xtask/src/tidy/imports.rs and to the map")
        });
    };
    if reference.public_use && from != to {
        return Some(format!(
            "`pub use` of `{shown}` from another row hides where it lives; let callers import `crate::{to}` themselves"
        ));
    }
    let row_from = row(from)?;
    if from == to {
        return foreign_family(home, &reference.path).map(|family| {
            format!(
                "a family uses another family, `{family}`; what both need sinks to trie, vm, crypto, codec or bundle"
            )
        });
    }
    if row_to >= row_from {
        return Some(format!(
            "`{from}` uses `{shown}`, which is not below it ({ROWS_AS_TEXT}); move what is shared down a row"
        ));
    }
    if from != "chains" {
        return None;
    }
    match (family_of(home), to) {
        (_, "net") => Some(
            "a chain uses `net`; whether a peer is a libp2p node or an endpoint is no business of a family".to_owned(),
        ),
        (Some(_), "peers") => Some(format!(
            "a family uses `{shown}`; take the words of asking from `crate::chains` ({})",
            ASK_WORDS.join(", ")
        )),
        (None, "peers") if !ASK_WORDS.contains(&item) => {
            Some(format!("`chains` uses `{shown}`; of `peers` it may know only {}", ASK_WORDS.join(", ")))
        }
        _ => None,
    }
}

fn row(module: &str) -> Option<u8> {
    ROWS.iter().find(|(name, _)| *name == module).map(|(_, row)| *row)
}

/// Returns the family's folder that a path inside `chains` lies in.
fn family_of(path: &[String]) -> Option<&str> {
    match path {
        [chains, family, ..] if chains == "chains" && is_family(family) => Some(family),
        _ => None,
    }
}

fn is_family(name: &str) -> bool {
    matches!(name, "substrate" | "tendermint" | "ecliptica" | "compute")
}

fn foreign_family<'a>(home: &[String], path: &'a [String]) -> Option<&'a str> {
    let ours = family_of(home)?;
    family_of(path).filter(|theirs| *theirs != ours)
}

/// Returns the module path of a file below `src`.
fn module_of(inside: &str) -> Vec<String> {
    let mut parts: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// Returns every path of this crate named outside test code. Inline modules are followed, for `super`.
fn references(tokens: &[Token], home: &[String]) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut here = home.to_vec();
    // Depth of braces at which each inline module ends.
    let mut inline_ends = Vec::new();
    let mut depth = 0usize;
    let mut use_is_public = None;
    let mut i = 0;
    while i < tokens.len() {
        let word = |n: usize| tokens.get(n).map_or("", |t| t.text.as_str());
        let follows_path = i > 0 && word(i - 1) == "::";
        match word(i) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if inline_ends.last() == Some(&depth) {
                    inline_ends.pop();
                    here.pop();
                }
            }
            ";" => use_is_public = None,
            "mod" if word(i + 2) == "{" => {
                inline_ends.push(depth);
                here.push(word(i + 1).to_owned());
            }
            "use" => use_is_public = Some(is_public(tokens, i)),
            "crate" | "super" | "self" if !follows_path && word(i + 1) == "::" && !tokens[i].in_test => {
                let (base, next) = path_start(tokens, i, &here);
                let mut leaves = Vec::new();
                leaves_of(tokens, next, base, &mut leaves);
                let public_use = use_is_public == Some(true);
                found.extend(leaves.into_iter().map(|(path, line)| Reference { path, line, public_use }));
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Tells whether the `use` at `i` has a `pub` of any reach in front.
fn is_public(tokens: &[Token], i: usize) -> bool {
    match i.checked_sub(1).map(|before| tokens[before].text.as_str()) {
        Some("pub") => true,
        // `pub(crate) use`: inside the crate it hides an edge as well as `pub use` does.
        Some(")") => tokens[..i].iter().rev().take(6).any(|t| t.text == "pub"),
        _ => false,
    }
}

/// Resolves `crate`, `self` and a chain of `super` that begins at `i`; returns the path and where its rest begins.
fn path_start(tokens: &[Token], i: usize, here: &[String]) -> (Vec<String>, usize) {
    let mut path = if tokens[i].text == "crate" { Vec::new() } else { here.to_vec() };
    if tokens[i].text == "super" {
        path.pop();
    }
    let mut next = i + 2;
    while tokens.get(next).is_some_and(|t| t.text == "super") {
        path.pop();
        next += 2;
    }
    (path, next)
}

/// Collects the paths of a use tree or plain path; a group in braces gives one path per member. Works off a list
/// instead of calling itself.
fn leaves_of(tokens: &[Token], start: usize, base: Vec<String>, leaves: &mut Vec<(Vec<String>, usize)>) {
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut path = base;
    let mut i = start;
    let word = |n: usize| tokens.get(n).map_or("", |t| t.text.as_str());
    loop {
        let Some(token) = tokens.get(i) else { return };
        match token.text.as_str() {
            "{" if i == start || word(i - 1) == "::" => {
                open.push(path.clone());
                i += 1;
            }
            "," | "}" if !open.is_empty() => {
                path.clone_from(&open[open.len() - 1]);
                if token.text == "}" {
                    open.pop();
                    if open.is_empty() {
                        return;
                    }
                }
                i += 1;
            }
            name if name == "*" || is_word(name) => {
                path.push(name.to_owned());
                i += 1;
                if word(i) == "::" {
                    i += 1;
                    continue;
                }
                leaves.push((path.clone(), token.line));
                if open.is_empty() {
                    return;
                }
                while !matches!(word(i), "," | "}" | ";" | "") {
                    i += 1;
                }
            }
            _ => {
                // `path::<T>` and the like: the path ends here.
                if open.is_empty() {
                    leaves.push((path, token.line));
                }
                return;
            }
        }
    }
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::bites;
    use expect_test::{Expect, expect};

    fn check(path: &str, text: &str, expect: Expect) {
        expect.assert_eq(&bites(super::check, &format!("crates/rushlight-core/src/{path}"), text));
    }

    #[test]
    fn upwards_and_sideways_bite() {
        check(
            "base/time.rs",
            "use crate::codec::json::Reader;",
            expect![[r#"
            crates/rushlight-core/src/base/time.rs:1: `base` uses `codec::json::Reader`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
        "#]],
        );
        check(
            "peers/mod.rs",
            "use crate::{base::Hash,\n rpc::{Answer, Call}};",
            expect![[r#"
            crates/rushlight-core/src/peers/mod.rs:2: `peers` uses `rpc::Answer`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
            crates/rushlight-core/src/peers/mod.rs:2: `peers` uses `rpc::Call`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
        "#]],
        );
        check(
            "codec/json.rs",
            "fn f() { let x = crate::crypto::sha256(b); }",
            expect![[r#"
            crates/rushlight-core/src/codec/json.rs:1: `codec` uses `crypto::sha256`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
        "#]],
        );
        check(
            "rpc/parse.rs",
            "use super::super::node::Node;",
            expect![[r#"
            crates/rushlight-core/src/rpc/parse.rs:1: `rpc` uses `node::Node`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
        "#]],
        );
        check(
            "rpc/mod.rs",
            "mod inner { use super::super::peers::Ask; }",
            expect![[r#"
            crates/rushlight-core/src/rpc/mod.rs:1: `rpc` uses `peers::Ask`, which is not below it (base <- crypto codec <- work <- trie net peers rpc bundle <- vm <- chains/FAMILY <- node; see docs/decisions/002-import-direction.md); move what is shared down a row
        "#]],
        );
    }

    #[test]
    fn downwards_and_at_home_are_free() {
        check("node/mod.rs", "use crate::{chains::tendermint, net, peers::Peers, rpc, vm};", expect![[r#""#]]);
        check(
            "chains/tendermint/sync.rs",
            "use crate::{chains::{Ask, Chain}, base::Hash, crypto::key, bundle, rpc, codec};",
            expect![[r#""#]],
        );
        check(
            "chains/tendermint/verify.rs",
            "use super::types::Header; use super::super::Work; pub use super::types::Commit;",
            expect![[r#""#]],
        );
        check("peers/mod.rs", "#[cfg(test)]\nmod tests { use crate::node::Node; }", expect![[r#""#]]);
        check("vm/mod.rs", "use crate::trie::patricia16;", expect![[r#""#]]);
    }

    #[test]
    fn what_a_family_must_not_know_bites() {
        check(
            "chains/tendermint/sync.rs",
            "use crate::peers::{Ask, To};",
            expect![[r#"
            crates/rushlight-core/src/chains/tendermint/sync.rs:1: a family uses `peers::Ask`; take the words of asking from `crate::chains` (Ask, AskFailed, HttpQuestion, Oversize, Question, Reply, To, Verdict)
            crates/rushlight-core/src/chains/tendermint/sync.rs:1: a family uses `peers::To`; take the words of asking from `crate::chains` (Ask, AskFailed, HttpQuestion, Oversize, Question, Reply, To, Verdict)
        "#]],
        );
        check(
            "chains/tendermint/sync.rs",
            "use crate::net::yamux;",
            expect![[r#"
            crates/rushlight-core/src/chains/tendermint/sync.rs:1: a chain uses `net`; whether a peer is a libp2p node or an endpoint is no business of a family
        "#]],
        );
        check(
            "chains/tendermint/sync.rs",
            "use crate::chains::substrate::Header;",
            expect![[r#"
            crates/rushlight-core/src/chains/tendermint/sync.rs:1: a family uses another family, `substrate`; what both need sinks to trie, vm, crypto, codec or bundle
        "#]],
        );
        check(
            "chains/tendermint/sync.rs",
            "use super::super::substrate;",
            expect![[r#"
            crates/rushlight-core/src/chains/tendermint/sync.rs:1: a family uses another family, `substrate`; what both need sinks to trie, vm, crypto, codec or bundle
        "#]],
        );
        check(
            "chains/mod.rs",
            "use crate::peers::{Ask, Scores};",
            expect![[r#"
            crates/rushlight-core/src/chains/mod.rs:1: `chains` uses `peers::Scores`; of `peers` it may know only Ask, AskFailed, HttpQuestion, Oversize, Question, Reply, To, Verdict
        "#]],
        );
    }

    #[test]
    fn hiding_an_edge_bites() {
        check(
            "chains/mod.rs",
            "pub use crate::crypto::PublicKey;",
            expect![[r#"
            crates/rushlight-core/src/chains/mod.rs:1: `pub use` of `crypto::PublicKey` from another row hides where it lives; let callers import `crate::crypto` themselves
        "#]],
        );
        check(
            "rpc/mod.rs",
            "pub(crate) use crate::base::Hash;",
            expect![[r#"
            crates/rushlight-core/src/rpc/mod.rs:1: `pub use` of `base::Hash` from another row hides where it lives; let callers import `crate::base` themselves
        "#]],
        );
        check(
            "lib.rs",
            "pub use crate::node::Node;",
            expect![[r#"
            crates/rushlight-core/src/lib.rs:1: `pub use` of `node::Node` from another row hides where it lives; let callers import `crate::node` themselves
        "#]],
        );
        check(
            "node/mod.rs",
            "use crate::helpers::x;",
            expect![[r#"
            crates/rushlight-core/src/node/mod.rs:1: `crate::helpers::x` is no module with a row; add `helpers` to the rows in xtask/src/tidy/imports.rs and to the map
        "#]],
        );
    }
}
