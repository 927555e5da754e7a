//! The refresh request (RFC 6749 section 6), reading its response in a later call, and revoking.

use std::time::Duration;

use super::Login;
use super::budget::Budget;
use super::lost_response::judge;
use super::retry::{Asked, is_doubtful};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Level;
use crate::oauth::token_endpoint::Attempt;
use crate::token::{Fields, Now, Token};

/// How long one parked response is read before the other one is.
const READ_IN_TURN: Duration = Duration::from_millis(100);

/// No token was read.
pub(super) struct Unread {
    pub error: Error,
    /// The provider may be asked again.
    pub ask_again: bool,
    /// The response can still come.
    is_cut: bool,
}

impl Login {
    /// Asks the provider for the token that follows `own`, always with the same refresh token: Fitbit
    /// repeats its response for two minutes, and the request may never have arrived. If this call ends before
    /// the response has come, the next one can read it.
    pub(super) fn ask(
        &self,
        own: &Token,
        after_401: bool,
        budget: &Budget,
        deadline: &Deadline,
    ) -> Asked<Token> {
        let transport = self.app.transport();
        let mut fresh = self.has_parked(own);
        let mut is_cut = false;
        let asked = self.repeat(budget, deadline, |deadline| {
            let endpoint = &self.app.oauth.token_endpoint;
            let refreshed = endpoint.refresh(own, fresh, None, transport, deadline);
            fresh = true;
            is_cut = refreshed.cut.is_some();
            if let Some(cut) = refreshed.cut {
                transport.parking().put(self.id(), own.refresh_token(), cut);
            }
            refreshed.attempt
        });
        let (outcome, possibly_used) = match asked.outcome {
            // The provider has used it, also if the token that it gave out cannot be used.
            Ok(fields) => (self.received(fields, own, after_401, Duration::ZERO), true),
            Err(error) if error.is(ErrorKind::Reauthorize) => {
                (Err(error.with_refresh_token_end(self.refresh_token_end(own))), false)
            }
            Err(error) => (Err(error), asked.possibly_used),
        };
        Asked { outcome, possibly_used, is_cut }
    }

    /// Reads the response to a renewal that an earlier call has sent. Nothing is sent. If there are two, it
    /// reads by turns.
    pub(super) fn read(
        &self,
        own: &Token,
        after_401: bool,
        deadline: &Deadline,
    ) -> std::result::Result<Token, Unread> {
        let mut level = Level::Debug;
        loop {
            let has_two = self.app.transport().parking().has_two(self.id(), own.refresh_token());
            let time = if has_two { READ_IN_TURN } else { deadline.left() };
            let read = self.read_one(own, after_401, level, &deadline.at_most(time));
            level = Level::Trace;
            match read {
                Err(Unread { is_cut: true, .. }) if !deadline.left().is_zero() => {}
                read => return read,
            }
        }
    }

    fn read_one(
        &self,
        own: &Token,
        after_401: bool,
        level: Level,
        deadline: &Deadline,
    ) -> std::result::Result<Token, Unread> {
        let transport = self.app.transport();
        let Some(cut) = transport.parking().take(self.id(), own.refresh_token()) else {
            let (error, ask_again, is_cut) = (Error::unanswered_renewal(), true, false);
            return Err(Unread { error, ask_again, is_cut });
        };
        self.app.log.line(level, || {
            let milliseconds = cut.since_sent().as_millis();
            format!("reading the response to a renewal that was sent {milliseconds} ms ago")
        });
        let endpoint = &self.app.oauth.token_endpoint;
        let refreshed = endpoint.refresh(own, true, Some(cut), transport, deadline);
        let is_cut = refreshed.cut.is_some();
        if let Some(cut) = refreshed.cut {
            transport.parking().put(self.id(), own.refresh_token(), cut);
        }
        let Attempt { end, outcome, was_kept } = refreshed.attempt;
        match outcome {
            Ok(fields) => {
                let since_sent = refreshed.since_sent.unwrap_or_default();
                let token = self.received(fields, own, after_401, since_sent);
                token.map_err(|error| Unread { error, ask_again: false, is_cut })
            }
            Err(_) if is_doubtful(end, was_kept) => {
                Err(Unread { error: Error::unconfirmed_refusal(), ask_again: true, is_cut })
            }
            Err(error) => {
                let ask_again = judge(end, error.kind()).ask_again;
                let error = match error.is(ErrorKind::Reauthorize) {
                    true => error.with_refresh_token_end(self.refresh_token_end(own)),
                    false => error,
                };
                Err(Unread { error, ask_again, is_cut })
            }
        }
    }

    fn received(
        &self,
        fields: Fields,
        own: &Token,
        after_401: bool,
        since_sent: Duration,
    ) -> Result<Token> {
        let at = Now::ago(since_sent);
        Token::received(fields, Some(own), self.app.provider, after_401, at)
    }

    /// Ends the login at the provider. A token that is revoked already is revoked: this can be
    /// repeated as often as one likes.
    pub(super) fn ask_to_revoke(&self, own: &Token, dead: bool, deadline: &Deadline) -> Result<()> {
        let token = match own.refresh_token() {
            refresh_token if !refresh_token.is_empty() && !dead => refresh_token,
            _ => own.access_token(),
        };
        if token.is_empty() {
            return Ok(());
        }
        let held = [own.access_token(), own.refresh_token()];
        let transport = self.app.transport_to_revoke()?;
        self.repeat(&Budget::new(), deadline, |deadline| {
            self.app.oauth.token_endpoint.revoke(token, held, transport, deadline)
        })
        .outcome
    }
}
