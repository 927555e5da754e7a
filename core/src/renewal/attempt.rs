//! One attempt of the leader to get a new token, inside the store's transaction: it asks the provider, or reads
//! the response to a renewal that an earlier call has sent.

use super::MAX_LAST_WAIT;
use super::goal::{Renewal, Why};
use super::leader::{CameTo, Leader};
use super::refresh::Unread;
use super::retry::Asked;
use super::state::{FailedRenewal, Failure, Task};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Level;
use crate::store::{Marker, Stored, Write};
use crate::sync::now;
use crate::token::Token;

impl Leader<'_> {
    pub(super) fn renew(
        &mut self,
        task: Task,
        stored: &Stored,
        marker: &dyn Marker,
        renewal: Renewal,
        deadline: &Deadline,
    ) -> Result<Write> {
        self.log().line(Level::Info, || format!("renewing the token: {}", renewal.why.in_words()));
        let token = match task {
            Task::ReadParked => self.read_parked(marker, renewal, deadline)?,
            _ => self.ask(marker, renewal, deadline)?,
        };
        self.ledger.granted(token);
        self.publish();
        self.log().line(Level::Info, || "the token is renewed".to_owned());
        Ok(self.ledger.write(stored))
    }

    /// Asks the provider for the token that follows.
    fn ask(&mut self, marker: &dyn Marker, renewal: Renewal, deadline: &Deadline) -> Result<Token> {
        let (login, own) = (self.login, self.ledger.token().clone());
        let after_401 = self.is_after_401(renewal);
        if renewal.budget.is_empty() {
            return Err(FailedRenewal::asked_too_often(self.ledger.failed_renewal_of(&own)));
        }
        if marker.set(&own)? {
            self.ledger.marked();
        }
        if renewal.caller.is_request() {
            login.app.open_ahead(deadline);
        }
        self.is_asking = true;
        let asked = login.ask(&own, after_401, renewal.budget, deadline);
        self.is_asking = false;
        let Asked { outcome, possibly_used, is_cut } = asked;
        let error = match outcome {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        if self.is_doubtful_refusal(&error) {
            let short = deadline.at_most(MAX_LAST_WAIT);
            if let Ok(token) = login.read(&own, after_401, &short) {
                return Ok(token);
            }
        }
        let is_doubtful = self.is_doubtful_refusal(&error);
        let error = if is_doubtful { Error::unanswered_renewal() } else { error };
        if error.is(ErrorKind::Reauthorize) {
            self.end(&error, marker);
        } else {
            let is_expected = is_cut || is_doubtful;
            let failure = Failure { error: error.clone(), possibly_used, is_expected };
            self.fail(failure, marker, deadline);
        }
        Err(error)
    }

    fn fail(&mut self, failure: Failure, marker: &dyn Marker, deadline: &Deadline) {
        self.log().line(Level::Warn, || match deadline.is_cancelled() {
            true => "the renewal was cancelled".to_owned(),
            false => format!("the token is not renewed: {}", failure.error),
        });
        if self.ledger.failed(failure, now()) {
            self.clear(marker);
        }
    }

    /// A 401 is the reason, and the new token is tried once, not for ever.
    fn is_after_401(&self, renewal: Renewal) -> bool {
        renewal.why == Why::Rejected && self.ledger.token().same_as(renewal.bad)
    }

    /// The provider refuses a single-use token that it has used for an earlier request. As long as the
    /// response to that request can come, the login is not over.
    fn is_doubtful_refusal(&mut self, error: &Error) -> bool {
        let (login, own) = (self.login, self.ledger.token().clone());
        if !error.is(ErrorKind::Reauthorize) || !own.is_single_use(login.app.provider) {
            return false;
        }
        let refused_at = self.ledger.refused(now());
        login.parking().has_older(login.id(), own.refresh_token(), refused_at)
    }

    /// Reads the response to a renewal that an earlier call has sent, as long as the provider is not to be
    /// asked again; then once more, for what has come meanwhile.
    fn read_parked(
        &mut self,
        marker: &dyn Marker,
        renewal: Renewal,
        deadline: &Deadline,
    ) -> Result<Token> {
        let (login, own) = (self.login, self.ledger.token().clone());
        if renewal.caller.is_request() {
            login.app.open_ahead(deadline);
        }
        let time = self.ledger.time_to_read(renewal.parked, deadline.left(), now());
        self.is_asking = true;
        let read = login.read(&own, self.is_after_401(renewal), &deadline.at_most(time));
        self.is_asking = false;
        let Unread { error, ask_again, .. } = match read {
            Ok(token) => return Ok(token),
            Err(unread) => unread,
        };
        if self.is_doubtful_refusal(&error) {
            return Err(Error::unanswered_renewal());
        }
        if ask_again {
            self.came_to = CameTo::ReadInVain;
        }
        match error.is(ErrorKind::Reauthorize) {
            true => self.end(&error, marker),
            false => self.log().line(Level::Debug, || {
                format!("the response to an earlier renewal was not read: {error}")
            }),
        }
        Err(error)
    }

    /// The provider has ended the login.
    fn end(&mut self, error: &Error, marker: &dyn Marker) {
        self.log().line(Level::Error, || format!("the token is not renewed: {error}"));
        self.ledger.died();
        self.clear(marker);
    }

    fn clear(&self, marker: &dyn Marker) {
        // If the marker cannot be removed, the next start sends one unnecessary request.
        let _ = marker.clear(self.ledger.token());
    }
}
