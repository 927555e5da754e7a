//! What ends a login and what does not, and what a client whose login has ended still does.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code, rest};
use serde_json::{Value, json};

use super::scene::{answer_next_refresh, client_of, client_with, hasty_app};
use super::world::{DIALECT, PERSON, PROFILE, app, named_token, provider, raw_token, saved_token};

fn both_shapes() -> [FaultKind; 2] {
    [FaultKind::Status400InvalidGrant, FaultKind::Status400Rfc6749]
}

#[test]
fn invalid_grant_in_either_shape_ends_it_and_nobody_is_asked_again() {
    for kind in both_shapes() {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, kind));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::REAUTHORIZE, 400));
        assert_eq!(error.provider_type.as_deref(), Some("invalid_grant"));
        for _ in 0..3 {
            assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
            assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
        }
        assert_eq!(provider.requests(Target::Refresh), 1);
        assert_eq!(provider.requests(Target::Api), 0);
    }
}

#[test]
fn an_access_token_that_still_lasts_outlives_the_refresh_token() {
    for kind in both_shapes() {
        let provider = provider();
        let client = client_with(&provider, 3600, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, kind));
        assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
        for _ in 0..3 {
            assert_eq!(client.get(PROFILE).unwrap().status, 200);
        }
        provider.expire_access_tokens();
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
        assert_eq!(provider.requests(Target::Refresh), 1);
    }
}

#[test]
fn a_person_who_withdrew_the_app_has_to_log_in_again() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    provider.revoke_user(PERSON);
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn without_a_refresh_token_nothing_is_asked() {
    // Fault 12 of the Python seed: it sends a refresh request without one.
    for nothing in [None, Some(Value::Null), Some("".into())] {
        let provider = provider();
        let mut token: Value = serde_json::from_str(&saved_token(&provider, -10)).unwrap();
        token.as_object_mut().unwrap().remove("refresh_token");
        if let Some(nothing) = nothing {
            token["refresh_token"] = nothing;
        }
        let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
        assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
        assert_eq!(provider.requests(Target::Any), 0);
    }
}

#[test]
fn a_good_access_token_without_a_refresh_token_is_used_to_its_last_second() {
    let provider = provider();
    let mut token: Value = serde_json::from_str(&saved_token(&provider, 20)).unwrap();
    token.as_object_mut().unwrap().remove("refresh_token");
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn invalid_grant_from_a_server_in_trouble_does_not_end_it() {
    let fitbits = json!({ "errors": [{ "errorType": "invalid_grant", "message": "no" }] });
    let oauths = json!({ "error": "invalid_grant" });
    std::thread::scope(|scope| {
        for said in [fitbits, oauths] {
            for status in [200, 409, 429, 500, 502, 503] {
                let fault = Fault::always(Target::Refresh, FaultKind::Json(status, said.clone()));
                scope.spawn(move || assert_lives_on_after(&fault));
            }
        }
    });
}

fn assert_lives_on_after(fault: &Fault) {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, 1000), &provider, -10, &Saver::new());
    provider.fault(fault.clone());
    assert_ne!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE, "{fault:?}");
    provider.clear_faults();
    rest();
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "{fault:?}");
}

/// What passes is asked for again, whatever the status; the same words without a body are nobody's.
#[test]
fn a_passing_fault_of_the_provider_is_asked_for_again() {
    for word in ["internal_failure", "server_error", "temporarily_unavailable"] {
        for status in [400, 403, 503] {
            let provider = provider();
            let client = client_with(&provider, -10, &Saver::new());
            let kind = FaultKind::Json(status, json!({ "error": word }));
            provider.fault(Fault::once(Target::Refresh, kind));
            assert_eq!(client.get(PROFILE).unwrap().status, 200, "{word}, {status}");
            assert_eq!(provider.requests(Target::Refresh), 2, "{word}, {status}");
        }
    }
}

/// Only the provider's own body ends a login: a gateway can add a header to its page.
#[test]
fn invalid_grant_in_a_header_alone_does_not_end_it() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    let head = "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error=\"invalid_grant\"\r\n";
    let response = format!("{head}Content-Length: 0\r\n\r\n");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Raw(response.into())));
    assert_eq!(client.refresh().unwrap_err().code, code::HTTP);
    client.refresh().unwrap();
}

#[test]
fn a_refused_client_keeps_the_login() {
    let oauths = FaultKind::Json(401, json!({ "error": "invalid_client" }));
    for kind in [FaultKind::Status401InvalidClient, oauths] {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, kind));
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::INVALID_CLIENT);
        assert_eq!(provider.requests(Target::Refresh), 1);
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
}

#[test]
fn too_many_renewals_say_how_long_to_wait() {
    for (kind, seconds) in [
        ((DIALECT.too_many_requests)(30), 31),
        (FaultKind::Status429RetryAfter(40), 41),
        (FaultKind::Status429Bare, -1),
        (FaultKind::Status429Malformed, -1),
    ] {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, kind.clone()));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::RATE_LIMITED, 429));
        // "Plus a second", where the provider said anything.
        assert!(error.retry_after == seconds, "{kind:?}: {}", error.retry_after);
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
}

#[test]
fn a_410_is_not_asked_for_twice_and_ends_nothing() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status410));
    let error = client.get(PROFILE).unwrap_err();
    let expected = if DIALECT.retires { code::PROVIDER_RETIRED } else { code::HTTP };
    assert_eq!((error.code, error.http_status), (expected, 410));
    assert_eq!(provider.requests(Target::Refresh), 1);
    provider.clear_faults();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_token_that_cannot_be_used_is_neither_kept_nor_offered() {
    let changes: [fn(&mut Value); 4] = [
        |token| token["user_id"] = "SOMEBODY".into(),
        |token| token["token_type"] = "mac".into(),
        |token| token["access_token"] = "two words".into(),
        |token| token["access_token"] = "line\nbreak".into(),
    ];
    for change in changes {
        let (provider, saver) = (provider(), Saver::new());
        let client = app(&provider).from_token(&named_token(&provider, 3600), &saver).unwrap();
        let before = client.token();
        answer_next_refresh(&provider, change);
        assert_eq!(client.refresh().unwrap_err().code, code::PROTOCOL);
        assert_eq!((client.token(), saver.offered().len()), (before, 0));
    }
}

#[test]
fn a_dead_login_does_not_end_another_one_of_the_same_app() {
    let provider = provider();
    let app = app(&provider);
    let dead = client_of(&app, &provider, -10, &Saver::new());
    let alive = app.from_token(&raw_token(&provider).to_string(), &Saver::new()).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    assert_eq!(dead.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(alive.get(PROFILE).unwrap().status, 200);
}
