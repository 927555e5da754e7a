//! Faults that were measured in the Python seed and in other clients, each shown to be gone here.
//!
//! Elsewhere: fault 12 of the seed in `dead_logins`, a peer's need of a callback in `saving`, its
//! renewals that fail once and for ever and its looking every 100 ms in `waiting`.

use std::sync::Barrier;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::scene::{answer_next_refresh, client_with, delay, refresh_tokens_sent};
use super::world::{DIALECT, PROFILE, app, provider, saved_token};

/// Fault 2 of the seed: any status but 2xx and 429 becomes a silent None.
#[test]
fn every_bad_status_is_an_error_that_names_it() {
    for (kind, status, expected) in [
        (FaultKind::Status401Empty, 401, code::HTTP),
        (FaultKind::Status403Permissions, 403, code::HTTP),
        (FaultKind::Status403Scope, 403, code::INSUFFICIENT_SCOPE),
        (FaultKind::Status404, 404, code::HTTP),
        (FaultKind::Status500, 500, code::HTTP),
    ] {
        let provider = provider();
        let client = client_with(&provider, 3600, &Saver::new());
        provider.fault(Fault::once(Target::Api, kind));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.http_status, error.code), (status, expected));
    }
}

/// Fault 3 of the seed: a 429 without Retry-After is a KeyError, and the provider's own header is
/// not looked at.
#[test]
fn a_429_needs_no_header_and_the_providers_own_one_is_read() {
    for (kind, retry_after) in [
        (FaultKind::Status429Bare, -1),
        (FaultKind::Status429Malformed, -1),
        ((DIALECT.too_many_requests)(20), 21),
    ] {
        let provider = provider();
        let client = client_with(&provider, 3600, &Saver::new());
        provider.fault(Fault::once(Target::Api, kind));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.retry_after), (code::RATE_LIMITED, retry_after));
    }
}

/// Fault 11 of the seed: after a callback that fails the request is not sent, and the new token is
/// in memory only, never to be seen again.
#[test]
fn a_callback_that_fails_costs_neither_the_request_nor_the_token() {
    let provider = provider();
    let mut failures = 1;
    let saver = Saver::doing(move |_| {
        failures -= 1;
        i32::from(failures < 0)
    });
    let client = client_with(&provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Api), 1);
    drop(client);
    let offered = saver.offered();
    assert_eq!((offered.len(), offered.first() == offered.last()), (2, true));
    let next = app(&provider).from_token(&offered[1], &Saver::new()).unwrap();
    next.refresh().unwrap();
}

/// Fault 13 of the seed: of eight threads with an expired token one succeeds, at a server that
/// rotates strictly.
#[test]
fn of_eight_threads_with_an_expired_token_eight_succeed() {
    for _ in 0..3 {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    assert_eq!(client.get(PROFILE).unwrap().status, 200);
                });
            }
        });
        assert_eq!(provider.requests(Target::Refresh), 1);
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    }
}

/// Section 2.1 note 6: a new token has no expiry there, and so every request renews.
#[test]
fn three_requests_with_an_expired_token_make_one_renewal() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    for _ in 0..3 {
        client.get(PROFILE).unwrap();
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
}

/// Section 2.1 note 10: waiters of a failed renewal get the old, expired token as a success.
#[test]
fn waiters_of_a_failed_renewal_never_send_the_expired_token() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    delay(&provider, Target::Refresh, 1000);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status404));
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| client.get(PROFILE))).collect();
        for outcome in all {
            assert_eq!(outcome.join().unwrap().unwrap_err().http_status, 404);
        }
    });
    assert_eq!(provider.requests(Target::Api), 0);
}

/// Section 2.1 note 10: an answer without a refresh token erases the old one.
#[test]
fn an_answer_without_a_refresh_token_leaves_the_old_one() {
    let provider = provider();
    let saved = saved_token(&provider, -10);
    let client = app(&provider).from_token(&saved, &Saver::new()).unwrap();
    answer_next_refresh(&provider, |token| {
        token.as_object_mut().unwrap().remove("refresh_token");
    });
    client.get(PROFILE).unwrap();
    client.refresh().unwrap();
    let sent = refresh_tokens_sent(&provider);
    assert_eq!((sent.len(), sent[0] == sent[1]), (2, true));
}
