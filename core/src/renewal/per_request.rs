//! What an API request needs of the login: a token before it is sent, a look after its response, and perhaps a
//! better token after a 401.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Login;
use super::budget::Budget;
use super::goal::{Caller, Renewal, Why};
use super::state::{Ledger, ReadOrAsk};
use crate::call::Deadline;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::log::Level;
use crate::sync::now;
use crate::token::{Age, Token};

/// The longest that a request whose token works is prolonged by a renewal after it.
const MAX_AFTER_RESPONSE: Duration = Duration::from_secs(2);

impl Login {
    /// The token that a request is to carry, renewed if its age demands it.
    ///
    /// A token that still works never waits for another thread's renewal, nor for one that is likely
    /// to fail again: that comes after the response ([`Login::renew_after_response`]).
    pub fn token_for_request(
        &self,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Arc<Token>> {
        let token = self.settled(deadline, false)?;
        match self.age(&token) {
            Age::Lasting => Ok(token),
            Age::Expired => {
                let renewal = Renewal::new(&token, Why::Expired, budget, Caller::Request);
                self.renew(renewal, deadline)
            }
            Age::ExpiringSoon if !self.is_renewed_first(&token, budget) => Ok(token),
            Age::ExpiringSoon => self.renew_in_time(token, budget, deadline),
        }
    }

    /// Whether a token that still works is renewed before a request: not while another thread does
    /// it, and not if that failed the last time.
    fn is_renewed_first(&self, token: &Token, budget: &Budget) -> bool {
        let state = self.lock();
        let is_free = state.flight_of_this_process().is_none();
        is_free && !state.ledger.is_troubled_with(token) && !budget.is_empty()
    }

    /// What goes wrong here is not the request's problem yet, and half of the time is left to it.
    fn renew_in_time(
        &self,
        token: Arc<Token>,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Arc<Token>> {
        let mut half = deadline.at_most(deadline.left() / 2);
        let caller = Caller::RequestWithToken;
        let renewal = Renewal::new(&token, Why::ExpiringSoon, budget, caller);
        let renewed = self.renew(renewal, &mut half);
        deadline.give_back(half.given_back());
        match renewed {
            Err(error) if error.is(ErrorKind::Reauthorize) => Err(error),
            Err(error) if self.age(&token) == Age::Expired => Err(error),
            Err(error) => {
                self.app.log.line(Level::Warn, || {
                    format!("the token was not renewed, and still lasts: {error}")
                });
                Ok(token)
            }
            Ok(renewed) => Ok(renewed),
        }
    }

    /// After the response to a request whose token works: asks once more for a token whose renewal
    /// failed in an earlier call. The request's own result stands.
    pub fn renew_after_response(&self, budget: &Budget, deadline: &mut Deadline) {
        if budget.is_touched() || !self.is_troubled.load(Ordering::Relaxed) {
            return;
        }
        let state = self.lock();
        if state.flight_of_this_process().is_some() {
            return;
        }
        let before = state.ledger.clone();
        let token = before.token();
        let next = before.after_response(state.tried_in_vain, self.age(token), now());
        drop(state);
        let why = match next {
            ReadOrAsk::Nothing => return,
            ReadOrAsk::Peek(why) => return self.peek(token, why, budget, deadline),
            ReadOrAsk::Ask(why) => why,
        };
        let mut short = match why {
            Why::InDoubt => deadline.at_most(MAX_AFTER_RESPONSE),
            // It is not in doubt yet: if it is sent, its response is worth waiting for.
            _ => deadline.sent_within(MAX_AFTER_RESPONSE),
        };
        // What goes wrong here goes wrong again when a request needs it.
        let renewal_budget = budget.one();
        let renewal = Renewal::new(token, why, &renewal_budget, Caller::Nobody);
        let is_in_vain = self.renew(renewal, &mut short).is_err();
        deadline.give_back(short.given_back());
        let mut state = self.lock();
        let is_in_vain = is_in_vain && state.ledger.has_failed_as(&before);
        state.tried_in_vain = is_in_vain.then(now);
    }

    /// Reads what has come already of an earlier call's response.
    fn peek(&self, token: &Token, why: Why, budget: &Budget, deadline: &Deadline) {
        if self.parking().has_response(self.id(), token.refresh_token()) {
            let mut short = deadline.at_most(Ledger::time_to_peek());
            let _ = self.renew(Renewal::only_reading(token, why, budget), &mut short);
        }
    }

    /// After a 401 that says the token is not valid: the token to repeat the request with, if
    /// there can be a better one.
    pub fn token_after_401(
        &self,
        bad: &Token,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Option<Arc<Token>>> {
        let state = self.lock();
        if state.ledger.token().same_as(bad) {
            let gave_up = budget.is_empty() && state.ledger.failed_renewal_of(bad).is_none();
            if gave_up || !bad.may_be_renewed_after_401() {
                return Ok(None);
            }
        }
        drop(state);
        let renewal = Renewal::new(bad, Why::Rejected, budget, Caller::Request);
        self.renew(renewal, deadline).map(Some)
    }
}
