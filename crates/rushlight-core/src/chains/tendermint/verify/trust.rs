//! What the user decides about trust.

use crate::base::{Now, TrustClock, UnixTime};
use core::fmt;
use core::time::Duration;

/// The fraction of a trusted set that must have signed a header for it to be skipped to: 1/3 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustLevel {
    numerator: u64,
    denominator: u64,
}

/// Why a fraction is not a trust level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustLevelError {
    /// The denominator is 0.
    #[error("trust level {numerator}/0 is not a fraction")]
    NoFraction {
        /// The numerator.
        numerator: u64,
    },
    /// Below 1/3 all signers could be dishonest without anybody having broken the security assumption.
    #[error("trust level {numerator}/{denominator} is below 1/3, the least that is secure")]
    BelowOneThird {
        /// The numerator.
        numerator: u64,
        /// The denominator.
        denominator: u64,
    },
    /// More than all cannot sign.
    #[error("trust level {numerator}/{denominator} is above 1")]
    AboveOne {
        /// The numerator.
        numerator: u64,
        /// The denominator.
        denominator: u64,
    },
    /// Not of the form `1/3`.
    #[error("trust level is not of the form 1/3")]
    NotAFraction,
}

impl TrustLevel {
    /// One third: the least that is secure, and the default.
    pub const ONE_THIRD: Self = Self { numerator: 1, denominator: 3 };

    /// Returns the trust level `numerator/denominator`.
    /// # Errors
    /// [`TrustLevelError::NoFraction`], [`TrustLevelError::BelowOneThird`], [`TrustLevelError::AboveOne`].
    pub fn new(numerator: u64, denominator: u64) -> Result<Self, TrustLevelError> {
        if denominator == 0 {
            return Err(TrustLevelError::NoFraction { numerator });
        }
        if u128::from(numerator).saturating_mul(3) < u128::from(denominator) {
            return Err(TrustLevelError::BelowOneThird { numerator, denominator });
        }
        if numerator > denominator {
            return Err(TrustLevelError::AboveOne { numerator, denominator });
        }
        Ok(Self { numerator, denominator })
    }

    /// Reads text of the form `1/3`; `1` stands for the whole.
    /// # Errors
    /// [`TrustLevelError`].
    pub fn from_text(text: &str) -> Result<Self, TrustLevelError> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let number = |text: &str| text.trim().parse().map_err(|_| TrustLevelError::NotAFraction);
        Self::new(number(numerator)?, number(denominator)?)
    }

    /// Returns the power of a set with `total` power that must be exceeded, rounded down.
    pub fn threshold(self, total: u64) -> u64 {
        let product = u128::from(total).saturating_mul(u128::from(self.numerator));
        u64::try_from(product / u128::from(self.denominator.max(1))).unwrap_or(u64::MAX)
    }
}

impl Default for TrustLevel {
    fn default() -> Self {
        Self::ONE_THIRD
    }
}

impl fmt::Display for TrustLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// The user's rules of trust for one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a header is trusted, counted from its own time. Must be well below the chain's unbonding period.
    pub trusting_period: Duration,
    /// What fraction of a trusted set must have signed to skip to a header.
    pub trust_level: TrustLevel,
    /// How far in the future a header may be.
    pub max_clock_drift: Duration,
}

impl Rules {
    /// The default of [`Rules::max_clock_drift`].
    pub const MAX_CLOCK_DRIFT: Duration = Duration::from_secs(10);
    /// The default of [`Rules::trusting_period`]: two thirds of the common unbonding period of 21 days would be 14 days;
    /// one week is safe for chains with ten days and more.
    pub const TRUSTING_PERIOD: Duration = Duration::from_secs(7 * 24 * 3_600);
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            trusting_period: Self::TRUSTING_PERIOD,
            trust_level: TrustLevel::ONE_THIRD,
            max_clock_drift: Self::MAX_CLOCK_DRIFT,
        }
    }
}

/// The two times by which a header is judged; see [`TrustClock`] for why there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedAt {
    /// Trust that ended by this time has expired.
    pub expiry: UnixTime,
    /// Headers beyond this time and the drift are from the future.
    pub future: UnixTime,
}

impl JudgedAt {
    /// Returns one time for both, as an offline verifier takes it.
    pub fn at(time: UnixTime) -> Self {
        Self { expiry: time, future: time }
    }

    /// Returns the times that `clock` gives for `now`.
    pub fn by_clock(clock: &TrustClock, now: Now) -> Self {
        Self { expiry: clock.expiry_now(now), future: clock.future_now(now) }
    }
}
