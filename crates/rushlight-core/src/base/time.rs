//! Time as an argument: a monotonic instant and the wall clock.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// A monotonic instant: nanoseconds since an origin that the driver chooses once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// Returns the instant `duration` later; saturates at the end of time (584 years).
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns how long after `earlier` this instant is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A point of civil time: seconds since 1970-01-01T00:00:00Z and nanoseconds below a second.
///
/// Years 1 to 9999, as protobuf's `Timestamp` and CometBFT allow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    seconds: i64,
    nanos: u32,
}

/// Why a time is not a [`UnixTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The seconds lie outside years 1 to 9999.
    #[error("time has {got} seconds since 1970, allowed are {} to {}", UnixTime::SECONDS_MIN, UnixTime::SECONDS_MAX)]
    SecondsOutOfRange {
        /// Seconds since 1970.
        got: i64,
    },
    /// The nanoseconds are a second or more.
    #[error("time has {got} nanoseconds, allowed are 0 to 999999999")]
    NanosOutOfRange {
        /// Nanoseconds.
        got: i64,
    },
    /// The text is not RFC 3339 in UTC.
    #[error("time is not of the form 2006-01-02T15:04:05.999999999Z")]
    NotRfc3339,
}

impl UnixTime {
    /// 0001-01-01T00:00:00Z.
    pub const SECONDS_MIN: i64 = -62_135_596_800;
    /// 9999-12-31T23:59:59Z.
    pub const SECONDS_MAX: i64 = 253_402_300_799;
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self { seconds: 0, nanos: 0 };
    /// 0001-01-01T00:00:00Z: Go's zero time, which an absent vote carries.
    pub const GO_ZERO: Self = Self { seconds: Self::SECONDS_MIN, nanos: 0 };

    /// Returns the time that is `seconds` and `nanos` after 1970.
    /// # Errors
    /// [`TimeError::SecondsOutOfRange`], [`TimeError::NanosOutOfRange`].
    pub fn new(seconds: i64, nanos: u32) -> Result<Self, TimeError> {
        if !(Self::SECONDS_MIN..=Self::SECONDS_MAX).contains(&seconds) {
            return Err(TimeError::SecondsOutOfRange { got: seconds });
        }
        if nanos >= 1_000_000_000 {
            return Err(TimeError::NanosOutOfRange { got: i64::from(nanos) });
        }
        Ok(Self { seconds, nanos })
    }

    /// Returns whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds below a second.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Returns nanoseconds since 1970.
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.seconds).saturating_mul(1_000_000_000).saturating_add(i128::from(self.nanos))
    }

    /// Returns the time that is `nanos` after 1970, clamped to years 1 to 9999.
    pub fn from_unix_nanos(nanos: i128) -> Self {
        let seconds = nanos.div_euclid(1_000_000_000);
        if seconds < i128::from(Self::SECONDS_MIN) {
            return Self::GO_ZERO;
        }
        match (i64::try_from(seconds), u32::try_from(nanos.rem_euclid(1_000_000_000))) {
            (Ok(seconds), Ok(nanos)) if seconds <= Self::SECONDS_MAX => Self { seconds, nanos },
            _ => Self { seconds: Self::SECONDS_MAX, nanos: 999_999_999 },
        }
    }

    /// Returns the time `duration` later, clamped to year 9999.
    pub fn after(self, duration: Duration) -> Self {
        Self::from_unix_nanos(
            self.unix_nanos().saturating_add(i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)),
        )
    }

    /// Returns how long after `earlier` this time is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.unix_nanos().saturating_sub(earlier.unix_nanos());
        if nanos <= 0 {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }

    /// Reads RFC 3339 text with the offset `Z` and 0 to 9 digits of fraction, as Go writes it.
    /// # Errors
    /// [`TimeError::NotRfc3339`].
    pub fn from_rfc3339(text: &str) -> Result<Self, TimeError> {
        parse_rfc3339(text.as_bytes()).ok_or(TimeError::NotRfc3339)
    }

    /// Returns RFC 3339 text with as many digits of fraction as are needed, as Go writes it.
    pub fn to_rfc3339(self) -> String {
        alloc::format!("{self}")
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(i64::from(byte.wrapping_sub(b'0'))))
    })
}

fn parse_rfc3339(text: &[u8]) -> Option<UnixTime> {
    let (head, tail) = text.split_at_checked(19)?;
    let field = |from: usize, to: usize| head.get(from..to).and_then(digits);
    let fixed = |at: usize, byte: u8| (head.get(at) == Some(&byte)).then_some(());
    fixed(4, b'-')?;
    fixed(7, b'-')?;
    fixed(10, b'T')?;
    fixed(13, b':')?;
    fixed(16, b':')?;
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = tail.strip_suffix(b"Z")?;
    let nanos = match fraction.split_first() {
        None => 0,
        Some((b'.', places)) if (1..=9).contains(&places.len()) => {
            let scale = 10_i64.pow(9_u32.saturating_sub(u32::try_from(places.len()).ok()?));
            digits(places)?.saturating_mul(scale)
        }
        Some(_) => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    UnixTime::new(seconds, u32::try_from(nanos).ok()?).ok()
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; the year starts in March so that a leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)?;
        if self.nanos != 0 {
            let mut nanos = self.nanos;
            let mut width = 9;
            while nanos.is_multiple_of(10) {
                nanos /= 10;
                width -= 1;
            }
            write!(f, ".{nanos:0width$}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the driver's clocks say at the moment of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: for deadlines.
    pub instant: Instant,
    /// The wall clock: for trusting periods and headers from the future.
    pub wall: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn rfc3339_is_read_and_written_as_go_does() {
        for text in [
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "2026-11-21T06:51:28.395Z",
            "2024-02-29T23:59:59.000000001Z",
            "9999-12-31T23:59:59.999999999Z",
            "1969-12-31T23:59:59.5Z",
        ] {
            assert_eq!(UnixTime::from_rfc3339(text).unwrap().to_string(), text);
        }
        assert_eq!(UnixTime::from_rfc3339("2026-11-21T06:51:28.395Z").unwrap().seconds(), 1_795_243_888);
        assert_eq!(UnixTime::from_rfc3339("0001-01-01T00:00:00Z").unwrap(), UnixTime::GO_ZERO);
    }

    #[test]
    fn what_is_not_rfc3339_in_utc_is_refused() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T06:51:28",
            "2026-11-21T06:51:28+00:00",
            "2026-11-21T06:51:28.Z",
            "2026-11-21T06:51:28.0000000001Z",
            "2023-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T06:51:60Z",
            "0000-01-01T00:00:00Z",
            "+026-11-21T06:51:28Z",
            "2026-11-21t06:51:28z",
            "2026-11-21T06:51:28.1 Z",
        ] {
            assert_eq!(UnixTime::from_rfc3339(text), Err(TimeError::NotRfc3339), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_is_the_inverse_of_reading(seconds in UnixTime::SECONDS_MIN..=UnixTime::SECONDS_MAX, nanos in 0_u32..1_000_000_000) {
            let time = UnixTime::new(seconds, nanos).unwrap();
            proptest::prop_assert_eq!(UnixTime::from_rfc3339(&time.to_string()).unwrap(), time);
            proptest::prop_assert_eq!(UnixTime::from_unix_nanos(time.unix_nanos()), time);
        }
    }
}
