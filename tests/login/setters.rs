//! Setting an app up: ranges, unknown numbers, and that nothing changes once it is in use.

use fitbit_test_support::{App, Error, Saver, code};

use super::steps::{error_of, field, granted, query};
use super::world::{DIALECT, PROFILE, app, new_app, provider, saved_token};

type Setting = (&'static str, fn(&App) -> Result<(), Error>);

/// One call of each setter, with a value that is right, and that would be seen.
const SETTERS: [Setting; 8] = [
    ("scopes", |app| app.set_scopes("sleep")),
    ("endpoint", |app| app.set_endpoint(3, "https://other.example")),
    ("client_auth", |app| app.set_client_auth(3)),
    ("header", |app| app.set_header("User-Agent", Some("other"))),
    ("timeout_ms", |app| app.set_timeout_ms(1)),
    ("refresh_leeway", |app| app.set_refresh_leeway(1)),
    ("max_body", |app| app.set_max_body(1)),
    ("no header", |app| app.set_header("User-Agent", None)),
];

/// Each setter is refused, and everything goes on as it was set up.
#[track_caller]
fn nothing_can_be_set(app: &App, provider: &fitbit_simulator::Simulator) {
    for (name, set) in SETTERS {
        let error = error_of(set(app));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{name}");
        assert!(error.message.contains("app"), "{}", error.message);
    }
    let session = app.step_one(None).unwrap();
    assert_ne!(field(query(&session.authorization_uri), "scope").as_deref(), Some("sleep"));
    let redirect = granted(provider, &session);
    let client = app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    assert!(client.get(PROFILE).unwrap().body.len() > 1);
    let log = provider.log();
    let agent = log.last().unwrap().header("user-agent").unwrap();
    assert!(agent.starts_with("libfitbit/"), "{agent}");
}

#[test]
fn before_its_first_use_everything_can_be_set() {
    let app = new_app(DIALECT.client_id, Some("a secret"), None).unwrap();
    for _ in 0..2 {
        for (name, set) in SETTERS {
            assert_eq!(set(&app), Ok(()), "{name}");
        }
    }
}

#[test]
fn after_step_one_nothing_can_be_set() {
    let provider = provider();
    let app = app(&provider);
    app.step_one(None).unwrap();
    nothing_can_be_set(&app, &provider);
}

#[test]
fn after_a_saved_token_nothing_can_be_set_even_when_its_client_is_gone() {
    let provider = provider();
    let app = app(&provider);
    drop(app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap());
    nothing_can_be_set(&app, &provider);
}

#[test]
fn after_step_two_nothing_can_be_set() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let app = app(&provider);
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    nothing_can_be_set(&app, &provider);
}

#[test]
fn values_out_of_range_are_refused_and_change_nothing() {
    let provider = provider();
    let app = app(&provider);
    for (named, outcome) in
        [("milliseconds", app.set_timeout_ms(0)), ("bytes", app.set_max_body(0))]
    {
        let error = error_of(outcome);
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains(named), "{}", error.message);
    }
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    client.get(PROFILE).unwrap();
}

#[test]
fn the_largest_values_are_no_overflow() {
    let provider = provider();
    let app = app(&provider);
    app.set_timeout_ms(u32::MAX).unwrap();
    app.set_max_body(usize::MAX).unwrap();
    app.set_refresh_leeway(u32::MAX).unwrap();
    // An hour left of eight: more than the tenth of its life that the leeway is cut down to.
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    client.refresh().unwrap();
}

#[test]
fn a_number_that_is_no_client_authentication_is_refused() {
    let app = new_app(DIALECT.client_id, Some("a secret"), None).unwrap();
    for method in [4, 5, 255, 1 << 16, 1 << 31, u32::MAX] {
        let error = error_of(app.set_client_auth(method));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{method}");
        assert!(error.message.contains("method"), "{}", error.message);
    }
}

#[test]
fn a_body_over_the_limit_is_protocol_but_tokens_are_still_read() {
    let provider = provider();
    let app = app(&provider);
    app.set_max_body(1).unwrap();
    let client = app.from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    client.refresh().unwrap();
    assert_eq!(error_of(client.get(PROFILE)).code, code::PROTOCOL);
}
