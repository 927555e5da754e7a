//! What the threads of one client meet at. The standard library's own, except where tests/explored
//! puts its scheduler in their place, to go through every order in which threads can come by.

#[cfg(feature = "explored")]
pub(crate) use fitbit_explorer::{Condvar, Mutex, MutexGuard, OnceCell};
#[cfg(not(feature = "explored"))]
pub(crate) use once_cell::sync::OnceCell;
#[cfg(not(feature = "explored"))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
