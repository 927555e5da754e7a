//! The simulator's time: one monotonic clock, started with it.
//!
//! Lifetimes are measured on it, so that a test never depends on the machine's date. Dates that
//! leave the simulator (a token's `exp`) are its start on the calendar plus the time since.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let started_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_unix }
    }

    /// Time since the simulator started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// `moment` (a time since the start) as a time since 1970.
    pub(crate) fn unix(&self, moment: Duration) -> Duration {
        self.started_unix + moment
    }
}
