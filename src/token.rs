//! A client's login: its token, its rate limit, its end.

use std::ptr::null_mut;

use libc::c_char;

use crate::client::FitbitClient;
use crate::{FitbitError, Out, fallible, give_text, handle, infallible, take, text};

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

/// # The login itself
///
/// A client renews and saves by itself. These functions look at its token, or do now what it would
/// do later.
///
/// Single-use refresh tokens. Fitbit's refresh tokens are single-use: a renewal uses one up, and its
/// response brings the next one. Google Health's can be used again. If a renewal at Google Health brings a
/// different refresh token, the library treats the refresh tokens of that login as single-use from then
/// on. The login's token then has the field "refresh_token_single_use" with the value true, which is saved
/// with it. A new login starts without the field. Fitbit's tokens never have it.
///
/// Renewals that outlast their call. A call's time can be over before the response to its renewal has
/// come. If the whole request was sent, the connection stays open for up to 30 seconds from the sending.
/// The login's next call that needs the renewal reads the response there and sends no request. So calls
/// with less time than the token endpoint needs get a new token too, as long as your program makes such
/// calls. If the refresh token can be used again, the same holds for a renewal that your program has ended:
/// see "Ending calls". The life of the new token counts from the sending.
///
/// If the response does not come, a call asks again five seconds after the failed call has ended, on a new
/// connection. The old connection stays open, and whichever response comes first is used. If the provider
/// refuses a single-use refresh token meanwhile, the login has not ended yet: an earlier request may have
/// used the token. The call is FITBIT_ERROR_TIMEOUT, and the next calls look for the earlier response.
/// A program that exits after one call needs a timeout that is longer than the token endpoint needs.
///
/// An application keeps at most eight such connections, two of them for one login, whatever the number of
/// its handles: a ninth closes the oldest. If a connection is older than 30 seconds, the application's next call closes it. A child
/// made by fork() uses none of its parent's. If a connection is closed before its response is read, or the
/// process ends, that response is lost, and the next call asks again: see fitbit_refresh(). A refresh token
/// that can be used again loses nothing by this. Fitbit repeats a lost response for two minutes.
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
/// (seconds since the epoch), "access_token", "refresh_token_single_use" ("true", or no such field) and so
/// on. Never a request. A NUL inside, which JSON can hold and C cannot, is left out here; fitbit_token() has
/// the whole.
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

/// The provider's id of the person. Fitbit's tokens say it. Google Health's do not: the first time it
/// is asked for (GET /v4/users/me/identity, healthUserId; no scope is known to be needed), kept in the token and saved with it; from
/// then on, and for every client made of that token, no request is needed. A Fitbit token that does
/// not say whose it is, is FITBIT_ERROR_PROTOCOL.
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
/// If the response is lost, the provider has possibly used the refresh token. The library then asks
/// again: one call sends at most four requests. Five seconds lie between the last request of one call
/// and the first of the next, whichever thread makes it. If this call's time allows, it waits until
/// they are over. Otherwise it returns the last error at once.
///
/// If an earlier call's renewal was sent and its response can still come, this call reads that response
/// and need not wait for the five seconds. If the response does not come in time, this call asks again on a
/// new connection.
///
/// FITBIT_ERROR_REAUTHORIZE: there is no refresh token, or the provider refused it for good.
/// FITBIT_ERROR_STORE: the store failed. If the token was renewed, the client keeps and uses the new
/// token, and offers it again. If a token file or a guard failed before the provider was asked, nothing
/// was sent.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_refresh(client: *mut FitbitClient) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe { Ok(handle(client, "client")?.0.refresh()?) })
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
    fallible(|| unsafe { Ok(handle(client, "client")?.0.save()?) })
}

/// Saves the client's token into a file, at once and over what is there; from then on the file takes
/// every token, as with fitbit_from_file(), in place of the callback or guard. What is there may be
/// any private file, also another person's login: where that can be, compare fitbit_user_id() first.
///
/// FITBIT_ERROR_STORE: the file could not be written, or must not be trusted; the client keeps its
/// token and its callback. FITBIT_ERROR_REAUTHORIZE: the provider has refused this login for good.
/// FITBIT_ERROR_TIMEOUT, FITBIT_ERROR_CANCELLED: somebody held the file's lock, and it is not written;
/// call it again.
///
/// @param path  the file; its folder must exist
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_set_token_file(
    client: *mut FitbitClient,
    path: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe { Ok(handle(client, "client")?.0.set_token_file(text(path, "path")?)?) })
}

/// Ends the login at the provider: logs the person out of your program.
///
/// It waits for a renewal under way, then sends the refresh token (else the access token) to be revoked.
/// If the response to a renewal with a single-use refresh token can still come, this call first waits for
/// it, at most two seconds and no longer than its timeout, and saves the new token: revoking the old one
/// might end nothing.
/// That the provider does not know it any more counts as success. On any other failure the login lives,
/// and the call can be repeated; a provider that is switched off (FITBIT_ERROR_PROVIDER_RETIRED) has
/// nothing to revoke any more, and what you stored is yours to delete. Afterwards this client answers
/// FITBIT_ERROR_REAUTHORIZE and asks nobody, its token is offered to no one, and its token file is
/// removed (not the ".lock" beside it); what you stored elsewhere is yours to delete. fitbit_token() and
/// what else reads the token go on reading it. Another client of the same file finds at its next renewal
/// that the file is gone: FITBIT_ERROR_STORE. A second call does nothing.
///
/// This ends more than this client's login. Google ends every grant that the person gave to your Google
/// Cloud project, of your other programs and client ids too. Fitbit ends all logins of the person with
/// your application.
///
/// Where a token file or a guard keeps the token, what is stored is read first, because another process
/// may have renewed it: the guard is entered once, and its run has nothing to be stored.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_revoke(client: *mut FitbitClient) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe { Ok(handle(client, "client")?.0.revoke()?) })
}

/// What the provider last said of its rate limit: Fitbit with every answer, Google Health never.
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
            reset_seconds: number(seen.reset()),
        });
        written
    })
}

/// Frees a handle on a login. If it is the last handle and the token is unsaved, the token is offered to
/// on_token once more; nothing is sent to the provider. After the last one's fitbit_free() has returned,
/// no callback of this login runs: user_data must live until then. Free a client whose token is unsaved
/// before the same person logs in again: it would offer its old token to the same store. NULL: nothing
/// happens.
///
/// The last fitbit_free() of a login does not lose a single-use token that is on its way. If a call's time
/// was over before the response to its renewal had come, this function waits for that response, at most two
/// seconds, and saves the new token. A renewal whose refresh token can be used again is not waited for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_free(client: *mut FitbitClient) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe {
        if let Some(client) = client.as_ref() {
            // While the handle is whole: the callback may look at it.
            client.0.finish();
        }
        take(client);
    });
}
