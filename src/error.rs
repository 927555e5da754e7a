//! `FitbitError`: a handle that the program reads and frees.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr::null;

use fitbit_core::{ErrorKind, Input};
use libc::c_char;

use crate::{FitbitErrorCode, give, infallible, number, take};

/// What went wrong: the result of every function that can fail, where it is not NULL. It belongs
/// to the program that got it: free it with fitbit_error_free(). Reading it is safe from any
/// number of threads. No token, code, verifier, secret or password appears in any of its texts.
pub struct FitbitError {
    error: Error,
    message: CString,
    provider_type: Option<CString>,
    body: Option<CString>,
}

/// The error of a function of the C interface.
#[derive(Clone, Debug)]
pub(crate) enum Error {
    Core(fitbit_core::Error),
    /// A pointer or a number that C passed.
    Argument {
        name: &'static str,
        why: String,
    },
    Panic {
        place: Option<String>,
    },
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<fitbit_core::Error> for Error {
    fn from(error: fitbit_core::Error) -> Error {
        Error::Core(error)
    }
}

impl Error {
    /// `name` is the parameter's name in the header.
    #[cold]
    pub(crate) fn argument(name: &'static str, why: impl Into<String>) -> Error {
        Error::Argument { name, why: why.into() }
    }

    #[cold]
    pub(crate) fn panic(place: Option<&str>) -> Error {
        Error::Panic { place: place.map(str::to_owned) }
    }

    fn core(&self) -> Option<&fitbit_core::Error> {
        match self {
            Error::Core(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Error::Core(error) => error.kind(),
            Error::Argument { .. } => ErrorKind::InvalidInput,
            Error::Panic { .. } => ErrorKind::Internal,
        }
    }

    fn message(&self) -> String {
        match self {
            Error::Core(error) => match error.input() {
                Some(input) => format!("{}: {}", parameter(input), error.message()),
                None => error.message().to_owned(),
            },
            Error::Argument { name, why } => format!("{name}: {why}"),
            Error::Panic { place: Some(place) } => format!("{BUG}: panic at {place}"),
            Error::Panic { place: None } => format!("{BUG}: panic"),
        }
    }
}

/// At most so many bytes: an argument can be anything.
const MAX_MESSAGE: usize = 3072;

fn shortened(message: &str) -> &str {
    let end = (MAX_MESSAGE..message.len()).find(|at| message.is_char_boundary(*at));
    end.map_or(message, |end| &message[..end])
}

const BUG: &str = "a bug in libfitbit, please report it";

/// The header's name of an input that the core refuses.
fn parameter(input: Input) -> &'static str {
    match input {
        Input::App => "app",
        Input::AuthorizationParams => "params",
        Input::AuthorizationResponse => "redirect_uri",
        Input::CaFile => "pem_path",
        Input::Client => "client",
        Input::ClientAuth => "method",
        Input::ClientId => "client_id",
        Input::ClientSecret => "client_secret",
        Input::ContentType => "content_type",
        Input::EndpointUri => "uri",
        Input::HeaderName => "name",
        Input::HeaderValue => "value",
        Input::LoginTimeout => "timeout_ms",
        Input::MaxBody => "bytes",
        Input::Method => "method",
        Input::Page => "page",
        Input::Path => "path",
        Input::ProxyUri => "uri",
        Input::RedirectUri => "callback_uri",
        Input::Renewal => "renewal",
        Input::Scopes => "scopes",
        Input::Session => "session",
        Input::StoredToken => "stored_token_json",
        Input::Timeout => "milliseconds",
        Input::Token => "token_json",
        Input::TokenFile => "path",
        Input::Variable(name) => name,
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

impl FitbitError {
    pub(crate) fn give(error: Error) -> *mut FitbitError {
        give(FitbitError {
            message: c_text(shortened(&error.message())),
            provider_type: error.core().and_then(|error| error.provider_type()).map(c_text),
            body: error.core().and_then(|error| error.body()).map(c_text),
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
        Some(error) => MaybeUninit::new(error.error.kind().into()),
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
    unsafe { error.as_ref() }
        .map_or(0, |error| error.error.core().map_or(0, |error| error.http_status()))
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
    let seconds = unsafe { error.as_ref() }.and_then(|error| error.error.core()?.retry_after());
    seconds.map_or(-1, |wait| i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))
}

/// The name of a code, such as "FITBIT_ERROR_TIMEOUT"; lives for ever, and is never NULL. A number
/// that is no code of this version has the name "FITBIT_ERROR_UNKNOWN".
#[unsafe(no_mangle)]
pub extern "C" fn fitbit_error_code_name(code: MaybeUninit<FitbitErrorCode>) -> *const c_char {
    crate::error_code::name(number(code)).as_ptr()
}

/// Frees an error. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_error_free(error: *mut FitbitError) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe { take(error) });
}
