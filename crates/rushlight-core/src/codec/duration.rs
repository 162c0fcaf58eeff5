//! Times as people write them: `90s`, `168h`, `1d12h`.

use core::time::Duration;

/// The longest time that is read: a hundred years.
pub const DURATION_SECONDS_MAX: u64 = 100 * 366 * 86_400;

/// Reads a time such as `10s`, `15m`, `168h`, `14d`, `2w` or `1d12h`: whole numbers, each with its unit. `None` if it is not of this
/// form or longer than [`DURATION_SECONDS_MAX`].
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at_checked(digits)?;
        let mut letters = unit.chars();
        let factor = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = letters.as_str();
    }
    (seconds <= DURATION_SECONDS_MAX).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, want) in [
            ("10s", Some(10)),
            ("0s", Some(0)),
            ("168h", Some(604_800)),
            ("14d", Some(1_209_600)),
            ("1d12h", Some(129_600)),
            ("2w", Some(1_209_600)),
            ("", None),
            ("10", None),
            ("h", None),
            ("-1s", None),
            ("1.5h", None),
            ("10µs", None),
            ("99999999999999999999s", None),
            ("18446744073709551615w", None),
            ("101w99999w", None),
        ] {
            assert_eq!(duration(text).map(|duration| duration.as_secs()), want, "{text}");
        }
    }
}
