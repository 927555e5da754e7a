//! 410 Gone. From Fitbit's token endpoint, and from its API without Fitbit's own error, it means that
//! Fitbit was switched off. With Fitbit's own error it means that one resource is gone. Google's means
//! nothing in particular.

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Error, Saver, code};
use serde_json::json;

use crate::providers::{BOTH, FITBIT, Folder, GOOGLE, field, read};

/// 410 with any body: what the token endpoint means, whatever it says of the token.
fn gone() -> Vec<FaultKind> {
    [gone_without_fitbits_own_error(), gone_with_fitbits_own_error()].concat()
}

fn gone_without_fitbits_own_error() -> Vec<FaultKind> {
    let raw = |body: &str| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 410 Gone\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        FaultKind::Raw(head.into_bytes())
    };
    vec![
        FaultKind::Status410,
        raw(""),
        raw("Gone"),
        raw(r#"{"errors":[{"errorType":"gone""#),
        FaultKind::Json(410, json!({})),
        FaultKind::Json(410, json!({"errors": []})),
        FaultKind::Json(410, json!({"errors": [{"message": "Off."}]})),
        FaultKind::Json(410, json!({"errors": [{"errorType": ""}]})),
        FaultKind::Json(410, json!({"error": "invalid_token"})),
        FaultKind::Json(410, json!({"error": {"status": "UNAUTHENTICATED"}})),
    ]
}

fn gone_with_fitbits_own_error() -> Vec<FaultKind> {
    vec![
        FaultKind::Json(410, json!({"errors": [{"errorType": "gone", "message": "Off."}]})),
        FaultKind::Json(410, json!({"errors": [{"errorType": "expired_token"}]})),
        FaultKind::Json(410, json!({"errors": [{"errorType": "invalid_grant"}]})),
    ]
}

#[track_caller]
fn assert_retired<T>(outcome: Result<T, Error>, kind: &FaultKind) {
    let error = outcome.err().expect("it is gone");
    assert_eq!(
        (error.code, error.http_status),
        (code::PROVIDER_RETIRED, 410),
        "{kind:?} {error:?}"
    );
    let named = error.message.contains("Google Health API");
    assert!(named && error.message.contains("FITBIT_PROVIDER_GOOGLE_HEALTH"), "{error:?}");
}

#[track_caller]
fn assert_only(simulator: &Simulator, target: Target, kind: &FaultKind) {
    assert_eq!(simulator.requests(target), 1, "{kind:?}");
    assert_eq!(simulator.requests(Target::Any), 1, "{kind:?}");
}

#[test]
fn a_request_is_not_repeated_and_the_token_is_kept() {
    for kind in gone_without_fitbits_own_error() {
        let simulator = provider();
        let saver = Saver::new();
        let client = FITBIT.client_with(&simulator, 3600, &saver);
        simulator.fault(Fault::always(Target::Api, kind.clone()));
        assert_retired(client.get(FITBIT.path), &kind);
        assert_only(&simulator, Target::Api, &kind);
        assert_retired(client.post(FITBIT.path, None), &kind);
        assert_retired(client.delete(FITBIT.path), &kind);
        simulator.clear_faults();
        assert_eq!(client.get(FITBIT.path).unwrap().status, 200);
        assert!(saver.offered().is_empty() && simulator.requests(Target::Refresh) == 0);
    }
}

#[test]
fn fitbits_own_error_for_one_path_does_not_mean_that_fitbit_is_retired() {
    for kind in gone_with_fitbits_own_error() {
        let simulator = provider();
        let saver = Saver::new();
        let client = FITBIT.client_with(&simulator, 3600, &saver);
        simulator.fault(Fault::always(Target::Api, kind.clone()));
        for outcome in
            [client.get(FITBIT.path), client.post(FITBIT.path, None), client.delete(FITBIT.path)]
        {
            let error = outcome.expect_err("the path is gone");
            assert_eq!((error.code, error.http_status), (code::HTTP, 410), "{kind:?} {error:?}");
            assert!(error.provider_type.is_some(), "{error:?}");
            assert!(!error.message.contains("switched off"), "{error:?}");
        }
        assert_eq!(simulator.requests(Target::Any), 3, "none is repeated: {kind:?}");
        simulator.clear_faults();
        assert_eq!(client.get(FITBIT.path).unwrap().status, 200);
        assert!(saver.offered().is_empty() && simulator.requests(Target::Refresh) == 0);
    }
}

#[test]
fn a_renewal_is_not_repeated_and_the_refresh_token_is_not_dead() {
    for kind in gone() {
        let simulator = provider();
        let saver = Saver::new();
        let client = FITBIT.client_with(&simulator, -10, &saver);
        let token = client.token();
        simulator.fault(Fault::always(Target::Refresh, kind.clone()));
        assert_retired(client.get(FITBIT.path), &kind);
        assert_only(&simulator, Target::Refresh, &kind);
        assert_retired(client.refresh(), &kind);
        assert_eq!(client.token(), token);
        simulator.clear_faults();
        assert_eq!(client.get(FITBIT.path).unwrap().status, 200, "{kind:?}");
        assert_eq!((saver.offered().len(), simulator.requests(Target::Refresh)), (1, 3));
    }
}

#[test]
fn a_token_file_keeps_its_token() {
    let (simulator, folder) = (provider(), Folder::new());
    let path = folder.login(&FITBIT, &simulator);
    let client = FITBIT.app(&simulator).from_file(&path).unwrap();
    let before = read(&path);
    simulator.settings(|settings| settings.retired = true);
    assert_retired(client.refresh(), &FaultKind::Status410);
    // The page is not Fitbit's own error: what became of the refresh token is not known.
    let kept = read(&path);
    for name in ["access_token", "refresh_token", "expires_at"] {
        assert_eq!(field(&kept, name), field(&before, name));
    }
    assert!(kept.contains("renewing_since"));
    simulator.settings(|settings| settings.retired = false);
    client.refresh().unwrap();
    assert_ne!(field(&read(&path), "refresh_token"), field(&before, "refresh_token"));
}

#[test]
fn a_token_that_still_lasts_is_used_although_it_cannot_be_renewed() {
    let simulator = provider();
    let client = FITBIT.client_with(&simulator, 30, &Saver::new());
    simulator.fault(Fault::always(Target::Refresh, FaultKind::Status410));
    assert_eq!(client.get(FITBIT.path).unwrap().status, 200);
}

#[test]
fn an_exchange_says_it_too_and_is_sent_once() {
    for kind in gone() {
        let simulator = provider();
        let app = FITBIT.app(&simulator);
        let session = app.step_one(None).unwrap();
        let redirect = simulator.visit(&session.authorization_uri, Decision::Grant).unwrap();
        simulator.reset_counts();
        simulator.fault(Fault::always(Target::Exchange, kind.clone()));
        let saver = Saver::new();
        assert_retired(app.step_two(&session.session, &redirect, &saver), &kind);
        assert_only(&simulator, Target::Exchange, &kind);
        assert!(saver.offered().is_empty());
    }
}

#[test]
fn a_revocation_says_it_too_and_the_login_lives() {
    for kind in gone() {
        let simulator = provider();
        let client = FITBIT.client(&simulator);
        simulator.fault(Fault::always(Target::Revoke, kind.clone()));
        assert_retired(client.revoke(), &kind);
        assert_only(&simulator, Target::Revoke, &kind);
        simulator.clear_faults();
        assert_eq!(client.get(FITBIT.path).unwrap().status, 200, "{kind:?}");
        client.revoke().unwrap();
    }
}

#[test]
fn googles_410_is_http_wherever_it_comes_from() {
    let kind = FaultKind::Status410;
    let simulator = provider();
    let app = GOOGLE.app(&simulator);
    let client = app.from_token(&GOOGLE.token(&simulator, 3600), &Saver::new()).unwrap();
    for target in [Target::Api, Target::Refresh, Target::Revoke, Target::Exchange] {
        simulator.fault(Fault::always(target, kind.clone()));
    }
    let session = app.step_one(None).unwrap();
    let redirect = simulator.visit(&session.authorization_uri, Decision::Grant).unwrap();
    simulator.reset_counts();
    for outcome in [
        client.get(GOOGLE.path).map(drop),
        client.refresh(),
        client.revoke(),
        app.step_two(&session.session, &redirect, &Saver::new()).map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!((error.code, error.http_status), (code::HTTP, 410), "{error:?}");
        assert!(!error.message.contains("switched off"), "{error:?}");
    }
    assert_eq!(simulator.requests(Target::Any), 4);
    simulator.clear_faults();
    client.get(GOOGLE.path).unwrap();
    client.refresh().unwrap();
}

#[test]
fn the_whole_of_fitbit_can_be_gone_while_google_goes_on() {
    let simulator = provider();
    let clients = BOTH.map(|of| (of.client(&simulator), of));
    simulator.settings(|settings| settings.retired = true);
    let answers = clients.map(|(client, of)| client.get(of.path).map_err(|error| error.code));
    let answers = answers.map(|answer| answer.map(|response| response.status));
    assert_eq!(answers, [Err(code::PROVIDER_RETIRED), Ok(200)]);
}
