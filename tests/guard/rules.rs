//! What is stored decides: the base, an uncertain commit, somebody else's token, no run at all,
//! a transaction that fails.

use std::sync::Arc;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, provider, saved_token};

use crate::scene::{Commit, Guarded, Row, committing, field, going, guarded_app, same, with};

/// A client whose token has expired and stands in the row, with a guard whose transactions go so.
fn expired(provider: &Simulator, commits: &[Commit]) -> (Guarded, Arc<Row>) {
    let token = saved_token(provider, -10);
    let row = Row::holding(&token);
    (Guarded::from_token(&guarded_app(provider), &token, going(&row, commits)), row)
}

fn last_bearer(provider: &Simulator) -> String {
    let log = provider.log();
    let entry = log.iter().rfind(|entry| entry.target == PROFILE).unwrap();
    entry.header("authorization").unwrap().trim_start_matches("Bearer ").to_owned()
}

#[test]
fn a_new_token_is_stored_before_a_request_carries_it() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Row::holding(&token);
    let client = Guarded::from_token(&guarded_app(&provider), &token, going(&row, &[]));
    for _ in 0..3 {
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(last_bearer(&provider), field(&row.read().unwrap(), "access_token"));
    }
    assert!(same(&client.token(), &row.read().unwrap()));
    assert_ne!(field(&row.read().unwrap(), "refresh_token"), field(&token, "refresh_token"));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 1));
}

#[test]
fn a_token_that_lasts_needs_no_guard() {
    let provider = provider();
    let token = saved_token(&provider, 3600);
    let row = Row::holding(&token);
    let client = Guarded::from_token(&guarded_app(&provider), &token, going(&row, &[]));
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(client.save(), Ok(()));
    assert_eq!(client.entered(), 0);
}

#[test]
fn a_commit_that_had_worked_is_found_out_by_the_next_request() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::WorksUnknown]);
    assert_eq!(client.get(PROFILE), Ok(200));
    let stored = row.read().unwrap();
    for _ in 0..3 {
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(client.entered(), 2, "then it is known to be saved");
    }
    assert_eq!(row.read().unwrap(), stored);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_kept_token_is_handed_out_before_each_request_until_it_is_committed() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails; 5]);
    let before = row.read().unwrap();
    for requests in 1..=8 {
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(client.entered(), requests.min(6));
        assert_eq!(same(&row.read().unwrap(), &before), requests < 6);
    }
    assert!(same(&row.read().unwrap(), &client.token()));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_kept_token_is_handed_out_by_save() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails; 3]);
    client.get(PROFILE).unwrap();
    let requests = provider.requests(Target::Any);
    for entered in 2..=3 {
        assert_eq!(client.save().unwrap_err().code, code::STORE);
        assert_eq!(client.entered(), entered);
    }
    assert_eq!(client.save(), Ok(()));
    assert!(same(&row.read().unwrap(), &client.token()));
    assert_eq!(client.save(), Ok(()));
    assert_eq!((client.entered(), provider.requests(Target::Any)), (4, requests));
}

#[test]
fn a_kept_token_is_handed_out_when_the_client_is_freed() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails]);
    client.get(PROFILE).unwrap();
    let (requests, newest) = (provider.requests(Target::Any), client.token());
    drop(client);
    assert!(same(&row.read().unwrap(), &newest));
    assert_eq!(provider.requests(Target::Any), requests);
}

#[test]
fn a_renewal_that_was_not_committed_is_said_by_refresh() {
    let provider = provider();
    let (client, _row) = expired(&provider, &[Commit::Fails, Commit::WorksUnknown]);
    let old = client.token();
    assert_eq!(client.refresh().unwrap_err().code, code::STORE);
    assert!(!same(&client.token(), &old), "renewed it was");
    assert_eq!(client.save().unwrap_err().code, code::STORE, "this commit is not known to work");
    assert_eq!(client.save(), Ok(()));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn somebody_elses_newer_token_is_taken_and_nobody_is_asked() {
    let provider = provider();
    let (client, row) = expired(&provider, &[]);
    let theirs = saved_token(&provider, 3600);
    row.write(&theirs);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(last_bearer(&provider), field(&theirs, "access_token"));
    assert_eq!(row.read().unwrap(), theirs);
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 0));
}

#[test]
fn somebody_elses_token_that_has_expired_is_renewed_in_place_of_ones_own() {
    let provider = provider();
    let (client, row) = expired(&provider, &[]);
    let theirs = saved_token(&provider, -10);
    row.write(&theirs);
    assert_eq!(client.get(PROFILE), Ok(200));
    let log = provider.log();
    let sent = log.iter().find(|entry| entry.target == "/oauth2/token").unwrap();
    let body = String::from_utf8_lossy(&sent.body).into_owned();
    assert!(body.contains(&field(&theirs, "refresh_token")));
    assert!(same(&row.read().unwrap(), &client.token()));
}

#[test]
fn no_clock_decides_which_token_is_newer() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails]);
    assert_eq!(client.get(PROFILE), Ok(200));
    // The base, as if it were good for years: still older than what the client holds.
    row.write(&with(&row.read().unwrap(), "expires_at", 4_000_000_000_u32));
    assert_eq!(client.get(PROFILE), Ok(200));
    assert!(same(&row.read().unwrap(), &client.token()));
    // Somebody else's, as if it were older than what the client holds.
    let theirs = saved_token(&provider, 1000);
    row.write(&theirs);
    client.refresh().unwrap();
    assert!(same(&client.token(), &theirs));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn another_persons_or_providers_token_in_the_row_is_a_store_error_and_nothing_is_sent() {
    for change in [("user_id", "SOMEBODY"), ("provider", "google-health")] {
        for answer in [0, 1] {
            let provider = provider();
            let token = saved_token(&provider, -10);
            let row = Row::holding(&with(&saved_token(&provider, 3600), change.0, change.1));
            let app = guarded_app(&provider);
            let client = Guarded::from_token(&app, &token, {
                let row = row.clone();
                move |renewal| {
                    row.transaction(renewal, Commit::Works);
                    answer
                }
            });
            let before = row.read();
            for _ in 0..2 {
                assert_eq!(client.get(PROFILE).unwrap_err().code, code::STORE, "{change:?}");
            }
            assert_eq!((provider.requests(Target::Any), row.read()), (0, before));
            // Whoever puts the right one back has a working client again.
            row.write(&token);
            assert_eq!(provider.requests(Target::Refresh), 0);
        }
    }
}

#[test]
fn without_any_run_nothing_is_sent_whatever_the_guard_returns() {
    for answer in [0, 1] {
        let provider = provider();
        let token = saved_token(&provider, -10);
        let client = Guarded::from_token(&guarded_app(&provider), &token, move |_| answer);
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::STORE);
        assert_eq!(client.refresh().unwrap_err().code, code::STORE);
        assert_eq!(provider.requests(Target::Any), 0);
        assert!(same(&client.token(), &token));
    }
}

#[test]
fn a_guard_that_fails_ahead_of_expiry_does_not_fail_the_request() {
    let provider = provider();
    let token = saved_token(&provider, 50);
    let client = Guarded::from_token(&guarded_app(&provider), &token, |_| 0);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 0));
}

#[test]
fn not_committed_with_nothing_new_is_a_store_error_and_nothing_is_sent() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails]);
    let theirs = saved_token(&provider, 3600);
    row.write(&theirs);
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::STORE);
    assert_eq!(provider.requests(Target::Any), 0);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn only_one_is_committed() {
    for answer in [0, -1, 2, 256, 0x0101, i32::MIN, i32::MAX] {
        let provider = provider();
        let token = saved_token(&provider, -10);
        let row = Row::holding(&token);
        let client = Guarded::from_token(&guarded_app(&provider), &token, {
            let row = row.clone();
            move |renewal| {
                row.transaction(renewal, Commit::Fails);
                answer
            }
        });
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(client.save().unwrap_err().code, code::STORE, "{answer}");
    }
}

#[test]
fn an_empty_row_gets_the_renewed_token() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Arc::new(Row::default());
    let app = guarded_app(&provider);
    let client = Guarded::from_token(&app, &token, committing(&row, Commit::Works));
    assert_eq!(client.get(PROFILE), Ok(200));
    assert!(same(&row.read().unwrap(), &client.token()));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_kept_token_is_handed_out_before_a_renewal_that_then_fails() {
    let provider = provider();
    let (client, row) = expired(&provider, &[Commit::Fails]);
    client.get(PROFILE).unwrap();
    let kept = client.token();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status404));
    assert_eq!(client.refresh().unwrap_err().code, code::HTTP);
    assert!(same(&row.read().unwrap(), &kept));
    assert_eq!(client.save(), Ok(()));
    assert_eq!(client.entered(), 3);
}
