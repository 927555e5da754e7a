//! What is known of one login's token, and what is to be done next: a pure state machine.
//!
//! It takes no lock, reads no clock, writes no log, and calls neither the provider nor the store. Events
//! come in as method calls, with the time as a value. Decisions go out as values. docs/renewal.md draws it
//! and numbers its invariants.

mod decisions;
mod events;
mod pause;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::provider::Provider;
use crate::token::Token;
pub(super) use pause::{FailedRenewal, LET_PASS, ReadOrAsk};

/// All that is known of one login's token.
#[derive(Clone)]
pub(super) struct Ledger {
    provider: &'static Provider,
    /// The newest token.
    token: Arc<Token>,
    /// What the store held when it was last read or written, as far as is known.
    base: Option<Arc<Token>>,
    saving: Saving,
    /// Why the store last failed.
    store_error: Option<Error>,
    /// A request with the refresh token went out, and it is not known what became of it.
    possibly_used: bool,
    /// The last renewal of this token, if it failed and the provider did not end the login.
    failed: Option<Arc<FailedRenewal>>,
    /// When the provider first refused the refresh token. Only a request that was sent before can have used
    /// it.
    refused_at: Option<Instant>,
    /// A token whose refresh token the provider refused for good.
    dead: Option<Arc<Token>>,
    /// The program ended this login.
    is_revoked: bool,
}

/// Whether the store has the newest token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saving {
    Stored,
    /// It is not known to be stored.
    Unsaved,
    /// The same, and no store is known to have held any token of this login.
    NeverStored,
}

/// What a thread does that no other one precedes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait, and then decide again.
    Wait(Duration),
    /// Lead, and read the response to a renewal that an earlier call has sent.
    ReadParked,
    /// Lead, and ask the provider if that is still needed.
    Ask,
    /// Lead any goal but a renewal.
    Lead,
}

/// What [`Ledger::next`] has to know beside the ledger.
pub(super) struct Facts<'a> {
    pub newest: &'a Token,
    pub now: Instant,
    /// An earlier call has sent a renewal of the newest token, and its response can still come.
    pub has_parked: bool,
    pub has_time: bool,
    /// How long this call can wait and still ask.
    pub time_to_wait: Duration,
    /// No other call has waited for longer.
    pub goes_first: bool,
}

/// What the stored token is to this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The newest token, an older one of this client, or nothing.
    NothingNew,
    /// Another process has stored another token: it is the newest now.
    AnotherToken,
}

/// What the leader does inside a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Nothing, except that an unsaved token is offered.
    Save,
    /// The same: another process has found out that the refresh token was not used.
    SaveNeedlessly,
    Name,
    ReadParked,
    Ask,
    Revoke,
    Refuse(Refusal),
}

/// What a token's new user id leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Unchanged,
    NotToBeSaved,
    ToBeSaved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoRefreshToken,
    /// The provider has refused it for good.
    Dead,
}

/// What a renewal came to that brought no token and did not end the login.
pub(super) struct Failure {
    pub error: Error,
    /// One of its requests possibly used the refresh token.
    pub possibly_used: bool,
    /// Its response can still come.
    pub is_expected: bool,
}
