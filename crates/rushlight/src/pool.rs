//! Worker threads for the node's CPU-heavy work.
//!
//! Works wait in the pool's own queue, so that a cancelled one gives its memory back at once and one whose turn has
//! not come costs no thread. A panic in a work is our bug: it is caught and reported, and the driver stops.

use rushlight_core::base::WorkId;
use rushlight_core::work::{Done, Work};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most threads that are started, whatever the machine has.
const THREADS_MAX: usize = 64;

/// What became of a work.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done, and took so long on its thread.
    Done(WorkId, Done, Duration),
    /// It panicked; the text is the panic's message.
    Panicked(WorkId, String),
}

/// A pool of threads. Dropping it lets the threads end after the work that they are at.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    // Bounded by the node, which has a limit of its own on works under way.
    works: VecDeque<(WorkId, Work)>,
    closed: bool,
}

impl Pool {
    /// Returns a pool with `threads` threads, by default one per core, which hand what they did to `report`.
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn new(
        threads: Option<NonZeroUsize>,
        report: impl Fn(Outcome) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let pool = Self { shared: Arc::default() };
        for index in 0..threads.unwrap_or_else(cores).get().min(THREADS_MAX) {
            let shared = Arc::clone(&pool.shared);
            let report = report.clone();
            thread::Builder::new().name(format!("work-{index}")).spawn(move || serve(&shared, &report))?;
        }
        Ok(pool)
    }

    /// Queues a work.
    pub(crate) fn run(&self, id: WorkId, work: Work) {
        self.shared.lock().works.push_back((id, work));
        self.shared.changed.notify_one();
    }

    /// Takes a work out of the queue. One that a thread is at already runs to its end; the node ignores what comes.
    pub(crate) fn cancel(&self, id: WorkId) {
        self.shared.lock().works.retain(|(queued, _)| *queued != id);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.works.clear();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a work; `None` when the pool is closed.
    fn next(&self) -> Option<(WorkId, Work)> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(work) = queue.works.pop_front() {
                return Some(work);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn serve(shared: &Shared, report: &dyn Fn(Outcome)) {
    while let Some((id, work)) = shared.next() {
        let started = Instant::now();
        report(match catch_unwind(AssertUnwindSafe(|| work.run())) {
            Ok(done) => Outcome::Done(id, done, started.elapsed()),
            Err(panic) => Outcome::Panicked(id, panic_text(&*panic)),
        });
    }
}

/// Returns the message of a caught panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushlight_core::base::Hash;
    use rushlight_core::crypto::batch::SignatureBatch;
    use std::sync::mpsc;

    fn work(mark: u8) -> Work {
        Work::new(Hash([mark; 32]), SignatureBatch::new()).0
    }

    #[test]
    fn every_work_is_done_once_and_keeps_its_id() {
        let (report, outcomes) = mpsc::channel();
        let pool = Pool::new(NonZeroUsize::new(3), move |outcome| report.send(outcome).unwrap()).unwrap();
        for id in 0..50 {
            pool.run(WorkId(id), work(id as u8));
        }
        let mut ids: Vec<_> = (0..50)
            .map(|_| match outcomes.recv().unwrap() {
                Outcome::Done(WorkId(id), done, _) => {
                    let ticket = Work::new(Hash([id as u8; 32]), SignatureBatch::new()).1;
                    assert!(ticket.redeem(done).is_ok());
                    id
                }
                Outcome::Panicked(_, text) => panic!("{text}"),
            })
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_cancelled_work_that_waits_is_not_run_and_a_closed_pool_ends_its_threads() {
        let (report, outcomes) = mpsc::channel();
        let (entered, at_work) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let pool = Pool::new(NonZeroUsize::new(1), move |outcome| {
            if let Outcome::Done(id, ..) = outcome {
                report.send(id).unwrap();
                entered.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
        })
        .unwrap();
        pool.run(WorkId(1), work(1));
        at_work.recv().unwrap();
        pool.run(WorkId(2), work(2));
        pool.run(WorkId(3), work(3));
        pool.cancel(WorkId(2));
        release.send(()).unwrap();
        at_work.recv().unwrap();
        drop(pool);
        release.send(()).unwrap();
        assert_eq!(outcomes.iter().collect::<Vec<_>>(), [WorkId(1), WorkId(3)]);
    }

    #[test]
    fn panics_keep_their_message() {
        let text = |run: fn()| panic_text(&*catch_unwind(run).unwrap_err());
        assert_eq!(text(|| panic!("plain")), "plain");
        assert_eq!(text(|| panic!("with {}", 1)), "with 1");
        assert_eq!(text(|| std::panic::panic_any(7)), "a panic without a message");
    }
}
