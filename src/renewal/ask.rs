//! Asking the provider, again and again where the rule for a lost answer allows it.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::outcome::judge;
use super::{ASK_AGAIN_AFTER, Login, least_time};
use crate::call::Deadline;
use crate::error::FitbitErrorCode::{FITBIT_ERROR_CANCELLED, FITBIT_ERROR_REAUTHORIZE};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::token::{Now, Token};
use crate::token_endpoint::{Attempt, End};

/// The most requests to the token endpoint that one call of the library sends.
const MAX_ATTEMPTS: u32 = 4;

/// The pause before the second attempt, give or take a half; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One attempt gets half of the time left, but not less than this where there is so much: giving
/// up on an answer that is only slow can lose it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a response is read that an earlier call was waiting for, although its time is over: it may
/// have come meanwhile.
const LAST_LOOK: Duration = Duration::from_millis(100);

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

    /// To read what was sent already.
    pub(super) fn none() -> Budget {
        Budget::of(0)
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

    fn touch(&self) {
        self.is_touched.store(true, Relaxed);
    }

    fn take(&self) -> bool {
        self.touch();
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
    /// None was sent: only the response to an earlier call's request was looked for.
    pub only_read: bool,
}

impl Login {
    /// Asks the provider for the token that follows `own`, always with the same refresh token: Fitbit
    /// repeats its answer for two minutes, and the request may never have arrived. If an earlier call has
    /// sent the request, its response is read first, as long as the provider is not to be asked again
    /// (`pause`; none: that is not limited). If this call ends before the response has come, the next one can
    /// read it.
    pub(super) fn ask(
        &self,
        own: &Token,
        after_401: bool,
        pause: Option<Duration>,
        budget: &Budget,
        deadline: &Deadline,
    ) -> Asked<Token> {
        let transport = self.app.transport();
        let (login, refresh_token) = (self.id(), own.refresh_token());
        let mut cut = transport.take_parked(login, refresh_token);
        let resumes = cut.as_ref().map(|cut| {
            let pause = pause.unwrap_or(ASK_AGAIN_AFTER.saturating_sub(cut.since_sent()));
            pause.max(LAST_LOOK.min(deadline.left() / 4))
        });
        if let Some(cut) = &cut {
            self.app.log.line(Level::Debug, || {
                let milliseconds = cut.since_sent().as_millis();
                format!("reading the response to a renewal that was sent {milliseconds} ms ago")
            });
        }
        let mut fresh = false;
        let mut since_sent = None;
        let asked = self.repeat(budget, deadline, resumes, |deadline| {
            let endpoint = &self.app.token_endpoint;
            let resumed = if fresh { None } else { cut.take() };
            let refreshed = endpoint.refresh(own, fresh, resumed, transport, deadline);
            fresh = true;
            since_sent = refreshed.since_sent;
            // A request that was not sent takes the place of none.
            if refreshed.attempt.end != End::NotSent {
                cut = refreshed.cut;
            }
            refreshed.attempt
        });
        if let Some(cut) = cut {
            transport.park(login, refresh_token, cut);
        }
        let only_read = asked.only_read;
        let (outcome, possibly_used) = match asked.outcome {
            // The provider has used it, also if the token that it gave out cannot be used.
            Ok(fields) => {
                let at = Now::read().earlier(since_sent.unwrap_or_default());
                let provider = self.app.provider;
                (Token::received(fields, Some(own), provider, after_401, at), true)
            }
            Err(error) if error.is(FITBIT_ERROR_REAUTHORIZE) => {
                (Err(error.with_refresh_token_end(self.refresh_token_end(own))), false)
            }
            Err(error) => (Err(error), asked.possibly_used),
        };
        Asked { outcome, possibly_used, only_read }
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
        self.repeat(&Budget::new(), deadline, None, |deadline| {
            self.app.token_endpoint.revoke(token, held, transport, deadline)
        })
        .outcome
    }

    /// Sends a request, again and again while it makes sense and there is time. `resumes`: the first
    /// attempt sends nothing, and has so much time.
    fn repeat<T>(
        &self,
        budget: &Budget,
        deadline: &Deadline,
        mut resumes: Option<Duration>,
        mut attempt: impl FnMut(&Deadline) -> Attempt<T>,
    ) -> Asked<T> {
        let mut possibly_used = false;
        let mut only_read = resumes.is_some();
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        for attempts in 1..=MAX_ATTEMPTS {
            let resumed = resumes.take();
            if resumed.is_some() {
                budget.touch();
            } else if deadline.left() < least_time(deadline) {
                last = last.or_else(|| Some(Error::timeout("before the provider could be asked")));
                break;
            } else if !budget.take() {
                break;
            }
            let patience = resumed.unwrap_or(PATIENCE.max(deadline.left() / 2));
            let patience = deadline.at_most(patience);
            let Attempt { end, outcome, connection } = attempt(&patience);
            let error = match outcome {
                Ok(granted) => {
                    return Asked { outcome: Ok(granted), possibly_used: false, only_read };
                }
                Err(error) => error,
            };
            let judgement = judge(end, error.code());
            possibly_used |= judgement.possibly_used;
            only_read &= resumed.is_some() || end == End::NotSent;
            if end == End::NotSent {
                budget.give_back();
            }
            // Somebody else's response can have been read on it.
            let is_doubtful = connection.was_kept && error.is(FITBIT_ERROR_REAUTHORIZE);
            let has_died = connection.was_open && matches!(end, End::NotSent | End::Cut);
            let jittered = match is_doubtful || has_died {
                true => Duration::ZERO,
                false => pause.mul_f64(0.5 + random()),
            };
            // A cancelled call repeats nothing: it has no time left.
            let too_late = deadline.left() < jittered + least_time(deadline);
            let is_last = attempts == MAX_ATTEMPTS || budget.is_empty();
            let goes_on = (judgement.ask_again || is_doubtful) && !too_late && !is_last;
            if is_doubtful {
                last = Some(Error::timeout("before the provider's refusal was confirmed"));
            } else if !error.is(FITBIT_ERROR_CANCELLED) || last.is_none() {
                last = Some(error.after_attempts(attempts));
            }
            if !goes_on {
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
        Asked { outcome, possibly_used, only_read }
    }
}

/// Anything from 0 up to 1, different in each process and at each call.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
