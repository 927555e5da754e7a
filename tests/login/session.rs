//! The session: what the program keeps between the two steps, anywhere it likes.

use fitbit_simulator::{DEMO_REDIRECT_URIS, Target};
use fitbit_test_support::{Saver, c, code, library};

use super::steps::{error_of, granted, json, with_field};
use super::world::{DIALECT, USER, app, app_at, provider, token_uri};

const CALLBACK: &str = DIALECT.callback_uri;

#[test]
fn it_says_whose_login_it_is_and_holds_no_client_secret() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap().session;
    let fields = json(&session);
    let mut names: Vec<_> = fields.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["callback_uri", "client_id", "provider", "state", "verifier"]);
    assert_eq!(fields["provider"], DIALECT.name);
    assert_eq!(fields["client_id"], DIALECT.client_id);
    assert_eq!(fields["callback_uri"], CALLBACK);
    assert!(!session.contains(DIALECT.client_secret));
}

#[test]
fn it_serves_another_app_object_after_the_first_is_gone() {
    let provider = provider();
    let first = app(&provider);
    let session = first.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    drop(first);
    let client = app(&provider).step_two(&session.session, &redirect, &Saver::new()).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn it_serves_another_process() {
    if !c::available("cc") {
        return;
    }
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let source = library::root().join("tests/login/other_process.c");
    let token_uri = token_uri(&provider);
    let program = c::build(&source, &format!("login_other_process_{}", DIALECT.name), &[]);
    let printed = program.run([
        DIALECT.provider.to_string().as_str(),
        token_uri.as_str(),
        provider.uri(),
        DIALECT.client_id,
        DIALECT.client_secret,
        CALLBACK,
        &session.session,
        &redirect,
    ]);
    assert_eq!(printed.trim(), USER);
}

#[test]
fn two_logins_at_once_do_not_disturb_each_other() {
    let provider = provider();
    let app = app(&provider);
    let (first, second) = (app.step_one(None).unwrap(), app.step_one(None).unwrap());
    let (to_first, to_second) = (granted(&provider, &first), granted(&provider, &second));
    let crossed = error_of(app.step_two(&first.session, &to_second, &Saver::new()));
    assert_eq!(crossed.code, code::STATE_MISMATCH);
    app.step_two(&second.session, &to_second, &Saver::new()).unwrap();
    app.step_two(&first.session, &to_first, &Saver::new()).unwrap();
}

/// A database may order its fields anew; a later version may add some.
#[test]
fn it_may_be_written_anew_and_hold_more() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let more = with_field(&session.session, "a_later_field", json(r#"{"nested":[1,2]}"#));
    let rewritten = serde_json::to_string_pretty(&json(&more)).unwrap();
    app.step_two(&rewritten, &redirect, &Saver::new()).unwrap();
}

#[test]
fn one_of_another_app_is_refused_before_the_redirect_is_looked_at() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    for (name, value) in [
        ("provider", DIALECT.other().name),
        ("provider", "FITBIT"),
        ("client_id", "22OTHR"),
        ("client_id", "22srvr"),
        ("callback_uri", "http://127.0.0.1:8080/callback/"),
        ("callback_uri", "http://localhost:8080/callback"),
    ] {
        let foreign = with_field(&session, name, value);
        let error = error_of(app.step_two(&foreign, "error=access_denied", &Saver::new()));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{name}: {value}");
        assert!(error.message.contains("session"), "{}", error.message);
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn one_of_an_app_with_another_callback_uri_is_refused() {
    let provider = provider();
    let other = app_at(
        provider.uri(),
        DIALECT.client_id,
        Some(DIALECT.client_secret),
        DEMO_REDIRECT_URIS[1],
    );
    let session = other.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let error = error_of(app(&provider).step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert_eq!(provider.requests(Target::Exchange), 0);
}

#[test]
fn what_is_no_session_is_refused_and_not_repeated() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    let state = json(&session)["state"].as_str().unwrap().to_owned();
    let redirect = format!("code=1&state={state}");
    let cut = &session[..session.len() - 1];
    let twice = format!("{session}{session}");
    let deep = "[".repeat(100_000);
    for garbage in ["", " ", "null", "7", "[]", "{}", "\"text\"", cut, &twice, &deep, &redirect] {
        let error = error_of(app.step_two(garbage, &redirect, &Saver::new()));
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains("session"), "{}", error.message);
        assert!(!error.all_text().contains(&state));
    }
    assert_eq!(provider.connections(), 0);
}

/// An empty state would be equal to the `state=` of a forged redirect.
#[test]
fn one_with_a_field_missing_empty_or_of_another_type_is_refused() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    for name in ["provider", "client_id", "callback_uri", "state", "verifier"] {
        let mut without = json(&session);
        without.as_object_mut().unwrap().remove(name);
        let mut broken = vec![without.to_string()];
        for value in [json("\"\""), json("null"), json("7"), json("[\"x\"]"), json("{}")] {
            broken.push(with_field(&session, name, value));
        }
        for broken in broken {
            let error = error_of(app.step_two(&broken, "code=1&state=", &Saver::new()));
            assert_eq!(error.code, code::INVALID_ARGUMENT, "{broken}");
        }
    }
    assert_eq!(provider.connections(), 0);
}
