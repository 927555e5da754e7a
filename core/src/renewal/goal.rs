//! What a thread wants of a login's token, and why.

use super::budget::Budget;
use crate::token::Token;

/// What a thread wants. One thread at a time carries a goal out.
#[derive(Clone, Copy)]
pub(super) enum Goal<'a> {
    /// A better token than the bad one.
    Renew(Renewal<'a>),
    /// The newest token in the store. The provider is not asked.
    Save,
    /// The newest token in another store, which takes every later one too.
    Move,
    /// This id in the newest token, if it does not say whose it is and is of the same login as `of`; then as
    /// for saving.
    Name { of: &'a Token, user_id: &'a str },
    /// The end of the login.
    Revoke,
}

impl Goal<'_> {
    pub fn renews(self) -> bool {
        matches!(self, Goal::Renew(_))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Renewal<'a> {
    pub bad: &'a Token,
    pub why: Why,
    pub budget: &'a Budget,
    pub caller: Caller,
    pub parked: Parked,
}

/// Who needs a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// An API request, whose token does not work any more.
    Request,
    /// An API request, whose token still works. It gives the renewal only a part of its time.
    RequestWithToken,
    /// The program.
    Program,
    /// Nobody at once. The renewal gets only a part of the call's time or attempts.
    Nobody,
}

impl Caller {
    /// The renewal gets only a part of its call's time or attempts. Another call may have more of both.
    pub fn gives_only_a_part(self) -> bool {
        matches!(self, Caller::RequestWithToken | Caller::Nobody)
    }

    pub fn is_request(self) -> bool {
        matches!(self, Caller::Request | Caller::RequestWithToken)
    }
}

/// What a renewal does with the response to a renewal that an earlier call has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parked {
    /// It reads it, if it can still come, before it asks the provider.
    ReadFirst,
    /// It reads it and never asks.
    OnlyRead,
    /// It has read in vain, and asks.
    WasRead,
}

impl<'a> Renewal<'a> {
    pub fn new(bad: &'a Token, why: Why, budget: &'a Budget, caller: Caller) -> Renewal<'a> {
        Renewal { bad, why, budget, caller, parked: Parked::ReadFirst }
    }

    /// The provider is not asked.
    pub fn only_reading(bad: &'a Token, why: Why, budget: &'a Budget) -> Renewal<'a> {
        Renewal { bad, why, budget, caller: Caller::Nobody, parked: Parked::OnlyRead }
    }
}

/// Why a token is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Expired,
    ExpiringSoon,
    /// The provider answered 401.
    Rejected,
    AskedFor,
    /// What became of an earlier renewal is not known: its refresh token is possibly used.
    InDoubt,
}

impl Why {
    pub fn in_words(self) -> &'static str {
        match self {
            Why::Expired => "it has expired",
            Why::ExpiringSoon => "it expires soon",
            Why::Rejected => "the provider answered 401",
            Why::AskedFor => "the program asked for it",
            Why::InDoubt => "how an earlier renewal of it ended is not known",
        }
    }
}
