//! The time that one call of the library may take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cancel::{Bell, Call, Cancel};
use crate::error::{Error, Result};
use crate::log;
use crate::sync::now;

/// When a call has to return, and whether it was cancelled. Time that it spends in the program's own
/// callbacks is given back; the logger's, which is called from everywhere, is counted here.
#[derive(Clone)]
pub(crate) struct Deadline {
    at: Instant,
    given_back: Duration,
    /// What this thread had spent in the logger when `at` was set.
    logged: Duration,
    /// None: it cannot be cancelled any more.
    call: Option<Call>,
    /// When it ends if nothing single-use was sent by then.
    until_sent: Option<Instant>,
}

impl Deadline {
    pub fn after(timeout: Duration, cancel: &Arc<Cancel>) -> Deadline {
        Deadline::at(now() + timeout, Some(cancel.begin()))
    }

    fn at(at: Instant, call: Option<Call>) -> Deadline {
        let given_back = Duration::ZERO;
        Deadline { at, given_back, logged: log::time_spent(), call, until_sent: None }
    }

    /// So much time from now on for what the same call does next.
    pub fn anew(&self, timeout: Duration) -> Deadline {
        Deadline::at(now() + timeout, self.call.clone())
    }

    /// For what must not be given up half-way.
    pub fn uncancellable(&self) -> Deadline {
        Deadline { call: None, ..self.clone() }
    }

    /// The same, which ends after so much time already if nothing single-use was sent by then.
    pub fn sent_within(&self, time: Duration) -> Deadline {
        Deadline { until_sent: Some(now() + time), ..self.clone() }
    }

    /// Once something single-use is sent, its answer is waited for.
    pub fn once_sent(&self) -> Deadline {
        Deadline { call: None, until_sent: None, ..self.clone() }
    }

    pub fn call(&self) -> Option<&Call> {
        self.call.as_ref()
    }

    pub fn is_cancelled(&self) -> bool {
        self.call.as_ref().is_some_and(Call::is_cancelled)
    }

    /// What a call answers that was cancelled, whatever it came to.
    pub fn unless_cancelled<T>(&self, outcome: Result<T>) -> Result<T> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { outcome }
    }

    /// What a call answers whose success counts although it was cancelled.
    pub fn cancelled_or<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() { self.unless_cancelled(outcome) } else { outcome }
    }

    /// Does nothing for so long, or until the call is cancelled.
    pub fn pause(&self, time: Duration) {
        Arc::new(Bell::default()).wait(&self.anew(time), || false);
    }

    fn end(&self) -> Instant {
        self.at + log::time_spent().saturating_sub(self.logged)
    }

    /// Nothing, if the call was cancelled.
    pub fn left(&self) -> Duration {
        if self.is_cancelled() {
            return Duration::ZERO;
        }
        let end = self.until_sent.map_or(self.end(), |until_sent| until_sent.min(self.end()));
        end.saturating_duration_since(now())
    }

    /// This one or `after` from now, whichever comes first.
    pub fn at_most(&self, after: Duration) -> Deadline {
        Deadline {
            until_sent: self.until_sent,
            ..Deadline::at(self.end().min(now() + after), self.call.clone())
        }
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
