//! What an HTTP answer says of the peer that gave it, before anybody has read its body.

use super::{FetchFailed, Fetched};
use crate::peers::attempts::Miss;
use crate::peers::quarantine::RETRY_AFTER_MAX;
use crate::peers::{Ask, Verdict};
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;

/// Returns the status of an answer that is one; else what is held against its sender.
pub(in crate::peers) fn judge(result: &Result<Fetched<'_>, FetchFailed>, ask: &Ask) -> Result<u16, Miss> {
    let bytes_max = ask.answer_bytes_max;
    let why = || format!("{}: {bytes_max} bytes", FetchFailed::TooLarge);
    let too_large = || Miss { is_oversized: true, ..Miss::new(Verdict::AnotherForm, why()) };
    let (fetched, is_large) = match result {
        Ok(fetched) => (fetched, u64::try_from(fetched.body.len()).is_ok_and(|length| length > u64::from(bytes_max))),
        Err(FetchFailed::TooLarge) => return Err(too_large()),
        Err(FetchFailed::TimedOut) => return Err(Miss::slow(ask.patience)),
        Err(failed @ FetchFailed::Refused) => {
            return Err(Miss { is_reset: true, ..Miss::new(Verdict::Refusing, failed.to_string()) });
        }
        Err(failed) => return Err(Miss::new(Verdict::Refusing, failed.to_string())),
    };
    match (fetched.status, fetched.retry_after_s) {
        _ if is_large => Err(too_large()),
        (200, _) => Ok(200),
        (500, _) if !fetched.body.is_empty() => Ok(500),
        (500, _) => Err(Miss::new(Verdict::Refusing, "it answered with HTTP status 500 and no body".to_string())),
        (status @ (429 | 503), Some(s)) => {
            let why = format!("it answered with HTTP status {status} and Retry-After {s} s");
            let retry_after = Some(Duration::from_secs(u64::from(s)).min(RETRY_AFTER_MAX));
            Err(Miss { retry_after, ..Miss::new(Verdict::Refusing, why) })
        }
        (status, _) => Err(Miss::new(Verdict::Refusing, format!("it answered with HTTP status {status}"))),
    }
}
