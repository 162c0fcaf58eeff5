//! The HTTP listener: JSON-RPC by POST, GET routes, WebSockets, metrics.
//!
//! It maps bytes, headers and status, no more: who is let in is decided by `rpc::http::admission`, what a call means by the
//! node. Clients are bounded in number, heads and bodies in size and time before anything is kept of them.

use crate::client::Client;
use crate::meters::Measured;
use crate::session::{Closed, OwnedCall};
use crate::websocket::{self, Upgraded};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rushlight_core::base::ChainId;
use rushlight_core::node::Stats;
use rushlight_core::rpc::http::admission::{self, Admitted, HttpRequest, ListenerError, admit};
use rushlight_core::rpc::http::routes::{self, Effect};
use rushlight_core::rpc::limits::{BODY_BYTES_MAX, CLIENTS_MAX};
use rushlight_core::rpc::{Access, Answer, ClientKind, Scope};
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

/// The largest head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long a client may take for a request's head, and stay idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How many bytes of a body are read without waiting for a turn.
const BODY_SMALL_BYTES: usize = 64 << 10;
/// How many bodies may be larger than [`BODY_SMALL_BYTES`] at once.
const LARGE_BODIES_MAX: usize = 8;
/// How long to wait after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Writes the text of `/metrics`.
pub type Metrics = Arc<dyn Fn(&Stats, &Measured) -> String + Send + Sync>;

/// Where and to whom to listen.
#[derive(Clone)]
#[non_exhaustive]
pub struct ListenOptions {
    /// The address; with port 0 the system chooses one.
    pub address: SocketAddr,
    /// Names beside loopback addresses and its own that a request's `Host` may carry.
    pub allowed_hosts: Vec<String>,
    /// Web origins that may call.
    pub allowed_origins: Vec<String>,
    /// The one chain that is served; when `None` all are, each below its name, and the first at the root too.
    pub chain: Option<ChainId>,
    /// What answers `/metrics`; 404 when `None`.
    pub metrics: Option<Metrics>,
}

impl ListenOptions {
    /// Returns options that let in local clients which are no web pages.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, allowed_hosts: Vec::new(), allowed_origins: Vec::new(), chain: None, metrics: None }
    }
}

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenOptions")
            .field("address", &self.address)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen at {address}: {why}; name another address with --listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// Who is to be let in is not said well.
    #[error("{0}; see --allow-host and --allow-origin")]
    Allowed(#[from] ListenerError),
}

/// A running listener; dropping it closes it and all its connections.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Returns the address, with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Listens for RPC clients.
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(&self, options: ListenOptions) -> Result<Listening, ListenError> {
        let failed = |why| ListenError::Bind { address: options.address, why };
        let socket = TcpListener::bind(options.address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let allowed = admission::Listener::new(address, &options.allowed_hosts, &options.allowed_origins)?;
        let large_bodies = Semaphore::new(LARGE_BODIES_MAX);
        let shared =
            Shared { client: self.clone(), allowed, chain: options.chain, metrics: options.metrics, large_bodies };
        Ok(Listening { address, task: tokio::spawn(accept(socket, Arc::new(shared))) })
    }
}

struct Shared {
    client: Client,
    allowed: admission::Listener,
    chain: Option<ChainId>,
    metrics: Option<Metrics>,
    large_bodies: Semaphore,
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Above the bound further clients wait in the system's backlog until one leaves.
        if connections.len() >= CLIENTS_MAX {
            connections.join_next().await;
        }
        match socket.accept().await {
            Ok((stream, _)) => drop(connections.spawn(serve(stream, Arc::clone(&shared)))),
            Err(error) => {
                warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // It only makes small answers faster.
    let _ = stream.set_nodelay(true);
    let upgraded = Arc::new(Upgraded::default());
    let service = service_fn(|request| {
        let (shared, upgraded) = (Arc::clone(&shared), Arc::clone(&upgraded));
        async move { Ok::<_, Infallible>(shared.respond(request, &upgraded).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        debug!(%error, "connection ended");
    }
    if let Some(socket) = upgraded.take() {
        socket.await;
    }
}

type HttpAnswer = Response<Full<Bytes>>;

/// Where a request goes: its scope, and the path without the prefix that selected the chain.
struct Target {
    scope: Scope,
    path: String,
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>, upgraded: &Upgraded) -> HttpAnswer {
        let target = self.target(&request);
        let headers = match self.admit(&request, routes::effect(&target.path)) {
            Ok(Admitted::Serve(headers)) => headers,
            Ok(Admitted::Preflight(headers)) => {
                return with_headers(text(StatusCode::NO_CONTENT, String::new()), headers);
            }
            Err(refusal) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
                return with_headers(text(status, format!("{refusal}\n")), refusal.headers());
            }
        };
        let answer = if request.method() == Method::POST {
            self.post(request, target).await
        } else if request.method() == Method::GET && websocket::is_upgrade(request.headers()) {
            websocket::accept(&self.client, request, target.scope, upgraded).await
        } else {
            // Of a HEAD too: the server leaves the body out, and says how long it would be.
            self.get(&request, target).await
        };
        with_headers(
            answer.unwrap_or_else(|Closed| text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned())),
            headers,
        )
    }

    fn admit(&self, request: &Request<Incoming>, effect: Effect) -> Result<Admitted, admission::Refusal> {
        let values = |name: HeaderName| -> Vec<&str> {
            // What is no text is no header that could be let in; it still counts as one.
            request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}")).collect()
        };
        let target = request.uri();
        let is_path = target.scheme().is_none() && target.authority().is_none();
        let path = target.path_and_query().map_or("", |path| path.as_str());
        let (host, origin) = (values(header::HOST), values(header::ORIGIN));
        let (fetch_site, user_agent) = (values(SEC_FETCH_SITE), values(header::USER_AGENT));
        let content_type = values(header::CONTENT_TYPE);
        let request = HttpRequest {
            method: request.method().as_str(),
            path: if is_path { path } else { "" },
            host: &host,
            origin: &origin,
            fetch_site: &fetch_site,
            user_agent: &user_agent,
            content_type: &content_type,
            effect,
        };
        admit(&self.allowed, request)
    }

    fn target(&self, request: &Request<Incoming>) -> Target {
        let path = request.uri().path();
        let scope = |chain| Scope { chain, access: Access::Public };
        if self.chain.is_some() {
            return Target { scope: scope(self.chain), path: path.to_owned() };
        }
        let chains = self.client.chains();
        let below = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = below.split_once('/').unwrap_or((below, ""));
        let is_chain = |name: &str| name == first && !routes::is_route(name);
        if let Some((_, chain)) = chains.iter().find(|(name, _)| is_chain(name)) {
            return Target { scope: scope(Some(*chain)), path: format!("/{rest}") };
        }
        // At the root, health is that of all chains; everything else is about the first.
        let is_health = matches!(*request.method(), Method::GET | Method::HEAD) && matches!(path, "/livez" | "/readyz");
        let chain = chains.first().map(|(_, chain)| *chain).filter(|_| !is_health);
        Target { scope: scope(chain), path: path.to_owned() }
    }

    async fn get(&self, request: &Request<Incoming>, target: Target) -> Result<HttpAnswer, Closed> {
        if let ("/metrics", Some(metrics)) = (target.path.as_str(), &self.metrics) {
            let stats = self.client.stats().await?;
            let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
            let mut answer = text(StatusCode::OK, metrics(&stats, &self.client.measured()));
            answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
            return Ok(answer);
        }
        let if_none_match = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let call = OwnedCall::Get {
            path: target.path,
            query: request.uri().query().unwrap_or_default().to_owned(),
            if_none_match: if_none_match.map(str::to_owned),
        };
        self.exchange(target.scope, call).await
    }

    async fn post(&self, request: Request<Incoming>, target: Target) -> Result<HttpAnswer, Closed> {
        match tokio::time::timeout(BODY_TIMEOUT, self.read(request.into_body())).await {
            Ok(Ok(bytes)) => {
                // What is not UTF-8 is not JSON; the node says so in JSON-RPC's own words.
                let text = String::from_utf8(bytes).unwrap_or_else(|_| "\u{fffd}".to_owned());
                self.exchange(target.scope, OwnedCall::Text(text)).await
            }
            Ok(Err(refused)) => Ok(refused),
            Err(_) => Ok(text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n".to_owned())),
        }
    }

    /// Reads a body of at most [`BODY_BYTES_MAX`]; one that announces more is refused before it is read.
    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, HttpAnswer> {
        let too_large = || {
            let text = text(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {BODY_BYTES_MAX} bytes\n"));
            // What the client still sends is not read.
            with_headers(text, vec![("connection", "close".to_owned())])
        };
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        let mut turn = None;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| text(StatusCode::BAD_REQUEST, "the body broke off\n".to_owned()))?;
            let Some(chunk) = frame.data_ref() else { continue };
            let size = bytes.len().saturating_add(chunk.len());
            if size > BODY_BYTES_MAX {
                return Err(too_large());
            }
            if size > BODY_SMALL_BYTES && turn.is_none() {
                turn = self.large_bodies.acquire().await.ok();
            }
            bytes.extend_from_slice(chunk);
        }
        Ok(bytes)
    }

    async fn exchange(&self, scope: Scope, call: OwnedCall) -> Result<HttpAnswer, Closed> {
        let mut session = self.client.connect(scope, ClientKind::Exchange).await?;
        session.caller.ask(call).await?;
        // Without an answer the node hung up: there are too many clients.
        Ok(match session.answers.next().await {
            Some(answer) => http_answer(answer),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "too many clients; try again later\n".to_owned()),
        })
    }
}

/// Turns an answer into HTTP: the head that it is proven at stands in headers, for clients that know no JSON of ours.
fn http_answer(answer: Answer) -> HttpAnswer {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let has_body = answer.body.is_some();
    let mut http = Response::new(Full::new(Bytes::from(answer.body.unwrap_or_default())));
    *http.status_mut() = status;
    let cached = answer.max_age.map_or_else(|| "no-store".to_owned(), |seconds| format!("max-age={seconds}"));
    let mut headers = vec![("cache-control", cached)];
    if has_body {
        headers.push(("content-type", "application/json".to_owned()));
    }
    headers.extend(answer.etag.map(|etag| ("etag", etag.to_string())));
    if let Some(proven) = answer.proven {
        let certainty = proven.certainty;
        let witnesses = format!("{}/{}", certainty.witnesses_agreeing, certainty.witnesses_asked);
        headers.extend([
            ("rushlight-height", proven.height.to_string()),
            ("rushlight-hash", proven.hash.to_string()),
            ("rushlight-finality", certainty.finality.word().to_owned()),
            ("rushlight-witnesses", witnesses),
        ]);
        headers.extend(proven.time.map(|time| ("rushlight-time", time.to_string())));
    }
    with_headers(http, headers)
}

fn text(status: StatusCode, body: String) -> HttpAnswer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

fn with_headers(mut answer: HttpAnswer, headers: Vec<(&'static str, String)>) -> HttpAnswer {
    // A page that shows an answer of ours must not have it taken for something else.
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    insert(answer.headers_mut(), headers);
    answer
}

fn insert(to: &mut HeaderMap, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            to.insert(HeaderName::from_static(name), value);
        }
    }
}
