//! The time that one call of the library may take, and what ends it earlier.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::beside::Beside;
use super::cancellation::{Ends, Handle};
use super::waiter::{Waiter, Waker};
use crate::error::{Error, Result};
use crate::log;
use crate::os::Interest;
use crate::sync::now;

/// How long a call that keeps a login from being lost may still wait after its handle was ended.
const GRACE: Duration = Duration::from_secs(2);

/// When a call has to return, and whether it was ended. Time that it spends in the program's own
/// callbacks is given back; the logger's, which is called from everywhere, is counted here.
///
/// A clone is the same call: it waits in the same place.
#[derive(Clone)]
pub(crate) struct Deadline {
    at: Instant,
    /// The time that the call had when it began.
    whole: Duration,
    given_back: Duration,
    /// What this thread had spent in the logger when `at` was set.
    logged: Duration,
    waiter: Arc<Waiter>,
    ends: Ends,
    /// What the end of the call does.
    when_ended: WhenEnded,
    /// The call ends at this time if nothing was sent by then.
    until_sent: Option<Instant>,
}

/// What happens to a call that the program ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenEnded {
    Stops,
    /// The call keeps a login from being lost. Cancelling stops it. The end of its handle leaves it a grace.
    HasGrace,
    /// The same, but cancelling changes nothing.
    IgnoresCancel,
    GoesOn,
}

/// A call whose time is over, or that was ended.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Deadline {
    pub fn after(timeout: Duration, handle: &Arc<Handle>) -> Deadline {
        Deadline {
            at: now() + timeout,
            whole: timeout,
            given_back: Duration::ZERO,
            logged: log::time_spent(),
            waiter: Waiter::of(handle),
            ends: Ends::of(handle),
            when_ended: WhenEnded::Stops,
            until_sent: None,
        }
    }

    fn at(&self, at: Instant) -> Deadline {
        let (given_back, logged) = (Duration::ZERO, log::time_spent());
        Deadline { at, given_back, logged, until_sent: None, ..self.clone() }
    }

    /// So much time from now on, for the next step of the same call.
    pub fn restarted(&self, timeout: Duration) -> Deadline {
        Deadline { whole: timeout, ..self.at(now() + timeout) }
    }

    /// The time that the call had when it began, however much of it is left.
    pub fn whole(&self) -> Duration {
        self.whole
    }

    /// For a step that must not be given up half-way.
    pub fn uncancellable(&self) -> Deadline {
        Deadline { when_ended: WhenEnded::GoesOn, ..self.clone() }
    }

    /// For a step that keeps a login from being lost: it may take two more seconds when its handle is ended.
    pub fn with_grace(self) -> Deadline {
        Deadline { when_ended: WhenEnded::HasGrace, ..self }
    }

    /// The same, but [`super::Calls::cancel`] does not end it.
    pub fn with_grace_even_if_cancelled(self) -> Deadline {
        Deadline { when_ended: WhenEnded::IgnoresCancel, ..self }
    }

    /// The same, but it ends after this time if nothing was sent by then.
    pub fn sent_within(&self, time: Duration) -> Deadline {
        Deadline { until_sent: Some(now() + time), ..self.clone() }
    }

    /// After the request was sent: the call waits for its response.
    pub fn sent(&self) -> Deadline {
        Deadline { until_sent: None, ..self.clone() }
    }

    /// After something single-use was sent: the program cannot end the call any more.
    pub fn once_sent(&self) -> Deadline {
        self.uncancellable().sent()
    }

    /// The program has ended it, and it has to stop for that.
    pub fn is_cancelled(&self) -> bool {
        match self.when_ended {
            WhenEnded::Stops => self.ends.is_ended(),
            WhenEnded::HasGrace => self.ends.is_cancelled(),
            WhenEnded::IgnoresCancel | WhenEnded::GoesOn => false,
        }
    }

    fn has_only_grace(&self) -> bool {
        matches!(self.when_ended, WhenEnded::HasGrace | WhenEnded::IgnoresCancel)
            && self.ends.is_final()
    }

    /// `outcome`, or the error of a cancelled call.
    pub fn unless_cancelled<T>(&self, outcome: Result<T>) -> Result<T> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { outcome }
    }

    /// The same, but a success counts even if the call was cancelled.
    pub fn cancelled_or<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() { self.unless_cancelled(outcome) } else { outcome }
    }

    fn end(&self) -> Instant {
        self.at + log::time_spent().saturating_sub(self.logged)
    }

    /// Nothing, if the call was cancelled.
    pub fn left(&self) -> Duration {
        if self.is_cancelled() {
            return Duration::ZERO;
        }
        let mut end = self.until_sent.map_or(self.end(), |until_sent| until_sent.min(self.end()));
        if self.has_only_grace() {
            end = end.min(*self.waiter.ended_at.get_or_init(now) + GRACE);
        }
        end.saturating_duration_since(now())
    }

    /// This one or `after` from now, whichever comes first.
    pub fn at_most(&self, after: Duration) -> Deadline {
        Deadline { until_sent: self.until_sent, ..self.at(self.end().min(now() + after)) }
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

    /// Blocks until a socket is ready, until another thread wakes this call, or at most until `until`. It can
    /// also return early. The library blocks nowhere else, except in files and in the program's callbacks.
    pub fn wait(
        &self,
        interests: &[Interest],
        until: Option<Instant>,
    ) -> std::result::Result<(), Stopped> {
        // In this order: if the call is ended from here on, it is woken.
        self.waiter.can_be_woken();
        let mut left = self.left();
        if left.is_zero() {
            return Err(Stopped);
        }
        let mut beside = self.waiter.beside();
        if beside.is_some() && self.ends.is_ended() {
            // This call may go on, but the work beside it opens no connection any more.
            *beside = None;
        }
        let mut due = until;
        let mut all = vec![];
        if let Some(beside) = &mut *beside {
            beside.step(now());
            due = due.into_iter().chain(beside.next_at()).min();
            all = beside.interests();
        }
        if let Some(due) = due {
            left = left.min(due.saturating_duration_since(now()));
        }
        let interests = match all.is_empty() {
            true => interests,
            false => {
                all.extend_from_slice(interests);
                &all
            }
        };
        if self.waiter.wait(interests, left).is_err() {
            // The system has no memory for it, or cannot wait for sockets. Do not spin at full speed.
            std::thread::sleep(left.min(Duration::from_millis(1)));
        }
        if let Some(beside) = &mut *beside
            && !self.ends.is_ended()
        {
            beside.step(now());
        }
        Ok(())
    }

    /// `beside` advances each time the call waits, until it is taken back. It is dropped when the call returns.
    pub fn go_on_beside(&self, beside: impl Beside) {
        *self.waiter.beside() = Some(Box::new(beside));
    }

    pub fn has_something_beside(&self) -> bool {
        self.waiter.beside().is_some()
    }

    /// Takes back the work beside this call, if it is of this kind.
    pub fn take_beside<T: Beside>(&self) -> Option<T> {
        let beside: Box<dyn Any> = self.waiter.beside().take()?;
        beside.downcast().ok().map(|beside| *beside)
    }

    /// For another thread, to wake this call where it waits.
    pub fn waker(&self) -> Waker {
        self.waiter.waker()
    }

    /// Waits for so long, even past the call's own time, or until the call is ended.
    pub fn pause(&self, time: Duration) {
        let pause = self.restarted(time);
        while pause.wait(&[], None).is_ok() {}
    }
}
