//! The query of a GET: names and values, percent-encoded.
//! Source: the URL standard, application/x-www-form-urlencoded parsing, which Go's `url.ParseQuery` follows but for `;`.

use alloc::string::String;
use alloc::vec::Vec;

/// Returns the names and values of `query`, decoded, in their order.
pub(in crate::rpc) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => hex_byte(*high, *low).map(|byte| (byte, behind)),
            _ => None,
        };
        match (escaped, first) {
            (Some((byte, behind)), _) => {
                bytes.push(byte);
                rest = behind;
            }
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)?.wrapping_shl(4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_read_and_what_is_no_escape_stays() {
        for (text, want) in [
            ("a%22b%22", "a\"b\""),
            ("%e2%82%ac", "€"),
            ("a+b%2Bc", "a b+c"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%20", "%zz "),
            ("%ff", "\u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(decoded(text), want, "{text}");
        }
    }

    #[test]
    fn names_and_values_come_in_their_order() {
        let got: Vec<_> = pairs("height=%225%22&&prove&=x&a=b=c&height=6").collect();
        let want = [("height", "\"5\""), ("prove", ""), ("", "x"), ("a", "b=c"), ("height", "6")];
        assert!(got.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(want), "{got:?}");
    }
}
