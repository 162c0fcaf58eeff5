//! What the handles ask of the driver, and the queues in which it gets there.
//!
//! Everything about one client travels in one queue: it joins, asks and leaves in the order in which it did. With a queue
//! of its own a good-bye could overtake its client, who would then be kept for ever.

use crate::outbox::Outbox;
use crate::session::{Closed, OwnedCall};
use rushlight_core::base::{ChainId, ClientId};
use rushlight_core::chains::ChainSpec;
use rushlight_core::node::{AddChainError, Stats};
use rushlight_core::rpc::{ClientKind, Scope};
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Commands of one queue that wait for the driver; above it whoever sends waits. Good-byes come beside them, one for each client.
const COMMANDS_MAX: usize = 256;

/// What the handles ask of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    AddChain(AddChain),
    RemoveChain { chain: ChainId, done: oneshot::Sender<()> },
    Join { client: ClientId, scope: Scope, kind: ClientKind, outbox: Outbox },
    IsLetIn { client: ClientId, reply: oneshot::Sender<bool> },
    Ask { client: ClientId, call: OwnedCall },
    Drained { client: ClientId, bytes: usize },
    Leave(ClientId),
    Stats(oneshot::Sender<Stats>),
    Shutdown,
}

/// A chain to follow.
#[derive(Debug)]
pub(crate) struct AddChain {
    pub(crate) name: String,
    pub(crate) spec: ChainSpec,
    pub(crate) saved: Option<Vec<u8>>,
    pub(crate) reply: oneshot::Sender<Result<ChainId, AddChainError>>,
}

/// Makes a queue.
pub(crate) fn queue() -> (Commands, CommandsFrom) {
    let (queue, from) = mpsc::unbounded_channel();
    (Commands { queue, places: Arc::new(Semaphore::new(COMMANDS_MAX)) }, CommandsFrom(from))
}

/// The end into which the handles put their commands.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    queue: UnboundedSender<Queued>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Queued {
    command: Command,
    /// Given back when the driver takes the command.
    _place: Option<OwnedSemaphorePermit>,
}

impl Commands {
    /// Puts a command into the queue, once there is a place. When the caller gives up before, it was never put there.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Closed> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Closed)?;
        self.queue.send(Queued { command, _place: Some(place) }).map_err(|_| Closed)
    }

    /// Says good-bye for a client. It waits for no place, because it is said where nothing can wait; each client says it
    /// once, so these are bounded by the clients.
    pub(crate) fn leave(&self, client: ClientId) {
        // It fails when the driver is gone, and then everybody has left.
        let _ = self.queue.send(Queued { command: Command::Leave(client), _place: None });
    }
}

/// The end from which the driver takes commands.
#[derive(Debug)]
pub(crate) struct CommandsFrom(UnboundedReceiver<Queued>);

impl CommandsFrom {
    /// Returns the oldest command; `None` when nobody is left who could send one.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        self.0.recv().await.map(|queued| queued.command)
    }
}
