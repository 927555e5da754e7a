//! Work that a call does while it waits for something else, on its own thread.

use std::any::Any;
use std::time::Instant;

use crate::os::Interest;

/// Work that advances each time the call waits.
pub(crate) trait Beside: Any + Send {
    fn step(&mut self, now: Instant);

    /// What to wait for before the next step. Empty: the work has ended, or another thread wakes the call.
    fn interests(&self) -> Vec<Interest<'_>>;

    /// When the next step is due, even if nothing has come.
    fn next_at(&self) -> Option<Instant>;
}
