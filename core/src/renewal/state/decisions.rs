//! What is to be done next.

use std::sync::Arc;
use std::time::Duration;

use super::{Facts, FailedRenewal, Ledger, Next, Refusal, Saving, Task};
use crate::error::{Error, Result};
use crate::renewal::goal::{Goal, Parked, Renewal, Why};
use crate::store::{Stored, Write};
use crate::token::{Age, Now, Token};

impl Ledger {
    pub fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub fn is_unsaved(&self) -> bool {
        self.saving != Saving::Stored
    }

    pub fn is_never_stored(&self) -> bool {
        self.saving == Saving::NeverStored
    }

    pub fn is_revoked(&self) -> bool {
        self.is_revoked
    }

    pub fn is_possibly_used(&self) -> bool {
        self.possibly_used
    }

    /// The last renewal failed, or its outcome is not known.
    pub fn is_troubled(&self) -> bool {
        self.failed.is_some() || self.possibly_used
    }

    /// Whether a renewal of this token is likely to fail again.
    pub fn is_troubled_with(&self, token: &Token) -> bool {
        self.is_troubled() && self.token.same_as(token)
    }

    pub fn is_dead(&self, token: &Token) -> bool {
        self.dead.as_ref().is_some_and(|dead| dead.refresh_token() == token.refresh_token())
    }

    pub fn is_over(&self) -> bool {
        self.is_dead(&self.token)
    }

    /// The last renewal, if it was of this token and failed.
    pub fn failed_renewal_of(&self, token: &Token) -> Option<&Arc<FailedRenewal>> {
        self.failed.as_ref().filter(|_| self.token.same_as(token))
    }

    /// Whether no renewal has failed, and none succeeded, since then.
    pub fn has_failed_as(&self, before: &Ledger) -> bool {
        match (&before.failed, &self.failed) {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            (before, after) => before.is_none() && after.is_none(),
        }
    }

    pub fn store_error(&self) -> Option<&Error> {
        self.store_error.as_ref()
    }

    /// Whether there is nothing left to do for this goal. `newest` can be on its way into the store.
    pub fn is_done(&self, goal: Goal, newest: &Token, clocks: Now) -> Result<bool> {
        if self.is_revoked && !matches!(goal, Goal::Revoke) {
            return Err(Error::revoked());
        }
        Ok(match goal {
            Goal::Move => false,
            Goal::Name { .. } => newest.field("user_id", self.provider).is_some(),
            // If its removal failed, that is tried again.
            Goal::Revoke => self.is_revoked && self.store_error.is_none(),
            Goal::Save => !self.is_unsaved() || self.is_dead(newest),
            Goal::Renew(Renewal { bad, .. }) => self.is_better_than(bad, clocks),
        })
    }

    /// Whether the token can take the place of one that is not to be used any more.
    fn is_better_than(&self, bad: &Token, clocks: Now) -> bool {
        let age = || self.token.age(clocks, Duration::ZERO, self.provider);
        self.token.access_token() != bad.access_token() && age() != Age::Expired && !self.is_over()
    }

    /// What a thread does for its goal if no other one leads.
    pub fn next(&self, goal: Goal, facts: &Facts) -> Result<Next> {
        let Goal::Renew(renewal) = goal else { return Ok(Next::Lead) };
        if facts.has_time && facts.has_parked && renewal.parked != Parked::WasRead {
            return Ok(Next::ReadParked);
        }
        if renewal.parked == Parked::OnlyRead {
            return Err(Error::unanswered_renewal());
        }
        let failed = self.failed_renewal_of(facts.newest);
        if renewal.budget.is_empty() {
            return Err(FailedRenewal::asked_too_often(failed));
        }
        match failed {
            Some(failed) => failed.wait_before_asking(facts),
            None => Ok(Next::Ask),
        }
    }

    /// What the leader does in its transaction, after [`Ledger::found_in_store`].
    pub fn task(&self, goal: Goal, next: Next, clocks: Now) -> Task {
        let renewal = match goal {
            Goal::Save | Goal::Move => return Task::Save,
            Goal::Name { .. } => return Task::Name,
            Goal::Revoke => return Task::Revoke,
            Goal::Renew(renewal) => renewal,
        };
        if self.is_better_than(renewal.bad, clocks) {
            return Task::Save;
        }
        let reads = next == Next::ReadParked;
        if renewal.why == Why::InDoubt && !self.possibly_used && !reads {
            return Task::SaveNeedlessly;
        }
        if self.token.refresh_token().is_empty() {
            return Task::Refuse(Refusal::NoRefreshToken);
        }
        if self.is_over() {
            return Task::Refuse(Refusal::Dead);
        }
        if reads { Task::ReadParked } else { Task::Ask }
    }

    /// What a revoked login does with what the store holds. Another login is not touched.
    pub fn after_revocation(&self, stored: &Stored) -> Write {
        match stored {
            Stored::Token(stored) if stored.same_as(&self.token) => Write::Remove,
            _ => Write::Nothing,
        }
    }

    /// Success: the newest token is saved.
    pub fn must_be_saved(&self) -> Result<()> {
        if !self.is_unsaved() {
            return Ok(());
        }
        if self.is_revoked {
            return Err(Error::revoked());
        }
        if self.is_over() {
            return Err(Error::refused_login(None));
        }
        let why = self.store_error.as_ref().map(Error::to_string).unwrap_or_default();
        Err(Error::store(&format!("the token is not saved, but kept to be offered again: {why}")))
    }
}
