//! Bundles of this family: the minimal chain of light blocks from a checkpoint to a header.
//!
//! A step is a protobuf message: 1 `LightBlock`, 2 `ValidatorSet` of the next height where it is another one. The first
//! step is the checkpoint's own block; each further one is verified from its predecessor by skipping or directly.

use super::decode::{self, DecodeError};
use super::verify::{self, JudgedAt, Rules, VerifiedBlock, VerifyError};
use super::{NAME, NUMBER};
use crate::base::UnixTime;
use crate::bundle::{Anchor, Bundle, BundleError, Checkpoint, CheckpointError, Section, SectionKind, StartError};
use crate::codec::protobuf::put_message;
use alloc::sync::Arc;
use alloc::vec::Vec;

const NANOS_DIGITS: usize = 9;

/// Returns the anchor of a checkpoint: the header's time, from which trust is counted.
pub fn anchor(time: UnixTime) -> Anchor {
    Anchor::new(alloc::format!("{}.{:0NANOS_DIGITS$}", time.seconds(), time.nanos()))
}

/// Returns the header's time that an anchor tells.
/// # Errors
/// [`CheckpointError::Part`]: it is not the one text of a time.
pub fn anchor_time(anchor_text: &Anchor) -> Result<UnixTime, CheckpointError> {
    let read = |text: &str| {
        let (seconds, nanos) = text.split_once('.')?;
        UnixTime::new(seconds.parse().ok()?, nanos.parse().ok()?).ok()
    };
    let time = read(anchor_text.as_str()).filter(|time| anchor(*time) == *anchor_text);
    time.ok_or(CheckpointError::Part { part: "time" })
}

/// Why a bundle does not prove its header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleRefused {
    /// The container is damaged.
    #[error(transparent)]
    Container(#[from] BundleError),
    /// It does not start from the checkpoint that the user trusts.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It has no step.
    #[error("bundle has no step")]
    NoStep,
    /// A step is not readable.
    #[error("step {index}: {why}")]
    Decode {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: DecodeError,
    },
    /// A step holds more than it needs, or holds it in another order: equal proofs must be equal files.
    #[error("step {index} is not in its one encoding")]
    NotCanonical {
        /// Index of the step, from 0.
        index: usize,
    },
    /// A step does not verify.
    #[error("step {index}: {why}")]
    Verify {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: VerifyError,
    },
}

/// The blocks of a bundle to be, the start first. They are bounded as the bundle is: a chain with large sets that rotate fast
/// would otherwise have us keep gigabytes for a query, only to refuse it in the end.
#[derive(Debug)]
pub struct Hops {
    blocks: Vec<VerifiedBlock>,
    bytes: usize,
}

impl Hops {
    /// Begins with the block of the checkpoint.
    pub fn start(block: VerifiedBlock) -> Self {
        let bytes = step(&block, true).len();
        Self { blocks: alloc::vec![block], bytes }
    }

    /// Keeps a block if its step still fits into `bytes_max`.
    /// # Errors
    /// How many bytes there would be, if it does not.
    pub fn push(&mut self, block: VerifiedBlock, bytes_max: usize) -> Result<(), usize> {
        let bytes = self.bytes.saturating_add(step(&block, true).len());
        if bytes > bytes_max {
            return Err(bytes);
        }
        self.bytes = bytes;
        self.blocks.push(block);
        Ok(())
    }

    /// Puts another form of the last block in its place: the same, with its next validators known.
    pub(super) fn replace_last(&mut self, block: VerifiedBlock) {
        if let Some(last) = self.blocks.last_mut() {
            *last = block;
        }
    }

    /// Returns the blocks.
    pub fn into_blocks(self) -> Vec<VerifiedBlock> {
        self.blocks
    }
}

/// Returns the bundle that proves the last of `blocks` from `checkpoint`, the first of them.
/// # Errors
/// [`BundleRefused::Container`] when it becomes too large, [`BundleRefused::Start`] when the chain id cannot be written.
pub fn encode(checkpoint: &Checkpoint, blocks: &[VerifiedBlock]) -> Result<Vec<u8>, BundleRefused> {
    let mut sections = Vec::with_capacity(blocks.len().saturating_add(1));
    sections.push(Section::checkpoint(checkpoint).map_err(StartError::from)?);
    for (index, block) in blocks.iter().enumerate() {
        let content = step(block, index.saturating_add(1) < blocks.len());
        sections.push(Section { kind: SectionKind::Step, content });
    }
    Ok(Bundle { family: NUMBER, sections }.encode()?)
}

/// Returns the one encoding of a step. `is_basis` when another step is verified from it: only then it needs the next set.
fn step(block: &VerifiedBlock, is_basis: bool) -> Vec<u8> {
    let mut content = Vec::new();
    put_message(&mut content, 1, &block.block().to_protobuf());
    let stays = block.header().validators_hash == block.header().next_validators_hash;
    if let Some(next) = block.next_validators().filter(|_| is_basis && !stays) {
        put_message(&mut content, 2, &next.to_protobuf());
    }
    content
}

/// Verifies that `bundle` proves a header from `checkpoint`, and returns the block that has it. Needs nothing else: no
/// network, no store, no clock.
/// # Errors
/// [`BundleRefused`].
pub fn verify(
    bundle: &Bundle,
    checkpoint: &Checkpoint,
    rules: &Rules,
    at: JudgedAt,
) -> Result<VerifiedBlock, BundleRefused> {
    let sections = bundle.sections_from(checkpoint)?;
    if checkpoint.family != NAME {
        let got = checkpoint.family.clone();
        return Err(StartError::from(CheckpointError::OtherFamily { got, want: NAME }).into());
    }
    let time = anchor_time(&checkpoint.anchor).map_err(StartError::from)?;
    let mut trusted: Option<VerifiedBlock> = None;
    for (index, section) in sections.iter().enumerate() {
        if section.kind != SectionKind::Step {
            return Err(BundleError::SectionOrder { index }.into());
        }
        let (block, next) = decode::protobuf::block_and_next(&section.content, "step", "light block")
            .map_err(|why| BundleRefused::Decode { index, why })?;
        let refused = |why| BundleRefused::Verify { index, why };
        let block = match &trusted {
            None => {
                let Checkpoint { chain_id, height, hash, .. } = checkpoint;
                verify::anchor(chain_id, *height, *hash, Some(time), block).map_err(refused)?
            }
            Some(trusted) => verify::skipping(trusted, Arc::new(block), rules, at).map_err(refused)?,
        };
        let block = match next {
            None => block,
            Some(next) => block.with_next_validators(Arc::new(next)).map_err(refused)?,
        };
        // Bytes that no rule looks at could carry anything, and two files would be one proof.
        if step(&block, index.saturating_add(2) < bundle.sections.len()) != section.content {
            return Err(BundleRefused::NotCanonical { index });
        }
        trusted = Some(block);
    }
    let proven = trusted.ok_or(BundleRefused::NoStep)?;
    verify::is_trusted_at(&proven, rules, at).map_err(|why| BundleRefused::Verify { index: 0, why })?;
    Ok(proven)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::bundle::CHECKPOINT_BYTES_MAX;

    #[test]
    fn an_anchor_is_the_one_text_of_a_time() {
        let time = UnixTime::from_rfc3339("2026-11-21T06:52:34.034725776Z").unwrap();
        assert_eq!(anchor(time).as_str(), "1795243954.034725776");
        for time in [time, UnixTime::EPOCH, UnixTime::new(UnixTime::SECONDS_MIN, 999_999_999).unwrap()] {
            assert_eq!(anchor_time(&anchor(time)), Ok(time));
        }
        for text in
            ["0.0", "0", "00.000000000", "0.0000000000", "1.99999999x", ".000000000", "", "99999999999999.000000000"]
        {
            assert_eq!(anchor_time(&Anchor::new(text)), Err(CheckpointError::Part { part: "time" }), "{text:?}");
        }
    }

    #[test]
    fn a_checkpoint_fits_a_qr_code_whatever_the_chain() {
        let long = Checkpoint {
            family: NAME,
            chain_id: "x".repeat(50),
            height: i64::MAX as u64,
            hash: Hash([0xab; 32]),
            anchor: anchor(UnixTime::new(UnixTime::SECONDS_MIN, 999_999_999).unwrap()),
        };
        let text = long.to_text().unwrap();
        assert!(text.len() < CHECKPOINT_BYTES_MAX, "{}", text.len());
        assert_eq!(Checkpoint::from_text(&text), Ok(long));
        assert!(text.starts_with(&alloc::format!("rushlight:1:{NAME}:")));
    }
}
