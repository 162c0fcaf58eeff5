//! Which time to judge by when clocks can be wrong.

use super::{Instant, Now, UnixTime};

/// Judges expiry and "from the future" so that a jump of the wall clock can shorten trust and never extend it.
///
/// An attacker who holds old validator keys wins if the victim's clock can be set back: expired trust would be valid
/// again. So expiry is judged by the *latest* time that anything vouches for, "from the future" by the *earliest*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustClock {
    highest_wall: UnixTime,
    last: Option<Now>,
}

impl TrustClock {
    /// Returns a clock that has seen `highest_wall`, the highest wall clock ever saved.
    pub fn new(highest_wall: UnixTime) -> Self {
        Self { highest_wall, last: None }
    }

    /// Takes note of what the clocks say.
    pub fn observe(&mut self, now: Now) {
        self.highest_wall = self.expiry_now(now);
        self.last = Some(now);
    }

    /// Returns the highest time seen, which a snapshot keeps.
    pub fn highest_wall(&self) -> UnixTime {
        self.highest_wall
    }

    /// Returns the time by which trust expires: the latest of the wall clock, the highest wall clock ever seen, and
    /// the last one plus the monotonic time since.
    pub fn expiry_now(&self, now: Now) -> UnixTime {
        now.wall.max(self.highest_wall).max(self.carried(now.instant).unwrap_or(now.wall))
    }

    /// Returns the time beyond which a header is from the future: the earlier of the wall clock and the last one plus
    /// the monotonic time since.
    pub fn future_now(&self, now: Now) -> UnixTime {
        now.wall.min(self.carried(now.instant).unwrap_or(now.wall))
    }

    /// Tells whether the wall clock is behind the highest one ever seen by more than `tolerance`; then no new head may
    /// be adopted, because "from the future" and "expired" can no longer be told apart.
    pub fn is_behind(&self, now: Now, tolerance: core::time::Duration) -> bool {
        now.wall.after(tolerance) < self.highest_wall
    }

    fn carried(&self, instant: Instant) -> Option<UnixTime> {
        self.last.map(|last| last.wall.after(instant.since(last.instant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(instant_s: u64, wall_s: i64) -> Now {
        Now { instant: Instant(instant_s * 1_000_000_000), wall: UnixTime::new(wall_s, 0).unwrap() }
    }

    fn unix(seconds: i64) -> UnixTime {
        UnixTime::new(seconds, 0).unwrap()
    }

    #[test]
    fn a_wall_clock_set_back_does_not_extend_trust() {
        let mut clock = TrustClock::new(unix(0));
        clock.observe(at(0, 1_000));
        assert_eq!(clock.expiry_now(at(10, 500)), unix(1_010));
        assert_eq!(clock.future_now(at(10, 500)), unix(500));
        assert!(clock.is_behind(at(10, 500), Duration::from_secs(60)));
    }

    #[test]
    fn a_wall_clock_set_forward_shortens_trust_and_does_not_let_the_future_in() {
        let mut clock = TrustClock::new(unix(0));
        clock.observe(at(0, 1_000));
        assert_eq!(clock.expiry_now(at(10, 9_000)), unix(9_000));
        assert_eq!(clock.future_now(at(10, 9_000)), unix(1_010));
    }

    #[test]
    fn the_saved_wall_clock_counts_after_a_restart() {
        let clock = TrustClock::new(unix(5_000));
        assert_eq!(clock.expiry_now(at(0, 1_000)), unix(5_000));
        assert!(clock.is_behind(at(0, 1_000), Duration::from_secs(60)));
        assert!(!clock.is_behind(at(0, 4_990), Duration::from_secs(60)));
    }
}
