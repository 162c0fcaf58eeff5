//! What is kept of a chain over a restart: the finalized block, the set that votes, the state of authorship.
//!
//! A version byte, then SCALE: genesis hash; width of block numbers; header; whether there is a set, and if so its number,
//! its list, the announced changes (number, hash, effective block, for a forced one the height taken for agreed, list), and the
//! forced change that was made and is not final (number, hash, effective block), without which its block would make it once
//! more; the state of authorship. At the end stands the BLAKE2b-256 of all before it, which finds damage and no forgery: whoever can write the file can make the client trust
//! anything, as whoever can write its settings. Blocks above the finalized one are fetched again.

use super::super::authorship::AuthorshipState;
use super::super::grandpa::{AuthoritySet, SetError};
use super::super::header::authorities::AuthoritiesRef;
use super::super::header::{HEADER_BYTES_MAX, NumberWidth};
use super::changes::{ANNOUNCED_MAX, Announced, Forced};
use super::error::StartError;
use super::{ChainState, Settings, Start};
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError, put_byte_string, put_compact};
use crate::crypto::blake2b::blake2b_256;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most bytes of a snapshot.
pub const SNAPSHOT_BYTES_MAX: usize = 64 << 20;

const VERSION: u8 = 2;

/// Why bytes are not a snapshot of this chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// More bytes than a snapshot may have.
    #[error("snapshot has {got} bytes, at most {SNAPSHOT_BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes given.
        got: usize,
    },
    /// A version that this client does not read.
    #[error("snapshot has version {got}, this client reads {VERSION}; it starts from the specification again")]
    Version {
        /// The version.
        got: u8,
    },
    /// The bytes end early.
    #[error("snapshot was cut")]
    Truncated,
    /// The checksum does not fit.
    #[error("snapshot has checksum {got:#x}, its content gives {want:#x}; it was damaged")]
    Checksum {
        /// Checksum given.
        got: Hash,
        /// Checksum computed.
        want: Hash,
    },
    /// It is of another chain: one that was reset keeps its name and not its genesis.
    #[error("snapshot is of the chain with genesis {got:#x}, wanted is {want:#x}")]
    OtherChain {
        /// Genesis hash in the snapshot.
        got: Hash,
        /// Genesis hash of the chain.
        want: Hash,
    },
    /// The content is not SCALE.
    #[error("snapshot: {0}")]
    Scale(#[from] ScaleError),
    /// A width of block numbers that there is not.
    #[error("snapshot has block numbers of {got} bytes, wanted are 1 to 8")]
    Width {
        /// The width.
        got: u8,
    },
    /// A set that cannot vote.
    #[error("snapshot: {0}")]
    Set(#[from] SetError),
    /// A block that the chain cannot be followed from.
    #[error("snapshot: {0}")]
    Start(#[from] StartError),
}

impl ChainState {
    /// Returns the bytes from which [`ChainState::from_snapshot`] makes this chain again, without the blocks above the
    /// finalized one.
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.push(VERSION);
        out.extend_from_slice(self.genesis.as_bytes());
        out.push(self.width.bytes() as u8);
        put_byte_string(&mut out, &self.header);
        match &self.votes {
            None => out.push(0),
            Some(votes) => {
                out.push(1);
                put_set(&mut out, votes.set());
                put_compact(&mut out, votes.announced().len() as u64);
                for change in votes.announced() {
                    put_compact(&mut out, change.number);
                    out.extend_from_slice(change.hash.as_bytes());
                    put_compact(&mut out, change.effective);
                    out.push(change.forced.is_some().into());
                    change.forced.iter().for_each(|median| put_compact(&mut out, *median));
                    put_set(&mut out, &change.set);
                }
                out.push(votes.forced().is_some().into());
                if let Some(forced) = votes.forced() {
                    put_compact(&mut out, forced.number);
                    out.extend_from_slice(forced.hash.as_bytes());
                    put_compact(&mut out, forced.effective);
                }
            }
        }
        self.authorship.encode(&mut out);
        let checksum = blake2b_256(&out);
        out.extend_from_slice(checksum.as_bytes());
        out
    }

    /// Returns the chain with genesis hash `genesis` and block numbers of `width` that `bytes` hold. `settings` are as in
    /// [`ChainState::new`]: of the engine that the snapshot is of.
    /// # Errors
    /// [`SnapshotError`].
    pub fn from_snapshot(
        bytes: &[u8],
        genesis: Hash,
        width: NumberWidth,
        settings: Settings,
    ) -> Result<Self, SnapshotError> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::TooLarge { got: bytes.len() });
        }
        match bytes.first() {
            None => return Err(SnapshotError::Truncated),
            Some(&got) if got != VERSION => return Err(SnapshotError::Version { got }),
            Some(_) => {}
        }
        let (content, got) = bytes.split_last_chunk::<32>().ok_or(SnapshotError::Truncated)?;
        let (got, want) = (Hash(*got), blake2b_256(content));
        if got != want {
            return Err(SnapshotError::Checksum { got, want });
        }
        let (start, forced) = read(content.get(1..).unwrap_or_default())?;
        if start.genesis != genesis {
            return Err(SnapshotError::OtherChain { got: start.genesis, want: genesis });
        }
        let (got, want) = (start.width.bytes(), width.bytes());
        if got != want {
            return Err(StartError::OtherWidth { got, want }.into());
        }
        let mut chain = Self::new(start, settings)?;
        chain.votes.iter_mut().for_each(|votes| votes.remember_forced(forced));
        Ok(chain)
    }
}

fn put_set(out: &mut Vec<u8>, set: &AuthoritySet) {
    put_compact(out, set.id());
    out.extend_from_slice(&set.encode_list());
}

fn read_set(reader: &mut Reader<'_>) -> Result<AuthoritySet, SnapshotError> {
    let id = reader.compact_u64()?;
    let list = AuthoritiesRef::read(reader)?;
    Ok(AuthoritySet::listed(id, &list)?)
}

fn read(content: &[u8]) -> Result<(Start, Option<Forced>), SnapshotError> {
    let mut reader = Reader::new(content);
    let genesis = Hash(*reader.array()?);
    let width = reader.u8()?;
    let width = NumberWidth::new(width.into()).ok_or(SnapshotError::Width { got: width })?;
    let header = reader.byte_string(HEADER_BYTES_MAX)?.to_vec();
    let (mut set, mut announced, mut forced) = (None, Vec::new(), None);
    if reader.is_some()? {
        set = Some(read_set(&mut reader)?);
        for _ in 0..reader.length(ANNOUNCED_MAX, Hash::LEN)? {
            announced.push(Announced {
                number: reader.compact_u64()?,
                hash: Hash(*reader.array()?),
                effective: reader.compact_u64()?,
                forced: if reader.is_some()? { Some(reader.compact_u64()?) } else { None },
                set: Arc::new(read_set(&mut reader)?),
            });
        }
        if reader.is_some()? {
            let (number, hash) = (reader.compact_u64()?, Hash(*reader.array()?));
            forced = Some(Forced { number, hash, effective: reader.compact_u64()? });
        }
    }
    let authorship = AuthorshipState::read(&mut reader)?;
    reader.finish()?;
    Ok((Start { genesis, width, header, authorship, set, announced }, forced))
}
