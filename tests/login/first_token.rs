//! What a login brings: the first token, in the program's hands before step two returns.

use std::ffi::CString;
use std::ptr::null_mut;

use fitbit_simulator::{Decision, Simulator, Target};
use fitbit_test_support::{App, Error, Saver, code, interface};

use super::steps::{error_of, granted, json, log_in};
use super::world::{DIALECT, PROFILE, USER, app, provider};

#[test]
fn the_callback_gets_the_first_token_before_step_two_returns() {
    let provider = provider();
    let saver = Saver::new();
    let client = log_in(&provider, &app(&provider), &saver);
    assert_eq!(saver.offered(), [client.token()]);
    assert_eq!(provider.requests(Target::Api), 0);
}

#[test]
fn a_saved_first_token_is_not_offered_again() {
    let provider = provider();
    let saver = Saver::new();
    let client = log_in(&provider, &app(&provider), &saver);
    client.get(PROFILE).unwrap();
    client.save().unwrap();
    drop(client);
    assert_eq!(saver.offered().len(), 1);
}

#[test]
fn the_token_that_was_offered_is_a_login_of_its_own() {
    let provider = provider();
    let saver = Saver::new();
    drop(log_in(&provider, &app(&provider), &saver));
    let client = app(&provider).from_token(&saver.offered()[0], &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 0);
    client.refresh().unwrap();
}

#[test]
fn a_callback_that_does_not_save_fails_neither_the_login_nor_its_requests() {
    for answer in [0, -1, 2, i32::MAX] {
        let provider = provider();
        let saver = Saver::doing(move |_| answer);
        let client = log_in(&provider, &app(&provider), &saver);
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(saver.offered().len(), 2, "once in step two, once before the request");
        assert_eq!(error_of(client.save()).code, code::STORE);
        let token = client.token();
        drop(client);
        assert_eq!(saver.offered(), vec![token; 4], "the last time as the client was freed");
        assert_eq!(provider.requests(Target::Refresh), 0);
    }
}

#[test]
fn a_first_token_that_is_saved_later_is_saved_for_good() {
    let provider = provider();
    let mut answers = [0, 1].into_iter();
    let saver = Saver::doing(move |_| answers.next().expect("it is offered twice"));
    let client = log_in(&provider, &app(&provider), &saver);
    client.save().unwrap();
    client.get(PROFILE).unwrap();
    drop(client);
    assert_eq!(saver.offered().len(), 2);
}

#[test]
fn fewer_scopes_than_asked_for_are_no_error() {
    let provider = provider();
    let app = app(&provider);
    let (asked_for, ticked) = (DIALECT.scopes.join("+"), DIALECT.profile_scope);
    let session = app.step_one(Some(&format!("scope={asked_for}"))).unwrap();
    let ticked_alone = Decision::GrantScopes(vec![ticked.to_owned()]);
    let redirect = provider.visit(&session.authorization_uri, ticked_alone).unwrap();
    let saver = Saver::new();
    let client = app.step_two(&session.session, &redirect, &saver).unwrap();
    assert_eq!(client.token_field("scope").as_deref(), Some(ticked));
    assert_eq!(json(&saver.offered()[0])["scope"], ticked);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    let error = error_of(client.get(DIALECT.sleep));
    assert_eq!(error.code, code::INSUFFICIENT_SCOPE);
}

#[test]
fn clients_of_one_app_are_different_people() {
    let provider = provider();
    let app = app(&provider);
    let first = log_in(&provider, &app, &Saver::new());
    provider.settings(|settings| settings.user_id = "2ND2ND".to_owned());
    let second = log_in(&provider, &app, &Saver::new());
    let (first_id, second_id) = (first.user_id().unwrap(), second.user_id().unwrap());
    assert_eq!(first_id, USER);
    assert_ne!(second_id, USER);
    if DIALECT.token_names_its_user {
        assert_eq!(second_id, "2ND2ND");
    }
    assert_ne!(first.token_field("access_token"), second.token_field("access_token"));
}

/// Frees itself, and has no callback.
struct WithoutCallback(*mut std::ffi::c_void);

impl WithoutCallback {
    fn log_in(provider: &Simulator, app: &App) -> Self {
        let session = app.step_one(None).unwrap();
        let redirect = CString::new(granted(provider, &session)).unwrap();
        let session = CString::new(session.session).unwrap();
        let mut client = null_mut();
        Error::check(unsafe {
            let (session, redirect) = (session.as_ptr(), redirect.as_ptr());
            (interface().step_two)(app.0, session, redirect, None, null_mut(), &mut client)
        })
        .unwrap();
        Self(client)
    }
}

impl Drop for WithoutCallback {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.0) }
    }
}

#[test]
fn without_a_callback_a_login_works_and_counts_as_saved() {
    let provider = provider();
    let client = WithoutCallback::log_in(&provider, &app(&provider));
    let c = interface();
    Error::check(unsafe { (c.save)(client.0) }).unwrap();
    Error::check(unsafe { (c.refresh)(client.0) }).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}
