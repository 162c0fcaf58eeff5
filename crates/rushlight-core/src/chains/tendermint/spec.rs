//! What a user says of a chain: its id, where to ask, what to trust.

use super::bundle::anchor_time;
use super::types::{CHAIN_ID_BYTES_MAX, HEIGHT_MAX};
use super::verify::{Rules, TrustLevel, TrustLevelError};
use super::{NAME, family};
use crate::base::Hash;
use crate::bundle::{Checkpoint, CheckpointError};
use crate::chains::{Fields, Key, Kind, shown_text};
use crate::codec::text;
use alloc::string::String;
use alloc::vec::Vec;

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

/// The keys of a description besides `family`.
pub(super) const KEYS: &[Key] = &[
    Key { name: "chain_id", kind: Kind::Text, is_required: true, want: CHAIN_ID_WANT },
    Key {
        name: "providers",
        kind: Kind::Texts,
        is_required: true,
        want: "a list of URLs such as [\"https://rpc.one.example\", \"https://rpc.two.example\"]",
    },
    Key { name: "trust", kind: Kind::Table(TRUST_KEYS), is_required: true, want: TRUST_WANT },
    // No default: a period that suits one chain is an attack window on another.
    Key { name: "trusting_period", is_required: true, ..family::TRUSTING_PERIOD },
    family::TRUST_LEVEL,
    family::MAX_CLOCK_DRIFT,
    Key { name: "mode", kind: Kind::Choice(&["skipping", "sequential"]), is_required: false, want: "" },
    Key {
        name: "witnesses_min",
        kind: Kind::Number,
        is_required: false,
        want: "how many witnesses must agree with a new head",
    },
];
const TRUST_KEYS: &[Key] = &[
    Key {
        name: "checkpoint",
        kind: Kind::Text,
        is_required: false,
        want: "a checkpoint text such as \"rushlight:1:…\"",
    },
    Key { name: "hash", kind: Kind::Text, is_required: false, want: "the hash of that header, 64 hexadecimal digits" },
    Key { name: "height", kind: Kind::Number, is_required: false, want: HEIGHT_WANT },
];
const CHAIN_ID_WANT: &str = "the chain's id, 1 to 50 characters";
const HEIGHT_WANT: &str = "the height of a header that you trust, from 1";
const TRUST_WANT: &str = "a [trust] table with height and hash, or with checkpoint = \"rushlight:1:…\"; \
                          `rushlight init URL… -o FILE` writes one";

/// Why a description is not a chain. The user's fault; each names the key to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The chain id is empty, too long, or holds what does not print.
    #[error("chain_id is {}, wanted {CHAIN_ID_WANT}", shown_text(got))]
    ChainId {
        /// The chain id.
        got: String,
    },
    /// Too many or too few providers.
    #[error("providers is a list of {got}, wanted 1 to {PROVIDERS_MAX} URLs")]
    Providers {
        /// How many were given.
        got: usize,
    },
    /// The hash is not a hash.
    #[error("trust.hash is {} ({} characters), wanted 64 hexadecimal digits", shown_text(got), got.chars().count())]
    Hash {
        /// The text.
        got: String,
    },
    /// The height is not a height.
    #[error("trust.height is {got}, wanted a height from 1 to {HEIGHT_MAX}")]
    Height {
        /// The height.
        got: u64,
    },
    /// A part of what is trusted is missing.
    #[error("the key {key:?} is missing: {TRUST_WANT}")]
    NoTrust {
        /// The key, from the outermost one.
        key: &'static str,
    },
    /// A header is trusted in two ways.
    #[error("trust.checkpoint is given with height or hash, wanted one of the two: which to trust is unclear")]
    TwoTrusts,
    /// The checkpoint is not readable.
    #[error("trust.checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another chain.
    #[error("trust.checkpoint is of chain {got:?}, the description of {want:?}")]
    OtherChain {
        /// The checkpoint's chain id.
        got: String,
        /// The description's chain id.
        want: String,
    },
    /// The trust level is not secure.
    #[error("trust_level is {}: {why}; wanted {}", shown_text(got), family::TRUST_LEVEL.want)]
    TrustLevel {
        /// The text.
        got: String,
        /// The broken rule.
        why: TrustLevelError,
    },
    /// The trusting period is 0.
    #[error("trusting_period is {}, wanted {}", shown_text(got), family::TRUSTING_PERIOD.want)]
    TrustingPeriod {
        /// The text.
        got: String,
    },
    /// More witnesses are wanted than there can be.
    #[error("witnesses_min is {got}, but besides the primary there are {have} providers")]
    WitnessesMin {
        /// Wanted.
        got: u64,
        /// There are.
        have: usize,
    },
}

impl SpecError {
    /// Returns the JSON pointer of the key to mend.
    pub fn pointer(&self) -> String {
        let pointer = match self {
            Self::ChainId { .. } => "/chain_id",
            Self::Providers { .. } => "/providers",
            Self::Hash { .. } => "/trust/hash",
            Self::Height { .. } => "/trust/height",
            Self::NoTrust { .. } => "/trust",
            Self::TwoTrusts | Self::Checkpoint(_) | Self::OtherChain { .. } => "/trust/checkpoint",
            Self::TrustLevel { .. } => "/trust_level",
            Self::TrustingPeriod { .. } => "/trusting_period",
            Self::WitnessesMin { .. } => "/witnesses_min",
        };
        String::from(pointer)
    }
}

impl Spec {
    /// Reads a description, whose keys have been checked.
    /// # Errors
    /// [`SpecError`].
    pub fn read(fields: Fields<'_>) -> Result<Self, SpecError> {
        let chain_id = fields.text("chain_id").unwrap_or_default();
        // CometBFT's MaxChainIDLen: no genesis with a longer one is valid.
        let is_length = (1..=CHAIN_ID_BYTES_MAX).contains(&chain_id.len());
        if !is_length || chain_id.chars().any(char::is_control) {
            return Err(SpecError::ChainId { got: String::from(chain_id) });
        }
        let providers: Vec<String> = fields.texts("providers").into_iter().map(String::from).collect();
        let witnesses = providers.len().checked_sub(1).filter(|witnesses| *witnesses < PROVIDERS_MAX);
        let witnesses = witnesses.ok_or(SpecError::Providers { got: providers.len() })?;
        let wanted = fields.number("witnesses_min").unwrap_or(u64::from(witnesses > 0));
        let witnesses_min =
            u32::try_from(wanted).ok().filter(|min| usize::try_from(*min).is_ok_and(|min| min <= witnesses));
        Ok(Self {
            rules: rules(fields)?,
            trust: trust(fields.table("trust"), chain_id)?,
            mode: if fields.text("mode") == Some("sequential") { Mode::Sequential } else { Mode::Skipping },
            witnesses_min: witnesses_min.ok_or(SpecError::WitnessesMin { got: wanted, have: witnesses })?,
            chain_id: String::from(chain_id),
            providers,
        })
    }
}

/// Reads how long and how far is trusted, from a description or from the rules that a bundle is judged by.
pub(super) fn rules(fields: Fields<'_>) -> Result<Rules, SpecError> {
    let text = |name| String::from(fields.text(name).unwrap_or_default());
    let rules = Rules {
        trusting_period: fields.duration("trusting_period").unwrap_or(Rules::TRUSTING_PERIOD),
        trust_level: match fields.text("trust_level") {
            None => TrustLevel::ONE_THIRD,
            Some(got) => {
                TrustLevel::from_text(got).map_err(|why| SpecError::TrustLevel { got: String::from(got), why })?
            }
        },
        max_clock_drift: fields.duration("max_clock_drift").unwrap_or(Rules::MAX_CLOCK_DRIFT),
    };
    if rules.trusting_period.is_zero() {
        return Err(SpecError::TrustingPeriod { got: text("trusting_period") });
    }
    Ok(rules)
}

fn trust(fields: Option<Fields<'_>>, chain_id: &str) -> Result<Trust, SpecError> {
    let fields = fields.ok_or(SpecError::NoTrust { key: "trust" })?;
    let (height, hash) = match (fields.number("height"), fields.text("hash"), fields.text("checkpoint")) {
        (Some(height), Some(hash), None) => {
            let hash = text::hex_array(hash).map_err(|_| SpecError::Hash { got: String::from(hash) })?;
            (height, Hash(hash))
        }
        (None, None, Some(checkpoint)) => {
            let checkpoint = Checkpoint::from_text(checkpoint)?;
            if checkpoint.family != NAME {
                return Err(CheckpointError::OtherFamily { got: checkpoint.family, want: NAME }.into());
            }
            anchor_time(&checkpoint.anchor)?;
            if checkpoint.chain_id != chain_id {
                return Err(SpecError::OtherChain { got: checkpoint.chain_id, want: String::from(chain_id) });
            }
            (checkpoint.height, checkpoint.hash)
        }
        (_, _, Some(_)) => return Err(SpecError::TwoTrusts),
        (None, _, None) => return Err(SpecError::NoTrust { key: "trust.height" }),
        (_, None, None) => return Err(SpecError::NoTrust { key: "trust.hash" }),
    };
    if !(1..=HEIGHT_MAX).contains(&height) {
        return Err(SpecError::Height { got: height });
    }
    Ok(Trust { height, hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chains::ChainSpec;
    use alloc::string::ToString;
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    fn whole() -> Value {
        json!({
            "family": "tendermint", "chain_id": "c", "providers": ["http://a", "http://b"], "trusting_period": "168h",
            "trust": { "height": 5, "hash": "AB".repeat(32) },
        })
    }

    /// Checks what becomes of the whole description with one change, a merge as in RFC 7396.
    fn check(change: Value, want: Expect) {
        let mut json = whole();
        for (key, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(json.as_object_mut().unwrap().remove(key)),
                value => json[key] = value.clone(),
            }
        }
        want.assert_eq(&match ChainSpec::from_json(&json.to_string()) {
            Ok(spec) => alloc::format!("{spec:?}"),
            Err(error) => alloc::format!("{} {error}", error.pointer()),
        });
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let json = whole();
        let spec = Spec::read(Fields::checked(json.as_object().unwrap(), &[&[family::FAMILY], KEYS].concat()).unwrap())
            .unwrap();
        assert_eq!(spec.rules, Rules::default());
        assert_eq!((spec.mode, spec.witnesses_min, spec.trust.height), (Mode::Skipping, 1, 5));
    }

    #[test]
    fn each_error_names_its_key() {
        check(json!({ "providers": [] }), expect!["/providers providers is a list of 0, wanted 1 to 32 URLs"]);
        let many: Vec<String> = (0..33).map(|n| alloc::format!("http://a{n}")).collect();
        check(json!({ "providers": many }), expect!["/providers providers is a list of 33, wanted 1 to 32 URLs"]);
        let hash = "AB".repeat(32);
        check(
            json!({ "trust": { "height": 0, "hash": hash } }),
            expect!["/trust/height trust.height is 0, wanted a height from 1 to 9223372036854775807"],
        );
        check(
            json!({ "trust": { "height": 1_u64 << 63, "hash": hash } }),
            expect!["/trust/height trust.height is 9223372036854775808, wanted a height from 1 to 9223372036854775807"],
        );
        check(
            json!({ "trust": { "height": 5, "hash": "abc" } }),
            expect![[r#"/trust/hash trust.hash is "abc" (3 characters), wanted 64 hexadecimal digits"#]],
        );
        check(
            json!({ "trust": { "height": 5 } }),
            expect![[
                r#"/trust the key "trust.hash" is missing: a [trust] table with height and hash, or with checkpoint = "rushlight:1:…"; `rushlight init URL… -o FILE` writes one"#
            ]],
        );
        check(
            json!({ "trust": { "hash": hash } }),
            expect![[
                r#"/trust the key "trust.height" is missing: a [trust] table with height and hash, or with checkpoint = "rushlight:1:…"; `rushlight init URL… -o FILE` writes one"#
            ]],
        );
        check(
            json!({ "trust": {} }),
            expect![[
                r#"/trust the key "trust.height" is missing: a [trust] table with height and hash, or with checkpoint = "rushlight:1:…"; `rushlight init URL… -o FILE` writes one"#
            ]],
        );
        check(
            json!({ "trust": null }),
            expect![[
                r#"/trust the key "trust" is missing: a [trust] table with height and hash, or with checkpoint = "rushlight:1:…"; `rushlight init URL… -o FILE` writes one"#
            ]],
        );
        check(
            json!({ "trust": { "checkpoint": "x" } }),
            expect![[r#"/trust/checkpoint trust.checkpoint: checkpoint does not begin with "rushlight:1:""#]],
        );
        check(
            json!({ "trust": { "checkpoint": "x", "height": 5 } }),
            expect![
                "/trust/checkpoint trust.checkpoint is given with height or hash, wanted one of the two: which to trust is unclear"
            ],
        );
        check(
            json!({ "chain_id": "" }),
            expect![[r#"/chain_id chain_id is "", wanted the chain's id, 1 to 50 characters"#]],
        );
        check(
            json!({ "chain_id": "x".repeat(51) }),
            expect![[
                r#"/chain_id chain_id is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", wanted the chain's id, 1 to 50 characters"#
            ]],
        );
        check(
            json!({ "chain_id": "a\nb" }),
            expect![[r#"/chain_id chain_id is "a\nb", wanted the chain's id, 1 to 50 characters"#]],
        );
        check(
            json!({ "witnesses_min": 2 }),
            expect!["/witnesses_min witnesses_min is 2, but besides the primary there are 1 providers"],
        );
        check(
            json!({ "trusting_period": "0s" }),
            expect![[
                r#"/trusting_period trusting_period is "0s", wanted a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        check(
            json!({ "trusting_period": null }),
            expect![[
                r#"/trusting_period the key "trusting_period" is missing: a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        for level in ["1/4", "1/0", "4/3", "2", "0.5", ""] {
            let mut json = whole();
            json["trust_level"] = level.into();
            let error = ChainSpec::from_json(&json.to_string()).unwrap_err();
            assert_eq!(error.pointer(), "/trust_level", "{error}");
        }
        check(
            json!({ "trust_level": "1/4" }),
            expect![[
                r#"/trust_level trust_level is "1/4": trust level 1/4 is below 1/3, the least that is secure; wanted a fraction from "1/3" to "1""#
            ]],
        );
        check(
            json!({ "trustlevel": "1" }),
            expect![[r#"/trustlevel unknown key "trustlevel"; did you mean "trust_level"?"#]],
        );
        check(json!({ "family": "moon" }), expect![[r#"/family family is "moon", wanted one of ["tendermint"]"#]]);
        check(
            json!({ "family": "substrate" }),
            expect![[r#"/family family is "substrate", wanted one of ["tendermint"]"#]],
        );
        check(
            json!({ "family": null }),
            expect![[r#"/family the key "family" is missing: the chain's family, one of ["tendermint"]"#]],
        );
        check(
            json!({ "family": null, "famly": "tendermint" }),
            expect![[r#"/famly unknown key "famly"; did you mean "family"?"#]],
        );
    }

    #[test]
    fn a_trust_level_is_a_fraction_or_the_whole() {
        for level in ["1", "1/1", "2/3", "1/3"] {
            let mut json = whole();
            json["trust_level"] = level.into();
            ChainSpec::from_json(&json.to_string()).unwrap();
        }
    }
}
