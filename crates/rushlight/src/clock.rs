//! The machine's clocks, read once per input.

use rushlight_core::base::{Instant, Now, UnixTime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the monotonic and the wall clock together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    origin: std::time::Instant,
}

impl Clocks {
    /// Returns clocks whose monotonic origin is this moment.
    pub(crate) fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// Returns what the clocks say.
    pub(crate) fn now(&self) -> Now {
        let since_origin = self.origin.elapsed().as_nanos();
        Now { instant: Instant(u64::try_from(since_origin).unwrap_or(u64::MAX)), wall: wall() }
    }

    /// Returns the runtime's instant that is the node's `instant`; the past is as good as now.
    pub(crate) fn tokio_instant(&self, instant: Instant) -> tokio::time::Instant {
        // Tokio's timers take about two years; a deadline further away is looked at again then.
        let since_origin = Duration::from_nanos(instant.0).min(Duration::from_secs(365 * 86_400));
        tokio::time::Instant::from_std(self.origin + since_origin)
    }
}

/// Returns the wall clock.
pub fn wall() -> UnixTime {
    let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
    };
    UnixTime::from_unix_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_keep_their_order() {
        let clocks = Clocks::new();
        let now = clocks.now().instant;
        let soon = clocks.tokio_instant(now.after(Duration::from_millis(5)));
        let late = clocks.tokio_instant(now.after(Duration::from_secs(5)));
        assert_eq!(late - soon, Duration::from_millis(4_995));
        assert!(clocks.tokio_instant(Instant(u64::MAX)) > late);
    }
}
