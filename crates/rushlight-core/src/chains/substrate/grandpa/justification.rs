//! Justifications: the votes that finalized a block, and the headers between what was voted for and that block.
//!
//! Source: `sp-consensus-grandpa` 31, `GrandpaJustification`; <https://spec.polkadot.network/sect-finality#defn-grandpa-justification>.

use super::{BlockId, KEY_LEN, SIGNATURE_LEN};
use crate::base::Hash;
use crate::chains::substrate::header::{HeaderError, HeaderRef, NumberWidth};
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;

/// The most votes of one justification. Honest ones have at most one per authority.
pub const PRECOMMITS_MAX: usize = 65_536;

/// The most headers of one justification: how far apart the votes of one round may be. Honest voters of a round are a few
/// blocks apart; this is 13 hours of blocks of six seconds.
pub const VOTES_ANCESTRIES_MAX: usize = 8_192;

/// Why bytes are not a justification or a message of GRANDPA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not SCALE, end early or go on behind it.
    #[error("justification: {0}")]
    Scale(#[from] ScaleError),
    /// A header of the votes' ancestry is none.
    #[error("header {index} of the votes' ancestry: {why}")]
    Ancestry {
        /// Place of the header, counted from 0.
        index: usize,
        /// The broken rule.
        why: HeaderError,
    },
    /// A message with as many signatures as votes is wanted.
    #[error("commit has {votes} votes and {signatures} signatures")]
    VoteCount {
        /// Votes.
        votes: usize,
        /// Signatures.
        signatures: usize,
    },
}

/// A justification in the bytes that it was decoded from. Nothing in it is believed.
#[derive(Clone, Copy, Debug)]
pub struct JustificationRef<'a> {
    bytes: &'a [u8],
    round: u64,
    target: BlockId,
    precommits: Precommits<'a>,
    ancestries: &'a [u8],
    width: NumberWidth,
}

impl<'a> JustificationRef<'a> {
    /// Returns the justification that `bytes` hold, all of them. Copies nothing.
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &'a [u8], width: NumberWidth) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let justification = Self::read(&mut reader, width)?;
        reader.finish()?;
        Ok(justification)
    }

    /// Returns the justification that stands next in `reader`, which may go on behind it.
    /// # Errors
    /// [`DecodeError`].
    pub fn read(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Self, DecodeError> {
        let start = reader.rest();
        let round = reader.u64()?;
        let target = read_block(reader, width)?;
        let precommits = Precommits::read(reader, width)?;
        let count = reader.length(VOTES_ANCESTRIES_MAX, Hash::LEN)?;
        let headers = reader.rest();
        for index in 0..count {
            HeaderRef::read(reader, width).map_err(|why| DecodeError::Ancestry { index, why })?;
        }
        let left = reader.rest().len();
        let behind = |from: &'a [u8]| from.get(..from.len().saturating_sub(left)).unwrap_or_default();
        Ok(Self { bytes: behind(start), round, target, precommits, ancestries: behind(headers), width })
    }

    /// Returns the encoded justification.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the round that the votes are of.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Returns the block that it is to finalize.
    pub fn target(&self) -> BlockId {
        self.target
    }

    /// Returns the votes.
    pub fn precommits(&self) -> Precommits<'a> {
        self.precommits
    }

    /// Returns the headers from the blocks that were voted for down to the lowest of them.
    pub fn votes_ancestries(&self) -> impl Iterator<Item = HeaderRef<'a>> + use<'a> {
        let (mut reader, width) = (Reader::new(self.ancestries), self.width);
        // All headers were read once when the justification was decoded, so reading them again succeeds.
        core::iter::from_fn(move || if reader.is_empty() { None } else { HeaderRef::read(&mut reader, width).ok() })
    }

    /// Returns the width of block numbers that it was decoded with.
    pub fn number_width(&self) -> NumberWidth {
        self.width
    }
}

/// Returns the hash and number that stand next.
pub(super) fn read_block(reader: &mut Reader<'_>, width: NumberWidth) -> Result<BlockId, ScaleError> {
    Ok(BlockId { hash: Hash(*reader.array()?), number: width.read(reader)? })
}

/// A vote of the second phase, and who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPrecommit<'a> {
    /// What was voted for.
    pub target: BlockId,
    /// The signature.
    pub signature: &'a [u8; SIGNATURE_LEN],
    /// The key that signed.
    pub key: &'a [u8; KEY_LEN],
}

/// The votes of a justification or of a commit message.
#[derive(Clone, Copy, Debug)]
pub struct Precommits<'a> {
    /// Targets, and in a justification what stands behind each of them.
    votes: &'a [u8],
    /// Signatures and keys, where they stand apart from the targets.
    signatures: Option<&'a [u8]>,
    width: NumberWidth,
}

const SIGNED_LEN: usize = SIGNATURE_LEN + KEY_LEN;

impl<'a> Precommits<'a> {
    /// Returns the votes that stand next, each with its signature.
    pub(super) fn read(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Self, ScaleError> {
        let stride = Hash::LEN.saturating_add(width.bytes()).saturating_add(SIGNED_LEN);
        let count = reader.length(PRECOMMITS_MAX, stride)?;
        Ok(Self { votes: reader.bytes(count.saturating_mul(stride))?, signatures: None, width })
    }

    /// Returns the votes that stand next, all targets before all signatures.
    pub(super) fn read_compact(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Self, DecodeError> {
        let stride = Hash::LEN.saturating_add(width.bytes());
        let votes = reader.length(PRECOMMITS_MAX, stride)?;
        let targets = reader.bytes(votes.saturating_mul(stride))?;
        let signatures = reader.length(PRECOMMITS_MAX, SIGNED_LEN)?;
        let signed = reader.bytes(signatures.saturating_mul(SIGNED_LEN))?;
        if votes != signatures {
            return Err(DecodeError::VoteCount { votes, signatures });
        }
        Ok(Self { votes: targets, signatures: Some(signed), width })
    }

    fn stride(&self) -> usize {
        let signed = if self.signatures.is_some() { 0 } else { SIGNED_LEN };
        Hash::LEN.saturating_add(self.width.bytes()).saturating_add(signed)
    }

    /// Returns how many votes there are.
    pub fn len(&self) -> usize {
        self.votes.len() / self.stride()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Returns the votes in order.
    pub fn iter(&self) -> impl Iterator<Item = SignedPrecommit<'a>> + use<'a> {
        let Self { votes, signatures, width } = *self;
        let (mut votes, mut apart) = (Reader::new(votes), signatures.map(Reader::new));
        // Both were cut to whole votes when they were read.
        core::iter::from_fn(move || {
            let target = read_block(&mut votes, width).ok()?;
            let signed = apart.as_mut().unwrap_or(&mut votes);
            Some(SignedPrecommit { target, signature: signed.array().ok()?, key: signed.array().ok()? })
        })
    }
}

/// Replaces `out` by what an authority signs when it votes for `target`.
///
/// Source: `sp-consensus-grandpa` 31, `localized_payload`: the message (1 is a precommit), the round, the number of the
/// set. Without the last two a vote could be used again in another round or set.
pub(super) fn signed_message(out: &mut Vec<u8>, target: &BlockId, round: u64, set_id: u64, width: NumberWidth) {
    out.clear();
    out.push(1);
    out.extend_from_slice(target.hash.as_bytes());
    width.put(out, target.number);
    out.extend_from_slice(&round.to_le_bytes());
    out.extend_from_slice(&set_id.to_le_bytes());
}
