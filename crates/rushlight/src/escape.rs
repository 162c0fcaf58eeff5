//! Texts of peers made safe for terminals and logs.

/// The longest text that is kept of a peer's, in characters.
const CHARS_MAX: usize = 400;

/// Returns `text` with everything escaped that could move a cursor, forge a log line or hide text: control characters
/// and the marks that turn the direction of writing. Cut after 400 characters.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(CHARS_MAX));
    for (index, char) in text.chars().enumerate() {
        if index == CHARS_MAX {
            safe.push('…');
            break;
        }
        if char.is_control() || is_invisible(char) {
            safe.extend(char.escape_unicode());
        } else {
            safe.push(char);
        }
    }
    safe
}

/// Tells whether a character changes how its neighbours are shown without being seen itself.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{061c}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        for (text, want) in [
            ("plain, ünïcode", "plain, ünïcode"),
            ("\u{1b}[2Jgone\r\nINFO all is well", "\\u{1b}[2Jgone\\u{d}\\u{a}INFO all is well"),
            ("a\u{202e}txt.exe", "a\\u{202e}txt.exe"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(escape(text), want);
        }
        assert_eq!(escape(&"x".repeat(500)).chars().count(), 401);
    }
}
