//! What a connection is doing, as its stream, its requests and whoever drives it see it.

use super::seats::Seat;
use crate::session::Session;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// What one connection is doing. All that looks at it runs in the connection's own task, so the lock is never waited for.
#[derive(Debug)]
pub(super) struct Doing(Mutex<State>);

#[derive(Debug)]
struct State {
    seat: Seat,
    /// The client whose answer is being written. It has its place until the last byte has left: an answer that nobody
    /// reads is memory that a client holds.
    client: Option<Session>,
    /// Whether any request was taken.
    has_taken: bool,
    /// Whether a request has been taken whose answer has not been written.
    is_answering: bool,
    /// Whether all of the answer has been handed over to be written.
    is_handed_over: bool,
    /// Whether the last request was read to its end.
    is_request_read: bool,
    /// Whether anything came since the last answer was written.
    is_heard: bool,
}

impl Doing {
    /// Returns that of a connection that waits for its first request.
    pub(super) fn new(seat: Seat) -> Self {
        Self(Mutex::new(State {
            seat,
            client: None,
            has_taken: false,
            is_answering: false,
            is_handed_over: false,
            is_request_read: true,
            // Until the first answer it is not between two requests.
            is_heard: true,
        }))
    }

    /// Notes that bytes came.
    pub(super) fn hears(&self) {
        self.lock().is_heard = true;
    }

    /// Notes that a request was taken; `is_read` when it has no body.
    pub(super) fn takes_request(&self, is_read: bool) {
        let mut state = self.lock();
        state.has_taken = true;
        state.is_answering = true;
        state.is_handed_over = false;
        state.is_request_read = is_read;
    }

    /// Tells whether any request was taken.
    pub(super) fn has_taken_request(&self) -> bool {
        self.lock().has_taken
    }

    /// Notes that the body of the request was read to its end.
    pub(super) fn read_request(&self) {
        self.lock().is_request_read = true;
    }

    /// Notes that a client joins: from here on the connection does not make room for others.
    pub(super) fn serves(&self) {
        self.lock().seat.serves();
    }

    /// Keeps the client until its answer is written.
    pub(super) fn answers(&self, client: Session) {
        self.lock().client = Some(client);
    }

    /// Notes that all of the answer was handed over.
    pub(super) fn handed_over(&self) {
        self.lock().is_handed_over = true;
    }

    /// Notes that all that was handed over is written.
    pub(super) fn written(&self) {
        let mut state = self.lock();
        if !(state.is_answering && state.is_handed_over) {
            return;
        }
        state.is_answering = false;
        state.is_heard = false;
        state.seat.waits();
        let client = state.client.take();
        drop(state);
        drop(client);
    }

    /// Tells whether nothing was asked and nothing came since the last answer was written: the connection is between two
    /// requests, and whoever reads it holds nothing of the next one.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        !state.is_answering && !state.is_heard && state.is_request_read
    }

    /// Tells when the client whose answer is being written is hung up on.
    pub(super) fn poll_hung_up(&self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.lock().client {
            Some(client) => client.answers.poll_hung_up(context),
            None => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
