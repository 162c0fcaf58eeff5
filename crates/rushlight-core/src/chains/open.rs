//! The one match over families.

#[cfg(feature = "tendermint")]
use super::tendermint::snapshot::SnapshotError;
use super::{Chain, ChainSpec};
use crate::base::Now;
use crate::rpc::Row;
use alloc::boxed::Box;
use alloc::string::String;
#[cfg(feature = "tendermint")]
use alloc::string::ToString;
use alloc::vec::Vec;

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

/// Returns the chain that `spec` describes, at the state that `saved` holds.
/// # Errors
/// [`OpenError`].
pub fn open(spec: ChainSpec, saved: Option<&[u8]>, now: Now) -> Result<Box<dyn Chain>, OpenError> {
    #[cfg(not(feature = "tendermint"))]
    let _ = (saved, now);
    match spec {
        #[cfg(feature = "tendermint")]
        ChainSpec::Tendermint(spec) => match super::tendermint::sync::TendermintChain::open(spec, saved, now) {
            Ok(chain) => Ok(Box::new(chain)),
            Err(SnapshotError::OtherChain { got, want }) => Err(OpenError::OtherChain { got, want }),
            Err(error @ SnapshotError::Frozen { .. }) => Err(OpenError::Frozen { why: error.to_string() }),
            Err(error) => Err(OpenError::Unreadable { why: error.to_string() }),
        },
    }
}

/// Returns the methods that chains answer, by their family.
pub fn rows() -> Vec<(&'static str, Vec<&'static Row>)> {
    alloc::vec![
        #[cfg(feature = "tendermint")]
        ("tendermint", super::tendermint::sync::rows()),
    ]
}
