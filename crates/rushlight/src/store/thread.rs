//! The store's thread: it writes in batches, so that many small saves cost one sync of the disk.

use super::{Store, StoreError, Write};
use rushlight_core::base::{Hash, LoadId, SaveId};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

/// Requests that wait for the thread; above it whoever sends waits.
const REQUESTS_MAX: usize = 64;
/// Writes that go to the disk together.
const BATCH_WRITES_MAX: usize = 256;

/// What the store is asked to do.
#[derive(Debug)]
enum Request {
    Write(Option<SaveId>, Write),
    Load(LoadId, Hash),
    Snapshot(String, oneshot::Sender<Result<Option<Vec<u8>>, StoreError>>),
    Close,
}

/// What the store has done.
#[derive(Debug)]
pub(crate) enum Stored {
    /// A snapshot is on the disk, or is not.
    Saved(SaveId, bool),
    /// A blob was read, or is not there.
    Loaded(LoadId, Option<Vec<u8>>),
    /// Writes are on the disk, and that took so long.
    Written(Duration),
    /// The store failed.
    Failed(StoreError),
}

/// The way to the store's thread, which ends at [`StoreHandle::close`] or when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct StoreHandle {
    requests: Sender<Request>,
}

/// Resolves when the thread has closed the store.
pub(crate) type StoreClosed = oneshot::Receiver<()>;

impl StoreHandle {
    /// Starts the thread, which hands what it did to `report`.
    /// # Errors
    /// The operating system refuses a thread.
    pub(crate) fn start(
        store: Store,
        report: impl Fn(Stored) + Send + 'static,
    ) -> std::io::Result<(Self, StoreClosed)> {
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let (ended, closed) = oneshot::channel();
        thread::Builder::new().name("store".to_owned()).spawn(move || {
            serve(store, queue, &report);
            // Nobody may be waiting for it.
            let _ = ended.send(());
        })?;
        Ok((Self { requests }, closed))
    }

    /// Has a chain's snapshot written; answered with [`Stored::Saved`].
    pub(crate) async fn save(&self, save: SaveId, chain: String, snapshot: Vec<u8>) {
        self.send(Request::Write(Some(save), Write::Snapshot(chain, snapshot))).await;
    }

    /// Has a blob kept.
    pub(crate) async fn put(&self, hash: Hash, bytes: Vec<u8>) {
        self.send(Request::Write(None, Write::Put(hash, bytes))).await;
    }

    /// Has a blob forgotten.
    pub(crate) async fn drop_blob(&self, hash: Hash) {
        self.send(Request::Write(None, Write::Drop(hash))).await;
    }

    /// Has a blob read; answered with [`Stored::Loaded`].
    pub(crate) async fn load(&self, load: LoadId, hash: Hash) {
        self.send(Request::Load(load, hash)).await;
    }

    /// Returns the saved snapshot of a chain, `None` also when the store is closed.
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn snapshot(&self, chain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Snapshot(chain.to_owned(), reply)).await;
        answer.await.unwrap_or(Ok(None))
    }

    /// Has everything written that was asked for before, and the store closed.
    pub(crate) async fn close(&self) {
        self.send(Request::Close).await;
    }

    async fn send(&self, request: Request) {
        // It fails only when the thread is gone, and then the driver is going down as well.
        let _ = self.requests.send(request).await;
    }
}

fn serve(mut store: Store, mut queue: Receiver<Request>, report: &dyn Fn(Stored)) {
    let mut writes = Vec::new();
    let mut saves = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Write(save, write) => {
                    saves.extend(save);
                    writes.push(write);
                }
                // What was put before must be there when it is read.
                Request::Load(load, hash) => {
                    commit(&mut store, &mut writes, &mut saves, report);
                    let blob = store.blob(hash).unwrap_or_else(|error| failed(error, report));
                    report(Stored::Loaded(load, blob));
                }
                Request::Snapshot(chain, reply) => {
                    commit(&mut store, &mut writes, &mut saves, report);
                    let _ = reply.send(store.snapshot(&chain));
                }
                Request::Close => return commit(&mut store, &mut writes, &mut saves, report),
            }
            next = (writes.len() < BATCH_WRITES_MAX).then(|| queue.try_recv().ok()).flatten();
        }
        commit(&mut store, &mut writes, &mut saves, report);
    }
}

fn failed(error: StoreError, report: &dyn Fn(Stored)) -> Option<Vec<u8>> {
    report(Stored::Failed(error));
    None
}

fn commit(store: &mut Store, writes: &mut Vec<Write>, saves: &mut Vec<SaveId>, report: &dyn Fn(Stored)) {
    if writes.is_empty() {
        return;
    }
    let started = Instant::now();
    let outcome = store.commit(writes);
    writes.clear();
    let is_saved = outcome.is_ok();
    report(match outcome {
        Ok(()) => Stored::Written(started.elapsed()),
        Err(error) => Stored::Failed(error),
    });
    for save in saves.drain(..) {
        report(Stored::Saved(save, is_saved));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc as sync;

    #[tokio::test]
    async fn saves_are_acknowledged_in_order_and_what_was_put_can_be_loaded_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (report, stored) = sync::channel();
        let store = Store::open(folder.path()).unwrap();
        let (handle, closed) = StoreHandle::start(store, move |what| report.send(what).unwrap()).unwrap();
        handle.save(SaveId(1), "a".into(), vec![1]).await;
        handle.save(SaveId(2), "a".into(), vec![2]).await;
        handle.put(Hash([5; 32]), vec![5]).await;
        handle.load(LoadId(1), Hash([5; 32])).await;
        handle.drop_blob(Hash([5; 32])).await;
        handle.load(LoadId(2), Hash([5; 32])).await;
        handle.save(SaveId(3), "b".into(), vec![3]).await;
        assert_eq!(handle.snapshot("a").await.unwrap(), Some(vec![2]));
        assert_eq!(handle.snapshot("c").await.unwrap(), None);
        handle.close().await;
        closed.await.unwrap();
        // After the end nothing is written and nobody waits for ever.
        handle.save(SaveId(4), "b".into(), vec![4]).await;
        assert_eq!(handle.snapshot("b").await.unwrap(), None);
        // How long a write took is never the same.
        let told = stored.iter().filter(|what| !matches!(what, Stored::Written(_)));
        let told: Vec<String> = told.map(|what| format!("{what:?}")).collect();
        assert_eq!(
            told,
            [
                "Saved(SaveId(1), true)",
                "Saved(SaveId(2), true)",
                "Loaded(LoadId(1), Some([5]))",
                "Loaded(LoadId(2), None)",
                "Saved(SaveId(3), true)",
            ]
        );
        assert_eq!(Store::open(folder.path()).unwrap().snapshot("b").unwrap(), Some(vec![3]));
    }
}
