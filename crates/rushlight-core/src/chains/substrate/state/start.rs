//! Where a chain is followed from: block 0, a checkpoint, or the block that a warp sync came to.

use super::super::authorship::babe::EpochConfig;
use super::super::authorship::{self, AuthorshipState, ConsensusConfig};
use super::super::grandpa::{Authority, AuthoritySet, SetError};
use super::super::header::{HeaderError, HeaderRef, NumberWidth};
use super::super::spec::light_sync_state::{
    DelayKind, GrandpaAuthority, GrandpaAuthoritySet, LightSyncState, LightSyncStateError, PendingChange,
};
use super::super::warp::VerifiedHead;
use super::changes::Announced;
use super::error::ImportError;
use super::import::announced_by;
use crate::base::Hash;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The block that a chain is followed from, and what is trusted with it.
#[derive(Clone, Debug)]
pub struct Start {
    /// Hash of block 0, by which a saved state is told from that of another chain.
    pub genesis: Hash,
    /// Width of block numbers.
    pub width: NumberWidth,
    /// The finalized header's bytes.
    pub header: Vec<u8>,
    /// State of authorship behind it; of the engine that the settings are of.
    pub authorship: AuthorshipState,
    /// The set that votes for its successors; `None` where finality comes from elsewhere, as from a relay chain.
    pub set: Option<AuthoritySet>,
    /// Changes of the set, scheduled and forced, that are announced up to the finalized block and not made yet, in the order
    /// of blocks.
    pub announced: Vec<Announced>,
}

/// Why there is nothing to start from. The fault of whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartFromError {
    /// The checkpoint does not hold together.
    #[error(transparent)]
    Checkpoint(#[from] LightSyncStateError),
    /// The set cannot vote.
    #[error("authority set of the finalized block: {0}")]
    Set(#[from] SetError),
    /// A change of the set that is announced, to one that cannot vote or at a block that there will not be.
    #[error("finalized block: {0}")]
    Announced(#[from] ImportError),
    /// A pending change would be made beyond the last block number.
    #[error("block {number} announced a change after {delay} blocks, beyond the last block number")]
    Delay {
        /// The announcing block.
        number: u64,
        /// The delay.
        delay: u64,
    },
    /// Changes were announced on two forks below the finalized block, and nothing tells on which of them it is.
    #[error("blocks {first} and {second} announced changes on two forks below block {number}; export it again later")]
    TwoForks {
        /// Number of the one announcing block.
        first: u64,
        /// Number of the other one.
        second: u64,
        /// The finalized block.
        number: u64,
    },
    /// The header is none.
    #[error("finalized block: {0}")]
    Header(#[from] HeaderError),
    /// The header is that of another block.
    #[error("header is of block {got:#x}, finalized is {want:#x}")]
    OtherHeader {
        /// Its hash.
        got: Hash,
        /// The finalized block.
        want: Hash,
    },
}

impl Start {
    /// Returns the block of a specification's checkpoint, and how authorship is verified from there on. `genesis` and
    /// `width` are the specification's; `rules` are those of epochs from before each had its own.
    ///
    /// Changes that blocks above the finalized one announced are left out: those blocks are taken in again.
    /// # Errors
    /// [`StartFromError`].
    pub fn at_checkpoint(
        genesis: Hash,
        width: NumberWidth,
        checkpoint: &LightSyncState,
        rules: Option<EpochConfig>,
    ) -> Result<(ConsensusConfig, Self), StartFromError> {
        let (config, authorship) = authorship::at_checkpoint(checkpoint, width, rules)?;
        let (mut set, mut announced) = (None, Vec::new());
        if let Some(grandpa) = &checkpoint.grandpa {
            set = Some(AuthoritySet::new(grandpa.set_id, list(&grandpa.authorities))?);
            announced = pending(grandpa, checkpoint.number, &checkpoint.hash)?;
        }
        Ok((config, Self { genesis, width, header: checkpoint.header.clone(), authorship, set, announced }))
    }

    /// Returns the block that a warp sync came to. A head without a header of its own needs that of its block, which
    /// any peer can send; so `header` is asked for.
    ///
    /// Who may author is not in a header: `authorship` comes from a runtime call, or is unchecked. Changes that blocks below
    /// announced with a delay are not known; a warp sync does not cross them.
    /// # Errors
    /// [`StartFromError`].
    pub fn at_head(
        genesis: Hash,
        width: NumberWidth,
        head: &VerifiedHead,
        header: Vec<u8>,
        authorship: AuthorshipState,
    ) -> Result<Self, StartFromError> {
        let decoded = HeaderRef::decode(&header, width)?;
        let (got, want) = (decoded.hash(), head.block().hash);
        if got != want {
            return Err(StartFromError::OtherHeader { got, want });
        }
        let change = announced_by(&decoded, got, head.set().id().saturating_add(1))?;
        // One without a delay is made with this block: the head's set is the one that it announces.
        let announced = change.filter(|change| change.effective > change.number).into_iter().collect();
        let set = Some(AuthoritySet::clone(head.set()));
        Ok(Self { genesis, width, header, authorship, set, announced })
    }
}

/// Returns the changes of a checkpoint's set that were announced up to the finalized block and not made yet.
fn pending(grandpa: &GrandpaAuthoritySet, finalized: u64, hash: &Hash) -> Result<Vec<Announced>, StartFromError> {
    let id = grandpa.set_id.saturating_add(1);
    let mut announced = Vec::new();
    let two_forks = |first, second| StartFromError::TwoForks { first, second, number: finalized };
    // Blocks below the finalized one are of one chain, so each change stands on the one before it.
    let mut before: Option<usize> = None;
    for (index, node) in grandpa.scheduled.iter().enumerate().filter(|(_, node)| node.number <= finalized) {
        if node.parent != before {
            let first = before.and_then(|place| grandpa.scheduled.get(place)).map_or(0, |node| node.number);
            return Err(two_forks(first, node.number));
        }
        before = Some(index);
        announced.push(read(&node.value, id)?);
    }
    // The list of forced changes keeps those of dead forks, and those that finality overtook.
    let forced = grandpa.forced.iter().filter(|change| change.number <= finalized);
    let forced: Vec<Announced> = forced.map(|change| read(change, id)).collect::<Result<_, _>>()?;
    let mut forced = forced.into_iter().filter(|change| change.effective > finalized);
    let first = forced.next();
    let own = first.iter().cloned().chain(forced.clone()).find(|change| change.hash == *hash);
    if let (None, Some(first), Some(second)) = (&own, &first, forced.next()) {
        return Err(two_forks(first.number, second.number));
    }
    announced.extend(own.or(first));
    announced.sort_by_key(|change| change.number);
    Ok(announced)
}

fn read(change: &PendingChange, id: u64) -> Result<Announced, StartFromError> {
    let (number, delay) = (change.number, change.delay);
    let effective = number.checked_add(delay).ok_or(StartFromError::Delay { number, delay })?;
    let forced = match change.kind {
        DelayKind::Finalized => None,
        DelayKind::Best { median_last_finalized } => Some(median_last_finalized),
    };
    let set = Arc::new(AuthoritySet::new(id, list(&change.authorities))?);
    Ok(Announced { number, hash: change.hash, effective, forced, set })
}

fn list(authorities: &[GrandpaAuthority]) -> Vec<Authority> {
    authorities.iter().map(|authority| Authority { key: authority.key, weight: authority.weight }).collect()
}
