//! Following: how often providers are asked where the chain is.

use crate::base::{Instant, Now, PeerId};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::{Failed, Got, RequestId};
use crate::chains::tendermint::verify::VerifiedBlock;
use crate::chains::{ChainNotice, Verdict};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

/// The shortest time between two polls of the primary.
const POLL_MIN: Duration = Duration::from_millis(100);
/// The longest time between two polls of the primary.
const POLL_MAX: Duration = Duration::from_secs(5);
/// The time between two polls of a witness.
const POLL_WITNESS: Duration = Duration::from_secs(10);
/// How many polls fall into one block's time: the head is late by a quarter of it on average.
const POLLS_PER_BLOCK: u32 = 4;
/// So many heights may a primary be behind what another provider says it has…
const BEHIND_HEIGHTS_MAX: u64 = 5;
/// …and behind at all only for so long without a new head.
const BEHIND_TIME_MAX: Duration = Duration::from_secs(60);
/// A provider that was passed over for having failed is tried again when there has been no new head for so long and it says that
/// it has one: the primary may be what is wrong.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1_200);
/// A primary that loses so many polls in a row is replaced.
const POLLS_LOST_MAX: u8 = 3;
/// The least heights between two notices of progress.
const PROGRESS_HEIGHTS: u64 = 100;

/// When to poll whom.
#[derive(Debug, Default)]
pub struct Follow {
    waiting: BTreeMap<RequestId, PeerId>,
    next: BTreeMap<PeerId, Instant>,
    soon: Option<Instant>,
    block_time: Option<Duration>,
    progress: u64,
    /// How many polls each has lost in a row.
    lost: BTreeMap<PeerId, u8>,
    /// When the primary last brought a new head, or became the primary.
    progressed_at: Instant,
}

impl Follow {
    /// Polls all providers as soon as possible.
    pub fn poll_soon(&mut self, now: Instant) {
        self.soon = Some(now);
    }

    /// Tells whether a poll waits for this request.
    pub fn is_waited_for(&self, request: RequestId) -> bool {
        self.waiting.contains_key(&request)
    }

    /// Returns when the next poll is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.next.values().copied().chain(self.soon).min()
    }

    /// Tells whether the height is worth a notice of progress.
    pub fn is_progress(&mut self, height: u64) -> bool {
        let is_progress = height >= self.progress.saturating_add(PROGRESS_HEIGHTS);
        if is_progress {
            self.progress = height;
        }
        is_progress
    }

    /// Notes that there is a new primary.
    pub fn begins(&mut self, now: Instant) {
        self.progressed_at = now;
    }

    /// Notes a poll that came back, or did not; returns how many did not, in a row.
    fn note_poll(&mut self, peer: PeerId, is_lost: bool) -> u8 {
        if !is_lost {
            self.lost.remove(&peer);
            return 0;
        }
        let lost = self.lost.entry(peer).or_insert(0);
        *lost = lost.saturating_add(1);
        *lost
    }

    /// Learns the chain's block time from two heads.
    pub fn adopted(&mut self, old: Option<&VerifiedBlock>, new: &VerifiedBlock, now: Instant) {
        self.progressed_at = now;
        let Some(old) = old.filter(|old| old.height() < new.height()) else { return };
        let heights = u32::try_from(new.height().saturating_sub(old.height())).unwrap_or(u32::MAX);
        self.block_time = Some(new.time().since(old.time()) / heights.max(1));
    }

    fn interval(&self, is_primary: bool) -> Duration {
        if !is_primary {
            return POLL_WITNESS;
        }
        self.block_time.map_or(POLL_MAX / 5, |time| (time / POLLS_PER_BLOCK).clamp(POLL_MIN, POLL_MAX))
    }
}

impl TendermintChain {
    /// Polls those providers whose time has come.
    pub(crate) fn poll_providers(&mut self, now: Now) {
        let soon = self.follow.soon.take().is_some();
        self.follow.next.retain(|peer, _| self.peers.contains_key(peer));
        self.follow.lost.retain(|peer, _| self.peers.contains_key(peer));
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            if self.follow.waiting.values().any(|waiting| *waiting == peer) {
                continue;
            }
            let is_primary = self.primary == Some(peer);
            let is_known = self.desk.fetcher.status_of(peer).is_some();
            let is_due = self.follow.next.get(&peer).is_none_or(|at| now.instant >= *at);
            if is_due || (soon && (is_primary || !is_known)) {
                let request = self.desk.fetcher.status(peer);
                self.follow.waiting.insert(request, peer);
                self.follow.next.remove(&peer);
            }
        }
    }

    /// Replaces a primary that has nothing new for us while `other` says that it has more.
    ///
    /// A provider that is stuck, or that withholds the newest blocks, would otherwise hold us back for ever. One that
    /// only claims to have more becomes primary, cannot give it, and is found out; nobody is blamed on its word alone,
    /// else a single liar could drive honest providers into quarantine.
    fn leave_primary_behind(&mut self, other: PeerId, now: Now) {
        let latest = |peer| self.desk.fetcher.status_of(peer).map(|status| status.latest_height);
        let Some(primary) = self.primary.filter(|primary| *primary != other) else { return };
        // One that has not said yet what it has is not behind: else whoever answers first would take its place. If it never
        // says, it loses its polls.
        let (Some(said), Some(theirs)) = (latest(primary), latest(other)) else { return };
        let head = self.head.as_ref().map_or(0, VerifiedBlock::height);
        let ours = said.max(head);
        let is_long = now.instant >= self.follow.progressed_at.after(BEHIND_TIME_MAX);
        let is_behind = theirs > ours.saturating_add(BEHIND_HEIGHTS_MAX) || (theirs > ours && is_long);
        if said > head || !is_behind || self.adoption.is_some() {
            return;
        }
        let why = format!("the primary had height {ours}, another provider says {theirs}");
        self.last_fault = Some((Failed::by(primary, Verdict::Behind, why), now.instant));
        self.replace_primary(now.instant);
    }

    /// Takes in what a poll came to.
    pub(crate) fn polled(&mut self, request: RequestId, got: Got, now: Now) {
        let Some(peer) = self.follow.waiting.remove(&request) else { return };
        let next = now.instant.after(self.follow.interval(self.primary == Some(peer)));
        self.follow.next.insert(peer, next);
        let is_lost = matches!(&got, Got::Failed(failed) if failed.is_noted || failed.verdict == Verdict::Refusing);
        let lost = self.follow.note_poll(peer, is_lost);
        let is_long = now.instant >= self.follow.progressed_at.after(TRIED_AGAIN_AFTER);
        if let Got::Status(status) = &got {
            self.serves(peer, &status.chain_id);
        }
        let why = match got {
            // One lost answer is no reason to leave a primary: the walk under way would be lost with it.
            Got::Failed(failed) if is_lost && lost < POLLS_LOST_MAX && self.primary == Some(peer) => {
                return self.hold(&failed, now.instant);
            }
            Got::Failed(failed) => return self.fault(&failed, now.instant),
            // Another chain's headers would be refused one by one; here one look is enough.
            Got::Status(status) if status.chain_id != self.spec.chain_id => {
                self.desk.fetcher.statuses.remove(&peer);
                format!("it serves chain {:?}, wanted is {:?}", status.chain_id, self.spec.chain_id)
            }
            Got::Status(_) if !is_long && self.passed_over.until(peer, now.instant).is_some() => return,
            Got::Status(_) => return self.leave_primary_behind(peer, now),
            _ => return,
        };
        // It says so itself, and the user may have named the wrong chain: of no use, and no lie.
        self.fault(&Failed::by(peer, Verdict::Refusing, why), now.instant);
    }

    /// Notes which chain a provider serves, and tells the operator when it turns out that all serve another one than wanted.
    pub(crate) fn serves(&mut self, peer: PeerId, chain_id: &str) {
        self.known.serves(peer, chain_id);
        if let Some(got) = self.known.tell_other_chain(&self.spec.chain_id) {
            let want = self.spec.chain_id.clone();
            self.notice(ChainNotice::OtherChain { got, want });
        }
    }
}
