//! Rust text cut into words, marks and comments, with line numbers, and with test code told apart.
//!
//! It is a lexer and no parser: enough to see paths, item names and attributes without taking a comment or a string
//! for code. What a macro writes into the program is not seen, only what stands in the file.

/// A word or mark of Rust code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
    /// Whether it stands in an item that is only compiled for tests.
    pub in_test: bool,
}

/// A comment of any kind, or one line of a block comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub text: String,
    pub line: usize,
}

/// A file cut up.
#[derive(Debug)]
pub(crate) struct Lexed {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
    /// Lines of the file that are not part of test items.
    pub code_lines: usize,
}

/// Cuts `text` up. `all_test` marks everything as test code.
pub(crate) fn lex(text: &str, all_test: bool) -> Lexed {
    let (mut tokens, comments) = cut(text);
    let lines = text.lines().count();
    let mut test_lines = vec![all_test; lines + 2];
    for (from, to) in test_items(&tokens) {
        let first = tokens[from].line;
        let last = tokens[to].line;
        test_lines[first..=last].fill(true);
        for token in &mut tokens[from..=to] {
            token.in_test = true;
        }
    }
    if all_test {
        tokens.iter_mut().for_each(|token| token.in_test = true);
    }
    let code_lines = (1..=lines).filter(|&line| !test_lines[line]).count();
    Lexed { tokens, comments, code_lines }
}

fn cut(text: &str) -> (Vec<Token>, Vec<Comment>) {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut comments) = (Vec::new(), Vec::new());
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let c = chars[i];
        let start = i;
        let start_line = line;
        if c == '\n' {
            line += 1;
            i += 1;
        } else if c.is_whitespace() {
            i += 1;
        } else if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
            comments.push(Comment { text: chars[start..i].iter().collect(), line });
        } else if c == '/' && at(i + 1) == '*' {
            i = block_comment_end(&chars, i);
            let body: String = chars[start..i].iter().collect();
            for (n, part) in body.split('\n').enumerate() {
                comments.push(Comment { text: part.to_owned(), line: start_line + n });
            }
            line += body.matches('\n').count();
        } else if let Some(end) = string_end(&chars, i) {
            line += chars[i..end].iter().filter(|&&c| c == '\n').count();
            i = end;
            tokens.push(token("\"\"", start_line));
        } else if c == '\'' {
            // A lifetime has no closing quote right behind its first letter; a character literal has.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
            }
        } else if c.is_alphanumeric() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            tokens.push(token(&chars[start..i].iter().collect::<String>(), line));
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            tokens.push(token("::", line));
        } else {
            i += 1;
            tokens.push(token(&c.to_string(), line));
        }
    }
    (tokens, comments)
}

fn token(text: &str, line: usize) -> Token {
    Token { text: text.to_owned(), line, in_test: false }
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0usize, start);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                i += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    i
}

/// Returns the index behind the string literal that begins at `i`, with any of the prefixes `b c r br cr`, if one does.
fn string_end(chars: &[char], i: usize) -> Option<usize> {
    let rest: String = chars[i..chars.len().min(i + 3)].iter().collect();
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let behind = rest.strip_prefix(prefix).and_then(|s| s.chars().next());
        matches!(behind, Some('"')) || (prefix.contains('r') && matches!(behind, Some('#')))
    })?;
    let mut j = i + prefix.len();
    if prefix.contains('r') {
        let hashes = chars[j..].iter().take_while(|&&c| c == '#').count();
        j += hashes;
        // `r#name` is a raw identifier.
        if chars.get(j) != Some(&'"') {
            return None;
        }
        j += 1;
        while j < chars.len() {
            if chars[j] == '"' && chars[j + 1..].iter().take_while(|&&c| c == '#').count() >= hashes {
                return Some(j + 1 + hashes);
            }
            j += 1;
        }
        return Some(j);
    }
    j += 1;
    while j < chars.len() && chars[j] != '"' {
        j += if chars[j] == '\\' { 2 } else { 1 };
    }
    Some((j + 1).min(chars.len()))
}

/// Returns first and last token of every item under `#[cfg(test)]` or `#[test]`.
fn test_items(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if attribute_is_test(tokens, i) {
            let end = item_end(tokens, i);
            items.push((i, end));
            i = end + 1;
        } else {
            i += 1;
        }
    }
    items
}

fn attribute_is_test(tokens: &[Token], i: usize) -> bool {
    let word = |n: usize| tokens.get(i + n).map_or("", |t| t.text.as_str());
    if word(0) != "#" || word(1) != "[" {
        return false;
    }
    (word(2) == "cfg" && word(3) == "(" && word(4) == "test" && word(5) == ")") || (word(2) == "test" && word(3) == "]")
}

/// Returns the last token of the item that begins at `i`: its closing brace, or a semicolon outside all brackets.
fn item_end(tokens: &[Token], mut i: usize) -> usize {
    let mut depth = 0usize;
    while i < tokens.len() {
        match tokens[i].text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && tokens[i].text == "}" {
                    return i;
                }
            }
            ";" if depth == 0 => return i,
            _ => {}
        }
        i += 1;
    }
    tokens.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        let lexed = lex(text, false);
        let mut out = String::new();
        for t in &lexed.tokens {
            out += &format!("{}{} ", if t.in_test { "~" } else { "" }, t.text);
        }
        let comments: Vec<_> = lexed.comments.iter().map(|c| format!("{}:{}", c.line, c.text)).collect();
        expect.assert_eq(&format!("{}| {} code lines | {}", out, lexed.code_lines, comments.join(" ")));
    }

    #[test]
    fn strings_comments_and_lifetimes_are_no_code() {
        check(
            "let a = \"std::fs\"; // b\nlet 'x' = '\\''; fn f<'a>() {} /* c\n /* d */ */ r#\"e\"#; b\"f\\\"\"",
            expect![[r#"let a = "" ; let = ; fn f < > ( ) { } "" ; "" | 3 code lines | 1:// b 2:/* c 3: /* d */ */"#]],
        );
    }

    #[test]
    fn test_items_are_marked_and_not_counted() {
        check(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { [1; 2]; }\n}\n#[cfg(test)]\nuse x;\nfn c() {}",
            expect![
                "fn a ( ) { } ~# ~[ ~cfg ~( ~test ~) ~] ~mod ~tests ~{ ~fn ~b ~( ~) ~{ ~[ ~1 ~; ~2 ~] ~; ~} ~} ~# ~[ ~cfg ~( ~test ~) ~] ~use ~x ~; fn c ( ) { } | 2 code lines | "
            ],
        );
    }
}
