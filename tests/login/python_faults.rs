//! What the Python original, fitbit_api 2.0.0, does wrong in a login, each shown to be gone.
//!
//! The numbers are those of its faults as they were measured. Number 7, integers as parts of a
//! path, cannot be written in C: a path is a text. Number 10 is about Fitbit's own shape of an
//! error, and stands in `of_fitbit`.

use std::time::Duration;

use fitbit_simulator::{DEMO_REDIRECT_URIS, Decision, Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::steps::{body, error_of, granted, json, log_in, token_requests};
use super::world::{DIALECT, PROFILE, app, app_at, provider, raw_token, saved_token};

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
    app.set_scopes(DIALECT.sleep_scope).unwrap();
    let client = log_in(&provider, &app, &Saver::new());
    assert_eq!(client.get(DIALECT.sleep).unwrap().status, 200);
    let error = error_of(client.get(PROFILE));
    assert_eq!(error.code, code::INSUFFICIENT_SCOPE);
    assert_eq!(error.http_status, 403, "the provider decides, not the library");
}

/// Fault 8, the other half: a token that was granted more than this app asks for.
#[test]
fn fault_8_what_was_granted_counts_and_not_what_is_asked_for() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes(DIALECT.profile_scope).unwrap();
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.get(DIALECT.sleep).unwrap().status, 200);
}

/// Fault 9: an unticked scope raised a warning out of step two; the code was burnt, the token
/// lost, the callback not called.
#[test]
fn fault_9_a_scope_that_the_person_unticked_costs_nothing() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let ticked = Decision::GrantScopes(vec![
        DIALECT.sleep_scope.to_owned(),
        DIALECT.profile_scope.to_owned(),
    ]);
    let redirect = provider.visit(&session.authorization_uri, ticked).unwrap();
    let saver = Saver::new();
    let client = app.step_two(&session.session, &redirect, &saver).unwrap();
    assert_eq!(saver.offered().len(), 1);
    let scope = client.token_field("scope").unwrap();
    let mut granted: Vec<_> = scope.split(' ').collect();
    granted.sort_unstable();
    assert_eq!(granted, [DIALECT.profile_scope, DIALECT.sleep_scope]);
    client.refresh().unwrap();
    assert_eq!(client.get(DIALECT.sleep).unwrap().status, 200);
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
    for callback_uri in [DIALECT.callback_uri, DEMO_REDIRECT_URIS[1]] {
        assert!(callback_uri.starts_with("http://"));
        let app =
            app_at(provider.uri(), DIALECT.client_id, Some(DIALECT.client_secret), callback_uri);
        log_in(&provider, &app, &Saver::new());
        let exchange = body(token_requests(&provider).last().unwrap());
        assert!(exchange.contains(&("redirect_uri".to_owned(), callback_uri.to_owned())));
    }
}
