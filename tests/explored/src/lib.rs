//! Runs threads in every order that matters.
//!
//! The threads are real ones, but one at a time runs. Before each step at which it could meet
//! another (a lock, a wait, a wake-up, a value set once) a thread stops, and [`explore`] decides who
//! goes on: depth first through every decision, from the beginning each time. Two orders that differ
//! only in steps on different objects are one (sleep sets), so each one counted is a different one.
//! A thread that nobody here started passes through as if these were the standard library's locks.

mod schedule;
mod sync;

pub use schedule::{Body, Explored, Mistake, Stuck, explore, panic_after_unlocks};
pub use sync::{Condvar, Mutex, MutexGuard, OnceCell};
