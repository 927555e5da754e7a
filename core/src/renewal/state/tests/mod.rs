//! Every transition and every invariant, without a clock, a store or a network.

mod events;
mod pauses;
mod sequences;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::error::Result;
use crate::provider::FITBIT;
use crate::renewal::budget::Budget;
use crate::renewal::goal::{Caller, Goal, Parked, Renewal, Why};
use crate::store::{Stored, Write};
use crate::token::{Now, Token};

/// Of a login, the token with this number.
fn token(number: u32) -> Token {
    read(&format!(r#"{{"access_token":"a{number}","refresh_token":"r{number}"{LASTS}}}"#))
}

const LASTS: &str = r#","expires_at":99999999999,"expires_in":28800"#;

fn read(json: &str) -> Token {
    Token::from_json(json, &FITBIT).unwrap_or_else(|_| panic!("{json}"))
}

fn with(number: u32, field: &str) -> Token {
    read(&format!(r#"{{"access_token":"a{number}","refresh_token":"r{number}"{LASTS},{field}}}"#))
}

fn marked(number: u32) -> Token {
    with(number, r#""renewing_since":1"#)
}

fn ledger(saving: Saving) -> Ledger {
    Ledger::new(&FITBIT, token(1), saving)
}

fn stored(token: Token) -> Stored {
    Stored::Token(Arc::new(token))
}

fn lost() -> Failure {
    Failure { error: Error::network("cut"), possibly_used: true, is_expected: false }
}

fn not_sent() -> Failure {
    Failure { error: Error::network("no route"), possibly_used: false, is_expected: false }
}

fn renewal<'a>(bad: &'a Token, budget: &'a Budget) -> Renewal<'a> {
    Renewal::new(bad, Why::Rejected, budget, Caller::Request)
}

fn facts(newest: &Token, now: Instant) -> Facts<'_> {
    Facts {
        newest,
        now,
        has_parked: false,
        has_time: true,
        time_to_wait: Duration::from_secs(30),
        goes_first: true,
    }
}

/// What a renewal of the ledger's own token does first.
fn next(ledger: &Ledger, now: Instant) -> Result<Next> {
    let budget = Budget::new();
    ledger.next(Goal::Renew(renewal(ledger.token(), &budget)), &facts(ledger.token(), now))
}

/// What the leader of such a renewal does in the transaction.
fn task(ledger: &Ledger) -> Task {
    let budget = Budget::new();
    ledger.task(Goal::Renew(renewal(ledger.token(), &budget)), Next::Ask, Now::read())
}

fn access(token: &Token) -> &str {
    token.access_token()
}

/// The access token that is written, and whether with a marker.
fn written(write: &Write) -> Option<(&str, bool)> {
    match write {
        Write::Token { token, possibly_used } => Some((access(token), *possibly_used)),
        Write::Nothing | Write::Remove => None,
    }
}
