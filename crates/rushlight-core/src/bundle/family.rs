//! How checkpoints and bundles name the family whose rules they follow.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// The longest name of a family in bytes.
pub const FAMILY_NAME_BYTES_MAX: usize = 20;

/// A family's name in checkpoints. Which families there are is not known here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyName(Cow<'static, str>);

/// A family's number in bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyNumber(pub u8);

impl FamilyName {
    /// Returns a name that stands in the program.
    pub const fn of(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Reads a name: lower-case letters, digits and `-`, at most [`FAMILY_NAME_BYTES_MAX`] bytes. `None` if it is not one.
    pub fn from_text(text: &str) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_well_formed = (1..=FAMILY_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_name);
        is_well_formed.then(|| Self(Cow::Owned(String::from(text))))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FamilyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_and_short() {
        for (text, want) in [("moon", true), ("a-2", true), ("", false), ("Moon", false), ("a:b", false), ("é", false)]
        {
            assert_eq!(FamilyName::from_text(text).is_some(), want, "{text:?}");
        }
        assert!(FamilyName::from_text(&"x".repeat(FAMILY_NAME_BYTES_MAX)).is_some());
        assert!(FamilyName::from_text(&"x".repeat(FAMILY_NAME_BYTES_MAX + 1)).is_none());
        assert_eq!(FamilyName::from_text("moon"), Some(FamilyName::of("moon")));
    }
}
