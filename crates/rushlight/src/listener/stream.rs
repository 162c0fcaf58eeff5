//! The bytes of one connection: what takes too long ends, and what is under way is told to the rest.

use super::BODY_TIMEOUT;
use super::doing::Doing;
use hyper::body::Bytes;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// How long a client may take none of the bytes that wait for it, after which it counts as gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection's stream.
pub(crate) struct Stream {
    tcp: TcpStream,
    /// Bytes that were read by somebody who did not need them.
    ahead: Bytes,
    doing: Arc<Doing>,
    /// When writing has to go on, while it does not.
    stalled: Option<Pin<Box<Sleep>>>,
    messages: Option<Messages>,
}

impl Stream {
    /// Returns a connection's stream, which tells `doing` what comes and goes.
    pub(super) fn new(tcp: TcpStream, doing: Arc<Doing>) -> Self {
        Self { tcp, ahead: Bytes::new(), doing, stalled: None, messages: None }
    }

    /// Returns when there is something to read, or the client is gone.
    pub(super) async fn readable(&mut self) {
        if self.ahead.is_empty() {
            // What is wrong with the stream shows when it is read.
            let _ = self.tcp.readable().await;
        }
    }

    /// Puts bytes back that were read and not needed.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.ahead = bytes;
    }

    /// Bounds the messages that are read from now on, and returns where to note that one was read whole.
    pub(crate) fn bound_messages(&mut self, turns: Arc<Semaphore>) -> Arc<AtomicUsize> {
        let unread = Arc::new(AtomicUsize::new(0));
        self.messages = Some(Messages { unfinished: Arc::clone(&unread), turns, turn: Turn::None });
        unread
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(messages) = &mut this.messages {
            ready!(messages.poll_turn(context))?;
        }
        let before = to.filled().len();
        if this.ahead.is_empty() {
            ready!(Pin::new(&mut this.tcp).poll_read(context, to))?;
        } else {
            let part = this.ahead.split_to(this.ahead.len().min(to.remaining()));
            to.put_slice(&part);
        }
        let read = to.filled().len() - before;
        if read > 0 {
            this.doing.hears();
        }
        if let Some(messages) = &this.messages {
            messages.unfinished.fetch_add(read, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream {
    /// Passes on what came of a write, unless nothing has been taken for too long.
    fn poll_stalled(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_TIMEOUT)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing")))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.poll_stalled(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(context, parts);
        self.poll_stalled(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever writes here flushes when it has nothing more to write; the stream itself keeps nothing.
        self.doing.written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

/// Bounds the memory of messages that are not whole yet: few of them may be large at once, as bodies of requests.
struct Messages {
    /// Bytes since the last message that was read whole.
    unfinished: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
    turn: Turn,
}

enum Turn {
    None,
    Wanted(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    /// Until when, so that nobody keeps it from others by sending slowly.
    Had(Pin<Box<Sleep>>, #[expect(dead_code, reason = "given back when it is dropped")] OwnedSemaphorePermit),
}

impl Messages {
    /// Tells when more of a message may be read.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unfinished.load(Ordering::Relaxed) < super::BODY_SMALL_BYTES {
            self.turn = Turn::None;
            return Poll::Ready(Ok(()));
        }
        loop {
            match &mut self.turn {
                Turn::None => self.turn = Turn::Wanted(Box::pin(Arc::clone(&self.turns).acquire_owned())),
                Turn::Wanted(turn) => match ready!(turn.as_mut().poll(context)) {
                    Ok(turn) => self.turn = Turn::Had(Box::pin(tokio::time::sleep(BODY_TIMEOUT)), turn),
                    Err(closed) => return Poll::Ready(Err(io::Error::other(closed))),
                },
                Turn::Had(end, _) => {
                    return match end.as_mut().poll(context) {
                        Poll::Pending => Poll::Ready(Ok(())),
                        Poll::Ready(()) => {
                            Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the message took too long")))
                        }
                    };
                }
            }
        }
    }
}
