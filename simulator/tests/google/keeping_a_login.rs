//! Refresh, expiry and revocation at Google, where a refresh token goes on working; and that the
//! two providers do not take each other's tokens.

use fitbit_simulator::{
    DEMO_CLIENT_ID, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, RefreshedToken, Reply, Simulator,
};
use serde_json::{Value, json};
use std::error::Error;
use std::io;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

const SLEEP: &str = "https://www.googleapis.com/auth/googlehealth.sleep.readonly";
const PROFILE: &str = "https://www.googleapis.com/auth/googlehealth.profile.readonly";

fn text<'a>(token: &'a Value, field: &str) -> &'a str {
    token[field].as_str().unwrap_or("")
}

fn log_in(simulator: &Simulator) -> Value {
    simulator.issue_token(DEMO_GOOGLE_ID, "26FWFL", &["profile.readonly", SLEEP])
}

fn refresh(simulator: &Simulator, refresh_token: &str) -> io::Result<Reply> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", DEMO_GOOGLE_ID),
        ("client_secret", DEMO_GOOGLE_SECRET),
    ];
    simulator.client()?.post_form("/token", &[], &fields)
}

fn get(simulator: &Simulator, path: &str, access_token: &str) -> io::Result<Reply> {
    simulator.client()?.get(path, &[("Authorization", &format!("Bearer {access_token}"))])
}

fn identity(simulator: &Simulator, access_token: &str) -> io::Result<u16> {
    Ok(get(simulator, "/v4/users/me/identity", access_token)?.status)
}

fn revoke(simulator: &Simulator, token: &str) -> io::Result<Reply> {
    simulator.client()?.post_form("/revoke", &[], &[("token", token)])
}

#[test]
fn a_minted_login_is_in_googles_words_with_scopes_in_full() -> Outcome {
    let simulator = Simulator::start()?;
    let token = log_in(&simulator);
    assert_eq!(text(&token, "scope"), format!("{PROFILE} {SLEEP}"));
    assert_eq!(token["expires_in"], 3_599);
    assert!(token["user_id"].is_null());
    simulator.settings(|settings| settings.token_life = 60);
    assert_eq!(log_in(&simulator)["expires_in"], 60);
    simulator.settings(|settings| settings.omit_expires_in = true);
    assert!(log_in(&simulator)["expires_in"].is_null());
    Ok(())
}

#[test]
fn a_refresh_token_goes_on_working_and_none_comes_in_its_place() -> Outcome {
    let simulator = Simulator::start()?;
    let first = log_in(&simulator);
    let mut access_tokens = vec![text(&first, "access_token").to_owned()];
    for _ in 0..3 {
        let answer = refresh(&simulator, text(&first, "refresh_token"))?;
        let token = answer.json();
        assert_eq!(answer.status, 200);
        let fields: Vec<&String> =
            token.as_object().into_iter().flatten().map(|(n, _)| n).collect();
        assert_eq!(fields, ["access_token", "expires_in", "scope", "token_type"]);
        access_tokens.push(text(&token, "access_token").to_owned());
    }
    for token in &access_tokens {
        assert_eq!(identity(&simulator, token)?, 200);
    }
    assert_eq!(simulator.replayed_refresh_tokens(), 0);
    simulator.settings(|settings| settings.old_access_token_survives_refresh = false);
    assert_eq!(refresh(&simulator, text(&first, "refresh_token"))?.status, 200);
    assert_eq!(identity(&simulator, &access_tokens[3])?, 401);
    Ok(())
}

#[test]
fn a_refresh_may_hand_out_a_new_an_empty_or_a_null_refresh_token() -> Outcome {
    let simulator = Simulator::start()?;
    let first = log_in(&simulator);
    let old = text(&first, "refresh_token");
    for (kind, expected) in
        [(RefreshedToken::Empty, json!("")), (RefreshedToken::Null, json!(null))]
    {
        simulator.settings(|settings| settings.google.refreshed_token = kind);
        let token = refresh(&simulator, old)?.json();
        assert_eq!(token.as_object().and_then(|t| t.get("refresh_token")), Some(&expected));
    }
    simulator.settings(|settings| settings.google.refreshed_token = RefreshedToken::New);
    let token = refresh(&simulator, old)?.json();
    assert!(text(&token, "refresh_token").starts_with("1//"));
    assert_ne!(text(&token, "refresh_token"), old);
    assert_eq!(refresh(&simulator, old)?.status, 200, "the old one goes on working");
    assert_eq!(refresh(&simulator, text(&token, "refresh_token"))?.status, 200);
    Ok(())
}

#[test]
fn rotation_can_be_as_strict_as_fitbits() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| {
        settings.google.refreshed_token = RefreshedToken::New;
        settings.google.strict_rotation = true;
    });
    let first = log_in(&simulator);
    let answer = refresh(&simulator, text(&first, "refresh_token"))?;
    let again = refresh(&simulator, text(&first, "refresh_token"))?;
    assert_eq!((again.status, text(&again.json(), "error")), (400, "invalid_grant"));
    assert_eq!(simulator.replayed_refresh_tokens(), 1);
    simulator.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    assert_eq!(refresh(&simulator, text(&first, "refresh_token"))?.body, answer.body);
    Ok(())
}

#[test]
fn a_refresh_may_bring_fewer_scopes_and_the_refresh_tokens_end() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| {
        settings.google.refreshed_scopes = Some(vec!["sleep.readonly".to_owned()]);
        settings.google.refresh_token_life = Some(604_799);
    });
    let first = log_in(&simulator);
    assert_eq!(first["refresh_token_expires_in"], 604_799);
    let second = refresh(&simulator, text(&first, "refresh_token"))?.json();
    assert_eq!(text(&second, "scope"), SLEEP);
    assert!(second["refresh_token_expires_in"].as_u64() > Some(604_000));
    let profile =
        |token: &Value| get(&simulator, "/v4/users/me/profile", text(token, "access_token"));
    assert_eq!((profile(&first)?.status, profile(&second)?.status), (200, 403));

    simulator.settings(|settings| settings.google.refresh_token_life = Some(0));
    let late = refresh(&simulator, text(&log_in(&simulator), "refresh_token"))?;
    assert_eq!(late.status, 400);
    let expected = json!({"error": "invalid_grant",
        "error_description": "Token has been expired or revoked."});
    assert_eq!(late.json(), expected);
    Ok(())
}

#[test]
fn either_token_revokes_the_whole_grant_and_only_once() -> Outcome {
    let simulator = Simulator::start()?;
    for kind in ["access_token", "refresh_token"] {
        let (first, second) = (log_in(&simulator), log_in(&simulator));
        let other = simulator.issue_token(DEMO_GOOGLE_ID, "OTHER1", &["sleep.readonly"]);
        let done = revoke(&simulator, text(&first, kind))?;
        assert_eq!((done.status, done.json()), (200, json!({})));
        for token in [&first, &second] {
            assert_eq!(identity(&simulator, text(token, "access_token"))?, 401);
            assert_eq!(refresh(&simulator, text(token, "refresh_token"))?.status, 400);
        }
        assert_eq!(identity(&simulator, text(&other, "access_token"))?, 200);
        for token in [text(&first, kind), "garbage"] {
            let again = revoke(&simulator, token)?;
            let expected =
                json!({"error": "invalid_token", "error_description": "Token expired or revoked"});
            assert_eq!((again.status, again.json()), (400, expected));
        }
    }
    assert_eq!(revoke(&simulator, "")?.json()["error"], "invalid_request");
    Ok(())
}

#[test]
fn neither_provider_takes_the_others_applications_or_tokens() -> Outcome {
    let simulator = Simulator::start()?;
    let google = log_in(&simulator);
    let fitbit = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    assert_eq!(identity(&simulator, text(&fitbit, "access_token"))?, 401);
    let profile = get(&simulator, "/1/user/-/profile.json", text(&google, "access_token"))?;
    assert_eq!(profile.json()["errors"][0]["errorType"], "invalid_token");
    assert_eq!(refresh(&simulator, text(&fitbit, "refresh_token"))?.status, 400);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&google, "refresh_token")),
        ("client_id", DEMO_CLIENT_ID),
    ];
    let client = simulator.client()?;
    assert_eq!(client.post_form("/oauth2/token", &[], &fields)?.status, 400);
    let fields = [("token", text(&google, "refresh_token")), ("client_id", DEMO_CLIENT_ID)];
    client.post_form("/oauth2/revoke", &[], &fields)?;
    assert_eq!(identity(&simulator, text(&google, "access_token"))?, 200);
    assert_eq!(revoke(&simulator, text(&fitbit, "refresh_token"))?.status, 400);
    Ok(())
}

#[test]
fn fitbit_can_be_turned_off_while_google_goes_on() -> Outcome {
    let simulator = Simulator::start()?;
    let google = log_in(&simulator);
    let fitbit = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    simulator.settings(|settings| settings.retired = true);
    let client = simulator.client()?;
    assert_eq!(client.get("/oauth2/authorize", &[])?.status, 410);
    for path in ["/oauth2/token", "/oauth2/revoke", "/1.1/oauth2/introspect"] {
        assert_eq!(client.post_form(path, &[], &[("token", "x")])?.status, 410, "{path}");
    }
    let profile = get(&simulator, "/1/user/-/profile.json", text(&fitbit, "access_token"))?;
    assert_eq!(profile.status, 410);
    assert_eq!(identity(&simulator, text(&google, "access_token"))?, 200);
    Ok(())
}
