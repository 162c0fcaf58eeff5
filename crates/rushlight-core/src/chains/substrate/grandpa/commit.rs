//! Messages of the GRANDPA gossip that a light client reads: commits, and where a neighbor stands.
//!
//! Source: `sc-consensus-grandpa` 0.45, `communication/gossip.rs` (`GossipMessage`, `VersionedNeighborPacket`).

use super::justification::read_block;
use super::{BlockId, DecodeError, Precommits};
use crate::chains::substrate::header::NumberWidth;
use crate::codec::scale::{Reader, ScaleError};

const COMMIT: u8 = 1;
const NEIGHBOR: u8 = 2;
const NEIGHBOR_V1: u8 = 1;

/// A commit: the votes that finalized a block, without the headers between. Nothing in it is believed.
#[derive(Clone, Copy, Debug)]
pub struct CommitMessage<'a> {
    round: u64,
    set_id: u64,
    target: BlockId,
    precommits: Precommits<'a>,
    width: NumberWidth,
}

impl<'a> CommitMessage<'a> {
    /// Returns the commit that the gossip message `bytes` holds, or `None` if it is a message of another kind.
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &'a [u8], width: NumberWidth) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != COMMIT {
            return Ok(None);
        }
        let (round, set_id) = (reader.u64()?, reader.u64()?);
        let target = read_block(&mut reader, width)?;
        let precommits = Precommits::read_compact(&mut reader, width)?;
        reader.finish()?;
        Ok(Some(Self { round, set_id, target, precommits, width }))
    }

    /// Returns the round that the votes are of.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Returns the number of the set that voted.
    pub fn set_id(&self) -> u64 {
        self.set_id
    }

    /// Returns the block that it is to finalize.
    pub fn target(&self) -> BlockId {
        self.target
    }

    /// Returns the votes.
    pub fn precommits(&self) -> Precommits<'a> {
        self.precommits
    }

    /// Returns the width of block numbers that it was decoded with.
    pub fn number_width(&self) -> NumberWidth {
        self.width
    }
}

/// Where a neighbor stands. It may lie; a light client asks whoever says that it is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborPacket {
    /// Its round.
    pub round: u64,
    /// Number of its set.
    pub set_id: u64,
    /// Number of its finalized block.
    pub finalized: u64,
}

impl NeighborPacket {
    /// Returns the packet that the gossip message `bytes` holds, or `None` if it is a message of another kind.
    /// # Errors
    /// [`ScaleError`].
    pub fn decode(bytes: &[u8], width: NumberWidth) -> Result<Option<Self>, ScaleError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != NEIGHBOR {
            return Ok(None);
        }
        match reader.u8()? {
            NEIGHBOR_V1 => {}
            got => return Err(ScaleError::Variant { got, of: "neighbor packet version" }),
        }
        let packet = Self { round: reader.u64()?, set_id: reader.u64()?, finalized: width.read(&mut reader)? };
        reader.finish()?;
        Ok(Some(packet))
    }
}
