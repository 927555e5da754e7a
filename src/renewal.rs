//! `FitbitRenewal` and the guard: a renewal inside the program's own transaction.

use std::ffi::{CStr, c_void};
use std::ptr::null;

use fitbit_core::{Offered, TokenStore};
use libc::{c_char, c_int};

use crate::callback::{FitbitTokenCallback, UserData, saving};
use crate::{FitbitError, Out, fallible, handle};

/// One renewal that a guard carries out with fitbit_renewal_run(). It belongs to the library, and is
/// valid, on any thread, until the guard returns.
pub struct FitbitRenewal {
    /// Only its address is ever used: behind it stands an [`Offered`].
    _opaque: [u8; 0],
}

/// Carries out a renewal inside a transaction of the program's own database, for a login that a fleet
/// of processes shares. It
///
/// 1. locks the person's row (SELECT ... FOR UPDATE) and reads the token stored there,
/// 2. passes it to fitbit_renewal_run(), which asks the provider if that is still needed,
/// 3. stores what comes back, where that is not NULL,
/// 4. commits, and returns 1 for "committed".
///
/// Anything but 1 means: not committed. A new token is then kept, used, and handed out again the next
/// time. It may be that a commit is uncertain (the connection broke): return 0, and the next run finds
/// out. A transaction that is repeated may call fitbit_renewal_run() again: it answers as before, and
/// nothing is sent twice. Without any run nothing is sent, and the call is FITBIT_ERROR_STORE.
///
/// It runs under the same rules as FitbitTokenCallback. One client's guard runs one at a time; the
/// row's lock is what keeps other processes out.
///
/// @param user_data  what the client was made with
pub type FitbitRenewalGuard =
    Option<unsafe extern "C" fn(renewal: *mut FitbitRenewal, user_data: *mut c_void) -> c_int>;

type Guard = unsafe extern "C" fn(*mut FitbitRenewal, *mut c_void) -> c_int;

/// The store that a guard is, and before it, for a first token, the callback.
pub(crate) fn store(
    guard: Guard,
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
) -> TokenStore {
    let first = saving(on_token, user_data);
    let user_data = UserData(user_data);
    let committed = move |offered: &Offered| {
        let user_data = &user_data;
        let renewal: *const Offered = offered;
        // SAFETY: the header's rules: the guard is what the program says it is, and it returns. What
        // it is given lives until then.
        unsafe { guard(renewal.cast_mut().cast(), user_data.0) == 1 }
    };
    TokenStore::guard(committed, first)
}

/// # Renewals of a fleet
///
/// For logins that several machines share through a database. One machine alone is better served by
/// fitbit_from_file(), one process by a callback.
///
/// ---
/// Renews, if that is still needed, with what is stored in hand. Only inside a FitbitRenewalGuard.
///
/// Which of two tokens is newer is decided by what this client last read or saved, never by a clock: a
/// stored token that it has not seen was written by somebody else, and is taken. However often a guard
/// calls this function, the token is renewed once. An error is also the error of the call that the guard
/// runs in, whatever the guard returns.
///
/// @param renewal            what the guard was given
/// @param stored_token_json  the token in the row, or NULL where there is none. One of another person or
///                           provider is FITBIT_ERROR_STORE, and nothing is sent.
/// @param new_token_json     receives the token to be stored, borrowed until the guard returns; NULL:
///                           there is nothing to store, what is stored is what is used
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_renewal_run(
    renewal: *mut FitbitRenewal,
    stored_token_json: *const c_char,
    new_token_json: *mut *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on strings and out-pointers; the renewal is one that `store` gave out
    // and that its guard has not returned from.
    fallible(|| unsafe {
        let out = Out::cleared(new_token_json, null());
        let offered = handle(renewal.cast::<Offered>(), "renewal")?;
        let stored =
            (!stored_token_json.is_null()).then(|| CStr::from_ptr(stored_token_json).to_bytes());
        out.check("new_token_json")?;
        out.set(offered.run(stored)?.map_or(null(), CStr::as_ptr));
        Ok(())
    })
}
