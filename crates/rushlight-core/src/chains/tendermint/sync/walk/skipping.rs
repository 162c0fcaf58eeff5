//! Skipping: from a verified block to a target by as few blocks as the overlap of validator sets allows.
//!
//! Iterative. Blocks that cannot be verified yet are kept and tried again from newer trusted blocks, so each is fetched
//! once; which blocks to fetch in between is the business of [`Pivots`]. Blocks, bytes and time are budgeted: a
//! provider that invents a history in which every step needs another one would otherwise keep us busy forever.

use crate::base::{Instant, PeerId, UnixTime, WorkId};
use crate::bundle::BUNDLE_BYTES_MAX;
use crate::chains::tendermint::bundle::Hops;
use crate::chains::tendermint::sync::ask::{Failed, Got, RequestId};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::walk::pivot::Pivots;
use crate::chains::tendermint::types::LightBlock;
use crate::chains::tendermint::verify::{self, Blame, Range, Sealed, VerifiedBlock, VerifyError};
use crate::chains::{To, Verdict};
use crate::work::Done;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// The most blocks that one walk fetches.
pub const WALK_BLOCKS_MAX: usize = 4_096;
/// The most bytes of blocks that one walk keeps unverified.
pub const WALK_BYTES_MAX: usize = 32 << 20;
/// The longest time that one walk takes.
pub const WALK_TIME_MAX: Duration = Duration::from_secs(600);

/// How often one block is asked for again when its answer was lost.
pub const LOST_ANSWERS_MAX: u8 = 2;

/// A walk from a verified block to a target height, all blocks from one provider.
#[derive(Debug)]
pub struct Skipping {
    current: VerifiedBlock,
    target: u64,
    provider: PeerId,
    /// Blocks above `current` that are not verified, by height.
    candidates: BTreeMap<u64, Arc<LightBlock>>,
    candidates_bytes: usize,
    pivots: Pivots,
    waiting: Waiting,
    /// So many more times may what is waited for be asked again when its answer is lost.
    retries: u8,
    /// Verified blocks on the way, when they are wanted.
    hops: Option<Hops>,
    fetched: usize,
    ends: Instant,
}

#[derive(Debug)]
enum Waiting {
    Nothing,
    Block(RequestId, u64),
    NextSet(RequestId),
    Signatures(WorkId, Sealed),
}

/// Where a walk stands.
#[derive(Debug)]
pub enum Walked {
    /// It waits.
    Pending,
    /// The target is verified.
    Reached,
    /// It cannot go on.
    Failed(Failed),
    /// The blocks on the way, which were wanted, have more bytes than a bundle may have: so many.
    TooLarge(usize),
    /// Trust in where it started has ended on the way: height, time, when it ended.
    Expired(u64, UnixTime),
}

impl Walked {
    /// Returns where a walk stands once a block of `provider` was refused.
    pub(crate) fn refused(provider: PeerId, error: &VerifyError) -> Self {
        if let VerifyError::TrustExpired { height, expired, .. } = error {
            return Self::Expired(*height, *expired);
        }
        let why = error.to_string();
        Self::Failed(match error.blame() {
            Blame::Sender => Failed::by(provider, Verdict::Lying, why),
            // Nothing is held against anybody: noted already, as it were.
            Blame::Nobody => Failed { is_noted: true, ..Failed::by(provider, Verdict::Refusing, why) },
        })
    }
}

impl Skipping {
    /// Starts a walk. `keep_hops` when the blocks on the way are wanted for a bundle.
    pub fn start(
        current: VerifiedBlock,
        target: u64,
        provider: PeerId,
        keep_hops: bool,
        desk: &mut Desk,
        now: Instant,
    ) -> Self {
        let hops = keep_hops.then(|| Hops::start(current.clone()));
        let level = desk.rules.trust_level.threshold(1_000_000);
        let waiting = if target > current.height() {
            Waiting::Block(desk.fetcher.block(target, To::Only(provider), true), target)
        } else {
            Waiting::Nothing
        };
        Self {
            current,
            target,
            provider,
            candidates: BTreeMap::new(),
            candidates_bytes: 0,
            pivots: Pivots::new(u32::try_from(level).unwrap_or(1_000_000)),
            waiting,
            retries: LOST_ANSWERS_MAX,
            hops,
            fetched: 1,
            ends: now.after(WALK_TIME_MAX),
        }
    }

    /// Returns the newest verified block.
    pub fn current(&self) -> &VerifiedBlock {
        &self.current
    }

    /// Returns the height that the walk goes to.
    pub fn target(&self) -> u64 {
        self.target
    }

    /// Returns who is asked.
    pub fn provider(&self) -> PeerId {
        self.provider
    }

    /// Returns the verified blocks on the way, if they were wanted.
    pub fn into_hops(self) -> Vec<VerifiedBlock> {
        self.hops.map(Hops::into_blocks).unwrap_or_default()
    }

    /// Returns when the walk's time is over.
    pub fn deadline(&self) -> Instant {
        self.ends
    }

    /// Forgets what is asked for.
    pub fn cancel(&mut self, desk: &mut Desk) {
        match core::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing => {}
            Waiting::Block(request, _) | Waiting::NextSet(request) => desk.fetcher.cancel(request),
            Waiting::Signatures(work, _) => desk.cancel_work(work),
        }
    }

    /// Goes on with another provider from what is verified; what the former gave beyond that is forgotten.
    pub fn go_on_with(&mut self, provider: PeerId, desk: &mut Desk) {
        self.cancel(desk);
        self.candidates.clear();
        self.candidates_bytes = 0;
        self.retries = LOST_ANSWERS_MAX;
        self.provider = provider;
    }

    /// Tells whether the walk waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        matches!(self.waiting, Waiting::Block(id, _) | Waiting::NextSet(id) if id == request)
    }

    /// Tells whether the walk waits for this work.
    pub fn waits_for_work(&self, work: WorkId) -> bool {
        matches!(&self.waiting, Waiting::Signatures(id, _) if *id == work)
    }

    /// Takes in what the request that the walk waits for came to.
    pub fn got(&mut self, got: Got, desk: &mut Desk, now: Instant) -> Walked {
        let waited = core::mem::replace(&mut self.waiting, Waiting::Nothing);
        match got {
            Got::Block(_, block) => {
                self.retries = LOST_ANSWERS_MAX;
                self.candidates_bytes = self.candidates_bytes.saturating_add(held_bytes(&block));
                if self.candidates_bytes > WALK_BYTES_MAX {
                    return self.out_of_budget(format!("{WALK_BYTES_MAX} bytes of blocks"));
                }
                self.candidates.insert(block.header.height, block);
            }
            Got::Validators(set) => match self.current.clone().with_next_validators(set) {
                Ok(current) => self.replace_current(current),
                Err(error) => {
                    return Walked::Failed(Failed::by(self.provider, Verdict::Lying, error.to_string()));
                }
            },
            Got::Failed(failed) => {
                // One lost answer must not cost those that came.
                let (Waiting::Block(_, height), Some(left), true) =
                    (waited, self.retries.checked_sub(1), failed.is_noted)
                else {
                    return Walked::Failed(failed);
                };
                self.retries = left;
                self.waiting = Waiting::Block(desk.fetcher.block(height, To::Only(self.provider), true), height);
                return Walked::Pending;
            }
            Got::Signed(_)
            | Got::Status(_)
            | Got::Headers(..)
            | Got::Params(..)
            | Got::Page(..)
            | Got::Named(..)
            | Got::Metas(..) => {}
        }
        self.advance(desk, now)
    }

    /// Takes in the signatures that the walk waits for.
    pub fn worked(&mut self, done: Done, desk: &mut Desk, now: Instant) -> Walked {
        let Waiting::Signatures(_, sealed) = core::mem::replace(&mut self.waiting, Waiting::Nothing) else {
            return Walked::Pending;
        };
        match sealed.release(&self.current, done, &desk.rules, desk.at) {
            Err(refused) => self.refused(&refused.error),
            Ok(blocks) => {
                for block in blocks {
                    desk.headers_verified = desk.headers_verified.saturating_add(1);
                    self.pivots.passed(&mut desk.steps, self.current.height(), block.height());
                    if let Err(bytes) = self.step_to(block) {
                        return Walked::TooLarge(bytes);
                    }
                }
                self.advance(desk, now)
            }
        }
    }

    fn step_to(&mut self, block: VerifiedBlock) -> Result<(), usize> {
        let above = self.candidates.split_off(&block.height().saturating_add(1));
        self.candidates = above;
        self.candidates_bytes = self.candidates.values().map(|block| held_bytes(block)).sum();
        self.current = block.clone();
        match &mut self.hops {
            Some(hops) => hops.push(block, BUNDLE_BYTES_MAX),
            None => Ok(()),
        }
    }

    fn replace_current(&mut self, block: VerifiedBlock) {
        self.current = block.clone();
        if let Some(hops) = &mut self.hops {
            hops.replace_last(block);
        }
    }

    /// Goes on until there is something to wait for.
    pub fn advance(&mut self, desk: &mut Desk, now: Instant) -> Walked {
        if self.current.height() >= self.target {
            return Walked::Reached;
        }
        if now >= self.ends {
            return self.out_of_budget(format!("{} s", WALK_TIME_MAX.as_secs()));
        }
        if !matches!(self.waiting, Waiting::Nothing) {
            return Walked::Pending;
        }
        if let Err(error) = verify::is_trusted_at(&self.current, &desk.rules, desk.at) {
            return self.refused(&error);
        }
        let next_height = self.current.height().saturating_add(1);
        if self.current.next_validators().is_none() {
            let hash = self.current.header().next_validators_hash;
            let adjacent = self.candidates.get(&next_height).map(|block| Arc::clone(&block.validators));
            let is_adjacent_known = adjacent.is_some();
            match desk.fetcher.sets.by_hash(&hash).or(adjacent.filter(|set| set.hash() == hash)) {
                Some(set) => match self.current.clone().with_next_validators(set) {
                    Ok(current) => self.replace_current(current),
                    Err(error) => return self.refused(&error),
                },
                // The block that follows directly needs no basis: it is verified or refused by what the header names.
                None if is_adjacent_known => {}
                None => {
                    self.waiting = Waiting::NextSet(desk.fetcher.validators(next_height, hash));
                    return Walked::Pending;
                }
            }
        }
        self.try_candidates(desk)
    }

    /// Tries to verify the highest candidate that the current block reaches; else fetches a pivot.
    fn try_candidates(&mut self, desk: &mut Desk) -> Walked {
        let mut lowest = self.target;
        let from = self.current.height();
        for (height, block) in self.candidates.iter().rev() {
            lowest = *height;
            let mut range = Range::start(&self.current);
            match range.push_skipping(&self.current, Arc::clone(block), &desk.rules, desk.at) {
                Ok(()) => {
                    if let Some(share) = verify::trusted_share_ppm(&self.current, block) {
                        self.pivots.observe(from, *height, share);
                    }
                    let (work, sealed) = range.seal();
                    self.waiting = Waiting::Signatures(desk.send(work, sealed.signatures()), sealed);
                    return Walked::Pending;
                }
                Err(VerifyError::NotEnoughTrust { .. }) => {
                    self.pivots.fell_short(&mut desk.steps, *height);
                    if let Some(share) = verify::trusted_share_ppm(&self.current, block) {
                        self.pivots.observe(from, *height, share);
                    }
                }
                Err(VerifyError::NoBasis { .. }) => {}
                Err(error) => return self.refused(&error),
            }
        }
        if self.fetched >= WALK_BLOCKS_MAX {
            return self.out_of_budget(format!("{WALK_BLOCKS_MAX} blocks"));
        }
        self.fetched = self.fetched.saturating_add(1);
        let pivot = match self.candidates.is_empty() {
            true => self.target,
            false => {
                self.pivots.choose(&desk.steps, from, lowest).min(lowest.saturating_sub(1)).max(from.saturating_add(1))
            }
        };
        self.waiting = Waiting::Block(desk.fetcher.block(pivot, To::Only(self.provider), true), pivot);
        Walked::Pending
    }

    fn refused(&self, error: &VerifyError) -> Walked {
        Walked::refused(self.provider, error)
    }

    fn out_of_budget(&self, what: alloc::string::String) -> Walked {
        let why = format!("the way to height {} needs more than {what}", self.target);
        Walked::Failed(Failed::by(self.provider, Verdict::Refusing, why))
    }
}

/// Returns about how much memory a candidate holds: blocks far apart have different sets.
fn held_bytes(block: &LightBlock) -> usize {
    block.size_bytes().saturating_add(block.validators.size_bytes())
}
