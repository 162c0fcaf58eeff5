//! A network on loopback: one port per provider, blocks that come as time goes by.

use crate::answers::{Ending, Node, Reply, Request};
use crate::chain::Chain;
use crate::lies::Lie;
use crate::plan::{ChainPlan, PlanError};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rushlight_core::base::{Hash, UnixTime};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The most bytes of a request's body; CometBFT's own default.
const REQUEST_BYTES_MAX: usize = 1_000_000;
/// The most providers of one network.
pub const PROVIDERS_MAX: usize = 32;
/// The longest wait for a request's header.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What a network is to be like.
#[derive(Clone, Debug)]
pub struct DevnetPlan {
    /// The chain. Its genesis time is the user's choice; see [`DevnetPlan::timed`].
    pub chain: ChainPlan,
    /// What each provider does wrong; as many providers as there are entries, 1 to [`PROVIDERS_MAX`].
    pub providers: Vec<Option<Lie>>,
    /// Port of the first provider on 127.0.0.1, the others follow; 0 for any free ones.
    pub port: u16,
    /// The last height that is there from the start.
    pub tip: u64,
    /// Whether new blocks come, one per [`ChainPlan::block_interval`].
    pub grows: bool,
}

/// Why a network does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// The chain's plan cannot be followed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No providers, or too many.
    #[error("network has {got} providers, wanted are 1 to {PROVIDERS_MAX}")]
    Providers {
        /// Number of providers.
        got: usize,
    },
    /// A port cannot be used.
    #[error("cannot listen on {at}: {why}")]
    Listen {
        /// Address and port.
        at: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
}

impl DevnetPlan {
    /// Sets the genesis time so that the commit for the tip is published at `now`.
    pub fn timed(mut self, now: UnixTime) -> Self {
        let span = self.chain.published_time(self.tip).since(self.chain.genesis_time);
        let nanos = now.unix_nanos() - i128::try_from(span.as_nanos()).unwrap_or(0);
        self.chain.genesis_time = UnixTime::from_unix_nanos(nanos);
        self
    }
}

/// A running network. Dropping it stops it.
pub struct Devnet {
    urls: Vec<String>,
    network: Arc<Network>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

struct Network {
    /// The honest chain first, then those of providers with a chain of their own.
    chains: RwLock<Vec<Chain>>,
    providers: Vec<Provider>,
    tip: AtomicU64,
    answered: AtomicU64,
}

struct Provider {
    lie: Option<Lie>,
    /// Index of its chain.
    chain: usize,
}

impl Devnet {
    /// Makes the chain up to its tip and starts all providers. Must be called within a tokio runtime.
    ///
    /// Making the chain blocks the calling thread: see [`Chain::grow_to`] for what it costs.
    /// # Errors
    /// [`DevnetError`].
    pub async fn start(plan: DevnetPlan) -> Result<Self, DevnetError> {
        let got = plan.providers.len();
        if got == 0 || got > PROVIDERS_MAX {
            return Err(DevnetError::Providers { got });
        }
        let mut listeners = Vec::new();
        for number in 0..got {
            let port = if plan.port == 0 { 0 } else { plan.port.saturating_add(u16::try_from(number).unwrap_or(0)) };
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let listener = TcpListener::bind(at).await.map_err(|why| DevnetError::Listen { at, why })?;
            listeners.push(listener);
        }
        let network = Arc::new(Network::new(&plan)?);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut urls = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let at = listener
                .local_addr()
                .map_err(|why| DevnetError::Listen { at: SocketAddr::from((Ipv4Addr::LOCALHOST, plan.port)), why })?;
            urls.push(format!("http://{at}"));
            tasks.spawn(listen(listener, network.clone(), number, stopped.clone()));
        }
        if plan.grows {
            tasks.spawn(grow(network.clone(), plan.chain.clone(), stopped));
        }
        Ok(Self { urls, network, stop, tasks })
    }

    /// Returns the providers' URLs, in the order of the plan.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Returns the last height of the honest chain.
    pub fn tip(&self) -> u64 {
        self.network.tip.load(Ordering::Acquire)
    }

    /// Returns the hash of the honest header at `height`, or `None` if there is none yet.
    pub fn hash(&self, height: u64) -> Option<Hash> {
        self.network.chains().first()?.block_id(height).filter(|_| height <= self.tip()).map(|id| id.hash)
    }

    /// Returns the time of the honest header at `height`, or `None` if there is none yet.
    pub fn time(&self, height: u64) -> Option<UnixTime> {
        self.network.chains().first()?.header(height).filter(|_| height <= self.tip()).map(|header| header.time)
    }

    /// Returns how many requests all providers have answered.
    pub fn answered(&self) -> u64 {
        self.network.answered.load(Ordering::Relaxed)
    }

    /// Stops all providers and waits until they have.
    pub async fn stop(mut self) {
        // Nobody listens any more when all tasks have ended by themselves.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Returns what the system's clock says.
pub fn wall_clock() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since)
}

impl Network {
    fn new(plan: &DevnetPlan) -> Result<Self, PlanError> {
        let mut chains = vec![Chain::new(plan.chain.clone())?];
        let mut providers = Vec::new();
        for lie in &plan.providers {
            let served = lie.map_or_else(|| plan.chain.clone(), |lie| lie.plan(&plan.chain));
            let chain = match chains.iter().position(|chain| *chain.plan() == served) {
                Some(chain) => chain,
                None => {
                    chains.push(Chain::new(served)?);
                    chains.len() - 1
                }
            };
            providers.push(Provider { lie: *lie, chain });
        }
        chains.iter_mut().for_each(|chain| chain.grow_to(plan.tip));
        let tip = AtomicU64::new(chains.first().map_or(0, Chain::tip));
        Ok(Self { chains: RwLock::new(chains), providers, tip, answered: AtomicU64::new(0) })
    }

    fn chains(&self) -> RwLockReadGuard<'_, Vec<Chain>> {
        self.chains.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, number: usize, request: Request<'_>) -> Option<Reply> {
        self.answered.fetch_add(1, Ordering::Relaxed);
        let provider = self.providers.get(number)?;
        let chains = self.chains();
        let chain = chains.get(provider.chain)?;
        let tip = self.tip.load(Ordering::Acquire);
        Some(Node { chain, tip, lie: provider.lie, number: number as u32 }.answer(request))
    }
}

/// Adds each block when its commit is published.
async fn grow(network: Arc<Network>, plan: ChainPlan, mut stopped: watch::Receiver<bool>) {
    loop {
        let next = network.tip.load(Ordering::Acquire) + 1;
        let due = plan.published_time(next).since(wall_clock());
        tokio::select! {
            () = tokio::time::sleep(due) => {}
            _ = stopped.changed() => return,
        }
        network.chains.write().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(|chain| chain.grow_to(next));
        network.tip.store(next, Ordering::Release);
    }
}

async fn listen(listener: TcpListener, network: Arc<Network>, number: usize, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = stopped.changed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(_) => {
                // Out of file descriptors, for one; the connections that are open will give some back.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        // Without it an answer of several writes waits for the other side's delayed acknowledgement. If the option
        // cannot be set, answers are only slower.
        let _ = stream.set_nodelay(true);
        let network = network.clone();
        connections.spawn(async move {
            let service = service_fn(|request| exchange(&network, number, request));
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
            // A connection that breaks is the client's wish or the provider's lie; neither is ours to report.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn exchange(
    network: &Network,
    number: usize,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Told>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let reply = if parts.method == hyper::Method::POST {
        match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
            Ok(body) => network.answer(number, Request::Post { path, body: &body.to_bytes() }),
            Err(_) => return Ok(refusal(413)),
        }
    } else if parts.method == hyper::Method::GET || parts.method == hyper::Method::HEAD {
        network.answer(number, Request::Get { path, query: parts.uri.query().unwrap_or("") })
    } else {
        return Ok(refusal(405));
    };
    let Some(reply) = reply else { return Ok(refusal(500)) };
    tokio::time::sleep(reply.delay).await;
    Ok(respond(reply).await)
}

fn refusal(status: u16) -> hyper::Response<Told> {
    let mut response = hyper::Response::new(Told::Whole(None));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

async fn respond(reply: Reply) -> hyper::Response<Told> {
    let len = reply.body.len();
    let mut body = Bytes::from(reply.body);
    let mut response = hyper::Response::new(match reply.ending {
        Ending::Complete => Told::Whole(Some(body)),
        Ending::BreaksOff(sent) => Told::Broken { rest: Some(body.split_to(sent.min(len))), is_sent: false },
        Ending::Endless => Told::Endless(body),
        Ending::Never => std::future::pending().await,
    });
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if matches!(reply.ending, Ending::BreaksOff(_)) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    }
    if let Some(seconds) = reply.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A body as it is sent.
enum Told {
    Whole(Option<Bytes>),
    Broken { rest: Option<Bytes>, is_sent: bool },
    Endless(Bytes),
}

impl Body for Told {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(rest) => rest.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Broken { rest: rest @ Some(_), .. } => rest.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Broken { is_sent: is_sent @ false, .. } => {
                // What was given is written out only while there is nothing more to be had.
                *is_sent = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Self::Broken { .. } => Some(Err(io::Error::other("the lie: broken off"))),
            Self::Endless(bytes) => Some(Ok(Frame::data(bytes.clone()))),
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(rest) => SizeHint::with_exact(rest.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Broken { .. } | Self::Endless(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }
}
