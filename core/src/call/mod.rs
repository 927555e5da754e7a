//! A call of the library: how long it may take, what ends it, and the one way in which it waits.

mod beside;
mod cancellation;
mod deadline;
mod slots;
mod waiter;

pub(crate) use beside::Beside;
pub(crate) use cancellation::Calls;
pub use cancellation::Handle;
pub(crate) use deadline::Deadline;
pub(crate) use waiter::Waker;
