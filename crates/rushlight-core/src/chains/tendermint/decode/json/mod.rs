//! The JSON of CometBFT's RPC, 0.34 to 1.x.
//!
//! Both spellings of what versions spell differently are taken (`parts`, `part_set_header`), numbers as text or as
//! numbers, hex in either case, a missing block id as `null` or as an empty one. Nothing is decided by the version that
//! a node says it has: 0.40.0 calls itself 0.39.0. Unknown members are skipped, doubled ones refused.

mod convert;
mod shapes;

use self::convert::{block_meta, consensus_params, header, int, signed_header, time, validators, within};
use self::shapes::{
    Int, RawAnswer, RawBlockchainAnswer, RawCommitAnswer, RawConsensusParamsAnswer, RawHeaderAnswer, RawLightBlock,
    RawStatus, RawValidator, RawValidatorSet, RawValidatorsAnswer,
};
use super::{DecodeError, fields};
use crate::base::UnixTime;
use crate::chains::tendermint::types::{
    BlockId, Commit, ConsensusParams, Header, LightBlock, VALIDATORS_MAX, Validator, ValidatorSet,
};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::Deserialize;

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
    /// The proposer priority of each, which no hash covers; 0 where the node does not say.
    pub priorities: Vec<i64>,
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
    /// The highest block it has; 0 when it has none yet.
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

/// Returns the beginning of what a provider says, for people to read: without control characters, which could steer their
/// terminal.
pub(super) fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
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

/// Reads the answer to `/header_by_hash`; `None` where the node has no such header.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn header_by_hash_answer(body: &[u8]) -> Result<Answered<Option<Header>>, DecodeError> {
    let raw = match answer::<RawHeaderAnswer<'_>>("header_by_hash", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    raw.header.map(header).transpose().map(Ok)
}

/// The most headers that one answer to `/blockchain` holds: nodes give 20.
pub const BLOCK_METAS_MAX: usize = 100;

/// What `/blockchain` says of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockMeta {
    /// The header.
    pub header: Header,
    /// The block's id; its part set stands in no hash of this header, only in the next one and in commits.
    pub id: Option<BlockId>,
    /// Bytes of the block, which no hash covers; -1 where the node does not know or say.
    pub size: i64,
    /// Transactions of the block, which no hash covers without them; -1 where the node does not know or say.
    pub txs: i64,
}

/// Reads the answer to `/blockchain`, in the node's order (descending heights).
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn block_metas_answer(body: &[u8]) -> Result<Answered<Vec<BlockMeta>>, DecodeError> {
    let raw = match answer::<RawBlockchainAnswer<'_>>("blockchain", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    within("block_metas", raw.block_metas)?.into_iter().map(block_meta).collect::<Result<_, _>>().map(Ok)
}

/// Reads the headers in the answer to `/blockchain`, in the node's order (descending heights).
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn blockchain_answer(body: &[u8]) -> Result<Answered<Vec<Header>>, DecodeError> {
    Ok(block_metas_answer(body)?.map(|metas| metas.into_iter().map(|meta| meta.header).collect()))
}

/// Reads the answer to `/consensus_params`: the height, and the parameters in force there.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn consensus_params_answer(body: &[u8]) -> Result<Answered<(u64, ConsensusParams)>, DecodeError> {
    let raw = match answer::<RawConsensusParamsAnswer<'_>>("consensus_params", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    let height = fields::height("block_height", raw.block_height.0)?;
    Ok(Ok((height, consensus_params(raw.consensus_params)?)))
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
    let priority = |raw: &RawValidator<'_>| int("validator.proposer_priority", raw.proposer_priority.unwrap_or(Int(0)));
    let priorities = raw.validators.entries.iter().map(priority).collect::<Result<_, _>>()?;
    let validators = validators(raw.validators)?;
    let total = match raw.total {
        None => validators.len(),
        Some(total) => usize::try_from(total.0)
            .ok()
            .filter(|total| *total <= VALIDATORS_MAX)
            .ok_or(DecodeError::Range { field: "total", got: total.0, want: "0 to 10000" })?,
    };
    Ok(Ok(ValidatorsPage { height, validators, priorities, total }))
}

/// Reads the answer to `/status`.
/// # Errors
/// [`DecodeError`]; the inner result is the node's own error.
pub fn status_answer(body: &[u8]) -> Result<Answered<NodeStatus>, DecodeError> {
    let raw = match answer::<RawStatus<'_>>("status", body)? {
        Err(error) => return Ok(Err(error)),
        Ok(raw) => raw,
    };
    // A node that has no block yet, because it starts anew, says 0: it is behind, not lying.
    let latest_height = match raw.sync_info.latest_block_height {
        Int(0) => 0,
        latest => fields::height("latest_block_height", latest.0)?,
    };
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
