//! What C may pass where the header asks for something else: NULL, bytes that are not UTF-8,
//! numbers that are no enumerator. Each is an error that names the argument, and never a crash.

use std::ffi::c_char;
use std::ptr::{dangling_mut, null, null_mut};

use fitbit_test_support::interface::Handle;
use fitbit_test_support::{Error, Saver, code, interface};

use super::steps::error_of;
use super::world::{DIALECT, app, new_app, provider, saved_token};

const NOT_UTF8: *const c_char = c"\xc3\x28".as_ptr();
const TEXT: *const c_char = c"22TEXT".as_ptr();

#[track_caller]
fn refused(error: Handle, named: &str) {
    let error = error_of(Error::check(error));
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.contains(named), "{named} is not named: {}", error.message);
}

#[test]
fn app_new_names_what_is_wrong() {
    let c = interface();
    let mut app = dangling_mut();
    unsafe {
        for provider in [0, 3, 255, 1 << 31, u32::MAX] {
            refused((c.app_new)(provider, TEXT, null(), null(), &mut app), "provider");
        }
        for id in [null(), NOT_UTF8] {
            refused((c.app_new)(DIALECT.provider, id, null(), null(), &mut app), "client_id");
        }
        refused((c.app_new)(DIALECT.provider, TEXT, NOT_UTF8, null(), &mut app), "client_secret");
        refused((c.app_new)(DIALECT.provider, TEXT, null(), NOT_UTF8, &mut app), "callback_uri");
        refused((c.app_new)(DIALECT.provider, TEXT, null(), null(), null_mut()), "app");
    }
    assert!(app.is_null(), "results are set to NULL on failure too");
}

#[test]
fn the_setters_name_what_is_wrong() {
    let app = new_app("22TEXT", Some("a secret"), None).unwrap();
    let c = interface();
    unsafe {
        for text in [null(), NOT_UTF8] {
            refused((c.app_set_scopes)(app.0, text), "scopes");
            refused((c.app_set_header)(app.0, text, TEXT), "name");
        }
        refused((c.app_set_header)(app.0, TEXT, NOT_UTF8), "value");
        refused((c.app_set_scopes)(null_mut(), TEXT), "app");
        refused((c.app_set_endpoint)(null_mut(), 0, c"https://a.example".as_ptr()), "app");
        refused((c.app_set_client_auth)(null_mut(), 0), "app");
        refused((c.app_set_header)(null_mut(), TEXT, TEXT), "app");
        refused((c.app_set_timeout_ms)(null_mut(), 1), "app");
        refused((c.app_set_refresh_leeway)(null_mut(), 1), "app");
        refused((c.app_set_max_body)(null_mut(), 1), "app");
    }
}

#[test]
fn step_one_names_what_is_wrong() {
    let provider = provider();
    let app = app(&provider);
    let c = interface();
    let (mut uri, mut session) = (dangling_mut(), dangling_mut());
    unsafe {
        refused((c.step_one)(null_mut(), null(), &mut uri, &mut session), "app");
        refused((c.step_one)(app.0, NOT_UTF8, &mut uri, &mut session), "params");
        refused((c.step_one)(app.0, null(), null_mut(), &mut session), "authorization_uri");
        refused((c.step_one)(app.0, null(), &mut uri, null_mut()), "session");
        uri = dangling_mut();
        session = dangling_mut();
        refused((c.step_one)(app.0, c"state=x".as_ptr(), &mut uri, &mut session), "params");
    }
    assert!(uri.is_null() && session.is_null(), "results are set to NULL on failure too");
}

#[test]
fn step_two_names_what_is_wrong() {
    let provider = provider();
    let app = app(&provider);
    let step_two = |app: Handle, session, redirect, out| unsafe {
        (interface().step_two)(app, session, redirect, None, null_mut(), out)
    };
    let mut client = dangling_mut();
    refused(step_two(null_mut(), TEXT, TEXT, &mut client), "app");
    for text in [null(), NOT_UTF8] {
        refused(step_two(app.0, text, TEXT, &mut client), "session");
        refused(step_two(app.0, TEXT, text, &mut client), "redirect_uri");
    }
    assert!(client.is_null(), "results are set to NULL on failure too");
    refused(step_two(app.0, TEXT, TEXT, null_mut()), "client");
    assert_eq!(provider.connections(), 0);
}

#[test]
fn from_token_names_what_is_wrong() {
    let provider = provider();
    let app = app(&provider);
    let token = std::ffi::CString::new(saved_token(&provider, 3600)).unwrap();
    let from_token = |app: Handle, token, out| unsafe {
        (interface().from_token)(app, token, None, null_mut(), out)
    };
    let mut client = dangling_mut();
    refused(from_token(null_mut(), token.as_ptr(), &mut client), "app");
    refused(from_token(app.0, null(), &mut client), "token_json");
    refused(from_token(app.0, NOT_UTF8, &mut client), "token_json");
    assert!(client.is_null(), "results are set to NULL on failure too");
    refused(from_token(app.0, token.as_ptr(), null_mut()), "client");
    assert_eq!(provider.connections(), 0);
}

/// The place for a result is looked at before the code is spent.
#[test]
fn a_login_with_no_place_for_the_client_does_not_spend_the_code() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = super::steps::granted(&provider, &session);
    let [session_text, redirect_text] =
        [&session.session, &redirect].map(|text| std::ffi::CString::new(text.as_str()).unwrap());
    let (session_text, redirect_text) = (session_text.as_ptr(), redirect_text.as_ptr());
    unsafe {
        let step_two = interface().step_two;
        let error = step_two(app.0, session_text, redirect_text, None, null_mut(), null_mut());
        refused(error, "client");
    }
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
}
