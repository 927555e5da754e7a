//! What the Python original, fitbit_api 2.0.0, does wrong in a login, each shown to be gone.
//!
//! The numbers are those of its faults as they were measured. Number 7, integers as parts of a
//! path, cannot be written in C: a path is a text.

use std::time::Duration;

use fitbit_simulator::{
    DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Decision, Fault, FaultKind, Target,
};
use fitbit_test_support::world::{PROFILE, app, provider, raw_token, saved_token};
use fitbit_test_support::{App, Saver, code};

use crate::steps::{body, error_of, granted, json, log_in, log_in_under, token_requests};

const SLEEP: &str = "/1.2/user/-/sleep/date/today.json";

/// Fault 1: the state was thrown away, and `state=WRONG` exchanged happily.
#[test]
fn fault_1_a_state_of_somebody_elses_exchanges_nothing() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let state = json(&session.session)["state"].as_str().unwrap().to_owned();
    let forged = redirect.replace(&state, "WRONG");
    let error = error_of(app.step_two(&session.session, &forged, &Saver::new()));
    assert_eq!(error.code, code::STATE_MISMATCH);
    assert_eq!(provider.requests(Target::Exchange), 0);
}

/// Fault 8: every method but two asked for all nine scopes, and looked at what was requested
/// instead of what was granted.
#[test]
fn fault_8_a_request_needs_only_the_scope_that_the_provider_asks_for() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("sleep").unwrap();
    let client = log_in(&provider, &app, &Saver::new());
    assert_eq!(client.get(SLEEP).unwrap().status, 200);
    let error = error_of(client.get(PROFILE));
    assert_eq!(error.code, code::INSUFFICIENT_SCOPE);
    assert_eq!(error.http_status, 403, "the provider decides, not the library");
}

/// Fault 8, the other half: a token that was granted more than this app asks for.
#[test]
fn fault_8_what_was_granted_counts_and_not_what_is_asked_for() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("weight").unwrap();
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.get(SLEEP).unwrap().status, 200);
}

/// Fault 9: an unticked scope raised a warning out of step two; the code was burnt, the token
/// lost, the callback not called.
#[test]
fn fault_9_a_scope_that_the_person_unticked_costs_nothing() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let ticked = Decision::GrantScopes(vec!["sleep".to_owned(), "profile".to_owned()]);
    let redirect = provider.visit(&session.authorization_uri, ticked).unwrap();
    let saver = Saver::new();
    let client = app.step_two(&session.session, &redirect, &saver).unwrap();
    assert_eq!(saver.offered().len(), 1);
    assert_eq!(client.token_field("scope").as_deref(), Some("profile sleep"));
    client.refresh().unwrap();
    assert_eq!(client.get(SLEEP).unwrap().status, 200);
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

/// Fault 12: without a refresh token a request to renew went out all the same.
#[test]
fn fault_12_without_a_refresh_token_nobody_is_asked_for_a_renewal() {
    let provider = provider();
    let mut token = raw_token(&provider);
    token.as_object_mut().unwrap().remove("refresh_token");
    token["expires_at"] = 1_581_379_200.into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(error_of(client.refresh()).code, code::REAUTHORIZE);
    assert_eq!(error_of(client.get(PROFILE)).code, code::REAUTHORIZE);
    assert_eq!(provider.connections(), 0);
}

/// Fault 14: no timeout, no user agent, no base address, no units of one's own.
#[test]
fn fault_14_a_provider_that_never_answers_is_not_waited_for_without_end() {
    let provider = provider();
    let app = app(&provider);
    app.set_timeout_ms(300).unwrap();
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    provider.fault(Fault::once(Target::Exchange, FaultKind::StallBeforeAnswer));
    let start = std::time::Instant::now();
    let error = error_of(app.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::TIMEOUT);
    // The provider would keep the connection open for a minute.
    assert!(start.elapsed() < Duration::from_secs(30));
}

/// Fault 14, the rest of it.
#[test]
fn fault_14_user_agent_base_address_and_units_are_the_programs() {
    let provider = provider();
    let app = app(&provider);
    app.set_header("User-Agent", Some("sleepwell/2.1")).unwrap();
    app.set_header("Accept-Language", Some("en_US")).unwrap();
    let client = log_in(&provider, &app, &Saver::new());
    client.get(PROFILE).unwrap();
    let log = provider.log();
    let of_library: Vec<_> =
        log.iter().filter(|entry| entry.header("user-agent").is_some()).collect();
    assert_eq!(of_library.len(), 2, "the exchange and the request");
    assert!(of_library.iter().all(|entry| entry.header("user-agent") == Some("sleepwell/2.1")));
    assert_eq!(of_library[0].header("accept-language"), None);
    assert_eq!(of_library[1].header("accept-language"), Some("en_US"));
}

/// Fault 15: a redirect to plain http was refused unless a variable of the environment was set.
#[test]
fn fault_15_a_callback_on_this_machine_needs_no_https() {
    let provider = provider();
    for callback_uri in [DEMO_REDIRECT_URIS[0], DEMO_REDIRECT_URIS[1]] {
        assert!(callback_uri.starts_with("http://"));
        let app = App::at(provider.uri(), DEMO_SERVER_ID, Some(DEMO_SERVER_SECRET), callback_uri);
        log_in(&provider, &app, &Saver::new());
        let exchange = body(token_requests(&provider).last().unwrap());
        assert!(exchange.contains(&("redirect_uri".to_owned(), callback_uri.to_owned())));
    }
}
