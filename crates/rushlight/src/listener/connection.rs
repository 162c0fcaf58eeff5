//! One connection, from its first byte to its last.
//!
//! Between two requests nothing is kept of it but its stream: thousands of connections stay open that nobody uses, and the
//! buffers of an HTTP parser for each of them would be most of our memory.

use super::Shared;
use super::doing::Doing;
use super::respond::HttpCall;
use super::seats::Seat;
use super::stream::Stream;
use crate::websocket::{self, Upgraded, Upgrades};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::debug;

/// The largest head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long a client may take for the head of a request, from its first byte on; and from the connection's beginning for
/// that of the first one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may stay open between two requests. It costs little, and goes first where there are too many.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection is idle until its buffers are given back.
const PARK_AFTER: Duration = Duration::from_secs(1);

/// Serves a connection until it ends.
pub(super) async fn serve(tcp: TcpStream, seat: Seat, shared: Arc<Shared>) {
    // It only makes small answers faster.
    let _ = tcp.set_nodelay(true);
    let doing = Arc::new(Doing::new(seat));
    let mut stream = Stream::new(tcp, Arc::clone(&doing));
    let head_until = Instant::now() + HEAD_TIMEOUT;
    if tokio::time::timeout_at(head_until, stream.readable()).await.is_err() {
        return;
    }
    loop {
        // On the heap, so that a connection that waits holds no room for it.
        let talk = Box::pin(talk(stream, Arc::clone(&doing), Arc::clone(&shared), head_until));
        stream = match talk.await {
            Next::Idle(stream) => stream,
            Next::Socket(stream, upgraded) => {
                doing.serves();
                return Box::pin(websocket::serve(stream, upgraded, Arc::clone(&shared.large_bodies))).await;
            }
            Next::End => return,
        };
        if tokio::time::timeout(IDLE_TIMEOUT, stream.readable()).await.is_err() {
            return;
        }
    }
}

/// What becomes of a connection after some requests.
enum Next {
    /// It waits for more.
    Idle(Stream),
    /// It is a WebSocket.
    Socket(Stream, Upgraded),
    /// It ended.
    End,
}

/// Speaks HTTP until the connection has been idle for a while, is a WebSocket, or ends; which it does at `head_until` if it
/// has not asked for anything.
async fn talk(stream: Stream, doing: Arc<Doing>, shared: Arc<Shared>, head_until: Instant) -> Next {
    let upgrades = Arc::new(Upgrades::default());
    let service = service_fn(|request: Request<Incoming>| {
        let call = HttpCall { doing: Arc::clone(&doing), upgrades: Arc::clone(&upgrades) };
        let shared = Arc::clone(&shared);
        let answer = async move { Ok::<_, Infallible>(shared.respond(request, call).await) };
        Box::pin(answer) as Pin<Box<dyn Future<Output = _> + Send>>
    });
    let mut connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut silent = (!doing.has_taken_request()).then(|| Box::pin(tokio::time::sleep_until(head_until)));
    let mut park = None;
    let ended = poll_fn(|context| {
        if let Poll::Ready(ended) = connection.poll_without_shutdown(context) {
            return Poll::Ready(Some(ended));
        }
        if let Some(end) = silent.as_mut().filter(|_| !doing.has_taken_request())
            && end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Ok(())));
        }
        if doing.poll_hung_up(context).is_ready() {
            debug!("hung up on a client that does not read its answer");
            return Poll::Ready(Some(Ok(())));
        }
        if !doing.is_idle() {
            park = None;
            return Poll::Pending;
        }
        let park = park.get_or_insert_with(|| Box::pin(tokio::time::sleep(PARK_AFTER)));
        park.as_mut().poll(context).map(|()| None)
    })
    .await;
    let upgraded = upgrades.take();
    if let Some(Err(error)) = ended {
        debug!(%error, "connection ended");
        return Next::End;
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    stream.put_back(parts.read_buf);
    match (ended, upgraded) {
        (None, _) => Next::Idle(stream),
        (Some(_), Some(upgraded)) => Next::Socket(stream, upgraded),
        (Some(_), None) => {
            // The client may be gone.
            let _ = stream.shutdown().await;
            Next::End
        }
    }
}
