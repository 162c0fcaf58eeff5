//! The Rust API: a light client in this process.

use crate::clock::Clocks;
use crate::command::{self, AddChain, Command};
use crate::driver::{Chains, Driver, Event, NOTICES_MAX, State, Stopped};
use crate::fetch::Fetcher;
use crate::limit;
use crate::listener::Seats;
use crate::meters::{Measured, Meters, OpenSocket};
use crate::pool::Pool;
use crate::session::{Closed, OwnedCall, Session, Sessions};
use crate::store::{STORE_FILE, Store, StoreError, StoreHandle};
use rushlight_core::base::ChainId;
use rushlight_core::chains::ChainSpec;
use rushlight_core::node::{self, Config, Node, Notice, Stats};
use rushlight_core::rpc::{Access, ClientKind, Scope};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// How to start a [`Client`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The folder of the store; made when it is not there. One process owns it at a time.
    pub data_dir: PathBuf,
    /// Worker threads for signatures; one per core when `None`.
    pub threads: Option<NonZeroUsize>,
}

impl Options {
    /// Returns options with everything but the folder at its default.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), threads: None }
    }
}

/// Why a client cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system refuses a thread.
    #[error("no thread can be started: {0}; raise the limit on threads of this user")]
    Thread(std::io::Error),
    /// The operating system has no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// Why a chain cannot be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddChainError {
    /// The node refuses it: the name is taken, or what was saved is damaged.
    #[error(transparent)]
    Node(#[from] node::AddChainError),
    /// What was saved cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client has stopped.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// A running light client. Clones are handles to the same one; it stops when [`Client::shutdown`] is called or the last
/// handle is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    sessions: Sessions,
    store: StoreHandle,
    notices: broadcast::WeakSender<Notice>,
    chains: Chains,
    stopped: watch::Receiver<Option<Result<(), Stopped>>>,
    meters: Arc<Meters>,
    seats: Arc<Seats>,
}

impl Client {
    /// Starts a client without chains on the current tokio runtime.
    /// # Errors
    /// [`StartError`].
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Random)?;
        let (public, public_from) = command::queue();
        let (own, own_from) = command::queue();
        let (events_to, events) = mpsc::unbounded_channel();
        let (notices, _) = broadcast::channel(NOTICES_MAX);
        let store = Store::open(&options.data_dir)?;
        let stored = events_to.clone();
        let (store, store_closed) = StoreHandle::start(store, move |what| drop(stored.send(Event::Stored(what))))
            .map_err(StartError::Thread)?;
        let worked = events_to.clone();
        let pool = Pool::new(options.threads, move |id, done, took| drop(worked.send(Event::Worked(id, done, took))));
        let meters = Arc::new(Meters::new(options.data_dir.join(STORE_FILE)));
        let chains = Chains::default();
        let driver = Driver {
            meters: Arc::clone(&meters),
            node: Node::new(Config::default(), seed),
            clocks: Clocks::new(),
            fetcher: Fetcher::new(),
            pool: pool.map_err(StartError::Thread)?,
            store: store.clone(),
            store_closed,
            public: public_from,
            own: own_from,
            events,
            events_to,
            notices: notices.clone(),
            chains: Arc::clone(&chains),
            state: State::default(),
        };
        let (stop, stopped) = watch::channel(None);
        let notices = notices.downgrade();
        tokio::spawn(async move {
            let outcome = driver.run().await;
            let _ = stop.send(Some(outcome));
        });
        let sessions = Sessions { public, own, next_id: Arc::new(AtomicU64::new(1)) };
        let seats = Arc::new(Seats::new(limit::connections_max()));
        Ok(Self { sessions, store, notices, chains, stopped, meters, seats })
    }

    /// Follows a chain under `name`, from where the store says that it was left.
    /// # Errors
    /// [`AddChainError`].
    pub async fn add_chain(&self, name: &str, spec: ChainSpec) -> Result<ChainId, AddChainError> {
        let saved = self.store.snapshot(name).await?;
        let (reply, added) = oneshot::channel();
        self.command(Command::AddChain(AddChain { name: name.to_owned(), spec, saved, reply })).await?;
        Ok(added.await.map_err(|_| Closed)??)
    }

    /// Stops following a chain. What was saved of it stays in the store.
    /// # Errors
    /// [`Closed`].
    pub async fn remove_chain(&self, chain: ChainId) -> Result<(), Closed> {
        let (done, removed) = oneshot::channel();
        self.command(Command::RemoveChain { chain, done }).await?;
        removed.await.map_err(|_| Closed)
    }

    /// Returns the chains that are followed, in the order in which they were added.
    #[must_use]
    pub fn chains(&self) -> Vec<(String, ChainId)> {
        self.chains.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers JSON-RPC text (a request or a batch) about `chain`, or about the node as a whole. Returns the answer's
    /// text, empty for a notification.
    /// # Errors
    /// [`Closed`]. What is wrong with the request stands in the answer.
    pub async fn call(&self, chain: Option<ChainId>, text: &str) -> Result<String, Closed> {
        let scope = Scope { chain, access: Access::Public };
        let mut session = self.connect(scope, ClientKind::Exchange).await?;
        session.caller.ask(OwnedCall::Text(text.to_owned())).await?;
        let answer = session.answers.next().await.ok_or(Closed)?;
        Ok(answer.body.map(|body| body.text()).unwrap_or_default())
    }

    /// Connects an RPC client: for many calls, whose answers come as they are ready, and for subscriptions.
    /// # Errors
    /// [`Closed`].
    pub async fn connect(&self, scope: Scope, kind: ClientKind) -> Result<Session, Closed> {
        self.sessions.join(scope, kind).await
    }

    /// Returns notices from now on. A receiver that is slower than they come misses the oldest and is told how many.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        match self.notices.upgrade() {
            Some(notices) => notices.subscribe(),
            // The driver is gone: a receiver that is at its end.
            None => broadcast::channel(1).1,
        }
    }

    /// Returns counters and gauges.
    /// # Errors
    /// [`Closed`].
    pub async fn stats(&self) -> Result<Stats, Closed> {
        let (reply, stats) = oneshot::channel();
        self.command(Command::Stats(reply)).await?;
        stats.await.map_err(|_| Closed)
    }

    /// Returns what this process measured.
    #[must_use]
    pub fn measured(&self) -> Measured {
        self.meters.read()
    }

    pub(crate) fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// Counts a WebSocket as open until the value is dropped.
    pub(crate) fn open_socket(&self) -> OpenSocket {
        self.meters.websocket()
    }

    /// Stops the client and returns when the store is closed: within two seconds, whatever the network does.
    /// # Errors
    /// [`Stopped`], if it stopped by itself before, or the disk did not finish.
    pub async fn shutdown(self) -> Result<(), Stopped> {
        // It fails when the driver is gone already, which is as good.
        let _ = self.command(Command::Shutdown).await;
        wait(self.stopped).await
    }

    /// Returns when the client has stopped, for whatever reason.
    /// # Errors
    /// [`Stopped`], if it stopped by itself.
    pub async fn stopped(&self) -> Result<(), Stopped> {
        wait(self.stopped.clone()).await
    }

    async fn command(&self, command: Command) -> Result<(), Closed> {
        self.sessions.own.send(command).await
    }
}

async fn wait(mut stopped: watch::Receiver<Option<Result<(), Stopped>>>) -> Result<(), Stopped> {
    match stopped.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
        // The task was dropped together with its runtime.
        Err(_) => Ok(()),
    }
}
