//! The ways in which a node does not tell the truth, or not in time.

use crate::keys::SecretKey;
use crate::plan::{ChainPlan, Fork};
use rushlight_core::chains::tendermint::types::{Commit, CommitSig, Header, Signature, Validator, ValidatorSet, Vote};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const FORGER_KEY: &str = "rushlight-devnet/forger/v1";

/// What a node does wrong, and from which height on.
///
/// As text: `forged-signature`, `forged-signature@100`, `slow:500@20`; see [`LieKind`] for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// What it does.
    pub kind: LieKind,
    /// The first height that it lies about; answers about lower heights are honest. 0 for all.
    pub from: u64,
}

/// What a node does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LieKind {
    /// `wrong-hash`: changes the application hash in headers; the commit is the honest one.
    WrongHash,
    /// `forged-signature`: flips one bit in the first signature for the block.
    ForgedSignature,
    /// `forged-header`: changes the application hash and has everybody's vote for it, signed with its own keys.
    ForgedHeader,
    /// `wrong-validators`: gives the first validator more power.
    WrongValidators,
    /// `other-validators`: serves another height's validators under the height asked for.
    OtherValidators,
    /// `other-commit`: serves a header with another height's commit.
    OtherCommit,
    /// `withheld`: has no block, at any height from the first one lied about.
    Withheld,
    /// `pruned`: has nothing below the height given.
    Pruned,
    /// `stale`: stays at the height given.
    Stale,
    /// `other-chain`: serves another chain with an id of its own.
    OtherChain,
    /// `fork`: serves a conflicting chain, signed with the real keys.
    Fork,
    /// `slow:MS`: answers late.
    Slow(Duration),
    /// `silent`: never answers.
    Silent,
    /// `busy`: refuses with status 429 and asks to come back in a second.
    Busy,
    /// `truncated`: breaks off in the middle of the body.
    Truncated,
    /// `endless`: sends a body without end.
    Endless,
    /// `junk`: answers with bytes that are not JSON.
    Junk,
}

/// Why a text names no lie.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LieError {
    /// There is no such lie.
    #[error("unknown lie {got:?}, known are {}", known())]
    Unknown {
        /// The word.
        got: String,
    },
    /// The height is not a number.
    #[error("{got:?} is not a height")]
    Height {
        /// The text behind `@`.
        got: String,
    },
    /// The delay is not a number, or is given to a lie that has none.
    #[error("{got:?} is not a number of milliseconds for this lie")]
    Delay {
        /// The text behind `:`.
        got: String,
    },
}

const WORDS: [(&str, LieKind); 17] = [
    ("wrong-hash", LieKind::WrongHash),
    ("forged-signature", LieKind::ForgedSignature),
    ("forged-header", LieKind::ForgedHeader),
    ("wrong-validators", LieKind::WrongValidators),
    ("other-validators", LieKind::OtherValidators),
    ("other-commit", LieKind::OtherCommit),
    ("withheld", LieKind::Withheld),
    ("pruned", LieKind::Pruned),
    ("stale", LieKind::Stale),
    ("other-chain", LieKind::OtherChain),
    ("fork", LieKind::Fork),
    ("slow", LieKind::Slow(Duration::from_secs(1))),
    ("silent", LieKind::Silent),
    ("busy", LieKind::Busy),
    ("truncated", LieKind::Truncated),
    ("endless", LieKind::Endless),
    ("junk", LieKind::Junk),
];

fn known() -> String {
    WORDS.map(|(word, _)| word).join(", ")
}

impl FromStr for Lie {
    type Err = LieError;

    fn from_str(text: &str) -> Result<Self, LieError> {
        let (text, from) = match text.split_once('@') {
            None => (text, 0),
            Some((text, at)) => (text, at.parse().map_err(|_| LieError::Height { got: at.into() })?),
        };
        let (word, delay) = match text.split_once(':') {
            None => (text, None),
            Some((word, delay)) => (word, Some(delay)),
        };
        let found = WORDS.iter().find(|(known, _)| *known == word);
        let (_, mut kind) = *found.ok_or_else(|| LieError::Unknown { got: word.into() })?;
        if let Some(got) = delay {
            let millis = got.strip_suffix("ms").unwrap_or(got).parse();
            match (&mut kind, millis) {
                (LieKind::Slow(delay), Ok(millis)) => *delay = Duration::from_millis(millis),
                _ => return Err(LieError::Delay { got: got.into() }),
            }
        }
        Ok(Self { kind, from })
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_same = |kind: &LieKind| std::mem::discriminant(kind) == std::mem::discriminant(&self.kind);
        let word = WORDS.iter().find(|(_, kind)| is_same(kind)).map_or("", |(word, _)| word);
        f.write_str(word)?;
        if let LieKind::Slow(delay) = self.kind {
            write!(f, ":{}", delay.as_millis())?;
        }
        if self.from > 0 { write!(f, "@{}", self.from) } else { Ok(()) }
    }
}

impl From<LieKind> for Lie {
    /// Returns the lie told about all heights.
    fn from(kind: LieKind) -> Self {
        Self { kind, from: 0 }
    }
}

impl Lie {
    /// Returns every kind of lie, one of each.
    pub fn kinds() -> impl Iterator<Item = LieKind> {
        WORDS.into_iter().map(|(_, kind)| kind)
    }

    /// Returns the plan of the chain that a node with this lie serves: `honest` itself, unless the lie is a chain of
    /// its own ([`LieKind::Fork`], [`LieKind::OtherChain`]).
    pub fn plan(&self, honest: &ChainPlan) -> ChainPlan {
        match self.kind {
            LieKind::Fork => {
                let from = self.from.max(honest.initial_height);
                ChainPlan { fork: Some(Fork { from, salt: 1 }), ..honest.clone() }
            }
            LieKind::OtherChain => ChainPlan {
                chain_id: format!("other-{}", honest.chain_id.chars().take(40).collect::<String>()),
                seed: honest.seed.wrapping_add(0x0ddc_4a1b),
                ..honest.clone()
            },
            _ => honest.clone(),
        }
    }

    /// Tells whether the lie is told about `height`.
    pub(crate) fn is_about(&self, height: u64) -> bool {
        height >= self.from
    }
}

/// Changes what a header says while it stays well-formed.
pub(crate) fn change_header(header: &mut Header) {
    match header.app_hash.first_mut() {
        Some(byte) => *byte ^= 1,
        None => header.app_hash.push(1),
    }
}

/// Flips a bit in the first signature for the block.
pub(crate) fn spoil_signature(commit: &mut Commit) {
    let is_for_block = |place: &&mut CommitSig| matches!(place, CommitSig::Commit(_));
    if let Some(CommitSig::Commit(vote)) = commit.signatures.iter_mut().find(is_for_block) {
        let mut bytes = vote.signature.as_bytes().to_vec();
        if let Some(byte) = bytes.get_mut(8) {
            *byte ^= 1;
        }
        vote.signature = Signature::from_bytes(&bytes);
    }
}

/// Makes a commit for a header that nobody signed: every vote with keys of the forger's own.
pub(crate) fn forge_commit(header: &Header, commit: &mut Commit, set: &ValidatorSet, seed: u64) {
    commit.block_id.hash = header.hash();
    let sign_bytes = Commit { signatures: Vec::new(), ..commit.clone() };
    let sign_bytes = sign_bytes.sign_bytes(&header.chain_id);
    let mut message = Vec::new();
    for (index, (place, member)) in commit.signatures.iter_mut().zip(set.validators()).enumerate() {
        let vote =
            Vote { validator_address: member.address, timestamp: header.time, signature: Signature::from_bytes(&[]) };
        *place = CommitSig::Commit(vote);
        message.clear();
        sign_bytes.put(place, &mut message);
        let key = SecretKey::derive(FORGER_KEY, member.public_key.kind(), seed, index as u64);
        if let CommitSig::Commit(vote) = place {
            vote.signature = key.sign(&message);
        }
    }
}

/// Returns `set` with more power for its first member.
pub(crate) fn change_validators(set: &ValidatorSet) -> ValidatorSet {
    let mut members: Vec<Validator> = set.validators().to_vec();
    if let Some(first) = members.first_mut() {
        first.power += 1;
    }
    ValidatorSet::new(members).expect("one more unit of power keeps a planned set far from every bound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lie_reads_back_from_its_text() {
        for kind in Lie::kinds() {
            for from in [0, 7] {
                let lie = Lie { kind, from };
                assert_eq!(lie.to_string().parse(), Ok(lie));
            }
        }
        assert_eq!("slow:250ms@9".parse(), Ok(Lie { kind: LieKind::Slow(Duration::from_millis(250)), from: 9 }));
    }

    #[test]
    fn a_text_that_is_no_lie_says_why() {
        let error = |text: &str| text.parse::<Lie>().unwrap_err().to_string();
        assert!(error("truth").starts_with("unknown lie \"truth\", known are wrong-hash, "));
        assert_eq!(error("stale@tip"), "\"tip\" is not a height");
        assert_eq!(error("junk:5"), "\"5\" is not a number of milliseconds for this lie");
    }
}
