//! Answers on their way from the driver to one client.
//!
//! What waits here is memory that a client holds without reading it, so it is counted, for each client and for all of them,
//! and it is gone the moment its client is.

use hyper::body::Bytes;
use rushlight_core::rpc::{Answer, Body};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

/// Answers that wait for one client. The node counts the bytes that wait and hangs up on a slow reader long before
/// this many fit into them; it bounds many tiny ones.
const ANSWERS_QUEUED_MAX: usize = 1_024;
/// Bytes of answers that wait for all clients together, those that are being written included. The node bounds what waits
/// for one; with hundreds that do not read, that would be gigabytes.
pub(crate) const HELD_BYTES_MAX: usize = 128 << 20;

/// Returns both ends of a client's answers.
pub(crate) fn outbox() -> (Outbox, Answers) {
    let (answers, queue) = mpsc::channel(ANSWERS_QUEUED_MAX);
    let (hang_up, line) = oneshot::channel();
    let held = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox { answers, hang_up, held: Arc::clone(&held) };
    (outbox, Answers { queue, line: Line::Open(line), held, given: 0 })
}

/// The driver's end of a client: answers go in. Dropping it ends the client's answers after the last one.
#[derive(Debug)]
pub(crate) struct Outbox {
    answers: Sender<Answer>,
    hang_up: oneshot::Sender<()>,
    held: Arc<AtomicUsize>,
}

impl Outbox {
    /// Gives the client an answer; tells whether it is still to be served: not when too many wait for it.
    pub(crate) fn put(&self, answer: Answer) -> bool {
        let bytes = bytes(&answer);
        self.held.fetch_add(bytes, Ordering::Relaxed);
        // Whoever is gone has left, which is on its way here.
        !matches!(self.answers.try_send(answer), Err(TrySendError::Full(_)))
    }

    /// Returns how many bytes of answers wait for the client or are being written to it.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Ends the client's answers at once, those that wait for it included.
    pub(crate) fn hang_up(self) {
        // It fails when the client is gone, which is as good.
        let _ = self.hang_up.send(());
    }
}

/// Returns how many bytes of `answer` a client can hold.
pub(crate) fn bytes(answer: &Answer) -> usize {
    answer.body.as_ref().map_or(0, Body::len)
}

/// Returns the parts of a body as they are written, without a copy: a large one may be on its way to many clients at once.
pub(crate) fn parts(body: &Body) -> VecDeque<Bytes> {
    struct Part(Arc<str>);
    impl AsRef<[u8]> for Part {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    body.parts().iter().map(|part| Bytes::from_owner(Part(Arc::clone(part)))).collect()
}

/// The half of a [`Session`](crate::Session) to which answers come.
#[derive(Debug)]
pub struct Answers {
    queue: Receiver<Answer>,
    line: Line,
    held: Arc<AtomicUsize>,
    /// Bytes of the answer that was given out last, which is being written.
    given: usize,
}

#[derive(Debug)]
enum Line {
    Open(oneshot::Receiver<()>),
    HungUp,
    /// The driver is gone; what it said before can still be written.
    Ended,
}

impl Line {
    /// Tells when the client is hung up on; never when the driver just ends.
    fn poll_hung_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Open(line) = self {
            *self = if ready!(Pin::new(line).poll(context)).is_ok() { Self::HungUp } else { Self::Ended };
        }
        if matches!(self, Self::HungUp) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Answers {
    /// Returns the next answer; `None` when the client was hung up on or the driver is gone.
    ///
    /// The answer before it counts as written then.
    pub async fn next(&mut self) -> Option<Answer> {
        self.held.fetch_sub(std::mem::take(&mut self.given), Ordering::Relaxed);
        let answer = tokio::select! {
            // Answers that wait for a client that is hung up on are for nobody.
            biased;
            () = poll_fn(|context| self.line.poll_hung_up(context)) => None,
            answer = self.queue.recv() => answer,
        };
        self.given = answer.as_ref().map_or(0, bytes);
        answer
    }

    /// Returns when the client is hung up on. Whoever writes to a socket waits for this beside it: a client that reads
    /// nothing is what one hangs up on.
    pub async fn hung_up(&mut self) {
        poll_fn(|context| self.poll_hung_up(context)).await;
    }

    pub(crate) fn poll_hung_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.line.poll_hung_up(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Answer {
        Answer::json(200, "x".repeat(bytes))
    }

    #[tokio::test]
    async fn what_is_held_is_what_waits_and_what_is_being_written() {
        let (outbox, mut answers) = outbox();
        assert!(outbox.put(answer(5)) && outbox.put(answer(7)));
        assert_eq!(outbox.held_bytes(), 12);
        answers.next().await.unwrap();
        assert_eq!(outbox.held_bytes(), 12, "it is not written yet");
        answers.next().await.unwrap();
        assert_eq!(outbox.held_bytes(), 7);
        drop(outbox);
        assert_eq!(answers.next().await, None);
    }

    #[tokio::test]
    async fn nothing_is_given_to_a_client_that_is_hung_up_on() {
        let (outbox, mut answers) = outbox();
        for _ in 0..ANSWERS_QUEUED_MAX {
            assert!(outbox.put(answer(1)));
        }
        assert!(!outbox.put(answer(1)), "one too many");
        outbox.hang_up();
        assert_eq!(answers.next().await, None);
    }
}
