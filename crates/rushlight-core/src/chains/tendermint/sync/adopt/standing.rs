//! How each witness has done in that role: how long it is waited for, and who is out of the role for a while.
//!
//! What is decided here costs nobody the right to be asked for other things, and is no accusation: a witness may be slow or
//! fail to prove what it says without a lie. But nobody sets the pace of all by it either.

use crate::base::{Instant, PeerId};
use crate::chains::Verdict;
use crate::chains::tendermint::sync::ask::Failed;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

/// A witness is waited for this many times its own 95th percentile…
const GRACE_FACTOR: u32 = 2;
/// …but at least this long…
const GRACE_MIN: Duration = Duration::from_millis(250);
/// …and at most this long. A lie can be published only if no honest witness answers within this time.
const GRACE_MAX: Duration = Duration::from_secs(1);
/// How many answers of a witness are remembered for its percentile.
const ANSWERS_MAX: usize = 32;
/// A witness that was late this many times running is no longer waited for, until it is in time again.
const LATE_MAX: u8 = 3;
/// How long a witness is out of its role the first time that it dissents and does not prove it; each further time it is
/// twice as long…
const OUT: Duration = Duration::from_secs(60);
/// …but at most this long.
const OUT_MAX: Duration = Duration::from_secs(6 * 3_600);
/// After this long in the role without another such dissent it counts as the first time.
const FORGIVEN_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// How the witnesses have done. It has an entry for each that was ever asked, which are as many as the settings name.
#[derive(Debug, Default)]
pub(crate) struct Standings(BTreeMap<PeerId, Standing>);

#[derive(Debug, Default)]
struct Standing {
    /// How long its last answers took, the oldest first.
    took: VecDeque<Duration>,
    /// How often it was late, running.
    late: u8,
    /// How often it lost the role, and until when.
    out: Option<(u32, Instant)>,
}

impl Standing {
    fn grace(&self) -> Duration {
        let mut took: Vec<Duration> = self.took.iter().copied().collect();
        took.sort_unstable();
        let place = took.len().saturating_mul(95).div_ceil(100).saturating_sub(1);
        // Who has never answered gets the longest: the first question may well be answered more slowly than the others.
        took.get(place).map_or(GRACE_MAX, |p95| p95.saturating_mul(GRACE_FACTOR).clamp(GRACE_MIN, GRACE_MAX))
    }
}

impl Standings {
    /// Returns until when a witness asked at `asked_at` is waited for; `None` when it is not waited for.
    pub(crate) fn waited_for_until(&self, peer: PeerId, asked_at: Instant) -> Option<Instant> {
        match self.0.get(&peer) {
            None => Some(asked_at.after(GRACE_MAX)),
            Some(standing) if standing.late >= LATE_MAX => None,
            Some(standing) => Some(asked_at.after(standing.grace())),
        }
    }

    /// Notes that a witness has answered, whatever it said. Returns what there is to say when it is no longer waited for.
    pub(crate) fn answered(&mut self, peer: PeerId, asked_at: Instant, now: Instant) -> Option<Failed> {
        let standing = self.0.entry(peer).or_default();
        let is_late = now > asked_at.after(standing.grace());
        standing.took.push_back(now.since(asked_at));
        if standing.took.len() > ANSWERS_MAX {
            standing.took.pop_front();
        }
        standing.note(peer, is_late)
    }

    /// Notes that a witness did not answer at all. Returns what there is to say when it is no longer waited for.
    pub(crate) fn did_not_answer(&mut self, peer: PeerId) -> Option<Failed> {
        self.0.entry(peer).or_default().note(peer, true)
    }

    /// Takes the role from a witness that dissented and did not prove it.
    pub(crate) fn lose_role(&mut self, peer: PeerId, now: Instant) {
        let (times, until) = self.0.entry(peer).or_default().out.get_or_insert((0, now));
        if now >= until.after(FORGIVEN_AFTER) {
            *times = 0;
        }
        *until = now.after(OUT.saturating_mul(1 << (*times).min(16)).min(OUT_MAX));
        *times = times.saturating_add(1);
    }

    /// Tells whether a witness is out of its role.
    pub(crate) fn is_out(&self, peer: PeerId, now: Instant) -> bool {
        self.0.get(&peer).and_then(|standing| standing.out).is_some_and(|(_, until)| now < until)
    }
}

impl Standing {
    fn note(&mut self, peer: PeerId, is_late: bool) -> Option<Failed> {
        let before = self.late;
        self.late = if is_late { self.late.saturating_add(1) } else { 0 };
        (before < LATE_MAX && self.late >= LATE_MAX).then(|| {
            let why = format!(
                "as a witness it was late {LATE_MAX} times running, by more than {} ms at most; it is asked on, and waited \
                 for again once it is in time",
                GRACE_MAX.as_millis()
            );
            // It is slow in one role, and no strike is due for that.
            Failed { is_noted: true, ..Failed::by(peer, Verdict::Slow, why) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerId = PeerId(1);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn grace(standings: &Standings) -> Option<Duration> {
        standings.waited_for_until(PEER, Instant(0)).map(|until| until.since(Instant(0)))
    }

    #[test]
    fn the_grace_is_twice_its_own_percentile_within_bounds() {
        let mut standings = Standings::default();
        assert_eq!(grace(&standings), Some(GRACE_MAX));
        for (took, want) in [(ms(1), GRACE_MIN), (ms(200), ms(400)), (ms(5_000), GRACE_MAX)] {
            let mut now = Instant(0);
            for _ in 0..ANSWERS_MAX {
                let asked_at = now;
                now = now.after(took);
                standings.answered(PEER, asked_at, now);
            }
            standings.0.get_mut(&PEER).unwrap().late = 0;
            assert_eq!(grace(&standings), Some(want), "{took:?}");
            assert_eq!(standings.0[&PEER].took.len(), ANSWERS_MAX);
        }
    }

    #[test]
    fn who_is_late_three_times_running_is_not_waited_for_until_it_is_in_time() {
        let mut standings = Standings::default();
        let late = |standings: &mut Standings| standings.answered(PEER, Instant(0), Instant(0).after(ms(1_001)));
        assert_eq!((late(&mut standings), late(&mut standings)), (None, None));
        standings.answered(PEER, Instant(0), Instant(0).after(ms(10)));
        assert_eq!((late(&mut standings), late(&mut standings)), (None, None));
        assert!(grace(&standings).is_some());
        assert_eq!(standings.did_not_answer(PEER).map(|said| said.verdict), Some(Verdict::Slow));
        assert_eq!((grace(&standings), late(&mut standings)), (None, None), "it is said once");
        standings.answered(PEER, Instant(0), Instant(0).after(ms(10)));
        assert!(grace(&standings).is_some());
    }

    #[test]
    fn who_does_not_prove_is_out_for_twice_as_long_each_time() {
        let mut standings = Standings::default();
        let mut now = Instant(0);
        for want in [60, 120, 240, 480] {
            standings.lose_role(PEER, now);
            now = now.after(Duration::from_secs(want - 1));
            assert!(standings.is_out(PEER, now), "{want}");
            now = now.after(Duration::from_secs(1));
            assert!(!standings.is_out(PEER, now), "{want}");
        }
        standings.lose_role(PEER, now.after(FORGIVEN_AFTER));
        let (times, until) = standings.0[&PEER].out.unwrap();
        assert_eq!((times, until), (1, now.after(FORGIVEN_AFTER).after(OUT)));
    }
}
