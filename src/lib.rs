//! The C interface. It checks pointers, converts, and calls the core. It has one file per handle, and no logic.
//!
//! `include/fitbit.h` is generated from the comments here and says what each function does. The package
//! `fitbit-core` does the work. Each function runs inside `fallible`, `infallible` or `signal_safe`: no panic
//! leaves the library. Only the few helpers below read pointers. They rely on the header's rules: a handle came
//! from this library and is not freed, a string is NUL-terminated, an out-pointer may be written to.

#![warn(missing_docs)]

// The header's chapters, in their order.
mod app;

mod login;

mod client;

mod response;

mod token;

mod handles;

mod error;

mod error_code;

mod renewal;

mod notification;

mod text;

mod callback;

mod log;

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fitbit_core::without_cancellation;
use libc::c_char;
use once_cell::sync::OnceCell;
use zeroize::Zeroizing;

pub use app::{FitbitClientAuth, FitbitEndpoint, FitbitProvider};
pub use error::FitbitError;
use error::{Error, Result};
pub use error_code::FitbitErrorCode;
pub use log::FitbitLogLevel;

thread_local! {
    /// The place in the code where the last caught panic began.
    static PANICKED_AT: Cell<Option<String>> = const { Cell::new(None) };
}

/// Keeps a panic's message off stderr, which belongs to the program. The library contains its own copy of the
/// standard library, so this hook sees only the library's own panics.
fn quiet_panics() {
    static ONCE: OnceCell<()> = OnceCell::new();
    ONCE.get_or_init(|| {
        if !cfg!(test) {
            std::panic::set_hook(Box::new(|panic| {
                // Without the folders of the machine that built it.
                PANICKED_AT.set(panic.location().map(|at| {
                    let below = at.file().rsplit_once("/src/").map(|(_, file)| file);
                    let file = below.filter(|_| at.file().starts_with('/')).unwrap_or(at.file());
                    format!("{file}:{}", at.line())
                }));
            }));
        }
    });
}

/// Runs the body of a function that returns a `FitbitError *`.
fn fallible(body: impl FnOnce() -> Result<()>) -> *mut FitbitError {
    quiet_panics();
    without_cancellation(|| {
        // Handles are only changed under their own locks, which outlive a panic.
        let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
            Err(match PANICKED_AT.take() {
                Some(place) => Error::panic(Some(&place)),
                None => Error::panic(None),
            })
        });
        match outcome {
            Ok(()) => std::ptr::null_mut(),
            Err(error) => FitbitError::give(error),
        }
    })
}

/// Runs the body of a function that returns no error; `otherwise` stands for a caught panic.
fn infallible<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    quiet_panics();
    without_cancellation(|| catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise))
}

/// Runs the body of a function that a signal handler may call. The body takes no lock and allocates nothing:
/// it only changes atomics and wakes threads.
fn signal_safe(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// Gives a handle to the program.
fn give<T>(handle: T) -> *mut T {
    Box::into_raw(Box::new(handle))
}

/// Takes back a handle that [`give`] gave, or nothing for NULL.
///
/// # Safety
/// `handle` is NULL, or came from [`give`], was not taken yet, and nobody uses it any more.
unsafe fn take<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// # Safety
/// `handle` is NULL, or a living handle that [`give`] gave.
unsafe fn handle<'a, T>(handle: *const T, argument: &'static str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_ref() }.ok_or_else(|| Error::argument(argument, "it is NULL"))
}

/// # Safety
/// `text` is NULL or NUL-terminated, and stays unchanged for `'a`.
unsafe fn optional_text<'a>(
    text: *const c_char,
    argument: &'static str,
) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    match text.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::argument(argument, "it is not UTF-8")),
    }
}

/// # Safety
/// As [`optional_text`].
unsafe fn text<'a>(text: *const c_char, argument: &'static str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(text, argument) }?.ok_or_else(|| Error::argument(argument, "it is NULL"))
}

/// The number that C passed for an enumeration. It can be any number. As the Rust type, most numbers would be
/// undefined behaviour, so it is never read as one.
fn number<E>(value: MaybeUninit<E>) -> u32 {
    const { assert!(size_of::<E>() == size_of::<u32>()) };
    // SAFETY: C's enumeration and u32 have the same size, and C passed a value.
    unsafe { value.as_ptr().cast::<u32>().read() }
}

/// An out-pointer that has already been set to NULL or 0.
struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `out` is NULL or may be written to until the function returns.
    unsafe fn cleared(out: *mut T, empty: T) -> Out<T> {
        if !out.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out.write(empty) };
        }
        Out(out)
    }

    fn check(&self, argument: &'static str) -> Result<()> {
        match self.0.is_null() {
            true => Err(Error::argument(argument, "it is NULL")),
            false => Ok(()),
        }
    }

    /// After [`Out::check`].
    fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: promised to `cleared`.
            unsafe { self.0.write(value) };
        }
    }
}

/// Gives a string to the program. A NUL inside, which C could not see past, is left out.
fn give_text(text: impl Into<String>) -> *mut c_char {
    let text = Zeroizing::new(text.into());
    // Long enough from the start: a text that grows leaves copies of itself in memory.
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend(text.bytes().filter(|&byte| byte != 0));
    CString::new(bytes).unwrap_or_default().into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FitbitErrorCode::FITBIT_ERROR_INTERNAL;

    #[test]
    fn a_panic_becomes_an_internal_error_and_never_leaves() {
        let error = fallible(|| panic!("planted"));
        // SAFETY: `fallible` gave it a moment ago.
        unsafe {
            assert_eq!(number(error::fitbit_error_code(error)), FITBIT_ERROR_INTERNAL as u32);
            error::fitbit_error_free(error);
        }
        assert_eq!(infallible(7, || panic!("planted")), 7);
    }
}
