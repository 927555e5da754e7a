//! The time that one call of the library may take.

use std::time::{Duration, Instant};

use crate::log;

/// When a call has to return. Time that it spends in the program's own callbacks is given back; the
/// logger's, which is called from everywhere, is counted here.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    given_back: Duration,
    /// What this thread had spent in the logger when `at` was set.
    logged: Duration,
}

impl Deadline {
    pub fn after(timeout: Duration) -> Deadline {
        Deadline::at(Instant::now() + timeout)
    }

    fn at(at: Instant) -> Deadline {
        Deadline { at, given_back: Duration::ZERO, logged: log::time_spent() }
    }

    fn end(&self) -> Instant {
        self.at + log::time_spent().saturating_sub(self.logged)
    }

    pub fn left(&self) -> Duration {
        self.end().saturating_duration_since(Instant::now())
    }

    /// This one or `after` from now, whichever comes first.
    pub fn at_most(&self, after: Duration) -> Deadline {
        Deadline::at(self.end().min(Instant::now() + after))
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
