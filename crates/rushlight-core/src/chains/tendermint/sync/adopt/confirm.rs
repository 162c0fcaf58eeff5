//! Confirming: the check that a head waits for, and those that live on after their heads were adopted.
//!
//! A head does not wait for the slowest witness, so what that one has to say is heard later: a dissent that comes after the
//! head was adopted freezes the chain as an early one does. A witness is asked one thing at a time, about the oldest head
//! first; heads, and the bytes that they hold, are bounded.

use crate::base::{Instant, Now, PeerId, WorkId};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::adopt::kin::independent;
use crate::chains::tendermint::sync::adopt::witness::{Checked, CrossCheck};
use crate::chains::tendermint::sync::adopt::{Adoption, Stage};
use crate::chains::tendermint::sync::ask::{Got, RequestId};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::verify;
use crate::work::Done;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

/// The most adopted heads about which somebody has not answered yet.
pub const LATE_HEADS_MAX: usize = 16;
/// The most bytes that they hold together.
pub const LATE_BYTES_MAX: usize = 8 << 20;

/// Checks of adopted heads, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct LateChecks(VecDeque<CrossCheck>);

impl LateChecks {
    /// Has a check live on, if there is somebody who has not answered.
    pub(crate) fn keep(&mut self, check: CrossCheck, desk: &mut Desk) {
        self.0.push_back(check);
        self.forget_answered();
        let bytes = |checks: &VecDeque<CrossCheck>| checks.iter().map(CrossCheck::size_bytes).sum::<usize>();
        while self.0.len() > LATE_HEADS_MAX || (self.0.len() > 1 && bytes(&self.0) > LATE_BYTES_MAX) {
            // A dissent is worth more than a question. Each witness has one at most, so that they cannot fill the room.
            let place = self.0.iter().position(|check| !check.is_disputed()).unwrap_or(0);
            if let Some(mut check) = self.0.remove(place) {
                check.cancel(desk);
            }
        }
    }

    /// Forgets those in which nobody has anything to say any more.
    fn forget_answered(&mut self) {
        self.0.retain(CrossCheck::is_open);
    }

    /// Forgets them all.
    pub(crate) fn cancel(&mut self, desk: &mut Desk) {
        for mut check in core::mem::take(&mut self.0) {
            check.cancel(desk);
        }
    }

    /// Returns when one of them wants to be asked again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter_map(|check| check.deadline(false)).min()
    }
}

/// Returns all checks, the oldest first.
fn all<'a>(late: &'a mut LateChecks, adoption: &'a mut Option<Adoption>) -> impl Iterator<Item = &'a mut CrossCheck> {
    let current = adoption.as_mut().and_then(|adoption| match &mut adoption.stage {
        Stage::CrossCheck(check) => Some(check),
        _ => None,
    });
    late.0.iter_mut().chain(current)
}

impl TendermintChain {
    fn current_check(&mut self) -> Option<&mut CrossCheck> {
        match self.adoption.as_mut().map(|adoption| &mut adoption.stage) {
            Some(Stage::CrossCheck(check)) => Some(check),
            _ => None,
        }
    }

    /// Takes in an answer if a check waits for it; gives it back otherwise.
    pub(crate) fn check_got(&mut self, request: RequestId, got: Got, now: Now) -> Option<Got> {
        let Some(check) = all(&mut self.late, &mut self.adoption).find(|check| check.waits_for_request(request)) else {
            return Some(got);
        };
        let checked = check.got(request, got, &mut self.standings, &mut self.desk, now.instant);
        self.all_checked(checked, now);
        None
    }

    /// Takes in signatures if a check waits for them; gives them back otherwise.
    pub(crate) fn check_worked(&mut self, work: WorkId, done: Done, now: Now) -> Option<Done> {
        let Some(check) = all(&mut self.late, &mut self.adoption).find(|check| check.waits_for_work(work)) else {
            return Some(done);
        };
        let checked = check.worked(work, done, &mut self.desk, now.instant);
        self.all_checked([checked], now);
        None
    }

    pub(crate) fn tick_checks(&mut self, now: Now) {
        let checks = all(&mut self.late, &mut self.adoption);
        let checked: Vec<Checked> = checks.flat_map(|check| check.tick(&mut self.desk, now.instant)).collect();
        self.all_checked(checked, now);
    }

    fn all_checked(&mut self, all: impl IntoIterator<Item = Checked>, now: Now) {
        for checked in all {
            match checked {
                Checked::Pending => {}
                Checked::Fault(failed) => self.fault(&failed, now.instant),
                Checked::Unproven(witness, failed) => {
                    self.standings.lose_role(witness, now.instant);
                    if let Some(failed) = failed {
                        self.fault(&failed, now.instant);
                    }
                }
                Checked::Attack(conflict) => return self.freeze(&conflict),
            }
        }
    }

    /// Returns who is asked to witness for a primary: all others, but those that are out of the role. Who has the role to
    /// lose is needed all the same when the others are too few.
    fn invited(&self, primary: PeerId, now: Now) -> BTreeMap<PeerId, String> {
        let is_in = |peer: &PeerId| *peer == primary || !self.standings.is_out(*peer, now.instant);
        let mut among = self.peers.keys().copied().filter(is_in);
        let count = independent(primary, &mut among, &self.peers, &self.desk.fetcher).len();
        let is_enough = u32::try_from(count).unwrap_or(u32::MAX) >= self.spec.witnesses_min;
        self.peers.iter().filter(|(peer, _)| !is_enough || is_in(peer)).map(|(peer, by)| (*peer, by.clone())).collect()
    }

    /// Has the witnesses asked that a new check needs.
    pub(crate) fn invite_witnesses(&mut self, now: Now) {
        let Some(primary) = self.current_check().map(|check| check.primary()) else { return };
        let invited = self.invited(primary, now);
        if let Some(check) = self.current_check() {
            invited.iter().for_each(|(peer, operator)| check.invite(*peer, operator));
        }
    }

    /// Asks each witness that owes no answer about the oldest head that it has not been asked about.
    fn ask_witnesses(&mut self, now: Now) {
        let late = self.late.0.len();
        let primary = self.current_check().map(|check| check.primary());
        let invited = primary.map(|primary| self.invited(primary, now)).unwrap_or_default();
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            if all(&mut self.late, &mut self.adoption).any(|check| check.is_busy_with(peer)) {
                continue;
            }
            let (is_out, is_invited) = (self.standings.is_out(peer, now.instant), invited.contains_key(&peer));
            let latest = self.desk.fetcher.status_of(peer).map(|status| status.latest_height);
            // A head that waits for its check has those asked again who are behind after a while; for one that was adopted
            // nobody is asked before it says that it has the height.
            let is_due = |(place, check): &(usize, &mut CrossCheck)| match *place < late {
                true => !is_out && check.is_due(peer, latest),
                false => is_invited && check.is_due(peer, None),
            };
            let due = all(&mut self.late, &mut self.adoption).enumerate().find(is_due);
            if let Some((_, check)) = due {
                check.ask(peer, &mut self.desk, now.instant);
            }
        }
    }

    /// Asks who is to be asked, and has the head adopted that is being checked once it is confirmed.
    pub(crate) fn confirm(&mut self, now: Now) {
        if self.current_check().is_some_and(|check| check.is_retry_due(now.instant)) {
            if self.is_lower_confirmable() {
                return self.give_up_check();
            }
            self.invite_witnesses(now);
            self.current_check().into_iter().for_each(CrossCheck::retry);
        }
        self.late.forget_answered();
        self.ask_witnesses(now);
        let is_disputed = self.late.0.iter().any(CrossCheck::is_disputed);
        let asked = all(&mut self.late, &mut self.adoption).flat_map(|check| check.asked()).collect();
        let Some(Stage::CrossCheck(check)) = self.adoption.as_mut().map(|adoption| &mut adoption.stage) else { return };
        let (min, standings, fetcher) = (self.spec.witnesses_min, &self.standings, &self.desk.fetcher);
        let is_enough = check.is_enough(min, &asked, standings, fetcher, now.instant);
        if is_enough && !is_disputed {
            self.confirmed();
        } else if check.is_over(now.instant) {
            self.give_up_check();
        }
    }

    fn confirmed(&mut self) {
        let Some(Adoption { stage: Stage::CrossCheck(mut check), .. }) = self.adoption.take() else { return };
        // The clock may have gone on while witnesses were asked, or back: then the block is fetched again later.
        let is_trusted = verify::is_trusted_at(check.block(), &self.desk.rules, self.desk.at).is_ok();
        if self.is_clock_behind || !is_trusted {
            return check.cancel(&mut self.desk);
        }
        self.save_head(check.block().clone(), check.count());
        self.late.keep(check, &mut self.desk);
    }

    /// Gives up confirming a block; the walk that led to it as well, so that the next one chooses its target anew.
    fn give_up_check(&mut self) {
        if let Some(Adoption { stage: Stage::CrossCheck(mut check), .. }) = self.adoption.take() {
            check.cancel(&mut self.desk);
        }
        self.drop_walk();
    }

    /// Tells whether a height above the head and below the one that is checked could be confirmed now.
    fn is_lower_confirmable(&mut self) -> bool {
        let Some((primary, height)) = self.current_check().map(|check| (check.primary(), check.block().height()))
        else {
            return false;
        };
        let head = self.head.as_ref().map_or(0, |head| head.height());
        self.witnessed_height(primary).is_some_and(|witnessed| head < witnessed && witnessed < height)
    }

    /// Returns the newest height that enough witnesses say they have; `None` when none are needed or too few say anything.
    pub(crate) fn witnessed_height(&self, primary: PeerId) -> Option<u64> {
        let latest = |peer| self.desk.fetcher.status_of(peer).map(|status| status.latest_height);
        let mut heights: Vec<u64> = self.witnesses(primary).into_iter().filter_map(latest).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let place = usize::try_from(self.spec.witnesses_min).ok()?.checked_sub(1)?;
        heights.get(place).copied()
    }
}
