//! Ending a login: what is sent to the provider, what counts as done, and what does not.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{App, Error, Saver, code, in_parallel};
use serde_json::json;

use crate::providers::{
    BOTH, FITBIT, GOOGLE, Provider, field, form_field, revocations, revoked_tokens, with,
};

/// `FitbitClientAuth`.
const AUTO: u32 = 0;
const BASIC: u32 = 1;
const BODY: u32 = 2;
const NONE: u32 = 3;

/// `token=` is checked apart from these.
fn names_sent(body: &[u8]) -> Vec<&str> {
    let body = std::str::from_utf8(body).unwrap();
    body.split('&').map(|pair| pair.split('=').next().unwrap()).collect()
}

#[track_caller]
pub fn assert_over<T>(outcome: Result<T, Error>) {
    let error = outcome.err().expect("the login is over");
    assert_eq!(error.code, code::REAUTHORIZE, "{error:?}");
}

/// A revocation that the simulator does not look at: what was sent is all that matters.
fn sent_by(simulator: &Simulator, app: App, of: &Provider) -> (Option<String>, Vec<u8>) {
    simulator.fault(Fault::once(Target::Revoke, FaultKind::Json(200, json!({}))));
    let client = app.from_token(&of.token(simulator, 3600), &Saver::new()).unwrap();
    let refresh_token = client.token_field("refresh_token");
    client.revoke().unwrap();
    let sent = revocations(simulator).pop().unwrap();
    assert_eq!(form_field(&sent.body, "token"), refresh_token);
    assert_eq!(sent.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(sent.method, "POST");
    (sent.header("authorization").map(str::to_owned), sent.body)
}

#[test]
fn the_provider_forgets_the_login() {
    for of in BOTH {
        let simulator = provider();
        let token = of.token(&simulator, 3600);
        let (app, saver) = (of.app(&simulator), Saver::new());
        let (client, other) =
            (app.from_token(&token, &saver).unwrap(), app.from_token(&token, &saver).unwrap());
        other.get(of.path).unwrap();
        client.revoke().unwrap();
        assert_over(other.get(of.path));
        assert_eq!(revoked_tokens(&simulator), [field(&token, "refresh_token").unwrap()]);
    }
}

#[test]
fn fitbit_is_told_which_application_asks_in_the_way_that_the_app_was_set_to() {
    let simulator = provider();
    for (method, secret, basic, names) in [
        (AUTO, Some(FITBIT.client_secret), true, &["token"][..]),
        (BASIC, Some(FITBIT.client_secret), true, &["token"]),
        (BODY, Some(FITBIT.client_secret), false, &["token", "client_id", "client_secret"]),
        (NONE, Some(FITBIT.client_secret), false, &["token", "client_id"]),
        (AUTO, None, false, &["token", "client_id"]),
    ] {
        let app = FITBIT.app_with_secret(simulator.uri(), secret);
        app.set_client_auth(method).unwrap();
        let (authorization, body) = sent_by(&simulator, app, &FITBIT);
        assert_eq!(names_sent(&body), names, "method {method}");
        let expected = "Basic MjJTUlZSOjVlMmY3ZTdhOTBjMTRkMWI4YTZkM2IwZjRjOWUxYTI3";
        assert_eq!(authorization.as_deref(), basic.then_some(expected), "method {method}");
        if names.contains(&"client_id") {
            assert_eq!(form_field(&body, "client_id").unwrap(), FITBIT.client_id);
        }
        if names.contains(&"client_secret") {
            assert_eq!(form_field(&body, "client_secret").unwrap(), FITBIT.client_secret);
        }
    }
}

#[test]
fn google_is_sent_the_token_and_nothing_else() {
    let simulator = provider();
    for method in [AUTO, BASIC, BODY, NONE] {
        let app = GOOGLE.app(&simulator);
        app.set_client_auth(method).unwrap();
        let (authorization, body) = sent_by(&simulator, app, &GOOGLE);
        assert_eq!((authorization, names_sent(&body)), (None, vec!["token"]), "method {method}");
    }
}

#[test]
fn without_a_refresh_token_the_access_token_is_sent() {
    for of in BOTH {
        let simulator = provider();
        let token = with(&of.token(&simulator, 3600), "refresh_token", None);
        let client = of.app(&simulator).from_token(&token, &Saver::new()).unwrap();
        client.revoke().unwrap();
        assert_eq!(revoked_tokens(&simulator), [field(&token, "access_token").unwrap()]);
        assert_over(client.get(of.path));
    }
}

#[test]
fn in_place_of_a_dead_refresh_token_the_access_token_is_sent() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
        assert_over(client.refresh());
        client.revoke().unwrap();
        let access_token = client.token_field("access_token").unwrap();
        assert_eq!(revoked_tokens(&simulator), [access_token]);
    }
}

#[test]
fn a_token_that_the_provider_does_not_know_any_more_counts_as_revoked() {
    let fitbit = |kind| json!({"errors": [{"errorType": kind, "message": "no"}], "success": false});
    let rfc6749 = |kind| json!({"error": kind, "error_description": "no"});
    for of in BOTH {
        for (status, kind) in [
            (400, "invalid_token"),
            (401, "invalid_token"),
            (400, "invalid_grant"),
            (401, "invalid_grant"),
            (401, "expired_token"),
        ] {
            for body in [fitbit(kind), rfc6749(kind)] {
                let simulator = provider();
                let client = of.client(&simulator);
                simulator.fault(Fault::always(Target::Revoke, FaultKind::Json(status, body)));
                client.revoke().unwrap();
                client.revoke().unwrap();
                assert_over(client.get(of.path));
                assert_eq!(simulator.requests(Target::Any), 1, "{status} {kind}");
            }
        }
    }
}

#[test]
fn a_login_that_somebody_else_has_ended_can_be_revoked() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        simulator.revoke_user("26FWFL");
        client.revoke().unwrap();
        assert_over(client.get(of.path));
    }
}

#[test]
fn what_was_not_carried_out_is_reported_leaves_the_login_alive_and_can_be_repeated() {
    let gone = [code::PROVIDER_RETIRED, code::HTTP];
    let truncated = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{".to_vec();
    for (of, gone) in BOTH.into_iter().zip(gone) {
        // With how often it is asked: again and again while the answer is possibly lost.
        let kinds = [
            (FaultKind::CloseBeforeRead, code::NETWORK, 4),
            (FaultKind::ResetBeforeRead, code::NETWORK, 4),
            (FaultKind::Raw(truncated.clone()), code::NETWORK, 4),
            (FaultKind::Raw(b"nonsense\r\n\r\n".to_vec()), code::PROTOCOL, 4),
            (FaultKind::Status500, code::HTTP, 4),
            (FaultKind::Status503, code::HTTP, 4),
            (FaultKind::Status404, code::HTTP, 1),
            (FaultKind::Status409, code::HTTP, 4),
            (FaultKind::Redirect307(simulator_elsewhere()), code::HTTP, 1),
            (FaultKind::Status429Bare, code::RATE_LIMITED, 1),
            (FaultKind::Status401InvalidClient, code::INVALID_CLIENT, 1),
            (FaultKind::Status410, gone, 1),
        ];
        in_parallel(kinds, |(kind, expected, asked)| {
            let simulator = provider();
            let client = of.client(&simulator);
            simulator.fault(Fault::always(Target::Revoke, kind.clone()));
            let error = client.revoke().unwrap_err();
            assert_eq!(error.code, expected, "{kind:?}: {error:?}");
            assert_eq!(simulator.requests(Target::Revoke), asked, "{kind:?}");
            assert_eq!(client.get(of.path).unwrap().status, 200, "{kind:?}");
            client.refresh().unwrap();
            simulator.clear_faults();
            client.revoke().unwrap();
            assert_over(client.get(of.path));
            assert_eq!(simulator.requests(Target::Revoke), asked + 1, "{kind:?}");
        });
    }
}

#[test]
fn a_revocation_whose_answer_was_lost_is_asked_for_again() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        simulator.fault(Fault::once(Target::Revoke, FaultKind::CloseAfterRead));
        client.revoke().unwrap();
        assert_eq!(simulator.requests(Target::Revoke), 2);
        assert_over(client.get(of.path));
    }
}

/// Nobody listens there.
fn simulator_elsewhere() -> String {
    "http://127.0.0.1:9".to_owned()
}

#[test]
fn an_answer_that_does_not_come_is_a_timeout_and_the_call_can_be_repeated() {
    for of in BOTH {
        for kind in [FaultKind::StallBeforeAnswer, FaultKind::Stall] {
            let simulator = provider();
            let app = of.app(&simulator);
            app.set_timeout_ms(1000).unwrap();
            let token = of.token(&simulator, 3600);
            let client = app.from_token(&token, &Saver::new()).unwrap();
            simulator.fault(Fault::once(Target::Revoke, kind));
            assert_eq!(client.revoke().unwrap_err().code, code::TIMEOUT);
            client.revoke().unwrap();
            assert_over(client.get(of.path));
        }
    }
}

#[test]
fn a_provider_that_cannot_be_reached_is_a_network_error_and_the_login_lives() {
    let simulator = provider();
    let app = FITBIT.app(&simulator);
    app.set_endpoint(2, "http://127.0.0.1:9/oauth2/revoke").unwrap();
    let client = app.from_token(&FITBIT.token(&simulator, 3600), &Saver::new()).unwrap();
    assert_eq!(client.revoke().unwrap_err().code, code::NETWORK);
    client.get(FITBIT.path).unwrap();
    client.refresh().unwrap();
}

#[test]
fn no_error_of_a_revocation_holds_a_secret() {
    for of in BOTH {
        for method in [BASIC, BODY] {
            let simulator = provider();
            let app = of.app(&simulator);
            app.set_client_auth(method).unwrap();
            let token = of.token(&simulator, 3600);
            let client = app.from_token(&token, &Saver::new()).unwrap();
            let held = ["access_token", "refresh_token"].map(|name| field(&token, name).unwrap());
            let quoting = format!("This login has {} and {}", held[0], held[1]);
            let quoting = json!({"error": "server_error", "error_description": quoting});
            for kind in [FaultKind::EchoSecrets, FaultKind::Json(400, quoting)] {
                simulator.fault(Fault::always(Target::Revoke, kind));
                let text = client.revoke().unwrap_err().all_text();
                simulator.clear_faults();
                let shown = simulator.secrets().into_iter().find(|secret| text.contains(secret));
                assert_eq!(shown, None, "{text}");
            }
        }
    }
}

#[test]
fn the_endpoint_can_be_overridden_where_it_is_encrypted_or_on_loopback() {
    let (simulator, other) = (provider(), provider());
    let app = FITBIT.app(&simulator);
    for refused in ["http://api.fitbit.com/oauth2/revoke", "ftp://127.0.0.1/", "/oauth2/revoke"] {
        let error = app.set_endpoint(2, refused).unwrap_err();
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{refused}");
    }
    app.set_endpoint(2, &format!("{}/elsewhere/revoke", other.uri())).unwrap();
    other.fault(Fault::once(Target::Any, FaultKind::Json(200, json!({}))));
    let client = app.from_token(&FITBIT.token(&simulator, 3600), &Saver::new()).unwrap();
    client.revoke().unwrap();
    assert_eq!(simulator.requests(Target::Any), 0);
    assert_eq!(other.log()[0].target, "/elsewhere/revoke");
}
