//! `FitbitError`: a handle that the program reads and frees.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr::null;

use libc::c_char;

use super::{give, infallible, number, take};
use crate::error::Error;
use crate::error::FitbitErrorCode::{self, *};

/// What went wrong: the result of every function that can fail, where it is not NULL. It belongs
/// to the program that got it: free it with fitbit_error_free(). Reading it is safe from any
/// number of threads. No token, code, verifier, secret or password appears in any of its texts.
pub struct FitbitError {
    error: Error,
    message: CString,
    provider_type: Option<CString>,
    body: Option<CString>,
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

impl FitbitError {
    pub(super) fn give(error: Error) -> *mut FitbitError {
        give(FitbitError {
            message: c_text(error.message()),
            provider_type: error.provider_type().map(c_text),
            body: error.body().map(c_text),
            error,
        })
    }
}

/// # Errors
///
/// A function that can fail returns a FitbitError. NULL is success; anything else belongs to the
/// program, which reads it with the functions below and frees it with fitbit_error_free().
///
/// ---
/// What to do about the error. For NULL, success, it is 0, which is none of the codes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_code(
    error: *const FitbitError,
) -> MaybeUninit<FitbitErrorCode> {
    // SAFETY: the header's rule on handles.
    match unsafe { error.as_ref() } {
        Some(error) => MaybeUninit::new(error.error.code()),
        None => MaybeUninit::zeroed(),
    }
}

/// What happened, in words for people, on one line. Borrowed: it lives as long as the error. ""
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_message(error: *const FitbitError) -> *const c_char {
    // SAFETY: the header's rule on handles.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// The status of the HTTP answer that was the error, or 0: there was no such answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_http_status(error: *const FitbitError) -> u16 {
    // SAFETY: the header's rule on handles.
    unsafe { error.as_ref() }.map_or(0, |error| error.error.http_status())
}

/// The provider's own word for it: Fitbit's errorType ("expired_token", "validation"), Google's status
/// ("PERMISSION_DENIED"; the closer reason, such as "SERVICE_DISABLED", stands in message and body), the
/// token endpoint's error ("invalid_grant"). Borrowed: it lives as long as the error. NULL where the
/// provider gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_provider_type(error: *const FitbitError) -> *const c_char {
    // SAFETY: the header's rule on handles.
    let error = unsafe { error.as_ref() };
    error.and_then(|error| error.provider_type.as_ref()).map_or(null(), |text| text.as_ptr())
}

/// The body of the provider's answer as text, up to 64 KiB of it, with secrets replaced by
/// "[redacted]". Borrowed: it lives as long as the error. NULL where there was no answer, or where
/// it may hold a token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_body(error: *const FitbitError) -> *const c_char {
    // SAFETY: the header's rule on handles.
    let error = unsafe { error.as_ref() };
    error.and_then(|error| error.body.as_ref()).map_or(null(), |text| text.as_ptr())
}

/// Seconds to wait before trying again: what the provider says in Fitbit-Rate-Limit-Reset (of a 429),
/// or where that is absent in Retry-After (of any status), plus one. -1: not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_retry_after(error: *const FitbitError) -> i64 {
    // SAFETY: the header's rule on handles.
    let seconds = unsafe { error.as_ref() }.and_then(|error| error.error.retry_after());
    seconds.map_or(-1, |wait| i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))
}

/// The name of a code, such as "FITBIT_ERROR_TIMEOUT"; lives for ever, and is never NULL. A number
/// that is no code of this version has the name "FITBIT_ERROR_UNKNOWN".
#[unsafe(no_mangle)]
pub extern "C" fn fitbit_error_code_name(code: MaybeUninit<FitbitErrorCode>) -> *const c_char {
    const NAMES: [(FitbitErrorCode, &std::ffi::CStr); 18] = [
        (FITBIT_ERROR_INVALID_ARGUMENT, c"FITBIT_ERROR_INVALID_ARGUMENT"),
        (FITBIT_ERROR_STATE_MISMATCH, c"FITBIT_ERROR_STATE_MISMATCH"),
        (FITBIT_ERROR_ACCESS_DENIED, c"FITBIT_ERROR_ACCESS_DENIED"),
        (FITBIT_ERROR_AUTHORIZATION, c"FITBIT_ERROR_AUTHORIZATION"),
        (FITBIT_ERROR_INVALID_CLIENT, c"FITBIT_ERROR_INVALID_CLIENT"),
        (FITBIT_ERROR_REAUTHORIZE, c"FITBIT_ERROR_REAUTHORIZE"),
        (FITBIT_ERROR_INSUFFICIENT_SCOPE, c"FITBIT_ERROR_INSUFFICIENT_SCOPE"),
        (FITBIT_ERROR_RATE_LIMITED, c"FITBIT_ERROR_RATE_LIMITED"),
        (FITBIT_ERROR_HTTP, c"FITBIT_ERROR_HTTP"),
        (FITBIT_ERROR_PROVIDER_RETIRED, c"FITBIT_ERROR_PROVIDER_RETIRED"),
        (FITBIT_ERROR_NETWORK, c"FITBIT_ERROR_NETWORK"),
        (FITBIT_ERROR_TIMEOUT, c"FITBIT_ERROR_TIMEOUT"),
        (FITBIT_ERROR_TLS, c"FITBIT_ERROR_TLS"),
        (FITBIT_ERROR_PROTOCOL, c"FITBIT_ERROR_PROTOCOL"),
        (FITBIT_ERROR_STORE, c"FITBIT_ERROR_STORE"),
        (FITBIT_ERROR_CANCELLED, c"FITBIT_ERROR_CANCELLED"),
        (FITBIT_ERROR_INTERNAL, c"FITBIT_ERROR_INTERNAL"),
        (FITBIT_ERROR_SIGNATURE, c"FITBIT_ERROR_SIGNATURE"),
    ];
    let wanted = number(code);
    let name = NAMES.iter().find(|(code, _)| *code as u32 == wanted);
    name.map_or(c"FITBIT_ERROR_UNKNOWN", |(_, name)| name).as_ptr()
}

/// Frees an error. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_free(error: *mut FitbitError) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe { take(error) });
}
