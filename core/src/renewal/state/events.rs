//! What happened: the transitions.

use std::sync::Arc;
use std::time::Instant;

use super::{FailedRenewal, Failure, Found, Ledger, Named, Saving};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Provider;
use crate::store::{Stored, Write};
use crate::token::Token;

impl Ledger {
    pub fn new(provider: &'static Provider, token: Token, saving: Saving) -> Ledger {
        let token = Arc::new(token);
        Ledger {
            provider,
            base: (saving == Saving::Stored).then(|| token.clone()),
            saving,
            store_error: None,
            possibly_used: token.has_renewal_marker(),
            failed: None,
            refused_at: None,
            dead: None,
            is_revoked: false,
            token,
        }
    }

    /// A thread leads. `newest` is another token only in a child that was forked while its parent saved that
    /// one.
    pub fn taken_out(&mut self, newest: &Arc<Token>) {
        self.store_error = None;
        if !Arc::ptr_eq(&self.token, newest) {
            self.replace(newest.clone());
        }
    }

    /// Another token: what was known of the last one's refresh token does not count.
    fn replace(&mut self, token: Arc<Token>) {
        self.possibly_used = token.has_renewal_marker();
        self.failed = None;
        self.token = token;
    }

    /// The store was read, with its lock in hand.
    pub fn found_in_store(&mut self, stored: &Stored, keeps_a_marker: bool) -> Result<Found> {
        let Stored::Token(stored) = stored else { return Ok(Found::NothingNew) };
        if stored.same_as(&self.token) {
            self.found_the_same(stored, keeps_a_marker);
            return Ok(Found::NothingNew);
        }
        // Which of two tokens is newer, no clock can say. But this client knows what it wrote itself.
        if self.base.as_ref().map_or(!self.is_over(), |base| stored.same_as(base)) {
            return Ok(Found::NothingNew);
        }
        if !stored.belongs_to_same_person_as(&self.token, self.provider) {
            return Err(Error::store("another person's token is stored"));
        }
        self.replace(stored.clone());
        self.base = Some(stored.clone());
        self.refused_at = None;
        self.saving = Saving::Stored;
        Ok(Found::AnotherToken)
    }

    /// All that can be newer, on either side, is whose token it is.
    fn found_the_same(&mut self, stored: &Token, keeps_a_marker: bool) {
        let user_id = |token: &Token| token.field("user_id", self.provider);
        let (mine, theirs) = (user_id(&self.token), user_id(stored));
        let is_whole = mine.is_none() || theirs.is_some();
        if let (None, Some(theirs)) = (mine, theirs) {
            self.token = Arc::new(self.token.of_user(&theirs));
        }
        if keeps_a_marker {
            self.possibly_used = stored.has_renewal_marker();
        }
        self.base = Some(self.token.clone());
        if is_whole {
            self.saving = Saving::Stored;
        }
    }

    /// The renewal marker is set; with it the token is in the store, also if it could not be saved before.
    pub fn marked(&mut self) {
        self.base = Some(self.token.clone());
        self.saving = Saving::Stored;
    }

    /// An unsaved token goes into the store; a dead one is never offered.
    pub fn offer(&mut self, stored: &Stored) -> Write {
        match self.is_unsaved() && !self.is_over() {
            true => self.write(stored),
            false => Write::Nothing,
        }
    }

    pub fn write(&mut self, stored: &Stored) -> Write {
        if self.base.is_none() {
            // A login that was never stored replaces what is stored now. If it is uncertain whether that
            // succeeds, another client may go on from there: any third token was written later.
            self.base = match stored {
                Stored::Unreadable => None,
                Stored::Nothing => Some(self.token.clone()),
                Stored::Token(stored) => Some(stored.clone()),
            };
        }
        Write::Token { token: self.token.clone(), possibly_used: self.possibly_used }
    }

    /// The provider granted a new token. It is unsaved until the store has committed.
    pub fn granted(&mut self, token: Token) {
        self.replace(Arc::new(token));
        self.refused_at = None;
        self.has_news();
    }

    /// It is known whose token it is, if it is of the same login as `of`.
    pub fn named(&mut self, of: &Token, user_id: &str, stored: &Stored) -> Named {
        let is_named = self.token.field("user_id", self.provider).is_some();
        // Another process's token, stored meanwhile, is asked for its id again.
        if is_named || !self.token.is_of_same_login_as(of) {
            return Named::Unchanged;
        }
        self.token = Arc::new(self.token.of_user(user_id));
        match stored {
            // Perhaps another process has ended this login: an id does not bring it back.
            Stored::Nothing => Named::NotToBeSaved,
            _ => {
                self.has_news();
                Named::ToBeSaved
            }
        }
    }

    fn has_news(&mut self) {
        if self.saving == Saving::Stored {
            self.saving = Saving::Unsaved;
        }
    }

    /// The provider refused the refresh token, perhaps because it was used for an earlier request. Since
    /// when it does so.
    pub fn refused(&mut self, now: Instant) -> Instant {
        *self.refused_at.get_or_insert(now)
    }

    /// A renewal brought no token. True: the refresh token was not used, and needs no marker.
    pub fn failed(&mut self, failure: Failure, now: Instant) -> bool {
        let Failure { error, possibly_used, is_expected } = failure;
        let is_cancelled = error.is(ErrorKind::Cancelled);
        let is_unanswered = possibly_used || is_expected;
        self.failed = (is_unanswered || !is_cancelled).then(|| {
            // The end of one call is no other call's error.
            let error = if is_cancelled { Error::unanswered_renewal() } else { error };
            Arc::new(FailedRenewal { error, at: now, is_unanswered })
        });
        // Only a token, or the end of the login, says what became of an earlier request.
        self.possibly_used |= possibly_used;
        !self.possibly_used
    }

    /// The leader panicked while a request was under way.
    pub fn interrupted(&mut self) {
        self.possibly_used = true;
    }

    /// The provider has ended the login.
    pub fn died(&mut self) {
        self.failed = None;
        self.dead = Some(self.token.clone());
        self.possibly_used = false;
    }

    pub fn revoked(&mut self) {
        self.is_revoked = true;
    }

    /// The token goes into another store, over what is there.
    pub fn moved(&mut self) {
        self.base = None;
        self.saving = Saving::NeverStored;
    }

    /// The transaction succeeded. `wrote`: with a token.
    pub fn committed(&mut self, wrote: bool) {
        self.store_error = None;
        if wrote {
            self.base = Some(self.token.clone());
            self.saving = Saving::Stored;
        }
    }

    /// A token that was offered stays unsaved.
    pub fn not_committed(&mut self, error: Error) {
        self.store_error = Some(error);
    }
}
