//! The time that one call of the library may take.

use std::time::{Duration, Instant};

/// When a call has to return. Time that it spends in the program's own callbacks is given back.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    given_back: Duration,
}

impl Deadline {
    pub fn after(timeout: Duration) -> Deadline {
        Deadline { at: Instant::now() + timeout, given_back: Duration::ZERO }
    }

    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// This one or `after` from now, whichever comes first.
    pub fn at_most(&self, after: Duration) -> Deadline {
        Deadline { at: self.at.min(Instant::now() + after), given_back: Duration::ZERO }
    }

    /// Gives back time that was not the library's.
    pub fn give_back(&mut self, time: Duration) {
        self.at += time;
        self.given_back += time;
    }

    /// All that was given back so far.
    pub fn given_back(&self) -> Duration {
        self.given_back
    }
}
