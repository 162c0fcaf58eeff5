//! What a chain answers to a call: a result that follows from a verified header, or why there is none.

use super::{Etag, Proven, Verified};
use crate::base::{Hash, UnixTime};
use alloc::string::String;
use alloc::sync::Arc;

/// A header that its family has verified. Only types that nobody but a family's verifier can make have this trait: such a
/// value is what stands behind a [`Proven`].
pub trait VerifiedHead {
    /// Returns its height.
    fn height(&self) -> u64;
    /// Returns its hash.
    fn hash(&self) -> Hash;
    /// Returns its time, where headers of the family tell it.
    fn time(&self) -> Option<UnixTime>;
}

/// An answer to a call. Its fields are private, and so are those of [`Proven`]: an answer that names a header can only be built
/// from a verified one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    pub(super) json: Arc<str>,
    pub(super) proven: Option<Proven>,
    /// What of it is verified, where that is less than in others of its method.
    pub(super) part: Option<&'static [&'static str]>,
    pub(super) etag: Option<Etag>,
    pub(super) max_age: Option<u32>,
}

impl QueryAnswer {
    /// Returns the result `json`, JSON text, which follows from the header that `proven` names.
    pub fn proven(json: impl Into<Arc<str>>, proven: Proven) -> Self {
        Self { proven: Some(proven), ..Self::unproven(json) }
    }

    /// Returns the result `json`, JSON text, behind which no header stands: what the node says of itself, or somebody's claim
    /// that is passed on.
    pub fn unproven(json: impl Into<Arc<str>>) -> Self {
        Self { json: json.into(), proven: None, part: None, etag: None, max_age: None }
    }

    /// Says that the answer is about `height`, where that is not the header's own: a state is proven by the header after it.
    #[must_use]
    pub fn about(mut self, height: u64) -> Self {
        self.proven = self.proven.map(|proven| proven.about(height));
        self
    }

    /// Says that of this answer only `fields` are verified, though its method may verify more.
    #[must_use]
    pub fn in_part(mut self, fields: &'static [&'static str]) -> Self {
        self.part = Some(fields);
        self
    }

    /// Says that the answer may be kept for `max_age` seconds, and asked for again by `etag`.
    #[must_use]
    pub fn cached(mut self, etag: Etag, max_age: u32) -> Self {
        self.etag = Some(etag);
        self.max_age = Some(max_age);
        self
    }

    /// Returns what of it is verified, `most` being what its method verifies.
    pub(super) fn verified(&self, most: Verified) -> Verified {
        match (&self.proven, self.part) {
            (None, _) => Verified::No,
            (Some(_), Some(fields)) if most != Verified::No => Verified::Part(fields),
            (Some(_), _) => most,
        }
    }
}

/// Why a call has no result, as far as a chain knows. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no trusted head yet.
    #[error("not synced: {why}")]
    NotSynced {
        /// Why not.
        why: String,
    },
    /// Trust in what the answer would start from has ended.
    #[error("trust has expired: {why}")]
    TrustExpired {
        /// In which height and when.
        why: String,
    },
    /// The height is above the trusted head.
    #[error("height {height} is above the trusted head {head}; wait until the client has synced to it")]
    AboveHead {
        /// The height asked for.
        height: u64,
        /// The trusted head.
        head: u64,
    },
    /// The height cannot be proven forwards from the checkpoint.
    #[error("height {height} is below the checkpoint at {checkpoint}; start from an older checkpoint")]
    BelowCheckpoint {
        /// The height asked for.
        height: u64,
        /// The checkpoint's height.
        checkpoint: u64,
    },
    /// The chain is frozen by evidence of an attack.
    #[error("the chain is frozen by evidence of an attack: {why}")]
    Frozen {
        /// The evidence, in words.
        why: String,
    },
    /// No provider gave what the answer needs.
    #[error("no provider gave what is needed: {why}")]
    NoProvider {
        /// What failed last; a provider may have written a part of it.
        why: String,
    },
    /// The blocks that prove the header are more than a bundle may have.
    #[error("the proof has more than {bytes} bytes, at most {max} are allowed; prove from a newer checkpoint")]
    ProofTooLarge {
        /// How many bytes there were when it was given up.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many requests are being worked on.
    #[error("{waiting} requests wait already; ask again when some are answered")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// This program broke a rule of its own, which is a bug.
    #[error("internal error: {why}")]
    Internal {
        /// The broken rule.
        why: String,
    },
    /// A page that the list does not have.
    #[error("invalid params: page should be within [1, {pages}] range, given {page}")]
    NoSuchPage {
        /// The page asked for.
        page: u64,
        /// How many pages there are.
        pages: u64,
    },
}

impl QueryError {
    /// Returns after how many seconds it makes sense to ask again, where that is soon.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy { .. } => Some(1),
            Self::NotSynced { .. } | Self::NoProvider { .. } => Some(5),
            _ => None,
        }
    }
}
