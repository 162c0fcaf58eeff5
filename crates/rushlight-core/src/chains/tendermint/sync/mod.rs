//! Sync: from a checkpoint to the newest head and on, through whatever providers do.
//!
//! A chain has three things under way at most. A *walk* verifies heights from the newest verified block to a target, all
//! from one provider, the primary. An *adoption* takes the newest verified block, has the witnesses confirm its hash,
//! saves it, and only then publishes it. *Proofs* answer queries by walks of their own, from the checkpoint or from a block
//! that was kept on the way. Polls of `/status` tell how high providers say that the chain is; no more is believed of them
//! than where to look.

mod adopt;
mod ask;
mod below;
mod broken;
mod open;
mod serve;
pub mod walk;

pub use adopt::confirm::{LATE_BYTES_MAX, LATE_HEADS_MAX};
pub use adopt::witness::{CHECK_TIME_MAX, DISSENT_TIME_MAX};
pub use ask::{COMMIT_BYTES_MAX, STATUS_BYTES_MAX, VALIDATORS_PAGE_BYTES_MAX};
pub use below::HISTORY_HEIGHTS_MAX;
pub use below::descend::DESCENT_HEIGHTS_MAX;
pub use below::lookup::{LOOKUPS_MAX, QUERY_HEIGHTS_MAX};
pub use serve::kept::{KEPT_BLOCKS_MAX, KEPT_BYTES_MAX};
pub use serve::prove::PROOFS_MAX;
pub use walk::sequential::{PART_HEIGHTS, PART_TIME_MAX, PARTS_MAX, Sequential, WINDOW_HEIGHTS_MAX};
pub use walk::skipping::{LOST_ANSWERS_MAX, Skipping, WALK_BLOCKS_MAX, WALK_BYTES_MAX, WALK_TIME_MAX};

use self::adopt::Adoption;
use self::adopt::confirm::LateChecks;
use self::adopt::follow::Follow;
use self::adopt::known::Known;
use self::adopt::primary::PassedOver;
use self::adopt::standing::Standings;
use self::ask::{Failed, Got, RequestId};
use self::below::Backwards;
use self::broken::Broken;
use self::serve::cometbft::Calls;
use self::serve::kept::Kept;
use self::serve::prove::Proofs;
use self::walk::Walk;
use self::walk::context::Desk;
use self::walk::skipping::Walked;
use super::snapshot::Freeze;
use super::spec::{Mode, Spec};
use super::verify::{self, JudgedAt, VerifiedBlock};
use crate::base::{Hash, Instant, Now, PeerId, SaveId, TrustClock, UnixTime, WorkId};
use crate::chains::{Action, Chain, ChainNotice, ChainStatus, Event, Fact, Level, Query, To};
use crate::rpc::Row;
use crate::work::Done;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// Returns the methods that chains of this family answer.
pub fn rows() -> Vec<&'static Row> {
    serve::methods::rows()
}

/// How far the wall clock may be behind the highest one seen before no new head is adopted.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// After how long without an anchor, a primary or an answer the next attempt is made.
const PAUSE: Duration = Duration::from_millis(500);

/// A Tendermint chain that is followed.
#[derive(Debug)]
pub struct TendermintChain {
    spec: Spec,
    clock: TrustClock,
    desk: Desk,
    /// Providers that may be asked, and who runs them as far as their addresses tell.
    peers: BTreeMap<PeerId, String>,
    known: Known,
    primary: Option<PeerId>,
    passed_over: PassedOver,
    /// The adopted head: confirmed by witnesses and saved.
    head: Option<VerifiedBlock>,
    head_witnesses: (u32, u32),
    checkpoint_time: Option<UnixTime>,
    anchoring: Option<RequestId>,
    walk: Option<Walk>,
    adoption: Option<Adoption>,
    late: LateChecks,
    standings: Standings,
    /// Heads of earlier times, from which proofs are walked.
    kept: Kept,
    proofs: Proofs,
    calls: Calls,
    backwards: Backwards,
    follow: Follow,
    freeze: Option<Freeze>,
    is_expired: Option<(u64, UnixTime)>,
    is_clock_behind: bool,
    /// Nothing new is started before this.
    pause_until: Option<Instant>,
    /// A work panicked, and no new head was adopted since.
    broken: Option<Broken>,
    /// What was held against a provider last, and when.
    last_fault: Option<(Failed, Instant)>,
    next_save: u64,
    /// The snapshot that was there before the user changed the checkpoint.
    former: Option<Hash>,
}

impl TendermintChain {
    fn refresh_times(&mut self, now: Now) {
        self.desk.at = JudgedAt::by_clock(&self.clock, now);
        self.desk.fetcher.now = now.instant;
        let is_behind = self.clock.is_behind(now, CLOCK_TOLERANCE);
        if is_behind && !self.is_clock_behind {
            let highest = self.clock.highest_wall();
            self.notice(ChainNotice::ClockBehind { wall: now.wall, highest });
        }
        self.is_clock_behind = is_behind;
        self.clock.observe(now);
    }

    fn notice(&mut self, notice: ChainNotice) {
        self.desk.actions.push_back(Action::Notice(notice));
    }

    fn drop_walk(&mut self) {
        if let Some(mut walk) = self.walk.take() {
            walk.cancel(&mut self.desk);
        }
    }

    fn is_stopped(&self) -> bool {
        self.freeze.is_some() || self.is_expired.is_some()
    }

    /// Starts whatever can be started.
    fn go_on(&mut self, now: Now) {
        if self.pause_until.is_some_and(|until| now.instant >= until) {
            self.pause_until = None;
        }
        self.backwards.end_pause(now.instant);
        self.check_expiry();
        self.poll_providers(now);
        if self.is_stopped() || self.is_clock_behind {
            return;
        }
        if self.primary.is_none() {
            self.primary = self.peers.keys().next().copied();
        }
        let Some(primary) = self.primary.filter(|_| self.pause_until.is_none()) else { return };
        if self.head.is_none() {
            if self.anchoring.is_none() && self.adoption.is_none() {
                let request = self.desk.fetcher.block(self.spec.trust.height, To::Any, true);
                self.anchoring = Some(request);
            }
            return;
        }
        self.start_walk(primary, now);
        self.start_adoption(now);
        self.go_backwards(now);
    }

    fn check_expiry(&mut self) {
        let Some(head) = &self.head else { return };
        let expired = verify::is_trusted_at(head, &self.desk.rules, self.desk.at).err();
        match (expired, self.is_expired) {
            (Some(_), None) => {
                let at = head.time().after(self.desk.rules.trusting_period);
                let height = head.height();
                self.expire(height, at);
            }
            (None, Some(_)) => self.is_expired = None,
            _ => {}
        }
    }

    fn expire(&mut self, height: u64, at: UnixTime) {
        self.is_expired = Some((height, at));
        self.drop_walk();
        self.notice(ChainNotice::Told {
            name: "trust_expired",
            words: "trust expired; give the chain file a newer trusted header",
            level: Level::Trouble,
            facts: vec![("height", Fact::Height(height)), ("at", Fact::Time(at))],
        });
        self.refuse_proofs();
        self.refuse_calls();
        self.save_expiry();
    }

    /// Walks on from the newest verified block to where the primary says that the chain is.
    fn start_walk(&mut self, primary: PeerId, now: Now) {
        if self.walk.is_some() {
            return;
        }
        // While a head is being adopted the next one waits, so that a walk always starts from what is adopted.
        if self.adoption.is_some() {
            return;
        }
        let Some(head) = self.head.clone() else { return };
        let Some(latest) = self.desk.fetcher.status_of(primary).map(|status| status.latest_height) else { return };
        // What the witnesses do not have yet they cannot confirm: where they stand lower, what they have comes first.
        let witnessed = self.witnessed_height(primary).filter(|height| *height > head.height());
        let target = witnessed.map_or(latest, |height| height.min(latest));
        if target <= head.height() {
            return;
        }
        let desk = &mut self.desk;
        self.walk = Some(match self.spec.mode {
            Mode::Sequential => Walk::Sequential(Box::new(Sequential::start(head, target, primary, desk, now.instant))),
            Mode::Skipping => {
                Walk::Skipping(Box::new(Skipping::start(head, target, primary, false, desk, now.instant)))
            }
        });
    }

    fn got(&mut self, request: RequestId, got: Got, now: Now) {
        if self.anchoring == Some(request) {
            self.anchoring = None;
            self.anchored(got, now);
        } else if self.follow.is_waited_for(request) {
            self.polled(request, got, now);
        } else if self.walk.as_ref().is_some_and(|walk| walk.waits_for_request(request)) {
            let desk = &mut self.desk;
            let walked = match self.walk.as_mut() {
                Some(Walk::Skipping(walk)) => walk.got(got, desk, now.instant),
                Some(Walk::Sequential(walk)) => walk.got(request, got, desk, now.instant),
                None => return,
            };
            self.walked(walked, now);
        } else if let Some(got) = self.check_got(request, got, now) {
            self.got_for_query(request, got, now);
        }
    }

    fn got_for_query(&mut self, request: RequestId, got: Got, now: Now) {
        if self.backwards.waits_for_request(request) {
            self.backwards_got(request, got, now);
        } else if self.calls.waits_for_request(request) {
            self.call_got(request, got, now);
        } else {
            self.proof_got(request, got, now);
        }
    }

    fn walked(&mut self, walked: Walked, now: Now) {
        match walked {
            Walked::Pending => {
                let progress = self.walk.as_ref().map(|walk| (walk.current().height(), walk.target()));
                if let Some((height, target)) = progress
                    && self.follow.is_progress(height)
                {
                    self.notice(ChainNotice::Progress { height, target });
                }
            }
            // The adoption takes it from here.
            Walked::Reached => {}
            Walked::Failed(failed) => {
                self.drop_walk();
                self.fault(&failed, now.instant);
                if self.walk.is_none() && self.pause_until.is_none() && failed.is_noted {
                    self.pause_until = Some(now.instant.after(PAUSE));
                }
            }
            Walked::Expired(height, at) => self.expire(height, at),
            // Only walks for bundles keep blocks.
            Walked::TooLarge(_) => self.drop_walk(),
        }
    }

    fn worked(&mut self, work: WorkId, done: Done, now: Now) {
        if self.is_stopped() {
            return;
        }
        if let Some(message) = done.panic() {
            self.work_panicked(work, done.kind(), message, now);
            return;
        }
        if self.walk.as_ref().is_some_and(|walk| walk.waits_for_work(work)) {
            let desk = &mut self.desk;
            let walked = match self.walk.as_mut() {
                Some(Walk::Skipping(walk)) => walk.worked(done, desk, now.instant),
                Some(Walk::Sequential(walk)) => walk.worked(work, done, desk, now.instant),
                None => return,
            };
            self.walked(walked, now);
        } else if let Some(done) = self.check_worked(work, done, now) {
            if self.calls.waits_for_work(work) {
                self.call_worked(work, done, now);
            } else {
                self.proof_worked(work, done, now);
            }
        }
    }

    fn next_save(&mut self) -> SaveId {
        let id = SaveId(self.next_save);
        self.next_save = self.next_save.saturating_add(1);
        id
    }
}

impl Chain for TendermintChain {
    fn handle(&mut self, now: Now, event: Event<'_>) {
        self.refresh_times(now);
        match event {
            Event::Tick => {
                self.tick_walk(now);
                self.tick_adoption(now);
                self.tick_checks(now);
                self.tick_proofs(now);
                self.tick_backwards(now);
            }
            Event::PeerJoined { peer, origin, operator } => {
                self.known.joined(peer, origin);
                self.peers.insert(peer, operator);
                self.follow.poll_soon(now.instant);
            }
            Event::PeerLeft(peer) => self.peer_left(peer, now.instant),
            Event::Replied { ask, peer, reply } => {
                let completed = self.desk.fetcher.replied(ask, peer, reply);
                for failed in core::mem::take(&mut self.desk.fetcher.faults) {
                    self.hold(&failed, now.instant);
                }
                if let Some((request, got)) = completed {
                    self.got(request, got, now);
                }
            }
            Event::Unanswered { ask, failed } => {
                if let Some((request, got)) = self.desk.fetcher.unanswered(ask, failed) {
                    self.got(request, got, now);
                }
            }
            Event::Worked(work, done) => self.worked(work, done, now),
            Event::Saved(save, is_saved) => self.saved(save, is_saved, now),
            Event::Loaded(load, blob) => self.backwards_loaded(load, blob, now),
            Event::Queried(id, Query::Call { row, bound }) | Event::Ordered(id, Query::Call { row, bound }) => {
                self.called(id, row, &bound, now);
            }
            Event::Forgotten(id) => self.forget_query(id, now),
            // Nothing is asked for in parts, providers say nothing unasked, and beyond the head there is nothing to want.
            Event::ReplyPart { .. } | Event::ReplyEnded { .. } | Event::Announced { .. } | Event::Wanted(_) => {}
        }
        self.confirm(now);
        self.go_on(now);
    }

    fn poll(&mut self) -> Option<Action> {
        self.desk.poll()
    }

    fn deadline(&self) -> Option<Instant> {
        let adoption = self.adoption.as_ref().and_then(Adoption::deadline);
        let walk = match &self.walk {
            // One that has arrived waits for its adoption, not for a time: a deadline that has passed would never be met.
            Some(walk) if walk.current().height() < walk.target() => Some(walk.deadline()),
            _ => None,
        };
        let late = self.late.deadline();
        [
            adoption,
            late,
            walk,
            self.proofs.deadline(),
            self.pause_until,
            self.backwards.deadline(),
            self.follow.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn status(&self, now: Now) -> ChainStatus {
        self.describe(now)
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows()
    }

    fn names_blob(&self, blob: &Hash) -> bool {
        self.former.as_ref() == Some(blob) || self.backwards.names_blob(blob)
    }
}

impl TendermintChain {
    fn tick_walk(&mut self, now: Now) {
        if let Some(walk) = self.walk.as_mut().filter(|walk| now.instant >= walk.deadline()) {
            let walked = walk.advance(&mut self.desk, now.instant);
            self.walked(walked, now);
        }
    }
}
