//! A call of the library: how long it may take, and how it is ended from another thread.

mod cancel;
mod deadline;

pub(crate) use cancel::{Bell, Cancel, Line};
pub(crate) use deadline::Deadline;
