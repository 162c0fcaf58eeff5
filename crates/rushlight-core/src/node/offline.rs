//! Verification of bundles without a node, a network, a store or a clock.

use crate::base::UnixTime;
use crate::bundle::{Bundle, BundleError, Checkpoint, FamilyName, FamilyNumber};
use crate::chains::{BundleRefused, BundleRules, Families, Family, KeyError, ProvenHeader, RefusedKind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyBundleError {
    /// It is damaged or not a bundle.
    #[error(transparent)]
    Container(#[from] BundleError),
    /// It is of another family than the checkpoint.
    #[error("bundle is of family {got}, the checkpoint of {want}")]
    Family {
        /// The bundle's family.
        got: &'static str,
        /// The checkpoint's family.
        want: FamilyName,
    },
    /// The bundle's family is not part of this build.
    #[error("bundle is of family number {got}, this build knows {known}")]
    UnknownFamily {
        /// The family's number.
        got: FamilyNumber,
        /// The families that are known, with their numbers.
        known: String,
    },
    /// The rules are not the family's. The caller's fault.
    #[error("rules of bundles of family {family}: {why}")]
    Rules {
        /// The family.
        family: &'static str,
        /// What is wrong with them.
        why: KeyError,
    },
    /// The family refuses it.
    #[error(transparent)]
    Refused(#[from] BundleRefused),
}

impl VerifyBundleError {
    /// Tells whether the proof itself may be good, but trust in its checkpoint or header has ended.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Refused(BundleRefused { kind: RefusedKind::TrustExpired, .. }))
    }

    /// Tells whether nothing was judged, because the rules given are not such that anything could be: the caller's fault.
    pub fn is_about_rules(&self) -> bool {
        matches!(self, Self::Rules { .. } | Self::Refused(BundleRefused { kind: RefusedKind::Rules, .. }))
    }

    /// Tells whether a header has a time after the one by which it is judged.
    pub fn is_from_the_future(&self) -> bool {
        matches!(self, Self::Refused(BundleRefused { kind: RefusedKind::FromTheFuture, .. }))
    }
}

/// Verifies that `bytes` are a bundle that proves a header from `checkpoint`, judged at `at` by `rules`; a trusting period
/// alone stands for rules that are otherwise the defaults. Knows the families of this build.
///
/// Where headers have no time the reader judges the age of the checkpoint; what a chain's own description refuses is not known
/// here. Costs a signature batch per step.
/// # Errors
/// [`VerifyBundleError`].
pub fn verify_bundle(
    bytes: &[u8],
    checkpoint: &Checkpoint,
    rules: impl Into<BundleRules>,
    at: UnixTime,
) -> Result<ProvenHeader, VerifyBundleError> {
    verify_bundle_by(&Families::default(), bytes, checkpoint, &rules.into(), at)
}

/// Verifies a bundle as [`verify_bundle`] does, by a table of families.
/// # Errors
/// [`VerifyBundleError`].
pub fn verify_bundle_by(
    families: &Families,
    bytes: &[u8],
    checkpoint: &Checkpoint,
    rules: &BundleRules,
    at: UnixTime,
) -> Result<ProvenHeader, VerifyBundleError> {
    let bundle = Bundle::decode(bytes)?;
    let Some(family) = families.numbered(bundle.family) else {
        let known = |row: &'static dyn Family| format!("{} ({})", row.number(), row.name());
        let known: Vec<_> = families.rows().map(known).collect();
        return Err(VerifyBundleError::UnknownFamily { got: bundle.family, known: known.join(" and ") });
    };
    if family.name() != checkpoint.family.as_str() {
        return Err(VerifyBundleError::Family { got: family.name(), want: checkpoint.family.clone() });
    }
    let rules = rules.of(family).map_err(|why| VerifyBundleError::Rules { family: family.name(), why })?;
    Ok(family.verify_bundle(&bundle, checkpoint, rules, at)?)
}
