//! The arithmetic of voting power. Sums cannot overflow: a set's total is at most 2^60.

use super::{TrustLevel, VerifyError};
use crate::chains::tendermint::types::{Commit, CommitSig, ValidatorSet};
use crate::crypto::batch::SignatureBatch;
use alloc::vec::Vec;

/// Power that voted for a block, of how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VotePower {
    /// Power counted; counting stops when it is enough.
    pub counted: u64,
    /// Power of the whole set.
    pub total: u64,
}

/// The votes that suffice, by place in the commit, and their power.
pub(super) struct Needed {
    pub votes: Vec<usize>,
    pub power: VotePower,
}

/// Returns two thirds of `total`, rounded down: what must be exceeded.
pub(super) fn two_thirds(total: u64) -> u64 {
    u64::try_from(u128::from(total).saturating_mul(2) / 3).unwrap_or(u64::MAX)
}

/// Returns the first votes for the block whose power exceeds two thirds of the commit's own set.
///
/// Votes must stand at their places. Only votes for the block count: nil and absent ones finalise nothing.
/// # Errors
/// [`VerifyError::TooLittlePower`].
pub(super) fn own_set(commit: &Commit, validators: &ValidatorSet) -> Result<Needed, VerifyError> {
    let total = validators.total_power();
    let want = two_thirds(total);
    let (mut votes, mut counted) = (Vec::new(), 0_u64);
    for (index, (signature, member)) in commit.signatures.iter().zip(validators.validators()).enumerate() {
        if !matches!(signature, CommitSig::Commit(_)) {
            continue;
        }
        votes.push(index);
        counted = counted.saturating_add(member.power);
        if counted > want {
            return Ok(Needed { votes, power: VotePower { counted, total } });
        }
    }
    Err(VerifyError::TooLittlePower { got: counted, want, total })
}

/// Returns the first votes for the block by members of `trusted` whose power, as `trusted` has it, exceeds the level.
///
/// Members are found by address; the vote is verified with the key of the commit's own set, so that key must be the
/// trusted one too: an address has only 160 bits.
/// # Errors
/// [`VerifyError::NotEnoughTrust`], which accuses nobody.
pub(super) fn trusted_set(
    commit: &Commit,
    own: &ValidatorSet,
    trusted: &ValidatorSet,
    level: TrustLevel,
) -> Result<Needed, VerifyError> {
    let total = trusted.total_power();
    let want = level.threshold(total);
    let (mut votes, mut counted) = (Vec::new(), 0_u64);
    for (index, power) in trusted_votes(commit, own, trusted) {
        votes.push(index);
        counted = counted.saturating_add(power);
        if counted > want {
            return Ok(Needed { votes, power: VotePower { counted, total } });
        }
    }
    Err(VerifyError::NotEnoughTrust { got: counted, want, total, level })
}

/// Returns the power that members of `trusted` who voted for the block have there.
pub(super) fn signed_power(commit: &Commit, own: &ValidatorSet, trusted: &ValidatorSet) -> u64 {
    trusted_votes(commit, own, trusted).fold(0, |sum, (_, power)| sum.saturating_add(power))
}

/// Returns the places of votes for the block by members of `trusted`, with their power there.
fn trusted_votes<'a>(
    commit: &'a Commit,
    own: &'a ValidatorSet,
    trusted: &'a ValidatorSet,
) -> impl Iterator<Item = (usize, u64)> + 'a {
    let votes = commit.signatures.iter().zip(own.validators()).enumerate();
    votes.filter(|(_, (signature, _))| matches!(signature, CommitSig::Commit(_))).filter_map(|(index, (_, signer))| {
        let (_, member) = trusted.by_address(&signer.address)?;
        (member.public_key == signer.public_key).then_some((index, member.power))
    })
}

/// Returns all places of two ascending lists, each once: a vote that serves both tallies is verified once.
pub(super) fn union(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// Adds the votes at `places` to a batch, each with its validator's key.
///
/// A place without a validator or without a vote is refused: passed over, fewer signatures would be checked than power was
/// counted.
/// # Errors
/// [`VerifyError::SignatureCount`], [`VerifyError::SignatureLength`]; the batch is unchanged.
pub(super) fn push_votes(
    batch: &mut SignatureBatch,
    chain_id: &str,
    validators: &ValidatorSet,
    commit: &Commit,
    places: &[usize],
) -> Result<(), VerifyError> {
    let (signatures, members) = (&commit.signatures, validators.validators());
    let vote_at = |place: &usize| {
        let (Some(signature), Some(member)) = (signatures.get(*place), members.get(*place)) else {
            return Err(VerifyError::SignatureCount { got: signatures.len(), want: members.len() });
        };
        let vote = signature.vote().ok_or_else(|| {
            let want = member.public_key.kind().signature_len();
            VerifyError::SignatureLength { index: *place, got: 0, want }
        })?;
        Ok((member, signature, vote))
    };
    let votes = places.iter().map(vote_at).collect::<Result<Vec<_>, _>>()?;
    let sign_bytes = commit.sign_bytes(chain_id);
    let mut message = Vec::with_capacity(180);
    for (member, signature, vote) in votes {
        message.clear();
        sign_bytes.put(signature, &mut message);
        batch.push(&member.public_key, &message, vote.signature.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixTime;
    use crate::chains::tendermint::types::{Address, BlockId, PartSetHeader, Signature, Validator, Vote};
    use crate::crypto::PublicKey;
    use alloc::vec;

    /// Whoever counts a vote has its signature checked, or is told that it cannot be.
    #[test]
    fn a_place_without_a_vote_is_refused() {
        let members = [1, 2].map(|number| Validator::new(PublicKey::Ed25519([number; 32]), 10).unwrap());
        let vote = Vote {
            validator_address: Address::default(),
            timestamp: UnixTime::EPOCH,
            signature: Signature::from_bytes(&[3; 64]),
        };
        let parts = PartSetHeader { total: 1, hash: Default::default() };
        let commit = |signatures| Commit {
            height: 1,
            round: 0,
            block_id: BlockId { hash: Default::default(), parts },
            signatures,
        };
        let validators = ValidatorSet::new(members.to_vec()).unwrap();
        let (present, absent) = (CommitSig::Commit(vote), CommitSig::Absent);
        let count = |got, want| Err(VerifyError::SignatureCount { got, want });
        let cases = [
            (vec![present.clone(), present.clone()], vec![0, 1], Ok(())),
            (vec![present.clone(), absent.clone()], vec![0], Ok(())),
            (vec![present.clone()], vec![0, 1], count(1, 2)),
            (vec![present.clone(); 3], vec![0, 2], count(3, 2)),
            (vec![present, absent], vec![0, 1], Err(VerifyError::SignatureLength { index: 1, got: 0, want: 64 })),
        ];
        for (signatures, places, want) in cases {
            let mut batch = SignatureBatch::new();
            let count = if want.is_ok() { places.len() } else { 0 };
            assert_eq!(push_votes(&mut batch, "chain", &validators, &commit(signatures), &places), want);
            assert_eq!(batch.len(), count, "{want:?}");
        }
    }
}
