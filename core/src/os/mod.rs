//! The parts that need the operating system itself: descriptors, waiting, locks that a forked child gives up,
//! threads and their cancellation.
//!
//! Apart from the C interface, only this module may use `unsafe`. Each block gives its reason.

#[cfg(unix)]
mod fork;
mod process;
mod thread;
#[cfg(unix)]
mod unix;
mod wake;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use fork::{LockFile, fork_count};
pub(crate) use process::PerProcess;
pub(crate) use thread::this_thread;
#[cfg(unix)]
pub use unix::without_cancellation;
#[cfg(unix)]
pub(crate) use unix::{
    above_two, browser_opener, check_private, check_writable, is_mount_point, is_no_such_family,
    is_refused_link, make_private, open_private, read, spawn, sync_directory,
};
pub(crate) use wake::{Interest, Wake, is_connecting, wait};
#[cfg(windows)]
pub use windows::without_cancellation;
#[cfg(windows)]
pub(crate) use windows::{
    LockFile, above_two, browser_opener, check_private, check_writable, fork_count, is_mount_point,
    is_no_such_family, is_refused_link, make_private, open_private, read, spawn, sync_directory,
};
