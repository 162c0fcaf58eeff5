//! What GRANDPA writes into a digest. Source: `sp-consensus-grandpa` 31.

use super::NumberWidth;
use super::authorities::AuthoritiesRef;
use crate::codec::scale::{Reader, ScaleError};

/// A message of the runtime to GRANDPA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log<'a> {
    /// A new set, from `delay` finalized blocks on.
    ScheduledChange(Change<'a>),
    /// A new set, from `delay` imported blocks on, finalized or not: the way out of a stall.
    ForcedChange {
        /// The finalized height that the runtime takes for agreed: the median of what the validators told it.
        median_last_finalized: u64,
        /// The new set.
        change: Change<'a>,
    },
    /// The authority at this place is to vote no more.
    OnDisabled(u64),
    /// Nobody votes any more after this many blocks.
    Pause(u64),
    /// Voting begins again after this many blocks.
    Resume(u64),
}

/// A new set of authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Keys and weights, of any length; at most [`super::authorities::AUTHORITIES_MAX`] are used.
    pub next_authorities: AuthoritiesRef<'a>,
    /// After how many blocks it comes into force; 0 is with the block that announces it.
    pub delay: u64,
}

impl<'a> Change<'a> {
    fn read(reader: &mut Reader<'a>, width: NumberWidth) -> Result<Self, ScaleError> {
        Ok(Self { next_authorities: AuthoritiesRef::read_announced(reader)?, delay: width.read(reader)? })
    }
}

impl<'a> Log<'a> {
    /// Returns the message that `bytes` hold.
    /// # Errors
    /// [`ScaleError`].
    pub fn decode(bytes: &'a [u8], width: NumberWidth) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let log = match reader.u8()? {
            1 => Self::ScheduledChange(Change::read(&mut reader, width)?),
            2 => Self::ForcedChange {
                median_last_finalized: width.read(&mut reader)?,
                change: Change::read(&mut reader, width)?,
            },
            3 => Self::OnDisabled(reader.u64()?),
            4 => Self::Pause(width.read(&mut reader)?),
            5 => Self::Resume(width.read(&mut reader)?),
            got => return Err(ScaleError::Variant { got, of: "GRANDPA consensus log" }),
        };
        reader.finish()?;
        Ok(log)
    }
}
