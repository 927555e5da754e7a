//! The thread that leads: it takes the ledger out, goes through the store, and puts the ledger back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::goal::Goal;
use super::single_flight::{Outcome, SingleFlight};
use super::state::{Found, Ledger, Named, Next, Refusal, Task};
use super::{Login, LoginState, min_time};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Level, Log, Stopwatch};
use crate::store::{Marker, Store, Stored, Transaction, Write};
use crate::token::{Now, Token};

/// The thread that leads. It has the login's ledger in hand, and puts it back when this is dropped.
pub(super) struct Leader<'a> {
    pub(super) login: &'a Login,
    flight: Arc<SingleFlight>,
    pub(super) ledger: Ledger,
    store: Arc<dyn Store>,
    /// What the calls that wait are told if there is no token for them.
    error: Option<Error>,
    pub(super) came_to: CameTo,
    /// The store was offered a token.
    offered: bool,
    /// A request with the refresh token is under way.
    pub(super) is_asking: bool,
    is_for_all: bool,
}

/// What a flight came to, beside its result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CameTo {
    AnEnd,
    /// Nothing was asked: another process had found out that the refresh token was not used.
    Nothing,
    /// An earlier call's response was read, and the provider may be asked now.
    ReadInVain,
}

impl<'a> Leader<'a> {
    /// Only while no other thread leads.
    pub(super) fn begin(login: &'a Login, state: &mut LoginState, renews: bool) -> Leader<'a> {
        let flight = SingleFlight::begin(renews);
        state.flight = Some(flight.clone());
        let mut ledger = state.ledger.clone();
        ledger.taken_out(state.newest());
        Leader {
            login,
            flight,
            ledger,
            store: state.store.clone(),
            error: Some(Error::internal("a renewal did not come to its end")),
            came_to: CameTo::AnEnd,
            offered: false,
            is_asking: false,
            is_for_all: true,
        }
    }

    /// Carries the goal out, and finishes. True: it has only read an earlier call's response, in vain, and
    /// the provider may be asked.
    pub(super) fn lead(
        mut self,
        goal: Goal,
        next: Next,
        deadline: &mut Deadline,
    ) -> (Result<Arc<Token>>, bool) {
        let mut outcome = self.transaction(goal, next, deadline);
        if is_refusal(&outcome) && self.store.is_shared() {
            // The person may have logged in again elsewhere, or another process has renewed what was refused
            // here.
            let again = self.transaction(goal, next, deadline);
            if !is_refusal(&again) {
                outcome = again;
            }
        }
        let ends_doubt = matches!(goal, Goal::Renew(_) | Goal::Revoke);
        if outcome.is_ok() && ends_doubt && self.came_to != CameTo::Nothing {
            self.login.parking().forget(self.login.id());
        }
        let was_read_in_vain = self.came_to == CameTo::ReadInVain;
        (self.finish(outcome, goal, deadline), was_read_in_vain)
    }

    /// Saves the token into another store, over what is there. If that fails, everything stays as it was.
    pub(super) fn move_to(mut self, to: Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        let outcome = self.try_to_move(to, deadline);
        self.finish(outcome, Goal::Move, deadline).map(drop)
    }

    fn try_to_move(&mut self, to: Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        if self.ledger.is_over() {
            return Err(Error::refused_login(None));
        }
        let before = (self.ledger.clone(), std::mem::replace(&mut self.store, to));
        self.ledger.moved();
        let outcome = self.transaction(Goal::Move, Next::Lead, deadline);
        let outcome = self.ledger.store_error().cloned().map_or(outcome, Err);
        if outcome.is_err() {
            (self.ledger, self.store) = before;
        }
        outcome
    }

    fn finish(
        mut self,
        outcome: Result<()>,
        goal: Goal,
        deadline: &Deadline,
    ) -> Result<Arc<Token>> {
        let is_short = outcome.as_ref().is_err_and(|error| {
            let is_late = error.is(ErrorKind::Timeout) && deadline.left() < min_time(deadline);
            let had_only_a_part = matches!(goal, Goal::Renew(r) if r.caller.gives_only_a_part())
                && !error.is(ErrorKind::Reauthorize);
            is_late || had_only_a_part || deadline.is_cancelled()
        });
        self.is_for_all = !is_short && self.came_to == CameTo::AnEnd;
        self.error = outcome.err();
        self.result()
    }

    fn result(&self) -> Result<Arc<Token>> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.ledger.token().clone()),
        }
    }

    pub(super) fn log(&self) -> &'a Log {
        &self.login.app.log
    }

    /// Once through the store.
    fn transaction(&mut self, goal: Goal, next: Next, deadline: &mut Deadline) -> Result<()> {
        let store = self.store.clone();
        let transaction = Transaction {
            provider: self.login.app.provider,
            never_stored: self.ledger.is_never_stored(),
            renews: goal.renews(),
            deadline: deadline.clone(),
        };
        let mut decided = None;
        let mut writes = false;
        let mut outside = Stopwatch::start();
        let committed = store.transaction(&transaction, &mut |stored, marker| {
            if store.runs_program_code() {
                deadline.give_back(outside.elapsed());
            }
            let write = self.decide(&stored, marker, goal, next, deadline);
            outside = Stopwatch::start();
            decided = Some(write.as_ref().map(drop).map_err(Error::clone));
            writes = matches!(write, Ok(Write::Token { .. }));
            write
        });
        if store.runs_program_code() {
            deadline.give_back(outside.elapsed());
        }
        self.note(&committed, writes);
        match (decided, committed) {
            (None, Ok(())) => Err(Error::store("the renewal was not run")),
            (None, Err(why)) => Err(why),
            (Some(Ok(())), Err(why)) if !writes => Err(why),
            (Some(decided), _) => decided,
        }
    }

    /// What a transaction came to.
    fn note(&mut self, committed: &Result<()>, writes: bool) {
        self.offered |= writes;
        match committed {
            Ok(()) => self.ledger.committed(writes),
            Err(why) => self.ledger.not_committed(why.clone()),
        }
        if !writes || !self.store.saves() {
            return;
        }
        match committed {
            Ok(()) => self.log().line(Level::Debug, || "the token is saved".to_owned()),
            Err(why) => self.log().line(Level::Warn, || format!("the token is not saved: {why}")),
        }
    }

    /// Decides, with what is stored in hand, what is to be written.
    fn decide(
        &mut self,
        stored: &Stored,
        marker: &dyn Marker,
        goal: Goal,
        next: Next,
        deadline: &Deadline,
    ) -> Result<Write> {
        if self.ledger.is_revoked() {
            return Ok(self.ledger.after_revocation(stored));
        }
        if self.ledger.found_in_store(stored, self.store.keeps_a_marker())? == Found::AnotherToken {
            self.log().line(Level::Info, || {
                "somebody else has stored another token: it is taken".to_owned()
            });
        }
        let task = self.ledger.task(goal, next, Now::read());
        match (task, goal) {
            (Task::SaveNeedlessly, _) => self.came_to = CameTo::Nothing,
            (Task::Refuse(refusal), _) => return Err(self.refusal(refusal)),
            (Task::Name, Goal::Name { of, user_id }) => {
                match self.ledger.named(of, user_id, stored) {
                    Named::Unchanged => {}
                    Named::NotToBeSaved => return Ok(Write::Nothing),
                    Named::ToBeSaved => self.publish(),
                }
            }
            (Task::Revoke, _) => return self.revoke(deadline),
            (Task::ReadParked | Task::Ask, Goal::Renew(renewal)) => {
                return self.renew(task, stored, marker, renewal, deadline);
            }
            _ => {}
        }
        Ok(self.ledger.offer(stored))
    }

    fn refusal(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::NoRefreshToken => Error::reauthorize("there is no refresh token"),
            Refusal::Dead => {
                Error::refused_login(self.login.refresh_token_end(self.ledger.token()))
            }
        }
    }

    fn revoke(&mut self, deadline: &Deadline) -> Result<Write> {
        let token = self.ledger.token().clone();
        self.login.ask_to_revoke(&token, self.ledger.is_over(), deadline)?;
        self.log().line(Level::Info, || "the login is revoked".to_owned());
        self.ledger.revoked();
        Ok(Write::Remove)
    }

    /// From here on nothing can lose the new token: no failed save, no panic.
    pub(super) fn publish(&self) {
        self.login.lock().pending = Some(self.ledger.token().clone());
    }
}

fn is_refusal(outcome: &Result<()>) -> bool {
    outcome.as_ref().is_err_and(|error| error.is(ErrorKind::Reauthorize))
}

impl Drop for Leader<'_> {
    /// After a panic too: a flight that does not finish would keep the others waiting.
    fn drop(&mut self) {
        // It is set here only after a panic, which a guard's fitbit_renewal_run may have caught.
        if self.is_asking {
            self.ledger.interrupted();
        }
        let token = self.result();
        let mut state = self.login.lock();
        let pending = state.pending.take();
        // A child that was forked inside the program's code may have revoked the login meanwhile.
        if state.ledger.is_revoked() {
            self.ledger.revoked();
        }
        std::mem::swap(&mut state.ledger, &mut self.ledger);
        std::mem::swap(&mut state.store, &mut self.store);
        state.flight = None;
        self.login.is_troubled.store(state.ledger.is_troubled(), Ordering::Relaxed);
        drop(state);
        drop(pending);
        let (offered, is_for_all) = (self.offered, self.is_for_all);
        self.flight.finish(Outcome { token, offered, is_for_all });
    }
}
