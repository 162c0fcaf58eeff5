//! The container of bundles: a versioned list of sections, one encoding per content, bounded.

use super::FamilyNumber;
use crate::base::Hash;
use crate::crypto::sha256;
use alloc::vec::Vec;

/// The largest bundle in bytes.
pub const BUNDLE_BYTES_MAX: usize = 32 << 20;
/// The most sections that a bundle may have.
pub const SECTIONS_MAX: usize = 4_096;

const MAGIC: &[u8; 7] = b"RLBUNDL";
const VERSION: u8 = 1;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// The text of the checkpoint that the bundle starts from; the first section, once.
    Checkpoint,
    /// One step of the proof of a header, in the order in which they are verified; the family says what it holds.
    Step,
    /// Values under the state root of the proven header, with their proof; the family says what it holds.
    State,
}

impl SectionKind {
    fn number(self) -> u8 {
        match self {
            Self::Checkpoint => 1,
            Self::Step => 2,
            Self::State => 3,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Checkpoint, Self::Step, Self::State].into_iter().find(|kind| kind.number() == number)
    }
}

/// One section of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Its content.
    pub content: Vec<u8>,
}

/// A bundle, taken apart and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The family whose rules verify it. Whether there is one of this number is not known here.
    pub family: FamilyNumber,
    /// Its sections, kinds in ascending order.
    pub sections: Vec<Section>,
}

/// Why bytes are not a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Larger than a bundle can be.
    #[error("bundle has {got} bytes, at most {BUNDLE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes given.
        got: usize,
    },
    /// Not a bundle at all.
    #[error("file does not begin as a bundle does")]
    Magic,
    /// A version that this client does not read.
    #[error("bundle has version {got}, this client reads {VERSION}; update it")]
    Version {
        /// The version.
        got: u8,
    },
    /// The bytes end within a section.
    #[error("bundle ends within a section; it was cut")]
    Truncated,
    /// The checksum at the end does not fit.
    #[error("bundle has checksum {got}, its content gives {want}; it was damaged")]
    Checksum {
        /// Checksum given.
        got: Hash,
        /// Checksum computed.
        want: Hash,
    },
    /// A section of unknown kind: what is not understood cannot be said to be verified.
    #[error("section {index} is of kind {got}, which this client does not know; update it")]
    SectionKind {
        /// Index of the section.
        index: usize,
        /// The kind's number.
        got: u8,
    },
    /// Sections out of order: one content has one encoding.
    #[error("section {index} is of a kind that must stand before its predecessor")]
    SectionOrder {
        /// Index of the section.
        index: usize,
    },
    /// Too many sections.
    #[error("bundle has more than {SECTIONS_MAX} sections")]
    TooManySections,
}

impl Bundle {
    /// Returns the bundle's one encoding.
    /// # Errors
    /// [`BundleError::TooManySections`], [`BundleError::SectionOrder`], [`BundleError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        if self.sections.len() > SECTIONS_MAX {
            return Err(BundleError::TooManySections);
        }
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, self.family.0]);
        let mut last = SectionKind::Checkpoint;
        for (index, section) in self.sections.iter().enumerate() {
            if section.kind < last {
                return Err(BundleError::SectionOrder { index });
            }
            last = section.kind;
            let len = u32::try_from(section.content.len())
                .map_err(|_| BundleError::TooLarge { got: section.content.len() })?;
            out.push(section.kind.number());
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(&section.content);
        }
        let checksum = sha256(&out);
        out.extend_from_slice(checksum.as_bytes());
        if out.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge { got: out.len() });
        }
        Ok(out)
    }

    /// Takes a bundle apart. The checksum finds damage, not forgery: what is in it is verified by its family.
    /// # Errors
    /// [`BundleError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge { got: bytes.len() });
        }
        let (magic, rest) = bytes.split_first_chunk::<7>().ok_or(BundleError::Magic)?;
        if magic != MAGIC {
            return Err(BundleError::Magic);
        }
        let (&[version, family], _) = rest.split_first_chunk::<2>().ok_or(BundleError::Truncated)?;
        if version != VERSION {
            return Err(BundleError::Version { got: version });
        }
        let (content, got) = bytes.split_last_chunk::<32>().ok_or(BundleError::Truncated)?;
        let (got, want) = (Hash(*got), sha256(content));
        if got != want {
            return Err(BundleError::Checksum { got, want });
        }
        let sections = sections(content.get(MAGIC.len() + 2..).ok_or(BundleError::Truncated)?)?;
        Ok(Self { family: FamilyNumber(family), sections })
    }
}

fn sections(mut rest: &[u8]) -> Result<Vec<Section>, BundleError> {
    let mut sections: Vec<Section> = Vec::new();
    while let Some((&number, tail)) = rest.split_first() {
        let index = sections.len();
        if index >= SECTIONS_MAX {
            return Err(BundleError::TooManySections);
        }
        let kind = SectionKind::from_number(number).ok_or(BundleError::SectionKind { index, got: number })?;
        if sections.last().is_some_and(|last| kind < last.kind) {
            return Err(BundleError::SectionOrder { index });
        }
        let (len, tail) = tail.split_first_chunk::<4>().ok_or(BundleError::Truncated)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| BundleError::Truncated)?;
        let (content, tail) = tail.split_at_checked(len).ok_or(BundleError::Truncated)?;
        sections.push(Section { kind, content: content.to_vec() });
        rest = tail;
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sealed(content: &[u8]) -> Vec<u8> {
        [content, sha256(content).as_bytes()].concat()
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let head = [MAGIC.as_slice(), &[1, 1]].concat();
        let with = |tail: &[u8]| sealed(&[&head, tail].concat());
        assert_eq!(Bundle::decode(b"PK"), Err(BundleError::Magic));
        assert_eq!(Bundle::decode(&sealed(b"RLBUNDX\x01\x01")), Err(BundleError::Magic));
        assert_eq!(Bundle::decode(&sealed(b"RLBUNDL\x02\x01")), Err(BundleError::Version { got: 2 }));
        assert_eq!(Bundle::decode(&sealed(b"RLBUNDL\x01\x09")).map(|bundle| bundle.family), Ok(FamilyNumber(9)));
        assert_eq!(Bundle::decode(b"RLBUNDL\x01\x01"), Err(BundleError::Truncated));
        assert_eq!(Bundle::decode(&with(&[2, 5, 0, 0, 0, 1])), Err(BundleError::Truncated));
        assert_eq!(Bundle::decode(&with(&[7, 0, 0, 0, 0])), Err(BundleError::SectionKind { index: 0, got: 7 }));
        assert_eq!(Bundle::decode(&with(&[2, 0, 0, 0, 0, 1, 0, 0, 0, 0])), Err(BundleError::SectionOrder { index: 1 }));
        let mut damaged = with(&[]);
        damaged[9] ^= 1;
        assert!(matches!(Bundle::decode(&damaged), Err(BundleError::Checksum { .. })));
        assert_eq!(Bundle::decode(&with(&[2, 0, 0, 0, 0].repeat(SECTIONS_MAX + 1))), Err(BundleError::TooManySections));
        let large = vec![0; BUNDLE_BYTES_MAX + 1];
        assert_eq!(Bundle::decode(&large), Err(BundleError::TooLarge { got: large.len() }));
        let step = |kind| Section { kind, content: Vec::new() };
        let unordered = vec![step(SectionKind::Step), step(SectionKind::Checkpoint)];
        let bundle = Bundle { family: FamilyNumber(1), sections: unordered };
        assert_eq!(bundle.encode(), Err(BundleError::SectionOrder { index: 1 }));
    }

    proptest::proptest! {
        #[test]
        fn decoding_is_the_inverse_of_encoding(checkpoint: Vec<u8>, steps: Vec<Vec<u8>>) {
            let mut sections = vec![Section { kind: SectionKind::Checkpoint, content: checkpoint }];
            sections.extend(steps.into_iter().map(|content| Section { kind: SectionKind::Step, content }));
            let bundle = Bundle { family: FamilyNumber(1), sections };
            let bytes = bundle.encode().unwrap();
            proptest::prop_assert_eq!(Bundle::decode(&bytes), Ok(bundle));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Bundle::decode(&bytes);
            let _ = Bundle::decode(&sealed(&[MAGIC.as_slice(), &[1, 1], &bytes].concat()));
        }
    }
}
