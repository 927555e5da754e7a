//! Time that a callback takes is the program's own: it does not count against the call's timeout.

use std::thread::sleep;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::scene::{LONG, client_of, delay, hasty_app};
use super::world::{PROFILE, provider};

const TIMEOUT_MS: u32 = 1000;

/// Longer than the timeout.
fn slow_saver(answer: i32) -> Saver {
    Saver::doing(move |_| {
        sleep(Duration::from_millis(u64::from(TIMEOUT_MS) + 300));
        answer
    })
}

#[test]
fn a_callback_may_take_longer_than_the_timeout() {
    // Expired, within its leeway, and refused by the server.
    for (expires_in, refused) in [(-10, false), (30, false), (3600, true)] {
        let (provider, saver) = (provider(), slow_saver(1));
        let app = hasty_app(&provider, TIMEOUT_MS);
        let client = client_of(&app, &provider, expires_in, &saver);
        if refused {
            provider.expire_access_tokens();
        }
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(saver.offered().len(), 1);
    }
}

#[test]
fn the_time_before_and_after_the_callback_is_still_there() {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, TIMEOUT_MS), &provider, -10, &slow_saver(1));
    delay(&provider, Target::Refresh, 250);
    delay(&provider, Target::Api, 250);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_slow_callback_that_does_not_save_fails_no_later_request() {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, TIMEOUT_MS), &provider, -10, &slow_saver(0));
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.save().unwrap_err().code, code::STORE);
}

#[test]
fn the_time_of_the_callback_buys_the_provider_none() {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, TIMEOUT_MS), &provider, -10, &slow_saver(1));
    delay(&provider, Target::Refresh, 500);
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let start = Instant::now();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    let took = start.elapsed();
    let whole = Duration::from_millis(u64::from(TIMEOUT_MS) * 2 + 300);
    assert!(took >= whole - Duration::from_millis(100), "{took:?}");
    assert!(took < LONG / 2, "{took:?}");
}

#[test]
fn renewal_and_request_share_one_timeout() {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, TIMEOUT_MS), &provider, -10, &Saver::new());
    delay(&provider, Target::Refresh, 600);
    delay(&provider, Target::Api, 600);
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    assert_eq!(provider.requests(Target::Refresh), 1);
}
