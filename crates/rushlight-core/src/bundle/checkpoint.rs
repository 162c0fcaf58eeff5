//! Checkpoints: what a user trusts, as a line of text.

use super::Family;
use crate::base::{Hash, UnixTime};
use crate::codec::text;
use crate::crypto::sha256;
use alloc::string::{String, ToString};
use core::fmt;

/// The longest checkpoint text in bytes; one QR code of version 10 holds more.
pub const CHECKPOINT_BYTES_MAX: usize = 200;

const PREFIX: &str = "rushlight:1:";
const CHECKSUM_BYTES: usize = 4;
const NANOS_DIGITS: usize = 9;

/// A header that a user trusts: enough to start a sync from and to verify a bundle against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain's family.
    pub family: Family,
    /// The chain's id: printable ASCII without spaces.
    pub chain_id: String,
    /// The header's height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// What else is trusted, because neither the header nor its hash says it.
    pub anchor: Anchor,
}

/// What must be trusted beside a header's hash. Which one it is follows from the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Tendermint: the header's time, from which trust is counted.
    Time(UnixTime),
    /// Substrate: who finalizes what comes after the header. Headers name neither their authority set nor its number.
    Authorities {
        /// Number of the set.
        set_id: u64,
        /// BLAKE2b-256 of the set's SCALE encoding: the list of keys and weights.
        digest: Hash,
    },
}

/// Why a text is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Longer than a checkpoint can be.
    #[error("checkpoint has {got} bytes, at most {CHECKPOINT_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes given.
        got: usize,
    },
    /// Another beginning.
    #[error("checkpoint does not begin with \"{PREFIX}\"")]
    Prefix,
    /// A part is missing.
    #[error("checkpoint ends before its {part}; it may have been cut when it was copied")]
    Missing {
        /// The part.
        part: &'static str,
    },
    /// The checksum does not fit: a character was changed.
    #[error("checkpoint has checksum {got}, its text gives {want}; it was damaged when it was copied")]
    Checksum {
        /// Checksum given.
        got: String,
        /// Checksum computed.
        want: String,
    },
    /// A family that this client does not know.
    #[error("checkpoint is of family {got:?}, known are substrate and tendermint")]
    Family {
        /// The name, cut to 20 characters.
        got: String,
    },
    /// A part is not what it should be.
    #[error("checkpoint's {part} is not valid")]
    Part {
        /// The part.
        part: &'static str,
    },
    /// The family's headers are trusted with something else.
    #[error("checkpoint of family {} holds what another family trusts", family.name())]
    Anchor {
        /// The family.
        family: Family,
    },
    /// The chain id cannot be written in a checkpoint.
    #[error("chain id is not 1 to 64 printable ASCII characters without spaces")]
    ChainId,
}

fn checksum(body: &str) -> String {
    let hash = sha256(body.as_bytes());
    text::to_hex(hash.0.get(..CHECKSUM_BYTES).unwrap_or_default())
}

fn is_chain_id(chain_id: &str) -> bool {
    (1..=64).contains(&chain_id.len()) && chain_id.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Checkpoint {
    /// Returns the checkpoint as text of at most [`CHECKPOINT_BYTES_MAX`] bytes:
    /// `rushlight:1:tendermint:HEIGHT:HASH:SECONDS.NANOS:CHAIN-ID:CHECKSUM` or
    /// `rushlight:1:substrate:HEIGHT:HASH:SET-ID.DIGEST:CHAIN-ID:CHECKSUM`.
    /// # Errors
    /// [`CheckpointError::ChainId`], [`CheckpointError::Anchor`], [`CheckpointError::TooLong`].
    pub fn to_text(&self) -> Result<String, CheckpointError> {
        if !is_chain_id(&self.chain_id) {
            return Err(CheckpointError::ChainId);
        }
        let (family, height, hash, chain_id) = (self.family.name(), self.height, self.hash, &self.chain_id);
        let anchor = match (self.family, self.anchor) {
            (Family::Tendermint, Anchor::Time(time)) => {
                alloc::format!("{}.{:0NANOS_DIGITS$}", time.seconds(), time.nanos())
            }
            (Family::Substrate, Anchor::Authorities { set_id, digest }) => alloc::format!("{set_id}.{digest}"),
            (family, _) => return Err(CheckpointError::Anchor { family }),
        };
        let body = alloc::format!("{PREFIX}{family}:{height}:{hash}:{anchor}:{chain_id}:");
        let text = alloc::format!("{body}{}", checksum(&body));
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointError::TooLong { got: text.len() });
        }
        Ok(text)
    }

    /// Reads a checkpoint text; white space around it is ignored. Only what [`Checkpoint::to_text`] gives is read.
    /// # Errors
    /// [`CheckpointError`].
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let text = text.trim();
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointError::TooLong { got: text.len() });
        }
        let rest = text.strip_prefix(PREFIX).ok_or(CheckpointError::Prefix)?;
        let (body, got) = text.rsplit_once(':').ok_or(CheckpointError::Missing { part: "checksum" })?;
        let want = checksum(text.get(..body.len().saturating_add(1)).unwrap_or_default());
        if got != want {
            return Err(CheckpointError::Checksum { got: got.to_string(), want });
        }
        let rest = rest.strip_suffix(got).and_then(|rest| rest.strip_suffix(':')).unwrap_or_default();
        let mut parts = rest.splitn(5, ':');
        let mut part = |part| parts.next().ok_or(CheckpointError::Missing { part });
        let family = part("family")?;
        let family = Family::from_name(family)
            .ok_or_else(|| CheckpointError::Family { got: family.chars().take(20).collect() })?;
        let checkpoint = Self {
            family,
            height: part("height")?.parse().map_err(|_| CheckpointError::Part { part: "height" })?,
            hash: Hash(text::hex_array(part("hash")?).map_err(|_| CheckpointError::Part { part: "hash" })?),
            anchor: match family {
                Family::Tendermint => {
                    Anchor::Time(read_time(part("time")?).ok_or(CheckpointError::Part { part: "time" })?)
                }
                Family::Substrate => {
                    read_authorities(part("authorities")?).ok_or(CheckpointError::Part { part: "authorities" })?
                }
            },
            chain_id: part("chain id")?.to_string(),
        };
        // One checkpoint has one text: leading zeros or lower-case hex would be a second one.
        if checkpoint.to_text().as_deref() != Ok(text) {
            return Err(CheckpointError::Part { part: "form" });
        }
        Ok(checkpoint)
    }
}

fn read_time(text: &str) -> Option<UnixTime> {
    let (seconds, nanos) = text.split_once('.')?;
    UnixTime::new(seconds.parse().ok()?, nanos.parse().ok().filter(|_| nanos.len() == NANOS_DIGITS)?).ok()
}

fn read_authorities(text: &str) -> Option<Anchor> {
    let (set_id, digest) = text.split_once('.')?;
    Some(Anchor::Authorities { set_id: set_id.parse().ok()?, digest: Hash(text::hex_array(digest).ok()?) })
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, height, hash, .. } = self;
        match self.anchor {
            Anchor::Time(time) => write!(f, "{chain_id} height {height} hash {hash} of {time}"),
            Anchor::Authorities { set_id, digest } => {
                write!(f, "{chain_id} height {height} hash {hash:#x} with authority set {set_id} of digest {digest:#x}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            family: Family::Tendermint,
            chain_id: "rushlight:40".to_string(),
            height: 152,
            hash: Hash([0xab; 32]),
            anchor: Anchor::Time(UnixTime::from_rfc3339("2026-11-21T06:52:34.234725776Z").unwrap()),
        }
    }

    #[test]
    fn text_fits_a_qr_code_whatever_the_chain() {
        let long = Checkpoint {
            chain_id: "x".repeat(50),
            height: i64::MAX as u64,
            anchor: Anchor::Time(UnixTime::new(UnixTime::SECONDS_MIN, 999_999_999).unwrap()),
            ..checkpoint()
        };
        assert!(long.to_text().unwrap().len() < CHECKPOINT_BYTES_MAX);
        assert_eq!(Checkpoint::from_text(&long.to_text().unwrap()), Ok(long));
        // A block number of 32 bits and a set number of five digits leave room for an id of 21 characters.
        let substrate = Checkpoint {
            family: Family::Substrate,
            chain_id: "x".repeat(21),
            height: u32::MAX.into(),
            hash: Hash([0xab; 32]),
            anchor: Anchor::Authorities { set_id: 99_999, digest: Hash([0xcd; 32]) },
        };
        let text = substrate.to_text().unwrap();
        assert!(text.len() < CHECKPOINT_BYTES_MAX, "{}", text.len());
        assert_eq!(Checkpoint::from_text(&text), Ok(substrate));
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused_by_the_broken_rule() {
        let text = checkpoint().to_text().unwrap();
        assert_eq!(Checkpoint::from_text(&alloc::format!(" {text}\n")), Ok(checkpoint()));
        assert_eq!(Checkpoint::from_text("rushlight"), Err(CheckpointError::Prefix));
        assert_eq!(Checkpoint::from_text(&"x".repeat(201)), Err(CheckpointError::TooLong { got: 201 }));
        for index in PREFIX.len()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(matches!(Checkpoint::from_text(&changed), Err(CheckpointError::Checksum { .. })), "{changed}");
        }
        let sealed = |body: &str| alloc::format!("{body}{}", checksum(body));
        let hash = "AB".repeat(32);
        for (body, want) in [
            (
                alloc::format!("rushlight:1:moon:1:{hash}:0.000000000:c:"),
                CheckpointError::Family { got: "moon".into() },
            ),
            ("rushlight:1:tendermint:1:".into(), CheckpointError::Missing { part: "hash" }),
            (
                alloc::format!("rushlight:1:tendermint:x:{hash}:0.000000000:c:"),
                CheckpointError::Part { part: "height" },
            ),
            ("rushlight:1:tendermint:1:00:0.000000000:c:".into(), CheckpointError::Part { part: "hash" }),
            (alloc::format!("rushlight:1:tendermint:1:{hash}:0.0:c:"), CheckpointError::Part { part: "time" }),
            (alloc::format!("rushlight:1:tendermint:01:{hash}:0.000000000:c:"), CheckpointError::Part { part: "form" }),
            (alloc::format!("rushlight:1:substrate:1:{hash}:0.0:c:"), CheckpointError::Part { part: "authorities" }),
            (alloc::format!("rushlight:1:substrate:1:{hash}:00.{hash}:c:"), CheckpointError::Part { part: "form" }),
        ] {
            assert_eq!(Checkpoint::from_text(&sealed(&body)), Err(want), "{body}");
        }
        let mixed = Checkpoint { family: Family::Substrate, ..checkpoint() };
        assert_eq!(mixed.to_text(), Err(CheckpointError::Anchor { family: Family::Substrate }));
        assert_eq!(Checkpoint { chain_id: "a b".into(), ..checkpoint() }.to_text(), Err(CheckpointError::ChainId));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = Checkpoint::from_text(&text);
            let _ = Checkpoint::from_text(&alloc::format!("{PREFIX}{text}"));
        }
    }
}
