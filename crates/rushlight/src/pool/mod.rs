//! Worker threads for the node's CPU-heavy work.
//!
//! Short and long works have threads of their own, so that none of the short ones, which heads wait for, ever waits for a long
//! one to end. Where the system can do it, threads for long works have its lowest priority: on a machine with few cores the
//! short ones would have no room otherwise. Works wait in the pool's own queues, so that a cancelled one gives its memory
//! back at once; one that runs is told to stop. A panic in a work is a bug of ours: it is caught, and ends that work alone.

use rushlight_core::base::WorkId;
use rushlight_core::work::{Done, Lane, Receipt, StopFlag, Work};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most threads that a lane has, whatever the machine has.
const THREADS_MAX: usize = 64;

/// What hands over a work that has ended, and how long it took on its thread.
type Report = dyn Fn(WorkId, Done, Duration) + Send + Sync;

/// Two lanes of threads. Dropping it stops what runs; the threads end by themselves.
pub struct Pool {
    short: Arc<Queue>,
    long: Arc<Queue>,
    report: Arc<Report>,
}

/// The works of one lane.
#[derive(Debug, Default)]
struct Queue {
    works: Mutex<Works>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Works {
    // Bounded by the node: by how many works its chains have under way, and by the bytes of long ones.
    waiting: VecDeque<(WorkId, Work)>,
    /// What threads are at. One that was cancelled is not there any more.
    running: BTreeMap<WorkId, StopFlag>,
    /// How many threads are at a work, cancelled or not.
    busy: usize,
    is_closed: bool,
}

impl Pool {
    /// Returns a pool with `threads` threads in each lane, by default one per core, which hand what they did to `report`.
    /// # Errors
    /// The operating system refuses a thread.
    pub fn new(
        threads: Option<NonZeroUsize>,
        report: impl Fn(WorkId, Done, Duration) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let pool = Self { short: Arc::default(), long: Arc::default(), report: Arc::new(report) };
        for index in 0..threads.unwrap_or_else(cores).get().min(THREADS_MAX) {
            for (lane, name) in [(Lane::Short, "work"), (Lane::Long, "long-work")] {
                let (queue, report) = (Arc::clone(pool.queue(lane)), Arc::clone(&pool.report));
                thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
                    if lane == Lane::Long {
                        give_way();
                    }
                    serve(&queue, &*report);
                })?;
            }
        }
        Ok(pool)
    }

    fn queue(&self, lane: Lane) -> &Arc<Queue> {
        match lane {
            Lane::Short => &self.short,
            Lane::Long => &self.long,
        }
    }

    /// Queues a work.
    pub fn run(&self, id: WorkId, work: Work) {
        let queue = self.queue(work.lane());
        queue.lock().waiting.push_back((id, work));
        queue.changed.notify_one();
    }

    /// Gives a work up, which is reported as stopped: one that waits is dropped, one that a thread is at is told to stop.
    pub fn cancel(&self, id: WorkId) {
        for queue in [&self.short, &self.long] {
            if let Some(receipt) = queue.cancel(id) {
                (self.report)(id, receipt.stopped(), Duration::ZERO);
            }
        }
    }

    /// Returns how many threads of a lane are at a work, cancelled ones included.
    pub fn busy(&self, lane: Lane) -> usize {
        self.queue(lane).lock().busy
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for queue in [&self.short, &self.long] {
            let mut works = queue.lock();
            works.is_closed = true;
            works.running.values().for_each(StopFlag::stop);
            let waiting = std::mem::take(&mut works.waiting);
            drop(works);
            drop(waiting);
            queue.changed.notify_all();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("short", &self.short).field("long", &self.long).finish_non_exhaustive()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Works> {
        // No code that can panic runs under the lock.
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out a work that waits; tells one that runs to stop.
    fn cancel(&self, id: WorkId) -> Option<Receipt> {
        let mut works = self.lock();
        if let Some(stop) = works.running.remove(&id) {
            stop.stop();
        }
        let place = works.waiting.iter().position(|(waiting, _)| *waiting == id)?;
        let taken = works.waiting.remove(place);
        // What it holds is given back without the lock: there may be much of it.
        drop(works);
        taken.map(|(_, work)| work.receipt())
    }

    /// Waits for a work; `None` when the pool is closed.
    fn next(&self) -> Option<(WorkId, Work, StopFlag)> {
        let mut works = self.lock();
        loop {
            if works.is_closed {
                return None;
            }
            if let Some((id, work)) = works.waiting.pop_front() {
                let stop = StopFlag::new();
                works.running.insert(id, stop.clone());
                works.busy += 1;
                return Some((id, work, stop));
            }
            works = self.changed.wait(works).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ended(&self, id: WorkId) {
        let mut works = self.lock();
        works.running.remove(&id);
        works.busy -= 1;
    }
}

fn serve(queue: &Queue, report: &Report) {
    while let Some((id, work, stop)) = queue.next() {
        let receipt = work.receipt();
        let started = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| work.run_until(&stop)))
            .unwrap_or_else(|panic| receipt.panicked(panic_text(&*panic)));
        queue.ended(id);
        report(id, done, started.elapsed());
    }
}

/// Gives this thread the lowest priority of the system. Where it cannot be had the thread works as it is.
fn give_way() {
    // Elsewhere it would be the whole process whose priority is set.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
        tracing::debug!(%error, "threads for long works keep their priority");
    }
}

/// The lowest priority of Linux.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// Returns the message of a caught panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests;
