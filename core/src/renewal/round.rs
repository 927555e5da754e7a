//! One flight, on the thread that flies it: through the store, and where needed to the provider.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::ask::{Asked, Unread};
use super::flight::{Flight, Outcome};
use super::{FailedRenewal, LAST_WAIT, LOOK, Login, Purpose, Renewal, Why, same_refresh_token};
use crate::call::Deadline;
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::log::{Level, Stopwatch};
use crate::store::{Change, Held, Keeping, Mark, Store};
use crate::sync::now;
use crate::token::Token;

/// One flight, on the thread that flies it.
pub(super) struct Round<'a> {
    pub(super) login: &'a Login,
    pub(super) flight: Arc<Flight>,
    pub(super) store: Arc<dyn Store>,
    /// The newest token that this client knows.
    pub(super) own: Arc<Token>,
    pub(super) base: Option<Arc<Token>>,
    pub(super) unsaved: bool,
    pub(super) never_stored: bool,
    pub(super) store_error: Option<Error>,
    pub(super) failed: Option<Arc<FailedRenewal>>,
    pub(super) dead: Option<Arc<Token>>,
    pub(super) refused_at: Option<Instant>,
    pub(super) revoked: bool,
    pub(super) error: Option<Error>,
    pub(super) offered: bool,
    pub(super) fell_short: bool,
    pub(super) was_needless: bool,
    /// A request with its refresh token is under way.
    pub(super) is_asking: bool,
    /// It has only read, in vain: the provider may be asked.
    pub(super) may_ask: bool,
}

impl Round<'_> {
    pub(super) fn fly(&mut self, purpose: Purpose, deadline: &mut Deadline) -> Result<()> {
        if let Purpose::Move { to } = purpose {
            return self.move_to(to, deadline);
        }
        let mut outcome = self.round(purpose, deadline);
        let refused = outcome.as_ref().is_err_and(|error| error.is(ErrorKind::Reauthorize));
        if refused && self.store.is_shared() {
            // Somebody else may have logged in anew, or renewed what was refused here.
            let again = self.round(purpose, deadline);
            if !again.as_ref().is_err_and(|error| error.is(ErrorKind::Reauthorize)) {
                outcome = again;
            }
        }
        outcome
    }

    /// Into another store, over what is there; where that fails, everything stays as it was.
    fn move_to(&mut self, to: &Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        if same_refresh_token(self.dead.as_deref(), &self.own) {
            return Err(Error::refused_login(None));
        }
        let before = (self.store.clone(), self.base.take(), self.unsaved, self.never_stored);
        self.store = to.clone();
        self.unsaved = true;
        self.never_stored = true;
        let outcome = self.round(Purpose::Save, deadline);
        match self.store_error.take().map_or(outcome, Err) {
            Ok(()) => Ok(()),
            Err(error) => {
                (self.store, self.base, self.unsaved, self.never_stored) = before;
                Err(error)
            }
        }
    }

    /// Once through the store.
    fn round(&mut self, purpose: Purpose, deadline: &mut Deadline) -> Result<()> {
        let store = self.store.clone();
        let keeping = Keeping {
            provider: self.login.app.provider,
            never_stored: self.never_stored,
            renewing: matches!(purpose, Purpose::Renew(_)),
            deadline: deadline.clone(),
        };
        let mut ran = None;
        let mut new = false;
        let mut outside = Stopwatch::start();
        let kept = store.keep(keeping, &mut |held, mark| {
            if store.is_the_programs() {
                deadline.give_back(outside.elapsed());
            }
            let out = self.run(&held, mark, purpose, deadline);
            outside = Stopwatch::start();
            ran = Some(out.as_ref().map(drop).map_err(Error::clone));
            new = matches!(out, Ok(Change::Keep(_)));
            out
        });
        if store.is_the_programs() {
            deadline.give_back(outside.elapsed());
        }
        self.offered |= new;
        if kept.is_ok() && new {
            self.base = Some(self.own.clone());
            self.is_stored();
        }
        if new && store.saves() {
            let log = &self.login.app.log;
            match &kept {
                Ok(()) => log.line(Level::Debug, || "the token is saved".to_owned()),
                Err(why) => log.line(Level::Warn, || format!("the token is not saved: {why}")),
            }
        }
        self.store_error = kept.as_ref().err().cloned();
        match (ran, kept) {
            (None, Ok(())) => Err(Error::store("the renewal was not run")),
            (None, Err(why)) => Err(why),
            (Some(Ok(())), Err(why)) if !new => Err(why),
            (Some(outcome), _) => outcome,
        }
    }

    /// Decides, with what is stored in hand, what is to become of it.
    fn run(
        &mut self,
        held: &Held,
        mark: Mark,
        purpose: Purpose,
        deadline: &Deadline,
    ) -> Result<Change> {
        let login = self.login;
        let dead = same_refresh_token(self.dead.as_deref(), &self.own);
        if self.revoked {
            // Only its removal is still to be done. Another login is not touched.
            let own = matches!(held, Held::Token(stored) if stored.same_as(&self.own));
            return Ok(if own { Change::Remove } else { Change::None });
        }
        if let Held::Token(stored) = held.clone() {
            if stored.same_as(&self.own) {
                let provider = login.app.provider;
                let user_id = |token: &Token| token.field("user_id", provider);
                // All that can be newer here, on either side, is whose token it is.
                let (mine, theirs) = (user_id(&self.own), user_id(&stored));
                let is_whole = mine.is_none() || theirs.is_some();
                if let (None, Some(theirs)) = (mine, theirs) {
                    self.own = Arc::new(self.own.of_user(&theirs));
                }
                if self.store.keeps_a_marker() {
                    // With the lock in hand, what the store says of it is the truth.
                    self.own.set_possibly_used(stored.is_possibly_used());
                }
                self.base = Some(self.own.clone());
                if is_whole {
                    self.is_stored();
                }
            } else if self.base.as_ref().map_or(dead, |base| !stored.same_as(base)) {
                // Somebody else wrote it. Which of two tokens is newer, no clock can say; but what
                // this client wrote itself, it would know.
                if !stored.belongs_to_same_person_as(&self.own, login.app.provider) {
                    return Err(Error::store("another person's token is stored"));
                }
                login.app.log.line(Level::Info, || {
                    "somebody else has stored another token: it is taken".to_owned()
                });
                self.own = stored.clone();
                self.base = Some(stored);
                self.refused_at = None;
                self.is_stored();
            }
        }
        let dead = same_refresh_token(self.dead.as_deref(), &self.own);
        match purpose {
            Purpose::Save | Purpose::Move { .. } => Ok(self.unsaved(held, dead)),
            Purpose::Name { of, user_id } => {
                if self.own.field("user_id", login.app.provider).is_none() {
                    if !self.own.is_of_same_login_as(of) {
                        // Somebody else's, stored meanwhile: it is asked for again.
                        return Ok(self.unsaved(held, dead));
                    }
                    if matches!(held, Held::Nothing) {
                        // Perhaps somebody has ended this login: an id does not bring it back.
                        self.own = Arc::new(self.own.of_user(user_id));
                        return Ok(Change::None);
                    }
                    self.have(self.own.of_user(user_id));
                }
                Ok(self.unsaved(held, dead))
            }
            Purpose::Renew(Renewal { bad, .. }) if login.is_better(&self.own, bad) && !dead => {
                Ok(self.unsaved(held, dead))
            }
            // Another process has found out how it ended.
            Purpose::Renew(Renewal { why: Why::InDoubt, reads: false, .. })
                if !self.own.is_possibly_used() =>
            {
                self.was_needless = true;
                Ok(self.unsaved(held, dead))
            }
            Purpose::Renew(renewal) => self.renew(held, mark, renewal, dead, deadline),
            Purpose::Revoke => {
                login.ask_to_revoke(&self.own, dead, deadline)?;
                login.app.log.line(Level::Info, || "the login is revoked".to_owned());
                self.revoked = true;
                Ok(Change::Remove)
            }
        }
    }

    /// A token that is not saved yet goes into the store; a dead one is never offered.
    fn unsaved(&mut self, held: &Held, dead: bool) -> Change {
        if !self.unsaved || dead {
            return Change::None;
        }
        self.hand_out(held);
        Change::Keep(self.own.clone())
    }

    /// From here on nothing can lose it: no failed save, no panic.
    fn have(&mut self, token: Token) {
        self.own = Arc::new(token);
        self.unsaved = true;
        self.login.lock().pending = Some(self.own.clone());
    }

    /// Asks the provider for the token that follows.
    fn renew(
        &mut self,
        held: &Held,
        mark: Mark,
        renewal: Renewal,
        dead: bool,
        deadline: &Deadline,
    ) -> Result<Change> {
        let login = self.login;
        let log = &login.app.log;
        if self.own.refresh_token().is_empty() {
            return Err(Error::reauthorize("there is no refresh token"));
        }
        if dead {
            return Err(Error::refused_login(login.refresh_token_end(&self.own)));
        }
        let Renewal { bad, why, budget, .. } = renewal;
        let born_of_401 = why == Why::Rejected && self.own.same_as(bad);
        log.line(Level::Info, || format!("renewing the token: {}", why.in_words()));
        if renewal.reads {
            return self.read(held, mark, renewal, born_of_401, deadline);
        }
        if budget.is_empty() {
            let failed = self.failed.as_ref().filter(|failed| failed.token.same_as(&self.own));
            return Err(FailedRenewal::asked_too_often(failed));
        }
        let was_in_doubt = self.own.is_possibly_used();
        if mark(&self.own, true)? {
            // With the mark it is in the store, also if it could not be saved before.
            self.base = Some(self.own.clone());
            self.is_stored();
        }
        if renewal.for_request {
            login.app.open_ahead(deadline);
        }
        self.is_asking = true;
        let Asked { outcome, possibly_used, is_cut } =
            login.ask(&self.own, born_of_401, budget, deadline);
        self.is_asking = false;
        let mut error = match outcome {
            Ok(token) => return Ok(self.renewed(token, held)),
            Err(error) => error,
        };
        if self.is_doubtful(&error) {
            let short = deadline.at_most(LAST_WAIT);
            if let Ok(token) = login.read(&self.own, born_of_401, &short) {
                return Ok(self.renewed(token, held));
            }
        }
        let is_doubtful = self.is_doubtful(&error);
        if is_doubtful {
            error = Error::unanswered_renewal();
        }
        if error.is(ErrorKind::Reauthorize) {
            self.end(&error, mark);
            return Err(error);
        }
        log.line(Level::Warn, || match deadline.is_cancelled() {
            true => "the renewal was cancelled".to_owned(),
            false => format!("the token is not renewed: {error}"),
        });
        self.failed = None;
        let is_cancelled = error.is(ErrorKind::Cancelled);
        let asks_later = possibly_used || is_cut || is_doubtful;
        if asks_later || !is_cancelled {
            self.failed = Some(Arc::new(FailedRenewal {
                token: self.own.clone(),
                // The end of one call is no other call's error.
                error: if is_cancelled { Error::unanswered_renewal() } else { error.clone() },
                at: now(),
                asks_later,
            }));
        }
        // Only a token, or the end of the login, says what became of an earlier request.
        let in_doubt = was_in_doubt || possibly_used;
        self.own.set_possibly_used(in_doubt);
        if !in_doubt {
            self.unmark(mark);
        }
        Err(error)
    }

    /// The provider refuses a single-use token that it has used for an earlier request. As long as the
    /// response to that request can come, the login is not over.
    fn is_doubtful(&mut self, error: &Error) -> bool {
        let (login, own) = (self.login, &self.own);
        if !error.is(ErrorKind::Reauthorize) || !own.is_single_use(login.app.provider) {
            return false;
        }
        let refused_at = *self.refused_at.get_or_insert_with(now);
        login.app.transport().has_parked_before(login.id(), own.refresh_token(), refused_at)
    }

    /// Reads the response to a renewal that an earlier call has sent, as long as the provider is not to be
    /// asked again; then once more, for what has come meanwhile.
    fn read(
        &mut self,
        held: &Held,
        mark: Mark,
        renewal: Renewal,
        born_of_401: bool,
        deadline: &Deadline,
    ) -> Result<Change> {
        let login = self.login;
        if renewal.for_request {
            login.app.open_ahead(deadline);
        }
        let failed = self.failed.as_ref().filter(|failed| failed.token.same_as(&self.own));
        let pause = failed.filter(|failed| failed.asks_later).map(|failed| failed.time_left(now()));
        let patience = match renewal.only_reads {
            true => deadline.left(),
            false => pause.unwrap_or_default().max(LOOK.min(deadline.left() / 4)),
        };
        self.is_asking = true;
        let read = login.read(&self.own, born_of_401, &deadline.at_most(patience));
        self.is_asking = false;
        match read {
            Ok(token) => Ok(self.renewed(token, held)),
            Err(Unread { error, .. }) if self.is_doubtful(&error) => {
                Err(Error::unanswered_renewal())
            }
            Err(Unread { error, ask_again, .. }) => {
                self.may_ask = ask_again;
                match error.is(ErrorKind::Reauthorize) {
                    true => self.end(&error, mark),
                    false => login.app.log.line(Level::Debug, || {
                        format!("the response to an earlier renewal was not read: {error}")
                    }),
                }
                Err(error)
            }
        }
    }

    fn renewed(&mut self, token: Token, held: &Held) -> Change {
        self.failed = None;
        self.refused_at = None;
        self.have(token);
        self.login.app.log.line(Level::Info, || "the token is renewed".to_owned());
        self.hand_out(held);
        Change::Keep(self.own.clone())
    }

    /// The provider has ended the login.
    fn end(&mut self, error: &Error, mark: Mark) {
        let log = &self.login.app.log;
        log.line(Level::Error, || format!("the token is not renewed: {error}"));
        self.failed = None;
        self.dead = Some(self.own.clone());
        self.own.set_possibly_used(false);
        self.unmark(mark);
    }

    fn unmark(&self, mark: Mark) {
        // If the marker cannot be removed, the next start sends one unnecessary request.
        let _ = mark(&self.own, false);
    }

    /// Remembers what a login that was never stored is to replace. If its storing is uncertain, another
    /// client may go on from there: whatever is neither this login nor what it replaces was written
    /// later.
    fn hand_out(&mut self, held: &Held) {
        if self.base.is_none() {
            self.base = match held {
                Held::Unreadable => None,
                Held::Nothing => Some(self.own.clone()),
                Held::Token(stored) => Some(stored.clone()),
            };
        }
    }

    fn is_stored(&mut self) {
        self.unsaved = false;
        self.never_stored = false;
    }

    /// What the flight brought; dropping it ends it.
    pub(super) fn land(self) -> Result<Arc<Token>> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.own.clone()),
        }
    }
}

impl Drop for Round<'_> {
    /// After a panic too: a flight that nobody ends would keep the others waiting.
    fn drop(&mut self) {
        let mut state = self.login.lock();
        let pending = state.pending.take();
        if std::thread::panicking() {
            if self.is_asking {
                self.own.set_possibly_used(true);
            }
            if let Some(pending) = pending {
                self.own = pending;
                self.unsaved = true;
            }
        }
        state.current = self.own.clone();
        state.store = self.store.clone();
        state.base = self.base.take();
        state.unsaved = self.unsaved;
        state.never_stored = self.never_stored;
        state.store_error = self.store_error.take();
        state.failed = self.failed.take().filter(|failed| failed.token.same_as(&self.own));
        state.dead = self.dead.take();
        state.refused_at = self.refused_at;
        state.revoked |= self.revoked;
        state.flight = None;
        self.login.is_troubled.store(state.is_troubled(), Ordering::Relaxed);
        drop(state);
        self.flight.land(Outcome {
            token: self.error.take().map_or_else(|| Ok(self.own.clone()), Err),
            offered: self.offered,
            fell_short: self.fell_short,
            was_needless: self.was_needless,
        });
    }
}
