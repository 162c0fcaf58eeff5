//! Chain descriptions of every family, in their canonical JSON form.

#[cfg(feature = "tendermint")]
use super::tendermint::spec as tendermint;
use alloc::string::String;
use serde::Deserialize;

/// A chain as its user describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainSpec {
    /// A Tendermint or CometBFT chain.
    #[cfg(feature = "tendermint")]
    Tendermint(tendermint::Spec),
}

/// Why a text describes no chain. The user's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Not JSON with a member `family`.
    #[error("chain description: {why}")]
    Shape {
        /// What is wrong, in words.
        why: String,
    },
    /// A family that this build does not have.
    #[error("family: {got:?} is not known to this build; known is \"tendermint\"")]
    Family {
        /// The name given.
        got: String,
    },
    /// The Tendermint family refuses it.
    #[cfg(feature = "tendermint")]
    #[error(transparent)]
    Tendermint(#[from] tendermint::SpecError),
}

#[derive(Deserialize)]
struct FamilyName {
    family: String,
}

impl ChainSpec {
    /// Returns the base addresses of the chain's providers, the primary to begin with first.
    pub fn providers(&self) -> &[String] {
        match self {
            #[cfg(feature = "tendermint")]
            Self::Tendermint(spec) => &spec.providers,
            #[cfg(not(feature = "tendermint"))]
            _ => &[],
        }
    }

    /// Reads the canonical JSON form: `{"family":"tendermint","chain_id":…,"providers":[…],"trust":{…},…}`.
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(json: &str) -> Result<Self, SpecError> {
        let name: FamilyName =
            serde_json::from_str(json).map_err(|error| SpecError::Shape { why: alloc::format!("{error}") })?;
        match name.family.as_str() {
            #[cfg(feature = "tendermint")]
            "tendermint" => Ok(Self::Tendermint(tendermint::Spec::from_json(json)?)),
            _ => Err(SpecError::Family { got: name.family.chars().take(40).collect() }),
        }
    }
}
