//! Fetches: HTTP requests that the driver is asked to make.

use super::shown;
use crate::base::{ChainId, PeerId};
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// An HTTP request. No redirect is followed, no cookie kept. Printed it shows of its URL no more than [`shown`].
#[derive(Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Whose share of connections and memory it takes.
    pub share: Share,
    /// Absolute URL with scheme `http` or `https`.
    pub url: String,
    /// The method and body.
    pub method: Method,
    /// The driver stops reading behind this many bytes of body.
    pub body_bytes_max: u32,
    /// The driver gives up after this time, for which the time does not count in which it has the fetch wait.
    pub timeout: Duration,
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { share, url, method, body_bytes_max, timeout } = self;
        let url = shown(url);
        write!(f, "Fetch({share:?} {url} {method:?} at most {body_bytes_max} bytes within {timeout:?})")
    }
}

/// Whose share of the driver's connections and memory a fetch takes. What one chain's providers hold for long must not be
/// missing to another chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The chain that asks.
    pub chain: ChainId,
    /// The peer that is asked.
    pub peer: PeerId,
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
