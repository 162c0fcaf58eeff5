//! WebSockets of JSON-RPC text: many calls, and subscriptions.

use crate::client::Client;
use crate::listener::{HttpAnswer, Stream, too_many};
use crate::meters::OpenSocket;
use crate::outbox::parts;
use crate::session::{Closed, OwnedCall, Session};
use futures_util::{SinkExt, StreamExt};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use rushlight_core::rpc::limits::BODY_BYTES_MAX;
use rushlight_core::rpc::{ClientKind, Scope};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

/// How long nothing may come from a client until it is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(30);
/// How long it may take to answer that.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// How long a client may take to be told that its socket closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The buffer that each socket has for reading; the default of 128 KiB times all clients would be most of our memory.
const READ_BUFFER_BYTES: usize = 8 << 10;
/// How much of an answer is written at a time, and so what the buffer for writing grows to.
const FRAGMENT_BYTES: usize = 16 << 10;

/// Tells whether a request asks to become a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let has = |name, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// A client that became a WebSocket; its connection's own task serves it, so that it ends with its listener.
#[derive(Debug)]
pub(crate) struct Upgraded {
    session: Session,
    _open: OpenSocket,
}

/// Where a request leaves what its connection becomes.
#[derive(Debug, Default)]
pub(crate) struct Upgrades(Mutex<Option<Upgraded>>);

impl Upgrades {
    /// Returns the WebSocket, if the connection became one.
    pub(crate) fn take(&self) -> Option<Upgraded> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Upgraded>> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request to become a WebSocket. The client joins before it is told that it is one: there may be too many.
pub(crate) async fn accept<B>(
    client: &Client,
    request: &Request<B>,
    scope: Scope,
    upgrades: &Upgrades,
) -> Result<HttpAnswer, Closed> {
    let mut answer = Response::new(VecDeque::new());
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    let (Some(key), Some(b"13")) = (key.and_then(|key| HeaderValue::from_str(&key).ok()), version) else {
        *answer.status_mut() = StatusCode::UPGRADE_REQUIRED;
        answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(answer);
    };
    let session = client.connect(scope, ClientKind::Socket).await?;
    if !session.caller.is_let_in().await? {
        return Ok(too_many());
    }
    *upgrades.lock() = Some(Upgraded { session, _open: client.open_socket() });
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, key);
    Ok(answer)
}

/// Serves a WebSocket until it ends; its large messages wait for `turns`.
pub(crate) async fn serve(mut stream: Stream, upgraded: Upgraded, turns: Arc<Semaphore>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(BODY_BYTES_MAX))
        .max_frame_size(Some(BODY_BYTES_MAX));
    let unfinished = stream.bound_messages(turns);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let mut socket = Socket { stream, unfinished, last: None };
    match exchange(&mut socket, upgraded.session).await {
        // Said to a client that may be gone or reads nothing; the socket is closed in any case.
        Ok(()) => drop(tokio::time::timeout(CLOSE_TIMEOUT, socket.stream.close(None)).await),
        Err(error) => debug!(%error, "WebSocket ended"),
    }
}

/// Serves the socket until somebody ends it. The session ends with it, before a close is said to a client that may not
/// listen.
async fn exchange(socket: &mut Socket, session: Session) -> Result<(), Error> {
    let Session { caller, mut answers } = session;
    let mut pulse = Pulse::new();
    loop {
        tokio::select! {
            // Answers first: whoever does not read them is not read from either.
            biased;
            answer = answers.next() => {
                let Some(answer) = answer else { return Ok(()) };
                let Some(body) = answer.body else { continue };
                let bytes = body.len();
                tokio::select! {
                    sent = socket.send(parts(&body)) => sent?,
                    () = answers.hung_up() => return Err(Error::ConnectionClosed),
                }
                if caller.drained(bytes).await.is_err() {
                    return Ok(());
                }
            }
            text = socket.next() => {
                pulse.beats();
                match text? {
                    Heard::Text(text) => if caller.ask(OwnedCall::Text(text)).await.is_err() {
                        return Ok(());
                    },
                    Heard::Sign => {}
                    Heard::End => return Ok(()),
                }
            }
            is_alive = pulse.missed() => {
                if !is_alive {
                    return Err(Error::ConnectionClosed);
                }
                socket.ping().await?;
            }
        }
    }
}

/// Tells whether the other end of a socket is still there: a connection that nobody ends can stay open for days.
struct Pulse {
    next: Instant,
    is_asked: bool,
}

impl Pulse {
    fn new() -> Self {
        Self { next: Instant::now() + PING_AFTER, is_asked: false }
    }

    /// Notes that something came.
    fn beats(&mut self) {
        *self = Self::new();
    }

    /// Returns when nothing has come for a while: whether the other end is to be asked, or else is gone.
    async fn missed(&mut self) -> bool {
        tokio::time::sleep_until(self.next).await;
        let is_alive = !self.is_asked;
        *self = Self { next: Instant::now() + PONG_WITHIN, is_asked: true };
        is_alive
    }
}

struct Socket {
    stream: WebSocketStream<Stream>,
    /// Bytes that came since the last message was read whole.
    unfinished: Arc<AtomicUsize>,
    /// The last message. The buffer that it was read into is used again for the next one, however large it is, unless
    /// somebody still holds a part of it when that is waited for.
    last: Option<Message>,
}

enum Heard {
    Text(String),
    /// Nothing to answer: the other end is there.
    Sign,
    End,
}

impl Socket {
    async fn next(&mut self) -> Result<Heard, Error> {
        let message = poll_fn(|context| {
            let message = self.stream.poll_next_unpin(context);
            self.last = None;
            message
        });
        let message = match message.await {
            None => return Ok(Heard::End),
            Some(message) => message?,
        };
        self.unfinished.store(0, Ordering::Relaxed);
        let heard = match &message {
            Message::Text(text) => Heard::Text(text.as_str().to_owned()),
            // Bytes that are text are taken as text, as other servers do.
            Message::Binary(bytes) => Heard::Text(String::from_utf8_lossy(bytes).into_owned()),
            Message::Close(_) => Heard::End,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Heard::Sign,
        };
        self.last = Some(message);
        Ok(heard)
    }

    /// Sends a text in fragments: in one piece, a buffer of its size would stay with the socket.
    async fn send(&mut self, mut parts: VecDeque<Bytes>) -> Result<(), Error> {
        let mut kind = Data::Text;
        while let Some(mut rest) = parts.pop_front() {
            let fragment = rest.split_to(rest.len().min(FRAGMENT_BYTES));
            if !rest.is_empty() {
                parts.push_front(rest);
            }
            let frame = Frame::message(fragment, OpCode::Data(kind), parts.is_empty());
            self.stream.send(Message::Frame(frame)).await?;
            kind = Data::Continue;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Error> {
        self.stream.send(Message::Ping(Bytes::new())).await
    }
}
