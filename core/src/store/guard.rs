//! A renewal inside a transaction of the program's own database, for a login that a fleet of processes
//! shares.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use once_cell::sync::OnceCell;
use zeroize::Zeroizing;

use super::{Callback, Decide, Marker, NoMarker, Store, Stored, Transaction, Write};
use crate::error::{Error, Input, Result};
use crate::os::this_thread;
use crate::provider::Provider;
use crate::token::{Token, Unfit};

/// The program's guard, and the callback that takes a new login's first token.
pub(crate) struct GuardStore<G, F> {
    guard: G,
    on_token: Option<Callback<F>>,
}

impl<G, F> GuardStore<G, F> {
    /// `guard` is true if the program has committed.
    pub fn new(guard: G, on_token: Option<Callback<F>>) -> GuardStore<G, F> {
        GuardStore { guard, on_token }
    }
}

/// The renewal that a guard is offered, until it returns. Several threads may run it: one does, and the
/// others get the same response.
pub struct Offered<'a> {
    provider: &'static Provider,
    never_stored: bool,
    /// The thread that runs it; 0: none.
    runner: AtomicUsize,
    decide: Mutex<&'a mut Decide<'a>>,
    /// What the first run gave: a repeated one gives the same.
    given: OnceCell<Result<Option<Text>>>,
}

/// A token's JSON with a NUL at its end, as C borrows it.
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    fn of(token: &Token, provider: &Provider) -> Text {
        let json = Zeroizing::new(token.to_json(provider));
        let mut bytes = Zeroizing::new(Vec::with_capacity(json.len() + 1));
        bytes.extend_from_slice(json.as_bytes());
        bytes.push(0);
        Text(bytes)
    }

    /// JSON writes a NUL as an escape: there is no other one.
    fn get(&self) -> Option<&CStr> {
        CStr::from_bytes_with_nul(&self.0).ok()
    }
}

impl Offered<'_> {
    /// Renews, if that is still needed, with the token that the program has read. None: nothing has to
    /// be stored.
    pub fn run(&self, stored_json: Option<&[u8]>) -> Result<Option<&CStr>> {
        let me = this_thread();
        if self.runner.load(Ordering::Relaxed) == me {
            // A logger's call: it would wait for itself.
            return Err(Error::invalid(Input::Renewal, "it is running on this thread"));
        }
        let given = self.given.get_or_init(|| {
            self.runner.store(me, Ordering::Relaxed);
            let given = self.first_run(stored_json);
            self.runner.store(0, Ordering::Relaxed);
            given
        });
        match given {
            Ok(token) => Ok(token.as_ref().and_then(Text::get)),
            Err(why) => Err(why.clone()),
        }
    }

    fn first_run(&self, stored_json: Option<&[u8]>) -> Result<Option<Text>> {
        let stored = self.read(stored_json)?;
        let mut decide = self.decide.lock().unwrap_or_else(PoisonError::into_inner);
        match decide(stored, &NoMarker)? {
            Write::Token { token, .. } => Ok(Some(Text::of(&token, self.provider))),
            // The row is the program's to delete.
            Write::Nothing | Write::Remove => Ok(None),
        }
    }

    fn read(&self, stored_json: Option<&[u8]>) -> Result<Stored> {
        let Some(json) = stored_json else { return Ok(Stored::Nothing) };
        let json = std::str::from_utf8(json)
            .map_err(|_| Error::invalid(Input::StoredToken, "it is not UTF-8"))?;
        match Token::from_json(json, self.provider) {
            Ok(token) => Ok(Stored::Token(Arc::new(token))),
            // A login that was never stored takes the place of anything.
            Err(_) if self.never_stored => Ok(Stored::Nothing),
            Err(Unfit::ForeignProvider) => Err(Error::store("another provider's token is stored")),
            Err(Unfit::Malformed(why)) => Err(Error::invalid(Input::StoredToken, why)),
        }
    }
}

impl<G, F> Store for GuardStore<G, F>
where
    G: Fn(&Offered) -> bool + Send + Sync,
    F: Fn(&str) -> bool + Send + Sync,
{
    fn transaction(&self, transaction: &Transaction, decide: &mut Decide) -> Result<()> {
        if let (Some(on_token), true, false) =
            (&self.on_token, transaction.never_stored, transaction.renews)
        {
            // The first token of a new login.
            return on_token.transaction(transaction, decide);
        }
        let mut decide = |stored: Stored, marker: &dyn Marker| decide(stored, marker);
        let offered = Offered {
            provider: transaction.provider,
            never_stored: transaction.never_stored,
            runner: AtomicUsize::new(0),
            decide: Mutex::new(&mut decide),
            given: OnceCell::new(),
        };
        let committed = (self.guard)(&offered);
        if let Some(Err(why)) = offered.given.into_inner() {
            return Err(why);
        }
        match committed {
            true => Ok(()),
            false => Err(Error::store("the renewal guard did not commit")),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn runs_program_code(&self) -> bool {
        true
    }
}
