//! Checks of single fields, shared by the JSON and the protobuf decoder.

use super::DecodeError;
use crate::base::Hash;
use crate::base::UnixTime;
use crate::chains::tendermint::types::{
    APP_HASH_BYTES_MAX, Address, BlockId, CHAIN_ID_BYTES_MAX, CommitSig, HEIGHT_MAX, PartSetHeader, Signature,
    Validator, ValidatorSetError, Vote, address_of,
};
use crate::crypto::{KeyKind, PublicKey, ml_dsa};

pub(super) fn height(field: &'static str, got: i128) -> Result<u64, DecodeError> {
    u64::try_from(got).ok().filter(|height| (1..=HEIGHT_MAX).contains(height)).ok_or(DecodeError::Range {
        field,
        got,
        want: "1 to 9223372036854775807",
    })
}

pub(super) fn round(got: i128) -> Result<u32, DecodeError> {
    let range = DecodeError::Range { field: "commit.round", got, want: "0 to 2147483647" };
    i32::try_from(got).ok().and_then(|round| u32::try_from(round).ok()).ok_or(range)
}

pub(super) fn power(got: i128) -> Result<u64, DecodeError> {
    let range = DecodeError::Range { field: "validator.voting_power", got, want: "0 to 9223372036854775807" };
    i64::try_from(got).ok().and_then(|power| u64::try_from(power).ok()).ok_or(range)
}

pub(super) fn chain_id(got: &str) -> Result<(), DecodeError> {
    if got.is_empty() || got.len() > CHAIN_ID_BYTES_MAX {
        return Err(DecodeError::Length { field: "header.chain_id", got: got.len(), want: "1 to 50" });
    }
    Ok(())
}

pub(super) fn hash(field: &'static str, bytes: &[u8]) -> Result<Hash, DecodeError> {
    Hash::from_slice(bytes).ok_or(DecodeError::Length { field, got: bytes.len(), want: "32" })
}

pub(super) fn optional_hash(field: &'static str, bytes: &[u8]) -> Result<Option<Hash>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Hash::from_slice(bytes).map(Some).ok_or(DecodeError::Length { field, got: bytes.len(), want: "0 or 32" })
}

pub(super) fn app_hash(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.len() > APP_HASH_BYTES_MAX {
        return Err(DecodeError::Length { field: "header.app_hash", got: bytes.len(), want: "at most 256" });
    }
    Ok(())
}

pub(super) fn address(field: &'static str, bytes: &[u8]) -> Result<Address, DecodeError> {
    bytes.try_into().map(Address).map_err(|_| DecodeError::Length { field, got: bytes.len(), want: "20" })
}

pub(super) fn block_id(
    field: &'static str,
    id_hash: &[u8],
    total: i128,
    parts_hash: &[u8],
) -> Result<Option<BlockId>, DecodeError> {
    match (optional_hash(field, id_hash)?, optional_hash(field, parts_hash)?, total) {
        (None, None, 0) => Ok(None),
        (Some(hash), Some(parts), total) => {
            let wanted = u32::try_from(total).ok().filter(|total| *total > 0);
            let total = wanted.ok_or(DecodeError::Parts { field, got: total })?;
            Ok(Some(BlockId { hash, parts: PartSetHeader { total, hash: parts } }))
        }
        _ => Err(DecodeError::BlockId { field }),
    }
}

/// What stands at one place of a commit before it is judged.
pub(super) struct RawSig<'a> {
    pub flag: i64,
    pub address: &'a [u8],
    /// `None`: no time at all.
    pub timestamp: Option<UnixTime>,
    pub signature: Signature,
}

pub(super) fn commit_sig(index: usize, raw: RawSig<'_>) -> Result<CommitSig, DecodeError> {
    let len = raw.signature.as_bytes().len();
    if raw.flag == 1 {
        let has_time = raw.timestamp.is_some_and(|time| time != UnixTime::GO_ZERO);
        if !raw.address.is_empty() || len != 0 || has_time {
            return Err(DecodeError::AbsentNotEmpty { index });
        }
        return Ok(CommitSig::Absent);
    }
    if raw.flag != 2 && raw.flag != 3 {
        return Err(DecodeError::Flag { index, got: raw.flag });
    }
    if len == 0 || len > ml_dsa::SIGNATURE_LEN {
        return Err(DecodeError::Length { field: "commit.signatures.signature", got: len, want: "1 to 3309" });
    }
    let vote = Vote {
        validator_address: address("commit.signatures.validator_address", raw.address)?,
        timestamp: raw.timestamp.ok_or(DecodeError::Missing { field: "commit.signatures.timestamp" })?,
        signature: raw.signature,
    };
    Ok(if raw.flag == 2 { CommitSig::Commit(vote) } else { CommitSig::Nil(vote) })
}

/// Builds a validator; its address is derived from the key, and a claimed one must be the same.
///
/// The set's hash does not cover addresses: believing one would let a provider credit one validator's vote to another.
pub(super) fn validator(
    index: usize,
    kind: KeyKind,
    key: &[u8],
    claimed: Option<&[u8]>,
    voting_power: u64,
) -> Result<Validator, DecodeError> {
    let length = DecodeError::Length {
        field: "validator.pub_key",
        got: key.len(),
        want: match kind {
            KeyKind::Ed25519 => "32",
            KeyKind::Secp256k1 | KeyKind::Secp256k1Eth => "33",
            KeyKind::MlDsa65 => "1952",
        },
    };
    let public_key = PublicKey::from_bytes(kind, key).ok_or(length)?;
    let derived = address_of(&public_key).ok_or(ValidatorSetError::Key { index })?;
    if let Some(claimed) = claimed {
        let got = address("validator.address", claimed)?;
        if got != derived {
            return Err(ValidatorSetError::WrongAddress { got, want: derived }.into());
        }
    }
    Ok(Validator { address: derived, public_key, power: voting_power })
}
