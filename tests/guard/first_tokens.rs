//! The first token of a login: on_token's, or the guard's where there is no on_token; and a login
//! that was never stored takes the place of whatever is.

use std::sync::{Arc, Mutex};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, provider, saved_token};

use crate::scene::{Commit, Guarded, Row, committing, going, guarded_app, same, with};

/// A callback that keeps what it was offered and says no so often first.
type OnToken = Box<dyn Fn(&str) -> i32 + Send + Sync>;

fn on_token(mut refusals: u32) -> (OnToken, Arc<Mutex<Vec<String>>>) {
    let offered = Arc::new(Mutex::new(Vec::new()));
    let offers = offered.clone();
    let refuse = Mutex::new(move || {
        let refuse = refusals > 0;
        refusals = refusals.saturating_sub(1);
        refuse
    });
    let on_token = move |token: &str| {
        offers.lock().unwrap().push(token.to_owned());
        i32::from(!refuse.lock().unwrap()())
    };
    (Box::new(on_token), offered)
}

/// A login with nobody but the guard to take its token.
fn log_in(provider: &Simulator, row: &Arc<Row>, commits: &[Commit]) -> Guarded {
    Guarded::log_in(&guarded_app(provider), provider, None, going(row, commits))
}

#[test]
fn on_token_gets_the_first_token_and_the_guard_every_later_one() {
    let (provider, row) = (provider(), Arc::new(Row::default()));
    let (on_token, offered) = on_token(0);
    let app = guarded_app(&provider);
    let client = Guarded::log_in(&app, &provider, Some(on_token), going(&row, &[]));
    assert_eq!((client.entered(), row.read()), (0, None));
    assert!(same(&offered.lock().unwrap()[0], &client.token()));
    row.write(&client.token());
    for renewals in 1..=2 {
        client.refresh().unwrap();
        assert_eq!(client.entered(), renewals);
        assert!(same(&row.read().unwrap(), &client.token()));
    }
    assert_eq!(offered.lock().unwrap().len(), 1);
}

#[test]
fn a_client_of_a_saved_token_never_calls_on_token() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let row = Row::holding(&token);
    // Its on_token refuses everything.
    let guard = committing(&row, Commit::Works);
    let client = Guarded::from_token(&guarded_app(&provider), &token, guard);
    client.refresh().unwrap();
    assert!(same(&row.read().unwrap(), &client.token()));
}

#[test]
fn without_on_token_the_guard_stores_the_first_token() {
    let (provider, row) = (provider(), Arc::new(Row::default()));
    let client = log_in(&provider, &row, &[]);
    assert!(same(&row.read().unwrap(), &client.token()));
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 0));
}

#[test]
fn a_first_token_that_on_token_refuses_is_offered_again_until_it_is_saved() {
    let (provider, row) = (provider(), Arc::new(Row::default()));
    let (on_token, offered) = on_token(3);
    let app = guarded_app(&provider);
    let client = Guarded::log_in(&app, &provider, Some(on_token), going(&row, &[]));
    for requests in 1..=5 {
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(offered.lock().unwrap().len(), (requests + 1).min(4));
    }
    assert_eq!(client.save(), Ok(()));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (0, 0));
}

#[test]
fn a_login_that_was_never_stored_beats_whatever_is_stored() {
    let provider = provider();
    let token = saved_token(&provider, 3600);
    let rows = [
        token.clone(),
        with(&token, "user_id", "SOMEBODY"),
        with(&token, "provider", "google-health"),
        "half a tok".to_owned(),
        String::new(),
    ];
    for stored in rows {
        for commits in [&[][..], &[Commit::Fails; 2][..]] {
            let row = Row::holding(&stored);
            let client = log_in(&provider, &row, commits);
            for _ in commits {
                assert_eq!(client.get(PROFILE), Ok(200), "{stored}");
            }
            assert_eq!(client.save(), Ok(()), "{stored}");
            assert!(same(&row.read().unwrap(), &client.token()), "{stored}");
        }
    }
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn a_login_that_was_never_stored_beats_it_by_its_renewed_token_too() {
    let provider = provider();
    let row = Row::holding(&saved_token(&provider, 3600));
    let (on_token, _) = on_token(u32::MAX);
    let app = guarded_app(&provider);
    let client = Guarded::log_in(&app, &provider, Some(on_token), going(&row, &[]));
    provider.expire_access_tokens();
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 1));
    assert!(same(&row.read().unwrap(), &client.token()));
    assert_eq!(client.save(), Ok(()), "on_token is out of it");
}

/// The uncertain commit of a first token worked, and another process has renewed it since: what
/// is stored is newer than the login, however unsaved that still seems.
#[test]
fn a_first_token_whose_uncertain_commit_worked_does_not_overwrite_its_own_successor() {
    for before in [None, Some(saved_token(&provider(), 3600))] {
        let (provider, row) = (provider(), Arc::new(Row::default()));
        if let Some(before) = &before {
            row.write(before);
        }
        let client = log_in(&provider, &row, &[Commit::WorksUnknown]);
        let first = row.read().unwrap();
        assert!(same(&first, &client.token()));
        let app = guarded_app(&provider);
        let other = Guarded::from_token(&app, &first, committing(&row, Commit::Works));
        other.refresh().unwrap();
        let successor = row.read().unwrap();
        assert_eq!(client.get(PROFILE), Ok(200));
        assert!(same(&row.read().unwrap(), &successor), "the only live token is still there");
        provider.expire_access_tokens();
        assert_eq!(other.get(PROFILE), Ok(200));
        assert_eq!(client.get(PROFILE), Ok(200));
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    }
}

#[test]
fn a_first_token_that_nothing_could_store_is_a_store_error_of_save() {
    let provider = provider();
    let app = guarded_app(&provider);
    let client = Guarded::log_in(&app, &provider, None, |_| 1);
    assert_eq!(client.save().unwrap_err().code, code::STORE, "nothing was run");
    assert_eq!(client.entered(), 2);
}
