//! Asking the provider for a token's successor, without losing the one there is.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::Login;
use crate::call::Deadline;
use crate::error::FitbitErrorCode::FITBIT_ERROR_REAUTHORIZE;
use crate::error::{Error, Result};
use crate::log::Level;
use crate::token::Token;

/// How often one call asks for a token whose answer seems lost.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt, give or take a half; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One attempt gets half of the time left, but not less than this where there is so much: giving
/// up on an answer that is only slow can lose it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Login {
    /// Asks the provider for the token that follows `own`, again and again with the same refresh
    /// token while the answer may only have got lost: Fitbit repeats its answer for two minutes,
    /// and the request may never have arrived. `perhaps_spent` becomes true if that happened once.
    pub(super) fn ask(
        &self,
        own: &Token,
        after_401: bool,
        perhaps_spent: &mut bool,
        deadline: &Deadline,
    ) -> Result<Token> {
        let transport = self.app.transport();
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            if deadline.left() < self.least_time() {
                return Err(Error::timeout("before the token could be renewed"));
            }
            let patience = deadline.at_most(PATIENCE.max(deadline.left() / 2));
            let asked = self.app.token_endpoint.refresh(
                own.refresh_token(),
                own.access_token(),
                transport,
                &patience,
            );
            let error = match asked {
                Ok(fields) => {
                    // Whoever has answered has spent it, whatever the answer is good for.
                    *perhaps_spent = true;
                    return Token::received(fields, Some(own), self.app.provider, after_401);
                }
                Err(error) => error,
            };
            *perhaps_spent |= error.may_be_a_lost_answer();
            let jittered = pause.mul_f64(0.5 + random());
            let too_late = deadline.left() < jittered + self.least_time();
            if attempt == ATTEMPTS || !error.may_be_a_lost_answer() || too_late {
                let over = error.is(FITBIT_ERROR_REAUTHORIZE);
                return Err(if over {
                    error.with_refresh_token_end(self.refresh_token_end(own))
                } else {
                    error
                });
            }
            self.app.log.line(Level::Warn, || {
                let milliseconds = jittered.as_millis();
                format!(
                    "a renewal's answer may be lost, asking again in {milliseconds} ms: {error}"
                )
            });
            deadline.pause(jittered);
            pause *= 2;
        }
        Err(Error::internal("the attempts have no end"))
    }
}

/// Anything from 0 up to 1, different in each process and at each call.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
