//! How many connections there are, and which of them has to go when there are too many.
//!
//! A connection is not a client: until a request is read and after its answer is written it costs a few hundred bytes and
//! keeps nobody out. When there are as many as there may be, the one that has waited longest makes room for the next.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The seats of all connections of a process.
#[derive(Debug)]
pub(crate) struct Seats {
    connections_max: usize,
    taken: Mutex<Taken>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    last_number: u64,
    /// Connections, and the tasks that serve them; `None` until there is one.
    connections: HashMap<u64, Option<AbortHandle>>,
    /// Connections without a client, those that wait longest first.
    waiting: BTreeMap<u64, u64>,
}

impl Taken {
    fn number(&mut self) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }
}

impl Seats {
    /// Returns seats for this many connections, at least one.
    pub(crate) fn new(connections_max: usize) -> Self {
        Self { connections_max: connections_max.max(1), taken: Mutex::default(), left: Notify::new() }
    }

    /// Waits until there is room for one connection more, and makes it where another one can go.
    pub(crate) async fn make_room(&self) {
        loop {
            let left = self.left.notified();
            {
                let mut taken = self.lock();
                if taken.connections.len() < self.connections_max {
                    return;
                }
                if let Some((_, connection)) = taken.waiting.pop_first()
                    && let Some(Some(task)) = taken.connections.get(&connection)
                {
                    task.abort();
                }
            }
            left.await;
        }
    }

    /// Seats a new connection; it waits for its first request.
    pub(crate) fn seat(self: &Arc<Self>) -> Seat {
        let mut taken = self.lock();
        let (connection, since) = (taken.number(), taken.number());
        taken.connections.insert(connection, None);
        taken.waiting.insert(since, connection);
        drop(taken);
        Seat { seats: Arc::clone(self), connection, since }
    }

    /// Notes which task serves the connection of this number, unless it has left already.
    pub(crate) fn served_by(&self, connection: u64, task: AbortHandle) {
        if let Some(place) = self.lock().connections.get_mut(&connection) {
            *place = Some(task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // No code that can panic runs under the lock.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The seat of one connection, which leaves when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    connection: u64,
    /// When it began to wait, as a number that grows; it waits when this stands among those that do.
    since: u64,
}

impl Seat {
    /// Returns the connection's number.
    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// Notes that a client is served: the connection does not make room for another one.
    pub(crate) fn serves(&mut self) {
        self.seats.lock().waiting.remove(&self.since);
    }

    /// Notes that the connection waits for a request, behind all others that do.
    pub(crate) fn waits(&mut self) {
        let mut taken = self.seats.lock();
        taken.waiting.remove(&self.since);
        self.since = taken.number();
        taken.waiting.insert(self.since, self.connection);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.waiting.remove(&self.since);
        taken.connections.remove(&self.connection);
        drop(taken);
        self.seats.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    /// Seats a connection whose task never ends by itself.
    fn connect(seats: &Arc<Seats>, serves: bool) -> tokio::task::JoinHandle<()> {
        let mut seat = seats.seat();
        if serves {
            seat.serves();
        }
        let connection = seat.connection();
        let task = tokio::spawn(async move {
            let _seat = seat;
            pending().await
        });
        seats.served_by(connection, task.abort_handle());
        task
    }

    #[tokio::test]
    async fn who_waits_longest_makes_room() {
        let seats = Arc::new(Seats::new(3));
        let served = connect(&seats, true);
        let (oldest, newest) = (connect(&seats, false), connect(&seats, false));
        seats.make_room().await;
        assert!(oldest.await.unwrap_err().is_cancelled());
        assert!(!served.is_finished() && !newest.is_finished());
    }

    #[tokio::test]
    async fn nobody_who_is_served_makes_room() {
        let seats = Arc::new(Seats::new(1));
        let served = connect(&seats, true);
        let mut room = Box::pin(seats.make_room());
        assert!(futures_util::FutureExt::now_or_never(&mut room).is_none());
        served.abort();
        room.await;
        assert!(served.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn a_connection_that_ended_before_its_task_was_known_is_not_kept() {
        let seats = Arc::new(Seats::new(1));
        let seat = seats.seat();
        let connection = seat.connection();
        drop(seat);
        let task = tokio::spawn(pending::<()>());
        seats.served_by(connection, task.abort_handle());
        seats.make_room().await;
        assert!(seats.lock().connections.is_empty() && seats.lock().waiting.is_empty());
    }
}
