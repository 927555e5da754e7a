//! Rate limits: what the provider's headers say.

use std::time::{Duration, Instant};

use ureq::http::HeaderMap;

/// The rate limit, as the provider last stated it.
#[derive(Clone, Copy)]
pub struct RateLimit {
    /// Requests allowed in each period.
    pub limit: Option<u32>,
    /// Requests left in this period.
    pub remaining: Option<u32>,
    reset: Option<u32>,
    seen: Instant,
}

impl RateLimit {
    pub(crate) fn read(headers: &HeaderMap) -> Option<RateLimit> {
        let (mut limit, mut remaining, mut reset) = (None, None, None);
        // One pass over the few headers there are costs less than three look-ups.
        for (name, value) in headers {
            let Some(what) = name.as_str().strip_prefix("fitbit-rate-limit-") else { continue };
            let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            match what {
                "limit" => limit = number,
                "remaining" => remaining = number,
                "reset" => reset = number,
                _ => {}
            }
        }
        limit.or(remaining).or(reset)?;
        Some(RateLimit { limit, remaining, reset, seen: Instant::now() })
    }

    /// Seconds from now until the next period. A part of a second counts as a whole one: a request that comes
    /// too early is refused again.
    pub fn reset(&self) -> Option<u64> {
        let reset = Duration::from_secs(u64::from(self.reset?));
        let left = reset.saturating_sub(self.seen.elapsed());
        Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }
}
