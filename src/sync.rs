//! What the threads of one client meet at. The standard library's own, except where tests/explored
//! puts its scheduler in their place, to go through every order in which threads can come by.

#[cfg(feature = "explored")]
pub(crate) use fitbit_explorer::{Condvar, Mutex, MutexGuard, OnceCell, cancelling, now};
#[cfg(not(feature = "explored"))]
pub(crate) use once_cell::sync::OnceCell;
#[cfg(not(feature = "explored"))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// What only a cancel changes for other threads.
#[cfg(not(feature = "explored"))]
pub(crate) mod cancelling {
    pub use std::sync::Mutex;
    pub use std::sync::atomic::AtomicU64;
}

#[cfg(not(feature = "explored"))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
