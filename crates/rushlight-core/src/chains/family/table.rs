//! The table of families, and what it reads: descriptions of chains, checkpoints, rules of bundles.

use super::{Described, Family, OpenError, Opening, Refused, Trusted};
use crate::bundle::{Checkpoint, CheckpointError, FamilyName, FamilyNumber};
use crate::chains::Chain;
use crate::chains::keys::{Fields, Key, KeyError, Kind, shown};
use crate::rpc::Row;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use serde_json::{Map, Value};

/// A chain as its user describes it.
#[derive(Clone)]
pub struct ChainSpec {
    family: &'static dyn Family,
    described: Arc<dyn Described>,
}

impl ChainSpec {
    /// Reads a description by the families of this build, see [`Families::describe`].
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(json: &str) -> Result<Self, SpecError> {
        Families::default().describe(json)
    }

    /// Returns the chain's family.
    pub fn family(&self) -> &'static dyn Family {
        self.family
    }

    /// Returns the chain's own id.
    pub fn chain_id(&self) -> &str {
        self.described.chain_id()
    }

    /// Returns the base addresses of the chain's peers, the one to begin with first.
    pub fn providers(&self) -> &[String] {
        self.described.providers()
    }

    /// Returns what is trusted to begin with, if that is one header.
    pub fn trusted(&self) -> Option<Trusted> {
        self.described.trusted()
    }

    /// Returns the chain at the state that was saved of it.
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Chain>, OpenError> {
        self.described.open(opening)
    }
}

impl fmt::Debug for ChainSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.described.fmt(f)
    }
}

/// Why a text describes no chain. The user's fault; each names the key to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Not a JSON object.
    #[error("chain description: {why}")]
    Shape {
        /// What is wrong, in words.
        why: String,
    },
    /// The family is missing, or none that follows chains.
    #[error("family is {got}, wanted one of {known:?}")]
    Family {
        /// What is there.
        got: String,
        /// Families that follow chains.
        known: Vec<String>,
    },
    /// A key is unknown or missing, or holds what it cannot.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A rule of the family is broken.
    #[error("{why}")]
    Rule {
        /// JSON pointer of the key to mend.
        pointer: String,
        /// The broken rule, in words.
        why: String,
    },
}

impl SpecError {
    /// Returns the JSON pointer of the key to mend; empty when it is the whole.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Shape { .. } => "",
            Self::Family { .. } => "/family",
            Self::Key(error) => error.pointer(),
            Self::Rule { pointer, .. } => pointer,
        }
    }
}

/// By which rules a bundle is judged, by the names that its family gives them. What is not said has the family's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleRules(Map<String, Value>);

impl BundleRules {
    /// Adds a rule, as text such as `168h` or `1/3`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the rules as those of `family`.
    /// # Errors
    /// [`KeyError`]: the family has no such rule, or it does not hold this.
    pub(crate) fn of(&self, family: &dyn Family) -> Result<Fields<'_>, KeyError> {
        Fields::checked(&self.0, family.rules())
    }
}

impl From<Duration> for BundleRules {
    /// Returns the rules that headers are trusted for this long, counted from their own time.
    fn from(trusting_period: Duration) -> Self {
        Self::default().with("trusting_period", &format!("{}s", trusting_period.as_secs()))
    }
}

/// The families there are.
#[derive(Clone, Debug)]
pub struct Families {
    rows: Vec<&'static dyn Family>,
}

/// Two families would have one name or one number: what is written of one could be read as the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table has a family of name {name} or number {number} already")]
pub struct FamilyTaken {
    /// The name of the family that was to be added.
    pub name: &'static str,
    /// Its number.
    pub number: FamilyNumber,
}

impl Default for Families {
    /// Returns the families of this build.
    fn default() -> Self {
        let rows: &[&'static dyn Family] = &[
            #[cfg(feature = "tendermint")]
            &crate::chains::tendermint::Tendermint,
            #[cfg(feature = "substrate")]
            &crate::chains::substrate::Substrate,
        ];
        Self { rows: rows.to_vec() }
    }
}

impl Families {
    /// Adds a family.
    /// # Errors
    /// [`FamilyTaken`].
    pub fn with(mut self, family: &'static dyn Family) -> Result<Self, FamilyTaken> {
        let (name, number) = (family.name(), family.number());
        if self.rows.iter().any(|row| row.name() == name || row.number() == number) {
            return Err(FamilyTaken { name, number });
        }
        self.rows.push(family);
        Ok(self)
    }

    /// Returns every family.
    pub fn rows(&self) -> impl Iterator<Item = &'static dyn Family> {
        self.rows.iter().copied()
    }

    /// Returns the family of this name.
    pub fn named(&self, name: &FamilyName) -> Option<&'static dyn Family> {
        self.rows().find(|row| row.name() == name.as_str())
    }

    /// Returns the family of this number.
    pub fn numbered(&self, number: FamilyNumber) -> Option<&'static dyn Family> {
        self.rows().find(|row| row.number() == number)
    }

    /// Returns the methods that chains answer, by the name of their family.
    pub fn methods(&self) -> Vec<(&'static str, Vec<&'static Row>)> {
        let methods = self.rows().map(|row| (row.name(), row.rows()));
        methods.filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// Reads a chain's description: a JSON object with a member `family` and the members that this family has keys for.
    /// # Errors
    /// [`SpecError`].
    pub fn describe(&self, json: &str) -> Result<ChainSpec, SpecError> {
        self.describe_with(json, &[])
    }

    /// Reads a chain's description as [`Families::describe`] does, which may have `own` keys of the caller besides.
    /// # Errors
    /// [`SpecError`].
    pub fn describe_with(&self, json: &str, own: &[Key]) -> Result<ChainSpec, SpecError> {
        let members: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| SpecError::Shape { why: error.to_string() })?;
        let family = self.family_of(&members, own)?;
        let key = Key { name: "family", kind: Kind::Text, is_required: true, want: "the chain's family" };
        let keys: Vec<Key> = [&[key], own, family.keys()].concat();
        let fields = Fields::checked(&members, &keys)?;
        match family.describe(fields) {
            Ok(described) => Ok(ChainSpec { family, described: described.into() }),
            Err(Refused { pointer, why }) => Err(SpecError::Rule { pointer, why }),
        }
    }

    fn family_of(&self, members: &Map<String, Value>, own: &[Key]) -> Result<&'static dyn Family, SpecError> {
        let follows = || self.rows().filter(|row| !row.keys().is_empty());
        let known = || follows().map(|row| row.name().to_string()).collect::<Vec<_>>();
        let Some(value) = members.get("family") else {
            let want = format!("the chain's family, one of {:?}", known());
            // It may be there, misspelt.
            let keys: Vec<Key> = follows().flat_map(|row| row.keys()).chain(own).copied().collect();
            let key = |is_required| Key { name: "family", kind: Kind::Text, is_required, want: "" };
            let missing = SpecError::Key(KeyError::Missing { pointer: "/family".to_owned(), want });
            let checked = Fields::checked(members, &[keys.as_slice(), &[key(false)]].concat());
            return match checked {
                Err(error @ KeyError::Unknown { .. }) => Err(error.into()),
                _ => Err(missing),
            };
        };
        let family = value.as_str().and_then(FamilyName::from_text).and_then(|name| self.named(&name));
        let family = family.filter(|row| !row.keys().is_empty());
        family.ok_or_else(|| SpecError::Family { got: shown(value), known: known() })
    }

    /// Reads a checkpoint, with what its family says of the anchor.
    /// # Errors
    /// [`CheckpointError`].
    pub fn checkpoint(&self, text: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::from_text(text)?;
        let family = self.named(&checkpoint.family).ok_or_else(|| CheckpointError::Family {
            got: checkpoint.family.to_string(),
            known: self.rows().map(|row| row.name()).collect::<Vec<_>>().join(" and "),
        })?;
        family.check_anchor(&checkpoint.anchor)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::bundle::Anchor;

    #[test]
    fn a_checkpoint_is_read_with_what_its_family_says_of_the_anchor() {
        let read = |anchor: &str, family: &'static str| {
            let checkpoint = Checkpoint {
                family: FamilyName::of(family),
                chain_id: "c".to_owned(),
                height: 5,
                hash: Hash([7; 32]),
                anchor: Anchor::new(anchor),
            };
            Families::default().checkpoint(&checkpoint.to_text().unwrap()).map(|checkpoint| checkpoint.height)
        };
        let (got, known) = ("moon".to_owned(), Families::default().rows().map(|row| row.name()).collect::<Vec<_>>());
        assert_eq!(read("0.0", "moon"), Err(CheckpointError::Family { got, known: known.join(" and ") }));
        for family in Families::default().rows() {
            assert!(FamilyName::from_text(family.name()).is_some(), "{family:?}");
            assert!(matches!(read("x", family.name()), Err(CheckpointError::Part { .. })), "{family:?}");
        }
        #[cfg(feature = "tendermint")]
        assert_eq!(read("1767225600.000000000", "tendermint"), Ok(5));
        #[cfg(feature = "substrate")]
        assert_eq!(read(&format!("3.{}", Hash([1; 32])), "substrate"), Ok(5));
    }

    #[test]
    fn a_name_or_number_stands_for_one_family() {
        for family in Families::default().rows() {
            let taken = Families::default().with(family).unwrap_err();
            assert_eq!(taken, FamilyTaken { name: family.name(), number: family.number() });
        }
    }
}
