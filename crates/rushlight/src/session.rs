//! RPC clients as the driver knows them: whoever asks, and the answers that come back.

use crate::command::{Command, Commands};
use rushlight_core::base::ClientId;
use rushlight_core::rpc::{Answer, Call, ClientKind, Scope};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

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
    pub(crate) commands: Commands,
    pub(crate) next_id: Arc<AtomicU64>,
}

impl Sessions {
    /// Joins a client.
    pub(crate) async fn join(&self, scope: Scope, kind: ClientKind) -> Result<Session, Closed> {
        let client = ClientId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (sender, queue) = mpsc::channel(ANSWERS_QUEUED_MAX);
        let (hang_up, line) = oneshot::channel();
        let outbox = Outbox { answers: sender, hang_up };
        self.commands.send(Command::Join { client, scope, kind, outbox }).await?;
        // Nothing is awaited from here on: whoever joined has somebody who says good-bye.
        let caller = Caller { client, commands: self.commands.clone() };
        Ok(Session { caller, answers: Answers { queue, line: Line::Open(line) } })
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
    commands: Commands,
}

impl Caller {
    /// Asks. Waits while the driver is busy with the calls of others.
    /// # Errors
    /// [`Closed`].
    pub async fn ask(&self, call: OwnedCall) -> Result<(), Closed> {
        self.commands.send(Command::Ask { client: self.client, call }).await
    }

    /// Says that this many bytes of answers have left towards the client, which may then be sent more.
    /// # Errors
    /// [`Closed`].
    pub async fn drained(&self, bytes: usize) -> Result<(), Closed> {
        self.commands.send(Command::Drained { client: self.client, bytes }).await
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.commands.leave(self.client);
    }
}

/// The half of a [`Session`] to which answers come.
#[derive(Debug)]
pub struct Answers {
    queue: Receiver<Answer>,
    line: Line,
}

#[derive(Debug)]
enum Line {
    Open(oneshot::Receiver<()>),
    HungUp,
    /// The driver is gone; what it said before can still be written.
    Ended,
}

impl Line {
    /// Returns when the client is hung up on, and never when the driver just ends.
    async fn hung_up(&mut self) {
        if let Self::Open(line) = self {
            *self = if line.await.is_ok() { Self::HungUp } else { Self::Ended };
        }
        if matches!(self, Self::Ended) {
            std::future::pending().await
        }
    }
}

impl Answers {
    /// Returns the next answer; `None` when the client was hung up on or the driver is gone.
    pub async fn next(&mut self) -> Option<Answer> {
        tokio::select! {
            // Answers that wait for a client that is hung up on are for nobody.
            biased;
            () = self.line.hung_up() => None,
            answer = self.queue.recv() => answer,
        }
    }

    /// Returns when the client is hung up on. Whoever writes to a socket waits for this beside it: a client that reads
    /// nothing is what one hangs up on.
    pub async fn hung_up(&mut self) {
        self.line.hung_up().await;
    }
}

/// The driver's end of a client: answers go in. Dropping it ends the client's answers after the last one.
#[derive(Debug)]
pub(crate) struct Outbox {
    answers: Sender<Answer>,
    hang_up: oneshot::Sender<()>,
}

impl Outbox {
    /// Gives the client an answer; fails when too many wait for it.
    pub(crate) fn put(&self, answer: Answer) -> Result<(), ()> {
        match self.answers.try_send(answer) {
            // Whoever is gone has left, which is on its way here.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(()),
        }
    }

    /// Ends the client's answers at once, those that wait for it included.
    pub(crate) fn hang_up(self) {
        // It fails when the client is gone, which is as good.
        let _ = self.hang_up.send(());
    }
}
