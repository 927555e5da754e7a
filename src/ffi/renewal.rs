//! `FitbitRenewal` and the guard: a renewal inside the program's own transaction.

use std::ffi::{CString, c_void};
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libc::{c_char, c_int};
use zeroize::Zeroize;

use super::callback::{FitbitTokenCallback, UserData, saving};
use super::{FitbitError, Out, fallible, handle, optional_text};
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::renewal::this_thread;
use crate::store::{Callback, Change, Held, Keeping, Mark, NO_MARK, Run, Store};
use crate::token::{Token, Unfit};

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
struct GuardStore<F> {
    guard: Guard,
    on_token: Option<Callback<F>>,
    user_data: UserData,
}

pub(super) fn store(
    guard: Guard,
    on_token: FitbitTokenCallback,
    user_data: *mut c_void,
) -> Arc<dyn Store> {
    let on_token = saving(on_token, user_data);
    Arc::new(GuardStore { guard, on_token, user_data: UserData(user_data) })
}

/// What stands behind the program's `FitbitRenewal *` while its guard runs. Its threads may all ask:
/// one runs, the others wait for what that gives.
struct Offered<'a> {
    /// The thread that runs; 0: none.
    runner: AtomicUsize,
    running: Mutex<Running<'a>>,
}

impl Offered<'_> {
    fn answer(&self, stored: Result<Option<&str>>) -> Result<*const c_char> {
        let me = this_thread();
        if self.runner.load(Ordering::Relaxed) == me {
            // A logger's call: it would wait for itself.
            return Err(Error::invalid_argument("renewal", "it is running on this thread"));
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.runner.store(me, Ordering::Relaxed);
        let answer = running.answer(stored);
        self.runner.store(0, Ordering::Relaxed);
        answer
    }
}

struct Running<'a> {
    provider: &'static Provider,
    never_stored: bool,
    run: &'a mut Run<'a>,
    /// What the first run gave: a repeated one answers the same.
    given: Option<Result<Option<CString>>>,
}

impl Running<'_> {
    fn answer(&mut self, stored: Result<Option<&str>>) -> Result<*const c_char> {
        if self.given.is_none() {
            self.given = Some(stored.and_then(|stored| self.first(stored)));
        }
        match &self.given {
            Some(Ok(Some(token))) => Ok(token.as_ptr()),
            Some(Err(why)) => Err(why.clone()),
            _ => Ok(null()),
        }
    }

    fn first(&mut self, stored: Option<&str>) -> Result<Option<CString>> {
        let stored = match stored.map(|json| Token::from_json(json, self.provider)).transpose() {
            // A login that was never stored takes the place of anything.
            Err(_) if self.never_stored => Ok(None),
            stored => stored,
        };
        let stored = stored.map_err(|unfit| match unfit {
            Unfit::ForeignProvider => Error::store("another provider's token is stored"),
            Unfit::Malformed(why) => Error::invalid_argument("stored_token_json", why),
        })?;
        let held = stored.map_or(Held::Nothing, |token| Held::Token(Arc::new(token)));
        match (self.run)(held, NO_MARK)? {
            // JSON writes a NUL as an escape: there is none to be found.
            Change::Keep(token) => Ok(CString::new(token.to_json(self.provider)).ok()),
            // The row is the program's to delete.
            Change::None | Change::Remove => Ok(None),
        }
    }
}

impl<F: Fn(&str) -> bool + Send + Sync> Store for GuardStore<F> {
    fn keep(&self, keeping: Keeping, run: &mut Run) -> Result<()> {
        if let (Some(on_token), true, false) =
            (&self.on_token, keeping.never_stored, keeping.renewing)
        {
            // The first token of a new login.
            return match run(Held::Unseen, NO_MARK)? {
                Change::Keep(token) => on_token.offer(&token, keeping.provider),
                Change::None | Change::Remove => Ok(()),
            };
        }
        let mut run = |held: Held, mark: Mark| run(held, mark);
        let running = Mutex::new(Running {
            provider: keeping.provider,
            never_stored: keeping.never_stored,
            run: &mut run,
            given: None,
        });
        let offered = Offered { runner: AtomicUsize::new(0), running };
        // SAFETY: the header's rules: the guard is what the program says it is, and it returns. What
        // it is given lives until then.
        let committed = unsafe {
            let renewal: *const Offered = &offered;
            (self.guard)(renewal.cast_mut().cast(), self.user_data.0)
        };
        match offered.running.into_inner().unwrap_or_else(PoisonError::into_inner).given {
            Some(Err(why)) => return Err(why),
            Some(Ok(Some(token))) => token.into_bytes().zeroize(),
            _ => {}
        }
        match committed {
            1 => Ok(()),
            _ => Err(Error::store("the renewal guard did not commit")),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_the_programs(&self) -> bool {
        true
    }
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
    // SAFETY: the header's rules on strings and out-pointers; the renewal is one that `keep` gave out
    // and that its guard has not returned from.
    fallible(|| unsafe {
        let out = Out::cleared(new_token_json, null());
        let offered = handle(renewal.cast::<Offered>(), "renewal")?;
        let stored = optional_text(stored_token_json, "stored_token_json");
        out.check("new_token_json")?;
        out.set(offered.answer(stored)?);
        Ok(())
    })
}
