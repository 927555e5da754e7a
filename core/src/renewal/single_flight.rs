//! Single flight: one thread at a time leads a renewal or a save. The others join it, and wait until it
//! finishes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::goal::{Goal, Parked, Renewal};
use super::leader::Leader;
use super::state::{Facts, LET_PASS, Next};
use super::{Login, LoginState, min_time};
use crate::call::{Deadline, Waker};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::os::{fork_count, this_thread};
use crate::sync::{Mutex, MutexGuard, now};
use crate::token::{Now, Token};

/// A renewal or a save that a thread leads.
pub(super) struct SingleFlight {
    thread: usize,
    /// A forked child inherits the note of a flight whose thread it does not have.
    forks: u32,
    /// It is to renew, not only to save.
    renews: bool,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// None: it has not finished.
    outcome: Option<Arc<Outcome>>,
    /// The calls that wait for it.
    waiting: Vec<Waker>,
}

/// What a flight brought.
pub(super) struct Outcome {
    pub token: Result<Arc<Token>>,
    /// The store was offered a token.
    pub offered: bool,
    /// The calls that waited for it may take it. If not, it was short of time or attempts, or its call was
    /// cancelled, or it asked nobody: another call may have more of both.
    pub is_for_all: bool,
}

impl SingleFlight {
    pub(super) fn begin(renews: bool) -> Arc<SingleFlight> {
        Arc::new(SingleFlight {
            thread: this_thread(),
            forks: fork_count(),
            renews,
            progress: Mutex::new(Progress::default()),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has finished.
    pub(super) fn wait(&self, deadline: &Deadline) -> Result<Arc<Outcome>> {
        let mut progress = self.progress();
        deadline.waker().join(&mut progress.waiting);
        loop {
            if let Some(outcome) = &progress.outcome {
                return Ok(outcome.clone());
            }
            drop(progress);
            let waited = deadline.wait(&[], None);
            progress = self.progress();
            if waited.is_err() && progress.outcome.is_none() {
                let what = "while another thread was renewing this client's token";
                return Err(Error::timeout(what));
            }
        }
    }

    pub(super) fn finish(&self, outcome: Outcome) {
        let waiting = {
            let mut progress = self.progress();
            progress.outcome = Some(Arc::new(outcome));
            std::mem::take(&mut progress.waiting)
        };
        waiting.iter().for_each(Waker::wake);
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.forks == fork_count()
    }

    pub(super) fn renews(&self) -> bool {
        self.renews
    }

    pub(super) fn is_led_by_this_thread(&self) -> bool {
        self.thread == this_thread() && self.is_of_this_process()
    }
}

/// What a thread finds that has a goal.
pub(super) enum Joined<'a> {
    /// It is reached.
    Done(Arc<Token>),
    /// This thread leads. `next` says what it begins with.
    Leads { leader: Leader<'a>, next: Next },
}

/// The call that goes first when the provider may be asked again, as long as this lives.
struct Pausing<'a>(&'a AtomicBool);

impl Pausing<'_> {
    /// None: another one goes first.
    fn begin(somebody_pauses: &AtomicBool) -> Option<Pausing<'_>> {
        let is_first = !somebody_pauses.swap(true, Ordering::SeqCst);
        is_first.then(|| Pausing(somebody_pauses))
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Login {
    pub(super) fn renew(&self, renewal: Renewal, deadline: &mut Deadline) -> Result<Arc<Token>> {
        self.lead_or_join(Goal::Renew(renewal), deadline)
    }

    /// Carries the goal out, or waits for the thread that does.
    pub(super) fn lead_or_join(
        &self,
        mut goal: Goal,
        deadline: &mut Deadline,
    ) -> Result<Arc<Token>> {
        loop {
            let (leader, next) = match self.join(goal, deadline)? {
                Joined::Done(token) => return Ok(token),
                Joined::Leads { leader, next } => (leader, next),
            };
            let (token, was_read_in_vain) = leader.lead(goal, next, deadline);
            match &mut goal {
                Goal::Renew(renewal)
                    if was_read_in_vain
                        && token.is_err()
                        && renewal.parked != Parked::OnlyRead
                        && deadline.left() > min_time(deadline) =>
                {
                    renewal.parked = Parked::WasRead;
                }
                _ => return token,
            }
        }
    }

    /// Waits until the goal is reached, or until this thread may lead.
    pub(super) fn join(&self, goal: Goal, deadline: &Deadline) -> Result<Joined<'_>> {
        let mut pausing = None;
        let mut is_told = false;
        let mut state = self.lock();
        loop {
            if state.ledger.is_done(goal, state.newest(), Now::read())? {
                return Ok(Joined::Done(state.ledger.token().clone()));
            }
            let Some(flight) = state.flight.clone() else {
                let next = self.next(&state, goal, pausing.is_some(), deadline)?;
                let Next::Wait(wait) = next else {
                    let leader = Leader::begin(self, &mut state, goal.renews());
                    drop(state);
                    return Ok(Joined::Leads { leader, next });
                };
                if wait > LET_PASS && pausing.is_none() {
                    pausing = Pausing::begin(self.somebody_pauses.get_or_default());
                }
                drop(state);
                self.app.log.line(Level::Trace, || {
                    format!("waiting {} ms before the provider is asked again", wait.as_millis())
                });
                deadline.pause(wait);
                state = self.lock();
                continue;
            };
            if !flight.is_of_this_process() {
                state.flight = None;
                continue;
            }
            state.refuse_inside_own_callback()?;
            drop(state); // the logger may look at this client
            if !is_told {
                is_told = true;
                let line = "waiting for another thread, which renews or saves this token";
                self.app.log.line(Level::Trace, || line.to_owned());
            }
            let outcome = flight.wait(deadline)?;
            state = self.lock();
            match goal {
                // It was offered a moment ago; once is enough.
                Goal::Save if outcome.offered => {
                    return Ok(Joined::Done(state.ledger.token().clone()));
                }
                Goal::Renew(_) if outcome.is_for_all && flight.renews() => {
                    return outcome.token.clone().map(Joined::Done);
                }
                _ => {}
            }
        }
    }

    /// What this thread does if no other one leads.
    fn next(
        &self,
        state: &LoginState,
        goal: Goal,
        pauses: bool,
        deadline: &Deadline,
    ) -> Result<Next> {
        if !goal.renews() {
            return Ok(Next::Lead);
        }
        let newest = state.newest();
        let left = deadline.left();
        state.ledger.next(
            goal,
            &Facts {
                newest,
                now: now(),
                has_parked: self.has_parked(newest),
                has_time: !left.is_zero(),
                // The provider is not asked with less than the minimum left: once more than that is enough.
                time_to_wait: left.saturating_sub(2 * min_time(deadline)),
                goes_first: pauses || !self.somebody_pauses.get_or_default().load(Ordering::SeqCst),
            },
        )
    }
}
