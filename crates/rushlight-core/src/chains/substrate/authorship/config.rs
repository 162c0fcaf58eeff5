//! What the user says of a chain's consensus at genesis, where no runtime is run to ask it: `consensus.json`.

use super::aura::{AuraConfig, AuraScheme, AuraState};
use super::babe::{BabeAuthority, BabeConfig, BabeState, EpochConfig};
use super::{AuthorshipState, ConsensusConfig, Unchecked};
use crate::chains::substrate::header::authorities::AUTHORITIES_MAX;
use crate::chains::substrate::header::babe::AllowedSlots;
use crate::codec::text;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Deserialize;

/// The longest file that is read, in bytes.
pub const CONSENSUS_FILE_BYTES_MAX: usize = 16 << 20;

/// A chain's consensus at genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisConsensus {
    /// What the verifier of authorship must be told.
    pub config: ConsensusConfig,
    /// The state of authorship behind block 0.
    pub authorship: AuthorshipState,
    /// The first GRANDPA set, on a chain with GRANDPA.
    pub grandpa: Option<GrandpaGenesis>,
}

/// The first GRANDPA set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrandpaGenesis {
    /// Its id.
    pub set_id: u64,
    /// Keys and weights of its members.
    pub authorities: Vec<([u8; 32], u64)>,
}

/// Why a text does not tell a chain's consensus. The user's fault; each names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsensusFileError {
    /// Too long.
    #[error("consensus description has {got} bytes, at most {CONSENSUS_FILE_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of it.
        got: usize,
    },
    /// Not JSON of the expected shape.
    #[error("consensus description: {why}")]
    Shape {
        /// What is wrong where, in words.
        why: String,
    },
    /// A key is not 32 bytes of hex.
    #[error("{field}: {text:?} is not 0x and 64 hex digits")]
    Key {
        /// The field.
        field: &'static str,
        /// The text, cut.
        text: String,
    },
    /// Two engines author.
    #[error("babe and aura are both there; a chain has one of them")]
    TwoEngines,
    /// Too few or too many authorities.
    #[error("{field} has {got} authorities, wanted are 1 to {AUTHORITIES_MAX}")]
    Authorities {
        /// The field.
        field: &'static str,
        /// How many.
        got: usize,
    },
    /// A number that must not be 0 is.
    #[error("{field} is 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// `c` is no share.
    #[error("babe.c is {0}/{1}, wanted is a share of 1", c.0, c.1)]
    C {
        /// Numerator and denominator.
        c: (u64, u64),
    },
}

#[derive(Deserialize)]
struct RawConsensus {
    babe: Option<RawBabe>,
    aura: Option<RawAura>,
    grandpa: Option<RawGrandpa>,
}

#[derive(Deserialize)]
struct RawBabe {
    genesis_authorities: Vec<RawAuthority>,
    c: (u64, u64),
    allowed_slots: RawAllowedSlots,
    genesis_randomness: String,
    slot_duration_ms: Option<u64>,
    epoch_length: u64,
}

#[derive(Deserialize)]
enum RawAllowedSlots {
    #[serde(rename = "PrimarySlots")]
    Primary,
    #[serde(rename = "PrimaryAndSecondaryPlainSlots")]
    PrimaryAndSecondaryPlain,
    #[serde(rename = "PrimaryAndSecondaryVRFSlots")]
    PrimaryAndSecondaryVrf,
}

#[derive(Deserialize)]
struct RawAura {
    genesis_authorities: Vec<String>,
    slot_duration_ms: Option<u64>,
    scheme: Option<RawScheme>,
    #[serde(default)]
    equal_slots: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawScheme {
    Sr25519,
    Ed25519,
}

#[derive(Deserialize)]
struct RawGrandpa {
    #[serde(default)]
    genesis_set_id: u64,
    genesis_authorities: Vec<RawAuthority>,
}

#[derive(Deserialize)]
struct RawAuthority {
    key: String,
    weight: u64,
}

impl GenesisConsensus {
    /// Reads the JSON form: `{"babe":{…}}` or `{"aura":{…}}` or neither, and `"grandpa":{…}`; unknown members are passed
    /// over. `docs/formats/consensus.md` describes each.
    /// # Errors
    /// [`ConsensusFileError`].
    pub fn from_json(json: &str) -> Result<Self, ConsensusFileError> {
        if json.len() > CONSENSUS_FILE_BYTES_MAX {
            return Err(ConsensusFileError::TooLong { got: json.len() });
        }
        let shape = |error: serde_json::Error| ConsensusFileError::Shape { why: error.to_string() };
        let raw: RawConsensus = serde_json::from_str(json).map_err(shape)?;
        let grandpa = raw.grandpa.map(grandpa).transpose()?;
        let (config, authorship) = match (raw.babe, raw.aura) {
            (Some(_), Some(_)) => return Err(ConsensusFileError::TwoEngines),
            (Some(raw), None) => babe(raw)?,
            (None, Some(raw)) => aura(&raw)?,
            (None, None) => {
                let why = Unchecked::NoConfig;
                (ConsensusConfig::Unchecked(why), AuthorshipState::Unchecked(why))
            }
        };
        Ok(Self { config, authorship, grandpa })
    }
}

fn babe(raw: RawBabe) -> Result<(ConsensusConfig, AuthorshipState), ConsensusFileError> {
    let field = "babe.genesis_authorities";
    let authorities = authorities(field, &raw.genesis_authorities)?;
    let authorities = authorities.into_iter().map(|(key, weight)| BabeAuthority { key, weight }).collect();
    let randomness = key("babe.genesis_randomness", &raw.genesis_randomness)?;
    if raw.c.0 > raw.c.1 || raw.c.1 == 0 {
        return Err(ConsensusFileError::C { c: raw.c });
    }
    let allowed_slots = match raw.allowed_slots {
        RawAllowedSlots::Primary => AllowedSlots::Primary,
        RawAllowedSlots::PrimaryAndSecondaryPlain => AllowedSlots::PrimaryAndSecondaryPlain,
        RawAllowedSlots::PrimaryAndSecondaryVrf => AllowedSlots::PrimaryAndSecondaryVrf,
    };
    not_zero("babe.epoch_length", Some(raw.epoch_length))?;
    not_zero("babe.slot_duration_ms", raw.slot_duration_ms)?;
    let config = BabeConfig {
        slot_duration_ms: raw.slot_duration_ms,
        epoch_length: raw.epoch_length,
        rules: EpochConfig { c: raw.c, allowed_slots },
    };
    let state = BabeState::at_genesis(&config, authorities, randomness);
    Ok((ConsensusConfig::Babe(config), AuthorshipState::Babe(state)))
}

fn aura(raw: &RawAura) -> Result<(ConsensusConfig, AuthorshipState), ConsensusFileError> {
    let field = "aura.genesis_authorities";
    let got = raw.genesis_authorities.len();
    if got == 0 || got > AUTHORITIES_MAX {
        return Err(ConsensusFileError::Authorities { field, got });
    }
    let keys: Result<Vec<_>, _> = raw.genesis_authorities.iter().map(|text| key(field, text)).collect();
    not_zero("aura.slot_duration_ms", raw.slot_duration_ms)?;
    let scheme = match raw.scheme {
        Some(RawScheme::Sr25519) => AuraScheme::Sr25519,
        Some(RawScheme::Ed25519) => AuraScheme::Ed25519,
        None => AuraScheme::Either,
    };
    let config = AuraConfig { slot_duration_ms: raw.slot_duration_ms, scheme, equal_slots: raw.equal_slots };
    Ok((ConsensusConfig::Aura(config), AuthorshipState::Aura(AuraState::new(0, &keys?))))
}

fn grandpa(raw: RawGrandpa) -> Result<GrandpaGenesis, ConsensusFileError> {
    let authorities = authorities("grandpa.genesis_authorities", &raw.genesis_authorities)?;
    Ok(GrandpaGenesis { set_id: raw.genesis_set_id, authorities })
}

fn authorities(field: &'static str, raw: &[RawAuthority]) -> Result<Vec<([u8; 32], u64)>, ConsensusFileError> {
    let got = raw.len();
    if got == 0 || got > AUTHORITIES_MAX {
        return Err(ConsensusFileError::Authorities { field, got });
    }
    raw.iter().map(|authority| Ok((key(field, &authority.key)?, authority.weight))).collect()
}

fn key(field: &'static str, text: &str) -> Result<[u8; 32], ConsensusFileError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let shown = || text.chars().take(40).collect();
    text::hex_array(digits).map_err(|_| ConsensusFileError::Key { field, text: shown() })
}

fn not_zero(field: &'static str, number: Option<u64>) -> Result<(), ConsensusFileError> {
    if number == Some(0) { Err(ConsensusFileError::Zero { field }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(from: &str, to: &str) -> Result<GenesisConsensus, ConsensusFileError> {
        let key = "0x".to_string() + &"ab".repeat(32);
        let json = alloc::format!(
            r#"{{"note":"x","state_version":1,
            "babe":{{"genesis_authorities":[{{"key":"{key}","weight":3}}],"c":[1,4],"allowed_slots":"PrimarySlots",
                "genesis_randomness":"{key}","slot_duration_ms":2000,"epoch_length":10}},
            "grandpa":{{"genesis_set_id":7,"genesis_authorities":[{{"key":"{key}","weight":1}}]}}}}"#
        );
        assert!(json.contains(from), "{from}");
        GenesisConsensus::from_json(&json.replace(from, to))
    }

    #[test]
    fn what_is_told_is_taken_over() {
        let got = file("note", "note").unwrap();
        let ConsensusConfig::Babe(config) = got.config else { panic!("{got:?}") };
        assert_eq!((config.slot_duration_ms, config.epoch_length, config.rules.c), (Some(2_000), 10, (1, 4)));
        let AuthorshipState::Babe(state) = got.authorship else { panic!("no BABE state") };
        assert_eq!((state.slot(), state.primary_slots(), state.next_epoch()), (0, 0, None));
        let authority = BabeAuthority { key: [0xab; 32], weight: 3 };
        assert_eq!((&state.current_epoch().authorities[..], state.current_epoch().index), (&[authority][..], 0));
        assert_eq!(got.grandpa, Some(GrandpaGenesis { set_id: 7, authorities: [([0xab; 32], 1)].into() }));
        let none = GenesisConsensus::from_json("{}").unwrap();
        assert_eq!(none.config, ConsensusConfig::Unchecked(Unchecked::NoConfig));
        let aura = alloc::format!(r#"{{"aura":{{"genesis_authorities":["{}"],"equal_slots":true}}}}"#, "ab".repeat(32));
        let aura = GenesisConsensus::from_json(&aura).unwrap();
        let want = AuraConfig { slot_duration_ms: None, scheme: AuraScheme::Either, equal_slots: true };
        assert_eq!(aura.config, ConsensusConfig::Aura(want));
    }

    #[test]
    fn each_error_names_its_field() {
        for (from, to, want) in [
            ("\"c\":[1,4]", "\"c\":[5,4]", "babe.c is 5/4, wanted is a share of 1"),
            ("\"c\":[1,4]", "\"c\":[0,0]", "babe.c is 0/0, wanted is a share of 1"),
            ("2000", "0", "babe.slot_duration_ms is 0"),
            (":10", ":0", "babe.epoch_length is 0"),
            ("0xabab", "0xzz", "grandpa.genesis_authorities: \"0xzz"),
            (
                "\"note\"",
                "\"aura\":{\"genesis_authorities\":[]},\"note\"",
                "babe and aura are both there; a chain has one of them",
            ),
            (
                "\"babe\"",
                "\"aura\":{\"genesis_authorities\":[]},\"x\"",
                "aura.genesis_authorities has 0 authorities, wanted are 1 to ",
            ),
            ("PrimarySlots", "Any", "consensus description: unknown variant `Any`"),
        ] {
            let got = file(from, to).unwrap_err().to_string();
            assert!(got.starts_with(want), "{got}");
        }
        let zero = ConsensusFileError::Zero { field: "babe.slot_duration_ms" };
        assert_eq!(file("2000", "0"), Err(zero));
        let long = " ".repeat(CONSENSUS_FILE_BYTES_MAX + 1);
        let want = ConsensusFileError::TooLong { got: long.len() };
        assert_eq!(GenesisConsensus::from_json(&long), Err(want));
    }
}
