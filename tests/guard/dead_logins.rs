//! A refresh token that the provider refuses: what is stored is read once more, and another token
//! there revives the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, provider, saved_token};

use crate::scene::{Commit, Guarded, Row, committing, guarded_app, same};

/// A client with an expired token, to whose renewal the provider will say no for good.
fn dying(provider: &Simulator) -> (Guarded, Arc<Row>) {
    let token = saved_token(provider, -10);
    let row = Row::holding(&token);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    let guard = committing(&row, Commit::Works);
    (Guarded::from_token(&guarded_app(provider), &token, guard), row)
}

#[test]
fn it_is_reported_after_what_is_stored_was_read_once_more() {
    let provider = provider();
    let (client, row) = dying(&provider);
    let stored = row.read();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!((client.entered(), row.read()), (2, stored));
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (1, 0));
}

#[test]
fn a_token_stored_meanwhile_saves_the_call() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let newer = saved_token(&provider, 3600);
    let row = Row::holding(&token);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    let guard = {
        let (row, newer, entered) = (row.clone(), newer.clone(), AtomicUsize::new(0));
        move |renewal: &_| {
            if entered.fetch_add(1, Ordering::SeqCst) == 1 {
                row.write(&newer);
            }
            row.transaction(renewal, Commit::Works)
        }
    };
    let client = Guarded::from_token(&guarded_app(&provider), &token, guard);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert!(same(&client.token(), &newer));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (2, 1));
}

#[test]
fn later_calls_read_the_row_and_ask_nobody_until_another_token_is_there() {
    let provider = provider();
    let (client, row) = dying(&provider);
    for _ in 0..3 {
        let entered = client.entered();
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
        assert!(client.entered() > entered);
        assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
    let newer = saved_token(&provider, -10);
    row.write(&newer);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert!(same(&client.token(), &row.read().unwrap()));
}

#[test]
fn a_dead_token_is_never_handed_out() {
    let provider = provider();
    let token = saved_token(&provider, 3600);
    let row = Row::holding(&token);
    let guard = committing(&row, Commit::Fails);
    let client = Guarded::from_token(&guarded_app(&provider), &token, guard);
    assert_eq!(client.refresh().unwrap_err().code, code::STORE);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    let entered = client.entered();
    assert_eq!(client.save().unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(client.entered(), entered);
    assert!(same(&row.read().unwrap(), &token));
}

/// A login that was never stored beats what is stored, but not after its death.
#[test]
fn another_token_revives_a_client_whose_first_token_died_unsaved() {
    let provider = provider();
    let row = Row::holding(&saved_token(&provider, 3600));
    let app = guarded_app(&provider);
    let refusing = Box::new(|_: &str| 0);
    let guard = committing(&row, Commit::Works);
    let client = Guarded::log_in(&app, &provider, Some(refusing), guard);
    provider.expire_access_tokens();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    let first = client.get(PROFILE).map_err(|error| error.code);
    let newer = saved_token(&provider, 3600);
    row.write(&newer);
    assert_eq!(client.get(PROFILE), Ok(200), "the first call: {first:?}");
    assert!(same(&client.token(), &newer));
}
