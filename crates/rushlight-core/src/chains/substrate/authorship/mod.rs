//! Authorship: whether the author of a block was entitled to it.
//!
//! Each block's state is a small value that follows from its parent's, so forks carry their own. What cannot be known
//! without running the runtime is an argument, [`ConsensusConfig`]; it comes from a checkpoint ([`at_checkpoint`]), from a
//! runtime call, or from the user ([`GenesisConsensus::from_json`]).
//!
//! A chain whose authorship cannot be checked (its engine is not known here, or nobody says who may author) is not
//! refused: it follows its relay chain or GRANDPA alone, and [`VerifiedAuthorship::Unchecked`] says so.

pub mod aura;
pub mod babe;
mod config;

use super::header::{HeaderRef, NumberWidth};
use super::spec::light_sync_state::{LightSyncState, LightSyncStateError};
use crate::base::UnixTime;
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;
use aura::{AuraConfig, AuraError, AuraState, VerifiedTurn};
use babe::{BabeConfig, BabeError, BabeState, EpochConfig, SlotKind, VerifiedClaim};

pub use config::{ConsensusFileError, GenesisConsensus, GrandpaGenesis};

/// What a verifier must be told of a chain, for it cannot be read from headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsensusConfig {
    /// A BABE chain.
    Babe(BabeConfig),
    /// An AURA chain.
    Aura(AuraConfig),
    /// A chain whose authorship is not checked.
    Unchecked(Unchecked),
}

/// Why the authorship of a chain is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unchecked {
    /// The engine is not one that is known here.
    #[error("the chain's authors use an engine that is not known here; its blocks are followed by finality alone")]
    Engine,
    /// Nobody says who may author.
    #[error("who may author is not known without running the runtime; blocks are followed by finality alone")]
    NoConfig,
}

/// The state of authorship behind a block: all that the verification of its children needs. Clones share what is large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorshipState {
    /// On a BABE chain.
    Babe(BabeState),
    /// On an AURA chain.
    Aura(AuraState),
    /// On a chain whose authorship is not checked.
    Unchecked(Unchecked),
}

/// What is known of a block's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedAuthorship {
    /// The author of a BABE slot.
    Babe(VerifiedClaim),
    /// The author of an AURA slot.
    Aura(VerifiedTurn),
    /// Nothing: only finality or the relay chain speaks for the block.
    Unchecked(Unchecked),
}

/// Why a block's author is not entitled to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorshipError {
    /// A rule of BABE is broken. The peer's fault.
    #[error(transparent)]
    Babe(#[from] BabeError),
    /// A rule of AURA is broken. The peer's fault.
    #[error(transparent)]
    Aura(#[from] AuraError),
    /// State and configuration are of different engines: our caller's fault.
    #[error("the state of authorship is of another engine than the chain's configuration")]
    OtherEngine,
}

impl AuthorshipError {
    /// Tells whether the block may become good as time passes, so that its peer is not to blame yet.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::Babe(BabeError::SlotInFuture { .. }) | Self::Aura(AuraError::SlotInFuture { .. }))
    }
}

impl VerifiedAuthorship {
    /// Returns what the block adds to the weight of its chain: 1 for a primary slot of BABE, else 0, so that the heaviest
    /// chain is the one with the most primary slots, and otherwise length decides.
    /// Source: `sc-consensus-babe`, `PreDigest::added_weight`.
    pub fn weight(&self) -> u64 {
        match self {
            Self::Babe(claim) => u64::from(claim.kind() == SlotKind::Primary),
            Self::Aura(_) | Self::Unchecked(_) => 0,
        }
    }

    /// Returns the block's slot, if it has one.
    pub fn slot(&self) -> Option<u64> {
        match self {
            Self::Babe(claim) => Some(claim.slot()),
            Self::Aura(turn) => Some(turn.slot()),
            Self::Unchecked(_) => None,
        }
    }

    /// Returns the author's key, if it is known.
    pub fn author(&self) -> Option<[u8; 32]> {
        match self {
            Self::Babe(claim) => Some(claim.author()),
            Self::Aura(turn) => Some(turn.author()),
            Self::Unchecked(_) => None,
        }
    }
}

impl ConsensusConfig {
    /// Returns the name of the engine, for people.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Babe(_) => "BABE",
            Self::Aura(_) => "AURA",
            Self::Unchecked(_) => "not checked",
        }
    }

    /// Returns the latest slot that a block may have at wall clock `now`: one ahead of the current one, as the reference
    /// allows for clocks that differ. `None` where the length of slots is not known; then slots are not compared.
    pub fn latest_slot(&self, now: UnixTime) -> Option<u64> {
        let duration = match self {
            Self::Babe(config) => config.slot_duration_ms,
            Self::Aura(config) => config.slot_duration_ms,
            Self::Unchecked(_) => None,
        };
        let now_ms = u64::try_from(now.unix_nanos() / 1_000_000).ok()?;
        now_ms.checked_div(duration?)?.checked_add(1)
    }
}

impl AuthorshipState {
    /// Returns the name of the engine, for people.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Babe(_) => "BABE",
            Self::Aura(_) => "AURA",
            Self::Unchecked(_) => "not checked",
        }
    }

    /// Appends the encoding that [`AuthorshipState::read`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Babe(state) => {
                out.push(0);
                state.encode(out);
            }
            Self::Aura(state) => {
                out.push(1);
                state.encode(out);
            }
            Self::Unchecked(Unchecked::Engine) => out.extend([2, 0]),
            Self::Unchecked(Unchecked::NoConfig) => out.extend([2, 1]),
        }
    }

    /// Returns the state that stands next, as [`AuthorshipState::encode`] writes it.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        match reader.u8()? {
            0 => BabeState::read(reader).map(Self::Babe),
            1 => AuraState::read(reader).map(Self::Aura),
            2 => match reader.u8()? {
                0 => Ok(Self::Unchecked(Unchecked::Engine)),
                1 => Ok(Self::Unchecked(Unchecked::NoConfig)),
                got => Err(ScaleError::Variant { got, of: "unchecked authorship" }),
            },
            got => Err(ScaleError::Variant { got, of: "authorship state" }),
        }
    }
}

/// Verifies the authorship of `header`, a child of the block that `parent` is the state of; returns what is known of its
/// author and the state behind it.
///
/// `latest_slot` is the latest slot that the wall clock allows ([`ConsensusConfig::latest_slot`]); `None` leaves the
/// question open, as for blocks that are final already.
///
/// Costs up to two signature checks, about 0.2 ms: many headers in a row belong into work that leaves the loop. Whether
/// the header follows its parent by hash and number is the caller's to check.
/// # Errors
/// [`AuthorshipError`].
pub fn verify(
    parent: &AuthorshipState,
    header: &HeaderRef<'_>,
    config: &ConsensusConfig,
    latest_slot: Option<u64>,
) -> Result<(VerifiedAuthorship, AuthorshipState), AuthorshipError> {
    match (parent, config) {
        (AuthorshipState::Babe(parent), ConsensusConfig::Babe(config)) => {
            let (claim, state) = babe::verify(parent, header, config, latest_slot)?;
            Ok((VerifiedAuthorship::Babe(claim), AuthorshipState::Babe(state)))
        }
        (AuthorshipState::Aura(parent), ConsensusConfig::Aura(config)) => {
            let (turn, state) = aura::verify(parent, header, config, latest_slot)?;
            Ok((VerifiedAuthorship::Aura(turn), AuthorshipState::Aura(state)))
        }
        (AuthorshipState::Unchecked(why), ConsensusConfig::Unchecked(_)) => {
            Ok((VerifiedAuthorship::Unchecked(*why), AuthorshipState::Unchecked(*why)))
        }
        _ => Err(AuthorshipError::OtherEngine),
    }
}

/// Returns the state behind `header`, a child of the block that `parent` is the state of, without asking whether its author
/// was entitled to it: for headers that are proven otherwise, as by finality. Costs no signature check.
/// # Errors
/// [`AuthorshipError`]: a header that nothing follows from.
pub fn follow(
    parent: &AuthorshipState,
    header: &HeaderRef<'_>,
    config: &ConsensusConfig,
) -> Result<AuthorshipState, AuthorshipError> {
    match (parent, config) {
        (AuthorshipState::Babe(parent), ConsensusConfig::Babe(config)) => {
            Ok(AuthorshipState::Babe(babe::follow(parent, header, config)?))
        }
        (AuthorshipState::Aura(parent), ConsensusConfig::Aura(config)) => {
            Ok(AuthorshipState::Aura(aura::follow(parent, header, config)?))
        }
        (AuthorshipState::Unchecked(why), ConsensusConfig::Unchecked(_)) => Ok(AuthorshipState::Unchecked(*why)),
        _ => Err(AuthorshipError::OtherEngine),
    }
}

/// Returns configuration and state behind the finalized block of a checkpoint. Only BABE's are in one; a chain of another
/// engine is [`Unchecked::NoConfig`].
///
/// `rules` are those of epochs from before each had its own; without them, a checkpoint of that time is unchecked too.
/// # Errors
/// [`LightSyncStateError`].
pub fn at_checkpoint(
    checkpoint: &LightSyncState,
    width: NumberWidth,
    rules: Option<EpochConfig>,
) -> Result<(ConsensusConfig, AuthorshipState), LightSyncStateError> {
    let unchecked = Unchecked::NoConfig;
    let none = (ConsensusConfig::Unchecked(unchecked), AuthorshipState::Unchecked(unchecked));
    let Some((current, next)) = checkpoint.babe_epochs(width)? else { return Ok(none) };
    let Some(rules) = current.config.or(rules) else { return Ok(none) };
    let header = HeaderRef::decode(&checkpoint.header, width)?;
    let slot = header.babe_pre_digest()?.ok_or(LightSyncStateError::NoSlot)?.slot;
    let config = BabeConfig { slot_duration_ms: None, epoch_length: current.duration, rules };
    let primary_slots = checkpoint.babe_weight.unwrap_or(0).into();
    let state = BabeState::at_checkpoint(slot, primary_slots, current, next);
    Ok((ConsensusConfig::Babe(config), AuthorshipState::Babe(state)))
}
