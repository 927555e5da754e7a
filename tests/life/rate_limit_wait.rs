//! `fitbit_app_set_rate_limit_wait`: a 429 is waited for exactly where the provider says how long and
//! the program allows as much, in every call that it can happen to; otherwise it is reported at once.

use std::time::{Duration, Instant};

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{App, Client, Error, Saver, code};
use serde_json::json;

use crate::providers::{BOTH, FITBIT, GOOGLE, Provider, form_field};

/// An app of that provider that waits so many seconds at most.
fn app(provider: &Provider, simulator: &Simulator, longest: u32) -> App {
    let app = provider.app(simulator);
    app.set_rate_limit_wait(longest).unwrap();
    app
}

fn client(provider: &Provider, simulator: &Simulator, longest: u32) -> Client {
    aged(provider, simulator, longest, 3600)
}

/// The same, with a token that expires in so many seconds.
fn aged(provider: &Provider, simulator: &Simulator, longest: u32, expires_in: i64) -> Client {
    let token = provider.token(simulator, expires_in);
    app(provider, simulator, longest).from_token(&token, &Saver::new()).unwrap()
}

/// The next request of this kind is one too many.
fn limit(simulator: &Simulator, on: Target, kind: FaultKind) {
    simulator.fault(Fault::once(on, kind));
}

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (call(), begun.elapsed())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// It was limited, reported after one request, and says how long to wait.
#[track_caller]
fn is_reported<T: std::fmt::Debug>(outcome: Result<T, Error>, retry_after: i64) {
    let error = outcome.unwrap_err();
    assert_eq!((error.code, error.http_status), (code::RATE_LIMITED, 429), "{error:?}");
    assert_eq!(error.retry_after, retry_after, "{error:?}");
}

#[test]
fn unless_the_program_says_otherwise_nothing_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = provider.client(&simulator);
        limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(0));
        is_reported(client.get(provider.path), 1);
        assert_eq!(simulator.requests(Target::Api), 1);
    }
}

#[test]
fn a_wait_that_is_allowed_is_waited_and_a_second_more() {
    for (provider, kind, least) in [
        (FITBIT, FaultKind::Status429Reset(1), 2),
        (FITBIT, FaultKind::Status429RetryAfter(1), 2),
        (FITBIT, FaultKind::Status429Reset(0), 1),
        (GOOGLE, FaultKind::Status429RetryAfter(1), 2),
        (GOOGLE, FaultKind::Status429RetryAfter(0), 1),
    ] {
        let simulator = Simulator::start().unwrap();
        // The second counts: the allowance is exactly what is waited.
        let client = client(&provider, &simulator, least);
        limit(&simulator, Target::Api, kind.clone());
        let (response, took) = timed(|| client.get(provider.path).unwrap());
        assert_eq!(response.status, 200);
        assert!(took >= seconds(least.into()), "{kind:?}: {took:?}");
        assert_eq!(simulator.requests(Target::Api), 2);
    }
}

#[test]
fn a_date_is_waited_for_too() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 5);
        limit(&simulator, Target::Api, FaultKind::Status429RetryAfterDate(2));
        let (response, took) = timed(|| client.get(provider.path).unwrap());
        assert_eq!(response.status, 200);
        // Up to a second is lost, for a date has whole ones.
        assert!(took >= seconds(2), "{took:?}");
    }
}

#[test]
fn fitbits_own_header_comes_before_the_usual_one() {
    let simulator = Simulator::start().unwrap();
    let client = client(&FITBIT, &simulator, 10);
    let both = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\n\
                Fitbit-Rate-Limit-Reset: 0\r\nContent-Length: 0\r\n\r\n";
    limit(&simulator, Target::Api, FaultKind::Raw(both.into()));
    client.get(FITBIT.path).unwrap();
    assert_eq!(simulator.requests(Target::Api), 2);
}

#[test]
fn a_wait_that_is_a_second_too_long_is_reported_at_once() {
    for provider in BOTH {
        for allowed in [1, 59, 60] {
            let simulator = Simulator::start().unwrap();
            let client = client(&provider, &simulator, allowed);
            limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(allowed.into()));
            is_reported(client.get(provider.path), i64::from(allowed) + 1);
            assert_eq!(simulator.requests(Target::Api), 1);
        }
    }
}

#[test]
fn a_wait_that_is_not_said_is_reported_at_once() {
    for provider in BOTH {
        for kind in [FaultKind::Status429Bare, FaultKind::Status429Malformed] {
            let simulator = Simulator::start().unwrap();
            let client = client(&provider, &simulator, u32::MAX);
            limit(&simulator, Target::Api, kind);
            is_reported(client.get(provider.path), -1);
            assert_eq!(simulator.requests(Target::Api), 1);
        }
    }
}

#[test]
fn only_a_429_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 60);
        let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n\
                    Fitbit-Rate-Limit-Reset: 0\r\nContent-Length: 0\r\n\r\n";
        limit(&simulator, Target::Api, FaultKind::Raw(busy.into()));
        let error = client.get(provider.path).unwrap_err();
        assert_eq!((error.code, error.retry_after), (code::HTTP, 1), "{error:?}");
        assert_eq!(simulator.requests(Target::Api), 1);
    }
}

#[test]
fn waits_add_up_and_never_exceed_what_is_allowed() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 3);
        simulator.fault(Fault::always(Target::Api, FaultKind::Status429RetryAfter(0)));
        let (outcome, took) = timed(|| client.get(provider.path));
        is_reported(outcome, 1);
        assert!(took >= seconds(3), "{took:?}");
        assert_eq!(simulator.requests(Target::Api), 4, "three waits of a second");

        simulator.clear_faults();
        for wait in [1, 1] {
            simulator.fault(Fault::once(Target::Api, FaultKind::Status429RetryAfter(wait)));
        }
        simulator.reset_counts();
        let (outcome, took) = timed(|| client.get(provider.path));
        is_reported(outcome, 2);
        assert!(took >= seconds(2), "one of two waits of two seconds: {took:?}");
        assert_eq!(simulator.requests(Target::Api), 2, "a second was left, two are needed");
        simulator.clear_faults();
        limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(2));
        client.get(provider.path).expect("each call may wait as much");
    }
}

#[test]
fn the_wait_stands_beside_the_timeout_and_leaves_of_it_what_was_left() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let app = app(&provider, &simulator, 3);
        app.set_timeout_ms(1000).unwrap();
        let token = provider.token(&simulator, 3600);
        let client = app.from_token(&token, &Saver::new()).unwrap();
        limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(2));
        let (response, took) = timed(|| client.get(provider.path).unwrap());
        assert_eq!(response.status, 200);
        assert!(took >= seconds(3), "{took:?}");

        limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(0));
        limit(&simulator, Target::Api, FaultKind::StallBeforeAnswer);
        let error = client.get(provider.path).unwrap_err();
        assert_eq!(error.code, code::TIMEOUT, "{error:?}");
    }
}

#[test]
fn a_body_is_sent_again_as_it_was() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 1);
        let body = b"any\0bytes\xff and=more&of them\r\n";
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(0));
            simulator.fault(Fault::once(Target::Api, FaultKind::Json(200, json!({}))));
            let sent = client.request(method, "/v4/x?q=1", Some("application/x-own"), Some(body));
            assert_eq!(sent.unwrap().status, 200, "{method}");
            let log = simulator.log();
            let [first, again] = &log[log.len() - 2..] else { panic!("two requests") };
            assert_eq!((first.status, again.status), (429, 200));
            assert_eq!((&first.method, &first.target), (&again.method, &again.target));
            assert_eq!(first.headers, again.headers);
            assert_eq!((&first.body[..], &again.body[..]), (&body[..], &body[..]));
        }
    }
}

#[test]
fn the_next_page_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 1);
        let next = format!("{}{}?page=2", simulator.uri(), provider.path);
        let page = json!({ "pagination": { "next": next }, "nextPageToken": "page 2" });
        let pages = [FaultKind::Json(200, page), FaultKind::Status429RetryAfter(0)];
        for kind in pages {
            simulator.fault(Fault::once(Target::Api, kind));
        }
        let first = client.get(provider.path).unwrap();
        let (second, took) = timed(|| client.next_page(&first).unwrap());
        assert_eq!(second.unwrap().status, 200);
        assert!(took >= seconds(1), "{took:?}");
        assert_eq!(simulator.requests(Target::Api), 3);
    }
}

#[test]
fn whose_login_it_is_is_waited_for() {
    let simulator = Simulator::start().unwrap();
    let client = client(&GOOGLE, &simulator, 1);
    limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(0));
    let (id, took) = timed(|| client.user_id().unwrap());
    assert!(took >= seconds(1) && !id.is_empty(), "{id}: {took:?}");
    assert_eq!(simulator.requests(Target::Api), 2);
}

#[test]
fn a_renewal_that_was_asked_for_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 1);
        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(0));
        let before = client.token();
        let (outcome, took) = timed(|| client.refresh());
        outcome.unwrap();
        assert!(took >= seconds(1), "{took:?}");
        assert_eq!(simulator.requests(Target::Refresh), 2);
        assert_ne!(client.token(), before);
        assert_eq!(refresh_tokens(&simulator).len(), 1, "the same one, twice");

        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(1));
        is_reported(client.refresh(), 2);
    }
}

/// The refresh tokens that were sent, each once.
fn refresh_tokens(simulator: &Simulator) -> std::collections::BTreeSet<String> {
    let log = simulator.log();
    log.iter().filter_map(|entry| form_field(&entry.body, "refresh_token")).collect()
}

#[test]
fn a_renewal_on_the_way_of_a_request_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = aged(&provider, &simulator, 1, -10);
        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(0));
        let (response, took) = timed(|| client.get(provider.path).unwrap());
        assert_eq!(response.status, 200);
        assert!(took >= seconds(1), "{took:?}");
        assert_eq!(simulator.requests(Target::Refresh), 2);
        assert_eq!(simulator.requests(Target::Api), 1, "nothing goes out with the old token");
        assert_eq!(refresh_tokens(&simulator).len(), 1);
    }
}

#[test]
fn a_renewal_after_a_401_is_waited_for() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = client(&provider, &simulator, 1);
        simulator.expire_access_tokens();
        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(0));
        let (response, took) = timed(|| client.get(provider.path).unwrap());
        assert_eq!(response.status, 200);
        assert!(took >= seconds(1), "{took:?}");
        assert_eq!(simulator.requests(Target::Refresh), 2);
    }
}

#[test]
fn a_renewal_and_its_request_share_what_is_allowed() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = aged(&provider, &simulator, 3, -10);
        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(1));
        limit(&simulator, Target::Api, FaultKind::Status429RetryAfter(1));
        is_reported(client.get(provider.path), 2);
        assert_eq!(simulator.requests(Target::Refresh), 2, "two seconds of three");
        assert_eq!(simulator.requests(Target::Api), 1, "two more are one too many");
    }
}

#[test]
fn a_renewal_ahead_of_time_is_not_waited_for_while_the_token_lasts() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let client = aged(&provider, &simulator, 60, 30);
        limit(&simulator, Target::Refresh, FaultKind::Status429RetryAfter(50));
        client.get(provider.path).unwrap();
        assert_eq!(simulator.requests(Target::Refresh), 1);
    }
}

#[test]
fn the_exchange_of_step_two_goes_out_once_whatever_is_allowed() {
    for provider in BOTH {
        let simulator = Simulator::start().unwrap();
        let app = app(&provider, &simulator, 3600);
        limit(&simulator, Target::Exchange, FaultKind::Status429RetryAfter(0));
        let login = app.step_one(None).unwrap();
        let redirect = simulator.visit(&login.authorization_uri, Decision::Grant).unwrap();
        let outcome = app.step_two(&login.session, &redirect, &Saver::new());
        is_reported(outcome.map(drop), 1);
        assert_eq!(simulator.requests(Target::Exchange), 1);
    }
}
