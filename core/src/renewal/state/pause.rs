//! How long the provider is left alone after a renewal that failed: the five seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Facts, Ledger, Next};
use crate::error::{Error, Result};
use crate::renewal::goal::{Parked, Why};
use crate::token::Age;

/// After a renewal that possibly used the refresh token, no thread asks the provider again for so long:
/// whatever swallows responses is not flooded, and Fitbit repeats its response for longer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a call waits for one that goes first.
pub(in crate::renewal) const LET_PASS: Duration = Duration::from_millis(10);

/// How long an earlier call's response is read if only what has come already is wanted.
const PEEK: Duration = Duration::from_millis(20);

/// A renewal that brought no token.
pub(in crate::renewal) struct FailedRenewal {
    pub(super) error: Error,
    /// When it had failed.
    pub(super) at: Instant,
    /// It possibly used the refresh token, or its response can still come.
    pub(super) is_unanswered: bool,
}

/// What a call does for the login after the response to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::renewal) enum ReadOrAsk {
    Nothing,
    /// Only read the response that an earlier call's renewal has got, if there is one.
    Peek(Why),
    Ask(Why),
}

fn rest(of: Duration, since: Instant, now: Instant) -> Duration {
    of.saturating_sub(now.saturating_duration_since(since))
}

impl FailedRenewal {
    /// What is left of the five seconds. What was not sent starts none.
    fn pause(&self, now: Instant) -> Duration {
        match self.is_unanswered {
            true => rest(ASK_AGAIN_AFTER, self.at, now),
            false => Duration::ZERO,
        }
    }

    /// The same for a renewal that can wait: it also leaves the provider the time that it has named.
    fn long_pause(&self, now: Instant) -> Duration {
        match (self.is_unanswered, self.error.retry_after()) {
            (false, Some(time)) => rest(time, self.at, now),
            _ => self.pause(now),
        }
    }

    /// Whether a call waits before it asks the provider; an error: it has no time for that.
    pub(super) fn wait_before_asking(&self, facts: &Facts) -> Result<Next> {
        let pause = self.pause(facts.now);
        let (wait, has_time) = match pause.is_zero() {
            true if facts.goes_first || !self.is_unanswered => return Ok(Next::Ask),
            true => (LET_PASS, !facts.time_to_wait.is_zero()),
            false => (pause, facts.time_to_wait >= pause),
        };
        match has_time {
            true => Ok(Next::Wait(wait)),
            false => Err(self.error.clone().asked_too_early(wait)),
        }
    }

    /// What a call is told that may not ask for a token any more.
    pub fn asked_too_often(failed: Option<&Arc<FailedRenewal>>) -> Error {
        failed.map_or_else(Error::asked_too_often, |failed| failed.error.clone())
    }
}

impl Ledger {
    /// After the response to a request whose token works: a failed renewal is repeated, but the provider is
    /// not asked before the pause is over. `tried_in_vain`: when such a repetition last ended without
    /// asking.
    pub fn after_response(
        &self,
        tried_in_vain: Option<Instant>,
        age: Age,
        now: Instant,
    ) -> ReadOrAsk {
        let why = match (self.possibly_used, &self.failed) {
            (true, _) => Why::InDoubt,
            (false, Some(_)) if age == Age::ExpiringSoon => Why::ExpiringSoon,
            _ => return ReadOrAsk::Nothing,
        };
        if self.is_revoked() || self.is_over() {
            return ReadOrAsk::Nothing;
        }
        let pause = self.failed.as_ref().map(|failed| failed.long_pause(now));
        let since_vain = tried_in_vain.map(|at| rest(ASK_AGAIN_AFTER, at, now));
        let is_too_early = [pause, since_vain].into_iter().flatten().any(|left| !left.is_zero());
        if is_too_early { ReadOrAsk::Peek(why) } else { ReadOrAsk::Ask(why) }
    }

    /// How long an earlier call's response is read by a call with so much time left: as long as the provider
    /// is not to be asked again.
    pub fn time_to_read(&self, parked: Parked, left: Duration, now: Instant) -> Duration {
        let pause = || self.failed.as_ref().map(|failed| failed.pause(now)).unwrap_or_default();
        match parked {
            Parked::OnlyRead => left,
            _ => pause().max(PEEK.min(left / 4)),
        }
    }

    /// How long only what has come already is read.
    pub fn time_to_peek() -> Duration {
        PEEK
    }
}
