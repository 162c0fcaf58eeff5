//! `rushlight run`: the daemon.

use crate::failure::{Exit, Failure};
use crate::{metrics, progress};
use indicatif::MultiProgress;
use rushlight::core::base::ChainId;
use rushlight::core::chains::SyncState;
use rushlight::core::node::{Notice, Stats};
use rushlight::{ChainFile, Client, ListenOptions, Listening, Measured, Options, Settings};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// How often the daemon looks whether any chain can still go on.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Follows the chains of the settings until a signal comes or none of them can go on.
pub(crate) async fn run(settings: &Settings, bars: MultiProgress) -> Result<(), Failure> {
    // Before anything is opened, so that a signal at any moment closes what is open.
    let stop = signals()?;
    rushlight::allow_many_files();
    let files = chain_files(settings)?;
    let client = start(settings)?;
    let served = serve(&client, settings, &files, bars, stop).await;
    let stopped = client.shutdown().await;
    served?;
    info!("stopped");
    Ok(stopped?)
}

/// Reads the chain files of the settings.
pub(crate) fn chain_files(settings: &Settings) -> Result<Vec<ChainFile>, Failure> {
    if settings.chain.is_empty() {
        let text = "no chain to follow: name a chain file with --chain FILE; `rushlight init URL… -o FILE` makes one";
        return Err(Failure::new(Exit::Config, text));
    }
    settings.chain.iter().map(|path| Ok(ChainFile::read(path)?)).collect()
}

/// Opens the store of the settings and starts a client on it.
pub(crate) fn start(settings: &Settings) -> Result<Client, Failure> {
    let mut options = Options::new(&settings.data_dir);
    options.threads = settings.threads;
    Ok(Client::start(options)?)
}

/// Follows the chains of `files`; returns their names.
pub(crate) async fn add_chains(client: &Client, files: &[ChainFile]) -> Result<BTreeMap<ChainId, String>, Failure> {
    let mut names = BTreeMap::new();
    for file in files {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.path.display());
        let id = client.add_chain(&file.name, file.spec.clone()).await.map_err(|error| {
            let text = at(&error);
            Failure::new(Failure::from(error).exit, text)
        })?;
        info!(chain = file.name, chain_id = file.chain_id(), providers = file.providers().len(), "following");
        names.insert(id, file.name.clone());
    }
    Ok(names)
}

async fn serve(
    client: &Client,
    settings: &Settings,
    files: &[ChainFile],
    bars: MultiProgress,
    stop: impl Future<Output = &'static str>,
) -> Result<(), Failure> {
    let notices = client.notices();
    let asked = client.notices();
    let names = add_chains(client, files).await?;
    let _progress = Task(tokio::spawn(progress::show(notices, names.clone(), bars)));
    let _control = client.control(&settings.data_dir)?;
    let _listening = listen(client, settings, files, &names).await?;
    tokio::select! {
        signal = stop => info!(signal, "stopping"),
        () = shutdown_asked(asked) => info!("asked to stop"),
        stopped = client.stopped() => stopped?,
        ended = all_ended(client) => return Err(ended),
    }
    Ok(())
}

/// A task that ends with what it serves.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listen(
    client: &Client,
    settings: &Settings,
    files: &[ChainFile],
    names: &BTreeMap<ChainId, String>,
) -> Result<Vec<Listening>, Failure> {
    let mut wanted = Vec::new();
    wanted.extend(settings.listen.map(|address| (address, None)));
    for file in files {
        let chain = names.iter().find(|(_, name)| **name == file.name).map(|(id, _)| *id);
        wanted.extend(file.listen.map(|address| (address, chain)));
    }
    let mut listening = Vec::new();
    for (address, chain) in wanted {
        let mut options = listen_options(settings, address);
        options.chain = chain;
        let listener = client.listen(options).await?;
        let chain = chain.and_then(|chain| names.get(&chain)).map_or("all", String::as_str);
        info!(address = %listener.address(), chain, "listening");
        listening.push(listener);
    }
    Ok(listening)
}

/// Returns options for a listener that serves everything and lets in whom the settings say.
pub(crate) fn listen_options(settings: &Settings, address: SocketAddr) -> ListenOptions {
    let mut options = ListenOptions::new(address);
    options.allowed_hosts.clone_from(&settings.allow_host);
    options.allowed_origins.clone_from(&settings.allow_origin);
    options.metrics = Some(Arc::new(|stats: &Stats, measured: &Measured| {
        metrics::encode(stats, measured, rushlight::wall().seconds(), metrics::resident_bytes())
    }));
    options
}

/// Starts to catch the signals that stop a daemon; resolves to the name of the first that comes.
pub(crate) fn signals() -> Result<impl Future<Output = &'static str>, Failure> {
    let catch = |kind| signal(kind).map_err(|error| crate::failure::io("signals cannot be caught", &error));
    let (mut terminate, mut interrupt): (Signal, Signal) =
        (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

async fn shutdown_asked(mut notices: tokio::sync::broadcast::Receiver<Notice>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match notices.recv().await {
            Ok(Notice::ShutdownAsked) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // The client has stopped, which somebody else sees.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Resolves when no chain can go on by itself.
async fn all_ended(client: &Client) -> Failure {
    let mut looks = tokio::time::interval(LOOK_PAUSE);
    loop {
        looks.tick().await;
        let Ok(stats) = client.stats().await else { return std::future::pending().await };
        let ended: Vec<Failure> =
            stats.chains.iter().filter_map(|(_, name, status)| ended(name, &status.state)).collect();
        if ended.len() < stats.chains.len() || ended.is_empty() {
            continue;
        }
        let worst = ended.iter().position(|failure| failure.exit == Exit::Frozen).unwrap_or(0);
        return ended.into_iter().nth(worst).unwrap_or_else(|| Failure::new(Exit::Other, "no chain can go on"));
    }
}

/// Returns why a chain cannot go on by itself, and what to do about it.
pub(crate) fn ended(name: &str, state: &SyncState) -> Option<Failure> {
    match state {
        SyncState::Expired(why) => Some(Failure::new(
            Exit::TrustExpired,
            // What to do about it stands in the reason.
            format!("{name}: trust has expired: {why}"),
        )),
        SyncState::Frozen(why) => Some(Failure::new(
            Exit::Frozen,
            format!(
                "{name}: frozen by evidence of an attack: {why}; `rushlight doctor --set-aside-store` keeps the evidence"
            ),
        )),
        SyncState::Synced | SyncState::Syncing(_) | SyncState::Stale(_) | SyncState::Broken(_) => None,
    }
}
