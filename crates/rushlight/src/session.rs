//! RPC clients as the driver knows them: whoever asks, and the answers that come back.

use crate::command::{Command, Commands};
use crate::outbox::{Answers, outbox};
use rushlight_core::base::ClientId;
use rushlight_core::rpc::{Access, Call, ClientKind, Scope};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

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
    /// The queue of everybody who may come.
    pub(crate) public: Commands,
    /// That of this process and of whoever looks after it, who does not wait behind the public.
    pub(crate) own: Commands,
    pub(crate) next_id: Arc<AtomicU64>,
}

impl Sessions {
    /// Joins a client.
    pub(crate) async fn join(&self, scope: Scope, kind: ClientKind) -> Result<Session, Closed> {
        let client = ClientId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let (outbox, answers) = outbox();
        let is_public = scope.access == Access::Public && kind != ClientKind::Probe;
        let commands = if is_public { &self.public } else { &self.own };
        commands.send(Command::Join { client, scope, kind, outbox }).await?;
        // Nothing is awaited from here on: whoever joined has somebody who says good-bye.
        let caller = Caller { client, commands: commands.clone() };
        Ok(Session { caller, answers })
    }
}

/// A connected RPC client: it asks, answers come as they are ready, and subscriptions push more. Dropping it
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

    /// Returns whether the client was let in: there may be too many already.
    /// # Errors
    /// [`Closed`].
    pub(crate) async fn is_let_in(&self) -> Result<bool, Closed> {
        let (reply, is_let_in) = oneshot::channel();
        self.commands.send(Command::IsLetIn { client: self.client, reply }).await?;
        is_let_in.await.map_err(|_| Closed)
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
