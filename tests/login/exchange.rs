//! The one request of step two: what it says, that it goes out once, what its failures mean.

use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{App, Saver, code};
use serde_json::json;

use super::steps::{
    body, error_of, field, granted, log_in, log_in_under, query, shows_no_secret, token_requests,
    with_field,
};
use super::world::{DIALECT, PROFILE, USER, app, provider, saved_token};

#[test]
fn the_exchange_says_what_rfc_6749_and_rfc_7636_ask_for_and_nothing_else() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    let requests = token_requests(&provider);
    let mut fields = body(&requests[0]);
    if !DIALECT.basic {
        for (name, value) in
            [("client_id", DIALECT.client_id), ("client_secret", DIALECT.client_secret)]
        {
            let sent = fields.iter().position(|field| *field == (name.into(), value.into()));
            fields.remove(sent.expect("it is in the body"));
        }
    }
    fields.sort();
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "code_verifier", "grant_type", "redirect_uri"]);
    assert_eq!(fields[0].1, field(query(&redirect), "code").unwrap());
    assert_eq!(fields[2].1, "authorization_code");
    assert_eq!(requests.len(), 1);
}

#[test]
fn it_goes_out_on_a_fresh_connection() {
    let provider = provider();
    let app = app(&provider);
    let kept_alive = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    kept_alive.get(PROFILE).unwrap();
    kept_alive.refresh().unwrap();
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    provider.reset_counts();
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    assert_eq!(provider.connections(), 1);
}

/// Logs in under a fault: the error's code, after exactly one request.
#[track_caller]
fn failure(app: &App, provider: &Simulator, kind: FaultKind) -> u32 {
    provider.reset_counts();
    let name = format!("{kind:?}");
    let error = error_of(log_in_under(provider, app, kind));
    assert_eq!(provider.requests(Target::Exchange), 1, "{name}");
    assert!(error.message.ends_with("; start again at step one"), "{name}: {}", error.message);
    shows_no_secret(&error, provider);
    error.code
}

#[test]
fn a_lost_answer_is_never_asked_for_again() {
    let provider = provider();
    let app = app(&provider);
    for (kind, expected) in [
        (FaultKind::CloseBeforeRead, code::NETWORK),
        (FaultKind::ResetBeforeRead, code::NETWORK),
        (FaultKind::CloseAfterRead, code::NETWORK),
        (FaultKind::ResetAfterRead, code::NETWORK),
        (FaultKind::TruncatedBody, code::NETWORK),
        (FaultKind::EmptyBody, code::PROTOCOL),
        (FaultKind::MalformedJson, code::PROTOCOL),
        (FaultKind::OkWithErrorInside, code::PROTOCOL),
        (FaultKind::OkWithoutAccessToken, code::PROTOCOL),
        (FaultKind::EndlessBody, code::PROTOCOL),
        (FaultKind::EndlessHeaders, code::PROTOCOL),
        (FaultKind::GzipBomb, code::PROTOCOL),
        (FaultKind::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), code::PROTOCOL),
        (FaultKind::Status409, code::HTTP),
        (FaultKind::Status500, code::HTTP),
        (FaultKind::Status502, code::HTTP),
        (FaultKind::Status503, code::HTTP),
        (FaultKind::LostAnswer503, code::HTTP),
    ] {
        let name = format!("{kind:?}");
        assert_eq!(failure(&app, &provider, kind), expected, "{name}");
    }
}

#[test]
fn an_answer_that_takes_too_long_is_a_timeout_and_never_asked_for_again() {
    std::thread::scope(|scope| {
        for kind in [FaultKind::Stall, FaultKind::StallBeforeAnswer, FaultKind::SlowDrip(100)] {
            scope.spawn(|| {
                let provider = provider();
                let app = app(&provider);
                app.set_timeout_ms(1500).unwrap();
                assert_eq!(failure(&app, &provider, kind), code::TIMEOUT);
            });
        }
    });
}

#[test]
fn each_refusal_has_the_code_that_says_what_to_do() {
    let provider = provider();
    let app = app(&provider);
    for (kind, expected) in [
        (FaultKind::Status400InvalidGrant, code::AUTHORIZATION),
        (FaultKind::Status400Rfc6749, code::AUTHORIZATION),
        (FaultKind::Status401InvalidClient, code::INVALID_CLIENT),
        ((DIALECT.too_many_requests)(30), code::RATE_LIMITED),
        (FaultKind::Status410, if DIALECT.retires { code::PROVIDER_RETIRED } else { code::HTTP }),
        (FaultKind::Status404, code::HTTP),
        (FaultKind::EchoSecrets, code::HTTP),
        (FaultKind::ControlCharacters, code::HTTP),
        (FaultKind::Redirect307("http://127.0.0.1:9".to_owned()), code::HTTP),
        (FaultKind::Json(401, json!({"error": "unauthorized_client"})), code::INVALID_CLIENT),
    ] {
        let name = format!("{kind:?}");
        assert_eq!(failure(&app, &provider, kind), expected, "{name}");
    }
}

#[test]
fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let (provider, other) = (provider(), provider());
    let app = app(&provider);
    for kind in [FaultKind::RedirectTo, FaultKind::Redirect307] {
        let error = error_of(log_in_under(&provider, &app, kind(other.uri().to_owned())));
        assert_eq!(error.code, code::HTTP);
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn how_long_to_wait_after_429_is_told() {
    let provider = provider();
    let error = error_of(log_in_under(&provider, &app(&provider), (DIALECT.too_many_requests)(30)));
    assert_eq!(error.retry_after, 31);
    assert_eq!(error.http_status, 429);
}

#[test]
fn a_wrong_verifier_is_authorization_and_is_not_shown() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let wrong = "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong";
    let forged = with_field(&session.session, "verifier", wrong);
    let error = error_of(app.step_two(&forged, &redirect, &Saver::new()));
    assert_eq!(error.code, code::AUTHORIZATION);
    assert_eq!(error.provider_type.as_deref(), Some("invalid_grant"));
    assert_eq!(error.http_status, 400);
    shows_no_secret(&error, &provider);
}

#[test]
fn a_code_works_once() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    let error = error_of(app.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::AUTHORIZATION);
    assert_eq!(provider.replayed_codes(), 1);
    shows_no_secret(&error, &provider);
}

#[test]
fn an_expired_code_is_authorization() {
    let provider = provider();
    provider.settings(|settings| settings.code_life = Duration::ZERO);
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let error = error_of(app.step_two(&session.session, &redirect, &Saver::new()));
    assert_eq!(error.code, code::AUTHORIZATION);
    shows_no_secret(&error, &provider);
}

#[test]
fn a_token_under_a_wrong_content_type_is_not_thrown_away() {
    let provider = provider();
    let client = log_in_under(&provider, &app(&provider), FaultKind::WrongContentType).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
}

#[test]
fn a_slow_answer_is_waited_for() {
    let provider = provider();
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(300)));
    log_in(&provider, &app(&provider), &Saver::new());
    assert_eq!(provider.requests(Target::Exchange), 1);
}

#[test]
fn a_token_that_cannot_be_used_sends_the_person_back_to_step_one() {
    let provider = provider();
    let app = app(&provider);
    let kind = FaultKind::Json(200, json!({ "access_token": "a", "token_type": "mac" }));
    assert_eq!(failure(&app, &provider, kind), code::PROTOCOL);
}
