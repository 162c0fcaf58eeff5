//! An answer to a warp request, taken apart while it comes in: a sequence of fragments and whether it is the end.
//!
//! Only the fragment that is being received is held, never the whole answer.

use super::fragment::{Fragment, NotDecoded};
use crate::chains::substrate::grandpa::DecodeError;
use crate::chains::substrate::header::{HeaderError, NumberWidth};
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;

/// The most bytes of one answer: what the protocol allows. Nodes of today send at most 8 MiB.
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;

/// The most bytes of one fragment: what a node of today fits into an answer.
pub const FRAGMENT_BYTES_MAX: usize = 8 << 20;

/// The most fragments of one answer: more than the smallest ones that fit.
pub const FRAGMENTS_MAX: usize = 65_536;

/// Why an answer is no sequence of fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The bytes are not SCALE, end early or go on behind the answer.
    #[error("warp proof: {0}")]
    Scale(#[from] ScaleError),
    /// A header is none.
    #[error("fragment {index}: {why}")]
    Header {
        /// Place of the fragment, counted from 0.
        index: usize,
        /// The broken rule.
        why: HeaderError,
    },
    /// A justification is none.
    #[error("fragment {index}: {why}")]
    Justification {
        /// Place of the fragment, counted from 0.
        index: usize,
        /// The broken rule.
        why: DecodeError,
    },
    /// A fragment does not end.
    #[error("fragment {index} has more than {FRAGMENT_BYTES_MAX} bytes")]
    FragmentTooLarge {
        /// Place of the fragment, counted from 0.
        index: usize,
    },
    /// The answer does not end.
    #[error("warp proof has more than {RESPONSE_BYTES_MAX} bytes")]
    ResponseTooLarge,
}

/// Takes an answer apart.
#[derive(Debug)]
pub struct FragmentStream {
    width: NumberWidth,
    /// Bytes that were received and not given out; those before `read` were.
    buffer: Vec<u8>,
    read: usize,
    received: usize,
    /// Fragments announced, once that is known.
    count: Option<usize>,
    given: usize,
    /// Trying to read a fragment makes no sense before so many bytes of it are there.
    try_at: usize,
}

impl FragmentStream {
    /// Returns the stream of an answer of which nothing was received yet.
    pub fn new(width: NumberWidth) -> Self {
        Self { width, buffer: Vec::new(), read: 0, received: 0, count: None, given: 0, try_at: 0 }
    }

    /// Takes in the next bytes of the answer.
    /// # Errors
    /// [`StreamError::ResponseTooLarge`], [`StreamError::FragmentTooLarge`].
    pub fn receive(&mut self, chunk: &[u8]) -> Result<(), StreamError> {
        self.received = self.received.saturating_add(chunk.len());
        if self.received > RESPONSE_BYTES_MAX {
            return Err(StreamError::ResponseTooLarge);
        }
        self.buffer.drain(..self.read.min(self.buffer.len()));
        self.read = 0;
        if self.buffer.len() > FRAGMENT_BYTES_MAX {
            return Err(StreamError::FragmentTooLarge { index: self.given });
        }
        let len = self.buffer.len().saturating_add(chunk.len());
        if len > self.buffer.capacity() {
            // By an eighth: a vector that doubles would hold twice the largest fragment.
            self.buffer.reserve_exact(chunk.len().saturating_add(len / 8));
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// Returns the next fragment, if enough was received. A fragment may be held back until an eighth more than it was
    /// received, so that small chunks do not mean as many attempts; [`FragmentStream::end`] gives out all.
    /// # Errors
    /// [`StreamError`].
    pub fn next_fragment(&mut self) -> Result<Option<Fragment>, StreamError> {
        self.read_next(false)
    }

    /// Returns the next fragment, or at the end of the answer whether it is finished: whether the prover has no more.
    /// # Errors
    /// [`StreamError`]: the answer ends within a fragment, or goes on behind the end.
    pub fn end(&mut self) -> Result<Result<Fragment, bool>, StreamError> {
        if let Some(fragment) = self.read_next(true)? {
            return Ok(Ok(fragment));
        }
        let mut reader = Reader::new(self.rest());
        let finished = reader.bool()?;
        reader.finish()?;
        Ok(Err(finished))
    }

    /// Returns how many bytes are held.
    pub fn size_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.read..).unwrap_or_default()
    }

    fn read_next(&mut self, all_received: bool) -> Result<Option<Fragment>, StreamError> {
        let count = match self.count {
            Some(count) => count,
            None => {
                let mut reader = Reader::new(self.rest());
                match reader.length(FRAGMENTS_MAX, 0) {
                    Ok(count) => {
                        self.read = self.buffer.len().saturating_sub(reader.rest().len());
                        *self.count.insert(count)
                    }
                    Err(ScaleError::Truncated { .. }) if !all_received => return Ok(None),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let rest = self.rest();
        if self.given >= count || (rest.len() < self.try_at && !all_received) {
            return Ok(None);
        }
        let index = self.given;
        let (is_short, error) = match Fragment::read(rest, self.width) {
            Ok(fragment) => {
                self.read = self.read.saturating_add(fragment.bytes().len());
                self.given = self.given.saturating_add(1);
                self.try_at = 0;
                return Ok(Some(fragment));
            }
            Err(why) => (is_short(&why), StreamError::of(why, index)),
        };
        if is_short && !all_received {
            self.try_at = rest.len().saturating_add(rest.len() / 8).saturating_add(1);
            return Ok(None);
        }
        Err(error)
    }
}

/// Tells whether more bytes may mend it.
fn is_short(why: &NotDecoded) -> bool {
    match why {
        NotDecoded::Header(why) => header_truncated(why),
        NotDecoded::Justification(DecodeError::Scale(ScaleError::Truncated { .. })) => true,
        NotDecoded::Justification(DecodeError::Ancestry { why, .. }) => header_truncated(why),
        NotDecoded::Justification(_) => false,
    }
}

impl StreamError {
    /// Returns why the fragment at place `index` is none.
    pub(super) fn of(why: NotDecoded, index: usize) -> Self {
        match why {
            NotDecoded::Header(why) => Self::Header { index, why },
            NotDecoded::Justification(why) => Self::Justification { index, why },
        }
    }
}

fn header_truncated(why: &HeaderError) -> bool {
    matches!(why, HeaderError::Scale(ScaleError::Truncated { .. }))
}
