//! The section that says where a bundle starts, written and read alike by all families.

use super::{Bundle, Checkpoint, CheckpointError, Section, SectionKind};
use alloc::boxed::Box;

/// Why a bundle does not start where it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The first section does not hold a checkpoint.
    #[error("bundle names no checkpoint")]
    NoCheckpoint,
    /// More than one: what stands in the others would be a second form of the same proof.
    #[error("bundle names more than one checkpoint")]
    TwoCheckpoints,
    /// A checkpoint is not readable or cannot be written, or the family does not take its anchor.
    #[error("bundle's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// It starts from another checkpoint than the user trusts.
    #[error("bundle starts from checkpoint {got}, trusted is {want}")]
    OtherCheckpoint {
        /// The one in the bundle.
        got: Box<Checkpoint>,
        /// The one that is trusted.
        want: Box<Checkpoint>,
    },
}

impl Section {
    /// Returns the section that says that a bundle starts from `checkpoint`.
    /// # Errors
    /// [`CheckpointError`]: it cannot be written.
    pub fn checkpoint(checkpoint: &Checkpoint) -> Result<Self, CheckpointError> {
        Ok(Self { kind: SectionKind::Checkpoint, content: checkpoint.to_text()?.into_bytes() })
    }
}

impl Bundle {
    /// Checks that the bundle starts from `trusted`, and returns the sections behind the one that says so. Without this check
    /// a bundle could choose what it is verified against.
    /// # Errors
    /// [`StartError`].
    pub fn sections_from(&self, trusted: &Checkpoint) -> Result<&[Section], StartError> {
        let (first, behind) = self.sections.split_first().ok_or(StartError::NoCheckpoint)?;
        if first.kind != SectionKind::Checkpoint {
            return Err(StartError::NoCheckpoint);
        }
        if behind.iter().any(|section| section.kind == SectionKind::Checkpoint) {
            return Err(StartError::TwoCheckpoints);
        }
        let text = core::str::from_utf8(&first.content).unwrap_or_default();
        let got = Checkpoint::from_text(text)?;
        if got != *trusted {
            return Err(StartError::OtherCheckpoint { got: Box::new(got), want: Box::new(trusted.clone()) });
        }
        // Around a checkpoint's text there may be white space, but not in a bundle: equal proofs must be equal files.
        if got.to_text()? != text {
            return Err(CheckpointError::Part { part: "form" }.into());
        }
        Ok(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Anchor, FamilyName, FamilyNumber};
    use super::*;
    use crate::base::Hash;
    use alloc::string::{String, ToString};
    use alloc::vec;
    use alloc::vec::Vec;

    fn check(sections: Vec<Section>, want: expect_test::Expect) {
        let bundle = Bundle { family: FamilyNumber(2), sections };
        want.assert_eq(&match bundle.sections_from(&trusted(4)) {
            Ok(behind) => alloc::format!("{} behind it", behind.len()),
            Err(error) => error.to_string(),
        });
    }

    fn trusted(digest: u8) -> Checkpoint {
        let (hash, anchor) = (Hash([0xab; 32]), Anchor::new(alloc::format!("7.{digest}")));
        Checkpoint { family: FamilyName::of("moon"), chain_id: "chain".into(), height: 3, hash, anchor }
    }

    fn step() -> Section {
        Section { kind: SectionKind::Step, content: vec![] }
    }

    fn named(text: &str) -> Section {
        Section { kind: SectionKind::Checkpoint, content: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_bundle_starts_from_the_checkpoint_that_is_trusted() {
        let section = Section::checkpoint(&trusted(4)).unwrap();
        let text = String::from_utf8(section.content.clone()).unwrap();
        check(vec![section.clone(), step()], expect_test::expect!["1 behind it"]);
        check(vec![section.clone(), section], expect_test::expect!["bundle names more than one checkpoint"]);
        check(vec![], expect_test::expect!["bundle names no checkpoint"]);
        check(vec![step()], expect_test::expect!["bundle names no checkpoint"]);
        let spaced = named(&alloc::format!("{text}\n"));
        check(vec![spaced], expect_test::expect!["bundle's checkpoint: checkpoint's form is not valid"]);
        check(
            vec![named(&text[1..])],
            expect_test::expect![[r#"bundle's checkpoint: checkpoint does not begin with "rushlight:1:""#]],
        );
        check(
            vec![Section::checkpoint(&trusted(5)).unwrap()],
            expect_test::expect![
                "bundle starts from checkpoint chain height 3 hash ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB anchor 7.5, trusted is chain height 3 hash ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB anchor 7.4"
            ],
        );
    }
}
