//! A call of the library: how long it may take, what can end it, and the one way in which it waits.

mod beside;
mod deadline;
mod ends;
mod waiter;

pub(crate) use beside::Beside;
pub(crate) use deadline::Deadline;
pub(crate) use ends::Calls;
pub use ends::Handle;
pub(crate) use waiter::Waker;
