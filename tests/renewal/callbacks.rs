//! Inside a token callback: what the client that is being saved answers.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use fitbit_simulator::{Decision, Simulator, Target};
use fitbit_test_support::{App, Client, Error, Saver, code, interface};

use super::scene::{client_of, field};
use super::world::{DIALECT, PROFILE, USER, app, provider, saved_token};

/// A client whose callback does something with the client itself.
fn client_that(
    app: &App,
    provider: &Simulator,
    expires_in: i64,
    mut inside: impl FnMut(&Client, &str) -> i32 + Send + 'static,
) -> Arc<Client> {
    let own: Arc<OnceLock<Weak<Client>>> = Arc::default();
    let saver = Saver::doing({
        let own = own.clone();
        move |json| match own.get().and_then(Weak::upgrade) {
            Some(client) => inside(&client, json),
            None => 0, // fitbit_free is running: this handle is off limits
        }
    });
    let client = Arc::new(client_of(app, provider, expires_in, &saver));
    own.set(Arc::downgrade(&client)).unwrap();
    client
}

/// What every call that would need the renewal under way answers.
fn forbidden_calls(client: &Client) -> Vec<Result<(), Error>> {
    vec![
        client.get(PROFILE).map(drop),
        client.post(PROFILE, Some("foodId=1")).map(drop),
        client.delete(PROFILE).map(drop),
        client.request("PUT", PROFILE, None, None).map(drop),
        client.refresh(),
        client.save(),
    ]
}

fn all_refused(outcomes: &[Result<(), Error>]) -> bool {
    outcomes.iter().all(|o| o.as_ref().is_err_and(|error| error.code == code::INVALID_ARGUMENT))
}

type Outcomes = Arc<Mutex<Vec<Result<(), Error>>>>;

/// What a callback was given, and what its own client said meanwhile.
struct Seen {
    offered: String,
    token: String,
    access_token: Option<String>,
    user_id: Result<String, Error>,
    header_set: Result<(), Error>,
}

#[test]
fn the_own_client_gives_the_new_token() {
    let provider = provider();
    let app = app(&provider);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let client = client_that(&app, &provider, -10, {
        let seen = seen.clone();
        move |client, json| {
            seen.lock().unwrap().push(Seen {
                offered: json.to_owned(),
                token: client.token(),
                access_token: client.token_field("access_token"),
                user_id: client.user_id(),
                header_set: client.set_header("Accept-Language", Some("en_US")),
            });
            // Not saved: it is offered again, and then the token is no longer on its way.
            0
        }
    });
    client.get(PROFILE).unwrap();
    client.get(PROFILE).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for seen in seen.iter() {
        assert_eq!(seen.offered, seen.token);
        assert_eq!(seen.access_token, Some(field(&seen.offered, "access_token")));
        // Where the token does not say it, the API would have to be asked, with that token.
        let expected =
            if DIALECT.token_names_its_user { Ok(USER) } else { Err(code::INVALID_ARGUMENT) };
        let user_id = seen.user_id.as_deref().map_err(|error| error.code);
        assert_eq!((user_id, &seen.header_set), (expected, &Ok(())));
    }
}

#[test]
fn what_would_wait_for_the_own_renewal_is_refused_at_once() {
    let provider = provider();
    let app = app(&provider);
    for (expires_in, refresh) in [(-10, false), (3600, true)] {
        let outcomes: Outcomes = Arc::default();
        let client = client_that(&app, &provider, expires_in, {
            let outcomes = outcomes.clone();
            move |client, _| {
                outcomes.lock().unwrap().extend(forbidden_calls(client));
                1
            }
        });
        let before = provider.requests(Target::Any);
        if refresh {
            client.refresh().unwrap();
        } else {
            client.get(PROFILE).unwrap();
        }
        let outcomes = outcomes.lock().unwrap();
        assert_eq!((outcomes.len(), all_refused(&outcomes)), (6, true), "{outcomes:?}");
        let sent = provider.requests(Target::Any) - before;
        assert_eq!(sent, 1 + u64::from(!refresh), "the renewal, and the GET around it");
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "outside it works as ever");
    }
}

#[test]
fn they_are_refused_as_well_while_an_old_token_is_offered_again() {
    let provider = provider();
    let app = app(&provider);
    let outcomes: Outcomes = Arc::default();
    let client = client_that(&app, &provider, -10, {
        let outcomes = outcomes.clone();
        let mut offers = 0;
        move |client, _| {
            offers += 1;
            if offers == 1 {
                return 0;
            }
            outcomes.lock().unwrap().extend(forbidden_calls(client));
            1
        }
    });
    client.get(PROFILE).unwrap();
    client.save().unwrap();
    let outcomes = outcomes.lock().unwrap();
    assert_eq!((outcomes.len(), all_refused(&outcomes)), (6, true), "{outcomes:?}");
}

#[test]
fn they_are_refused_inside_another_clients_callback_too() {
    let provider = provider();
    let app = Arc::new(app(&provider));
    let outcomes: Outcomes = Arc::default();
    let client = client_that(&app, &provider, -10, {
        // The other client's renewal runs inside this one's callback, and its callback asks this
        // one: the same thread, two calls deep.
        let (app, token) = (app.clone(), saved_token(&provider, -10));
        let outcomes = outcomes.clone();
        move |client, _| {
            let inner = app.from_token(&token, &asking(client, &outcomes));
            i32::from(inner.is_ok_and(|inner| inner.get(PROFILE).is_ok()))
        }
    });
    client.get(PROFILE).unwrap();
    client.save().unwrap();
    let outcomes = outcomes.lock().unwrap();
    assert_eq!((outcomes.len(), all_refused(&outcomes)), (2, true), "{outcomes:?}");
    assert_eq!(provider.requests(Target::Refresh), 2);
}

#[test]
fn they_are_refused_inside_a_new_logins_first_callback_too() {
    let provider = Arc::new(provider());
    let app = Arc::new(app(&provider));
    let outcomes: Outcomes = Arc::default();
    let session = app.step_one(None).unwrap();
    let back = provider.visit(&session.authorization_uri, Decision::Grant).unwrap();
    let client = client_that(&app, &provider, -10, {
        let (app, outcomes) = (app.clone(), outcomes.clone());
        move |client, _| {
            let inner = app.step_two(&session.session, &back, &asking(client, &outcomes));
            i32::from(inner.is_ok_and(|inner| inner.get(PROFILE).is_ok()))
        }
    });
    client.get(PROFILE).unwrap();
    client.save().unwrap();
    let outcomes = outcomes.lock().unwrap();
    assert_eq!((outcomes.len(), all_refused(&outcomes)), (2, true), "{outcomes:?}");
}

/// A saver that asks another client, whose callback it runs in, for what that one refuses.
fn asking(client: &Client, outcomes: &Outcomes) -> Saver {
    let (handle, outcomes) = (client.handle as usize, outcomes.clone());
    Saver::doing(move |_| {
        outcomes.lock().unwrap().extend(raw_calls(handle));
        1
    })
}

/// A GET and a refresh on a handle that somebody else owns.
fn raw_calls(handle: usize) -> [Result<(), Error>; 2] {
    let c = interface();
    let path = std::ffi::CString::new(PROFILE).unwrap();
    let (handle, mut response) = (handle as *mut std::ffi::c_void, std::ptr::null_mut());
    unsafe {
        let got = Error::check((c.get)(handle, path.as_ptr(), &mut response));
        (c.response_free)(response);
        [got, Error::check((c.refresh)(handle))]
    }
}
