//! Base addresses of peers: absolute `http` and `https` URLs, read strictly.
//!
//! Addresses come from the user's settings, so a refusal names the broken rule. They are normalised, because a peer
//! that is listed twice under two spellings would be its own witness.
//!
//! The path of an address may hold a key of its user. So an address prints its origin and nothing else, and an error says
//! what is wrong with a path without showing it.

use alloc::string::{String, ToString};
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// The longest address that is taken, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 2048;
/// The longest host name, in bytes (RFC 1035 section 2.3.4).
pub const HOST_BYTES_MAX: usize = 253;
/// The longest label of a host name, in bytes (RFC 1035 section 2.3.4).
pub const LABEL_BYTES_MAX: usize = 63;

/// Why an address is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The address is too long.
    #[error("address has {got} bytes, allowed are {ADDRESS_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// The address does not begin with `http://` or `https://`.
    #[error("address begins with {got:?}, wanted is http:// or https://")]
    Scheme {
        /// How it begins.
        got: String,
    },
    /// The address holds a user name or password; settings are printed, so secrets do not belong there.
    #[error("address holds a user name or password, which is not supported")]
    UserInfo,
    /// The address holds a query.
    #[error("address holds a query (`?`), but a base address ends with its path")]
    Query,
    /// The address holds a fragment.
    #[error("address holds a fragment (`#`), but a base address ends with its path")]
    Fragment,
    /// The host is missing, or neither a name, nor an IPv4 address, nor an IPv6 address in brackets.
    #[error(
        "host {got:?} is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)"
    )]
    Host {
        /// The host.
        got: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("port {got:?} is not a number from 1 to 65535")]
    Port {
        /// The port.
        got: String,
    },
    /// The path holds what a URL may not hold, or a segment `.` or `..`.
    #[error("path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte {at}")]
    Path {
        /// Where the character or the segment begins, counted from the path's first slash.
        at: usize,
    },
    /// The chain has this address already. Listed twice, a peer would be its own witness.
    #[error("an address at {got} is listed twice")]
    Duplicate {
        /// Its origin.
        got: String,
    },
    /// The chain has as many peers as it may have.
    #[error("chain has {max} peers already, more are not allowed")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
}

/// A normalised base address: scheme and host in lower case, default port and trailing slashes left out.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    base: String,
    host: String,
    port: u16,
    is_loopback: bool,
}

impl Address {
    /// Reads an absolute `http` or `https` URL without user name, query and fragment.
    /// # Errors
    /// [`AddressError`], one variant per rule.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong { got: text.len() });
        }
        let (scheme, default_port, rest) = split_scheme(text)?;
        if rest.contains('#') {
            return Err(AddressError::Fragment);
        }
        if rest.contains('?') {
            return Err(AddressError::Query);
        }
        let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(AddressError::UserInfo);
        }
        let (host_text, port_text) = split_port(authority)?;
        let host = Host::parse(host_text)?;
        let port = port_text.map_or(Ok(default_port), parse_port)?;
        let path = path.trim_end_matches('/');
        if let Some(at) = path_fault(path) {
            return Err(AddressError::Path { at });
        }
        let base = match port == default_port {
            true => alloc::format!("{scheme}://{}{path}", host.text),
            false => alloc::format!("{scheme}://{}:{port}{path}", host.text),
        };
        Ok(Self { base, host: host.text, port, is_loopback: host.is_loopback })
    }

    /// Returns the whole address, without a trailing slash. Its path may hold a key: for requests, and for whoever owns it.
    pub fn exposed(&self) -> &str {
        &self.base
    }

    /// Returns scheme, host and port (RFC 6454 section 6.2), a default port left out.
    pub fn origin(&self) -> &str {
        let scheme_end = self.base.find("://").map_or(0, |at| at.saturating_add(3));
        let path = self.base.get(scheme_end..).and_then(|rest| rest.find('/'));
        path.and_then(|at| self.base.get(..scheme_end.saturating_add(at))).unwrap_or(&self.base)
    }

    /// Returns who runs it, as far as the address tells: the host, and on this machine, whose servers all share it, the port.
    /// No peer is a witness of another one of the same operator.
    pub fn operator(&self) -> String {
        match self.is_loopback {
            true => alloc::format!("localhost:{}", self.port),
            false => self.host.clone(),
        }
    }

    /// Returns the URL of `path_and_query`, which begins with `/`, below this address.
    pub(in crate::peers) fn join(&self, path_and_query: &str) -> String {
        alloc::format!("{}{path_and_query}", self.base)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.origin())
    }
}

/// Returns what may be shown of a text that may be an address, or should have been one: no path, no query, no user name.
pub fn shown(text: &str) -> &str {
    let scheme_end = text.find("://").map_or(0, |at| at.saturating_add(3));
    let rest = text.get(scheme_end..).unwrap_or_default();
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if rest.get(..authority_end).is_some_and(|authority| authority.contains('@')) {
        return text.get(..scheme_end).unwrap_or_default();
    }
    text.get(..scheme_end.saturating_add(authority_end)).unwrap_or_default()
}

fn split_scheme(text: &str) -> Result<(&'static str, u16, &str), AddressError> {
    let schemes = [("http", "http://", 80), ("https", "https://", 443)];
    for (scheme, prefix, port) in schemes {
        if let Some((head, rest)) = text.split_at_checked(prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            return Ok((scheme, port, rest));
        }
    }
    Err(AddressError::Scheme { got: text.chars().take("https://".len()).collect() })
}

/// Splits `host:port`; the colons within the brackets of an IPv6 address belong to the host.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    let host_end = match authority.starts_with('[') {
        true => authority.find(']').map(|at| at.saturating_add(1)),
        false => authority.find(':').or(Some(authority.len())),
    };
    let refused = || AddressError::Host { got: authority.into() };
    let (host, rest) = host_end.and_then(|at| authority.split_at_checked(at)).ok_or_else(refused)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(refused()),
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if is_number { text.parse().unwrap_or(0) } else { 0_u16 };
    if port == 0 { Err(AddressError::Port { got: text.into() }) } else { Ok(port) }
}

struct Host {
    text: String,
    is_loopback: bool,
}

impl Host {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError::Host { got: text.into() };
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let ip: Ipv6Addr = inner.parse().map_err(|_| refused())?;
            let is_loopback = ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback());
            return Ok(Self { text: alloc::format!("[{ip}]"), is_loopback });
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or("");
        // URL parsers read `127.1`, `0x7f.0.0.1` and `2130706433` as 127.0.0.1. Such spellings are refused, else one
        // peer could be listed under several hosts and witness itself.
        if last.starts_with(|first: char| first.is_ascii_digit()) {
            let ip: Ipv4Addr = name.parse().map_err(|_| refused())?;
            return Ok(Self { text: ip.to_string(), is_loopback: ip.is_loopback() });
        }
        if name.len() > HOST_BYTES_MAX || !name.split('.').all(is_label) {
            return Err(refused());
        }
        let is_loopback = last == "localhost";
        Ok(Self { text: name, is_loopback })
    }
}

/// Underscores are no part of host names by RFC 1123, but container networks use them.
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=LABEL_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

/// Returns where a path is not one by RFC 3986 section 3.3, or has a segment `.` or `..`, which servers and proxies resolve
/// differently.
fn path_fault(path: &str) -> Option<usize> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte);
    let is_encoded = |at: usize| {
        let hex = at.checked_add(1).and_then(|from| path.get(from..from.checked_add(2)?));
        hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let strange = path.bytes().position(|byte| !is_plain(byte));
    let broken = path.match_indices('%').map(|(at, _)| at).find(|at| !is_encoded(*at));
    let is_dots = |segment: &&str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    let mut begin = 0_usize;
    let mut dots = None;
    for segment in path.split('/') {
        if dots.is_none() && is_dots(&segment) {
            dots = Some(begin);
        }
        begin = begin.saturating_add(segment.len()).saturating_add(1);
    }
    [strange, broken, dots].into_iter().flatten().min()
}

/// Tells whether `text` is a path and query that may be sent: begins with `/` and holds only visible ASCII and no `#`.
/// Without this check a line break in it could smuggle a second request into the connection.
pub(in crate::peers) fn is_request_target(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::fmt::Write;

    fn check(texts: &[&str], expected: Expect) {
        let mut table = String::new();
        for text in texts {
            match Address::parse(text) {
                Ok(address) => {
                    writeln!(table, "{text} -> {} @ {}", address.exposed(), address.operator()).unwrap();
                }
                Err(error) => writeln!(table, "{text} -> {error}").unwrap(),
            }
        }
        expected.assert_eq(&table);
    }

    #[test]
    fn addresses_are_normalised() {
        check(
            &[
                "http://127.0.0.1:26657",
                "HTTP://LocalHost:80/",
                "https://RPC.Example.com.:443//",
                "https://rpc.example.com:8443/cosmos/a%20b/",
                "http://[::1]:26657",
                "http://[2001:DB8:0:0::1]/x",
                "http://[::ffff:127.0.0.1]:1",
                "http://node_1:26657",
                "http://a.localhost",
                "https://user.example/~me:@,",
            ],
            expect![[r#"
                http://127.0.0.1:26657 -> http://127.0.0.1:26657 @ localhost:26657
                HTTP://LocalHost:80/ -> http://localhost @ localhost:80
                https://RPC.Example.com.:443// -> https://rpc.example.com @ rpc.example.com
                https://rpc.example.com:8443/cosmos/a%20b/ -> https://rpc.example.com:8443/cosmos/a%20b @ rpc.example.com
                http://[::1]:26657 -> http://[::1]:26657 @ localhost:26657
                http://[2001:DB8:0:0::1]/x -> http://[2001:db8::1]/x @ [2001:db8::1]
                http://[::ffff:127.0.0.1]:1 -> http://[::ffff:127.0.0.1]:1 @ localhost:1
                http://node_1:26657 -> http://node_1:26657 @ node_1
                http://a.localhost -> http://a.localhost @ localhost:80
                https://user.example/~me:@, -> https://user.example/~me:@, @ user.example
            "#]],
        );
    }

    #[test]
    fn other_addresses_are_refused_by_the_broken_rule() {
        check(
            &[
                "",
                "tcp://127.0.0.1:26657",
                "127.0.0.1:26657",
                "http:/a",
                "http://",
                "http://:80",
                "http://a:",
                "http://a:0",
                "http://a:65536",
                "http://a:+1",
                "http://me:secret@a",
                "http://a/?x=1",
                "http://a?x",
                "http://a/#x",
                "http://a b",
                "http://ä.example",
                "http://-a",
                "http://a..b",
                "http://127.1",
                "http://2130706433",
                "http://0x7f.0.0.1",
                "http://127.0.0.01",
                "http://[::1",
                "http://[::1]x",
                "http://[fe80::1%eth0]",
                "http://::1",
                "http://a/b c",
                "http://a/../b",
                "http://a/%2E%2e/b",
                "http://a/%2",
                "http://a/%zz",
            ],
            expect![[r#"
                 -> address begins with "", wanted is http:// or https://
                tcp://127.0.0.1:26657 -> address begins with "tcp://12", wanted is http:// or https://
                127.0.0.1:26657 -> address begins with "127.0.0.", wanted is http:// or https://
                http:/a -> address begins with "http:/a", wanted is http:// or https://
                http:// -> host "" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://:80 -> host "" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://a: -> port "" is not a number from 1 to 65535
                http://a:0 -> port "0" is not a number from 1 to 65535
                http://a:65536 -> port "65536" is not a number from 1 to 65535
                http://a:+1 -> port "+1" is not a number from 1 to 65535
                http://me:secret@a -> address holds a user name or password, which is not supported
                http://a/?x=1 -> address holds a query (`?`), but a base address ends with its path
                http://a?x -> address holds a query (`?`), but a base address ends with its path
                http://a/#x -> address holds a fragment (`#`), but a base address ends with its path
                http://a b -> host "a b" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://ä.example -> host "ä.example" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://-a -> host "-a" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://a..b -> host "a..b" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://127.1 -> host "127.1" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://2130706433 -> host "2130706433" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://0x7f.0.0.1 -> host "0x7f.0.0.1" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://127.0.0.01 -> host "127.0.0.01" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://[::1 -> host "[::1" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://[::1]x -> host "[::1]x" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://[fe80::1%eth0] -> host "[fe80::1%eth0]" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://::1 -> host "" is neither a host name nor an IP address (IPv6 in brackets, names outside ASCII as punycode)
                http://a/b c -> path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte 2
                http://a/../b -> path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte 1
                http://a/%2E%2e/b -> path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte 1
                http://a/%2 -> path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte 1
                http://a/%zz -> path holds a character that must be percent-encoded, or a segment `.` or `..`; at byte 1
            "#]],
        );
        let long = alloc::format!("http://a/{}", "b".repeat(ADDRESS_BYTES_MAX));
        assert_eq!(Address::parse(&long), Err(AddressError::TooLong { got: long.len() }));
        let label = alloc::format!("http://{}", "a".repeat(LABEL_BYTES_MAX + 1));
        assert!(matches!(Address::parse(&label), Err(AddressError::Host { .. })));
        let name = alloc::format!("http://{}b", "a.".repeat(HOST_BYTES_MAX / 2 + 1));
        assert!(matches!(Address::parse(&name), Err(AddressError::Host { .. })));
    }

    #[test]
    fn an_operator_is_a_host_and_on_loopback_a_port() {
        let operator = |text: &str| Address::parse(text).unwrap().operator();
        let same = |a: &str, b: &str| operator(a) == operator(b);
        assert!(same("http://A.example/x", "https://a.example:8443/y"));
        assert!(!same("http://a.example", "http://b.example"));
        assert!(!same("http://127.0.0.1:1", "http://127.0.0.1:2"));
        assert!(same("http://127.0.0.1:1", "http://localhost:1/x"));
        assert!(same("http://127.0.0.1:1/x", "https://[::1]:1/y"));
        assert!(!same("http://127.0.0.1:1", "http://a.example:1"));
    }

    #[test]
    fn a_key_in_an_address_is_not_printed() {
        for (text, want) in [
            ("https://rpc.example/v1/s3cret", "https://rpc.example"),
            ("http://[::1]:26657/s3cret/", "http://[::1]:26657"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.origin(), shown(text)), (want, want));
            let printed = alloc::format!("{address} {address:?}");
            assert!(printed.contains(want) && !printed.contains("s3cret"), "{printed}");
        }
        for (text, want) in [
            ("", ""),
            ("https://s3cret@rpc.example/", "https://"),
            ("rpc.example?key=s3cret", "rpc.example"),
            ("http://rpc.example#s3cret", "http://rpc.example"),
        ] {
            assert_eq!(shown(text), want);
        }
        let error = Address::parse("https://rpc.example/s3 cret").unwrap_err().to_string();
        assert!(!error.contains("cret"), "{error}");
    }

    #[test]
    fn request_targets_hold_no_line_breaks() {
        assert!(is_request_target("/commit?height=\"5\""));
        for text in ["", "commit", "/a b", "/a\r\nx: y", "/a#b", "/ä"] {
            assert!(!is_request_target(text), "{text}");
        }
    }
}
