//! Runs threads in every order that matters.
//!
//! The threads are real ones, but one at a time runs. Before each step at which it could meet
//! another (a lock, a wait, a wake-up) a thread stops, and [`explore`] decides who
//! goes on: depth first through every decision, from the beginning each time. Two orders that differ
//! only in steps that do not meet are one (sleep sets), and so are two in which threads that do the
//! same have changed places; so each one counted is a different one. A thread that nobody here started
//! passes through as if these were the standard library's locks.

pub mod cancelling;
mod clock;
mod schedule;
mod search;
mod sync;

pub use clock::{now, pass};
pub use schedule::{Body, Mistake, Time, panic_after_unlocks};
pub use search::{Explored, Settings, Stuck, explore, sample};
pub use sync::{Event, Mutex, MutexGuard};
