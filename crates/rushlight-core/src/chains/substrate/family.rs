//! This family's row of the table.

use super::bundle::{self, anchor_authorities};
use super::warp::WarpRules;
use super::{NAME_TEXT, NUMBER, Substrate};
use crate::base::{Hash, UnixTime};
use crate::bundle::{Anchor, Bundle, Checkpoint, CheckpointError, FamilyNumber, SectionKind};
use crate::chains::{
    BundleRefused, Described, Family, Fields, Key, Probe, ProvenHeader, ProvenState, Refused, RefusedKind,
};
use crate::rpc::Row;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

impl Family for Substrate {
    fn name(&self) -> &'static str {
        NAME_TEXT
    }

    fn number(&self) -> FamilyNumber {
        NUMBER
    }

    fn keys(&self) -> &'static [Key] {
        &[]
    }

    fn describe(&self, _fields: Fields<'_>) -> Result<Box<dyn Described>, Refused> {
        Err(Refused {
            pointer: String::new(),
            why: format!("this build verifies bundles of {NAME_TEXT} and follows no chains of it"),
        })
    }

    fn check_anchor(&self, anchor: &Anchor) -> Result<(), CheckpointError> {
        anchor_authorities(anchor).map(|_| ())
    }

    fn rules(&self) -> &'static [Key] {
        &[]
    }

    /// Headers have no time, so the reader judges the age of the checkpoint. The blocks that a chain's specification refuses are not
    /// known here; [`bundle::verify`] takes them.
    fn verify_bundle(
        &self,
        bundle: &Bundle,
        checkpoint: &Checkpoint,
        _rules: Fields<'_>,
        _at: UnixTime,
    ) -> Result<ProvenHeader, BundleRefused> {
        let proven = bundle::verify(bundle, checkpoint, &WarpRules::default())
            .map_err(|error| BundleRefused { kind: RefusedKind::Invalid, why: error.to_string() })?;
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
            steps: bundle.sections.iter().filter(|section| section.kind == SectionKind::Step).count(),
            state: state.collect(),
        })
    }

    fn rows(&self) -> Vec<&'static Row> {
        Vec::new()
    }

    fn probe(&self) -> Option<&'static dyn Probe> {
        None
    }

    fn hash_text(&self, hash: &Hash) -> String {
        format!("{hash:#x}")
    }
}
