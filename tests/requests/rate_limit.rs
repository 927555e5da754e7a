//! `fitbit_rate_limit`: what the latest answer said of the provider's limit.

use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::interface::RateLimit;
use fitbit_test_support::world::{PROFILE, client, provider};
use fitbit_test_support::{Client, interface};

use crate::scripted::{Scripted, ok, say_and_close, whole};
use crate::setup::{ANY, client_at};

fn limit(limit: i32, remaining: i32, reset_seconds: i32) -> RateLimit {
    RateLimit { limit, remaining, reset_seconds }
}

/// What is known after an answer with these header lines, if anything is.
fn after(status: u16, headers: &[&str]) -> Option<RateLimit> {
    let head = [&[&*format!("{status} ?")], headers].concat().join("\r\n");
    let server = Scripted::saying(move || whole(&head, "{}"));
    let client = client_at(&server.uri);
    // Success or not: both say it.
    let _ = client.get(ANY);
    near(&client)
}

/// The same with a reset that is a second or two younger than what was said: time passes.
fn near(client: &Client) -> Option<RateLimit> {
    let mut seen = client.rate_limit()?;
    if (1790..1800).contains(&seen.reset_seconds) {
        seen.reset_seconds = 1800;
    }
    Some(seen)
}

const ALL: [&str; 3] = [
    "Fitbit-Rate-Limit-Limit: 150",
    "Fitbit-Rate-Limit-Remaining: 149",
    "Fitbit-Rate-Limit-Reset: 1800",
];

#[test]
fn nothing_is_known_before_the_first_answer() {
    let provider = provider();
    let client = client(&provider);
    let mut seen = limit(7, 7, 7);
    assert!(!unsafe { (interface().rate_limit)(client.handle, &mut seen) });
    assert_eq!(seen, limit(-1, -1, -1));
}

#[test]
fn every_answer_is_read_errors_too() {
    for status in [200, 204, 302, 400, 403, 404, 410, 429, 500, 503] {
        assert_eq!(after(status, &ALL), Some(limit(150, 149, 1800)), "{status}");
    }
}

#[test]
fn what_an_answer_leaves_out_is_not_known() {
    assert_eq!(after(200, &[]), None);
    assert_eq!(after(200, &ALL[..1]), Some(limit(150, -1, -1)));
    assert_eq!(after(200, &ALL[1..2]), Some(limit(-1, 149, -1)));
    assert_eq!(after(200, &ALL[2..]), Some(limit(-1, -1, 1800)));
    assert_eq!(after(200, &["fitbit-rate-limit-limit:  150 "]), Some(limit(150, -1, -1)));
}

#[test]
fn a_value_that_is_no_number_is_not_known() {
    for nonsense in ["", "many", "-1", "1.5", "0x10", "99999999999999999999"] {
        let headers = [&*format!("Fitbit-Rate-Limit-Limit: {nonsense}"), ALL[1]];
        assert_eq!(after(200, &headers), Some(limit(-1, 149, -1)), "{nonsense:?}");
        assert_eq!(after(200, &headers[..1]), None, "{nonsense:?}");
    }
}

#[test]
fn a_number_beyond_the_results_type_never_turns_negative() {
    for number in ["2147483647", "2147483648", "4294967295", "4294967296"] {
        let headers = [&*format!("Fitbit-Rate-Limit-Limit: {number}"), ALL[1]];
        let seen = after(200, &headers).unwrap();
        assert!([-1, i32::MAX].contains(&seen.limit), "{number}: {seen:?}");
    }
}

#[test]
fn the_latest_answer_that_says_something_counts() {
    let server = Scripted::answering(|number, _| match number {
        0 => whole("200 OK\r\nFitbit-Rate-Limit-Limit: 150\r\nFitbit-Rate-Limit-Remaining: 10", ""),
        1 => whole("404 Not Found\r\nFitbit-Rate-Limit-Remaining: 9", ""),
        2 => ok(),
        _ => say_and_close(""),
    });
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    assert_eq!(client.rate_limit(), Some(limit(150, 10, -1)));
    client.get(ANY).unwrap_err();
    assert_eq!(client.rate_limit(), Some(limit(-1, 9, -1)));
    client.get(ANY).unwrap();
    assert_eq!(client.rate_limit(), Some(limit(-1, 9, -1)), "an answer without a word of it");
    client.get(ANY).unwrap_err();
    assert_eq!(client.rate_limit(), Some(limit(-1, 9, -1)), "no answer at all");
}

#[test]
fn the_reset_counts_down_to_zero_and_no_further() {
    let server = Scripted::saying(|| whole("200 OK\r\nFitbit-Rate-Limit-Reset: 2", ""));
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    let first = client.rate_limit().unwrap().reset_seconds;
    assert!((0..=2).contains(&first), "{first}");
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(client.rate_limit(), Some(limit(-1, -1, 0)));
}

#[test]
fn the_reset_is_rounded_up() {
    let server = Scripted::saying(|| whole("200 OK\r\nFitbit-Rate-Limit-Reset: 1200", ""));
    let client = client_at(&server.uri);
    let begun = Instant::now();
    client.get(ANY).unwrap();
    let seen = client.rate_limit().unwrap().reset_seconds;
    // Only whole seconds that have passed are taken away: asked at once, none.
    let passed = i32::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1200 - passed..=1200).contains(&seen), "{seen} after {passed} s");
}

#[test]
fn each_person_has_a_limit_of_their_own() {
    let provider = provider();
    let (first, second) = (client(&provider), client(&provider));
    first.get(PROFILE).unwrap();
    assert!(first.rate_limit().is_some());
    assert_eq!(second.rate_limit(), None);
}

#[test]
fn the_simulators_own_numbers_go_down_with_every_request() {
    let provider = provider();
    let client = client(&provider);
    client.get(PROFILE).unwrap();
    let first = client.rate_limit().unwrap();
    client.get("/1/user/-/no-such-thing.json").unwrap_err();
    let second = client.rate_limit().unwrap();
    assert_eq!(second.limit, first.limit);
    assert_eq!(second.remaining, first.remaining - 1);
    assert!((0..=3600).contains(&second.reset_seconds), "{second:?}");
}

#[test]
fn a_429_of_the_provider_says_its_reset() {
    let provider = provider();
    let client = client(&provider);
    provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(1800)));
    client.get(PROFILE).unwrap_err();
    assert_eq!(near(&client), Some(limit(-1, -1, 1800)));
}
