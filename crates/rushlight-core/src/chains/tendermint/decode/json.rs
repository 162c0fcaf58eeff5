//! The JSON of CometBFT's RPC, 0.34 to 1.x.
//!
//! Both spellings of what versions spell differently are taken (`parts`, `part_set_header`), numbers as text or as
//! numbers, hex in either case, a missing block id as `null` or as an empty one. Nothing is decided by the version that
//! a node says it has: 0.40.0 calls itself 0.39.0. Unknown members are skipped, doubled ones refused.

use super::{DecodeError, fields};
use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::{
    Address, BlockId, Commit, CommitSig, Header, LightBlock, Signature, VALIDATORS_MAX, Validator, ValidatorSet,
    Version,
};
use crate::codec::text;
use crate::crypto::KeyKind;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::Deserialize;
use serde::de::{self, Deserializer};

/// An integer written as JSON text or as a JSON number.
#[derive(Clone, Copy)]
struct Int(i128);

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

/// Text that is borrowed from the input where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct RawVersion {
    block: Option<Int>,
    app: Option<Int>,
}

#[derive(Deserialize)]
struct RawParts<'a> {
    total: Int,
    #[serde(borrow)]
    hash: Text<'a>,
}

#[derive(Deserialize)]
struct RawBlockId<'a> {
    #[serde(borrow)]
    hash: Text<'a>,
    #[serde(borrow, alias = "part_set_header")]
    parts: Option<RawParts<'a>>,
}

#[derive(Deserialize)]
struct RawHeader<'a> {
    version: RawVersion,
    #[serde(borrow)]
    chain_id: Text<'a>,
    height: Int,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    last_block_id: Option<RawBlockId<'a>>,
    #[serde(borrow)]
    last_commit_hash: Option<Text<'a>>,
    #[serde(borrow)]
    data_hash: Option<Text<'a>>,
    #[serde(borrow)]
    validators_hash: Text<'a>,
    #[serde(borrow)]
    next_validators_hash: Text<'a>,
    #[serde(borrow)]
    consensus_hash: Option<Text<'a>>,
    #[serde(borrow)]
    app_hash: Option<Text<'a>>,
    #[serde(borrow)]
    last_results_hash: Option<Text<'a>>,
    #[serde(borrow)]
    evidence_hash: Option<Text<'a>>,
    #[serde(borrow)]
    proposer_address: Text<'a>,
}

#[derive(Deserialize)]
struct RawCommitSig<'a> {
    block_id_flag: Int,
    #[serde(borrow)]
    validator_address: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawCommit<'a> {
    height: Int,
    round: Int,
    #[serde(borrow)]
    block_id: RawBlockId<'a>,
    #[serde(borrow)]
    signatures: Option<Vec<RawCommitSig<'a>>>,
}

#[derive(Deserialize)]
struct RawSignedHeader<'a> {
    #[serde(borrow)]
    header: Option<RawHeader<'a>>,
    #[serde(borrow)]
    commit: Option<RawCommit<'a>>,
}

#[derive(Deserialize)]
struct RawKey<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Deserialize)]
struct RawValidator<'a> {
    #[serde(borrow)]
    address: Option<Text<'a>>,
    #[serde(borrow)]
    pub_key: RawKey<'a>,
    #[serde(alias = "power")]
    voting_power: Int,
}

#[derive(Deserialize)]
struct RawValidatorSet<'a> {
    #[serde(borrow)]
    validators: Vec<RawValidator<'a>>,
}

#[derive(Deserialize)]
struct RawLightBlock<'a> {
    #[serde(borrow)]
    signed_header: RawSignedHeader<'a>,
    #[serde(borrow)]
    validator_set: RawValidatorSet<'a>,
}

#[derive(Deserialize)]
struct RawCommitAnswer<'a> {
    #[serde(borrow)]
    signed_header: RawSignedHeader<'a>,
}

#[derive(Deserialize)]
struct RawHeaderAnswer<'a> {
    #[serde(borrow)]
    header: Option<RawHeader<'a>>,
}

#[derive(Deserialize)]
struct RawBlockMeta<'a> {
    #[serde(borrow)]
    header: RawHeader<'a>,
}

#[derive(Deserialize)]
struct RawBlockchainAnswer<'a> {
    #[serde(borrow)]
    block_metas: Vec<RawBlockMeta<'a>>,
}

#[derive(Deserialize)]
struct RawValidatorsAnswer<'a> {
    block_height: Int,
    #[serde(borrow)]
    validators: Vec<RawValidator<'a>>,
    total: Option<Int>,
}

#[derive(Deserialize)]
struct RawNodeInfo<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    network: Text<'a>,
}

#[derive(Deserialize)]
struct RawSyncInfo<'a> {
    latest_block_height: Int,
    earliest_block_height: Option<Int>,
    #[serde(borrow)]
    latest_block_time: Text<'a>,
    catching_up: Option<bool>,
}

#[derive(Deserialize)]
struct RawStatus<'a> {
    #[serde(borrow)]
    node_info: RawNodeInfo<'a>,
    #[serde(borrow)]
    sync_info: RawSyncInfo<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct RawAnswer<'a, T> {
    result: Option<T>,
    #[serde(borrow)]
    error: Option<RawError<'a>>,
}

#[derive(Deserialize)]
struct RawError<'a> {
    code: Int,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a serde_json::value::RawValue>,
}

/// An answer of a node that is not an answer: a JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node answered with error {code}: {message}")]
pub struct NodeError {
    /// The JSON-RPC error code.
    pub code: i64,
    /// Message and detail, cut to 300 characters.
    pub message: String,
}

/// What a node answered.
pub type Answered<T> = Result<T, NodeError>;

/// One page of `/validators`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorsPage {
    /// The height that the set signs.
    pub height: u64,
    /// The members on this page, in the node's order.
    pub validators: Vec<Validator>,
    /// How many there are on all pages.
    pub total: usize,
}

/// What `/status` says; nothing of it can be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node's p2p id.
    pub node_id: String,
    /// The chain's id.
    pub chain_id: String,
    /// The highest block it has.
    pub latest_height: u64,
    /// The time of that block.
    pub latest_time: UnixTime,
    /// The lowest block it has.
    pub earliest_height: u64,
    /// Whether it is still syncing itself.
    pub catching_up: bool,
}

fn read<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Json {
        what,
        line: error.line(),
        column: error.column(),
    })
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn answer<'a, T: Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<Answered<T>, DecodeError> {
    let raw: RawAnswer<'a, T> = read(what, body)?;
    match (raw.result, raw.error) {
        (_, Some(error)) => {
            let message = error.message.as_ref().map_or("", |text| &text.0);
            let detail = error.data.map_or("", |data| data.get());
            let message = cut(&alloc::format!("{message} {detail}"), 300);
            Ok(Err(NodeError { code: i64::try_from(error.code.0).unwrap_or(0), message }))
        }
        (Some(result), None) => Ok(Ok(result)),
        (None, None) => Err(DecodeError::Missing { field: "result" }),
    }
}

/// Reads the answer to `/commit`.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn commit_answer(body: &[u8]) -> Result<Answered<(Header, Commit)>, DecodeError> {
    answer::<RawCommitAnswer<'_>>("commit", body)?
        .map_or_else(|error| Ok(Err(error)), |raw| signed_header(raw.signed_header).map(Ok))
}

/// Reads the answer to `/header`.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn header_answer(body: &[u8]) -> Result<Answered<Header>, DecodeError> {
    answer::<RawHeaderAnswer<'_>>("header", body)?.map_or_else(
        |error| Ok(Err(error)),
        |raw| header(raw.header.ok_or(DecodeError::Missing { field: "header" })?).map(Ok),
    )
}

/// The most headers that one answer to `/blockchain` holds: nodes give 20.
pub const BLOCK_METAS_MAX: usize = 100;

/// Reads the headers in the answer to `/blockchain`, in the node's order (descending heights).
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn blockchain_answer(body: &[u8]) -> Result<Answered<Vec<Header>>, DecodeError> {
    let raw = match answer::<RawBlockchainAnswer<'_>>("blockchain", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    let got = raw.block_metas.len();
    if got > BLOCK_METAS_MAX {
        return Err(DecodeError::TooMany { field: "block_metas", got, max: BLOCK_METAS_MAX });
    }
    raw.block_metas.into_iter().map(|meta| header(meta.header)).collect::<Result<_, _>>().map(Ok)
}

/// Reads one page of the answer to `/validators`.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn validators_answer(body: &[u8]) -> Result<Answered<ValidatorsPage>, DecodeError> {
    let raw = match answer::<RawValidatorsAnswer<'_>>("validators", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    let height = fields::height("block_height", raw.block_height.0)?;
    let validators = validators(raw.validators)?;
    let total = match raw.total {
        None => validators.len(),
        Some(total) => usize::try_from(total.0)
            .ok()
            .filter(|total| *total <= VALIDATORS_MAX)
            .ok_or(DecodeError::Range { field: "total", got: total.0, want: "0 to 10000" })?,
    };
    Ok(Ok(ValidatorsPage { height, validators, total }))
}

/// Reads the answer to `/status`.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn status_answer(body: &[u8]) -> Result<Answered<NodeStatus>, DecodeError> {
    let raw = match answer::<RawStatus<'_>>("status", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    let latest_height = fields::height("latest_block_height", raw.sync_info.latest_block_height.0)?;
    let earliest_height = match raw.sync_info.earliest_block_height {
        // Old nodes do not say; a node before its first block says 0.
        None | Some(Int(0)) => 1,
        Some(earliest) => fields::height("earliest_block_height", earliest.0)?,
    };
    Ok(Ok(NodeStatus {
        node_id: cut(&raw.node_info.id.0, 64),
        chain_id: cut(&raw.node_info.network.0, 64),
        latest_height,
        latest_time: time("latest_block_time", &raw.sync_info.latest_block_time.0)?,
        earliest_height,
        catching_up: raw.sync_info.catching_up.unwrap_or(false),
    }))
}

/// Reads a light block: `{signed_header: {header, commit}, validator_set: {validators}}`, the set in canonical order.
/// # Errors
/// [`DecodeError`].
pub fn light_block(bytes: &[u8]) -> Result<LightBlock, DecodeError> {
    let raw: RawLightBlock<'_> = read("light block", bytes)?;
    let (header, commit) = signed_header(raw.signed_header)?;
    let validators = ValidatorSet::from_sorted(validators(raw.validator_set.validators)?)?;
    Ok(LightBlock { header, commit, validators: Arc::new(validators) })
}

/// Reads a signed header: `{header, commit}`.
/// # Errors
/// [`DecodeError`].
pub fn signed_header_value(bytes: &[u8]) -> Result<(Header, Commit), DecodeError> {
    signed_header(read("signed header", bytes)?)
}

/// Reads a validator set `{validators: […]}`, in canonical order.
/// # Errors
/// [`DecodeError`].
pub fn validator_set(bytes: &[u8]) -> Result<ValidatorSet, DecodeError> {
    let raw: RawValidatorSet<'_> = read("validator set", bytes)?;
    Ok(ValidatorSet::from_sorted(validators(raw.validators)?)?)
}

fn signed_header(raw: RawSignedHeader<'_>) -> Result<(Header, Commit), DecodeError> {
    let header = header(raw.header.ok_or(DecodeError::Missing { field: "signed_header.header" })?)?;
    let commit = commit(raw.commit.ok_or(DecodeError::Missing { field: "signed_header.commit" })?)?;
    Ok((header, commit))
}

fn time(field: &'static str, text: &str) -> Result<UnixTime, DecodeError> {
    UnixTime::from_rfc3339(text).map_err(|why| DecodeError::Time { field, why })
}

fn hash(field: &'static str, text: &str) -> Result<Hash, DecodeError> {
    text::hex_array(text).map(Hash).map_err(|why| DecodeError::Text { field, why })
}

fn optional_hash(field: &'static str, raw: &Option<Text<'_>>) -> Result<Option<Hash>, DecodeError> {
    match raw.as_ref().map_or("", |text| &text.0) {
        "" => Ok(None),
        text => hash(field, text).map(Some),
    }
}

fn uint(field: &'static str, raw: Option<Int>) -> Result<u64, DecodeError> {
    let got = raw.map_or(0, |int| int.0);
    u64::try_from(got).map_err(|_| DecodeError::Range { field, got, want: "0 to 18446744073709551615" })
}

fn block_id(field: &'static str, raw: &RawBlockId<'_>) -> Result<Option<BlockId>, DecodeError> {
    let bytes = |text: &str| text::hex(text).map_err(|why| DecodeError::Text { field, why });
    let (total, parts) = match &raw.parts {
        None => (0, Vec::new()),
        Some(parts) => (parts.total.0, bytes(&parts.hash.0)?),
    };
    fields::block_id(field, &bytes(&raw.hash.0)?, total, &parts)
}

fn header(raw: RawHeader<'_>) -> Result<Header, DecodeError> {
    fields::chain_id(&raw.chain_id.0)?;
    let app_hash = raw.app_hash.as_ref().map_or("", |text| &text.0);
    let app_hash = text::hex(app_hash).map_err(|why| DecodeError::Text { field: "header.app_hash", why })?;
    fields::app_hash(&app_hash)?;
    let proposer = text::hex_array(&raw.proposer_address.0)
        .map_err(|why| DecodeError::Text { field: "header.proposer_address", why })?;
    Ok(Header {
        version: Version {
            block: uint("header.version.block", raw.version.block)?,
            app: uint("header.version.app", raw.version.app)?,
        },
        height: fields::height("header.height", raw.height.0)?,
        time: time("header.time", &raw.time.0)?,
        last_block_id: match &raw.last_block_id {
            None => None,
            Some(id) => block_id("header.last_block_id", id)?,
        },
        last_commit_hash: optional_hash("header.last_commit_hash", &raw.last_commit_hash)?,
        data_hash: optional_hash("header.data_hash", &raw.data_hash)?,
        validators_hash: hash("header.validators_hash", &raw.validators_hash.0)?,
        next_validators_hash: hash("header.next_validators_hash", &raw.next_validators_hash.0)?,
        consensus_hash: optional_hash("header.consensus_hash", &raw.consensus_hash)?,
        app_hash,
        last_results_hash: optional_hash("header.last_results_hash", &raw.last_results_hash)?,
        evidence_hash: optional_hash("header.evidence_hash", &raw.evidence_hash)?,
        proposer_address: Address(proposer),
        chain_id: raw.chain_id.0.into_owned(),
    })
}

fn commit(raw: RawCommit<'_>) -> Result<Commit, DecodeError> {
    let raw_signatures = raw.signatures.unwrap_or_default();
    if raw_signatures.len() > VALIDATORS_MAX {
        let got = raw_signatures.len();
        return Err(DecodeError::TooMany { field: "commit.signatures", got, max: VALIDATORS_MAX });
    }
    let mut signatures = Vec::with_capacity(raw_signatures.len());
    for (index, raw) in raw_signatures.iter().enumerate() {
        signatures.push(commit_sig(index, raw)?);
    }
    Ok(Commit {
        height: fields::height("commit.height", raw.height.0)?,
        round: fields::round(raw.round.0)?,
        block_id: block_id("commit.block_id", &raw.block_id)?
            .ok_or(DecodeError::BlockId { field: "commit.block_id" })?,
        signatures,
    })
}

fn commit_sig(index: usize, raw: &RawCommitSig<'_>) -> Result<CommitSig, DecodeError> {
    let as_text = |text: &Option<Text<'_>>| text.as_ref().map_or("", |text| &text.0).to_string();
    let field = "commit.signatures.validator_address";
    let buffer: [u8; 20];
    let address: &[u8] = match raw.validator_address.as_ref().map_or("", |text| &text.0) {
        "" => &[],
        text => {
            buffer = text::hex_array(text).map_err(|why| DecodeError::Text { field, why })?;
            &buffer
        }
    };
    let timestamp = match &raw.timestamp {
        None => None,
        Some(text) => Some(time("commit.signatures.timestamp", &text.0)?),
    };
    let field = "commit.signatures.signature";
    let signature = match &raw.signature {
        Some(text) if text.0.len() == 88 => match text::base64_array::<64>(&text.0) {
            Ok(bytes) => Signature::Bytes64(bytes),
            // 88 characters may also hold 65 or 66 bytes.
            Err(_) => Signature::from_bytes(&text::base64(&text.0).map_err(|why| DecodeError::Text { field, why })?),
        },
        other => Signature::from_bytes(&text::base64(&as_text(other)).map_err(|why| DecodeError::Text { field, why })?),
    };
    let flag = i64::try_from(raw.block_id_flag.0).unwrap_or(i64::MAX);
    fields::commit_sig(index, fields::RawSig { flag, address, timestamp, signature })
}

fn validators(raw: Vec<RawValidator<'_>>) -> Result<Vec<Validator>, DecodeError> {
    if raw.len() > VALIDATORS_MAX {
        return Err(DecodeError::TooMany { field: "validators", got: raw.len(), max: VALIDATORS_MAX });
    }
    raw.iter().enumerate().map(|(index, raw)| validator(index, raw)).collect()
}

fn key_kind(tag: &str) -> Result<KeyKind, DecodeError> {
    match tag {
        "tendermint/PubKeyEd25519" => Ok(KeyKind::Ed25519),
        "tendermint/PubKeySecp256k1" => Ok(KeyKind::Secp256k1),
        "tendermint/PubKeySecp256k1eth" => Ok(KeyKind::Secp256k1Eth),
        "cometbft/PubKeyMlDsa65" => Ok(KeyKind::MlDsa65),
        "cometbft/PubKeyBls12_381" => Err(DecodeError::Bls),
        other => Err(DecodeError::KeyType { got: cut(other, 40) }),
    }
}

fn validator(index: usize, raw: &RawValidator<'_>) -> Result<Validator, DecodeError> {
    let kind = key_kind(&raw.pub_key.kind.0)?;
    let text_error = |why| DecodeError::Text { field: "validator.pub_key", why };
    let claimed: Option<[u8; 20]> = match raw.address.as_ref().map_or("", |text| &text.0) {
        "" => None,
        text => Some(text::hex_array(text).map_err(|why| DecodeError::Text { field: "validator.address", why })?),
    };
    let claimed = claimed.as_ref().map(|address| address.as_slice());
    let power = fields::power(raw.voting_power.0)?;
    if kind == KeyKind::Ed25519 {
        let key: [u8; 32] = text::base64_array(&raw.pub_key.value.0).map_err(text_error)?;
        return fields::validator(index, kind, &key, claimed, power);
    }
    fields::validator(index, kind, &text::base64(&raw.pub_key.value.0).map_err(text_error)?, claimed, power)
}
