//! Which HTTP requests a listener lets in: the guard against web pages that reach a loopback port.
//!
//! A page in the user's browser can send requests to `127.0.0.1`. It can do so openly, and then the browser adds its
//! `Origin`; or it can rebind the DNS name that it was loaded from to 127.0.0.1, and then the request is same-origin
//! for the browser, but its `Host` names the attacker's domain. So `Host` must name this listener, and an `Origin`
//! must have been allowed by the user. Browsers leave `Origin` out where a page wants an image or a script, so what they
//! say in `Sec-Fetch-Site` counts as well: such a GET shows the page nothing, but it would make the node work. A GET that
//! changes something is closed to whatever may be a browser, because a link in a mail looks like the user's own typing.
//! A POST must be of a content type that a page cannot send without a preflight.
//! `X-Forwarded-Host` and its like are no input: whoever sends a request can write them.
//!
//! Everything here is a pure function of the request and the listener's settings.
//! Sources: RFC 9110 section 7.2 (Host), RFC 6454 (Origin), the Fetch standard (CORS protocol), Fetch Metadata Request
//! Headers (Sec-Fetch-Site).

use super::host::Host;
use super::routes::Effect;
use crate::rpc::raw::cut;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// What a listener is set to let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    bind: SocketAddr,
    allowed_hosts: Vec<(String, Option<u16>)>,
    allowed_origins: Vec<String>,
}

/// Why a listener cannot be set so. A setting that can never match is refused, not ignored: its user believes in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerError {
    /// An allowed host is not `host` or `host:port`.
    #[error("allowed host {entry:?} is not of the form name or name:port, without scheme or path")]
    HostSyntax {
        /// The entry.
        entry: String,
    },
    /// An allowed origin is not `scheme://host` or `scheme://host:port`.
    #[error("allowed origin {entry:?} is not of the form scheme://host or scheme://host:port, without path")]
    OriginSyntax {
        /// The entry.
        entry: String,
    },
    /// An allowed origin stands for everybody.
    #[error("allowed origin {entry:?} would let every page in; name the pages that you trust")]
    OriginEverybody {
        /// The entry.
        entry: String,
    },
}

impl Listener {
    /// Returns the settings of a listener bound to `bind`, the address and port that it really has.
    ///
    /// It may be addressed as loopback, as its own address, and as each of `allowed_hosts`: `name`, or `name:port` where
    /// a proxy or a port mapping gives it another port. Each of `allowed_origins`, `scheme://host` or
    /// `scheme://host:port`, is a web page that may call it. A default port and a slash at the end, which browsers leave
    /// out, may be written.
    /// # Errors
    /// [`ListenerError::HostSyntax`], [`ListenerError::OriginSyntax`], and [`ListenerError::OriginEverybody`] for `*`
    /// and `null`.
    pub fn new(bind: SocketAddr, allowed_hosts: &[String], allowed_origins: &[String]) -> Result<Self, ListenerError> {
        let host = |entry: &String| match Host::parse(entry) {
            Some(host) => Ok((host.name.to_string(), host.port)),
            None => Err(ListenerError::HostSyntax { entry: entry.clone() }),
        };
        let origin = |entry: &String| match entry.as_str() {
            "*" | "null" => Err(ListenerError::OriginEverybody { entry: entry.clone() }),
            text => browser_origin(text).ok_or_else(|| ListenerError::OriginSyntax { entry: entry.clone() }),
        };
        Ok(Self {
            bind,
            allowed_hosts: allowed_hosts.iter().map(host).collect::<Result<_, _>>()?,
            allowed_origins: allowed_origins.iter().map(origin).collect::<Result<_, _>>()?,
        })
    }
}

/// Returns `text` as browsers write it in `Origin`.
fn browser_origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(is_scheme_byte) {
        return None;
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // A default port that is written in the setting would never match, because browsers leave it out.
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let host = Host::parse(rest)?;
    let name = if host.is_bracketed { format!("[{}]", host.name) } else { host.name.to_string() };
    match host.port.filter(|port| Some(*port) != default_port) {
        Some(port) => Some(format!("{scheme}://{name}:{port}")),
        None => Some(format!("{scheme}://{name}")),
    }
}

/// What decides about a request. Headers come with all their values, so that one sent twice can be refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest<'a> {
    /// The method, in upper case as it stands in the request line.
    pub method: &'a str,
    /// The request target, with its query.
    pub path: &'a str,
    /// Values of `Host`.
    pub host: &'a [&'a str],
    /// Values of `Origin`.
    pub origin: &'a [&'a str],
    /// Values of `Sec-Fetch-Site`.
    pub fetch_site: &'a [&'a str],
    /// Values of `User-Agent`.
    pub user_agent: &'a [&'a str],
    /// Values of `Content-Type`.
    pub content_type: &'a [&'a str],
    /// What a GET of this target does.
    pub effect: Effect,
}

/// What a request that is let in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// A GET, HEAD or POST, or the GET that opens a WebSocket: serve it, and set these headers on the answer.
    Serve(Vec<(&'static str, String)>),
    /// A CORS preflight: answer 204 with these headers.
    Preflight(Vec<(&'static str, String)>),
}

/// Why a request is not let in. The text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is none that is served.
    #[error(
        "method not allowed; use POST for JSON-RPC, GET or HEAD for /, /livez, /readyz and /metrics, GET for WebSockets"
    )]
    Method,
    /// The request target is not a path.
    #[error("the request target must be a path that starts with / and has at most {PATH_BYTES_MAX} bytes")]
    Target,
    /// There is no `Host` header, or more than one.
    #[error("the request must have exactly one Host header, got {got}")]
    HostCount {
        /// How many there are.
        got: usize,
    },
    /// The `Host` header is not `host` or `host:port`.
    #[error("the Host header is not of the form host or host:port")]
    HostSyntax,
    /// The `Host` header names another port.
    #[error("the Host header names port {got}, this listener has {want}; behind a proxy, allow the host with its port")]
    HostPort {
        /// The port named.
        got: u16,
        /// The listener's port.
        want: u16,
    },
    /// The `Host` header names somebody else: a page may have rebound its DNS name to us.
    #[error("this host name is not allowed; address the listener by IP, or add the name to the allowed hosts")]
    HostForeign,
    /// There is more than one `Origin` header.
    #[error("the request must have at most one Origin header, got {got}")]
    OriginCount {
        /// How many there are.
        got: usize,
    },
    /// The request comes from a web page that was not allowed.
    #[error("requests of this web origin are not allowed; add it to the allowed origins if you trust the page")]
    OriginForeign,
    /// The browser says that a page of another origin wants this, and names no origin that could be allowed.
    #[error(
        "web pages of other origins, other ports of this machine included, may not cause this request (Sec-Fetch-Site: \
         {got}); if you trust the page, add its origin to the allowed origins and let it call fetch, which names it"
    )]
    SiteForeign {
        /// What the browser says, cut.
        got: String,
    },
    /// A GET that changes something comes from what may be a browser.
    #[error("a GET of this path changes something and is closed to web browsers; use POST with JSON-RPC instead")]
    ChangesByBrowser,
    /// A preflight without an `Origin` is none.
    #[error("OPTIONS is for CORS preflights, which have an Origin header")]
    PreflightWithoutOrigin,
    /// The body of a POST is not declared to be JSON.
    #[error("POST needs the header Content-Type: application/json")]
    ContentType,
}

impl Refusal {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Target | Self::HostCount { .. } | Self::HostSyntax | Self::OriginCount { .. } => 400,
            Self::HostPort { .. }
            | Self::HostForeign
            | Self::OriginForeign
            | Self::SiteForeign { .. }
            | Self::ChangesByBrowser
            | Self::PreflightWithoutOrigin => 403,
            Self::ContentType => 415,
        }
    }

    /// Returns the headers of the refusal beside its status: those that HTTP wants of it. Never those of CORS, so that
    /// a page learns nothing from it.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Method => alloc::vec![("allow", METHODS.to_string())],
            _ => Vec::new(),
        }
    }
}

/// Bytes of a request target.
pub const PATH_BYTES_MAX: usize = 2048;

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// How long a browser may remember a preflight's answer, in seconds.
const PREFLIGHT_MAX_AGE_S: u32 = 600;

/// Decides whether `listener` lets `request` in.
///
/// The rules are judged in the order of the variants of [`Refusal`]. A WebSocket's opening GET is judged as any GET:
/// browsers send `Origin` with it and do not hold back what CORS would, so the check of `Origin` is all that there is.
/// # Errors
/// The first broken rule.
pub fn admit(listener: &Listener, request: HttpRequest<'_>) -> Result<Admitted, Refusal> {
    if !matches!(request.method, "GET" | "HEAD" | "POST" | "OPTIONS") {
        return Err(Refusal::Method);
    }
    // `GET http://other/ HTTP/1.1` and `OPTIONS *` name no path; the first would even overrule Host [RFC 9112, 3.2.2].
    if !request.path.starts_with('/') || request.path.len() > PATH_BYTES_MAX {
        return Err(Refusal::Target);
    }
    check_host(listener, request.host)?;
    let origin = check_origin(listener, request.origin)?;
    // A page that the user trusts, as the browser itself says.
    if origin.is_none() {
        check_site(request)?;
    }
    match (request.method, origin) {
        ("OPTIONS", None) => Err(Refusal::PreflightWithoutOrigin),
        ("OPTIONS", Some(origin)) => Ok(Admitted::Preflight(preflight_headers(origin))),
        ("POST", _) if !is_json(request.content_type) => Err(Refusal::ContentType),
        (_, origin) => Ok(Admitted::Serve(cors_headers(listener, origin))),
    }
}

fn check_host(listener: &Listener, values: &[&str]) -> Result<(), Refusal> {
    // Two Host headers are how a proxy in between and we are made to see different hosts [RFC 9112, 3.2].
    let [value] = values else { return Err(Refusal::HostCount { got: values.len() }) };
    let host = Host::parse(value).ok_or(Refusal::HostSyntax)?;
    // An entry with a port allows that port, which is a proxy's; one without goes by the listener's own.
    let is_allowed = listener.allowed_hosts.iter().any(|(name, port)| {
        let port = port.unwrap_or(listener.bind.port());
        name.eq_ignore_ascii_case(host.name) && host.port.is_none_or(|got| got == port)
    });
    if is_allowed {
        return Ok(());
    }
    // A browser leaves the port out for 80 and 443 only, but curl and proxies do for others as well.
    if let Some(got) = host.port.filter(|port| *port != listener.bind.port()) {
        return Err(Refusal::HostPort { got, want: listener.bind.port() });
    }
    let is_own = match host.ip() {
        Some(ip) => is_own_address(listener.bind.ip(), ip),
        // Resolvers answer `localhost` themselves, always with loopback [RFC 6761, 6.3].
        None => host.name.eq_ignore_ascii_case("localhost"),
    };
    if is_own { Ok(()) } else { Err(Refusal::HostForeign) }
}

/// Tells whether `ip` is loopback or what the listener is bound to.
///
/// Bound to all addresses (`0.0.0.0`, `::`), every literal is ours: a rebound name never shows as a literal. The
/// unspecified address itself is refused: browsers let pages reach it that they keep from 127.0.0.1.
fn is_own_address(bind: IpAddr, ip: IpAddr) -> bool {
    let (bind, ip) = (bind.to_canonical(), ip.to_canonical());
    !ip.is_unspecified() && (ip.is_loopback() || ip == bind || bind.is_unspecified())
}

fn check_origin<'a>(listener: &Listener, values: &[&'a str]) -> Result<Option<&'a str>, Refusal> {
    match values {
        // Not a browser, or a browser's navigation to us, whose answer no page can read.
        [] => Ok(None),
        // `null` is what sandboxed frames and files send: anybody can make one, so it can never be allowed.
        // Neither it nor `*` can be in the list.
        [origin] if listener.allowed_origins.iter().any(|o| o.eq_ignore_ascii_case(origin)) => Ok(Some(origin)),
        [_] => Err(Refusal::OriginForeign),
        _ => Err(Refusal::OriginCount { got: values.len() }),
    }
}

/// What is repeated of a value that should be a word.
const WORD_SHOWN_BYTES_MAX: usize = 16;

/// Checks a request without an `Origin` for what browsers say of it without being asked by the page.
fn check_site(request: HttpRequest<'_>) -> Result<(), Refusal> {
    match request.fetch_site {
        // No browser, or one from before 2023. Or the user typed the address; or a page that we served, and `Host` is ours.
        [] | ["none" | "same-origin"] => {}
        // Two ports of one host are one site: a page of any other program on this machine.
        others => {
            let got = others.first().copied().unwrap_or_default();
            return Err(Refusal::SiteForeign { got: cut(got, WORD_SHOWN_BYTES_MAX) });
        }
    }
    let is_get = matches!(request.method, "GET" | "HEAD");
    // Old browsers tell of an image that a page wants by nothing but their name, which all of them begin like this.
    let is_browser =
        !request.fetch_site.is_empty() || request.user_agent.iter().any(|agent| agent.starts_with("Mozilla/"));
    if is_get && request.effect == Effect::Changes && is_browser {
        return Err(Refusal::ChangesByBrowser);
    }
    Ok(())
}

/// Tells whether the one `Content-Type` is `application/json`, in UTF-8 if it says in what.
fn is_json(values: &[&str]) -> bool {
    let [value] = values else { return false };
    let mut parts = value.split(';').map(|part| part.trim_matches([' ', '\t']));
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
            parameter.split_once('=').is_some_and(|(name, charset)| {
                name.eq_ignore_ascii_case("charset")
                    && ["utf-8", "utf8", "\"utf-8\""].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8))
            })
        })
}

fn cors_headers(listener: &Listener, origin: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if let Some(origin) = origin {
        headers.push(("access-control-allow-origin", origin.to_string()));
    }
    // A cache must not give a page the answer that another origin, or nobody's, was let in for.
    if !listener.allowed_origins.is_empty() {
        headers.push(("vary", "Origin".to_string()));
    }
    headers
}

fn preflight_headers(origin: &str) -> Vec<(&'static str, String)> {
    alloc::vec![
        ("access-control-allow-origin", origin.to_string()),
        ("vary", "Origin".to_string()),
        ("access-control-allow-methods", METHODS.to_string()),
        ("access-control-allow-headers", "content-type, if-none-match".to_string()),
        ("access-control-max-age", PREFLIGHT_MAX_AGE_S.to_string()),
    ]
}
