//! The time, as it has passed for a thread: a wait that ends with its time took none here.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pub fn now() -> Instant {
    Instant::now() + WAITED.get()
}

/// Lets so much time pass for this thread.
pub fn pass(time: Duration) {
    WAITED.set(WAITED.get() + time);
}
