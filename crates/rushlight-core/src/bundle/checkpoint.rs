//! Checkpoints: what a user trusts, as a line of text.

use super::FamilyName;
use crate::base::Hash;
use crate::codec::text;
use crate::crypto::sha256;
use alloc::string::{String, ToString};
use core::fmt;

/// The longest checkpoint text in bytes; one QR code of version 10 holds more.
pub const CHECKPOINT_BYTES_MAX: usize = 200;

const PREFIX: &str = "rushlight:1:";
const CHECKSUM_BYTES: usize = 4;
/// The longest anchor in bytes.
pub const ANCHOR_BYTES_MAX: usize = 100;

/// A header that a user trusts: enough to start a sync from and to verify a bundle against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain's family.
    pub family: FamilyName,
    /// The chain's id: printable ASCII without spaces.
    pub chain_id: String,
    /// The header's height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// What else is trusted, because neither the header nor its hash says it.
    pub anchor: Anchor,
}

/// What must be trusted besides a header's hash, in the words of its family: the header's time, or who votes after it. Two
/// anchors are the same when their texts are; that each has one text, the family checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor(String);

impl Anchor {
    /// Takes a text. In a checkpoint it may have 1 to [`ANCHOR_BYTES_MAX`] letters, digits, `.` and `-`; [`Checkpoint::to_text`]
    /// refuses others.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn is_well_formed(&self) -> bool {
        let is_anchor = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        (1..=ANCHOR_BYTES_MAX).contains(&self.0.len()) && self.0.bytes().all(is_anchor)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    #[error("checkpoint is of family {got:?}, known are {known}")]
    Family {
        /// The name, cut to [`super::FAMILY_NAME_BYTES_MAX`] characters.
        got: String,
        /// The families that are known.
        known: String,
    },
    /// A part is not what it should be.
    #[error("checkpoint's {part} is not valid")]
    Part {
        /// The part.
        part: &'static str,
    },
    /// It is of another family than the one that reads it.
    #[error("checkpoint is of family {got}, wanted is {want}")]
    OtherFamily {
        /// The checkpoint's family.
        got: FamilyName,
        /// The family that reads it.
        want: FamilyName,
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
    /// `rushlight:1:FAMILY:HEIGHT:HASH:ANCHOR:CHAIN-ID:CHECKSUM`.
    /// # Errors
    /// [`CheckpointError::ChainId`], [`CheckpointError::Part`], [`CheckpointError::TooLong`].
    pub fn to_text(&self) -> Result<String, CheckpointError> {
        if !is_chain_id(&self.chain_id) {
            return Err(CheckpointError::ChainId);
        }
        if !self.anchor.is_well_formed() {
            return Err(CheckpointError::Part { part: "anchor" });
        }
        let (family, height, hash, chain_id) = (&self.family, self.height, self.hash, &self.chain_id);
        let body = alloc::format!("{PREFIX}{family}:{height}:{hash}:{}:{chain_id}:", self.anchor.as_str());
        let text = alloc::format!("{body}{}", checksum(&body));
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(CheckpointError::TooLong { got: text.len() });
        }
        Ok(text)
    }

    /// Reads a checkpoint text; white space around it is ignored. Only what [`Checkpoint::to_text`] gives is read. Whether there
    /// is such a family and what it says of the anchor is for [`crate::chains::Families::checkpoint`].
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
        let checkpoint = Self {
            family: FamilyName::from_text(part("family")?).ok_or(CheckpointError::Part { part: "family" })?,
            height: part("height")?.parse().map_err(|_| CheckpointError::Part { part: "height" })?,
            hash: Hash(text::hex_array(part("hash")?).map_err(|_| CheckpointError::Part { part: "hash" })?),
            anchor: Anchor::new(part("anchor")?),
            chain_id: part("chain id")?.to_string(),
        };
        // One checkpoint has one text: leading zeros or lower-case hex would be a second one.
        if checkpoint.to_text()? != text {
            return Err(CheckpointError::Part { part: "form" });
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, height, hash, anchor, .. } = self;
        write!(f, "{chain_id} height {height} hash {hash} anchor {}", anchor.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            family: FamilyName::of("moon"),
            chain_id: "rushlight:40".to_string(),
            height: 152,
            hash: Hash([0xab; 32]),
            anchor: Anchor::new("1795244654.234725776"),
        }
    }

    #[test]
    fn text_fits_a_qr_code() {
        let text = checkpoint().to_text().unwrap();
        assert!(text.len() < CHECKPOINT_BYTES_MAX, "{}", text.len());
        assert_eq!(Checkpoint::from_text(&text), Ok(checkpoint()));
        let long = Checkpoint { anchor: Anchor::new("x".repeat(ANCHOR_BYTES_MAX)), ..checkpoint() };
        assert_eq!(long.to_text(), Err(CheckpointError::TooLong { got: 208 }));
    }

    #[test]
    fn an_anchor_is_one_part() {
        for text in ["", "a:b", "a b", "é", &"x".repeat(ANCHOR_BYTES_MAX + 1)] {
            let checkpoint = Checkpoint { anchor: Anchor::new(text), ..checkpoint() };
            assert_eq!(checkpoint.to_text(), Err(CheckpointError::Part { part: "anchor" }), "{text:?}");
        }
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
            (alloc::format!("rushlight:1:Moon:1:{hash}:0.0:c:"), CheckpointError::Part { part: "family" }),
            ("rushlight:1:moon:1:".into(), CheckpointError::Missing { part: "hash" }),
            (alloc::format!("rushlight:1:moon:x:{hash}:0.0:c:"), CheckpointError::Part { part: "height" }),
            ("rushlight:1:moon:1:00:0.000000000:c:".into(), CheckpointError::Part { part: "hash" }),
            (alloc::format!("rushlight:1:moon:1:{hash}:0 0:c:"), CheckpointError::Part { part: "anchor" }),
            (alloc::format!("rushlight:1:moon:01:{hash}:0.0:c:"), CheckpointError::Part { part: "form" }),
        ] {
            assert_eq!(Checkpoint::from_text(&sealed(&body)), Err(want), "{body}");
        }
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
