//! The whole call's timeout holds to within a fifth, however slowly or fast a server goes on and on.

use std::time::{Duration, Instant};

use fitbit_test_support::{Error, code, figures};

use crate::attacks::{dripping, endless, flooding};
use crate::scene::{Attack, CALLS, Call, Hostile, all_at_once, endure, log_in, shows_no_secret};
use crate::setup::{ACCESS_TOKEN, ANY, token};

const TIMEOUT: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_millis(2400);

/// How often a call may be late before it is the library's fault and not the machine's.
const TRIES: usize = 3;

/// Makes the call, and says how long it took. Once more where it was late: the machine may have been.
fn in_time(what: &str, server: &Hostile, call: Call) -> (Error, Duration) {
    let app = server.app(TIMEOUT.as_millis() as u32);
    let client = app.from_token(&token(ACCESS_TOKEN), &fitbit_test_support::Saver::new()).unwrap();
    let mut took = Duration::ZERO;
    for _ in 0..TRIES {
        let begin = Instant::now();
        let outcome = match call {
            Call::Get => client.get(ANY).map(drop),
            Call::Refresh => client.refresh(),
            Call::Login => log_in(&app).map(drop),
        };
        took = begin.elapsed();
        let error = outcome.expect_err("it has no end");
        shows_no_secret(what, &error);
        if took <= MOST {
            return (error, took);
        }
    }
    panic!("{what}, {call:?}: {took:?} with a timeout of {TIMEOUT:?}, {TRIES} times");
}

#[test]
fn what_drips_ends_with_the_timeout() {
    let cases = endless().into_iter().flat_map(|one| CALLS.map(|call| (one.clone(), call)));
    let tried = all_at_once(cases, |(one, call)| {
        let name = one.0;
        let server = Hostile::new(dripping(one, Duration::from_millis(20)));
        let (error, took) = in_time(name, &server, call);
        // Some of it is wrong from its first bytes on.
        assert!([code::TIMEOUT, code::PROTOCOL].contains(&error.code), "{name}: {error:?}");
        if error.code == code::TIMEOUT && call != Call::Refresh {
            assert!(took >= TIMEOUT, "{name}, {call:?}: it gave up after {took:?}");
        }
    });
    figures::record("Hostile servers", "drips: the timeout to within a fifth", tried, 0);
}

#[test]
fn silence_at_any_place_ends_with_the_timeout() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a\":";
    let stops = [0, 1, 9, 15, 17, 30, 36, 37, 38, 39, answer.len()];
    let cases = stops.into_iter().flat_map(|stop| CALLS.map(|call| (stop, call)));
    let tried = all_at_once(cases, |(stop, call)| {
        let attack: Attack = std::sync::Arc::new(move |stream| {
            std::io::Write::write_all(stream, &answer[..stop])?;
            std::io::copy(stream, &mut std::io::sink()).map(drop)
        });
        let (error, _) = in_time("silence", &Hostile::new(attack), call);
        assert_eq!(error.code, code::TIMEOUT, "after {stop} bytes: {error:?}");
    });
    figures::record("Hostile servers", "silence in the middle of an answer", tried, 0);
}

#[test]
fn what_floods_ends_with_the_timeout_at_the_latest() {
    let calls = [Call::Get, Call::Refresh];
    let mut tried = 0;
    // A flood takes a whole core: one after the other.
    for one in endless() {
        for call in calls {
            let name = one.0;
            let server = Hostile::new(flooding(one.clone()));
            let timeout = if call == Call::Get { 1000 } else { 300 };
            let begin = Instant::now();
            let error = endure(name, &server, call, timeout).expect_err("it has no end");
            assert!(begin.elapsed() < Duration::from_secs(10), "{name}: {:?}", begin.elapsed());
            let allowed = [code::TIMEOUT, code::PROTOCOL, code::HTTP, code::NETWORK];
            assert!(allowed.contains(&error.code), "{name}: {error:?}");
            tried += 1;
        }
    }
    figures::record("Hostile servers", "floods", tried, 0);
}
