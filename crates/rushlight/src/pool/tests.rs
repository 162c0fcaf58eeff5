use super::*;
use rushlight_core::base::Hash;
use rushlight_core::crypto::batch::SignatureBatch;
use rushlight_core::work::{Kind, Outcome, Stopped};
use std::collections::BTreeSet;
use std::sync::{Weak, mpsc};

type Reports = mpsc::Receiver<(WorkId, Done)>;

fn pool(threads: usize) -> (Pool, Reports) {
    let (report, reports) = mpsc::channel();
    let pool = Pool::new(NonZeroUsize::new(threads), move |id, done, _| report.send((id, done)).unwrap());
    (pool.unwrap(), reports)
}

fn batch(mark: u8) -> Work {
    Work::new(Hash([mark; 32]), SignatureBatch::new()).0
}

/// What a work of these tests does.
enum Task {
    /// Says on which priority it runs.
    Priority,
    /// Says that it runs, and runs until it is told to stop.
    UntilStopped(mpsc::Sender<()>),
    Panic,
}

/// Returns the priority of this thread, where the system is one that is asked.
fn priority() -> i32 {
    #[cfg(target_os = "linux")]
    let priority = rustix::process::getpriority_process(None).unwrap();
    #[cfg(not(target_os = "linux"))]
    let priority = 0;
    priority
}

struct Short(Task, Option<Arc<()>>);
struct Long(Task, Option<Arc<()>>);

fn perform(task: Task, stop: &StopFlag) -> Result<i32, Stopped> {
    match task {
        Task::Priority => Ok(priority()),
        Task::Panic => panic!("as told"),
        Task::UntilStopped(begun) => {
            begun.send(()).unwrap();
            loop {
                stop.go_on()?;
                thread::yield_now();
            }
        }
    }
}

macro_rules! kind {
    ($name:ident, $word:literal, $lane:expr) => {
        impl Kind for $name {
            const NAME: &'static str = $word;
            const LANE: Lane = $lane;
            type Outcome = i32;

            fn size_bytes(&self) -> usize {
                1
            }

            fn digest(&self) -> Hash {
                Hash([0; 32])
            }

            fn run(self, stop: &StopFlag) -> Result<i32, Stopped> {
                // What it holds is held until it ends, as by a work that uses its input to the last.
                let Self(task, held) = self;
                let outcome = perform(task, stop);
                drop(held);
                outcome
            }

            fn is_valid(_: &i32) -> bool {
                true
            }
        }
    };
}
kind!(Short, "short", Lane::Short);
kind!(Long, "long", Lane::Long);

fn work(input: impl Kind) -> Work {
    Work::new(Hash([0; 32]), input).0
}

#[test]
fn every_work_is_done_once_and_keeps_its_id() {
    let (pool, reports) = pool(3);
    for id in 0..50 {
        pool.run(WorkId(id), batch(id as u8));
    }
    let mut ids: Vec<_> = (0..50)
        .map(|_| {
            let (WorkId(id), done) = reports.recv().unwrap();
            let ticket = Work::new(Hash([id as u8; 32]), SignatureBatch::new()).1;
            assert!(ticket.redeem(done).is_ok());
            id
        })
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
}

#[test]
fn a_cancelled_work_is_told_to_stop_or_never_runs() {
    for is_long in [false, true] {
        let (pool, reports) = pool(1);
        let (begun, begins) = mpsc::channel();
        let until_stopped = || match is_long {
            true => work(Long(Task::UntilStopped(begun.clone()), None)),
            false => work(Short(Task::UntilStopped(begun.clone()), None)),
        };
        pool.run(WorkId(1), until_stopped());
        begins.recv().unwrap();
        pool.run(WorkId(2), until_stopped());
        pool.run(WorkId(3), until_stopped());
        pool.cancel(WorkId(2));
        let (id, done) = reports.recv().unwrap();
        assert_eq!((id, done.outcome()), (WorkId(2), Outcome::Stopped), "it was not run");
        pool.cancel(WorkId(1));
        let (id, done) = reports.recv().unwrap();
        assert_eq!((id, done.outcome()), (WorkId(1), Outcome::Stopped));
        begins.recv().unwrap();
        // The one that runs is told to stop, and its thread ends.
        drop(pool);
        assert_eq!(
            reports.iter().map(|(id, done)| (id, done.outcome())).collect::<Vec<_>>(),
            [(WorkId(3), Outcome::Stopped)]
        );
    }
}

#[test]
fn long_works_on_every_thread_of_their_lane_hold_no_short_one_up() {
    let (pool, reports) = pool(2);
    let (begun, begins) = mpsc::channel();
    for id in 0..4 {
        pool.run(WorkId(id), work(Long(Task::UntilStopped(begun.clone()), None)));
    }
    begins.recv().unwrap();
    begins.recv().unwrap();
    assert_eq!((pool.busy(Lane::Long), begins.try_recv().is_ok()), (2, false), "two threads, two works");
    // The long ones would never end by themselves.
    for id in 10..110 {
        pool.run(WorkId(id), batch(1));
    }
    let short: BTreeSet<WorkId> = (10..110).map(|_| reports.recv().unwrap().0).collect();
    assert_eq!(short, (10..110).map(WorkId).collect());
    (0..4).for_each(|id| pool.cancel(WorkId(id)));
    let long: BTreeSet<WorkId> = (0..4).map(|_| reports.recv().unwrap().0).collect();
    assert_eq!(long, (0..4).map(WorkId).collect());
    assert_eq!((pool.busy(Lane::Short), pool.busy(Lane::Long)), (0, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn threads_for_long_works_have_the_lowest_priority() {
    let (pool, reports) = pool(1);
    let (work, ticket) = Work::new(Hash([0; 32]), Long(Task::Priority, None));
    pool.run(WorkId(1), work);
    assert_eq!(ticket.redeem(reports.recv().unwrap().1), Ok(19));
    let (work, ticket) = Work::new(Hash([0; 32]), Short(Task::Priority, None));
    pool.run(WorkId(2), work);
    assert_eq!(ticket.redeem(reports.recv().unwrap().1), Ok(priority()), "that of whoever made the pool");
}

#[test]
fn a_panic_ends_its_work_alone() {
    let (pool, reports) = pool(1);
    for (id, is_long) in [(1, false), (2, true)] {
        pool.run(WorkId(id), if is_long { work(Long(Task::Panic, None)) } else { work(Short(Task::Panic, None)) });
        let (told, done) = reports.recv().unwrap();
        assert_eq!((told, done.outcome(), done.panic()), (WorkId(id), Outcome::Panicked, Some("as told")));
    }
    pool.run(WorkId(3), batch(1));
    pool.run(WorkId(4), work(Long(Task::Priority, None)));
    let after: BTreeSet<_> = (0..2).map(|_| reports.recv().unwrap()).map(|(id, done)| (id, done.outcome())).collect();
    assert_eq!(
        after,
        BTreeSet::from([(WorkId(3), Outcome::Valid), (WorkId(4), Outcome::Valid)]),
        "the threads live on"
    );
}

/// How quickly is measured by `benches/lanes.rs`.
#[test]
fn whatever_is_cancelled_is_reported_and_leaves_neither_a_thread_nor_memory() {
    let (pool, reports) = pool(2);
    let (begun, _begins) = mpsc::channel();
    let mut held: Vec<Weak<()>> = Vec::new();
    let mut dice = 1_u64;
    let mut live: Vec<WorkId> = Vec::new();
    for id in 0..1_000 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let token = Arc::new(());
        held.push(Arc::downgrade(&token));
        let task = Task::UntilStopped(begun.clone());
        let work = if dice >> 63 == 0 { work(Short(task, Some(token))) } else { work(Long(task, Some(token))) };
        pool.run(WorkId(id), work);
        live.push(WorkId(id));
        if dice >> 60 & 1 == 0 {
            pool.cancel(live.swap_remove((dice >> 20) as usize % live.len()));
        }
    }
    live.into_iter().for_each(|id| pool.cancel(id));
    let told: Vec<(WorkId, Outcome)> =
        (0..1_000).map(|_| reports.recv().unwrap()).map(|(id, done)| (id, done.outcome())).collect();
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len(), 1_000, "each once");
    assert!(told.iter().all(|(_, outcome)| *outcome == Outcome::Stopped));
    assert_eq!((pool.busy(Lane::Short), pool.busy(Lane::Long)), (0, 0));
    assert_eq!(held.iter().filter(|token| token.upgrade().is_some()).count(), 0);
}

#[test]
fn panics_keep_their_message() {
    let text = |run: fn()| panic_text(&*catch_unwind(run).unwrap_err());
    assert_eq!(text(|| panic!("plain")), "plain");
    assert_eq!(text(|| panic!("with {}", 1)), "with 1");
    assert_eq!(text(|| std::panic::panic_any(7)), "a panic without a message");
}
