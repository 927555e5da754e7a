//! How long a provider asks to wait: Retry-After, and Fitbit's own header.

use std::time::{Duration, SystemTime};

use crate::http::Response;

/// Added to the provider's time: otherwise a clock that is slightly off would hit the limit again.
const SLACK: Duration = Duration::from_secs(1);

/// Longer waits are ignored.
const MAX_SECONDS: u64 = 366 * 24 * 3600;

/// Fitbit's own header comes first, because its `Retry-After` was seen to be wrong. `Retry-After` is a number
/// of seconds or an HTTP date. A value that makes no sense is ignored.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let sensible = |seconds: &u64| *seconds <= MAX_SECONDS;
    let number = |name| response.header(name)?.trim().parse::<u64>().ok().filter(sensible);
    let reset = if response.status == 429 { number("fitbit-rate-limit-reset") } else { None };
    let seconds = reset.or_else(|| number("retry-after")).or_else(|| {
        let date = httpdate::parse_http_date(response.header("retry-after")?.trim()).ok()?;
        let wait = date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).filter(sensible)
    })?;
    Some(Duration::from_secs(seconds) + SLACK)
}
