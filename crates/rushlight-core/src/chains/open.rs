//! The one match over families.

use super::{Chain, ChainSpec};
use crate::base::Now;
use alloc::boxed::Box;
use alloc::string::String;
#[cfg(feature = "tendermint")]
use alloc::string::ToString;

/// Returns the chain that `spec` describes, at the state that `saved` holds.
/// # Errors
/// In words, why `saved` cannot be read.
pub fn open(spec: ChainSpec, saved: Option<&[u8]>, now: Now) -> Result<Box<dyn Chain>, String> {
    #[cfg(not(feature = "tendermint"))]
    let _ = (saved, now);
    match spec {
        #[cfg(feature = "tendermint")]
        ChainSpec::Tendermint(spec) => match super::tendermint::sync::TendermintChain::open(spec, saved, now) {
            Ok(chain) => Ok(Box::new(chain)),
            Err(error) => Err(error.to_string()),
        },
    }
}
