//! How fast a peer answers: recent answer times, their 95th percentile and what the peer costs beside others.

use core::time::Duration;

/// So many recent answer times are kept per peer.
pub const ANSWER_TIMES_MAX: usize = 64;
/// With fewer answer times than this the percentile says nothing yet.
pub const ANSWER_TIMES_MIN: usize = 8;
/// What a peer is taken to need for an answer before it has given one.
pub const ANSWER_TIME_UNKNOWN: Duration = Duration::from_millis(250);

/// The times that a peer needed for its last answers.
#[derive(Clone, Debug)]
pub(super) struct AnswerTimes {
    recent: [u32; ANSWER_TIMES_MAX],
    count: usize,
    next: usize,
    mean_us: Option<u64>,
}

impl AnswerTimes {
    pub(super) fn new() -> Self {
        Self { recent: [0; ANSWER_TIMES_MAX], count: 0, next: 0, mean_us: None }
    }

    /// Takes note of an answer that came after `elapsed`, or that had not come by then.
    pub(super) fn record(&mut self, elapsed: Duration) {
        let micros = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX);
        if let Some(slot) = self.recent.get_mut(self.next) {
            *slot = micros;
        }
        self.next = self.next.saturating_add(1) % ANSWER_TIMES_MAX;
        self.count = self.count.saturating_add(1).min(ANSWER_TIMES_MAX);
        let latest = u64::from(micros);
        // An exponential mean over about eight answers: it forgets a bad minute within seconds.
        self.mean_us = Some(self.mean_us.map_or(latest, |mean| (mean.saturating_mul(7).saturating_add(latest)) / 8));
    }

    /// Returns the time within which 95 of 100 recent answers came, once [`ANSWER_TIMES_MIN`] are known: of `n` sorted
    /// times the one at place `ceil(0.95 n)`.
    pub(super) fn p95(&self) -> Option<Duration> {
        if self.count < ANSWER_TIMES_MIN {
            return None;
        }
        let mut sorted = self.recent;
        let known = sorted.get_mut(..self.count)?;
        known.sort_unstable();
        let place = self.count.saturating_mul(95).div_ceil(100).saturating_sub(1);
        known.get(place).map(|micros| Duration::from_micros(u64::from(*micros)))
    }

    /// Returns the mean of the recent answer times in microseconds, at least 1.
    pub(super) fn mean_us(&self) -> u64 {
        let unknown = u64::try_from(ANSWER_TIME_UNKNOWN.as_micros()).unwrap_or(u64::MAX);
        self.mean_us.unwrap_or(unknown).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: impl IntoIterator<Item = u64>) -> AnswerTimes {
        let mut times = AnswerTimes::new();
        millis.into_iter().for_each(|ms| times.record(Duration::from_millis(ms)));
        times
    }

    #[test]
    fn p95_is_the_time_at_place_ceil_of_95_hundredths() {
        assert_eq!(times(1..8).p95(), None);
        assert_eq!(times(1..=8).p95(), Some(Duration::from_millis(8)));
        assert_eq!(times(1..=20).p95(), Some(Duration::from_millis(19)));
        assert_eq!(times((1..=40).rev()).p95(), Some(Duration::from_millis(38)));
        // Only the last 64 count: 37 to 100, of which the 61st is 97.
        assert_eq!(times(1..=100).p95(), Some(Duration::from_millis(97)));
    }

    #[test]
    fn the_mean_follows_the_last_answers() {
        assert_eq!(times([]).mean_us(), 250_000);
        assert_eq!(times([80]).mean_us(), 80_000);
        assert_eq!(times([80, 160]).mean_us(), 90_000);
        assert_eq!(times([0]).mean_us(), 1);
        assert_eq!(times([u64::MAX / 1000]).mean_us(), u64::from(u32::MAX));
    }
}
