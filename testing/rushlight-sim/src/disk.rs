//! The disk: what survives when the process is killed.

use crate::Dice;
use rushlight_core::base::Hash;
use std::collections::BTreeMap;

/// Snapshot and blobs. A snapshot is written atomically: after a kill the old or the new one is there.
#[derive(Default)]
pub(crate) struct Disk {
    snapshot: Option<Vec<u8>>,
    /// Being written.
    pending: Option<Vec<u8>>,
    blobs: BTreeMap<Hash, Vec<u8>>,
}

impl Disk {
    pub(crate) fn begin(&mut self, snapshot: Vec<u8>) {
        self.pending = Some(snapshot);
    }

    /// Ends a write, well or badly.
    pub(crate) fn end(&mut self, snapshot: Vec<u8>, is_written: bool) {
        self.pending = None;
        if is_written {
            self.snapshot = Some(snapshot);
        }
    }

    /// Returns what is there after a kill: what was being written is there or not.
    pub(crate) fn after_kill(&mut self, dice: &mut Dice) -> Option<Vec<u8>> {
        if let Some(pending) = self.pending.take().filter(|_| dice.chance(50)) {
            self.snapshot = Some(pending);
        }
        self.snapshot.clone()
    }

    pub(crate) fn put(&mut self, hash: Hash, bytes: Vec<u8>) {
        self.blobs.insert(hash, bytes);
    }

    pub(crate) fn drop_blob(&mut self, hash: &Hash) {
        self.blobs.remove(hash);
    }

    /// Returns a blob, or with `lost_percent` nothing or another one: the store need not be trusted.
    pub(crate) fn load(&self, hash: &Hash, lost_percent: u64, dice: &mut Dice) -> Option<Vec<u8>> {
        let mut blob = self.blobs.get(hash).cloned()?;
        if !dice.chance(lost_percent) {
            return Some(blob);
        }
        let at = dice.within(0..blob.len().max(1) as u64) as usize;
        *blob.get_mut(at)? ^= 1;
        Some(blob).filter(|_| dice.chance(50))
    }
}
