//! The loop that owns a node: one task, which alone calls it. Sockets, files and threads report to it by channels.

use crate::clock::Clocks;
use crate::command::{AddChain, Command, CommandsFrom};
use crate::fetch::queue::Queue;
use crate::fetch::{Answered, Fetcher};
use crate::log;
use crate::meters::Meters;
use crate::outbox::{self, HELD_BYTES_MAX, Outbox};
use crate::pool::Pool;
use crate::store::{StoreClosed, StoreError, StoreHandle, Stored};
use rushlight_core::base::{ChainId, ClientId, FetchId, WorkId};
use rushlight_core::node::{Input, Node, Notice, Output, Pending};
use rushlight_core::peers::{FetchFailed, Fetched};
use rushlight_core::rpc::Answer;
use rushlight_core::work::Done;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::{debug, error};

/// Notices that wait for a subscriber; one that is slower misses the oldest.
pub(crate) const NOTICES_MAX: usize = 1_024;
/// After how many bytes of answers the driver looks at what all clients hold: it need not add that up for each.
const LOOK_BYTES: usize = HELD_BYTES_MAX / 16;
/// How long a shutdown waits for the disk.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// What comes back from the sockets, threads and disk.
///
/// The queue of these has no bound of its own: there is at most one for each fetch, work, save and load under way, and
/// those are bounded by the node and by [`Queue`]. With a bound, a thread could wait for the driver while the
/// driver waits for the thread.
#[derive(Debug)]
pub(crate) enum Event {
    Fetched(FetchId, Result<Answered, FetchFailed>),
    /// A fetch waits for memory (`true`), or no longer does.
    Held(FetchId, bool),
    /// A work has ended, after this long on its thread.
    Worked(WorkId, Done, Duration),
    Stored(Stored),
}

/// Why a driver stopped by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// The store broke while it was used.
    #[error("{0}")]
    Store(String),
    /// The disk did not take the last writes in time.
    #[error("the disk did not finish within {} ms; the last head may have to be synced again", CLOSE_TIMEOUT.as_millis())]
    DiskSlow,
}

/// The driver's own state.
pub(crate) struct Driver {
    pub(crate) node: Node,
    pub(crate) clocks: Clocks,
    pub(crate) fetcher: Fetcher,
    pub(crate) pool: Pool,
    pub(crate) store: StoreHandle,
    pub(crate) store_closed: StoreClosed,
    pub(crate) public: CommandsFrom,
    pub(crate) own: CommandsFrom,
    pub(crate) events: UnboundedReceiver<Event>,
    pub(crate) events_to: UnboundedSender<Event>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) chains: Chains,
    pub(crate) state: State,
}

/// The chains that the node follows, for everybody to read. The driver alone writes it, so that no chain is in the one
/// and not in the other when whoever adds or removes it gives up in between.
pub(crate) type Chains = Arc<RwLock<Vec<(String, ChainId)>>>;

/// What the driver keeps beside the node.
#[derive(Debug, Default)]
pub(crate) struct State {
    names: BTreeMap<ChainId, String>,
    clients: BTreeMap<ClientId, Outbox>,
    fetches: Queue,
    /// Bytes of answers given out since the sum of what clients hold was looked at.
    unlooked_bytes: usize,
    is_stopping: bool,
}

impl Driver {
    /// Drives the node until it is told to stop, everybody who could tell it is gone, or it cannot go on.
    pub(crate) async fn run(mut self) -> Result<(), Stopped> {
        let outcome = self.serve().await;
        let Self { mut state, store, store_closed, pool, .. } = self;
        state.fetches.abort();
        // Every client's answers end here, so sockets close while the disk finishes.
        drop((pool, state));
        let close = async {
            store.close().await;
            // It fails when the thread is gone, and that is what is waited for.
            let _ = store_closed.await;
        };
        let closed = tokio::time::timeout(CLOSE_TIMEOUT, close).await;
        outcome.and(closed.map_err(|_| Stopped::DiskSlow))
    }

    async fn serve(&mut self) -> Result<(), Stopped> {
        while !self.state.is_stopping {
            let deadline = self.node.deadline().map(|deadline| self.clocks.tokio_instant(deadline));
            tokio::select! {
                Some(event) = self.events.recv() => self.take_event(event)?,
                // Whichever is taken, the other has the same chance the next time.
                Some(command) = self.public.next() => self.take_command(command),
                command = self.own.next() => match command {
                    Some(command) => self.take_command(command),
                    None => return Ok(()),
                },
                () = until(deadline) => self.handle(Input::Tick),
            }
            self.carry_out().await;
        }
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>) {
        self.node.handle(self.clocks.now(), input);
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::AddChain(chain) => self.add_chain(chain),
            Command::RemoveChain { chain, done } => {
                self.node.remove_chain(self.clocks.now(), chain);
                self.state.names.remove(&chain);
                self.chains.write().unwrap_or_else(PoisonError::into_inner).retain(|(_, id)| *id != chain);
                // It fails when nobody waits for it.
                let _ = done.send(());
            }
            Command::Join { client, scope, kind, outbox } => {
                self.state.clients.insert(client, outbox);
                self.handle(Input::Joined(client, scope, kind));
            }
            Command::Leave(client) => {
                self.state.clients.remove(&client);
                self.handle(Input::Left(client));
            }
            Command::IsLetIn { client, reply } => {
                // Whoever was one too many was hung up on when it joined.
                let _ = reply.send(self.state.clients.contains_key(&client));
            }
            Command::Ask { client, call } => {
                // A client that was hung up on may not have noticed yet.
                if self.state.clients.contains_key(&client) {
                    self.handle(Input::Asked(client, call.as_call()));
                }
            }
            Command::Drained { client, bytes } => self.handle(Input::Drained(client, bytes)),
            Command::Stats(reply) => {
                let _ = reply.send(self.node.stats(self.clocks.now()));
            }
            Command::Shutdown => self.state.is_stopping = true,
        }
    }

    fn add_chain(&mut self, chain: AddChain) {
        let AddChain { name, spec, saved, reply } = chain;
        let added = self.node.add_chain(self.clocks.now(), &name, spec, saved.as_deref());
        if let Ok(id) = &added {
            self.state.names.insert(*id, name.clone());
            self.chains.write().unwrap_or_else(PoisonError::into_inner).push((name, *id));
        }
        // It fails when nobody waits for it.
        let _ = reply.send(added);
    }

    fn take_event(&mut self, event: Event) -> Result<(), Stopped> {
        match event {
            Event::Fetched(id, answer) => {
                self.state.fetches.ended(id);
                self.start_fetches(None);
                self.handle(match &answer {
                    Ok(Answered { status, retry_after_s, body }) => {
                        Input::Fetched(id, Ok(Fetched { status: *status, retry_after_s: *retry_after_s, body }))
                    }
                    Err(failed) => Input::Fetched(id, Err(*failed)),
                });
            }
            Event::Held(id, true) => self.handle(Input::Held(id)),
            Event::Held(id, false) => self.handle(Input::Released(id)),
            Event::Worked(id, done, took) => {
                self.meters.work(&done, took);
                self.handle(Input::Worked(id, done));
            }
            Event::Stored(Stored::Saved(id, is_saved)) => self.handle(Input::Saved(id, is_saved)),
            Event::Stored(Stored::Loaded(id, blob)) => self.handle(Input::Loaded(id, blob.as_deref())),
            Event::Stored(Stored::Written(took)) => self.meters.store_write(took),
            Event::Stored(Stored::Failed(failed)) => {
                error!(error = %failed, "the store failed");
                // A full or failing disk may recover, and until then no head is published. A broken file does not.
                if matches!(failed, StoreError::Corrupt { .. } | StoreError::Newer { .. }) {
                    return Err(Stopped::Store(failed.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Carries out what the node wants done, to the last.
    async fn carry_out(&mut self) {
        while let Some(output) = self.node.poll() {
            match output {
                Output::Fetch(id, fetch) => {
                    self.state.fetches.push(id, fetch);
                    self.start_fetches(Some(id));
                    if self.state.fetches.is_waiting(id) {
                        self.handle(Input::Held(id));
                    }
                }
                Output::Save(id, chain, snapshot) => {
                    let name = self.state.names.get(&chain).cloned();
                    match name {
                        Some(name) => self.store.save(id, name, snapshot.0).await,
                        // The chain was removed since; what it wanted saved is not acknowledged.
                        None => self.handle(Input::Saved(id, false)),
                    }
                }
                Output::Put(blob) => self.store.put(blob.hash, blob.bytes).await,
                Output::Load(id, hash) => self.store.load(id, hash).await,
                Output::Drop(hash) => self.store.drop_blob(hash).await,
                Output::Work(id, work) => self.pool.run(id, work),
                Output::Cancel(pending) => self.cancel(pending),
                Output::Reply(client, answer) => self.reply(client, answer),
                Output::Hangup(client) => self.hang_up(client),
                Output::Notice(notice) => self.tell(notice),
            }
        }
    }

    /// Starts all fetches that may be made; all but the `new` one have waited.
    fn start_fetches(&mut self, new: Option<FetchId>) {
        while let Some((id, fetch)) = self.state.fetches.next() {
            if new != Some(id) {
                self.handle(Input::Released(id));
            }
            let (fetcher, events, meters) = (self.fetcher.clone(), self.events_to.clone(), Arc::clone(&self.meters));
            let share = fetch.share;
            let task = tokio::spawn(async move {
                let started = Instant::now();
                // Sending fails only when the driver is gone.
                let held = |is_held| drop(events.send(Event::Held(id, is_held)));
                let answer = fetcher.fetch_held(fetch, &held).await;
                meters.request(outcome(&answer), started.elapsed());
                let _ = events.send(Event::Fetched(id, answer));
            });
            self.state.fetches.started(id, share, task.abort_handle());
        }
    }

    fn cancel(&mut self, pending: Pending) {
        match pending {
            Pending::Fetch(id) => {
                self.state.fetches.cancel(id);
                self.start_fetches(None);
            }
            Pending::Work(id) => self.pool.cancel(id),
            // Reading a blob takes less time than looking for it in the queue.
            Pending::Load(_) => {}
        }
    }

    fn reply(&mut self, client: ClientId, answer: Answer) {
        let Some(outbox) = self.state.clients.get(&client) else { return };
        self.state.unlooked_bytes = self.state.unlooked_bytes.saturating_add(outbox::bytes(&answer));
        if !outbox.put(answer) {
            self.hang_up(client);
        }
        if self.state.unlooked_bytes >= LOOK_BYTES {
            self.hang_up_on_the_largest();
        }
    }

    /// Hangs up on those who hold most until all clients together hold no more than they may.
    fn hang_up_on_the_largest(&mut self) {
        self.state.unlooked_bytes = 0;
        let held = self.state.clients.iter().map(|(client, outbox)| (outbox.held_bytes(), *client));
        let mut held: Vec<(usize, ClientId)> = held.collect();
        let mut sum: usize = held.iter().map(|(bytes, _)| bytes).sum();
        held.sort_unstable();
        while sum > HELD_BYTES_MAX
            && let Some((bytes, client)) = held.pop()
        {
            debug!(client = client.0, bytes, "a client holds more than others, and all of them hold too much");
            self.hang_up(client);
            sum = sum.saturating_sub(bytes);
        }
    }

    /// Ends a client. Its place is free at once: its socket may take as long as it likes to notice.
    fn hang_up(&mut self, client: ClientId) {
        if let Some(outbox) = self.state.clients.remove(&client) {
            outbox.hang_up();
            self.handle(Input::Left(client));
        }
    }

    fn tell(&self, notice: Notice) {
        let name = match &notice {
            Notice::Head(chain, _) | Notice::Chain(chain, _) => self.state.names.get(chain).map(String::as_str),
            _ => None,
        };
        log::log(name.unwrap_or_default(), &notice);
        // It fails when nobody listens.
        let _ = self.notices.send(notice);
    }
}

/// Returns in one word what became of a request, for metrics.
fn outcome(answer: &Result<Answered, FetchFailed>) -> &'static str {
    match answer {
        Ok(Answered { status: 200, .. }) => "ok",
        Ok(_) => "status",
        Err(FetchFailed::TimedOut) => "timeout",
        Err(_) => "failed",
    }
}

/// Waits until `deadline`; for ever without one.
async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
