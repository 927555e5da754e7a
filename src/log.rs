//! The program's logger, as a closure for the core.

use std::ffi::{CString, c_void};

use fitbit_core::{Level, Log};
use libc::c_char;

use crate::callback::UserData;

/// How much an event matters.
///
/// cbindgen:rename-all=None
#[repr(C)]
#[allow(non_camel_case_types)] // the header shows these names as they stand
pub enum FitbitLogLevel {
    /// A login is over.
    FITBIT_LOG_ERROR = 1,
    /// Something failed and is tried again, is waited for, or was not saved.
    FITBIT_LOG_WARN = 2,
    /// A login's life: why a token is renewed, that it was, that it was revoked.
    FITBIT_LOG_INFO = 3,
    /// Each request: method, path without query, status, bytes, milliseconds. Each save.
    FITBIT_LOG_DEBUG = 4,
    /// Connections, and who waits for whom.
    FITBIT_LOG_TRACE = 5,
}

/// Takes one line about one event, without a line break at its end. No line holds a token, a code, a
/// secret or a password, and none a query.
///
/// It runs inside a call of the library, on that call's thread, from several threads at once, and
/// otherwise under the same rules as FitbitTokenCallback: no lock of the library is held, its time does
/// not count against the call's timeout, it must return.
///
/// @param level      how much it matters
/// @param message    lives until the callback returns
/// @param user_data  what was passed together with the callback
pub type FitbitLogCallback = Option<
    unsafe extern "C" fn(level: FitbitLogLevel, message: *const c_char, user_data: *mut c_void),
>;

impl From<Level> for FitbitLogLevel {
    fn from(level: Level) -> FitbitLogLevel {
        match level {
            Level::Error => FitbitLogLevel::FITBIT_LOG_ERROR,
            Level::Warn => FitbitLogLevel::FITBIT_LOG_WARN,
            Level::Info => FitbitLogLevel::FITBIT_LOG_INFO,
            Level::Debug => FitbitLogLevel::FITBIT_LOG_DEBUG,
            Level::Trace => FitbitLogLevel::FITBIT_LOG_TRACE,
        }
    }
}

pub(crate) fn log(max_level: Level, log: FitbitLogCallback, user_data: *mut c_void) -> Log {
    let Some(log) = log else { return Log::none() };
    let user_data = UserData(user_data);
    Log::new(max_level, move |level, line| {
        let user_data = &user_data;
        let Ok(line) = CString::new(line) else { return };
        // SAFETY: the header's rules: the function is what the program says it is, and it returns.
        unsafe { log(level.into(), line.as_ptr(), user_data.0) };
    })
}
