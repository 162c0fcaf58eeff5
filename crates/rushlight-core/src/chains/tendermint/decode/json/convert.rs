//! From the JSON as it stands to well-formed values.

use super::super::{DecodeError, fields};
use super::shapes::{
    Bounded, Int, RawBlockId, RawBlockMeta, RawCommit, RawCommitSig, RawConsensusParams, RawHeader, RawSignedHeader,
    RawValidator, Text,
};
use super::{BlockMeta, cut};
use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::{
    Address, BlockId, Commit, CommitSig, ConsensusParams, Header, PARAM_TEXT_BYTES_MAX, Signature, VALIDATORS_MAX,
    Validator, Version,
};
use crate::codec::text;
use crate::crypto::KeyKind;
use alloc::string::ToString;
use alloc::vec::Vec;

pub(super) fn signed_header(raw: RawSignedHeader<'_>) -> Result<(Header, Commit), DecodeError> {
    let header = header(raw.header.ok_or(DecodeError::Missing { field: "signed_header.header" })?)?;
    let commit = commit(raw.commit.ok_or(DecodeError::Missing { field: "signed_header.commit" })?)?;
    Ok((header, commit))
}

pub(super) fn time(field: &'static str, text: &str) -> Result<UnixTime, DecodeError> {
    UnixTime::from_rfc3339(text).map_err(|why| DecodeError::Time { field, why })
}

pub(super) fn hash(field: &'static str, text: &str) -> Result<Hash, DecodeError> {
    text::hex_array(text).map(Hash).map_err(|why| DecodeError::Text { field, why })
}

pub(super) fn optional_hash(field: &'static str, raw: &Option<Text<'_>>) -> Result<Option<Hash>, DecodeError> {
    match raw.as_ref().map_or("", |text| &text.0) {
        "" => Ok(None),
        text => hash(field, text).map(Some),
    }
}

pub(super) fn uint(field: &'static str, raw: Option<Int>) -> Result<u64, DecodeError> {
    let got = raw.map_or(0, |int| int.0);
    u64::try_from(got).map_err(|_| DecodeError::Range { field, got, want: "0 to 18446744073709551615" })
}

pub(super) fn block_id(field: &'static str, raw: &RawBlockId<'_>) -> Result<Option<BlockId>, DecodeError> {
    let bytes = |text: &str| text::hex(text).map_err(|why| DecodeError::Text { field, why });
    let (total, parts) = match &raw.parts {
        None => (0, Vec::new()),
        Some(parts) => (parts.total.0, bytes(&parts.hash.0)?),
    };
    fields::block_id(field, &bytes(&raw.hash.0)?, total, &parts)
}

pub(super) fn header(raw: RawHeader<'_>) -> Result<Header, DecodeError> {
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

pub(super) fn commit(raw: RawCommit<'_>) -> Result<Commit, DecodeError> {
    let raw_signatures = match raw.signatures {
        None => Vec::new(),
        Some(signatures) => within("commit.signatures", signatures)?,
    };
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

pub(super) fn commit_sig(index: usize, raw: &RawCommitSig<'_>) -> Result<CommitSig, DecodeError> {
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

/// Returns the entries of a list that keeps its bound.
pub(super) fn within<T, const MAX: usize>(field: &'static str, list: Bounded<T, MAX>) -> Result<Vec<T>, DecodeError> {
    if list.count > MAX {
        return Err(DecodeError::TooMany { field, got: list.count, max: MAX });
    }
    Ok(list.entries)
}

pub(super) fn validators(raw: Bounded<RawValidator<'_>, VALIDATORS_MAX>) -> Result<Vec<Validator>, DecodeError> {
    within("validators", raw)?.iter().enumerate().map(|(index, raw)| validator(index, raw)).collect()
}

pub(super) fn block_meta(raw: RawBlockMeta<'_>) -> Result<BlockMeta, DecodeError> {
    let unsaid = Int(-1);
    Ok(BlockMeta {
        id: match &raw.block_id {
            None => None,
            Some(id) => block_id("block_metas.block_id", id)?,
        },
        size: int("block_metas.block_size", raw.block_size.unwrap_or(unsaid))?,
        txs: int("block_metas.num_txs", raw.num_txs.unwrap_or(unsaid))?,
        header: header(raw.header)?,
    })
}

pub(super) fn consensus_params(raw: RawConsensusParams<'_>) -> Result<ConsensusParams, DecodeError> {
    let text = |field: &'static str, text: &Text<'_>| {
        let got = text.0.len();
        let is_within = got <= PARAM_TEXT_BYTES_MAX;
        is_within.then(|| text.0.to_string()).ok_or(DecodeError::TooMany { field, got, max: PARAM_TEXT_BYTES_MAX })
    };
    let field = "consensus_params.validator.pub_key_types";
    let types = within(field, raw.validator.pub_key_types)?;
    Ok(ConsensusParams {
        block_bytes_max: int("consensus_params.block.max_bytes", raw.block.max_bytes)?,
        block_gas_max: int("consensus_params.block.max_gas", raw.block.max_gas)?,
        evidence_age_blocks_max: int("consensus_params.evidence.max_age_num_blocks", raw.evidence.max_age_num_blocks)?,
        evidence_age_nanos_max: int("consensus_params.evidence.max_age_duration", raw.evidence.max_age_duration)?,
        evidence_bytes_max: int("consensus_params.evidence.max_bytes", raw.evidence.max_bytes.unwrap_or(Int(0)))?,
        public_key_types: types.iter().map(|name| text(field, name)).collect::<Result<_, _>>()?,
        app_version: uint("consensus_params.version.app", raw.version.and_then(|version| version.app))?,
        vote_extensions_enable_height: int(
            "consensus_params.abci.vote_extensions_enable_height",
            raw.abci.and_then(|abci| abci.vote_extensions_enable_height).unwrap_or(Int(0)),
        )?,
        authority: match &raw.authority {
            None => None,
            Some(authority) => Some(text("consensus_params.authority.authority", &authority.authority)?),
        },
    })
}

pub(super) fn int(field: &'static str, raw: Int) -> Result<i64, DecodeError> {
    i64::try_from(raw.0).map_err(|_| DecodeError::Range {
        field,
        got: raw.0,
        want: "-9223372036854775808 to 9223372036854775807",
    })
}

pub(super) fn key_kind(tag: &str) -> Result<KeyKind, DecodeError> {
    match tag {
        "tendermint/PubKeyEd25519" => Ok(KeyKind::Ed25519),
        "tendermint/PubKeySecp256k1" => Ok(KeyKind::Secp256k1),
        "tendermint/PubKeySecp256k1eth" => Ok(KeyKind::Secp256k1Eth),
        "cometbft/PubKeyMlDsa65" => Ok(KeyKind::MlDsa65),
        "cometbft/PubKeyBls12_381" => Err(DecodeError::Bls),
        other => Err(DecodeError::KeyType { got: cut(other, 40) }),
    }
}

pub(super) fn validator(index: usize, raw: &RawValidator<'_>) -> Result<Validator, DecodeError> {
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
