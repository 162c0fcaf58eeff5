//! The protobuf message `LightBlock` and its parts, as bundles and blobs carry them.
//!
//! The same wire format in `tendermint.types` (0.34 to 0.40) and `cometbft.types.v1`.

use super::{DecodeError, fields};
use crate::base::UnixTime;
use crate::chains::tendermint::types::{
    BlockId, Commit, CommitSig, Header, LightBlock, Signature, VALIDATORS_MAX, Validator, ValidatorSet, Version,
};
use crate::codec::protobuf::{Field, Once, ProtobufError, Reader};
use crate::crypto::KeyKind;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Calls `each` for every field of `message`; none but the field `repeated` may be there twice.
fn for_fields<'a>(
    what: &'static str,
    message: &'a [u8],
    repeated: u32,
    mut each: impl FnMut(Field<'a>) -> Result<(), FieldError>,
) -> Result<(), DecodeError> {
    let protobuf = |why| DecodeError::Protobuf { what, why };
    let (mut reader, mut once) = (Reader::new(message), Once::default());
    while let Some(field) = reader.next().map_err(protobuf)? {
        if field.number != repeated {
            once.see(field.number).map_err(protobuf)?;
        }
        each(field).map_err(|error| match error {
            FieldError::Protobuf(why) => protobuf(why),
            FieldError::Decode(error) => error,
        })?;
    }
    Ok(())
}

/// No field of the message is repeated.
const NONE: u32 = 0;

enum FieldError {
    Protobuf(ProtobufError),
    Decode(DecodeError),
}

impl From<ProtobufError> for FieldError {
    fn from(error: ProtobufError) -> Self {
        Self::Protobuf(error)
    }
}

impl From<DecodeError> for FieldError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// Reads 1 a `LightBlock`, 2 the `ValidatorSet` after it where there is one: a step of a bundle, a kept block of a snapshot. Errors
/// call the message `what` and the block `field`.
/// # Errors
/// [`DecodeError`].
pub fn block_and_next(
    message: &[u8],
    what: &'static str,
    field: &'static str,
) -> Result<(LightBlock, Option<ValidatorSet>), DecodeError> {
    let protobuf = |why: ProtobufError| DecodeError::Protobuf { what, why };
    let (mut block, mut next) = (None, None);
    let mut reader = Reader::new(message);
    while let Some(part) = reader.next().map_err(protobuf)? {
        match part.number {
            1 => block = Some(light_block(part.bytes().map_err(protobuf)?)?),
            2 => next = Some(validator_set(part.bytes().map_err(protobuf)?)?),
            _ => {}
        }
    }
    Ok((block.ok_or(DecodeError::Missing { field })?, next))
}

/// Reads the message `LightBlock`; the validators must be in canonical order.
/// # Errors
/// [`DecodeError`].
pub fn light_block(message: &[u8]) -> Result<LightBlock, DecodeError> {
    let (mut signed, mut set) = (None, None);
    for_fields("light block", message, NONE, |field| {
        match field.number {
            1 => signed = Some(signed_header(field.bytes()?)?),
            2 => set = Some(validator_set(field.bytes()?)?),
            _ => {}
        }
        Ok(())
    })?;
    let (header, commit) = signed.ok_or(DecodeError::Missing { field: "signed_header" })?;
    let validators = set.ok_or(DecodeError::Missing { field: "validator_set" })?;
    Ok(LightBlock { header, commit, validators: Arc::new(validators) })
}

fn signed_header(message: &[u8]) -> Result<(Header, Commit), DecodeError> {
    let (mut header_field, mut commit_field) = (None, None);
    for_fields("signed header", message, NONE, |field| {
        match field.number {
            1 => header_field = Some(header(field.bytes()?)?),
            2 => commit_field = Some(commit(field.bytes()?)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok((
        header_field.ok_or(DecodeError::Missing { field: "signed_header.header" })?,
        commit_field.ok_or(DecodeError::Missing { field: "signed_header.commit" })?,
    ))
}

pub(crate) fn timestamp(name: &'static str, message: &[u8]) -> Result<UnixTime, DecodeError> {
    let (mut seconds, mut nanos) = (0, 0);
    for_fields(name, message, NONE, |field| {
        match field.number {
            1 => seconds = field.int()?,
            2 => nanos = field.int()?,
            _ => {}
        }
        Ok(())
    })?;
    let nanos = u32::try_from(nanos)
        .map_err(|_| DecodeError::Time { field: name, why: crate::base::TimeError::NanosOutOfRange { got: nanos } })?;
    UnixTime::new(seconds, nanos).map_err(|why| DecodeError::Time { field: name, why })
}

fn block_id(name: &'static str, message: &[u8]) -> Result<Option<BlockId>, DecodeError> {
    let (mut hash, mut total, mut parts_hash): (&[u8], u64, &[u8]) = (&[], 0, &[]);
    let mut parts: &[u8] = &[];
    for_fields(name, message, NONE, |field| {
        match field.number {
            1 => hash = field.bytes()?,
            2 => parts = field.bytes()?,
            _ => {}
        }
        Ok(())
    })?;
    for_fields(name, parts, NONE, |field| {
        match field.number {
            1 => total = field.uint()?,
            2 => parts_hash = field.bytes()?,
            _ => {}
        }
        Ok(())
    })?;
    fields::block_id(name, hash, i128::from(total), parts_hash)
}

/// Reads the message `Header`.
/// # Errors
/// [`DecodeError`].
pub fn header(message: &[u8]) -> Result<Header, DecodeError> {
    let mut version = Version { block: 0, app: 0 };
    let (mut chain_id, mut height, mut time) = (None, 0, None);
    let mut last_block_id = None;
    let mut hashes: [&[u8]; 9] = [&[]; 9];
    for_fields("header", message, NONE, |field| {
        match field.number {
            1 => version = read_version(field.bytes()?)?,
            2 => chain_id = Some(field.bytes()?),
            3 => height = field.int()?,
            4 => time = Some(timestamp("header.time", field.bytes()?)?),
            5 => last_block_id = block_id("header.last_block_id", field.bytes()?)?,
            number @ 6..=14 => {
                if let Some(slot) = hashes.get_mut(number as usize - 6) {
                    *slot = field.bytes()?;
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    let [last_commit, block_payload, validators, next, consensus, app, results, evidence, proposer] = hashes;
    let chain_id = core::str::from_utf8(chain_id.unwrap_or_default()).map_err(|_| DecodeError::Length {
        field: "header.chain_id",
        got: 0,
        want: "1 to 50 of UTF-8",
    })?;
    fields::chain_id(chain_id)?;
    fields::app_hash(app)?;
    Ok(Header {
        version,
        chain_id: String::from(chain_id),
        height: fields::height("header.height", i128::from(height))?,
        time: time.ok_or(DecodeError::Missing { field: "header.time" })?,
        last_block_id,
        last_commit_hash: fields::optional_hash("header.last_commit_hash", last_commit)?,
        data_hash: fields::optional_hash("header.data_hash", block_payload)?,
        validators_hash: fields::hash("header.validators_hash", validators)?,
        next_validators_hash: fields::hash("header.next_validators_hash", next)?,
        consensus_hash: fields::optional_hash("header.consensus_hash", consensus)?,
        app_hash: app.to_vec(),
        last_results_hash: fields::optional_hash("header.last_results_hash", results)?,
        evidence_hash: fields::optional_hash("header.evidence_hash", evidence)?,
        proposer_address: fields::address("header.proposer_address", proposer)?,
    })
}

fn read_version(message: &[u8]) -> Result<Version, DecodeError> {
    let mut version = Version { block: 0, app: 0 };
    for_fields("header.version", message, NONE, |field| {
        match field.number {
            1 => version.block = field.uint()?,
            2 => version.app = field.uint()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(version)
}

/// Reads the message `Commit`.
/// # Errors
/// [`DecodeError`].
pub fn commit(message: &[u8]) -> Result<Commit, DecodeError> {
    let (mut height, mut round, mut id) = (0, 0, None);
    let mut signatures = Vec::new();
    for_fields("commit", message, 4, |field| {
        match field.number {
            1 => height = field.int()?,
            2 => round = field.int()?,
            3 => id = block_id("commit.block_id", field.bytes()?)?,
            4 => {
                let index = signatures.len();
                if index >= VALIDATORS_MAX {
                    let field = "commit.signatures";
                    return Err(
                        DecodeError::TooMany { field, got: index.saturating_add(1), max: VALIDATORS_MAX }.into()
                    );
                }
                signatures.push(commit_sig(index, field.bytes()?)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(Commit {
        height: fields::height("commit.height", i128::from(height))?,
        round: fields::round(i128::from(round))?,
        block_id: id.ok_or(DecodeError::BlockId { field: "commit.block_id" })?,
        signatures,
    })
}

fn commit_sig(index: usize, message: &[u8]) -> Result<CommitSig, DecodeError> {
    let (mut flag, mut time) = (0, None);
    let (mut address, mut signature): (&[u8], &[u8]) = (&[], &[]);
    for_fields("commit.signatures", message, NONE, |field| {
        match field.number {
            1 => flag = field.int()?,
            2 => address = field.bytes()?,
            3 => time = Some(timestamp("commit.signatures.timestamp", field.bytes()?)?),
            4 => signature = field.bytes()?,
            _ => {}
        }
        Ok(())
    })?;
    let signature = Signature::from_bytes(signature);
    fields::commit_sig(index, fields::RawSig { flag, address, timestamp: time, signature })
}

/// Reads the message `ValidatorSet`; the validators must be in canonical order.
/// # Errors
/// [`DecodeError`].
pub fn validator_set(message: &[u8]) -> Result<ValidatorSet, DecodeError> {
    let mut validators = Vec::new();
    for_fields("validator set", message, 1, |field| {
        if field.number == 1 {
            let index = validators.len();
            if index >= VALIDATORS_MAX {
                let got = index.saturating_add(1);
                return Err(DecodeError::TooMany { field: "validators", got, max: VALIDATORS_MAX }.into());
            }
            validators.push(validator(index, field.bytes()?)?);
        }
        Ok(())
    })?;
    Ok(ValidatorSet::from_sorted(validators)?)
}

fn validator(index: usize, message: &[u8]) -> Result<Validator, DecodeError> {
    let (mut address, mut key, mut power) = (None, None, 0);
    for_fields("validator", message, NONE, |field| {
        match field.number {
            1 => address = Some(field.bytes()?),
            2 => key = Some(public_key(field.bytes()?)?),
            3 => power = field.int()?,
            _ => {}
        }
        Ok(())
    })?;
    let (kind, key) = key.ok_or(DecodeError::Missing { field: "validator.pub_key" })?;
    fields::validator(index, kind, key, address, fields::power(i128::from(power))?)
}

fn public_key(message: &[u8]) -> Result<(KeyKind, &[u8]), DecodeError> {
    let mut key = None;
    for_fields("validator.pub_key", message, NONE, |field| {
        let kind = match field.number {
            1 => KeyKind::Ed25519,
            2 => KeyKind::Secp256k1,
            3 => return Err(DecodeError::Bls.into()),
            4 => KeyKind::MlDsa65,
            5 => KeyKind::Secp256k1Eth,
            number => return Err(DecodeError::KeyType { got: alloc::format!("protobuf field {number}") }.into()),
        };
        // One of several fields: two of them would be two keys.
        match key.replace((kind, field.bytes()?)) {
            None => Ok(()),
            Some(_) => Err(ProtobufError::Twice { field: field.number }.into()),
        }
    })?;
    key.ok_or(DecodeError::Missing { field: "validator.pub_key" })
}
