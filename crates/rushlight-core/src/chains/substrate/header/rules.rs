//! Rules within one digest, and what each engine says in it.
//!
//! As in the reference, an item that does not decode counts as not there.

use super::authorities::AUTHORITIES_MAX;
use super::{EngineId, HeaderRef, aura, babe, grandpa};

/// Why a digest breaks the rules of an engine. One variant per rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// No seal: nobody answers for the block.
    #[error("the last item of the digest is no seal")]
    NotSealed,
    /// A seal that others follow, so that an author signs what another one sealed.
    #[error("item {index} of {count} is a seal, which may only be the last")]
    SealNotLast {
        /// Place of the seal, counted from 0.
        index: usize,
        /// How many items there are.
        count: usize,
    },
    /// Two claims to a slot: which one holds would be the reader's choice.
    #[error("the digest has several BABE pre-digests, one is allowed")]
    DuplicateBabePreDigest,
    /// Two AURA slots: which one holds would be the reader's choice.
    #[error("the digest has several AURA pre-digests, one is allowed")]
    DuplicateAuraPreDigest,
    /// Two epochs announced at once.
    #[error("the digest announces several BABE epochs, one is allowed")]
    DuplicateNextEpoch,
    /// Two configurations announced at once.
    #[error("the digest announces several BABE configurations, one is allowed")]
    DuplicateNextConfig,
    /// A configuration for an epoch that is not announced.
    #[error("the digest announces a BABE configuration without an epoch that it is for")]
    NextConfigWithoutEpoch,
    /// More authorities than are kept. To keep the old ones instead would leave the chain to them.
    #[error("the digest announces {got} authorities, at most {max} are allowed")]
    TooManyAuthorities {
        /// Authorities announced.
        got: usize,
        /// The bound.
        max: usize,
    },
}

/// What a block announces for the epoch after the one that it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncedEpoch<'a> {
    /// Authorities and randomness.
    pub epoch: babe::NextEpoch<'a>,
    /// The rules, where they change.
    pub config: Option<babe::NextConfig>,
}

impl<'a> HeaderRef<'a> {
    /// Returns the BABE author's claim, if there is one.
    /// # Errors
    /// [`DigestError::DuplicateBabePreDigest`].
    pub fn babe_pre_digest(&self) -> Result<Option<babe::PreDigest<'a>>, DigestError> {
        let claims = self.digest().pre_runtime(EngineId::BABE).filter_map(|item| babe::PreDigest::decode(item).ok());
        at_most_one(claims, DigestError::DuplicateBabePreDigest)
    }

    /// Returns the epoch that this block announces, if it does.
    /// # Errors
    /// [`DigestError::DuplicateNextEpoch`], [`DigestError::DuplicateNextConfig`],
    /// [`DigestError::NextConfigWithoutEpoch`], [`DigestError::TooManyAuthorities`].
    pub fn babe_announced_epoch(&self) -> Result<Option<AnnouncedEpoch<'a>>, DigestError> {
        let (mut epoch, mut config) = (None, None);
        for log in self.digest().consensus(EngineId::BABE).filter_map(|item| babe::Log::decode(item).ok()) {
            match log {
                babe::Log::NextEpochData(_) if epoch.is_some() => return Err(DigestError::DuplicateNextEpoch),
                babe::Log::NextEpochData(next) => epoch = Some(next),
                babe::Log::NextConfigData(_) if config.is_some() => return Err(DigestError::DuplicateNextConfig),
                babe::Log::NextConfigData(next) => config = Some(next),
                babe::Log::OnDisabled(_) => {}
            }
        }
        match (epoch, config) {
            (Some(epoch), config) => {
                at_most_authorities(epoch.authorities.len())?;
                Ok(Some(AnnouncedEpoch { epoch, config }))
            }
            (None, Some(_)) => Err(DigestError::NextConfigWithoutEpoch),
            (None, None) => Ok(None),
        }
    }

    /// Returns the slot that the AURA author claims, if there is one.
    /// # Errors
    /// [`DigestError::DuplicateAuraPreDigest`].
    pub fn aura_slot(&self) -> Result<Option<u64>, DigestError> {
        let slots = self.digest().pre_runtime(EngineId::AURA).filter_map(|item| aura::decode_slot(item).ok());
        at_most_one(slots, DigestError::DuplicateAuraPreDigest)
    }

    /// Returns the AURA authorities from the next block on, if they change.
    /// # Errors
    /// [`DigestError::TooManyAuthorities`].
    pub fn aura_authorities_change(&self) -> Result<Option<&'a [[u8; aura::KEY_LEN]]>, DigestError> {
        let keys = self.digest().consensus(EngineId::AURA).find_map(|item| match aura::Log::decode(item) {
            Ok(aura::Log::AuthoritiesChange(keys)) => Some(keys),
            _ => None,
        });
        keys.map(|keys| at_most_authorities(keys.len()).map(|()| keys)).transpose()
    }

    /// Returns what the runtime tells GRANDPA, in order; items that do not decode are left out. Sets that are too large or
    /// cannot vote are refused where they are made, by `AuthoritySet::announced`.
    pub fn grandpa_logs(&self) -> impl Iterator<Item = grandpa::Log<'a>> + use<'a> {
        let width = self.number_width();
        self.digest().consensus(EngineId::GRANDPA).filter_map(move |item| grandpa::Log::decode(item, width).ok())
    }
}

fn at_most_authorities(got: usize) -> Result<(), DigestError> {
    let max = AUTHORITIES_MAX;
    if got > max { Err(DigestError::TooManyAuthorities { got, max }) } else { Ok(()) }
}

fn at_most_one<T>(mut found: impl Iterator<Item = T>, error: DigestError) -> Result<Option<T>, DigestError> {
    let first = found.next();
    if found.next().is_some() { Err(error) } else { Ok(first) }
}
