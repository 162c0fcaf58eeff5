//! What the driver measures: how long requests, verifications and writes take, and who is connected.

use rushlight_core::node::Times;
use rushlight_core::work::Done;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the driver measured since the start, beside the node's own [`Stats`](rushlight_core::node::Stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// How long requests to providers took that were not cancelled, by outcome: `ok`, `status` (another one than 200),
    /// `timeout` or `failed`.
    pub requests: BTreeMap<&'static str, Times>,
    /// How long works took on their thread, by kind and outcome: `valid`, `invalid`, `stopped` or `panicked`.
    pub verifications: BTreeMap<(&'static str, &'static str), Times>,
    /// How long writes took until they were on the disk.
    pub store_writes: Times,
    /// The size of the store's file, in bytes; `None` when the system does not say.
    pub store_bytes: Option<u64>,
    /// WebSockets open now.
    pub websockets: usize,
}

/// Where the parts of the driver note what they measure.
#[derive(Debug)]
pub(crate) struct Meters {
    measured: Mutex<Measured>,
    websockets: Arc<AtomicUsize>,
    store: PathBuf,
}

impl Meters {
    /// Returns meters that have measured nothing, of a client whose store is this file.
    pub(crate) fn new(store: PathBuf) -> Self {
        Self { measured: Mutex::default(), websockets: Arc::default(), store }
    }

    /// Notes a request to a provider.
    pub(crate) fn request(&self, outcome: &'static str, took: Duration) {
        self.lock().requests.entry(outcome).or_default().add(took);
    }

    /// Notes a work that has ended.
    pub(crate) fn work(&self, done: &Done, took: Duration) {
        self.lock().verifications.entry((done.kind(), done.outcome().word())).or_default().add(took);
    }

    /// Notes a write that is on the disk.
    pub(crate) fn store_write(&self, took: Duration) {
        self.lock().store_writes.add(took);
    }

    /// Counts a WebSocket as open until the value is dropped.
    pub(crate) fn websocket(&self) -> OpenSocket {
        self.websockets.fetch_add(1, Ordering::Relaxed);
        OpenSocket(Arc::clone(&self.websockets))
    }

    /// Returns what was measured so far.
    pub(crate) fn read(&self) -> Measured {
        let store_bytes = std::fs::metadata(&self.store).ok().map(|file| file.len());
        Measured { store_bytes, websockets: self.websockets.load(Ordering::Relaxed), ..self.lock().clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        // No code that can panic runs under the lock.
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A WebSocket that is counted as open.
#[derive(Debug)]
pub(crate) struct OpenSocket(Arc<AtomicUsize>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
