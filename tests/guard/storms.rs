//! Many threads, one row: one request for each expiry, and no failed request.

use std::sync::Barrier;

use fitbit_simulator::Target;
use fitbit_test_support::world::{PROFILE, provider, saved_token};

use crate::scene::{Commit, Guarded, Row, committing, guarded_app, same};

/// 64 threads that send a request at the same time, shared out among the clients.
fn storm(clients: &[&Guarded]) {
    let start = Barrier::new(64);
    std::thread::scope(|scope| {
        for nth in 0..64 {
            let (start, client) = (&start, clients[nth % clients.len()]);
            scope.spawn(move || {
                start.wait();
                assert_eq!(client.get(PROFILE), Ok(200));
            });
        }
    });
}

#[test]
fn sixty_four_threads_of_one_client_renew_once_for_each_expiry() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Row::holding(&token);
    let app = guarded_app(&provider);
    let client = Guarded::from_token(&app, &token, committing(&row, Commit::Works));
    for expiries in 1..=5 {
        storm(&[&client]);
        assert_eq!(provider.requests(Target::Refresh), expiries);
        assert_eq!(client.entered() as u64, expiries);
        provider.expire_access_tokens();
    }
    assert!(same(&row.read().unwrap(), &client.token()));
}

#[test]
fn sixty_four_threads_of_two_processes_on_one_row_renew_once_for_each_expiry() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Row::holding(&token);
    let apps = [guarded_app(&provider), guarded_app(&provider)];
    let clients = apps
        .each_ref()
        .map(|app| Guarded::from_token(app, &token, committing(&row, Commit::Works)));
    for expiries in 1..=10 {
        storm(&[&clients[0], &clients[1]]);
        assert_eq!(provider.requests(Target::Refresh), expiries);
        provider.expire_access_tokens();
    }
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    assert_eq!(provider.max_in_flight(Target::Refresh), 1);
}

#[test]
fn a_storm_over_a_commit_that_fails_still_sends_one_request() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Row::holding(&token);
    let app = guarded_app(&provider);
    let client = Guarded::from_token(&app, &token, committing(&row, Commit::Fails));
    storm(&[&client]);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert!(same(&row.read().unwrap(), &token));
}
