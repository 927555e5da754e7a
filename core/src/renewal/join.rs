//! Whether a thread leads or joins another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::goal::{Goal, Parked, Renewal};
use super::leader::Leader;
use super::state::{Facts, LET_PASS, Next};
use super::{Login, LoginState, min_time};
use crate::call::Deadline;
use crate::error::Result;
use crate::log::Level;
use crate::sync::now;
use crate::token::{Now, Token};

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
            match state.flight.clone() {
                None => {
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
                    self.pause(wait, deadline);
                    state = self.lock();
                }
                Some(flight) if !flight.is_of_this_process() => state.flight = None,
                Some(flight) => {
                    state.refuse_inside_own_callback()?;
                    drop(state); // the logger may look at this client
                    if !std::mem::replace(&mut is_told, true) {
                        let line = "waiting for another thread, which renews or saves this token";
                        self.app.log.line(Level::Trace, || line.to_owned());
                    }
                    let outcome = flight.wait(deadline)?;
                    state = self.lock();
                    if let Some(brought) = flight.brought(goal, &outcome, state.ledger.token()) {
                        return brought.map(Joined::Done);
                    }
                }
            }
        }
    }

    fn pause(&self, wait: Duration, deadline: &Deadline) {
        self.app.log.line(Level::Trace, || {
            format!("waiting {} ms before the provider is asked again", wait.as_millis())
        });
        deadline.pause(wait);
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
        let somebody_pauses = self.somebody_pauses.get_or_default();
        let facts = Facts {
            newest,
            now: now(),
            has_parked: self.has_parked(newest),
            has_time: !left.is_zero(),
            // The provider is not asked with less than the minimum left: once more than that is enough.
            time_to_wait: left.saturating_sub(2 * min_time(deadline)),
            goes_first: pauses || !somebody_pauses.load(Ordering::SeqCst),
        };
        state.ledger.next(goal, &facts)
    }
}
