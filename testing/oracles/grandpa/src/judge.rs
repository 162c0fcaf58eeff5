//! The two verdicts.

use super::generate::{Case, Header, Target};
use finality_grandpa::voter_set::VoterSet;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{
    Authority, AuthoritySet, BlockId, DecodeError, JustificationRef, Proofs, SetError, VerifyError,
};
use rushlight_core::chains::substrate::header::NumberWidth;
use sp_runtime::OpaqueExtrinsic;

type Block = sp_runtime::generic::Block<Header, OpaqueExtrinsic>;

pub enum Verdict {
    Accepted,
    Set(SetError),
    Decode(DecodeError),
    Refused(VerifyError),
}

impl Verdict {
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }

    pub fn text(&self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Set(error) => error.to_string(),
            Self::Decode(error) => error.to_string(),
            Self::Refused(error) => error.to_string(),
        }
    }

    /// Returns the name of the rule.
    pub fn name(&self) -> String {
        let debug = match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Set(error) => format!("set {error:?}"),
            Self::Decode(_) => "not decoded".to_owned(),
            Self::Refused(error) => format!("refused {error:?}"),
        };
        debug.split([' ', '{', '(']).take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
    }
}

pub fn ours(case: &Case, bytes: &[u8], (hash, number): Target) -> Verdict {
    let target = BlockId { hash: Hash(hash.0), number: number.into() };
    let list = case.authorities.iter().map(|(key, weight)| {
        let key: &[u8] = key.as_ref();
        Authority { key: key.try_into().expect("a key has 32 bytes"), weight: *weight }
    });
    let set = match AuthoritySet::new(case.set_id, list.collect()) {
        Ok(set) => set,
        Err(error) => return Verdict::Set(error),
    };
    let justification = match JustificationRef::decode(bytes, NumberWidth::U32) {
        Ok(justification) => justification,
        Err(error) => return Verdict::Decode(error),
    };
    let mut proofs = Proofs::start(Hash::default());
    if let Err(error) = proofs.push(&justification, target, &set) {
        return Verdict::Refused(error);
    }
    match proofs.verify_in_place() {
        (verified, None) => {
            assert_eq!(verified[0].block(), target, "what is released is what was asked for");
            Verdict::Accepted
        }
        (_, Some(refused)) => Verdict::Refused(refused.error),
    }
}

pub fn theirs(case: &Case, bytes: &[u8], target: Target) -> Result<(), String> {
    let voters = VoterSet::new(case.authorities.iter().cloned()).ok_or("no set of voters")?;
    sc_consensus_grandpa::GrandpaJustification::<Block>::decode_and_verify_finalizes(
        bytes,
        target,
        case.set_id,
        &voters,
    )
    .map(|_| ())
    .map_err(|error| error.to_string())
}
