//! Asking the provider, again and again where the rule for a lost answer allows it.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::outcome::judge;
use super::{Login, min_time};
use crate::call::Deadline;
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::log::Level;
use crate::oauth::token_endpoint::{Attempt, End};
use crate::token::{Fields, Now, Token};

/// The most requests to the token endpoint that one call of the library sends.
const MAX_ATTEMPTS: u32 = 4;

/// The pause before the second attempt, give or take a half; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One attempt gets half of the time left, but not less than this where there is so much: giving
/// up on an answer that is only slow can lose it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one parked response is read before the other one gets its turn.
const TURN: Duration = Duration::from_millis(100);

/// How many requests to the token endpoint one call of the library may still send.
pub(crate) struct Budget {
    left: AtomicU32,
    /// This call has tried to ask, whether it was sent or not.
    is_touched: AtomicBool,
}

impl Budget {
    pub fn new() -> Budget {
        Budget::of(MAX_ATTEMPTS)
    }

    fn of(attempts: u32) -> Budget {
        Budget { left: AtomicU32::new(attempts), is_touched: AtomicBool::new(false) }
    }

    /// One attempt of this budget, or none.
    pub(super) fn one(&self) -> Budget {
        Budget::of(u32::from(self.take()))
    }

    pub(super) fn is_touched(&self) -> bool {
        self.is_touched.load(Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.load(Relaxed) == 0
    }

    fn take(&self) -> bool {
        self.is_touched.store(true, Relaxed);
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// A request that was not sent does not count.
    fn give_back(&self) {
        self.left.fetch_add(1, Relaxed);
    }
}

/// What several requests with one token came to.
pub(super) struct Asked<T> {
    pub outcome: Result<T>,
    /// One of them possibly used it.
    pub possibly_used: bool,
    /// The last one was sent, and its response can still be read.
    pub is_cut: bool,
}

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
                transport.park(self.id(), own.refresh_token(), cut);
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
            let has_two = self.app.transport().has_two_parked(self.id(), own.refresh_token());
            let time = if has_two { TURN } else { deadline.left() };
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
        let Some(cut) = transport.take_parked(self.id(), own.refresh_token()) else {
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
            transport.park(self.id(), own.refresh_token(), cut);
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

    /// Sends a request, again and again while it makes sense and there is time.
    fn repeat<T>(
        &self,
        budget: &Budget,
        deadline: &Deadline,
        mut attempt: impl FnMut(&Deadline) -> Attempt<T>,
    ) -> Asked<T> {
        let mut possibly_used = false;
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        for attempts in 1..=MAX_ATTEMPTS {
            if deadline.left() < min_time(deadline) {
                last = last.or_else(|| Some(Error::timeout("before the provider could be asked")));
                break;
            }
            if !budget.take() {
                break;
            }
            let patience = deadline.at_most(PATIENCE.max(deadline.left() / 2));
            let Attempt { end, outcome, was_kept } = attempt(&patience);
            let error = match outcome {
                Ok(granted) => {
                    return Asked { outcome: Ok(granted), possibly_used: false, is_cut: false };
                }
                Err(error) => error,
            };
            let judgement = judge(end, error.kind());
            possibly_used |= judgement.possibly_used;
            if end == End::NotSent {
                budget.give_back();
            }
            // At once after a connection that was kept for too long.
            let is_doubtful = is_doubtful(end, was_kept);
            let has_died = was_kept && matches!(end, End::NotSent | End::Cut);
            let jittered = match is_doubtful || has_died {
                true => Duration::ZERO,
                false => pause.mul_f64(0.5 + random()),
            };
            // A cancelled call repeats nothing: it has no time left.
            let too_late = deadline.left() < jittered + min_time(deadline);
            let is_last = attempts == MAX_ATTEMPTS || budget.is_empty();
            if is_doubtful && error.is(ErrorKind::Reauthorize) {
                last = Some(Error::unconfirmed_refusal());
            } else if !error.is(ErrorKind::Cancelled) || last.is_none() {
                last = Some(error.after_attempts(attempts));
            }
            if !(judgement.ask_again || is_doubtful) || too_late || is_last {
                break;
            }
            self.app.log.line(Level::Warn, || {
                let why = last.as_ref().map_or("", Error::message);
                format!("asking again in {} ms: {why}", jittered.as_millis())
            });
            if !jittered.is_zero() {
                deadline.pause(jittered);
                pause *= 2;
            }
        }
        let outcome = Err(last.unwrap_or_else(Error::asked_too_often));
        Asked { outcome, possibly_used, is_cut: false }
    }
}

/// A refusal on a kept connection can be the response to an earlier request. It is asked for again on a
/// new connection before it is believed; 429 is not, because it asks for patience.
fn is_doubtful(end: End, was_kept: bool) -> bool {
    was_kept && matches!(end, End::Response { status: 400..=428 | 430..=499, .. })
}

/// Anything from 0 up to 1, different in each process and at each call.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
