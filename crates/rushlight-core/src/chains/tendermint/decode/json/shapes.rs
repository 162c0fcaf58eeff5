//! The JSON as it stands: both spellings, text borrowed from the input, nothing judged yet.

use super::BLOCK_METAS_MAX;
use crate::chains::tendermint::types::{PUBLIC_KEY_TYPES_MAX, VALIDATORS_MAX};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use serde::Deserialize;
use serde::de::{self, Deserializer};

/// An integer written as JSON text or as a JSON number.
#[derive(Clone, Copy)]
pub(super) struct Int(pub(super) i128);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer, as a number or as text")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Int, E> {
                Ok(Int(i128::from(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Int, E> {
                Ok(Int(i128::from(value)))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Int, E> {
                let digits = value.strip_prefix('-').unwrap_or(value);
                if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(E::invalid_value(de::Unexpected::Str(value), &self));
                }
                value.parse().map(Int).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The first `MAX` entries of a list, and how many there are. What is beyond the bound is skipped, not held: tiny entries
/// would take many times the memory of their text.
pub(super) struct Bounded<T, const MAX: usize> {
    pub(super) entries: Vec<T>,
    pub(super) count: usize,
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Visitor<T, MAX> {
            type Value = Bounded<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while entries.len() < MAX {
                    match list.next_element()? {
                        Some(entry) => entries.push(entry),
                        None => break,
                    }
                }
                let mut count = entries.len();
                while list.next_element::<de::IgnoredAny>()?.is_some() {
                    count = count.saturating_add(1);
                }
                Ok(Bounded { entries, count })
            }
        }
        deserializer.deserialize_seq(Visitor(PhantomData))
    }
}

/// Text that is borrowed from the input where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[derive(Deserialize)]
pub(super) struct RawVersion {
    pub(super) block: Option<Int>,
    pub(super) app: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawParts<'a> {
    pub(super) total: Int,
    #[serde(borrow)]
    pub(super) hash: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawBlockId<'a> {
    #[serde(borrow)]
    pub(super) hash: Text<'a>,
    #[serde(borrow, alias = "part_set_header")]
    pub(super) parts: Option<RawParts<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawHeader<'a> {
    pub(super) version: RawVersion,
    #[serde(borrow)]
    pub(super) chain_id: Text<'a>,
    pub(super) height: Int,
    #[serde(borrow)]
    pub(super) time: Text<'a>,
    #[serde(borrow)]
    pub(super) last_block_id: Option<RawBlockId<'a>>,
    #[serde(borrow)]
    pub(super) last_commit_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) validators_hash: Text<'a>,
    #[serde(borrow)]
    pub(super) next_validators_hash: Text<'a>,
    #[serde(borrow)]
    pub(super) consensus_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) app_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) last_results_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) evidence_hash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) proposer_address: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawCommitSig<'a> {
    pub(super) block_id_flag: Int,
    #[serde(borrow)]
    pub(super) validator_address: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawCommit<'a> {
    pub(super) height: Int,
    pub(super) round: Int,
    #[serde(borrow)]
    pub(super) block_id: RawBlockId<'a>,
    #[serde(borrow)]
    pub(super) signatures: Option<Bounded<RawCommitSig<'a>, VALIDATORS_MAX>>,
}

#[derive(Deserialize)]
pub(super) struct RawSignedHeader<'a> {
    #[serde(borrow)]
    pub(super) header: Option<RawHeader<'a>>,
    #[serde(borrow)]
    pub(super) commit: Option<RawCommit<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawKey<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) value: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawValidator<'a> {
    #[serde(borrow)]
    pub(super) address: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) pub_key: RawKey<'a>,
    #[serde(alias = "power")]
    pub(super) voting_power: Int,
    pub(super) proposer_priority: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawValidatorSet<'a> {
    #[serde(borrow)]
    pub(super) validators: Bounded<RawValidator<'a>, VALIDATORS_MAX>,
}

#[derive(Deserialize)]
pub(super) struct RawLightBlock<'a> {
    #[serde(borrow)]
    pub(super) signed_header: RawSignedHeader<'a>,
    #[serde(borrow)]
    pub(super) validator_set: RawValidatorSet<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawCommitAnswer<'a> {
    #[serde(borrow)]
    pub(super) signed_header: RawSignedHeader<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawHeaderAnswer<'a> {
    #[serde(borrow)]
    pub(super) header: Option<RawHeader<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawBlockMeta<'a> {
    #[serde(borrow)]
    pub(super) block_id: Option<RawBlockId<'a>>,
    pub(super) block_size: Option<Int>,
    pub(super) num_txs: Option<Int>,
    #[serde(borrow)]
    pub(super) header: RawHeader<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawBlockchainAnswer<'a> {
    #[serde(borrow)]
    pub(super) block_metas: Bounded<RawBlockMeta<'a>, BLOCK_METAS_MAX>,
}

#[derive(Deserialize)]
pub(super) struct RawValidatorsAnswer<'a> {
    pub(super) block_height: Int,
    #[serde(borrow)]
    pub(super) validators: Bounded<RawValidator<'a>, VALIDATORS_MAX>,
    pub(super) total: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawBlockParams {
    pub(super) max_bytes: Int,
    pub(super) max_gas: Int,
}

#[derive(Deserialize)]
pub(super) struct RawEvidenceParams {
    pub(super) max_age_num_blocks: Int,
    pub(super) max_age_duration: Int,
    /// Nodes before 0.34 do not have it.
    pub(super) max_bytes: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawValidatorParams<'a> {
    #[serde(borrow)]
    pub(super) pub_key_types: Bounded<Text<'a>, PUBLIC_KEY_TYPES_MAX>,
}

/// Members spelled `app_version` before 0.37, and left out when 0.
#[derive(Deserialize)]
pub(super) struct RawAppVersion {
    #[serde(alias = "app_version")]
    pub(super) app: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawAbciParams {
    pub(super) vote_extensions_enable_height: Option<Int>,
}

#[derive(Deserialize)]
pub(super) struct RawAuthorityParams<'a> {
    #[serde(borrow)]
    pub(super) authority: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawConsensusParams<'a> {
    pub(super) block: RawBlockParams,
    pub(super) evidence: RawEvidenceParams,
    #[serde(borrow)]
    pub(super) validator: RawValidatorParams<'a>,
    pub(super) version: Option<RawAppVersion>,
    pub(super) abci: Option<RawAbciParams>,
    #[serde(borrow)]
    pub(super) authority: Option<RawAuthorityParams<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawConsensusParamsAnswer<'a> {
    pub(super) block_height: Int,
    #[serde(borrow)]
    pub(super) consensus_params: RawConsensusParams<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawNodeInfo<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) network: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawSyncInfo<'a> {
    pub(super) latest_block_height: Int,
    pub(super) earliest_block_height: Option<Int>,
    #[serde(borrow)]
    pub(super) latest_block_time: Text<'a>,
    pub(super) catching_up: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct RawStatus<'a> {
    #[serde(borrow)]
    pub(super) node_info: RawNodeInfo<'a>,
    #[serde(borrow)]
    pub(super) sync_info: RawSyncInfo<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct RawAnswer<'a, T> {
    pub(super) result: Option<T>,
    #[serde(borrow)]
    pub(super) error: Option<RawError<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawError<'a> {
    pub(super) code: Int,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<&'a serde_json::value::RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_bound_is_counted_and_not_held() {
        let list: Bounded<u8, 3> = serde_json::from_str("[1, 2, 3, 4, {}, \"6\"]").unwrap();
        assert_eq!((list.entries, list.count), (alloc::vec![1, 2, 3], 6));
        let list: Bounded<u8, 3> = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!((list.entries, list.count), (alloc::vec![1, 2], 2));
        assert!(serde_json::from_str::<Bounded<u8, 3>>("[1, 2, 3, 4").is_err());
    }
}
