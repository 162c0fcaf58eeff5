//! The lanes of the worker pool, by the clock: `cargo bench -p rushlight --bench lanes`.
//!
//! Two questions. How much throughput do signature batches lose while every thread of the long lane is at a work of two
//! seconds, and does any of them wait for a long one to end? And how soon is everything free again after a thousand works of
//! both kinds were cancelled at random? Exits with 1 when an answer is not what it should be. Needs a machine that is
//! otherwise idle: other processes take from both sides, but not evenly.

use rushlight::testing::Pool;
use rushlight_core::base::{Hash, WorkId};
use rushlight_core::crypto::PublicKey;
use rushlight_core::crypto::batch::{BatchVerdict, SignatureBatch};
use rushlight_core::work::{Done, Kind, Lane, Outcome, StopFlag, Stopped, Work};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Batches in each run, and signatures in each: about a commit of a chain with many validators.
const BATCHES: u64 = 1_000;
const SIGNATURES: u64 = 100;
/// How long a long work takes of its thread's own time, where it gets any.
const LONG: Duration = Duration::from_secs(2);
/// Runs with long works and without, in turns.
const RUNS: usize = 5;
/// The most throughput that may be lost.
const LOSS_MAX: f64 = 0.10;
/// Works that are cancelled at random, and how soon all must be free: this, and the longest equation.
const CANCELLED: u64 = 1_000;
const FREE_AFTER: Duration = Duration::from_millis(50);
/// The largest batch that is cancelled: two equations.
const LARGE_BATCH: u64 = 8_192;

/// Takes two seconds of computing, and asks every now and then whether it is to stop.
struct Spin {
    time: Duration,
    /// What it holds.
    held: Arc<Vec<u8>>,
}

impl Kind for Spin {
    const NAME: &'static str = "spin";
    const LANE: Lane = Lane::Long;
    type Outcome = u64;

    fn size_bytes(&self) -> usize {
        self.held.len()
    }

    fn digest(&self) -> Hash {
        Hash([0; 32])
    }

    fn run(self, stop: &StopFlag) -> Result<u64, Stopped> {
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed() < self.time {
            stop.go_on()?;
            for byte in self.held.iter() {
                sum = sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
            }
        }
        Ok(sum)
    }

    fn is_valid(_: &u64) -> bool {
        true
    }
}

/// A batch whose memory can be told from outside.
struct Held {
    batch: SignatureBatch,
    _held: Arc<Vec<u8>>,
}

impl Kind for Held {
    const NAME: &'static str = "signatures";
    const LANE: Lane = Lane::Short;
    type Outcome = BatchVerdict;

    fn size_bytes(&self) -> usize {
        self.batch.size_bytes()
    }

    fn digest(&self) -> Hash {
        self.batch.digest()
    }

    fn run(self, stop: &StopFlag) -> Result<BatchVerdict, Stopped> {
        Kind::run(self.batch, stop)
    }

    fn is_valid(outcome: &BatchVerdict) -> bool {
        outcome.outcome().is_ok()
    }
}

fn batch(signatures: u64) -> SignatureBatch {
    let mut batch = SignatureBatch::new();
    for number in 0..signatures {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(number % 100).to_le_bytes());
        let key = ed25519_zebra::SigningKey::from(seed);
        let public = PublicKey::Ed25519(ed25519_zebra::VerificationKeyBytes::from(&key).into());
        let message = [number.to_le_bytes(); 15];
        batch.push(&public, message.as_flattened(), &key.sign(message.as_flattened()).to_bytes());
    }
    batch.end_group();
    batch
}

fn work(input: impl Kind) -> Work {
    Work::new(Hash([0; 32]), input).0
}

fn pool() -> (Pool, Receiver<(WorkId, Done)>) {
    let (report, reports) = mpsc::channel();
    // It fails when nobody listens any more.
    (Pool::new(None, move |id, done, _| drop(report.send((id, done)))).expect("threads"), reports)
}

/// Returns how long the batches took, and how many long works ended meanwhile.
fn run(template: &SignatureBatch, threads: u64, with_long: bool) -> (Duration, usize) {
    let (pool, reports) = pool();
    let held = Arc::new(vec![7; 1 << 20]);
    let mut next_long = BATCHES;
    let mut start_long = |pool: &Pool| {
        pool.run(WorkId(next_long), work(Spin { time: LONG, held: Arc::clone(&held) }));
        next_long += 1;
    };
    if with_long {
        (0..threads).for_each(|_| start_long(&pool));
        while pool.busy(Lane::Long) < usize::try_from(threads).expect("few threads") {
            thread::yield_now();
        }
    }
    let batches: Vec<Work> = (0..BATCHES).map(|_| work(template.clone())).collect();
    let begun = Instant::now();
    for (id, work) in (0..).zip(batches) {
        pool.run(WorkId(id), work);
    }
    let (mut left, mut long) = (BATCHES, 0);
    while left > 0 {
        let (WorkId(id), done) = reports.recv().expect("the pool reports");
        assert_eq!(done.outcome(), Outcome::Valid);
        if id < BATCHES {
            left -= 1;
        } else {
            // The lane stays full until the last batch is done.
            long += 1;
            start_long(&pool);
        }
    }
    (begun.elapsed(), long)
}

/// Returns the longest of 50 batches that come one by one while long works run that never end by themselves.
fn longest_wait(template: &SignatureBatch, threads: u64) -> Duration {
    let (pool, reports) = pool();
    for id in 0..threads {
        pool.run(WorkId(1_000 + id), work(Spin { time: Duration::MAX, held: Arc::new(vec![7; 1 << 20]) }));
    }
    let one = |id| {
        let begun = Instant::now();
        pool.run(WorkId(id), work(template.clone()));
        assert_eq!(reports.recv().expect("the pool reports").0, WorkId(id));
        begun.elapsed()
    };
    (0..50).map(one).max().unwrap_or_default()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

fn throughput(threads: u64) -> bool {
    let template = batch(SIGNATURES);
    let mut times: BTreeMap<bool, Vec<Duration>> = BTreeMap::new();
    for _ in 0..RUNS {
        for with_long in [false, true] {
            let (time, long) = run(&template, threads, with_long);
            println!(
                "{BATCHES} batches of {SIGNATURES}, long works: {with_long:<5} {time:>10.1?}, {long} of these ended"
            );
            times.entry(with_long).or_default().push(time);
        }
    }
    let (without, with) = (median(&times[&false]), median(&times[&true]));
    let loss = 1.0 - without.as_secs_f64() / with.as_secs_f64();
    let longest = longest_wait(&template, threads);
    println!("median {without:.1?} without, {with:.1?} with: {:.1} % of the throughput lost", 100.0 * loss);
    println!("longest of 50 single batches beside long works without end: {longest:.1?}");
    loss <= LOSS_MAX && longest < LONG
}

fn cancelling() -> bool {
    let (small, large) = (batch(SIGNATURES), batch(LARGE_BATCH));
    let begun = Instant::now();
    assert!(batch(LARGE_BATCH / 2).verify().outcome().is_ok());
    // Signing is in it too; two in a row and the faster one would be more exact than this needs.
    let signing = Instant::now();
    drop(batch(LARGE_BATCH / 2));
    let equation = begun.elapsed().saturating_sub(signing.elapsed() * 2);
    let (pool, reports) = pool();
    let mut dice = 1_u64;
    let mut held: Vec<Weak<Vec<u8>>> = Vec::new();
    let mut live: Vec<WorkId> = Vec::new();
    for id in 0..CANCELLED {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let memory = Arc::new(vec![1; 64 << 10]);
        held.push(Arc::downgrade(&memory));
        let batch = if dice >> 61 & 3 == 0 { &large } else { &small };
        let work = match dice >> 63 {
            0 => work(Held { batch: batch.clone(), _held: memory }),
            _ => work(Spin { time: LONG, held: memory }),
        };
        pool.run(WorkId(id), work);
        live.push(WorkId(id));
        if dice >> 60 & 1 == 0 {
            pool.cancel(live.swap_remove((dice >> 20) as usize % live.len()));
        }
        if dice >> 50 & 7 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let begun = Instant::now();
    live.into_iter().for_each(|id| pool.cancel(id));
    let is_busy = || pool.busy(Lane::Short) + pool.busy(Lane::Long) > 0;
    while is_busy() {
        thread::yield_now();
    }
    let free_after = begun.elapsed();
    let told = (0..CANCELLED).filter(|_| reports.recv().is_ok()).count();
    let kept = held.iter().filter(|memory| memory.upgrade().is_some()).count();
    println!(
        "{CANCELLED} works cancelled: all threads free after {free_after:.1?} (allowed {FREE_AFTER:?} and one equation, {equation:.1?})"
    );
    println!("{told} reported, {kept} still hold memory");
    free_after <= FREE_AFTER + equation && told == 1_000 && kept == 0
}

fn main() -> ExitCode {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    println!("{threads} threads in each lane");
    let is_good = [throughput(threads), cancelling()];
    ExitCode::from(u8::from(is_good.contains(&false)))
}
