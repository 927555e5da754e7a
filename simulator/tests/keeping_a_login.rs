//! Refresh, expiry, revocation, introspection, and how each kind of application proves itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fitbit_simulator::{
    ApplicationKind, DEMO_CLIENT_ID, DEMO_PERSONAL_ID, DEMO_PERSONAL_SECRET, DEMO_SERVER_ID,
    DEMO_SERVER_SECRET, Registration, Reply, Simulator,
};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

fn text<'a>(token: &'a Value, field: &str) -> &'a str {
    token[field].as_str().unwrap_or("")
}

fn refresh(simulator: &Simulator, refresh_token: &str) -> Result<Reply, Box<dyn Error>> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", DEMO_CLIENT_ID),
    ];
    Ok(simulator.client()?.post_form("/oauth2/token", &[], &fields)?)
}

fn profile(simulator: &Simulator, access_token: &str) -> Result<Reply, Box<dyn Error>> {
    let bearer = format!("Bearer {access_token}");
    Ok(simulator.client()?.get("/1/user/-/profile.json", &[("Authorization", &bearer)])?)
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn error_type(reply: &Reply) -> (u16, String) {
    (reply.status, text(&reply.json()["errors"][0], "errorType").to_owned())
}

fn refusal(status: u16, error_type: &str) -> (u16, String) {
    (status, error_type.to_owned())
}

#[test]
fn a_refresh_token_works_once_and_the_old_access_token_goes_on() -> Outcome {
    let simulator = Simulator::start()?;
    let first = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile", "sleep"]);
    let old = text(&first, "refresh_token");
    let second = refresh(&simulator, old)?.json();
    assert_ne!(text(&second, "refresh_token"), old);
    assert_ne!(text(&second, "access_token"), text(&first, "access_token"));
    assert_eq!(second["scope"], "profile sleep");

    let again = refresh(&simulator, old)?;
    assert_eq!(error_type(&again), refusal(400, "invalid_grant"));
    let message = again.json()["errors"][0]["message"].clone();
    assert!(message.as_str().unwrap_or("").contains(old), "the provider repeats the token");
    assert_eq!(simulator.replayed_refresh_tokens(), 1);
    assert_eq!(profile(&simulator, text(&first, "access_token"))?.status, 200);
    assert_eq!(profile(&simulator, text(&second, "access_token"))?.status, 200);

    simulator.settings(|settings| settings.old_access_token_survives_refresh = false);
    assert_eq!(refresh(&simulator, text(&second, "refresh_token"))?.status, 200);
    let gone = profile(&simulator, text(&second, "access_token"))?;
    assert_eq!(error_type(&gone), refusal(401, "invalid_token"));
    Ok(())
}

#[test]
fn within_the_grace_time_the_answer_is_repeated_byte_for_byte() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let first = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    let answer = refresh(&simulator, text(&first, "refresh_token"))?;
    let repeated = refresh(&simulator, text(&first, "refresh_token"))?;
    assert_eq!((repeated.status, &repeated.headers), (200, &answer.headers));
    assert_eq!(repeated.body, answer.body);

    simulator.settings(|settings| settings.grace = Some(Duration::ZERO));
    let late = refresh(&simulator, text(&first, "refresh_token"))?;
    assert_eq!(error_type(&late), refusal(400, "invalid_grant"));
    Ok(())
}

#[test]
fn access_tokens_expire_by_their_life_and_on_demand() -> Outcome {
    let simulator = Simulator::start()?;
    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    let access_token = text(&token, "access_token");
    simulator.expire_access_tokens();
    let expired = profile(&simulator, access_token)?;
    assert_eq!(error_type(&expired), refusal(401, "expired_token"));
    assert!(expired.text().contains(access_token), "the provider repeats the token");

    let fresh = refresh(&simulator, text(&token, "refresh_token"))?.json();
    assert_eq!(profile(&simulator, text(&fresh, "access_token"))?.status, 200);
    simulator.invalidate(text(&fresh, "access_token"));
    let invalid = profile(&simulator, text(&fresh, "access_token"))?;
    assert_eq!(error_type(&invalid), refusal(401, "invalid_token"));

    simulator.settings(|settings| {
        settings.token_life = 0;
        settings.omit_expires_in = true;
    });
    let brief = refresh(&simulator, text(&fresh, "refresh_token"))?.json();
    assert_eq!(brief.get("expires_in"), None);
    let expired = profile(&simulator, text(&brief, "access_token"))?;
    assert_eq!(error_type(&expired), refusal(401, "expired_token"));
    Ok(())
}

#[test]
fn each_kind_of_application_proves_itself_in_its_own_way() -> Outcome {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    let server = basic(DEMO_SERVER_ID, DEMO_SERVER_SECRET);
    let wrong = basic(DEMO_SERVER_ID, "wrong");
    let personal = basic(DEMO_PERSONAL_ID, DEMO_PERSONAL_SECRET);
    let none = basic(DEMO_CLIENT_ID, "");
    let (s, c, p) = (DEMO_SERVER_ID, DEMO_CLIENT_ID, DEMO_PERSONAL_ID);
    let (server_secret, personal_secret) = (Some(DEMO_SERVER_SECRET), Some(DEMO_PERSONAL_SECRET));
    // Application, Authorization header, client_id and client_secret of the body, status.
    type Case<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>, u16);
    let cases: [Case<'_>; 16] = [
        (s, Some(&server), None, None, 200),
        (s, Some(&server), Some(s), None, 200),
        (s, Some(&server), Some(c), None, 401),
        (s, Some(&wrong), None, None, 401),
        (s, Some("Basic !"), None, None, 401),
        (s, None, Some(s), None, 401),
        (s, None, Some(s), server_secret, 401),
        (c, None, Some(c), None, 200),
        (c, Some(&none), Some(c), None, 401),
        (c, Some(&server), Some(c), None, 401),
        (c, None, None, None, 400),
        (c, None, Some("nobody"), None, 401),
        (p, Some(&personal), None, None, 200),
        (p, None, Some(p), None, 200),
        (p, None, Some(p), personal_secret, 200),
        (p, None, Some(p), Some("wrong"), 401),
    ];
    for case in cases {
        let (application, authorization, id, secret, status) = case;
        let token = simulator.issue_token(application, "26FWFL", &["profile"]);
        let headers: Vec<_> =
            authorization.map(|value| ("Authorization", value)).into_iter().collect();
        let mut fields =
            vec![("grant_type", "refresh_token"), ("refresh_token", text(&token, "refresh_token"))];
        fields.extend(id.map(|id| ("client_id", id)));
        fields.extend(secret.map(|secret| ("client_secret", secret)));
        let reply = client.post_form("/oauth2/token", &headers, &fields)?;
        assert_eq!(reply.status, status, "{case:?}: {}", reply.text());
        if status == 401 {
            assert_eq!(error_type(&reply), refusal(401, "invalid_client"));
        }
    }
    assert!(simulator.secrets().contains(&"wrong".to_owned()), "received secrets count");

    simulator.settings(|settings| settings.allow_body_secret = true);
    let token = simulator.issue_token(s, "26FWFL", &["profile"]);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&token, "refresh_token")),
        ("client_id", s),
        ("client_secret", DEMO_SERVER_SECRET),
    ];
    assert_eq!(client.post_form("/oauth2/token", &[], &fields)?.status, 200);
    Ok(())
}

#[test]
fn basic_credentials_are_form_decoded() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.register(Registration {
        client_id: "id:with colon".to_owned(),
        client_secret: Some("se%cret+&".to_owned()),
        kind: ApplicationKind::Server,
        redirect_uris: vec!["https://app.example/cb".to_owned()],
    });
    let token = simulator.issue_token("id:with colon", "26FWFL", &["profile"]);
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", text(&token, "refresh_token"))];
    let client = simulator.client()?;
    let raw = basic("id:with colon", "se%cret+&");
    let refused = client.post_form("/oauth2/token", &[("Authorization", &raw)], &fields)?;
    assert_eq!(error_type(&refused), refusal(401, "invalid_client"));
    let encoded = basic("id%3Awith+colon", "se%25cret%2B%26");
    let accepted = client.post_form("/oauth2/token", &[("Authorization", &encoded)], &fields)?;
    assert_eq!(accepted.status, 200);
    Ok(())
}

#[test]
fn a_malformed_token_request_is_refused_and_costs_nothing() -> Outcome {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    let refresh_token = text(&token, "refresh_token");
    let body = format!(
        "grant_type=refresh_token&client_id={DEMO_CLIENT_ID}&refresh_token={refresh_token}"
    );
    let json = client.send(
        "POST",
        "/oauth2/token",
        &[("Content-Type", "application/json")],
        body.as_bytes(),
    )?;
    assert_eq!(error_type(&json), refusal(400, "invalid_request"));
    let fields: [&[(&str, &str)]; 4] = [
        &[],
        &[("grant_type", "password"), ("client_id", DEMO_CLIENT_ID)],
        &[("grant_type", "refresh_token"), ("client_id", DEMO_CLIENT_ID)],
        &[
            ("grant_type", "refresh_token"),
            ("client_id", DEMO_CLIENT_ID),
            ("client_id", DEMO_CLIENT_ID),
            ("refresh_token", refresh_token),
        ],
    ];
    for fields in fields {
        let reply = client.post_form("/oauth2/token", &[], fields)?;
        assert_eq!(error_type(&reply), refusal(400, "invalid_request"), "{fields:?}");
    }
    assert_eq!(client.get("/oauth2/token", &[])?.status, 404);
    assert_eq!(refresh(&simulator, refresh_token)?.status, 200);
    Ok(())
}

#[test]
fn revoking_either_token_ends_the_whole_login_of_that_application() -> Outcome {
    for kind in ["access_token", "refresh_token"] {
        let simulator = Simulator::start()?;
        let client = simulator.client()?;
        let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
        let session = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
        let elsewhere = simulator.issue_token(DEMO_SERVER_ID, "26FWFL", &["profile"]);
        let fields = [("token", text(&token, kind)), ("client_id", DEMO_CLIENT_ID)];
        assert_eq!(client.post_form("/oauth2/revoke", &[], &fields)?.status, 200);
        for dead in [&token, &session] {
            let refused = profile(&simulator, text(dead, "access_token"))?;
            assert_eq!(error_type(&refused), refusal(401, "invalid_token"));
            let refused = refresh(&simulator, text(dead, "refresh_token"))?;
            assert_eq!(error_type(&refused), refusal(400, "invalid_grant"));
        }
        assert_eq!(profile(&simulator, text(&elsewhere, "access_token"))?.status, 200);
        simulator.revoke_user("26FWFL");
        assert_eq!(profile(&simulator, text(&elsewhere, "access_token"))?.status, 401);
    }
    Ok(())
}

#[test]
fn introspection_answers_in_milliseconds_and_a_scope_of_its_own() -> Outcome {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile", "oxygen_saturation"]);
    let access_token = text(&token, "access_token");
    let bearer = format!("Bearer {access_token}");
    let ask = |about: &str| {
        let headers = [("Authorization", bearer.as_str())];
        client.post_form("/1.1/oauth2/introspect", &headers, &[("token", about)])
    };
    let answer = ask(access_token)?.json();
    assert_eq!(answer["active"], true);
    assert_eq!(answer["scope"], "{PROFILE=READ, OXYGEN_SATURATION=READ}");
    assert_eq!(answer["token_type"], "access_token");
    let (exp, iat) = (answer["exp"].as_u64(), answer["iat"].as_u64());
    assert_eq!(exp.zip(iat).map(|(exp, iat)| exp - iat), Some(28_800_000));

    let other = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    simulator.invalidate(text(&other, "access_token"));
    for inactive in [text(&other, "access_token"), "never issued"] {
        assert_eq!(ask(inactive)?.json(), serde_json::json!({"active": false}));
    }
    let nobody = client.post_form("/1.1/oauth2/introspect", &[], &[("token", access_token)])?;
    assert_eq!(error_type(&nobody), refusal(401, "invalid_token"));
    Ok(())
}
