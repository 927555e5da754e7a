//! Every fault in Google's words: RFC 6749 where tokens are handed out, `google.rpc.Status` where
//! data is.

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, Fault, FaultKind, Reply, Simulator, Target,
};
use serde_json::Value;
use std::error::Error;
use std::io;

type Outcome = Result<(), Box<dyn Error>>;

/// The errors in the provider's words: status, status's name at the API, error of RFC 6749.
const WORDED: [(&str, u16, &str, &str); 17] = [
    ("status_401_expired", 401, "UNAUTHENTICATED", "invalid_token"),
    ("status_401_invalid", 401, "UNAUTHENTICATED", "invalid_token"),
    ("status_401_invalid_client", 401, "UNAUTHENTICATED", "invalid_client"),
    ("status_400_invalid_grant", 400, "INVALID_ARGUMENT", "invalid_grant"),
    ("status_403_scope", 403, "PERMISSION_DENIED", "invalid_scope"),
    ("status_403_permissions", 403, "PERMISSION_DENIED", "access_denied"),
    ("status_404", 404, "NOT_FOUND", "not_found"),
    ("status_409", 409, "ABORTED", "temporarily_unavailable"),
    ("status_422", 422, "INVALID_ARGUMENT", "invalid_request"),
    ("status_429_reset", 429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
    ("status_429_retry_after", 429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
    ("status_429_retry_after_date", 429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
    ("status_429_bare", 429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
    ("status_429_malformed", 429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded"),
    ("ok_with_error_inside", 200, "INTERNAL", "internal_failure"),
    ("echo_secrets", 400, "INVALID_ARGUMENT", "invalid_request"),
    ("control_characters", 400, "INVALID_ARGUMENT", "invalid_request"),
];

fn refresh(simulator: &Simulator, refresh_token: &str) -> io::Result<Reply> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", DEMO_GOOGLE_ID),
        ("client_secret", DEMO_GOOGLE_SECRET),
    ];
    simulator.client()?.post_form("/token", &[], &fields)
}

fn identity(simulator: &Simulator, token: &Value) -> io::Result<Reply> {
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or(""));
    simulator.client()?.get("/v4/users/me/identity", &[("Authorization", &bearer)])
}

#[test]
fn every_worded_fault_is_in_googles_two_shapes() -> Outcome {
    let simulator = Simulator::start()?;
    let token = simulator.issue_token(DEMO_GOOGLE_ID, "26FWFL", &["sleep.readonly"]);
    let refresh_token = token["refresh_token"].as_str().unwrap_or("");
    for (name, status, of_api, of_oauth) in WORDED {
        let all = FaultKind::all();
        let kind = all.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone());
        let kind = kind.ok_or(name)?;
        simulator.fault(Fault::once(Target::Api, kind.clone()));
        simulator.fault(Fault::once(Target::Refresh, kind.clone()));
        let api = identity(&simulator, &token)?;
        assert_eq!(api.status, status, "{name}");
        assert_eq!(api.json()["error"]["status"], of_api, "{name}");
        let oauth = refresh(&simulator, refresh_token)?;
        assert_eq!((oauth.status, &oauth.json()["error"]), (status, &of_oauth.into()), "{name}");
        assert!(oauth.json()["error_description"].is_string(), "{name}");
        let tells =
            ["status_429_retry_after", "status_429_retry_after_date", "status_429_malformed"];
        for reply in [&api, &oauth] {
            assert_eq!(reply.header("retry-after").is_some(), tells.contains(&name), "{name}");
        }
        let repeats = |reply: &Reply, secret: &str| reply.text().contains(secret);
        assert_eq!(repeats(&oauth, refresh_token), name == "echo_secrets", "{name}");
        assert_eq!(repeats(&api, "Bearer ya29."), name == "echo_secrets", "{name}");
    }
    assert_eq!(identity(&simulator, &token)?.status, 200);
    assert_eq!(refresh(&simulator, refresh_token)?.status, 200);
    Ok(())
}

#[test]
fn faults_that_act_do_and_the_refresh_token_outlives_them() -> Outcome {
    let simulator = Simulator::start()?;
    let token = simulator.issue_token(DEMO_GOOGLE_ID, "26FWFL", &["sleep.readonly"]);
    let refresh_token = token["refresh_token"].as_str().unwrap_or("");
    let issued = || simulator.secrets().iter().filter(|s| s.starts_with("ya29.")).count();
    for kind in [FaultKind::CloseAfterRead, FaultKind::LostAnswer503, FaultKind::EmptyBody] {
        let before = issued();
        simulator.fault(Fault::once(Target::Refresh, kind.clone()));
        let lost = refresh(&simulator, refresh_token);
        assert!(lost.is_err() || lost?.json().is_null());
        assert_eq!(issued(), before + 1, "{kind:?}");
        assert_eq!(refresh(&simulator, refresh_token)?.status, 200);
    }
    let without = {
        simulator.fault(Fault::once(Target::Refresh, FaultKind::OkWithoutAccessToken));
        refresh(&simulator, refresh_token)?
    };
    assert_eq!((without.status, &without.json()["access_token"]), (200, &Value::Null));
    Ok(())
}

#[test]
fn the_service_can_be_disabled_and_the_api_gone() -> Outcome {
    let simulator = Simulator::start()?;
    let token = simulator.issue_token(DEMO_GOOGLE_ID, "26FWFL", &["sleep.readonly"]);
    simulator.fault(Fault::once(Target::Api, FaultKind::service_disabled()));
    let disabled = identity(&simulator, &token)?;
    let error = &disabled.json()["error"];
    assert_eq!((disabled.status, &error["status"]), (403, &"PERMISSION_DENIED".into()));
    assert_eq!(error["details"][0]["reason"], "SERVICE_DISABLED");
    let named = br#"{"on":"api","kind":"service_disabled"}"#;
    let json = [("Content-Type", "application/json")];
    simulator.client()?.send("POST", "/_simulator/fault", &json, named)?;
    assert_eq!(identity(&simulator, &token)?.body, disabled.body);
    simulator.fault(Fault::once(Target::Any, FaultKind::Status410));
    assert_eq!(identity(&simulator, &token)?.status, 410);
    Ok(())
}
