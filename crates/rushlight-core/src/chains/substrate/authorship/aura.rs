//! AURA: authors take turns.
//!
//! What it proves of a header: it was sealed by the author whose turn its slot was. Slots say nothing of finality.
//!
//! Source: `sc-consensus-aura` 0.60, `standalone.rs` and `import_queue.rs`; for parachains `cumulus-client-consensus-aura`,
//! where one slot may have several blocks (asynchronous backing, elastic scaling).

use super::super::header::{DigestError, EngineId, HeaderRef};
use crate::codec::scale::{Reader, ScaleError, put_compact};
use crate::crypto::{SignatureError, ed25519, sr25519};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::header::authorities::AUTHORITIES_MAX;

/// What an AURA chain's verifier must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuraConfig {
    /// Length of a slot in milliseconds; only for comparing slots with the wall clock.
    pub slot_duration_ms: Option<u64>,
    /// The scheme of the authors' keys.
    pub scheme: AuraScheme,
    /// Whether a block may have its parent's slot, as on parachains with asynchronous backing or elastic scaling.
    pub equal_slots: bool,
}

/// The scheme of AURA keys. A key does not tell which it is of, and the runtime's types are not known without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuraScheme {
    /// Schnorr signatures, as on nearly all chains.
    Sr25519,
    /// Ed25519, as on Asset Hub of Polkadot.
    Ed25519,
    /// Whichever a seal verifies under. A key is a secret of one scheme, so this lets nobody else seal.
    Either,
}

/// The state of AURA behind a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuraState {
    slot: u64,
    authorities: Arc<[[u8; 32]]>,
}

/// A slot whose author is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedTurn {
    slot: u64,
    author: [u8; 32],
}

impl VerifiedTurn {
    /// Returns the slot.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Returns the author's key.
    pub fn author(&self) -> [u8; 32] {
        self.author
    }
}

/// Why an AURA block is refused. The peer's fault; one variant per rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuraError {
    /// The digest breaks a rule.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// No slot.
    #[error("the digest has no AURA pre-digest, so no slot and no author")]
    NoSlot,
    /// Time runs backwards, or stands still where it must not: an author could make a chain of any length at once.
    #[error("slot {got} does not follow slot {parent} of the parent{}", if *.equal_slots { " (the same one is allowed here)" } else { "" })]
    SlotNotAfterParent {
        /// The slot.
        got: u64,
        /// The parent's.
        parent: u64,
        /// Whether the same slot is allowed.
        equal_slots: bool,
    },
    /// The slot has not begun.
    #[error("slot {got} is in the future, the latest one now is {latest}")]
    SlotInFuture {
        /// The slot.
        got: u64,
        /// The latest one by the wall clock.
        latest: u64,
    },
    /// Nobody may author.
    #[error("there are no authorities whose turn slot {slot} could be")]
    NoAuthorities {
        /// The slot.
        slot: u64,
    },
    /// The seal is another engine's.
    #[error("the seal is of {got}, wanted is aura")]
    WrongSeal {
        /// The engine.
        got: EngineId,
    },
    /// The author whose turn it is did not sign the block.
    #[error("seal of the author of slot {slot}: {why}")]
    Seal {
        /// The slot.
        slot: u64,
        /// Why.
        why: SignatureError,
    },
}

impl AuraState {
    /// Returns the state behind a block of slot `slot` (0 for block 0) whose children `authorities` author in turn.
    pub fn new(slot: u64, authorities: &[[u8; 32]]) -> Self {
        Self { slot, authorities: authorities.into() }
    }

    /// Returns the block's slot; 0 for block 0.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Returns the authorities of its children.
    pub fn authorities(&self) -> &[[u8; 32]] {
        &self.authorities
    }

    /// Appends the encoding that [`AuraState::read`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.slot.to_le_bytes());
        put_compact(out, self.authorities.len() as u64);
        self.authorities.iter().for_each(|key| out.extend_from_slice(key));
    }

    /// Returns the state that stands next, as [`AuraState::encode`] writes it.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        let slot = reader.u64()?;
        let count = reader.length(AUTHORITIES_MAX, 32)?;
        let (keys, _) = reader.bytes(count.saturating_mul(32))?.as_chunks();
        Ok(Self::new(slot, keys))
    }
}

/// Verifies `header` as a child of the block that `parent` is the state of; returns the turn and the state behind it.
/// Costs one signature check, or two where the scheme is not known.
pub(super) fn verify(
    parent: &AuraState,
    header: &HeaderRef<'_>,
    config: &AuraConfig,
    latest_slot: Option<u64>,
) -> Result<(VerifiedTurn, AuraState), AuraError> {
    let state = follow(parent, header, config)?;
    let slot = state.slot;
    if let Some(latest) = latest_slot.filter(|latest| slot > *latest) {
        return Err(AuraError::SlotInFuture { got: slot, latest });
    }
    let count = u64::try_from(parent.authorities.len()).unwrap_or(u64::MAX);
    let place = slot.checked_rem(count).and_then(|place| usize::try_from(place).ok());
    let author = place.and_then(|place| parent.authorities.get(place)).ok_or(AuraError::NoAuthorities { slot })?;
    let (hash, seal) = header.sealed_hash()?;
    if seal.engine != EngineId::AURA {
        return Err(AuraError::WrongSeal { got: seal.engine });
    }
    let signed = match config.scheme {
        AuraScheme::Sr25519 => sr25519::verify(author, hash.as_bytes(), seal.signature),
        AuraScheme::Ed25519 => ed25519::verify(author, hash.as_bytes(), seal.signature),
        AuraScheme::Either => sr25519::verify(author, hash.as_bytes(), seal.signature)
            .or_else(|_| ed25519::verify(author, hash.as_bytes(), seal.signature)),
    };
    signed.map_err(|why| AuraError::Seal { slot, why })?;
    Ok((VerifiedTurn { slot, author: *author }, state))
}

/// Returns the state behind `header`, whoever sealed it.
pub(super) fn follow(parent: &AuraState, header: &HeaderRef<'_>, config: &AuraConfig) -> Result<AuraState, AuraError> {
    let slot = header.aura_slot()?.ok_or(AuraError::NoSlot)?;
    if slot < parent.slot || (slot == parent.slot && !config.equal_slots) {
        let equal_slots = config.equal_slots;
        return Err(AuraError::SlotNotAfterParent { got: slot, parent: parent.slot, equal_slots });
    }
    let authorities = header.aura_authorities_change()?.map_or_else(|| Arc::clone(&parent.authorities), Arc::from);
    Ok(AuraState { slot, authorities })
}
