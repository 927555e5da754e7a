//! How long to wait: `retry_after`, out of Fitbit's own header, else `Retry-After`, and a second.

use std::time::{Duration, SystemTime};

use fitbit_simulator::{Fault, FaultKind, RateLimit, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, client, provider};

use crate::scripted::{Scripted, whole};
use crate::setup::{ANY, client_at};

/// `retry_after` of an answer with these header lines.
fn wait(status: u16, headers: &[&str]) -> i64 {
    let head = [&[&*format!("{status} ?")], headers].concat().join("\r\n");
    let server = Scripted::saying(move || whole(&head, "{}"));
    let error = client_at(&server.uri).get(ANY).unwrap_err();
    let limited = status == 429;
    assert_eq!(error.code == code::RATE_LIMITED, limited, "{error:?}");
    assert_eq!(error.http_status, status);
    error.retry_after
}

#[test]
fn the_wait_is_what_the_provider_says_and_a_second() {
    assert_eq!(wait(429, &["Fitbit-Rate-Limit-Reset: 1800"]), 1801);
    assert_eq!(wait(429, &["Retry-After: 60"]), 61);
    assert_eq!(wait(429, &["Retry-After: 0"]), 1);
    assert_eq!(wait(429, &["fitbit-rate-limit-reset: 5"]), 6);
    assert_eq!(wait(429, &["Retry-After:   7  "]), 8);
}

#[test]
fn fitbits_own_header_comes_first() {
    assert_eq!(wait(429, &["Retry-After: 10", "Fitbit-Rate-Limit-Reset: 20"]), 21);
    assert_eq!(wait(429, &["Fitbit-Rate-Limit-Reset: 20", "Retry-After: 10"]), 21);
    assert_eq!(wait(429, &["Fitbit-Rate-Limit-Reset: 0", "Retry-After: 10"]), 1);
}

#[test]
fn the_first_of_several_lines_counts() {
    assert_eq!(wait(429, &["Retry-After: 10", "Retry-After: 20"]), 11);
    let twice = ["Fitbit-Rate-Limit-Reset: 10", "Fitbit-Rate-Limit-Reset: 20"];
    assert_eq!(wait(429, &twice), 11);
}

#[test]
fn without_a_word_it_is_not_known() {
    assert_eq!(wait(429, &[]), -1);
    assert_eq!(wait(429, &["Fitbit-Rate-Limit-Limit: 150", "Fitbit-Rate-Limit-Remaining: 0"]), -1);
}

#[test]
fn a_value_that_makes_no_sense_counts_as_unsaid() {
    for nonsense in [
        "",
        "soon",
        "-5",
        "soon, -5",
        "1.5",
        "1e3",
        "0x10",
        "99999999999999999999",
        "9999999999",
        "NaN",
    ] {
        let retry_after = format!("Retry-After: {nonsense}");
        let reset = format!("Fitbit-Rate-Limit-Reset: {nonsense}");
        assert_eq!(wait(429, &[&retry_after]), -1, "{nonsense}");
        assert_eq!(wait(429, &[&reset]), -1, "{nonsense}");
        assert_eq!(wait(429, &[&reset, "Retry-After: 30"]), 31, "{nonsense}: the other one counts");
        assert_eq!(wait(429, &["Fitbit-Rate-Limit-Reset: 30", &retry_after]), 31, "{nonsense}");
    }
}

#[test]
fn a_date_is_a_wait_from_now() {
    let at = |ahead: u64| {
        let date = SystemTime::now() + Duration::from_secs(ahead);
        wait(429, &[&format!("Retry-After: {}", httpdate::fmt_http_date(date))])
    };
    // The date has whole seconds, and time passes until it is read.
    assert!((90..=101).contains(&at(100)), "{}", at(100));
    let past = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(wait(429, &[past]), 1, "it has passed: only the second is left");
    for malformed in ["Sun, 99 Nov 2094 08:49:37 GMT", "2094-11-06T08:49:37Z", "tomorrow"] {
        assert_eq!(wait(429, &[&format!("Retry-After: {malformed}")]), -1, "{malformed}");
    }
}

#[test]
fn a_server_in_trouble_can_say_how_long_too() {
    assert_eq!(wait(503, &["Retry-After: 120"]), 121);
    assert_eq!(wait(503, &[]), -1);
    // The state of the rate limit is on every answer and no wait, unless that is the trouble.
    assert_eq!(wait(500, &["Fitbit-Rate-Limit-Reset: 1800"]), -1);
    assert_eq!(wait(404, &["Fitbit-Rate-Limit-Reset: 1800"]), -1);
}

#[test]
fn every_429_of_the_provider_is_rate_limited() {
    for (kind, expected) in [
        (FaultKind::Status429Reset(1800), 1801..=1801),
        (FaultKind::Status429RetryAfter(60), 61..=61),
        (FaultKind::Status429RetryAfterDate(60), 50..=62),
        (FaultKind::Status429Bare, -1..=-1),
        (FaultKind::Status429Malformed, -1..=-1),
    ] {
        let provider = provider();
        provider.fault(Fault::always(Target::Api, kind.clone()));
        let error = client(&provider).get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::RATE_LIMITED, 429), "{kind:?}");
        assert_eq!(error.provider_type.as_deref(), Some("system"), "{kind:?}");
        assert!(error.body.unwrap().contains("Too Many Requests"), "{kind:?}");
        assert!(expected.contains(&error.retry_after), "{kind:?}: {}", error.retry_after);
        assert_eq!(provider.requests(Target::Api), 1, "reported at once");
    }
}

#[test]
fn a_limit_that_is_really_reached_is_reported_with_its_reset() {
    let provider = provider();
    provider.settings(|s| s.rate_limit = RateLimit { limit: 2, window: Duration::from_secs(3600) });
    let client = client(&provider);
    client.get(PROFILE).unwrap();
    client.get(PROFILE).unwrap();
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::RATE_LIMITED, 429));
    assert!((3000..=3601).contains(&error.retry_after), "{}", error.retry_after);
}
