//! What step two refuses before any request goes out, and in which order it looks.

use fitbit_simulator::{Decision, Target};
use fitbit_test_support::{Error, Saver, code};

use super::steps::{error_of, granted, json, query};
use super::world::{DIALECT, app, new_app, provider, token_uri};

/// What step two says to a redirect; `{state}` in it stands for the session's state. The app's
/// every endpoint is a simulator, which must not be asked.
#[track_caller]
fn refused(redirect: &str) -> Error {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    let state = json(&session)["state"].as_str().unwrap().to_owned();
    let saver = Saver::new();
    let redirect = redirect.replace("{state}", &state);
    let error = error_of(app.step_two(&session, &redirect, &saver));
    assert_eq!(provider.connections(), 0, "{redirect}");
    assert!(saver.offered().is_empty());
    assert_eq!(error.http_status, 0);
    error
}

/// The same for an app whose authorize endpoint is the provider's own.
#[track_caller]
fn refused_by_the_real_provider(redirect: &str) -> Error {
    let provider = provider();
    let app = new_app(DIALECT.client_id, None, Some("myapp://callback")).unwrap();
    app.set_endpoint(1, &token_uri(&provider)).unwrap();
    let session = app.step_one(None).unwrap();
    assert!(session.authorization_uri.starts_with(&format!("{}?", DIALECT.authorize_uri)));
    let state = json(&session.session)["state"].as_str().unwrap().to_owned();
    let redirect = redirect.replace("{state}", &state);
    let error = error_of(app.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(provider.connections(), 0, "{redirect}");
    error
}

#[test]
fn a_redirect_with_another_state_is_refused_before_any_request() {
    for state in ["WRONG", "", "{state}x", "x{state}", "{state}%20", "{state}%00", "+{state}"] {
        let error = refused(&format!("code=1&state={state}"));
        assert_eq!(error.code, code::STATE_MISMATCH, "{state}");
    }
}

#[test]
fn a_state_in_another_case_or_cut_short_is_another_state() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    let state = json(&session)["state"].as_str().unwrap().to_owned();
    let swapped: String = state
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    for state in [&swapped, &state[1..], &state[..state.len() - 1]] {
        let redirect = format!("code=1&state={state}");
        let error = error_of(app.step_two(&session, &redirect, &Saver::new()));
        assert_eq!(error.code, code::STATE_MISMATCH);
    }
}

#[test]
fn a_redirect_without_a_state_is_refused_whatever_else_it_says() {
    for redirect in ["code=1", "error=access_denied", "error=server_error&error_description=x"] {
        assert_eq!(refused(redirect).code, code::STATE_MISMATCH, "{redirect}");
    }
}

#[test]
fn no_parameter_may_be_there_twice() {
    for redirect in [
        "code=1&code=1&state={state}",
        "code=1&state={state}&state={state}",
        "code=1&state={state}&st%61te=x",
        "state={state}&error=access_denied&error=access_denied",
        "code=1&state={state}&tenant=7&tenant=7",
    ] {
        assert_eq!(refused(redirect).code, code::STATE_MISMATCH, "{redirect}");
    }
}

#[test]
fn the_person_who_denies_is_access_denied() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = provider.visit(&session.authorization_uri, Decision::Deny).unwrap();
    let error = error_of(app.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::ACCESS_DENIED);
    assert_eq!(error.provider_type.as_deref(), Some("access_denied"));
    assert!(error.message.contains(DIALECT.denial), "{}", error.message);
    assert_eq!(provider.requests(Target::Exchange), 0);
}

#[test]
fn any_other_error_in_the_redirect_is_authorization() {
    for kind in ["server_error", "invalid_scope", "ACCESS_DENIED", "access_denied_x"] {
        let error = refused(&format!("error={kind}&error_description=So+it+is.&state={{state}}"));
        assert_eq!(error.code, code::AUTHORIZATION);
        assert_eq!(error.provider_type.as_deref(), Some(kind));
        assert!(error.message.contains("So it is."), "{}", error.message);
    }
}

#[test]
fn an_error_beats_a_code() {
    let error = refused("code=1&state={state}&error=access_denied");
    assert_eq!(error.code, code::ACCESS_DENIED);
}

#[test]
fn a_state_that_is_wrong_beats_an_error() {
    let error = refused("error=access_denied&state=WRONG");
    assert_eq!(error.code, code::STATE_MISMATCH);
}

#[test]
fn a_redirect_with_neither_code_nor_error_is_authorization() {
    for redirect in ["state={state}", "code=&state={state}", "code&state={state}"] {
        assert_eq!(refused(redirect).code, code::AUTHORIZATION, "{redirect}");
    }
}

#[test]
fn what_the_redirect_says_is_one_clean_line() {
    let error = refused(
        "error=odd%1B%5B31m%0D%0Akind&error_description=a%00b%07c%0Ad%1B%5B0m&state={state}",
    );
    assert_eq!(error.code, code::AUTHORIZATION);
    assert!(!error.all_text().contains(['\u{1b}', '\u{7}', '\r']), "{error:?}");
    assert!(!error.message.contains('\n'), "{error:?}");
}

#[test]
fn a_verifier_in_the_redirect_is_not_repeated() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap().session;
    let fields = json(&session);
    let (state, verifier) =
        (fields["state"].as_str().unwrap(), fields["verifier"].as_str().unwrap());
    let redirect = format!("error={verifier}&error_description=is+{verifier}&state={state}");
    let error = error_of(app.step_two(&session, &redirect, &Saver::new()));
    assert!(!error.all_text().contains(verifier));
}

/// RFC 9207: compared character by character. A provider that sends none is taken for another one
/// where there is one.
#[test]
fn an_issuer_other_than_the_providers_is_refused_before_any_request() {
    for issuer in [
        "https://www.fitbit.com",
        "https://accounts.google.com/",
        "https://accounts.google.com.example",
        "https://accounts.google.co",
        "https://ACCOUNTS.google.com",
        "http://accounts.google.com",
        "accounts.google.com",
        "x",
    ] {
        for answer in ["code=1", "error=access_denied"] {
            let redirect = format!("{answer}&state={{state}}&iss={issuer}");
            let error = refused_by_the_real_provider(&redirect);
            assert_eq!(error.code, code::STATE_MISMATCH, "{redirect}");
        }
    }
    let without = refused_by_the_real_provider("error=access_denied&state={state}");
    assert_eq!(without.code, code::ACCESS_DENIED);
}

/// Which issuer it is, only the providers that send one differ in.
#[test]
fn the_issuer_is_the_providers_own_or_none() {
    let issuer = "https://accounts.google.com";
    let expected =
        if DIALECT.issuer == Some(issuer) { code::ACCESS_DENIED } else { code::STATE_MISMATCH };
    for written in [issuer, "https%3A%2F%2Faccounts.google.com"] {
        let redirect = format!("error=access_denied&state={{state}}&iss={written}");
        assert_eq!(refused_by_the_real_provider(&redirect).code, expected, "{redirect}");
    }
}

#[test]
fn an_issuer_is_not_looked_at_where_the_authorize_endpoint_is_overridden() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let own: Vec<_> = query(&redirect).split('&').filter(|f| !f.starts_with("iss=")).collect();
    let redirect = format!("/callback?iss=https%3A%2F%2Fmy.example&{}", own.join("&"));
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
}
