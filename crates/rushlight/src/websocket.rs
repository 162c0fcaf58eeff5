//! WebSockets of JSON-RPC text: many calls, and subscriptions.

use crate::client::Client;
use crate::session::{Closed, OwnedCall, Session};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rushlight_core::rpc::limits::BODY_BYTES_MAX;
use rushlight_core::rpc::{ClientKind, Scope};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

/// How long a client may take to read one message, after which it counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to be told that its socket closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The buffer that each socket has for reading; the default of 128 KiB times all clients would be most of our memory.
const READ_BUFFER_BYTES: usize = 8 << 10;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Tells whether a request asks to become a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let has = |name, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// What is left to do of a connection whose request was to become a WebSocket: to serve it.
///
/// The connection's own task does it, so that a socket ends with its listener, as every connection does.
#[derive(Default)]
pub(crate) struct Upgraded(Mutex<Option<Serving>>);

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Upgraded {
    /// Returns the socket, if the connection became one.
    pub(crate) fn take(&self) -> Option<Serving> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Serving>> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request to become a WebSocket, and leaves it to `upgraded` to serve it.
pub(crate) async fn accept(
    client: &Client,
    request: Request<Incoming>,
    scope: Scope,
    upgraded: &Upgraded,
) -> Result<Response<Full<Bytes>>, Closed> {
    let mut answer = Response::new(Full::default());
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    let (Some(key), Some(b"13")) = (key.and_then(|key| HeaderValue::from_str(&key).ok()), version) else {
        *answer.status_mut() = StatusCode::UPGRADE_REQUIRED;
        answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(answer);
    };
    let session = client.connect(scope, ClientKind::Socket).await?;
    let open = client.open_socket();
    *upgraded.lock() = Some(Box::pin(async move {
        let _open = open;
        match hyper::upgrade::on(request).await {
            Ok(stream) => serve(stream, session).await,
            Err(error) => debug!(%error, "upgrade failed"),
        }
    }));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, key);
    Ok(answer)
}

async fn serve(stream: hyper::upgrade::Upgraded, session: Session) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(BODY_BYTES_MAX))
        .max_frame_size(Some(BODY_BYTES_MAX));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
    match exchange(&mut socket, session).await {
        // Said to a client that may be gone or reads nothing; the socket is closed in any case.
        Ok(()) => drop(tokio::time::timeout(CLOSE_TIMEOUT, socket.close(None)).await),
        Err(error) => debug!(%error, "WebSocket ended"),
    }
}

/// Serves the socket until somebody ends it. The session ends with it, before a close is said to a client that may not
/// listen.
async fn exchange(socket: &mut Socket, session: Session) -> Result<(), Error> {
    let Session { caller, mut answers } = session;
    loop {
        tokio::select! {
            // Answers first: whoever does not read them is not read from either.
            biased;
            answer = answers.next() => {
                let Some(answer) = answer else { return Ok(()) };
                let Some(body) = answer.body else { continue };
                let bytes = body.len();
                tokio::select! {
                    sent = tokio::time::timeout(WRITE_TIMEOUT, socket.send(Message::text(body))) => {
                        sent.map_err(|_| Error::ConnectionClosed)??;
                    }
                    () = answers.hung_up() => return Err(Error::ConnectionClosed),
                }
                if caller.drained(bytes).await.is_err() {
                    return Ok(());
                }
            }
            message = socket.next() => {
                let text = match message {
                    None | Some(Ok(Message::Close(_))) => return Ok(()),
                    Some(Err(error)) => return Err(error),
                    Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                    // Bytes that are text are taken as text, as other servers do.
                    Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                };
                if caller.ask(OwnedCall::Text(text)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}
