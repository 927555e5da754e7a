//! What only Fitbit does in a login: a fragment behind its redirects, applications of three kinds,
//! errors in a shape of its own, and a token that says whose it is.

use fitbit_simulator::{DEMO_PERSONAL_ID, DEMO_PERSONAL_SECRET, Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::steps::{error_of, granted, json, log_in, log_in_under};
use super::world::{DIALECT, PROFILE, USER, app, app_at, provider, saved_token};

#[test]
fn the_provider_ends_its_redirects_with_a_fragment_and_it_does_not_matter() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    assert!(redirect.ends_with("#_=_"), "{redirect}");
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
}

/// Fault 10: Fitbit's own shape of `invalid_grant` surfaced as `(missing_token) Missing access
/// token parameter.`
#[test]
fn fault_10_an_invalid_grant_is_called_by_its_name() {
    let provider = provider();
    let app = app(&provider);
    let client = app.from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    let of_refresh = error_of(client.get(PROFILE));
    assert_eq!(of_refresh.code, code::REAUTHORIZE);
    let of_code = error_of(log_in_under(&provider, &app, FaultKind::Status400InvalidGrant));
    assert_eq!(of_code.code, code::AUTHORIZATION);
    for (error, said) in [(of_refresh, "Refresh token invalid"), (of_code, "Authorization code")] {
        assert_eq!(error.provider_type.as_deref(), Some("invalid_grant"));
        assert_eq!(error.http_status, 400);
        assert!(error.message.contains(said), "{}", error.message);
        assert!(error.body.is_some_and(|body| body.contains("errorType")));
    }
}

#[test]
fn a_user_id_that_was_not_known_is_learnt() {
    let provider = provider();
    let mut token = json(&saved_token(&provider, -10));
    token.as_object_mut().unwrap().remove("user_id");
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.token_field("user_id"), None);
    client.refresh().unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn a_token_that_does_not_say_whose_it_is_has_no_user_id() {
    let provider = provider();
    for token in [r#"{"access_token":"a"}"#, r#"{"access_token":"a","user_id":""}"#] {
        let client = app(&provider).from_token(token, &Saver::new()).unwrap();
        assert_eq!(error_of(client.user_id()).code, code::PROTOCOL);
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_personal_application_may_prove_who_it_is_in_any_way_or_in_none() {
    let provider = provider();
    for method in 0..4 {
        let secret = Some(DEMO_PERSONAL_SECRET);
        let app = app_at(provider.uri(), DEMO_PERSONAL_ID, secret, DIALECT.callback_uri);
        app.set_client_auth(method).unwrap();
        log_in(&provider, &app, &Saver::new()).refresh().unwrap();
    }
}
