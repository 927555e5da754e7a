//! Whose login it is, where the token does not say: the provider is asked, by one thread for all.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Client, Saver, code};
use serde_json::json;

use super::steps::{answer, error_of, log_in};
use super::world::{PROFILE, USER, app, named_token, provider, saved_token};

const IDENTITY: &str = "/v4/users/me/identity";

/// How often the provider was asked who this is.
pub fn asked(provider: &Simulator) -> u64 {
    provider.requests(Target::ApiPath(IDENTITY.to_owned()))
}

pub fn client_with(provider: &Simulator, expires_in: i64, saver: &Saver) -> Client {
    app(provider).from_token(&saved_token(provider, expires_in), saver).unwrap()
}

#[test]
fn it_is_asked_once_and_only_when_the_program_wants_to_know() {
    let provider = provider();
    let client = log_in(&provider, &app(&provider), &Saver::new());
    client.get(PROFILE).unwrap();
    client.refresh().unwrap();
    assert_eq!(asked(&provider), 0);
    for _ in 0..3 {
        assert_eq!(client.user_id().unwrap(), USER);
    }
    let log = provider.log();
    let requests: Vec<_> = log.iter().filter(|entry| entry.target == IDENTITY).collect();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].body.len()), ("GET", 0));
}

#[test]
fn it_may_be_answered_with_a_byte_order_mark() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    provider.fault(Fault::once(Target::Api, answer("\u{feff}{\"healthUserId\":\"id-1\"}")));
    assert_eq!(client.user_id().unwrap(), "id-1");
}

#[test]
fn an_expired_token_is_renewed_first() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, -10, &saver);
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert!((1..=32).contains(&asked(&provider)));
    assert_eq!(saver.offered().last(), Some(&client.token()));
    assert_eq!(client.token_field("user_id").as_deref(), Some(USER));
}

#[test]
fn a_token_that_the_api_refuses_is_renewed_and_the_question_repeated() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    provider.expire_access_tokens();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!((provider.requests(Target::Refresh), asked(&provider)), (1, 2));
    assert_eq!(saver.offered().last(), Some(&client.token()));
}

#[test]
fn many_threads_that_want_to_know_ask_at_most_once_each_and_save_once() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    let start = Barrier::new(32);
    let ask = || {
        start.wait();
        client.user_id()
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| id.as_deref() == Ok(USER)), "{ids:?}");
    assert!((1..=32).contains(&asked(&provider)));
    assert_eq!(saver.offered(), [client.token()]);
    // From then on nobody asks.
    provider.reset_counts();
    assert_eq!((client.user_id().as_deref(), asked(&provider)), (Ok(USER), 0));
}

#[test]
fn many_threads_with_an_expired_token_that_want_to_know_renew_once() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, -10, &saver);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert_eq!(client.user_id().unwrap(), USER));
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert!((1..=32).contains(&asked(&provider)));
    assert_eq!(saver.offered().last(), Some(&client.token()));
}

#[test]
fn a_thread_waits_for_another_ones_question_no_longer_than_its_own_timeout() {
    let provider = provider();
    let app = app(&provider);
    app.set_timeout_ms(1000).unwrap();
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(error_of(client.user_id()).code, code::TIMEOUT));
        }
    });
    // One after the other, they would have taken eight seconds.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    provider.clear_faults();
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn a_failure_is_told_and_the_next_call_asks_again() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    let before = client.token();
    for (kind, expected) in [
        (FaultKind::Status403Scope, code::INSUFFICIENT_SCOPE),
        (FaultKind::Status404, code::HTTP),
        (FaultKind::Status429Bare, code::RATE_LIMITED),
        (FaultKind::Status500, code::HTTP),
        (FaultKind::EmptyBody, code::PROTOCOL),
        (FaultKind::MalformedJson, code::PROTOCOL),
        (FaultKind::EndlessBody, code::PROTOCOL),
    ] {
        let name = format!("{kind:?}");
        provider.fault(Fault::once(Target::Api, kind));
        assert_eq!(error_of(client.user_id()).code, expected, "{name}");
        assert_eq!(client.token(), before, "{name}");
    }
    assert!(saver.offered().is_empty());
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn an_answer_that_does_not_say_it_is_protocol_and_nothing_is_kept() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    for answer in [
        json!({}),
        json!([]),
        json!(null),
        json!("123"),
        json!({ "healthUserId": "" }),
        json!({ "healthUserId": null }),
        json!({ "healthUserId": ["123"] }),
        json!({ "name": "users/me/identity", "legacyUserId": "26FWFL" }),
        json!({ "user_id": "123" }),
    ] {
        provider.fault(Fault::once(Target::Api, FaultKind::Json(200, answer.clone())));
        assert_eq!(error_of(client.user_id()).code, code::PROTOCOL, "{answer}");
        assert_eq!(client.token_field("user_id"), None);
    }
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn a_token_that_names_its_person_is_believed() {
    let provider = provider();
    let client = app(&provider).from_token(&named_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_login_that_is_over_names_nobody() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    assert_eq!(error_of(client.user_id()).code, code::REAUTHORIZE);
    assert_eq!(asked(&provider), 0);
}
