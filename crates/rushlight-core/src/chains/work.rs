//! CPU-heavy work that leaves the loop.
#![cfg_attr(
    not(any(feature = "substrate", feature = "tendermint")),
    allow(unreachable_code, unused_variables, dead_code, reason = "a build without families has no kind of work")
)]

use crate::base::Hash;
#[cfg(any(feature = "substrate", feature = "tendermint"))]
use crate::crypto::batch::{BatchVerdict, SignatureBatch};

/// A self-contained, pure piece of CPU-heavy work. A driver runs it where it likes; the result is the same everywhere.
#[derive(Debug)]
pub struct Work {
    from: Hash,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    #[cfg(any(feature = "substrate", feature = "tendermint"))]
    Signatures(SignatureBatch),
}

/// A finished [`Work`]. Only [`Work::run`] can make one.
#[derive(Debug)]
pub struct Done {
    from: Hash,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    #[cfg(any(feature = "substrate", feature = "tendermint"))]
    Signatures(BatchVerdict),
}

impl Work {
    /// The most memory that a work holds together with its input, in bytes.
    pub const BYTES_MAX: usize = 24 << 20;

    /// Returns the work of verifying `batch`, which starts from the trusted head with hash `from`.
    #[cfg(any(feature = "substrate", feature = "tendermint"))]
    pub fn signatures(from: Hash, batch: SignatureBatch) -> Self {
        Self { from, kind: Kind::Signatures(batch) }
    }

    /// Returns the memory that the input of this work holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        match &self.kind {
            #[cfg(any(feature = "substrate", feature = "tendermint"))]
            Kind::Signatures(batch) => batch.size_bytes(),
            #[cfg(not(any(feature = "substrate", feature = "tendermint")))]
            _ => 0,
        }
    }

    /// Returns how many signatures are to be checked.
    pub fn signatures_count(&self) -> usize {
        match &self.kind {
            #[cfg(any(feature = "substrate", feature = "tendermint"))]
            Kind::Signatures(batch) => batch.len(),
            #[cfg(not(any(feature = "substrate", feature = "tendermint")))]
            _ => 0,
        }
    }

    /// Does the work.
    pub fn run(self) -> Done {
        let outcome = match self.kind {
            #[cfg(any(feature = "substrate", feature = "tendermint"))]
            Kind::Signatures(batch) => Outcome::Signatures(batch.verify()),
        };
        Done { from: self.from, outcome }
    }
}

impl Done {
    /// Returns the hash of the trusted head that the work started from.
    pub fn from(&self) -> Hash {
        self.from
    }

    /// Returns what became of the signatures.
    #[cfg(any(feature = "substrate", feature = "tendermint"))]
    pub fn verdict(&self) -> &BatchVerdict {
        match &self.outcome {
            Outcome::Signatures(verdict) => verdict,
        }
    }
}
