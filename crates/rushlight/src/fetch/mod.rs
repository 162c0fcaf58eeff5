//! The HTTP client that carries out the node's fetches.
//!
//! Providers are not trusted: a body is counted while it is read, every request has one deadline for everything
//! (name, connection, TLS, headers, body), no redirect is followed (it would turn one provider into another, and a
//! public one into a request to the local network), no cookie is kept, HTTP/2 is not offered. TLS protects privacy and
//! availability only; what is true is decided by the core.
//!
//! Memory: the first [`BODY_SMALL_BYTES`] of a body are free, what goes beyond waits for one of the
//! [`LARGE_BODIES_PER_CHAIN_MAX`](turns::LARGE_BODIES_PER_CHAIN_MAX) turns of its chain. So all bodies together hold at most
//! `BODY_SMALL_BYTES` for each fetch that [`queue`] lets run, and that many times `body_bytes_max` for each chain. A turn
//! ends with its request's own deadline, so waiting for one cannot last; what waits is told, because nobody is slow
//! for it.

pub(crate) mod queue;
mod turns;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rushlight_core::peers::{Fetch, FetchFailed, Method, Share};
use rustls::ClientConfig;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use turns::Turns;

/// How many bytes of a body are read without waiting for a turn.
const BODY_SMALL_BYTES: usize = 256 << 10;
/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Idle connections kept per provider.
const IDLE_PER_HOST_MAX: usize = 8;
/// How long an idle connection is kept: less than the 60 s after which common proxies close theirs, so that a request
/// rarely meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A whole HTTP answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

/// An HTTP client with its pool of connections. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    turns: Turns,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetcher {
    /// Returns a client that trusts the certificate authorities of Mozilla's list, compiled in.
    #[must_use]
    pub fn new() -> Self {
        // Named, so that another TLS provider among a user's dependencies cannot make the choice ambiguous.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3");
        Self::with_tls(builder.with_webpki_roots().with_no_client_auth())
    }

    fn with_tls(config: ClientConfig) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Self { client, turns: Turns::default() }
    }

    /// Returns the answer to `fetch`, whatever its status.
    /// # Errors
    /// Each variant of [`FetchFailed`].
    pub async fn fetch(&self, fetch: Fetch) -> Result<Answered, FetchFailed> {
        self.fetch_held(fetch, &|_| {}).await
    }

    /// As [`Fetcher::fetch`]; `held` is called with `true` when the answer has to wait for memory of ours, and with `false`
    /// when that is over.
    pub(crate) async fn fetch_held(&self, fetch: Fetch, held: &impl Fn(bool)) -> Result<Answered, FetchFailed> {
        let deadline = Instant::now() + fetch.timeout;
        let (share, bytes_max) = (fetch.share, usize::try_from(fetch.body_bytes_max).unwrap_or(usize::MAX));
        let answer = self.client.request(request(fetch)?);
        let answer = timeout_at(deadline, answer).await.map_err(|_| FetchFailed::TimedOut)?;
        let (head, body) = answer.map_err(|error| cause(&error))?.into_parts();
        let body = self.read(body, bytes_max, deadline, share, held).await?;
        Ok(Answered { status: head.status.as_u16(), retry_after_s: retry_after_s(&head.headers), body })
    }

    /// Reads a body, counting while it comes: a provider that announces little and sends without end is cut off.
    async fn read(
        &self,
        mut body: Incoming,
        bytes_max: usize,
        mut deadline: Instant,
        share: Share,
        held: &impl Fn(bool),
    ) -> Result<Vec<u8>, FetchFailed> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > bytes_max {
            return Err(FetchFailed::TooLarge);
        }
        let mut turn = None;
        let mut bytes = Vec::with_capacity(announced.min(BODY_SMALL_BYTES));
        while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(|_| FetchFailed::TimedOut)? {
            let frame = frame.map_err(|error| cause(&error))?;
            let Some(chunk) = frame.data_ref() else { continue };
            let size = bytes.len().saturating_add(chunk.len());
            if size > bytes_max {
                return Err(FetchFailed::TooLarge);
            }
            if size > BODY_SMALL_BYTES && turn.is_none() {
                let before = Instant::now();
                turn = self.turns.turn(share, held).await;
                deadline += before.elapsed();
            }
            bytes.extend_from_slice(chunk);
        }
        Ok(bytes)
    }
}

fn request(fetch: Fetch) -> Result<Request<Full<Bytes>>, FetchFailed> {
    let uri: Uri = fetch.url.parse().map_err(|_| FetchFailed::Unresolved)?;
    let request = Request::builder()
        .uri(uri)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("rushlight/", env!("CARGO_PKG_VERSION")));
    let request = match fetch.method {
        Method::Get => request.method(hyper::Method::GET).body(Full::new(Bytes::new())),
        Method::Post(text) => request
            .method(hyper::Method::POST)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(text))),
    };
    request.map_err(|_| FetchFailed::Broken)
}

/// Reads `Retry-After` in seconds. The form with a date is ignored: it would need trust in the provider's clock.
fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Finds what broke a request in the chain of its errors.
fn cause(error: &(dyn Error + 'static)) -> FetchFailed {
    let mut next = Some(error);
    let mut found = FetchFailed::Broken;
    while let Some(error) = next {
        if error.is::<Unresolved>() {
            return FetchFailed::Unresolved;
        }
        if error.is::<rustls::Error>() {
            return FetchFailed::Tls;
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            found = match io.kind() {
                std::io::ErrorKind::TimedOut => FetchFailed::TimedOut,
                std::io::ErrorKind::UnexpectedEof => FetchFailed::Broken,
                // What is neither of these is the connection itself: refused, reset, no route, not permitted.
                _ if is_plain(io) => FetchFailed::Refused,
                _ => found,
            };
            // `source` of an I/O error skips the error that it wraps, where TLS keeps its own.
            next = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
            continue;
        }
        next = error.source();
    }
    found
}

/// Tells an error of the operating system from a wrapper around another library's error.
fn is_plain(io: &std::io::Error) -> bool {
    io.raw_os_error().is_some() || io.get_ref().is_none()
}

/// The system's resolver, its failures marked so that [`cause`] can tell them from refused connections.
#[derive(Clone, Debug)]
struct Resolver(GaiResolver);

#[derive(Debug, thiserror::Error)]
#[error("the host name does not resolve")]
struct Unresolved;

type Resolved =
    Pin<Box<dyn Future<Output = Result<<GaiResolver as tower_service::Service<Name>>::Response, Unresolved>> + Send>>;

impl tower_service::Service<Name> for Resolver {
    type Response = <GaiResolver as tower_service::Service<Name>>::Response;
    type Error = Unresolved;
    type Future = Resolved;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        tower_service::Service::poll_ready(&mut self.0, context).map_err(|_| Unresolved)
    }

    fn call(&mut self, name: Name) -> Resolved {
        let lookup = tower_service::Service::call(&mut self.0, name);
        Box::pin(async move { lookup.await.map_err(|_| Unresolved) })
    }
}

#[cfg(test)]
mod tests;
