//! The program's callbacks, as Rust closures.

use std::ffi::{CString, c_void};

use fitbit_core::TokenStore;
use libc::{c_char, c_int};
use zeroize::Zeroize;

/// Takes every new token, the first one too, as JSON, to save it so that the person never has to
/// log in again.
///
/// It returns 1 when the token is safely saved. Anything else, so also the 0 that a binding returns
/// when an exception was thrown, means that it was not: the client keeps and uses the token, and
/// offers it again before each later request, in fitbit_save() and once more in fitbit_free().
///
/// It runs inside a call of the library, on that call's thread, with no lock of the library held.
/// A client's callback runs one at a time, in the order of the tokens. Its time does not count
/// against the call's timeout. It must return: no exception, longjmp or thread exit may leave it.
/// Inside it any function may be called on other handles, but free none that a running call uses, and do
/// not save another login: if its callback saves this one, both wait. On
/// its own client fitbit_token() gives the new token; fitbit_token_field(), fitbit_set_header(),
/// fitbit_rate_limit() and, where the token says it, fitbit_user_id() work too. What would wait for this
/// callback itself (fitbit_get() and the other requests, fitbit_refresh(), fitbit_save(),
/// fitbit_set_token_file(), fitbit_revoke()) fails at once with FITBIT_ERROR_INVALID_ARGUMENT. On other
/// threads that client's calls wait for it, at most their own timeout: hold no lock that your callback
/// takes while you call the library. A callback is known by its thread: a call that it hands to another
/// thread, and waits for, waits for the callback in turn.
///
/// @param token_json  the whole token; save it as it is. It lives until the callback returns.
/// @param user_data   what was passed together with the callback
pub type FitbitTokenCallback =
    Option<unsafe extern "C" fn(token_json: *const c_char, user_data: *mut c_void) -> c_int>;

/// Opens an address in a browser, for fitbit_login().
///
/// It runs inside fitbit_login(), on its thread, and has to return soon: the person's answer is served
/// only after that. Its time does not count against the timeout. It must return: no exception, longjmp
/// or thread exit may leave it.
///
/// @param authorization_uri  lives until the callback returns
/// @param user_data          what was passed as open_data
/// @return                   1: it is open; anything else: fitbit_login() fails
pub type FitbitOpenCallback =
    Option<unsafe extern "C" fn(authorization_uri: *const c_char, user_data: *mut c_void) -> c_int>;

/// The program's `open` callback, as a closure.
pub(crate) fn opening(
    open: FitbitOpenCallback,
    open_data: *mut c_void,
) -> Option<impl Fn(&str) -> bool> {
    let open = open?;
    Some(move |uri: &str| {
        let Ok(uri) = CString::new(uri) else { return false };
        // SAFETY: the header's rules: the function is what the program says it is, and it returns.
        unsafe { open(uri.as_ptr(), open_data) == 1 }
    })
}

pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: the header says that callbacks run on whatever thread makes the call, one at a time for
// a client; the program passes a pointer that bears this.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

/// The store of a client with this callback. Without a callback, every token counts as saved: the program does
/// not want the tokens.
pub(crate) fn store(on_token: FitbitTokenCallback, user_data: *mut c_void) -> TokenStore {
    match saving(on_token, user_data) {
        Some(save) => TokenStore::callback(save),
        None => TokenStore::none(),
    }
}

/// The program's token callback, as a closure.
pub(crate) fn saving(
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
) -> Option<impl Fn(&str) -> bool + Send + Sync + 'static> {
    let on_token = on_token?;
    let user_data = UserData(user_data);
    Some(move |json: &str| {
        let user_data = &user_data;
        // JSON writes a NUL as an escape, so the text holds none.
        let Ok(json) = CString::new(json) else { return false };
        // SAFETY: the header's rules: the function is what the program says it is, and it returns.
        let saved = unsafe { on_token(json.as_ptr(), user_data.0) };
        json.into_bytes().zeroize();
        saved == 1
    })
}
