//! `FitbitClient`: one person's login.

use std::ffi::c_void;
use std::ptr::null_mut;

use libc::c_char;

use super::response::FitbitResponse;
use super::{
    FitbitError, Out, fallible, give, give_text, handle, infallible, optional_text, take, text,
};
use crate::client::{ApiRequest, Client};
use crate::error::{Error, Result};

const FORM: &str = "application/x-www-form-urlencoded";

/// One person's login: it makes requests as that person, and renews its token by itself, before
/// the token expires or when the provider says that it has. Any number of threads may use it at
/// once; one of them renews, the others wait for it and share the result. Freed with
/// fitbit_free(), when no call on it runs in any thread.
pub struct FitbitClient(pub(super) Client);

/// What the provider last said of how many requests are allowed. -1: it did not say.
#[repr(C)]
pub struct FitbitRateLimit {
    /// Requests allowed per period (Fitbit: 150 per hour for each person).
    pub limit: i32,
    /// Requests left in this period.
    pub remaining: i32,
    /// Seconds from now until the next period.
    pub reset_seconds: i32,
}

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
    let request = ApiRequest::new(client, method?, path?, content_type?, body?)?;
    response.check("response")?;
    let answer = client.request(&request)?;
    response.set(give(FitbitResponse::new(answer)));
    Ok(())
}

/// # Requests as that person
///
/// A status from 200 to 299 is success; anything else is an error, and so is a
/// redirect, which is never followed. A token about to expire is renewed first. After a 401 that
/// says the token is not valid it is renewed, and the request is sent once more. A GET or DELETE
/// whose kept-alive connection died before any answer is sent once more on a fresh one.
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
/// @param content_type  of the body, or NULL for none
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
unsafe fn bytes<'a>(body: *const c_void, body_len: usize) -> Result<Option<&'a [u8]>> {
    match (body.is_null(), body_len) {
        (true, 0) => Ok(None),
        (true, _) => Err(Error::invalid_argument("body", "it is NULL, but body_len is not 0")),
        (false, _) if isize::try_from(body_len).is_err() => {
            Err(Error::invalid_argument("body_len", "nothing in memory is so long"))
        }
        // SAFETY: the caller's promise; the length was checked.
        (false, _) => Ok(Some(unsafe { std::slice::from_raw_parts(body.cast(), body_len) })),
    }
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
        client.0.set_header(text(name, "name")?, optional_text(value, "value")?)
    })
}

/// # The login itself
///
/// A client renews and saves by itself. These functions look at its token, or do now what it would
/// do later.
///
/// ---
/// The newest token as JSON, as on_token gets it. Never a request.
///
/// @param token_json  receives the token, to be freed with fitbit_string_free(), which wipes it
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_token(
    client: *const FitbitClient,
    token_json: *mut *mut c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(token_json, null_mut());
        let client = handle(client, "client")?;
        out.check("token_json")?;
        out.set(give_text(client.0.token_json()));
        Ok(())
    })
}

/// One field of the newest token as text: "scope" (separated by spaces), "user_id", "expires_at"
/// (seconds since the epoch), "access_token" and so on. Never a request.
///
/// @param value  receives the text, to be freed with fitbit_string_free(); NULL where the token has no
///               such field
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_token_field(
    client: *const FitbitClient,
    name: *const c_char,
    value: *mut *mut c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(value, null_mut());
        let client = handle(client, "client")?;
        let name = text(name, "name")?;
        out.check("value")?;
        if let Some(field) = client.0.token_field(name) {
            out.set(give_text(field));
        }
        Ok(())
    })
}

/// The provider's id of the person. Never a request. A token that does not say whose it is, is
/// FITBIT_ERROR_PROTOCOL.
///
/// @param user_id  receives the id, to be freed with fitbit_string_free()
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_user_id(
    client: *mut FitbitClient,
    user_id: *mut *mut c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(user_id, null_mut());
        let client = handle(client, "client")?;
        out.check("user_id")?;
        out.set(give_text(client.0.user_id()?));
        Ok(())
    })
}

/// Renews the token now, whatever the clock says, and saves it. Threads that ask for it at the
/// same time share one renewal.
///
/// FITBIT_ERROR_REAUTHORIZE: there is no refresh token, or the provider refused it for good.
/// FITBIT_ERROR_STORE: it was renewed, but not saved; the client keeps and uses the new token, and
/// offers it again.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_refresh(client: *mut FitbitClient) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe { handle(client, "client")?.0.refresh() })
}

/// Offers a token that could not be saved to on_token again, now. Never a request.
///
/// NULL, success: nothing is unsaved. FITBIT_ERROR_STORE: it is still not saved.
/// FITBIT_ERROR_REAUTHORIZE: a token is unsaved, but the provider has refused this login for good: a
/// dead login is never offered.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_save(client: *mut FitbitClient) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe { handle(client, "client")?.0.save() })
}

/// Saves the client's token into a file, at once and over what is there; from then on the file takes
/// every token, as with fitbit_from_file(), in place of the callback or guard.
///
/// FITBIT_ERROR_STORE: the file could not be written, or must not be trusted; the client keeps its
/// token and its callback. FITBIT_ERROR_REAUTHORIZE: the provider has refused this login for good.
///
/// @param path  the file; its folder must exist
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_set_token_file(
    client: *mut FitbitClient,
    path: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe { handle(client, "client")?.0.set_token_file(text(path, "path")?) })
}

/// What the provider last said of its rate limit.
///
/// @param limit  receives it; all -1 where nothing was seen
/// @return       false: no answer has said anything yet (or an argument is NULL)
///
/// It is of the latest answer that said anything; what that answer left out is -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_rate_limit(
    client: *const FitbitClient,
    limit: *mut FitbitRateLimit,
) -> bool {
    infallible(false, || {
        let number =
            |value: Option<u64>| value.map_or(-1, |v| i32::try_from(v).unwrap_or(i32::MAX));
        let nothing = FitbitRateLimit { limit: -1, remaining: -1, reset_seconds: -1 };
        // SAFETY: the header's rules on handles and out-pointers.
        let (out, client) = unsafe { (Out::cleared(limit, nothing), client.as_ref()) };
        let Some(seen) = client.and_then(|client| client.0.rate_limit()) else { return false };
        let written = out.check("limit").is_ok();
        out.set(FitbitRateLimit {
            limit: number(seen.limit.map(u64::from)),
            remaining: number(seen.remaining.map(u64::from)),
            reset_seconds: number(seen.reset().map(|reset| reset.as_secs())),
        });
        written
    })
}

/// Ends a client. A token that could not be saved is offered to on_token once more; nothing is
/// sent to the provider. After this has returned, no callback of this client runs. NULL: nothing
/// happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_free(client: *mut FitbitClient) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe {
        if let Some(client) = client.as_ref() {
            // While it is whole: the callback may look at it.
            client.0.finish();
        }
        take(client);
    });
}
