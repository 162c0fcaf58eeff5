//! This family's row of the table.

use super::bundle::{self, anchor_time};
use super::snapshot::SnapshotError;
use super::spec::{self, KEYS, Spec};
use super::sync::{self, TendermintChain};
use super::verify::{JudgedAt, VerifyError};
use super::{NAME_TEXT, NUMBER, Tendermint, probe};
use crate::base::UnixTime;
use crate::bundle::{Anchor, Bundle, Checkpoint, CheckpointError, FamilyNumber};
use crate::chains::{
    BundleRefused, Chain, Described, Family, Fields, Key, Kind, OpenError, Opening, Probe, ProvenHeader, Refused,
    RefusedKind, Trusted,
};
use crate::rpc::Row;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) const TRUSTING_PERIOD: Key = Key {
    name: "trusting_period",
    kind: Kind::Duration,
    is_required: false,
    want: "a time such as \"168h\" or \"14d\", well below the chain's unbonding period",
};
pub(super) const TRUST_LEVEL: Key =
    Key { name: "trust_level", kind: Kind::Text, is_required: false, want: "a fraction from \"1/3\" to \"1\"" };
pub(super) const MAX_CLOCK_DRIFT: Key =
    Key { name: "max_clock_drift", kind: Kind::Duration, is_required: false, want: "a time such as \"10s\"" };
#[cfg(test)]
pub(super) const FAMILY: Key = Key { name: "family", kind: Kind::Text, is_required: true, want: "the family" };

impl Family for Tendermint {
    fn name(&self) -> &'static str {
        NAME_TEXT
    }

    fn number(&self) -> FamilyNumber {
        NUMBER
    }

    fn keys(&self) -> &'static [Key] {
        KEYS
    }

    fn describe(&self, fields: Fields<'_>) -> Result<Box<dyn Described>, Refused> {
        match Spec::read(fields) {
            Ok(spec) => Ok(Box::new(spec)),
            Err(error) => Err(Refused { pointer: error.pointer(), why: error.to_string() }),
        }
    }

    fn check_anchor(&self, anchor: &Anchor) -> Result<(), CheckpointError> {
        anchor_time(anchor).map(|_| ())
    }

    fn rules(&self) -> &'static [Key] {
        &[TRUSTING_PERIOD, TRUST_LEVEL, MAX_CLOCK_DRIFT]
    }

    fn verify_bundle(
        &self,
        bundle: &Bundle,
        checkpoint: &Checkpoint,
        rules: Fields<'_>,
        at: UnixTime,
    ) -> Result<ProvenHeader, BundleRefused> {
        let rules =
            spec::rules(rules).map_err(|error| BundleRefused { kind: RefusedKind::Rules, why: error.to_string() })?;
        let block = bundle::verify(bundle, checkpoint, &rules, JudgedAt::at(at)).map_err(refused)?;
        Ok(ProvenHeader {
            chain_id: checkpoint.chain_id.clone(),
            height: block.height(),
            hash: block.hash(),
            time: Some(block.time()),
            trust_expires: Some(block.time().after(rules.trusting_period)),
            steps: bundle.sections.len().saturating_sub(1),
            state: Vec::new(),
        })
    }

    fn rows(&self) -> Vec<&'static Row> {
        sync::rows()
    }

    fn probe(&self) -> Option<&'static dyn Probe> {
        Some(&probe::Rpc)
    }
}

fn refused(error: bundle::BundleRefused) -> BundleRefused {
    let kind = match &error {
        bundle::BundleRefused::Verify { why: VerifyError::TrustExpired { .. }, .. } => RefusedKind::TrustExpired,
        bundle::BundleRefused::Verify { why: VerifyError::FromTheFuture { .. }, .. } => RefusedKind::FromTheFuture,
        _ => RefusedKind::Invalid,
    };
    BundleRefused { kind, why: error.to_string() }
}

impl Described for Spec {
    fn chain_id(&self) -> &str {
        &self.chain_id
    }

    fn providers(&self) -> &[String] {
        &self.providers
    }

    fn trusted(&self) -> Option<Trusted> {
        let good_for = Some(self.rules.trusting_period);
        Some(Trusted { height: self.trust.height, hash: self.trust.hash, good_for })
    }

    fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Chain>, OpenError> {
        match TendermintChain::open(self.clone(), opening.saved, opening.now) {
            Ok(chain) => Ok(Box::new(chain)),
            Err(SnapshotError::OtherChain { got, want }) => Err(OpenError::OtherChain { got, want }),
            Err(error @ SnapshotError::Frozen { .. }) => Err(OpenError::Frozen { why: error.to_string() }),
            Err(error) => Err(OpenError::Unreadable { why: error.to_string() }),
        }
    }
}
