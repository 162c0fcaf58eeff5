//! RPC clients as the driver knows them: whoever asks, and the answers that come back.

use crate::driver::Command;
use rushlight_core::base::ClientId;
use rushlight_core::rpc::{Answer, Call, ClientKind, Scope};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};

/// Answers that wait for one client. The node counts the bytes that wait and hangs up on a slow reader long before
/// this many fit into them; it bounds many tiny ones.
const ANSWERS_QUEUED_MAX: usize = 1_024;

/// The driver is gone: the client was shut down, or stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client has stopped")]
pub struct Closed;

/// A call whose text is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedCall {
    /// JSON-RPC text.
    Text(String),
    /// A GET.
    Get {
        /// The path below the chain's prefix; starts with `/`.
        path: String,
        /// The query string after `?`.
        query: String,
        /// The value of the `If-None-Match` header.
        if_none_match: Option<String>,
    },
}

impl OwnedCall {
    /// Returns the call as the node takes it.
    #[must_use]
    pub fn as_call(&self) -> Call<'_> {
        match self {
            Self::Text(text) => Call::Text(text),
            Self::Get { path, query, if_none_match } => {
                Call::Get { path, query, if_none_match: if_none_match.as_deref() }
            }
        }
    }
}

/// Makes sessions.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    pub(crate) commands: Sender<Command>,
    pub(crate) leavers: UnboundedSender<ClientId>,
    pub(crate) next_id: Arc<AtomicU64>,
}

impl Sessions {
    /// Joins a client.
    pub(crate) async fn join(&self, scope: Scope, kind: ClientKind) -> Result<Session, Closed> {
        let client = ClientId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (sender, answers) = mpsc::channel(ANSWERS_QUEUED_MAX);
        self.commands.send(Command::Join { client, scope, kind, answers: sender }).await.map_err(|_| Closed)?;
        let caller = Caller { client, commands: self.commands.clone(), leavers: self.leavers.clone() };
        Ok(Session { caller, answers: Answers(answers) })
    }
}

/// A connected RPC client: it asks, answers come in the order of its calls, and subscriptions push more. Dropping it
/// says good-bye.
#[derive(Debug)]
pub struct Session {
    /// The asking half.
    pub caller: Caller,
    /// The answering half.
    pub answers: Answers,
}

/// The half of a [`Session`] that asks.
#[derive(Debug)]
pub struct Caller {
    client: ClientId,
    commands: Sender<Command>,
    leavers: UnboundedSender<ClientId>,
}

/// The half of a [`Session`] to which answers come.
#[derive(Debug)]
pub struct Answers(Receiver<Answer>);

impl Caller {
    /// Asks. Waits while the driver is busy with the calls of others.
    /// # Errors
    /// [`Closed`].
    pub async fn ask(&self, call: OwnedCall) -> Result<(), Closed> {
        self.commands.send(Command::Ask { client: self.client, call }).await.map_err(|_| Closed)
    }

    /// Says that so many bytes of answers have left towards the client, which may then be sent more.
    /// # Errors
    /// [`Closed`].
    pub async fn drained(&self, bytes: usize) -> Result<(), Closed> {
        self.commands.send(Command::Drained { client: self.client, bytes }).await.map_err(|_| Closed)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // Each client leaves once, so this queue is bounded by the clients. It fails when the driver is gone.
        let _ = self.leavers.send(self.client);
    }
}

impl Answers {
    /// Returns the next answer; `None` when the client was hung up on or the driver is gone.
    pub async fn next(&mut self) -> Option<Answer> {
        self.0.recv().await
    }
}
