//! Which time to judge by when clocks can be wrong.

use super::{Instant, Now, UnixTime};
use core::time::Duration;

/// Judges expiry and "from the future" so that a jump of the wall clock can shorten trust and never extend it.
///
/// An attacker who holds old validator keys wins if the victim's clock can be set back: expired trust would be valid
/// again. So expiry is judged by the *latest* time that anything vouches for, "from the future" by the *earliest*.
///
/// The two sides are kept apart. Expiry goes on with the monotonic clock from the latest time there has been: otherwise
/// a wall clock that is set back by a little, again and again, would make time stand still and trust last for ever.
/// Whether the wall clock is *behind* is told from what it said itself: steps of an honest clock must not add up to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustClock {
    highest_wall: UnixTime,
    latest: UnixTime,
    last: Option<Now>,
}

impl TrustClock {
    /// Returns a clock that has seen `highest_wall`, the highest wall clock ever saved, and by which it was `latest` then.
    pub fn new(highest_wall: UnixTime, latest: UnixTime) -> Self {
        Self { highest_wall, latest: latest.max(highest_wall), last: None }
    }

    /// Takes note of what the clocks say.
    pub fn observe(&mut self, now: Now) {
        self.latest = self.expiry_now(now);
        self.highest_wall = now.wall.max(self.highest_wall).max(self.carried(now.instant).unwrap_or(now.wall));
        self.last = Some(now);
    }

    /// Returns the highest wall clock seen, which a snapshot keeps.
    pub fn highest_wall(&self) -> UnixTime {
        self.highest_wall
    }

    /// Returns the latest time by which expiry was judged, which a snapshot keeps.
    pub fn latest(&self) -> UnixTime {
        self.latest
    }

    /// Returns the time by which trust expires: the later of the wall clock and the latest time there has been plus the
    /// monotonic time since.
    pub fn expiry_now(&self, now: Now) -> UnixTime {
        let since = self.last.map_or(Duration::ZERO, |last| now.instant.since(last.instant));
        now.wall.max(self.latest.after(since))
    }

    /// Returns the time beyond which a header is from the future: the earlier of the wall clock and the last one plus
    /// the monotonic time since.
    pub fn future_now(&self, now: Now) -> UnixTime {
        now.wall.min(self.carried(now.instant).unwrap_or(now.wall))
    }

    /// Tells whether the wall clock is behind the highest one ever seen by more than `tolerance`; then no new head may
    /// be adopted, because "from the future" and "expired" can no longer be told apart.
    pub fn is_behind(&self, now: Now, tolerance: Duration) -> bool {
        now.wall.after(tolerance) < self.highest_wall
    }

    fn carried(&self, instant: Instant) -> Option<UnixTime> {
        self.last.map(|last| last.wall.after(instant.since(last.instant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instant_s: u64, wall_s: i64) -> Now {
        Now { instant: Instant(instant_s * 1_000_000_000), wall: UnixTime::new(wall_s, 0).unwrap() }
    }

    fn unix(seconds: i64) -> UnixTime {
        UnixTime::new(seconds, 0).unwrap()
    }

    #[test]
    fn a_wall_clock_set_back_does_not_extend_trust() {
        let mut clock = TrustClock::new(unix(0), unix(0));
        clock.observe(at(0, 1_000));
        assert_eq!(clock.expiry_now(at(10, 500)), unix(1_010));
        assert_eq!(clock.future_now(at(10, 500)), unix(500));
        assert!(clock.is_behind(at(10, 500), Duration::from_secs(60)));
    }

    #[test]
    fn a_wall_clock_set_forward_shortens_trust_and_does_not_let_the_future_in() {
        let mut clock = TrustClock::new(unix(0), unix(0));
        clock.observe(at(0, 1_000));
        assert_eq!(clock.expiry_now(at(10, 9_000)), unix(9_000));
        assert_eq!(clock.future_now(at(10, 9_000)), unix(1_010));
    }

    #[test]
    fn the_saved_wall_clock_counts_after_a_restart() {
        let clock = TrustClock::new(unix(5_000), unix(5_000));
        assert_eq!(clock.expiry_now(at(0, 1_000)), unix(5_000));
        assert!(clock.is_behind(at(0, 1_000), Duration::from_secs(60)));
        assert!(!clock.is_behind(at(0, 4_990), Duration::from_secs(60)));
    }

    #[test]
    fn a_wall_clock_set_back_again_and_again_does_not_stop_time() {
        let mut clock = TrustClock::new(unix(0), unix(0));
        for minute in 0..100 {
            // Every minute somebody sets the clock back by 59 s, which is within the tolerance.
            clock.observe(at(minute * 60, 1_000 + i64::try_from(minute).unwrap()));
        }
        assert_eq!(clock.expiry_now(at(6_000, 1_100)), unix(7_000));
        assert!(
            !clock.is_behind(at(6_000, 1_100), Duration::from_secs(60)),
            "the steps do not add up to a clock behind"
        );
        let restarted = TrustClock::new(clock.highest_wall(), clock.latest());
        assert_eq!(restarted.expiry_now(at(0, 1_100)), unix(6_940));
        assert!(!restarted.is_behind(at(0, 1_100), Duration::from_secs(60)));
    }
}
