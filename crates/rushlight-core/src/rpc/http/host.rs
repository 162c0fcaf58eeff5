//! The form of a `Host` header, and of what a user allows as one.
//!
//! Source: RFC 9110 section 7.2.

use core::net::IpAddr;

/// A `Host` header: a name or an IP literal, without the brackets, and perhaps a port.
pub(super) struct Host<'a> {
    pub(super) name: &'a str,
    pub(super) is_bracketed: bool,
    pub(super) port: Option<u16>,
}

/// Bytes of a DNS name.
const NAME_BYTES_MAX: usize = 253;

impl<'a> Host<'a> {
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let value = value.trim_matches([' ', '\t']);
        let (name, rest, is_bracketed) = match value.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest.split_once(']')?;
                (name, rest, true)
            }
            None => {
                let (name, rest) = value.split_at(value.find(':').unwrap_or(value.len()));
                // One dot at the end is the root of the DNS, and names the same host.
                (name.strip_suffix('.').unwrap_or(name), rest, false)
            }
        };
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some(digits) => Some(port(digits)?),
        };
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_literal_byte = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|byte| if is_bracketed { is_literal_byte(byte) } else { is_name_byte(byte) });
        is_name.then_some(Self { name, is_bracketed, port })
    }

    /// Returns the address, if this is an IP literal in its one canonical notation: `127.1` and `0x7f000001` are names.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        if self.is_bracketed { self.name.parse().ok().map(IpAddr::V6) } else { self.name.parse().ok().map(IpAddr::V4) }
    }
}

fn port(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
