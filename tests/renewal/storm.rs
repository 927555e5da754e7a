//! Many threads on one client: one renewal, everybody gets an answer.

use std::sync::Barrier;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Client, Error, Saver, code};

use super::scene::{answer_next_refresh, client_with, delay};
use super::world::{PROFILE, app, provider, raw_token, saved_token};

/// What 64 threads get that do the same at the same time.
fn storm<T: Send>(call: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(64);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    call()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn statuses(client: &Client) -> Vec<Result<u16, Error>> {
    storm(|| client.get(PROFILE).map(|response| response.status))
}

/// Time enough for all threads to be waiting before the refresh is answered.
fn answer_refreshes_slowly(provider: &Simulator) {
    delay(provider, Target::Refresh, 1500);
}

#[test]
fn sixty_four_threads_with_an_expired_token_send_one_refresh_request() {
    let provider = provider();
    let saver = Saver::new();
    let client = app(&provider).from_token(&saved_token(&provider, -10), &saver).unwrap();
    assert!(statuses(&client).iter().all(|status| *status == Ok(200)));
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Api), 64);
    assert_eq!(saver.offered().len(), 1);
}

#[test]
fn sixty_four_threads_that_get_their_401_at_different_times_send_one_refresh_request() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    provider.expire_access_tokens();
    // Some 401s come while the renewal is under way, others long after it.
    delay(&provider, Target::Refresh, 300);
    for nth in 0..64 {
        let kind = FaultKind::Latency(u64::from(nth % 32) * 30);
        provider.fault(Fault { on: Target::Api, kind, times: 1, skip: nth });
    }
    assert!(statuses(&client).iter().all(|status| *status == Ok(200)));
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn sixty_four_threads_at_a_server_that_always_says_401_send_one_refresh_request() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Invalid));
    for outcome in statuses(&client) {
        assert_eq!(outcome.unwrap_err().http_status, 401);
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn sixty_four_threads_that_ask_for_a_renewal_share_one() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    answer_refreshes_slowly(&provider);
    assert!(storm(|| client.refresh()).iter().all(Result::is_ok));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_renewal_that_fails_gives_all_sixty_four_threads_the_same_error() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    answer_refreshes_slowly(&provider);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status429Reset(7)));
    let outcomes = statuses(&client);
    let first = outcomes[0].clone().unwrap_err();
    assert_eq!((first.code, first.http_status), (code::RATE_LIMITED, 429));
    assert!(outcomes.iter().all(|outcome| *outcome == Err(first.clone())));
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (1, 0));
    provider.clear_faults();
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "and the next call begins anew");
}

#[test]
fn a_login_that_ends_tells_all_sixty_four_threads() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    answer_refreshes_slowly(&provider);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status400InvalidGrant));
    assert!(
        statuses(&client).iter().all(|o| o.as_ref().is_err_and(|e| e.code == code::REAUTHORIZE))
    );
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (1, 0));
}

#[test]
fn a_lost_answer_is_asked_for_again_for_all_sixty_four_threads_together() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(std::time::Duration::from_secs(120)));
    let client = client_with(&provider, -10, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, FaultKind::CloseAfterRead));
    assert!(statuses(&client).iter().all(|status| *status == Ok(200)));
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert_eq!(provider.max_in_flight(Target::Refresh), 1);
}

#[test]
fn a_token_that_lives_for_no_time_serves_all_who_waited_for_it() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    answer_refreshes_slowly(&provider);
    answer_next_refresh(&provider, |token| token["expires_in"] = 0.into());
    assert!(statuses(&client).iter().all(|status| *status == Ok(200)));
    // They share the result of the renewal, however soon it ages.
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_renewal_that_brings_the_same_access_token_is_shared_too() {
    let provider = provider();
    let mut token = raw_token(&provider);
    token["expires_at"] = 1.into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    answer_refreshes_slowly(&provider);
    let same = token["access_token"].clone();
    answer_next_refresh(&provider, |answer| answer["access_token"] = same);
    assert!(storm(|| client.refresh()).iter().all(Result::is_ok));
    assert_eq!(provider.requests(Target::Refresh), 1);
}
