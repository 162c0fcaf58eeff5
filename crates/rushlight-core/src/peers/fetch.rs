//! Fetches: HTTP requests that the driver is asked to make.

use alloc::string::String;
use core::time::Duration;

/// An HTTP request. No redirect is followed, no cookie kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Absolute URL with scheme `http` or `https`.
    pub url: String,
    /// The method and body.
    pub method: Method,
    /// The driver stops reading behind this many bytes of body.
    pub body_bytes_max: u32,
    /// The driver gives up after this time.
    pub timeout: Duration,
}

/// Method and body of a [`Fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST with `content-type: application/json`.
    Post(String),
}

/// An HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched<'a> {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u32>,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why there is no HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFailed {
    /// The name does not resolve.
    #[error("the host name does not resolve")]
    Unresolved,
    /// The connection was refused or reset.
    #[error("the connection was refused or reset")]
    Refused,
    /// TLS failed: the certificate is not trusted, or no common protocol.
    #[error("the TLS handshake failed")]
    Tls,
    /// No complete answer within the timeout.
    #[error("no complete answer in time")]
    TimedOut,
    /// The body is larger than asked for.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// The connection ended within the answer, or it is not HTTP.
    #[error("the answer broke off or is not HTTP")]
    Broken,
}
