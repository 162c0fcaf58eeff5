//! One function per rule: `Ok` if it holds, else the error that says what is wrong.

use super::{JudgedAt, Rules, VerifyError};
use crate::base::{Hash, UnixTime};
use crate::chains::tendermint::types::{BlockId, Commit, Header, PartSetHeader, ValidatorSet};
use alloc::string::ToString;

/// The header is of the trusted chain and of the block protocol whose rules these are. [LCV-VALID]
pub(super) fn header_is_well_formed(header: &Header, chain_id: &str) -> Result<(), VerifyError> {
    if header.chain_id != chain_id {
        return Err(VerifyError::ChainId { got: header.chain_id.clone(), want: chain_id.to_string() });
    }
    if header.version.block != Header::BLOCK_PROTOCOL {
        return Err(VerifyError::BlockProtocol { got: header.version.block });
    }
    Ok(())
}

/// The commit is for the header's height. Asked first, and so answered as the sender's fault whatever the clock says.
pub(super) fn commit_has_height(commit: &Commit, header: &Header) -> Result<(), VerifyError> {
    let (got, want) = (commit.height, header.height);
    if got == want { Ok(()) } else { Err(VerifyError::CommitHeight { got, want }) }
}

/// The commit is for this header.
pub(super) fn commit_is_for(commit: &Commit, header_hash: Hash) -> Result<(), VerifyError> {
    if commit.block_id.hash != header_hash {
        return Err(VerifyError::HeaderHash { got: header_hash, want: commit.block_id.hash });
    }
    Ok(())
}

/// The set is the one that the header names. Before this check a set is anybody's invention.
pub(super) fn validators_are_named(header: &Header, validators: &ValidatorSet) -> Result<(), VerifyError> {
    let (got, want) = (validators.hash(), header.validators_hash);
    if got == want { Ok(()) } else { Err(VerifyError::ValidatorsHash { got, want }) }
}

/// The set is the one that the header names for the next height.
pub(super) fn next_validators_are_named(header: &Header, next: &ValidatorSet) -> Result<(), VerifyError> {
    let (got, want) = (next.hash(), header.next_validators_hash);
    if got == want { Ok(()) } else { Err(VerifyError::NextValidatorsHash { got, want }) }
}

/// Time grows with height. BFT time guarantees it, so a header that breaks it was not made by the chain.
pub(super) fn time_is_after(header: &Header, trusted: UnixTime) -> Result<(), VerifyError> {
    let got = header.time;
    if got > trusted { Ok(()) } else { Err(VerifyError::TimeNotAfter { got, trusted }) }
}

/// The header is not from the future. Only the future side is bounded: old headers are what a sync is made of.
pub(super) fn time_has_come(header: &Header, rules: &Rules, at: JudgedAt) -> Result<(), VerifyError> {
    let limit = at.future.after(rules.max_clock_drift);
    if header.time < limit { Ok(()) } else { Err(VerifyError::FromTheFuture { got: header.time, limit }) }
}

/// Trust in a header of `height` and `time` has not ended. [LCV-DIST-SAFE]
pub(super) fn trust_lasts(height: u64, time: UnixTime, rules: &Rules, at: JudgedAt) -> Result<(), VerifyError> {
    let expired = time.after(rules.trusting_period);
    if expired > at.expiry {
        return Ok(());
    }
    Err(VerifyError::TrustExpired { height, time, expired, now: at.expiry })
}

/// The header follows on the trusted block: same header, same parts. The Go client does not ask for it; it is free, and
/// without it two thirds of one set could sign a header that no chain of blocks leads to.
pub(super) fn follows_on(header: &Header, hash: Hash, parts: PartSetHeader) -> Result<(), VerifyError> {
    match header.last_block_id {
        Some(BlockId { hash: got, .. }) if got != hash => Err(VerifyError::LastBlockId { got, want: hash }),
        Some(id) if id.parts != parts => Err(VerifyError::LastBlockParts { got: id.parts.hash, want: parts.hash }),
        Some(_) => Ok(()),
        None => Err(VerifyError::LastBlockId { got: Hash::default(), want: hash }),
    }
}

/// Each vote stands at its validator's place, with a signature as long as those of its key, and no validator votes twice.
///
/// Nobody counts the votes beyond two thirds, and their signatures are not checked; the length bounds what they can carry.
pub(super) fn votes_are_positional(commit: &Commit, validators: &ValidatorSet) -> Result<(), VerifyError> {
    let members = validators.validators();
    if commit.signatures.len() != members.len() {
        return Err(VerifyError::SignatureCount { got: commit.signatures.len(), want: members.len() });
    }
    for (index, (signature, member)) in commit.signatures.iter().zip(members).enumerate() {
        let Some(vote) = signature.vote() else { continue };
        if vote.validator_address == member.address {
            let (got, want) = (vote.signature.as_bytes().len(), member.public_key.kind().signature_len());
            if got != want {
                return Err(VerifyError::SignatureLength { index, got, want });
            }
            continue;
        }
        let address = vote.validator_address;
        let is_same = |other: &crate::chains::tendermint::types::CommitSig| {
            other.vote().is_some_and(|vote| vote.validator_address == address)
        };
        let first = commit.signatures.iter().position(is_same).unwrap_or(index);
        let last = commit.signatures.iter().rposition(is_same).unwrap_or(index);
        if first != last {
            return Err(VerifyError::DoubleVote { address, first, second: last });
        }
        return Err(VerifyError::VotePlace { index, got: address, want: member.address });
    }
    Ok(())
}
