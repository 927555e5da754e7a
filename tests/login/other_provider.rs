//! A token of the other provider: refused wherever it comes from, before any request, and left as
//! it is. It says whose it is by its `provider`, or by its scopes if a provider's raw answer was
//! saved.

use fitbit_simulator::{Registration, Target};
use fitbit_test_support::{Error, Saver, code};
use serde_json::Value;

use super::file::File;
use super::guarded::{Guarded, Row};
use super::steps::{error_of, granted, json, log_in};
use super::world::{DIALECT, PROFILE, app, app_at, client, provider, saved_token};

/// Fails unless the app refuses this token with no request.
#[track_caller]
fn refused(token: &str) -> Error {
    let provider = provider();
    let saver = Saver::new();
    let error = error_of(app(&provider).from_token(token, &saver));
    assert_eq!(error.code, code::REAUTHORIZE, "{token}");
    assert_eq!((provider.connections(), error.http_status), (0, 0));
    assert!(saver.offered().is_empty());
    error
}

/// What a program has saved that was registered with the other provider.
fn others_token() -> String {
    let provider = provider();
    log_in(&provider, &DIALECT.other().app(&provider), &Saver::new()).token()
}

#[test]
fn one_that_the_library_saved_is_reauthorize_and_no_request() {
    let error = refused(&others_token());
    assert!(error.message.contains("must log in again"), "{}", error.message);
}

#[test]
fn an_expired_one_or_one_without_an_access_token_is_too() {
    let mut token = json(&others_token());
    token["expires_at"] = 1.into();
    refused(&token.to_string());
    token.as_object_mut().unwrap().remove("access_token");
    refused(&token.to_string());
}

#[test]
fn a_raw_answer_of_the_other_provider_is_known_by_its_scopes() {
    let provider = provider();
    let raw = DIALECT.other().raw_token(&provider);
    assert!(raw.get("provider").is_none());
    refused(&raw.to_string());
    let mut python = raw.clone();
    python["scope"] = raw["scope"].as_str().unwrap().split(' ').collect();
    refused(&python.to_string());
    let mut unnamed = raw;
    unnamed["provider"] = Value::Null;
    refused(&unnamed.to_string());
}

/// Nothing in it tells the providers apart, and a program may well have saved no more.
#[test]
fn one_that_does_not_say_is_taken_for_the_apps_own() {
    let provider = provider();
    let mut token: Value = json(&saved_token(&provider, 3600));
    token.as_object_mut().unwrap().remove("scope");
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_file_that_holds_one_is_store_and_stays_as_it_is() {
    let (provider, token) = (provider(), others_token());
    let file = File::holding(&token);
    let error = error_of(app(&provider).from_file(&file.path()));
    assert_eq!(error.code, code::STORE);
    assert_eq!((provider.connections(), file.read()), (0, token));
}

#[test]
fn one_that_comes_into_a_clients_file_is_store_and_nothing_is_sent() {
    let (provider, token) = (provider(), others_token());
    let file = File::holding(&saved_token(&provider, 3600));
    let client = app(&provider).from_file(&file.path()).unwrap();
    file.write(&token);
    assert_eq!(error_of(client.refresh()).code, code::STORE);
    assert_eq!((provider.requests(Target::Any), file.read()), (0, token));
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "its own token is as good as ever");
}

#[test]
fn a_file_is_written_over_by_a_client_of_this_provider() {
    let provider = provider();
    let file = File::holding(&others_token());
    let client = client(&provider);
    client.set_token_file(&file.path()).unwrap();
    assert_eq!(json(&file.read()), json(&client.token()));
    assert_eq!(json(&file.read())["provider"], DIALECT.name);
}

#[test]
fn a_row_that_holds_one_is_store_and_nothing_is_sent() {
    let (provider, token) = (provider(), others_token());
    let row = Row::holding(&token);
    let client = Guarded::from_token(&app(&provider), &saved_token(&provider, -10), &row);
    assert_eq!(error_of(client.refresh()).code, code::STORE);
    assert_eq!((provider.requests(Target::Any), row.read()), (0, token));
}

/// Two apps of the same id and callback URI: nothing but the provider is another.
#[test]
fn a_session_of_one_is_refused_and_its_code_is_not_spent() {
    let provider = provider();
    let (id, secret, callback_uri) = ("22BOTH", Some("a secret"), DIALECT.callback_uri);
    provider.register(Registration {
        client_id: id.to_owned(),
        client_secret: secret.map(str::to_owned),
        kind: DIALECT.other().kind,
        redirect_uris: vec![callback_uri.to_owned()],
    });
    let others = DIALECT.other().app_at(provider.uri(), id, secret, callback_uri);
    let session = others.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let own = app_at(provider.uri(), id, secret, callback_uri);
    let error = error_of(own.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert_eq!(provider.requests(Target::Exchange), 0);
    others.step_two(&session.session, &redirect, &Saver::new()).unwrap();
}
