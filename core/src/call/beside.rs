//! Something that goes on beside what a call waits for, on the call's own thread.

use std::any::Any;
use std::time::Instant;

use crate::os::Interest;

/// Each time the call waits, this makes as much progress as it can.
pub(crate) trait Beside: Any + Send {
    fn step(&mut self, now: Instant);

    /// What to wait for before the next step; nothing: it is at its end, or another thread wakes the call.
    fn interests(&self) -> Vec<Interest<'_>>;

    /// When the next step is due, even if nothing has come.
    fn next_at(&self) -> Option<Instant>;
}
