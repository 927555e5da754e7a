//! `FitbitClient`: one person's login.

use std::ffi::c_void;
use std::ptr::null_mut;

use fitbit_core::{ApiRequest, Client};
use libc::c_char;

use crate::error::{Error, Result};
use crate::response::FitbitResponse;
use crate::{FitbitError, Out, fallible, give, handle, optional_text, text};

const FORM: &str = "application/x-www-form-urlencoded";

/// One person's login: it makes requests as that person, and renews its token by itself, before
/// the token expires or when the provider says that it has. Any number of threads may use it at
/// once; one of them renews, the others wait for it and share the result. This is a handle on the
/// login: fitbit_dup() makes another one. Freed with fitbit_free(), when no call on it runs in any
/// thread.
pub struct FitbitClient(pub(crate) Client);

/// Sends a request whose arguments have been looked at, and gives the answer to the program.
fn request(
    client: Result<&FitbitClient>,
    method: Result<&str>,
    path: Result<&str>,
    content_type: Result<Option<&str>>,
    body: Result<Option<&[u8]>>,
    response: Out<*mut FitbitResponse>,
) -> Result<()> {
    let client = &client?.0;
    let request = ApiRequest::new(client.api_uri(), method?, path?, content_type?, body?)?;
    response.check("response")?;
    response.set(give(FitbitResponse::new(client.request(&request)?)));
    Ok(())
}

/// # Requests as that person
///
/// A status from 200 to 299 is success; anything else is an error, and so is a
/// redirect, which is never followed. A token about to expire is renewed first. After a 401 that
/// says the token is not valid it is renewed, and the request is sent once more. A GET, HEAD, PUT or
/// DELETE whose kept-alive connection died before any answer is sent once more on a fresh one, and so
/// is a POST of Google Health that only reads (":rollUp", ":dailyRollUp").
///
/// A body ends at its length, at its last chunk, or, if it has neither, when the server closes the
/// connection cleanly: over https with the TLS alert close_notify. A body that is cut is
/// FITBIT_ERROR_NETWORK, whatever the status. A gzip body that cannot be decoded is
/// FITBIT_ERROR_PROTOCOL if the status is 200 to 299, and so is a body that is too large. With any
/// other status the error has that status, and an empty body. If the server answers before it has read
/// the whole request, and closes, that answer counts if it has a length or chunks.
///
/// Not supported, and FITBIT_ERROR_PROTOCOL: an answer with more than 128 header lines, or with more
/// than 64 KiB of them; a header line that is folded into several; the size line of a chunk, its
/// extensions included, of more than 20 bytes; "100 Continue" with header lines.
///
/// ---
/// Sends a GET request.
///
/// @param path      starts with one slash and may have a query: "/1/user/-/profile.json". It is
///                  appended to the API endpoint; bytes that an address may not hold are
///                  percent-encoded. At most 32 KiB. Refused: a whole address, "//", a backslash, "#", segments of
///                  dots, control characters.
/// @param response  receives the answer, to be freed with fitbit_response_free(); NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_get(
    client: *mut FitbitClient,
    path: *const c_char,
    response: *mut *mut FitbitResponse,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(response, null_mut());
        request(handle(client, "client"), Ok("GET"), text(path, "path"), Ok(None), Ok(None), out)
    })
}

/// Sends a POST request with a form. It is not repeated, but after a 401.
///
/// @param path      as for fitbit_get()
/// @param form      the form-encoded body ("foodId=42&amount=1"), or NULL for an empty one
/// @param response  as for fitbit_get(); the body may be empty
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_post(
    client: *mut FitbitClient,
    path: *const c_char,
    form: *const c_char,
    response: *mut *mut FitbitResponse,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(response, null_mut());
        let form = optional_text(form, "form");
        let content_type = if matches!(form, Ok(Some(_))) { Some(FORM) } else { None };
        let body = form.map(|form| form.map(str::as_bytes));
        request(
            handle(client, "client"),
            Ok("POST"),
            text(path, "path"),
            Ok(content_type),
            body,
            out,
        )
    })
}

/// Sends a DELETE request. The answer is usually 204, with an empty body.
///
/// @param path      as for fitbit_get()
/// @param response  as for fitbit_get()
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_delete(
    client: *mut FitbitClient,
    path: *const c_char,
    response: *mut *mut FitbitResponse,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(response, null_mut());
        request(handle(client, "client"), Ok("DELETE"), text(path, "path"), Ok(None), Ok(None), out)
    })
}

/// Sends a request of any method, with any body.
///
/// @param method        letters, sent in upper case; not CONNECT or TRACE
/// @param path          as for fitbit_get()
/// @param content_type  of the body, up to 8 KiB, or NULL for none
/// @param body          the body's bytes, or NULL for none
/// @param body_len      their number; 0 where body is NULL
/// @param response      as for fitbit_get()
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_request(
    client: *mut FitbitClient,
    method: *const c_char,
    path: *const c_char,
    content_type: *const c_char,
    body: *const c_void,
    body_len: usize,
    response: *mut *mut FitbitResponse,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(response, null_mut());
        let content_type = optional_text(content_type, "content_type");
        let bytes = bytes(body, body_len);
        request(
            handle(client, "client"),
            text(method, "method"),
            text(path, "path"),
            content_type,
            bytes,
            out,
        )
    })
}

/// # Safety
/// `body` is NULL or points to `body_len` bytes that stay unchanged for `'a`.
pub(crate) unsafe fn bytes<'a>(body: *const c_void, body_len: usize) -> Result<Option<&'a [u8]>> {
    match (body.is_null(), body_len) {
        (true, 0) => Ok(None),
        (true, _) => Err(Error::argument("body", "it is NULL, but body_len is not 0")),
        (false, _) if isize::try_from(body_len).is_err() => {
            Err(Error::argument("body_len", "nothing in memory is so long"))
        }
        // SAFETY: the caller's promise; the length was checked.
        (false, _) => Ok(Some(unsafe { std::slice::from_raw_parts(body.cast(), body_len) })),
    }
}

/// Asks for the page that follows, where a list comes page by page.
///
/// Fitbit's lists name the next page's address (pagination.next): only its path and query are taken,
/// and only if it is the provider's own address or the API endpoint's, else this is
/// FITBIT_ERROR_PROTOCOL. Google Health's lists give a nextPageToken: the request that brought the page
/// is sent again with it, in the body of a POST, else in the query.
///
/// @param page  what fitbit_get() of this client, or of another one of the same app, was answered with
///              (Google Health: or a POST); it stays yours. An answer to anything else is
///              FITBIT_ERROR_INVALID_ARGUMENT: what writes is not repeated.
/// @param next  receives the next page, to be freed with fitbit_response_free(); NULL: that was the
///              last one, or no list at all, and also on failure: then the same page may be asked with
///              again. A page that is not JSON is FITBIT_ERROR_PROTOCOL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_next_page(
    client: *mut FitbitClient,
    page: *const FitbitResponse,
    next: *mut *mut FitbitResponse,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(next, null_mut());
        let (client, page) = (handle(client, "client")?, handle(page, "page")?);
        out.check("next")?;
        if let Some(next) = client.0.next_page(page.page())? {
            out.set(give(FitbitResponse::new(next)));
        }
        Ok(())
    })
}

/// Sets a header of this person's API requests, over the app's. From any thread, at any time; it
/// holds for requests that begin later.
///
/// Fitbit chooses units by Accept-Language: "en_US", "en_GB", metric for anything else.
///
/// @param name   as for fitbit_app_set_header()
/// @param value  NULL: send none, also where the app has one
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_set_header(
    client: *mut FitbitClient,
    name: *const c_char,
    value: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe {
        let client = handle(client, "client")?;
        Ok(client.0.set_header(text(name, "name")?, optional_text(value, "value")?)?)
    })
}
