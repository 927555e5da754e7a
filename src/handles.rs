//! More handles on a login or an application, and ending their calls.

use std::ptr::null_mut;

use crate::app::FitbitApp;
use crate::client::FitbitClient;
use crate::{FitbitError, Out, fallible, give, handle, signal_safe};

/// # More handles on one login
///
/// A handle is cheap: give each task, request or thread its own if you want to end its calls alone or to
/// give it another timeout.
///
/// ---
/// Makes another handle on the same login. Both share the token, its renewal, its store and the
/// connections. The new handle starts with the same headers, timeout and rate limit wait; later changes
/// touch one handle only. In a callback of the login, "its own client" means any of its handles.
///
/// Free the handles in any order. A dup of an aborted handle is not aborted. After fitbit_app_shutdown()
/// every handle is ended, new ones too. A dup costs a few small allocations and no descriptor.
///
/// Example: `fitbit_dup(client, &mine);`
///
/// @param dup  receives the handle, to be freed with fitbit_free(); NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_dup(
    client: *mut FitbitClient,
    dup: *mut *mut FitbitClient,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(dup, null_mut());
        let client = handle(client, "client")?;
        out.check("dup")?;
        out.set(give(FitbitClient(client.0.dup())));
        Ok(())
    })
}

/// Makes another handle on the same application. It has the same settings, connections and renewal
/// guard. Use it for calls that you want to end with fitbit_app_abort() while others go on.
///
/// This counts as the first use of the app: the fitbit_app_set_ functions fail afterwards. Free the
/// handles in any order. A dup of an aborted handle is not aborted. After fitbit_app_shutdown() every
/// handle is ended, new ones too.
///
/// Example: `fitbit_app_dup(app, &mine);`
///
/// @param dup  receives the handle, to be freed with fitbit_app_free(); NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_dup(
    app: *mut FitbitApp,
    dup: *mut *mut FitbitApp,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and out-pointers.
    fallible(|| unsafe {
        let out = Out::cleared(dup, null_mut());
        let app = handle(app, "app")?;
        out.check("dup")?;
        app.app.freeze()?;
        let (guard, handle) = (app.guard.clone(), app.handle.another());
        out.set(give(FitbitApp { app: app.app.clone(), guard, handle }));
        Ok(())
    })
}

/// Sets how long one call on this handle may take as a whole, as fitbit_app_set_timeout_ms() does for
/// all. From any thread, at any time; it holds for calls that begin later.
///
/// A renewal is part of a call and has no more time than it. If the call's time is over when the renewal is
/// sent but not answered, the login's next call within 30 seconds reads the response: see "The login
/// itself". So calls with little time get a new token too, if your program goes on calling. The last
/// fitbit_free() of the login saves a single-use token that is still on its way.
///
/// What a call cannot do without is the time to connect and to send. If no call of yours has it, no renewal
/// succeeds. Then give your program one handle with the usual timeout, and call fitbit_refresh() on it
/// before the token expires.
///
/// Example: `fitbit_set_timeout_ms(mine, 2000);`
///
/// @param milliseconds  0: the app's; default: 0
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_set_timeout_ms(
    client: *mut FitbitClient,
    milliseconds: u32,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        handle(client, "client")?.0.set_timeout_ms(milliseconds);
        Ok(())
    })
}

/// Sets how long one call on this handle may wait for a rate limit, in addition to its timeout, as
/// fitbit_app_set_rate_limit_wait() does for all. From any thread, at any time; it holds for calls that
/// begin later.
///
/// Example: `fitbit_set_rate_limit_wait(mine, 0);`
///
/// @param seconds  0: a rate limit is reported at once; default: the app's
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_set_rate_limit_wait(
    client: *mut FitbitClient,
    seconds: u32,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        handle(client, "client")?.0.set_rate_limit_wait(seconds);
        Ok(())
    })
}

/// # Ending calls
///
/// Four functions end calls: fitbit_abort() and fitbit_app_abort() those of one handle,
/// fitbit_app_shutdown() all of an application, and fitbit_app_cancel() those that run at this moment.
/// You may call each of them from any thread and in a signal handler: they are async-signal-safe and do
/// not change errno. They count as calls on the handle: free it after they have returned, and after its
/// signal handler was removed.
///
/// An ended call is FITBIT_ERROR_CANCELLED. It ends wherever it waits: for a name, a connection, a proxy,
/// TLS, the network, a rate limit, a token file's lock, another thread's renewal, the browser. Within 100
/// ms its thread is free and its connection closed; exceptions follow. It opens no new connection and
/// repeats nothing. The provider may have carried out a request that was ended. A callback that runs is not
/// interrupted; the call ends after it.
///
/// Three requests are finished even if their call is ended, because otherwise a login could be lost: the
/// exchange of fitbit_step_two() and fitbit_login(), a revocation, and a renewal with a single-use refresh
/// token (Fitbit). That takes at most the rest of the call's timeout. A new token is saved. Other calls
/// that need the renewal wait for it: if you end calls of a Fitbit login, give its handles short timeouts.
/// fitbit_step_two(), fitbit_login() and fitbit_revoke() then still succeed; so does fitbit_from_file(),
/// which renews a marked token. fitbit_refresh() and requests are FITBIT_ERROR_CANCELLED, and the client
/// has the new token.
///
/// A renewal whose refresh token can be used again (Google Health) is not finished: its call ends within
/// 100 ms like any other, and the login loses nothing. If the whole request was sent, its connection stays
/// open for up to 30 seconds, and the login's next call reads the response there: see "The login itself".
///
/// If other threads wait for a renewal whose call was ended, one of them takes it over. None of them is
/// FITBIT_ERROR_CANCELLED for that.
///
/// So that no login is lost, fitbit_token(), fitbit_token_field(), fitbit_save(),
/// fitbit_set_token_file() and the functions that free still work on an ended handle. They wait at most
/// two seconds for a lock or for another thread's renewal. The last fitbit_free() of a login may wait two
/// seconds more, for the response to a renewal. Functions that neither wait nor ask anybody work as before:
/// fitbit_dup(), fitbit_step_one(), fitbit_from_token(), fitbit_set_header(), fitbit_rate_limit() and the
/// like.
///
/// Ctrl-C in C. The app is a static variable; the handler is set after fitbit_app_new():
///
///     static void on_interrupt(int number) { stopped = number; fitbit_app_shutdown(app); }
///
///     struct sigaction action = {0};
///     action.sa_handler = on_interrupt;
///     action.sa_flags = SA_RESETHAND;   // a second Ctrl-C ends the program at once
///     sigaction(SIGINT, &action, NULL);
///
/// Then every call is FITBIT_ERROR_CANCELLED. Before you exit, join your threads: one of them may be
/// saving a new token. Free your clients, which saves what is not saved yet. Set SIGINT back with
/// signal(SIGINT, SIG_IGN) before fitbit_app_free().
///
/// ---
/// Ends the calls that run with this handle, and every later one. Other handles on the login go on. There
/// is no race with a call that is just beginning: it is ended as well. NULL: nothing happens.
///
/// Example: `fitbit_abort(mine);`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_abort(client: *mut FitbitClient) {
    signal_safe(|| {
        // SAFETY: the header's rule on handles.
        if let Some(client) = unsafe { client.as_ref() } {
            client.0.abort();
        }
    });
}

/// Ends the calls that run with this app handle, and every later one: fitbit_step_two(), fitbit_login()
/// and fitbit_from_file(). Calls on clients and on other handles of the application go on. NULL: nothing
/// happens.
///
/// Example: `fitbit_app_abort(mine);`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_app_abort(app: *mut FitbitApp) {
    signal_safe(|| {
        // SAFETY: the header's rule on handles.
        if let Some(app) = unsafe { app.as_ref() } {
            app.handle.abort();
        }
    });
}

/// Ends all calls of the application and of all its clients, now and later, whatever handle they use.
/// NULL: nothing happens.
///
/// Example: `fitbit_app_shutdown(app);`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_app_shutdown(app: *mut FitbitApp) {
    signal_safe(|| {
        // SAFETY: the header's rule on handles.
        if let Some(app) = unsafe { app.as_ref() } {
            app.app.shut_down();
        }
    });
}

/// Ends the calls that run now with this app or its clients. Calls that start after this function has
/// returned are not affected. It may miss a call that another thread is starting at this moment; to be
/// sure, use fitbit_app_shutdown() or fitbit_abort(). fitbit_save() and fitbit_set_token_file() are ended
/// as well, unless they have succeeded. NULL: nothing happens.
///
/// Example: `fitbit_app_cancel(app);`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_app_cancel(app: *mut FitbitApp) {
    signal_safe(|| {
        // SAFETY: the header's rule on handles.
        if let Some(app) = unsafe { app.as_ref() } {
            app.app.cancel();
        }
    });
}
