//! What AURA writes into a digest. Source: `sp-consensus-aura` 0.50.

use super::HEADER_BYTES_MAX;
use crate::codec::scale::{Reader, ScaleError};

/// Length of an AURA key, sr25519 or ed25519.
pub const KEY_LEN: usize = 32;

/// A message of the runtime to AURA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log<'a> {
    /// From the next block on these are the authorities, of any length; at most
    /// [`super::authorities::AUTHORITIES_MAX`] are used.
    AuthoritiesChange(&'a [[u8; KEY_LEN]]),
    /// The authority at this place is to author no more.
    OnDisabled(u32),
}

impl<'a> Log<'a> {
    /// Returns the message that `bytes` hold.
    /// # Errors
    /// [`ScaleError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let log = match reader.u8()? {
            1 => {
                let count = reader.length(HEADER_BYTES_MAX / KEY_LEN, KEY_LEN)?;
                let (keys, _) = reader.bytes(count.saturating_mul(KEY_LEN))?.as_chunks();
                Self::AuthoritiesChange(keys)
            }
            2 => Self::OnDisabled(reader.u32()?),
            got => return Err(ScaleError::Variant { got, of: "AURA consensus log" }),
        };
        reader.finish()?;
        Ok(log)
    }
}

/// Returns the slot that `bytes`, a pre-runtime item of AURA, claim.
/// # Errors
/// [`ScaleError`].
pub fn decode_slot(bytes: &[u8]) -> Result<u64, ScaleError> {
    let mut reader = Reader::new(bytes);
    let slot = reader.u64()?;
    reader.finish()?;
    Ok(slot)
}
