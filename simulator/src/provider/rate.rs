//! Counting a login's API requests within a window that starts with the first of them.

use super::world::Login;
use crate::settings::RateLimit;
use std::time::Duration;

/// How a login stands after one more request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds until the window ends, rounded up.
    pub(crate) reset: u64,
    /// Whether this request was one too many.
    pub(crate) is_over: bool,
}

impl Rate {
    pub(crate) fn count(login: &mut Login, allowed: RateLimit, now: Duration) -> Self {
        if login.requests == 0 || now.saturating_sub(login.window_started) >= allowed.window {
            login.requests = 0;
            login.window_started = now;
        }
        login.requests += 1;
        let left = (login.window_started + allowed.window).saturating_sub(now);
        Self {
            limit: allowed.limit,
            remaining: allowed.limit.saturating_sub(login.requests),
            reset: left.as_secs() + u64::from(left.subsec_nanos() > 0),
            is_over: login.requests > allowed.limit,
        }
    }
}
