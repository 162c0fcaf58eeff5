//! The kind of work that families have in common: a batch of signatures.

use super::{Kind, Lane, StopFlag, Stopped};
use crate::base::Hash;
use crate::crypto::batch::{BatchVerdict, SignatureBatch};

impl Kind for SignatureBatch {
    const NAME: &'static str = "signatures";
    const LANE: Lane = Lane::Short;
    type Outcome = BatchVerdict;

    fn size_bytes(&self) -> usize {
        SignatureBatch::size_bytes(self)
    }

    fn digest(&self) -> Hash {
        SignatureBatch::digest(self)
    }

    fn run(self, stop: &StopFlag) -> Result<Self::Outcome, Stopped> {
        self.verify_while(&|| stop.go_on())
    }

    fn is_valid(outcome: &Self::Outcome) -> bool {
        outcome.outcome().is_ok()
    }
}
