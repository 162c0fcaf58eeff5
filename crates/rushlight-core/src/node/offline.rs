//! Verification of bundles without a node, a network, a store or a clock.

use crate::base::{Hash, UnixTime};
#[cfg(feature = "substrate")]
use crate::bundle::SectionKind;
use crate::bundle::{Bundle, BundleError, Checkpoint, Family};
#[cfg(feature = "substrate")]
use crate::chains::substrate::{bundle as substrate, warp::WarpRules};
#[cfg(feature = "tendermint")]
use crate::chains::tendermint::{bundle as tendermint, verify::JudgedAt, verify::Rules, verify::TrustLevel};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A header that a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenHeader {
    /// The chain's id.
    pub chain_id: String,
    /// The header's height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// The header's time; `None` where headers do not tell it, as on Substrate chains.
    pub time: Option<UnixTime>,
    /// When trust in it ends; `None` where that is for the reader to say, because the header has no time.
    pub trust_expires: Option<UnixTime>,
    /// How many steps the proof has, the checkpoint's own block included.
    pub steps: usize,
    /// Values of the state under the header, with those that are proven to be absent.
    pub state: Vec<ProvenState>,
}

/// What a bundle proves of a key of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenState {
    /// Name of the child trie in which the key is; `None` is the main trie.
    pub child: Option<Vec<u8>>,
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None`: there is none.
    pub value: Option<Vec<u8>>,
}

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyBundleError {
    /// It is damaged or not a bundle.
    #[error(transparent)]
    Container(#[from] BundleError),
    /// It is of another family than the checkpoint.
    #[error("bundle is of family {}, the checkpoint of {}", got.name(), want.name())]
    Family {
        /// The bundle's family.
        got: Family,
        /// The checkpoint's family.
        want: Family,
    },
    /// Its family is not part of this build.
    #[error("this build does not have the family {}", family.name())]
    NotBuilt {
        /// The family.
        family: Family,
    },
    /// The Tendermint family refuses it.
    #[cfg(feature = "tendermint")]
    #[error(transparent)]
    Tendermint(#[from] tendermint::BundleRefused),
    /// The Substrate family refuses it.
    #[cfg(feature = "substrate")]
    #[error(transparent)]
    Substrate(#[from] substrate::BundleRefused),
}

impl VerifyBundleError {
    /// Tells whether the proof itself may be good, but trust in its checkpoint or header has ended.
    pub fn is_expired(&self) -> bool {
        #[cfg(feature = "tendermint")]
        if let Self::Tendermint(tendermint::BundleRefused::Verify { why, .. }) = self {
            return matches!(why, crate::chains::tendermint::verify::VerifyError::TrustExpired { .. });
        }
        false
    }

    /// Tells whether a header has a time after the one by which it is judged.
    pub fn is_from_the_future(&self) -> bool {
        #[cfg(feature = "tendermint")]
        if let Self::Tendermint(tendermint::BundleRefused::Verify { why, .. }) = self {
            return matches!(why, crate::chains::tendermint::verify::VerifyError::FromTheFuture { .. });
        }
        false
    }
}

/// By which rules a bundle is judged. Those of a family whose headers have no time have no say in Substrate bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleRules {
    /// For how long headers are trusted, counted from their own time; it must be well below the chain's unbonding period.
    pub trusting_period: Duration,
    /// How far in the future of the time of judgement a header may be.
    pub max_clock_drift: Duration,
    /// Which share of a trusted set must have signed a header to which heights are skipped.
    #[cfg(feature = "tendermint")]
    pub trust_level: TrustLevel,
}

impl From<Duration> for BundleRules {
    /// Returns rules with this trusting period; a drift of 10 s and a trust level of 1/3, as chain files have without a word.
    fn from(trusting_period: Duration) -> Self {
        Self {
            trusting_period,
            max_clock_drift: Duration::from_secs(10),
            #[cfg(feature = "tendermint")]
            trust_level: TrustLevel::ONE_THIRD,
        }
    }
}

/// Verifies that `bytes` are a bundle that proves a header from `checkpoint`, judged at `now` by `rules`; a trusting period
/// alone stands for rules that are otherwise the defaults.
///
/// Substrate headers have no time, so of those the reader judges the age of the checkpoint; the blocks that a chain's
/// specification refuses are not known here, [`substrate::verify`] takes them. Costs a signature batch per step.
/// # Errors
/// [`VerifyBundleError`].
pub fn verify_bundle(
    bytes: &[u8],
    checkpoint: &Checkpoint,
    rules: impl Into<BundleRules>,
    now: UnixTime,
) -> Result<ProvenHeader, VerifyBundleError> {
    let rules: BundleRules = rules.into();
    let bundle = Bundle::decode(bytes)?;
    if bundle.family != checkpoint.family {
        return Err(VerifyBundleError::Family { got: bundle.family, want: checkpoint.family });
    }
    match bundle.family {
        #[cfg(feature = "tendermint")]
        Family::Tendermint => {
            let BundleRules { trusting_period, max_clock_drift, trust_level } = rules;
            let rules = Rules { trusting_period, trust_level, max_clock_drift };
            let block = tendermint::verify(&bundle, checkpoint, &rules, JudgedAt::at(now))?;
            Ok(ProvenHeader {
                chain_id: checkpoint.chain_id.clone(),
                height: block.height(),
                hash: block.hash(),
                time: Some(block.time()),
                trust_expires: Some(block.time().after(trusting_period)),
                steps: bundle.sections.len().saturating_sub(1),
                state: Vec::new(),
            })
        }
        #[cfg(feature = "substrate")]
        Family::Substrate => {
            let proven = substrate::verify(&bundle, checkpoint, &WarpRules::default())?;
            let steps = bundle.sections.iter().filter(|section| section.kind == SectionKind::Step).count();
            let state = proven.values().iter().map(|proven| ProvenState {
                child: proven.key.child.clone(),
                key: proven.key.key.clone(),
                value: proven.value.clone(),
            });
            Ok(ProvenHeader {
                chain_id: checkpoint.chain_id.clone(),
                height: proven.block().number,
                hash: proven.block().hash,
                time: None,
                trust_expires: None,
                steps,
                state: state.collect(),
            })
        }
        #[cfg(not(all(feature = "substrate", feature = "tendermint")))]
        family => {
            let _ = (rules, now);
            Err(VerifyBundleError::NotBuilt { family })
        }
    }
}
