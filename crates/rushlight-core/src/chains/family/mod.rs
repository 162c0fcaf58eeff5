//! What a family brings, and the table of families.
//!
//! A family is a folder and a row of [`Families`]. Whoever has to know of families asks the table, which a driver may give
//! further rows of its own.

mod probe;
mod table;

use super::keys::{Fields, Key};
use super::{Chain, ProvenHeader};
use crate::base::{Hash, Now, UnixTime};
use crate::bundle::{Anchor, Bundle, Checkpoint, CheckpointError, FamilyNumber};
use crate::rpc::Row;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use probe::{HeaderTold, PeerTold, Probe, ToDescribe};
pub use table::{BundleRules, ChainSpec, Families, FamilyTaken, SpecError};

/// A kind of chains.
pub trait Family: Sync {
    /// Returns its name in chain files, checkpoints, status and metrics; see `FamilyName` for its form.
    fn name(&self) -> &'static str;

    /// Returns its number in bundles.
    fn number(&self) -> FamilyNumber;

    /// Returns the keys of a description besides `family`. A family without any verifies bundles and follows no chains.
    fn keys(&self) -> &'static [Key];

    /// Reads a description, whose keys have been checked against [`Family::keys`].
    /// # Errors
    /// [`Refused`]: a rule that keys cannot tell is broken.
    fn describe(&self, fields: Fields<'_>) -> Result<Box<dyn Described>, Refused>;

    /// Checks that an anchor is one of this family, in its one form.
    /// # Errors
    /// [`CheckpointError::Part`].
    fn check_anchor(&self, anchor: &Anchor) -> Result<(), CheckpointError>;

    /// Returns the keys of the rules by which bundles are judged.
    fn rules(&self) -> &'static [Key];

    /// Verifies that a bundle proves a header from a checkpoint, both of this family. The keys of `rules` have been checked
    /// against [`Family::rules`].
    /// # Errors
    /// [`BundleRefused`].
    fn verify_bundle(
        &self,
        bundle: &Bundle,
        checkpoint: &Checkpoint,
        rules: Fields<'_>,
        at: UnixTime,
    ) -> Result<ProvenHeader, BundleRefused>;

    /// Returns the methods that chains of this family answer, for documentation.
    fn rows(&self) -> Vec<&'static Row>;

    /// Returns how peers are asked outside of any sync; `None` if this family cannot.
    fn probe(&self) -> Option<&'static dyn Probe>;

    /// Returns a header's hash as the family's own tools write it.
    fn hash_text(&self, hash: &Hash) -> String {
        hash.to_string()
    }
}

impl fmt::Debug for dyn Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Family({})", self.name())
    }
}

/// A chain as its user describes it, read by its family.
pub trait Described: fmt::Debug + Send + Sync {
    /// Returns the chain's own id.
    fn chain_id(&self) -> &str;

    /// Returns the base addresses of the chain's peers, the one to begin with first.
    fn providers(&self) -> &[String];

    /// Returns what is trusted to begin with, if that is one header.
    fn trusted(&self) -> Option<Trusted>;

    /// Returns the chain at the state that was saved of it.
    /// # Errors
    /// [`OpenError`].
    fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Chain>, OpenError>;
}

/// What a chain is opened with.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What was saved of the chain; untrusted.
    pub saved: Option<&'a [u8]>,
    /// The time.
    pub now: Now,
}

/// The header that a user trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: Hash,
    /// For how long it is trusted, counted from its own time; `None` where that is not counted.
    pub good_for: Option<Duration>,
}

/// A rule of a family that a description breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// JSON pointer of the key to mend.
    pub pointer: String,
    /// The broken rule in words, with what is there and what is wanted.
    pub why: String,
}

/// Why a chain cannot go on from what was saved of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It was saved of another chain: two chains share a name.
    #[error("it is of chain {got:?}, this one is {want:?}")]
    OtherChain {
        /// The chain id in what was saved.
        got: String,
        /// The chain id of the description.
        want: String,
    },
    /// It is frozen by evidence of an attack, and the description has another checkpoint.
    #[error("{why}")]
    Frozen {
        /// The evidence, in words.
        why: String,
    },
    /// It is damaged, or another version wrote it.
    #[error("{why}")]
    Unreadable {
        /// The broken rule, in words.
        why: String,
    },
}

/// A family refuses a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BundleRefused {
    /// What that means for its reader.
    pub kind: RefusedKind,
    /// The broken rule, in words.
    pub why: String,
}

/// What the refusal of a bundle means for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedKind {
    /// It proves nothing.
    Invalid,
    /// The proof itself may be good, but trust in its checkpoint or header has ended.
    TrustExpired,
    /// A header has a time after the one by which it is judged.
    FromTheFuture,
    /// Nothing was judged: the rules given are not such that anything could be.
    Rules,
}
