//! The HTTP listener: JSON-RPC by POST, GET routes, WebSockets, metrics.
//!
//! It maps bytes, headers and status, no more: who is let in is decided by `rpc::http::admission`, what a call means by the
//! node. Connections are bounded in number, heads and bodies in size and time before anything is kept of them.

mod body;
mod connection;
mod doing;
mod respond;
mod seats;
mod stream;

pub(crate) use body::HttpAnswer;
pub(crate) use respond::too_many;
pub(crate) use seats::Seats;
pub(crate) use stream::Stream;

use crate::client::Client;
use crate::meters::Measured;
use rushlight_core::base::ChainId;
use rushlight_core::node::Stats;
use rushlight_core::rpc::http::admission::{self, ListenerError};
use rushlight_core::rpc::limits::PROBES_MAX;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tracing::warn;

/// How long a client may take for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How many bytes of a body are read without waiting for a turn.
const BODY_SMALL_BYTES: usize = 64 << 10;
/// How many bodies may be larger than [`BODY_SMALL_BYTES`] at once.
const LARGE_BODIES_MAX: usize = 8;
/// How long to wait after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
        let shared = Shared {
            client: self.clone(),
            allowed,
            chain: options.chain,
            metrics: options.metrics,
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES_MAX)),
            probes: Semaphore::new(PROBES_MAX),
        };
        Ok(Listening { address, task: tokio::spawn(accept(socket, Arc::new(shared))) })
    }
}

struct Shared {
    client: Client,
    allowed: admission::Listener,
    chain: Option<ChainId>,
    metrics: Option<Metrics>,
    large_bodies: Arc<Semaphore>,
    probes: Semaphore,
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    let seats = Arc::clone(shared.client.seats());
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        seats.make_room().await;
        let seat = seats.seat();
        let connection = seat.connection();
        let task = connections.spawn(connection::serve(stream, seat, Arc::clone(&shared)));
        seats.served_by(connection, task);
    }
}
