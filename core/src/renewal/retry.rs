//! Requests that are repeated where the rule for a lost response allows it.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::budget::{Budget, MAX_ATTEMPTS};
use super::lost_response::judge;
use super::{Login, min_time};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Level;
use crate::oauth::token_endpoint::{Attempt, End};

/// The pause before the second attempt, give or take a half; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One attempt gets half of the time left, but not less than this if there is so much: giving
/// up on a response that is only slow can lose it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What several requests with one token came to.
pub(super) struct Asked<T> {
    pub outcome: Result<T>,
    /// One of them possibly used it.
    pub possibly_used: bool,
    /// The last one was sent, and its response can still be read.
    pub is_cut: bool,
}

impl Login {
    /// Sends a request, again and again while it makes sense and there is time.
    pub(super) fn repeat<T>(
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
                let why = last.as_ref().map(Error::to_string).unwrap_or_default();
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
pub(super) fn is_doubtful(end: End, was_kept: bool) -> bool {
    was_kept && matches!(end, End::Response { status: 400..=428 | 430..=499, .. })
}

/// Anything from 0 up to 1, different in each process and at each call.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
