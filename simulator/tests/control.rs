//! The same switches over HTTP, as a person with curl or a test in another language uses them.

use fitbit_simulator::{DEMO_CLIENT_ID, DEMO_GOOGLE_ID, FaultKind, Reply, Simulator, Target};
use serde_json::{Value, json};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

fn post(simulator: &Simulator, name: &str, body: &Value) -> std::io::Result<Reply> {
    // As curl -d sends it, whatever the body is.
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = body.to_string();
    simulator.client()?.send("POST", &format!("/_simulator/{name}"), &headers, body.as_bytes())
}

#[test]
fn the_help_lists_every_fault() -> Outcome {
    let simulator = Simulator::start()?;
    let help = simulator.client()?.get("/_simulator/", &[])?.text();
    for (name, _) in FaultKind::all() {
        assert!(help.contains(name), "{name}");
    }
    assert_eq!(simulator.client()?.get("/_simulator/nothing", &[])?.status, 404);
    Ok(())
}

#[test]
fn every_fault_can_be_switched_on_by_its_name() -> Outcome {
    let simulator = Simulator::start()?;
    for (name, _) in FaultKind::all() {
        let fault = json!({"on": "revoke", "kind": name, "to": "http://127.0.0.1:9", "bytes": "x",
            "ms": 1, "seconds": 1, "status": 400, "body": {}});
        let reply = post(&simulator, "fault", &fault)?;
        assert_eq!(reply.json(), json!({"ok": true}), "{name}");
    }
    let wrong = [
        json!({"kind": "nothing"}),
        json!({"kind": "stall", "on": "nothing"}),
        json!({"kind": "stall", "on": "refresh", "path": "/1/"}),
        json!({"kind": "raw"}),
        json!({}),
    ];
    for fault in wrong {
        assert_eq!(post(&simulator, "fault", &fault)?.status, 400, "{fault}");
    }
    Ok(())
}

#[test]
fn a_fault_is_armed_counted_and_cleared() -> Outcome {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    let path = "/1/user/-/profile.json";
    let fault = json!({"on": "api", "path": path, "kind": "json", "status": 418, "body": [1],
        "times": 0});
    post(&simulator, "fault", &fault)?;
    let answer = client.get(path, &[])?;
    assert_eq!((answer.status, answer.json()), (418, json!([1])));
    assert_eq!(client.send("DELETE", "/_simulator/fault", &[], b"")?.status, 200);
    assert_eq!(client.get(path, &[])?.status, 401);

    let counts = client.get("/_simulator/counts", &[])?.json();
    assert_eq!(counts["requests"]["api"], 2);
    assert_eq!(counts["requests"]["any"], 2, "the control is not counted");
    assert_eq!(counts["api_paths"][path], 2);
    let log = client.get("/_simulator/log", &[])?.json();
    assert_eq!(log.as_array().map(Vec::len), Some(2));
    assert_eq!((&log[0]["status"], &log[0]["fault"]), (&json!(418), &json!("json")));
    assert_eq!(log[1]["target"], path);

    post(&simulator, "reset", &json!({}))?;
    assert_eq!(simulator.requests(Target::Any), 0);
    assert!(simulator.log().is_empty());
    Ok(())
}

#[test]
fn logins_are_minted_expired_invalidated_and_revoked() -> Outcome {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    let mint = json!({"client_id": DEMO_CLIENT_ID, "user_id": "26FWFL", "scopes": ["profile"]});
    let error_after = |change: &str, body: &dyn Fn(&str) -> Value| -> std::io::Result<Value> {
        let token = post(&simulator, "token", &mint)?.json();
        let access_token = token["access_token"].as_str().unwrap_or("");
        let bearer = format!("Bearer {access_token}");
        let get = || client.get("/1/user/-/profile.json", &[("Authorization", &bearer)]);
        assert_eq!(get()?.status, 200);
        assert_eq!(post(&simulator, change, &body(access_token))?.status, 200);
        Ok(get()?.json()["errors"][0]["errorType"].clone())
    };
    assert_eq!(error_after("expire", &|_| json!({}))?, "expired_token");
    let invalidate = |token: &str| json!({"access_token": token});
    assert_eq!(error_after("invalidate", &invalidate)?, "invalid_token");
    assert_eq!(error_after("revoke", &|_| json!({"user_id": "26FWFL"}))?, "invalid_token");
    let secrets = client.get("/_simulator/secrets", &[])?.json();
    assert!(secrets.as_array().map_or(0, Vec::len) >= 6);
    Ok(())
}

#[test]
fn settings_change_all_or_nothing() -> Outcome {
    let simulator = Simulator::start()?;
    let life = |life: u64| -> std::io::Result<bool> {
        let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
        Ok(token["expires_in"] == life)
    };
    let all = json!({"user_id": "OTHER", "consent": "grant", "granted_scopes": ["profile"],
        "append_fragment": false, "code_life": 1, "grace": 120, "token_life": 60,
        "omit_expires_in": false, "old_access_token_survives_refresh": false,
        "allow_body_secret": true, "intraday": false, "rate_limit": 150,
        "rate_limit_window": 3600, "keep_log": false, "links_origin": null, "retired": false,
        "google_iss": null, "google_refreshed_token": "new", "google_strict_rotation": true,
        "google_refreshed_scopes": ["sleep.readonly"], "google_refresh_token_life": 604_799});
    assert_eq!(post(&simulator, "settings", &all)?.json(), json!({"ok": true}));
    assert!(life(60)?);
    let google = simulator.issue_token(DEMO_GOOGLE_ID, "26FWFL", &["sleep.readonly"]);
    assert_eq!(google["refresh_token_expires_in"], 604_799);
    let wrongs = [
        json!({"token_life": 61, "nothing": 1}),
        json!({"token_life": "61"}),
        json!({"token_life": 61, "google_refreshed_token": "old"}),
        json!({"token_life": 61, "links_origin": 1}),
        json!([]),
    ];
    for wrong in wrongs {
        assert_eq!(post(&simulator, "settings", &wrong)?.status, 400, "{wrong}");
    }
    assert!(life(60)?, "nothing of a wrong change is kept");
    simulator.client()?.get("/1/user/-/profile.json", &[])?;
    assert!(simulator.log().is_empty());
    Ok(())
}

#[test]
fn an_application_is_registered() -> Outcome {
    let simulator = Simulator::start()?;
    let application = json!({"client_id": "22NEW1", "kind": "personal", "client_secret": "hush",
        "redirect_uris": ["https://app.example/new"]});
    assert_eq!(post(&simulator, "register", &application)?.status, 200);
    let page = "/oauth2/authorize?client_id=22NEW1&response_type=code&scope=sleep";
    assert_eq!(simulator.client()?.get(page, &[])?.status, 200, "its only redirect URI is implied");
    let google = json!({"client_id": "new.apps.example", "kind": "google", "client_secret": "hush",
        "redirect_uris": []});
    assert_eq!(post(&simulator, "register", &google)?.status, 200);
    let mint = json!({"client_id": "new.apps.example", "user_id": "26FWFL",
        "scopes": ["sleep.readonly"]});
    let token = post(&simulator, "token", &mint)?.json();
    assert!(token["access_token"].as_str().is_some_and(|token| token.starts_with("ya29.")));
    assert_eq!(post(&simulator, "register", &json!({"client_id": "x"}))?.status, 400);
    Ok(())
}
