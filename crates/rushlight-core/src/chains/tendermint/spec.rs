//! What a user says of a chain: its id, where to ask, what to trust.

use super::verify::{Rules, TrustLevel, TrustLevelError};
use crate::base::Hash;
use crate::bundle::{Checkpoint, CheckpointError, Family};
use crate::codec::text;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde::Deserialize;

/// The most providers that a chain may have.
pub const PROVIDERS_MAX: usize = 32;

/// A chain as its user describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The chain's id.
    pub chain_id: String,
    /// Base addresses of RPC endpoints; the first is the primary to begin with.
    pub providers: Vec<String>,
    /// What is trusted to begin with.
    pub trust: Trust,
    /// For how long and how far it is trusted.
    pub rules: Rules,
    /// How heights are walked.
    pub mode: Mode,
    /// How many witnesses must have the same header before it is adopted.
    pub witnesses_min: u32,
}

/// The header that a user trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: Hash,
}

/// How heights are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As few as the overlap of validator sets allows.
    Skipping,
    /// Every one.
    Sequential,
}

/// Why a description is not a chain. The user's fault; each names the field to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Not JSON, or not of the expected shape.
    #[error("chain description: {why}")]
    Shape {
        /// What is wrong where, in words.
        why: String,
    },
    /// Too many or too few providers.
    #[error("providers: {got} given, wanted are 1 to {PROVIDERS_MAX}")]
    Providers {
        /// How many were given.
        got: usize,
    },
    /// A provider twice: it cannot be a witness of itself.
    #[error("providers: {address} is there twice")]
    ProviderTwice {
        /// The address.
        address: String,
    },
    /// The hash is not a hash.
    #[error("trust.hash is not 64 hex digits")]
    Hash,
    /// The height is not a height.
    #[error("trust.height is {got}, wanted is 1 to 9223372036854775807")]
    Height {
        /// The height.
        got: u64,
    },
    /// Neither a height and a hash nor a checkpoint.
    #[error("trust: give either height and hash, or checkpoint")]
    NoTrust,
    /// The checkpoint is not readable.
    #[error("trust.checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another family.
    #[error("trust.checkpoint is of family {}, the description of tendermint", got.name())]
    OtherFamily {
        /// The checkpoint's family.
        got: Family,
    },
    /// The checkpoint is of another chain.
    #[error("trust.checkpoint is of chain {got:?}, the description of {want:?}")]
    OtherChain {
        /// The checkpoint's chain id.
        got: String,
        /// The description's chain id.
        want: String,
    },
    /// The trust level is not secure.
    #[error("trust_level: {0}")]
    TrustLevel(#[from] TrustLevelError),
    /// The trusting period is 0.
    #[error("trusting_period_s is 0, wanted is more, but well below the chain's unbonding period")]
    TrustingPeriod,
    /// More witnesses are wanted than there can be.
    #[error("witnesses_min is {got}, but besides the primary there are {have} providers")]
    WitnessesMin {
        /// Wanted.
        got: u32,
        /// There are.
        have: usize,
    },
    /// The chain id is too long.
    #[error("chain_id has {got} bytes, wanted are 1 to 50")]
    ChainId {
        /// Bytes.
        got: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    // Read by `ChainSpec`, which chooses the family by it.
    #[allow(dead_code, reason = "named so that no unknown member is refused")]
    family: String,
    chain_id: String,
    providers: Vec<String>,
    trust: RawTrust,
    trusting_period_s: Option<u64>,
    trust_level: Option<String>,
    max_clock_drift_s: Option<u64>,
    mode: Option<RawMode>,
    witnesses_min: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrust {
    height: Option<u64>,
    hash: Option<String>,
    checkpoint: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawMode {
    Skipping,
    Sequential,
}

impl Spec {
    /// Reads the canonical JSON form of a description.
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(json: &str) -> Result<Self, SpecError> {
        let raw: RawSpec =
            serde_json::from_str(json).map_err(|error| SpecError::Shape { why: alloc::format!("{error}") })?;
        let rules = Rules {
            trusting_period: raw.trusting_period_s.map_or(Rules::TRUSTING_PERIOD, Duration::from_secs),
            trust_level: match raw.trust_level {
                None => TrustLevel::ONE_THIRD,
                Some(text) => TrustLevel::from_text(&text)?,
            },
            max_clock_drift: raw.max_clock_drift_s.map_or(Rules::MAX_CLOCK_DRIFT, Duration::from_secs),
        };
        if rules.trusting_period.is_zero() {
            return Err(SpecError::TrustingPeriod);
        }
        if raw.chain_id.is_empty() || raw.chain_id.len() > super::types::CHAIN_ID_BYTES_MAX {
            return Err(SpecError::ChainId { got: raw.chain_id.len() });
        }
        let trust = trust(raw.trust, &raw.chain_id)?;
        let mode = match raw.mode {
            Some(RawMode::Sequential) => Mode::Sequential,
            Some(RawMode::Skipping) | None => Mode::Skipping,
        };
        let witnesses = check_providers(&raw.providers)?;
        let witnesses_min = raw.witnesses_min.unwrap_or(u32::from(witnesses > 0));
        if usize::try_from(witnesses_min).map_or(true, |min| min > witnesses) {
            return Err(SpecError::WitnessesMin { got: witnesses_min, have: witnesses });
        }
        Ok(Self { chain_id: raw.chain_id, providers: raw.providers, trust, rules, mode, witnesses_min })
    }
}

/// Returns how many witnesses there can be.
fn check_providers(providers: &[String]) -> Result<usize, SpecError> {
    let got = providers.len();
    if got > PROVIDERS_MAX {
        return Err(SpecError::Providers { got });
    }
    for (index, address) in providers.iter().enumerate() {
        if providers.iter().skip(index.saturating_add(1)).any(|other| other == address) {
            return Err(SpecError::ProviderTwice { address: address.clone() });
        }
    }
    got.checked_sub(1).ok_or(SpecError::Providers { got })
}

fn trust(raw: RawTrust, chain_id: &str) -> Result<Trust, SpecError> {
    let (height, hash) = match (raw.height, raw.hash, raw.checkpoint) {
        (Some(height), Some(hash), None) => (height, Hash(text::hex_array(&hash).map_err(|_| SpecError::Hash)?)),
        (None, None, Some(checkpoint)) => {
            let checkpoint = Checkpoint::from_text(&checkpoint)?;
            if checkpoint.family != Family::Tendermint {
                return Err(SpecError::OtherFamily { got: checkpoint.family });
            }
            if checkpoint.chain_id != chain_id {
                return Err(SpecError::OtherChain { got: checkpoint.chain_id, want: String::from(chain_id) });
            }
            (checkpoint.height, checkpoint.hash)
        }
        _ => return Err(SpecError::NoTrust),
    };
    if !(1..=super::types::HEIGHT_MAX).contains(&height) {
        return Err(SpecError::Height { got: height });
    }
    Ok(Trust { height, hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn read(change: (&str, &str)) -> Result<Spec, SpecError> {
        let hash = "AB".repeat(32);
        let json = alloc::format!(
            r#"{{"family":"tendermint","chain_id":"c","providers":["http://a","http://b"],"trust":{{"height":5,"hash":"{hash}"}}}}"#
        );
        assert!(change.0.is_empty() || json.contains(change.0), "{}", change.0);
        Spec::from_json(&if change.0.is_empty() { json } else { json.replace(change.0, change.1) })
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let spec = read(("", "")).unwrap();
        assert_eq!(spec.rules, Rules::default());
        assert_eq!((spec.mode, spec.witnesses_min, spec.trust.height), (Mode::Skipping, 1, 5));
    }

    #[test]
    fn each_error_names_its_field() {
        let one = r#""providers":["http://a","http://b"]"#;
        let trust = alloc::format!(r#""trust":{{"height":5,"hash":"{}"}}"#, "AB".repeat(32));
        for (from, to, want) in [
            (one, r#""providers":[]"#, "providers: 0 given, wanted are 1 to 32"),
            (one, r#""providers":["http://a","http://a"]"#, "providers: http://a is there twice"),
            (r#""height":5"#, r#""height":0"#, "trust.height is 0, wanted is 1 to 9223372036854775807"),
            ("ABAB", "XX", "trust.hash is not 64 hex digits"),
            (&trust, r#""trust":{}"#, "trust: give either height and hash, or checkpoint"),
            (
                &trust,
                r#""trust":{"checkpoint":"x"}"#,
                "trust.checkpoint: checkpoint does not begin with \"rushlight:1:\"",
            ),
            (r#""chain_id":"c""#, r#""chain_id":"""#, "chain_id has 0 bytes, wanted are 1 to 50"),
            (
                one,
                r#""providers":["http://a"],"witnesses_min":1"#,
                "witnesses_min is 1, but besides the primary there are 0 providers",
            ),
            (
                one,
                r#""providers":["http://a"],"trusting_period_s":0"#,
                "trusting_period_s is 0, wanted is more, but well below the chain's unbonding period",
            ),
            (
                one,
                r#""providers":["http://a"],"trust_level":"1/4""#,
                "trust_level: trust level 1/4 is below 1/3, the least that is secure",
            ),
        ] {
            assert_eq!(read((from, to)).unwrap_err().to_string(), want);
        }
        let unknown = read((one, r#""providers":["http://a"],"trustlevel":1"#)).unwrap_err().to_string();
        assert!(unknown.contains("unknown field `trustlevel`"), "{unknown}");
    }
}
