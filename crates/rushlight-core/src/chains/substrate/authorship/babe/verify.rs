//! The rules of a BABE block.

use super::super::super::header::babe::{AllowedSlots, Claim, PreDigest, Vrf};
use super::super::super::header::{AnnouncedEpoch, DigestError, EngineId, HeaderRef};
use super::threshold::primary_threshold;
use super::{BabeAuthority, BabeConfig, BabeState, Epoch, EpochConfig, Epochs};
use crate::base::Hash;
use crate::crypto::blake2b::blake2b_256_of;
use crate::crypto::{SignatureError, sr25519};
use alloc::sync::Arc;
use merlin::Transcript;

/// Context of the number that is compared with the threshold. Source: `sp-consensus-babe`, `AUTHORING_SCORE_VRF_CONTEXT`.
const SCORE_CONTEXT: &[u8] = b"substrate-babe-vrf";

/// By what right a slot was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SlotKind {
    /// Won by lot.
    Primary,
    /// The author's turn.
    SecondaryPlain,
    /// The author's turn, with an output of the random function.
    SecondaryVrf,
}

/// A slot whose author is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedClaim {
    pub(super) slot: u64,
    pub(super) kind: SlotKind,
    pub(super) author: [u8; 32],
    pub(super) authority_index: u32,
}

impl VerifiedClaim {
    /// Returns the slot.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Returns by what right it was claimed.
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// Returns the author's key.
    pub fn author(&self) -> [u8; 32] {
        self.author
    }

    /// Returns the author's place among the epoch's authorities.
    pub fn authority_index(&self) -> u32 {
        self.authority_index
    }
}

/// Why a BABE block is refused. The peer's fault; one variant per rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BabeError {
    /// The digest breaks a rule.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Nobody claims a slot.
    #[error("the digest has no BABE pre-digest, so no slot and no author")]
    NoClaim,
    /// Two blocks of a chain in one slot, or time running backwards: an author could make a chain of any length at once.
    #[error("slot {got} does not follow slot {parent} of the parent")]
    SlotNotAfterParent {
        /// The slot.
        got: u64,
        /// The parent's.
        parent: u64,
    },
    /// The slot has not begun.
    #[error("slot {got} is in the future, the latest one now is {latest}")]
    SlotInFuture {
        /// The slot.
        got: u64,
        /// The latest one by the wall clock.
        latest: u64,
    },
    /// The first block of an epoch must announce the next one.
    #[error("slot {slot} begins epoch {epoch}, but the block announces no next epoch")]
    EpochNotAnnounced {
        /// The slot.
        slot: u64,
        /// The epoch that it begins.
        epoch: u64,
    },
    /// No other block may announce an epoch; it could choose authors and randomness.
    #[error(
        "slot {slot} lies within epoch {epoch}, but the block announces an epoch, as only the first one of an epoch may"
    )]
    EpochAnnounced {
        /// The slot.
        slot: u64,
        /// The epoch it lies in.
        epoch: u64,
    },
    /// The numbers of epochs or slots end.
    #[error("slot {slot} is too large to have an epoch behind it")]
    SlotTooLarge {
        /// The slot.
        slot: u64,
    },
    /// The author is none of the authorities.
    #[error("authority {got} claims the slot, the epoch has {count}")]
    NoSuchAuthority {
        /// The author's place.
        got: u32,
        /// How many there are.
        count: usize,
    },
    /// The epoch's rules know no such slots.
    #[error("epoch {epoch} does not allow {kind:?} slots, but {allowed:?}")]
    SlotKindNotAllowed {
        /// The epoch.
        epoch: u64,
        /// The claim.
        kind: SlotKind,
        /// What is allowed.
        allowed: AllowedSlots,
    },
    /// It is another author's turn.
    #[error("secondary slot {slot} is claimed by authority {got}, it is the turn of {want}")]
    NotTheirTurn {
        /// The slot.
        slot: u64,
        /// The author's place.
        got: u32,
        /// The place of the one whose turn it is.
        want: u32,
    },
    /// The seal is another engine's.
    #[error("the seal is of {got}, wanted is BABE")]
    WrongSeal {
        /// The engine.
        got: EngineId,
    },
    /// The author did not sign the block.
    #[error("seal of authority {authority_index}: {why}")]
    Seal {
        /// The author's place.
        authority_index: u32,
        /// Why.
        why: SignatureError,
    },
    /// The output is not the author's for this slot.
    #[error("random output of authority {authority_index} in slot {slot}: {why}")]
    Vrf {
        /// The author's place.
        authority_index: u32,
        /// The slot.
        slot: u64,
        /// Why.
        why: SignatureError,
    },
    /// The lot was not won.
    #[error("authority {authority_index} did not win slot {slot}: {got:#034x} is not below {threshold:#034x}")]
    NotWon {
        /// The author's place.
        authority_index: u32,
        /// The slot.
        slot: u64,
        /// What the output gives.
        got: u128,
        /// What it must be below.
        threshold: u128,
    },
}

/// Verifies `header` as a child of the block that `parent` is the state of; returns the claim and the state behind it.
/// Costs one signature check, and another one for claims with a random output.
pub(in super::super) fn verify(
    parent: &BabeState,
    header: &HeaderRef<'_>,
    config: &BabeConfig,
    latest_slot: Option<u64>,
) -> Result<(VerifiedClaim, BabeState), BabeError> {
    let claim = header.babe_pre_digest()?.ok_or(BabeError::NoClaim)?;
    if let Some(latest) = latest_slot.filter(|latest| claim.slot > *latest) {
        return Err(BabeError::SlotInFuture { got: claim.slot, latest });
    }
    let (epoch, rules, state) = next_state(parent, header, &claim, config)?;
    Ok((verify_claim(header, &claim, &epoch, rules)?, state))
}

/// Returns the state behind `header`, whether or not its author was entitled to it.
pub(in super::super) fn follow(
    parent: &BabeState,
    header: &HeaderRef<'_>,
    config: &BabeConfig,
) -> Result<BabeState, BabeError> {
    let claim = header.babe_pre_digest()?.ok_or(BabeError::NoClaim)?;
    Ok(next_state(parent, header, &claim, config)?.2)
}

/// Returns the epoch that a claim lies in, its rules, and the state behind the block.
fn next_state(
    parent: &BabeState,
    header: &HeaderRef<'_>,
    claim: &PreDigest<'_>,
    config: &BabeConfig,
) -> Result<(Arc<Epoch>, EpochConfig, BabeState), BabeError> {
    let slot = claim.slot;
    if slot <= parent.slot {
        return Err(BabeError::SlotNotAfterParent { got: slot, parent: parent.slot });
    }
    let (epoch, is_first) = epoch_of(parent, slot);
    let rules = epoch.config.unwrap_or(config.rules);
    let announced = header.babe_announced_epoch()?;
    let epochs = match (is_first, announced) {
        (true, Some(announced)) => announce(&epoch, rules, &announced).ok_or(BabeError::SlotTooLarge { slot })?,
        (false, None) => parent.epochs.clone(),
        (true, None) => return Err(BabeError::EpochNotAnnounced { slot, epoch: epoch.index }),
        (false, Some(_)) => return Err(BabeError::EpochAnnounced { slot, epoch: epoch.index }),
    };
    let won = u64::from(matches!(claim.claim, Claim::Primary(_)));
    let primary_slots = parent.primary_slots.saturating_add(won);
    Ok((epoch, rules, BabeState { slot, primary_slots, epochs }))
}

/// Returns the epoch that `slot` lies in, and whether a block there is the first one of it on this fork. Epochs without
/// any block are passed over by the slots that they had.
fn epoch_of(parent: &BabeState, slot: u64) -> (Arc<Epoch>, bool) {
    match &parent.epochs {
        Epochs::Genesis(epoch) => (Arc::new(Epoch { start_slot: slot, ..Epoch::clone(epoch) }), true),
        Epochs::Running { next, .. } if slot >= next.end_slot() => (Arc::new(next.at_slot(slot)), true),
        Epochs::Running { next, .. } if slot >= next.start_slot => (Arc::clone(next), true),
        Epochs::Running { current, .. } => (Arc::clone(current), false),
    }
}

/// Returns the epochs behind the first block of `epoch`, which announced the one behind it.
fn announce(epoch: &Arc<Epoch>, rules: EpochConfig, announced: &AnnouncedEpoch<'_>) -> Option<Epochs> {
    let authorities = announced.epoch.authorities.iter();
    let next = Epoch {
        index: epoch.index.checked_add(1)?,
        start_slot: epoch.start_slot.checked_add(epoch.duration)?,
        duration: epoch.duration,
        authorities: authorities.map(|(key, weight)| BabeAuthority { key: *key, weight }).collect(),
        randomness: *announced.epoch.randomness,
        // Rules hold until others are announced.
        config: Some(announced.config.map_or(rules, EpochConfig::from)),
    };
    Some(Epochs::Running { current: Arc::clone(epoch), next: Arc::new(next) })
}

fn verify_claim(
    header: &HeaderRef<'_>,
    claim: &PreDigest<'_>,
    epoch: &Epoch,
    rules: EpochConfig,
) -> Result<VerifiedClaim, BabeError> {
    let (slot, authority_index) = (claim.slot, claim.authority_index);
    let count = epoch.authorities.len();
    let author = usize::try_from(authority_index).ok().and_then(|place| epoch.authorities.get(place));
    let author = author.ok_or(BabeError::NoSuchAuthority { got: authority_index, count })?;
    let (kind, vrf) = match claim.claim {
        Claim::Primary(vrf) => (SlotKind::Primary, Some(vrf)),
        Claim::SecondaryPlain => (SlotKind::SecondaryPlain, None),
        Claim::SecondaryVrf(vrf) => (SlotKind::SecondaryVrf, Some(vrf)),
    };
    let is_allowed = match kind {
        SlotKind::Primary => true,
        SlotKind::SecondaryPlain => rules.allowed_slots == AllowedSlots::PrimaryAndSecondaryPlain,
        SlotKind::SecondaryVrf => rules.allowed_slots == AllowedSlots::PrimaryAndSecondaryVrf,
    };
    if !is_allowed {
        return Err(BabeError::SlotKindNotAllowed { epoch: epoch.index, kind, allowed: rules.allowed_slots });
    }
    if kind != SlotKind::Primary {
        let want = secondary_author(&epoch.randomness, slot, count);
        if authority_index != want {
            return Err(BabeError::NotTheirTurn { slot, got: authority_index, want });
        }
    }
    let (hash, seal) = header.sealed_hash()?;
    if seal.engine != EngineId::BABE {
        return Err(BabeError::WrongSeal { got: seal.engine });
    }
    let signed = sr25519::verify(&author.key, hash.as_bytes(), seal.signature);
    signed.map_err(|why| BabeError::Seal { authority_index, why })?;
    if let Some(vrf) = vrf {
        verify_vrf(&vrf, kind, claim, author, epoch, rules)?;
    }
    Ok(VerifiedClaim { slot, kind, author: author.key, authority_index })
}

fn verify_vrf(
    vrf: &Vrf<'_>,
    kind: SlotKind,
    claim: &PreDigest<'_>,
    author: &BabeAuthority,
    epoch: &Epoch,
    rules: EpochConfig,
) -> Result<(), BabeError> {
    let (slot, authority_index) = (claim.slot, claim.authority_index);
    let transcript = transcript(&epoch.randomness, slot, epoch.index);
    let output = sr25519::verify_vrf(&author.key, transcript, vrf.output, vrf.proof);
    let output = output.map_err(|why| BabeError::Vrf { authority_index, slot, why })?;
    if kind == SlotKind::Primary {
        let total = epoch.authorities.iter().map(|authority| u128::from(authority.weight)).sum();
        let threshold = primary_threshold(rules.c, author.weight, total);
        let got = u128::from_le_bytes(output.make_16_bytes(SCORE_CONTEXT));
        if got >= threshold {
            return Err(BabeError::NotWon { authority_index, slot, got, threshold });
        }
    }
    Ok(())
}

/// Returns what the random function of a slot is evaluated at. Source: `sp-consensus-babe`, `make_vrf_transcript`.
fn transcript(randomness: &[u8; 32], slot: u64, epoch_index: u64) -> Transcript {
    let mut transcript = Transcript::new(b"BABE");
    transcript.append_message(b"slot number", &slot.to_le_bytes());
    transcript.append_message(b"current epoch", &epoch_index.to_le_bytes());
    transcript.append_message(b"chain randomness", randomness);
    transcript
}

/// Returns the place of the author whose turn `slot` is, among `count`. Source: `sc-consensus-babe`,
/// `secondary_slot_author`: the hash of randomness and slot, as a big-endian number, modulo `count`.
fn secondary_author(randomness: &[u8; 32], slot: u64, count: usize) -> u32 {
    let Hash(hash) = blake2b_256_of(&[randomness, &slot.to_le_bytes()]);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let rest = hash.iter().fold(0_u64, |rest, byte| (rest << 8 | u64::from(*byte)).checked_rem(count).unwrap_or(0));
    // Below `count`, which is bounded by the longest list of authorities.
    u32::try_from(rest).unwrap_or(u32::MAX)
}
