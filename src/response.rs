//! `FitbitResponse`: the response to an API request.

use std::ffi::{CStr, CString};
use std::ptr::null;

use fitbit_core::ApiResponse;
use libc::c_char;
use once_cell::sync::OnceCell;

use crate::{infallible, take};

/// What the API answered: status, headers and body as they came. It belongs to the program: free
/// it with fitbit_response_free(). Reading it is safe from any number of threads. It outlives its
/// client.
pub struct FitbitResponse {
    response: ApiResponse,
    /// Name in lower case, values joined; made when the first header is asked for.
    headers: OnceCell<Vec<(String, CString)>>,
}

impl FitbitResponse {
    pub(crate) fn new(response: ApiResponse) -> FitbitResponse {
        FitbitResponse { response, headers: OnceCell::new() }
    }

    pub(crate) fn page(&self) -> &ApiResponse {
        &self.response
    }

    fn header(&self, name: &CStr) -> Option<&CStr> {
        let headers = self.headers.get_or_init(|| {
            // A header's value never holds a NUL.
            let owned = |(name, value): (&str, String)| {
                (name.to_owned(), CString::new(value).unwrap_or_default())
            };
            self.response.headers().map(owned).collect()
        });
        let name = name.to_str().ok()?;
        let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// # Answers
///
/// What a request brought. Everything read from a response is borrowed: it lives until
/// fitbit_response_free().
///
/// ---
/// The HTTP status, 200 to 299: anything else is an error. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_response_status(response: *const FitbitResponse) -> u16 {
    // SAFETY: the header's rule on handles.
    unsafe { response.as_ref() }.map_or(0, |response| response.response.status())
}

/// The body's bytes, unpacked where they came compressed, with a NUL behind the last. Usually
/// JSON, an object or an array; XML for a TCX file; empty after a 201 or 204. It can be anything,
/// also bytes with NULs among them: see fitbit_response_body_len(). Borrowed: it lives as
/// long as the response. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_response_body(response: *const FitbitResponse) -> *const c_char {
    // SAFETY: the header's rule on handles.
    unsafe { response.as_ref() }.map_or(null(), |response| response.response.body().as_ptr().cast())
}

/// The length of the body in bytes, without the NUL behind it. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_response_body_len(response: *const FitbitResponse) -> usize {
    // SAFETY: the header's rule on handles.
    unsafe { response.as_ref() }.map_or(0, |response| response.response.body().len())
}

/// The value of a header; repeated ones are joined by ", ". Borrowed: it lives as long as the
/// response. NULL where the answer has no such header.
///
/// @param name  in upper or lower case
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_response_header(
    response: *const FitbitResponse,
    name: *const c_char,
) -> *const c_char {
    infallible(null(), || {
        if name.is_null() {
            return null();
        }
        // SAFETY: the header's rules on handles and strings.
        let (response, name) = unsafe { (response.as_ref(), CStr::from_ptr(name)) };
        response.and_then(|response| response.header(name)).map_or(null(), CStr::as_ptr)
    })
}

/// Frees a response and everything borrowed from it. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_response_free(response: *mut FitbitResponse) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe { take(response) });
}
