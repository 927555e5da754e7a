//! Logging in: the functions that make a client.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::time::Duration;

use fitbit_core::{Client, Open};
use libc::c_char;

use crate::app::FitbitApp;
use crate::callback::{self, FitbitOpenCallback, FitbitTokenCallback};
use crate::client::FitbitClient;
use crate::{FitbitError, Out, fallible, give, give_text, handle, optional_text, text};

/// # Logging in
///
/// A person logs in once, in two steps: fitbit_step_one() makes an address for their browser,
/// fitbit_step_two() turns the address that they come back to into a client. From then on a
/// saved token is enough: fitbit_from_token().
///
/// ---
/// Step one: makes the address where the person grants access. No request is sent.
///
/// Send the person to `authorization_uri` with a browser. They come back to the
/// callback URI with an answer in the address: take that whole address, and the session, to
/// fitbit_step_two(). A session serves one login. Keep it out of the browser's reach and bound to
/// the browser that the login began in (in memory, in your web session), and delete it before step
/// two. It is not signed: it steers no request, but whoever can choose it can attach their own
/// account to the person.
///
/// @param params             more parameters for this login only, form-encoded, such as
///                           "scope=sleep&prompt=login", or NULL. "scope" takes the place of
///                           fitbit_app_set_scopes(): name all that you need, the new token has no
///                           others. Google Health gets access_type=offline and prompt=consent unless
///                           they are given here. Refused: response_type, client_id, redirect_uri,
///                           state, code_challenge, code_challenge_method, and any name twice.
/// @param authorization_uri  receives the address, to be freed with fitbit_string_free()
/// @param session            receives what step two needs, a JSON text for you to keep as it is, to
///                           be freed with fitbit_string_free(). Later versions read it too. It holds
///                           the code verifier in clear: a secret for as long as the login takes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_step_one(
    app: *mut FitbitApp,
    params: *const c_char,
    authorization_uri: *mut *mut c_char,
    session: *mut *mut c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let address = Out::cleared(authorization_uri, null_mut());
        let kept = Out::cleared(session, null_mut());
        let app = handle(app, "app")?;
        let params = optional_text(params, "params")?;
        address.check("authorization_uri")?;
        kept.check("session")?;
        let made = app.app.step_one(params)?;
        address.set(give_text(made.authorization_uri));
        kept.set(give_text(made.session));
        Ok(())
    })
}

/// Step two: the address that the person was sent back to becomes a client.
///
/// Everything is checked before the one request goes out. That request is never repeated: after a
/// lost answer the person starts again at step one. The person may have granted fewer scopes than
/// were asked for: fitbit_token_field(client, "scope", ...) says which. The first token goes to
/// `on_token` before this returns; that it could not be saved does not fail the call.
///
/// @param session       from fitbit_step_one(), of an app with the same provider, client id and
///                      callback URI
/// @param redirect_uri  the whole address, a request target ("/callback?code=..."), or only its
///                      query; what follows a # is ignored
/// @param on_token      takes every token, this first one too; or NULL, and then call
///                      fitbit_set_token_file(), or save what fitbit_token() gives: else they are lost
///                      with the client
/// @param user_data     passed to on_token; must live until fitbit_free() has returned
/// @param client        receives the client; NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_step_two(
    app: *mut FitbitApp,
    session: *const c_char,
    redirect_uri: *const c_char,
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
    client: *mut *mut FitbitClient,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(client, null_mut());
        let app = handle(app, "app")?;
        let session = text(session, "session")?;
        let redirect_uri = text(redirect_uri, "redirect_uri")?;
        out.check("client")?;
        let store = app.store(on_token, user_data);
        let client = Client::from_redirect(&app.app, &app.handle, session, redirect_uri, store)?;
        out.set(give(FitbitClient(client)));
        Ok(())
    })
}

/// Both steps in one call, for programs that run where the person is.
///
/// It listens on the loopback port that the callback URI names, opens the person's browser, waits for
/// them to come back, makes the client, saves its token, and then answers the browser with a small page.
/// It returns as soon as the page is sent, and the port is closed. The callback URI is
/// http://127.0.0.1:PORT/path, http://[::1]:PORT/path or http://localhost:PORT/path (both families on
/// one port, where the machine has both). Google allows any port for programs of its type "Desktop":
/// port 0 takes a free one. Fitbit compares the port: register one.
///
/// The page says "You are logged in" only if `on_token` or the renewal guard has saved the token: if your
/// program ends at that moment, nothing is lost. If the token was not saved, this call succeeds all the
/// same, the page says that the login is not saved, and the client offers the token again. Without
/// `on_token` the page says "Access granted": save the token at once, as with fitbit_set_token_file().
///
/// Requests for another path or host, or with another login's state, get a short answer, and the
/// waiting goes on. localhost, 127.0.0.1 and [::1] with the callback's port are the same host here.
/// It listens on the callback's own address; only localhost listens on both families.
/// The page cannot be loaded again after this has returned.
///
/// FITBIT_ERROR_ACCESS_DENIED: the person said no. FITBIT_ERROR_TIMEOUT: nobody came back in time; a
/// closed tab, and Fitbit's own error pages, are not reported by anybody. FITBIT_ERROR_NETWORK: the port
/// is taken, or another program listens there. FITBIT_ERROR_AUTHORIZATION: also where no browser could
/// be opened: trying again does not help then, but an `open` that prints the address and returns 1 does.
/// FITBIT_ERROR_INVALID_ARGUMENT: the callback URI is no such address. FITBIT_ERROR_CANCELLED:
/// your program ended it; once the exchange was sent it succeeds all the same. Else as
/// fitbit_step_two().
///
/// @param timeout_ms  how long to wait for the person, at least 1; the exchange that follows has the
///                    app's own timeout
/// @param open        opens the address in place of the default browser; or NULL: xdg-open (open on macOS)
///                    is run as a child in a process group of its own, for as long as it likes
/// @param open_data   passed to open
/// @param on_token    as for fitbit_step_two()
/// @param user_data   as for fitbit_step_two()
/// @param client      receives the client; NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_login(
    app: *mut FitbitApp,
    timeout_ms: u32,
    open: FitbitOpenCallback,
    open_data: *mut c_void,
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
    client: *mut *mut FitbitClient,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(client, null_mut());
        let app = handle(app, "app")?;
        out.check("client")?;
        let open = callback::opening(open, open_data);
        let open = open.as_ref().map(|open| open as Open);
        let store = app.store(on_token, user_data);
        let timeout = Duration::from_millis(timeout_ms.into());
        let client = fitbit_core::login(&app.app, &app.handle, timeout, open, store)?;
        out.set(give(FitbitClient(client)));
        Ok(())
    })
}

/// A saved token becomes a client; nobody has to log in. No request is sent.
///
/// @param token_json  what on_token was given, a provider's raw answer, or what the Python clients
///                    save; its access token up to 32 KiB. A byte order mark before it is skipped, as
///                    in a token file. A token of another provider is
///                    FITBIT_ERROR_REAUTHORIZE. One without "expires_at" that can be renewed is
///                    renewed before its first request.
/// @param on_token    takes every later token; or NULL: renewed tokens are then lost with the client,
///                    unless you save what fitbit_token() gives
/// @param user_data   passed to on_token; must live until fitbit_free() has returned
/// @param client      receives the client; NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_from_token(
    app: *mut FitbitApp,
    token_json: *const c_char,
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
    client: *mut *mut FitbitClient,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(client, null_mut());
        let app = handle(app, "app")?;
        let token_json = text(token_json, "token_json")?;
        out.check("client")?;
        let client = Client::from_token(&app.app, token_json, app.store(on_token, user_data))?;
        out.set(give(FitbitClient(client)));
        Ok(())
    })
}

/// A token kept in a file becomes a client; nobody has to log in.
///
/// The file takes every later token, in place of a callback and a guard. It is private (mode 0600,
/// whatever the umask), is replaced as a whole, and may be shared by any number of processes and
/// threads of this machine: one renews, the others read what it saved. A file that others can read,
/// that is not a regular file or not this user's, is refused. A file that is mounted by itself
/// (docker run -v token.json:/token.json) cannot be replaced, and is refused too: mount the directory
/// that holds it. Beside it stand `path` + ".lock", which is never removed, and for moments
/// `path` + ".new".
///
/// While the provider has possibly used the refresh token, the file holds a renewal marker: the
/// process that was renewing was killed, or it got no answer. If this function finds the marker, it
/// renews at once, because the provider repeats its answer only for a while (Fitbit: for two minutes,
/// or until one of the new tokens is used). It sends requests only in that case, for at most five
/// seconds. A renewal that fails is logged, and the client is returned. If the provider has ended
/// the login, the first request reports it.
///
/// If the system cannot sync a directory, or your program may not open it, the file counts as saved
/// once it is in its place; a disk error or a full disk is FITBIT_ERROR_STORE. A child that is forked
/// during a renewal does not keep the file locked, even if its parent is killed.
///
/// Its folder is to be this user's alone: who may rename there can swap two logins of yours, and who
/// removes the lock, as a cleaner of old files may, can cost one.
///
/// FITBIT_ERROR_REAUTHORIZE: there is no such file, or it is empty. FITBIT_ERROR_STORE: it cannot be
/// read, or holds something else, also another provider's token; or its folder does not exist, or your
/// program cannot make files in it.
///
/// @param path    the file; it is found again when the working directory changes. Its folder must exist.
/// @param client  receives the client; NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_from_file(
    app: *mut FitbitApp,
    path: *const c_char,
    client: *mut *mut FitbitClient,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(client, null_mut());
        let app = handle(app, "app")?;
        let path = text(path, "path")?;
        out.check("client")?;
        let client = Client::from_file(&app.app, &app.handle, path)?;
        out.set(give(FitbitClient(client)));
        Ok(())
    })
}
