//! Sequential: every height from a verified block to a target.
//!
//! Heights are fetched side by side within a window, linked in order as they arrive, and cut into parts whose
//! signatures are verified elsewhere, several at once. How parts are cut depends on heights alone, never on who is
//! faster, so every driver gives the same works.

use crate::base::{Hash, Instant, PeerId, WorkId};
use crate::chains::tendermint::sync::ask::{Failed, Got, RequestId};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::walk::skipping::{LOST_ANSWERS_MAX, Walked};
use crate::chains::tendermint::types::{Commit, Header, LightBlock};
use crate::chains::tendermint::verify::{Range, Sealed, VerifiedBlock, VerifyError};
use crate::chains::{To, Verdict};
use crate::work::Done;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;

/// How many heights are asked for or wait to be linked at once.
pub const WINDOW_HEIGHTS_MAX: u64 = 48;
/// How much memory heights that wait to be linked may hold before no more are asked for.
pub const WINDOW_BYTES_MAX: usize = 8 << 20;
/// How many heights go into one part.
pub const PART_HEIGHTS: usize = 128;
/// How many parts are verified at once; with their input they hold about 6 MB each at 150 validators.
pub const PARTS_MAX: usize = 3;

/// The longest time that one part takes to be fetched, linked and verified; a provider that needs longer is replaced.
///
/// Without it one that answers just before each answer would count as slow could hold the client back for hours.
pub const PART_TIME_MAX: Duration = Duration::from_secs(300);

/// A walk over every height from a verified block to a target, all headers from one provider.
#[derive(Debug)]
pub struct Sequential {
    /// The newest released block.
    current: VerifiedBlock,
    target: u64,
    provider: PeerId,
    range: Range,
    /// Heights asked for, and how often each has been asked for before.
    asked: BTreeMap<RequestId, (u64, u8)>,
    next_height: u64,
    /// Heights that wait to be linked.
    arrived: BTreeMap<u64, (Header, Commit)>,
    waiting_set: Option<(RequestId, Hash)>,
    parts: VecDeque<Part>,
    /// When the part under way should be done.
    part_ends: Instant,
}

#[derive(Debug)]
struct Part {
    work: WorkId,
    sealed: Sealed,
    done: Option<Done>,
}

impl Sequential {
    /// Starts a walk.
    pub fn start(current: VerifiedBlock, target: u64, provider: PeerId, desk: &mut Desk, now: Instant) -> Self {
        let next_height = current.height().saturating_add(1);
        let range = Range::start(&current);
        desk.fetcher.sets.keep(Arc::clone(current.validators()));
        if let Some(next) = current.next_validators() {
            desk.fetcher.sets.keep(Arc::clone(next));
        }
        let mut walk = Self {
            current,
            target,
            provider,
            range,
            asked: BTreeMap::new(),
            next_height,
            arrived: BTreeMap::new(),
            waiting_set: None,
            parts: VecDeque::new(),
            part_ends: now.after(PART_TIME_MAX),
        };
        walk.fill_window(desk);
        walk
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

    /// Forgets what is asked for.
    pub fn cancel(&mut self, desk: &mut Desk) {
        for request in core::mem::take(&mut self.asked).into_keys() {
            desk.fetcher.cancel(request);
        }
        if let Some((request, _)) = self.waiting_set.take() {
            desk.fetcher.cancel(request);
        }
        for part in core::mem::take(&mut self.parts).into_iter().filter(|part| part.done.is_none()) {
            desk.cancel_work(part.work);
        }
    }

    /// Tells whether the walk waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        self.asked.contains_key(&request) || self.waiting_set.is_some_and(|(id, _)| id == request)
    }

    /// Tells whether the walk waits for this work.
    pub fn waits_for_work(&self, work: WorkId) -> bool {
        self.parts.iter().any(|part| part.work == work && part.done.is_none())
    }

    /// Takes in what a request that the walk waits for came to.
    pub fn got(&mut self, request: RequestId, got: Got, desk: &mut Desk, now: Instant) -> Walked {
        let asked = self.asked.remove(&request);
        self.waiting_set = self.waiting_set.filter(|(id, _)| *id != request);
        match (got, asked) {
            (Got::Signed(signed), Some((height, _))) => {
                self.arrived.insert(height, *signed);
            }
            // One lost answer out of hundreds must not cost the others.
            (Got::Failed(failed), Some((height, before))) if failed.is_noted && before < LOST_ANSWERS_MAX => {
                let request = desk.fetcher.signed(height, To::Only(self.provider));
                self.asked.insert(request, (height, before.saturating_add(1)));
            }
            (Got::Failed(failed), _) => return Walked::Failed(failed),
            // A set that was asked for is in the cache now.
            _ => {}
        }
        self.advance(desk, now)
    }

    /// Goes on with what has arrived, if there is time left.
    pub fn advance(&mut self, desk: &mut Desk, now: Instant) -> Walked {
        if now >= self.part_ends {
            let (height, limit) = (self.range.tip_height(), PART_TIME_MAX.as_secs());
            let why = format!("{PART_HEIGHTS} headers took it more than {limit} s, up to height {height}");
            return Walked::Failed(Failed::by(self.provider, Verdict::Slow, why));
        }
        self.link(desk)
    }

    /// Returns when the part under way should be done.
    pub fn deadline(&self) -> Instant {
        self.part_ends
    }

    /// Takes in the signatures of a part.
    pub fn worked(&mut self, work: WorkId, done: Done, desk: &mut Desk, now: Instant) -> Walked {
        if let Some(part) = self.parts.iter_mut().find(|part| part.work == work) {
            part.done = Some(done);
        }
        while self.parts.front().is_some_and(|part| part.done.is_some()) {
            let Some(Part { sealed, done: Some(done), .. }) = self.parts.pop_front() else { break };
            match sealed.release(&self.current, done, &desk.rules, desk.at) {
                Err(refused) => return self.refused(&refused.error),
                Ok(blocks) => {
                    self.part_ends = now.after(PART_TIME_MAX);
                    let count = u64::try_from(blocks.len()).unwrap_or(u64::MAX);
                    desk.headers_verified = desk.headers_verified.saturating_add(count);
                    if let Some(last) = blocks.into_iter().next_back() {
                        self.current = last;
                    }
                }
            }
        }
        self.link(desk)
    }

    /// Links what has arrived, in order, and cuts off parts.
    fn link(&mut self, desk: &mut Desk) -> Walked {
        if self.current.height() >= self.target {
            return Walked::Reached;
        }
        loop {
            let is_cut = self.range.len() >= PART_HEIGHTS || self.range.is_full();
            if !self.range.is_empty() && (is_cut || self.range.tip_height() >= self.target) {
                if self.parts.len() >= PARTS_MAX {
                    return Walked::Pending;
                }
                let (work, sealed) = self.range.seal();
                let work = desk.send(work, sealed.signatures());
                self.parts.push_back(Part { work, sealed, done: None });
                continue;
            }
            let height = self.range.tip_height().saturating_add(1);
            let Some((header, _)) = self.arrived.get(&height) else { break };
            // The set that the chain announced, not the one that this header names: if they differ, linking says so.
            let hash = self.range.next_validators_hash();
            let Some(validators) = desk.fetcher.sets.by_hash(&hash) else {
                if header.validators_hash == hash && self.waiting_set.is_none() {
                    self.waiting_set = Some((desk.fetcher.validators(height, hash), hash));
                }
                if header.validators_hash != hash {
                    let (got, want) = (header.validators_hash, hash);
                    return self.refused(&VerifyError::SetNotAnnounced { got, want });
                }
                break;
            };
            let Some((header, commit)) = self.arrived.remove(&height) else { break };
            let block = Arc::new(LightBlock { header, commit, validators });
            if let Err(error) = self.range.push_adjacent(block, &desk.rules, desk.at) {
                return self.refused(&error);
            }
            self.fill_window(desk);
        }
        self.fill_window(desk);
        Walked::Pending
    }

    fn fill_window(&mut self, desk: &mut Desk) {
        let first = self.range.tip_height().saturating_add(1);
        let held: usize = self.arrived.values().map(|(_, commit)| commit.size_bytes()).sum();
        while self.next_height <= self.target
            && self.next_height < first.saturating_add(WINDOW_HEIGHTS_MAX)
            && (held < WINDOW_BYTES_MAX || self.asked.is_empty())
        {
            let request = desk.fetcher.signed(self.next_height, To::Only(self.provider));
            self.asked.insert(request, (self.next_height, 0));
            self.next_height = self.next_height.saturating_add(1);
        }
    }

    fn refused(&self, error: &VerifyError) -> Walked {
        Walked::refused(self.provider, error)
    }
}
