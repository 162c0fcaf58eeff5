//! CPU-heavy work that leaves the loop.

use crate::base::Hash;
use crate::crypto::batch::{BatchVerdict, SignatureBatch};

/// A self-contained, pure piece of CPU-heavy work. A driver runs it where it likes; the result is the same everywhere.
#[derive(Debug)]
pub struct Work {
    from: Hash,
    batch: SignatureBatch,
}

/// A finished [`Work`]. Only [`Work::run`] can make one.
#[derive(Debug)]
pub struct Done {
    from: Hash,
    verdict: BatchVerdict,
}

impl Work {
    /// The most memory that a work holds together with its input, in bytes.
    pub const BYTES_MAX: usize = 24 << 20;

    /// Returns the work of verifying `batch`, which starts from the trusted head with hash `from`.
    pub fn signatures(from: Hash, batch: SignatureBatch) -> Self {
        Self { from, batch }
    }

    /// Returns the memory that the input of this work holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.batch.size_bytes()
    }

    /// Returns how many signatures are to be checked.
    pub fn signatures_count(&self) -> usize {
        self.batch.len()
    }

    /// Does the work.
    pub fn run(self) -> Done {
        Done { from: self.from, verdict: self.batch.verify() }
    }
}

impl Done {
    /// Returns the hash of the trusted head that the work started from.
    pub fn from(&self) -> Hash {
        self.from
    }

    /// Returns what became of the signatures.
    pub fn verdict(&self) -> &BatchVerdict {
        &self.verdict
    }
}
