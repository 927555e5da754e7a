//! Waiting until a rate limit ends.

use std::time::Instant;

use super::Client;
use crate::call::Deadline;
use crate::error::{ErrorKind, Result};
use crate::log::Level;
use crate::renewal::Budget;

impl Client {
    /// After a 429, waits and tries again, if the program allows so long a wait. The wait does not count
    /// against the call's time. `ended` decides the outcome of a call that was cancelled.
    pub(super) fn patiently<T>(
        &self,
        ended: fn(&Deadline, Result<T>) -> Result<T>,
        mut call: impl FnMut(&Budget, &mut Deadline) -> Result<T>,
    ) -> Result<T> {
        let budget = Budget::new();
        let mut deadline = self.deadline();
        let mut allowed = self.rate_limit_wait();
        loop {
            let outcome = call(&budget, &mut deadline);
            let error = match ended(&deadline, outcome) {
                Err(error) if error.is(ErrorKind::RateLimited) => error,
                outcome => return outcome,
            };
            let Some(wait) = error.retry_after().filter(|wait| *wait <= allowed) else {
                return Err(error);
            };
            self.app()
                .log
                .line(Level::Warn, || format!("rate limited: waiting {} s", wait.as_secs()));
            let begun = Instant::now();
            deadline.pause(wait);
            deadline.give_back(begun.elapsed());
            allowed -= wait;
        }
    }
}
