//! What needs the operating system itself: descriptors, locks that a forked child gives up, and the
//! cancellation of threads.
//!
//! Beside [`crate::ffi`] this is the only module that may use `unsafe`; each block gives its reason.

mod fork;
mod process;
mod unix;
mod wake;

pub(crate) use fork::{LockFile, fork_count};
pub(crate) use process::PerProcess;
pub(crate) use unix::{
    above_two, check_writable, effective_user, is_mount_point, open_private, read, sync_directory,
    without_cancellation,
};
pub(crate) use wake::{Interest, Wake, check_sockets, is_connecting, wait};
