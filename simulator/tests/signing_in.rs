//! From the authorize page to the first token: what is granted, what is refused, and that a
//! code is good for one exchange by the one it was meant for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fitbit_simulator::{
    Consent, DEMO_CLIENT_ID, DEMO_PERSONAL_ID, DEMO_REDIRECT_URIS, DEMO_SERVER_ID,
    DEMO_SERVER_SECRET, Decision, PersonError, Reply, Simulator, Target,
};
use sha2::{Digest, Sha256};
use std::error::Error;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

const CALLBACK: &str = DEMO_REDIRECT_URIS[0];
const VERIFIER: &str = "a-code-verifier-of-enough-characters_0123456789";

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn encode(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// A Client application's request, with changes: a field without a value is left out.
fn request(simulator: &Simulator, changes: &[(&str, &str)]) -> String {
    let challenge = s256(VERIFIER);
    let usual = [
        ("client_id", DEMO_CLIENT_ID),
        ("response_type", "code"),
        ("scope", "profile sleep"),
        ("redirect_uri", CALLBACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", "a state/with+signs & \u{e4}"),
    ];
    let changed = |name| changes.iter().find(|(n, _)| *n == name).copied();
    let fields = usual.map(|field| changed(field.0).unwrap_or(field));
    let added = changes.iter().filter(|(n, _)| !usual.iter().any(|(u, _)| u == n));
    let fields: Vec<String> = fields
        .iter()
        .chain(added)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    format!("{}/oauth2/authorize?{}", simulator.uri(), fields.join("&"))
}

fn code_in(location: &str) -> String {
    let code = location.split(['?', '&', '#']).find_map(|part| part.strip_prefix("code="));
    code.unwrap_or("").to_owned()
}

fn exchange(simulator: &Simulator, changes: &[(&str, &str)]) -> Result<Reply, Box<dyn Error>> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", DEMO_CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("code", ""),
    ];
    let changed = |name| changes.iter().find(|(n, _)| *n == name).copied();
    let fields: Vec<(&str, &str)> = usual
        .map(|field| changed(field.0).unwrap_or(field))
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Ok(simulator.client()?.post_form("/oauth2/token", &[], &fields)?)
}

fn error_type(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    (reply.status, json["errors"][0]["errorType"].as_str().unwrap_or("").to_owned())
}

fn page_text(outcome: Result<String, PersonError>) -> String {
    match outcome {
        Err(PersonError::Page(400, text)) => text,
        other => format!("not an error page: {other:?}"),
    }
}

#[test]
fn a_person_grants_and_the_code_buys_a_token() -> Outcome {
    let simulator = Simulator::start()?;
    let location = simulator.visit(&request(&simulator, &[]), Decision::Grant)?;
    assert!(location.starts_with("http://127.0.0.1:8080/callback?code="), "{location}");
    assert!(location.ends_with("&state=a+state%2Fwith%2Bsigns+%26+%C3%A4#_=_"), "{location}");
    let code = code_in(&location);
    assert_eq!(code.len(), 40);
    assert!(code.bytes().all(|b| b.is_ascii_hexdigit()));

    let reply = exchange(&simulator, &[("code", &code)])?;
    let token = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_in"], 28_800);
    assert_eq!(token["scope"], "profile sleep");
    assert_eq!(token["user_id"], "26FWFL");
    let access_token = token["access_token"].as_str().unwrap_or("");
    let parts: Vec<&str> = access_token.split('.').collect();
    assert_eq!(parts.len(), 3);
    assert!((200..500).contains(&access_token.len()), "{}", access_token.len());
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1])?)?;
    assert_eq!(claims["sub"], "26FWFL");
    assert_eq!(claims["scopes"], "rpro rsle");
    assert_eq!(token["refresh_token"].as_str().map(str::len), Some(64));

    let bearer = format!("Bearer {access_token}");
    let profile =
        simulator.client()?.get("/1/user/-/profile.json", &[("Authorization", &bearer)])?;
    assert_eq!(profile.json()["user"]["encodedId"], "26FWFL");
    let known = simulator.secrets();
    for secret in [access_token, &code, VERIFIER, token["refresh_token"].as_str().unwrap_or("")] {
        assert!(known.iter().any(|known| known == secret), "{secret}");
    }
    assert_eq!(
        (simulator.requests(Target::Authorize), simulator.requests(Target::Exchange)),
        (1, 1)
    );
    Ok(())
}

#[test]
fn a_person_denies() -> Outcome {
    let simulator = Simulator::start()?;
    let uri = request(&simulator, &[("state", "s1")]);
    let denied = "http://127.0.0.1:8080/callback?error=access_denied&error_description=\
                  The+user+denied+the+request.&state=s1";
    assert_eq!(simulator.visit(&uri, Decision::Deny)?, format!("{denied}#_=_"));
    simulator.settings(|settings| {
        settings.consent = Consent::Deny;
        settings.append_fragment = false;
    });
    assert_eq!(
        simulator.client()?.get(&uri[simulator.uri().len()..], &[])?.header("location"),
        Some(denied)
    );
    Ok(())
}

#[test]
fn a_person_grants_fewer_scopes() -> Outcome {
    let simulator = Simulator::start()?;
    let uri = request(&simulator, &[]);
    let only_sleep = Decision::GrantScopes(vec!["sleep".to_owned()]);
    let code = code_in(&simulator.visit(&uri, only_sleep)?);
    assert_eq!(exchange(&simulator, &[("code", &code)])?.json()["scope"], "sleep");

    simulator.settings(|settings| {
        settings.consent = Consent::Grant;
        settings.granted_scopes = Some(vec!["profile".to_owned()]);
    });
    let code = code_in(&simulator.visit(&uri, Decision::Grant)?);
    assert_eq!(exchange(&simulator, &[("code", &code)])?.json()["scope"], "profile");
    Ok(())
}

#[test]
fn a_wrong_authorize_request_gets_a_page_and_no_redirect() -> Outcome {
    let simulator = Simulator::start()?;
    let long = "c".repeat(129);
    let cases: [(&[(&str, &str)], &str); 13] = [
        (&[("client_id", "")], "invalid_request - Missing parameters: client_id"),
        (&[("client_id", "nobody")], "unauthorized_client - Invalid client_id"),
        (
            &[("redirect_uri", "http://127.0.0.1:8080/callback/")],
            "Invalid redirect_uri parameter value",
        ),
        (
            &[("redirect_uri", "http://127.0.0.1:8081/callback")],
            "Invalid redirect_uri parameter value",
        ),
        (
            &[("redirect_uri", "HTTP://127.0.0.1:8080/callback")],
            "Invalid redirect_uri parameter value",
        ),
        (&[("redirect_uri", "")], "Missing redirect_uri parameter value"),
        (&[("response_type", "id_token")], "unsupported_response_type - Invalid response_type"),
        (&[("code_challenge", "c")], "The code_challenge parameter is invalid"),
        (&[("code_challenge", &long)], "The code_challenge parameter is invalid"),
        (&[("code_challenge", "")], "The code_challenge parameter is invalid"),
        (&[("code_challenge_method", "s256")], "Unsupported code_challenge_method"),
        (&[("scope", "profile everything")], "invalid_scope"),
        (&[("scope", "")], "Missing parameters: scope"),
    ];
    for (changes, message) in cases {
        let page = page_text(simulator.visit(&request(&simulator, changes), Decision::Grant));
        assert!(page.contains(message), "{changes:?}: {page}");
    }
    Ok(())
}

#[test]
fn a_code_works_once_and_the_replay_is_recorded() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| settings.consent = Consent::Grant);
    let code = code_in(&simulator.visit(&request(&simulator, &[]), Decision::Grant)?);
    assert_eq!(exchange(&simulator, &[("code", &code)])?.status, 200);
    assert_eq!(simulator.replayed_codes(), 0);
    let again = exchange(&simulator, &[("code", &code)])?;
    assert_eq!(error_type(&again), (400, "invalid_grant".to_owned()));
    assert_eq!(simulator.replayed_codes(), 1);
    Ok(())
}

#[test]
fn a_code_expires() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| settings.code_life = Duration::ZERO);
    let code = code_in(&simulator.visit(&request(&simulator, &[]), Decision::Grant)?);
    let late = exchange(&simulator, &[("code", &code)])?;
    assert_eq!(error_type(&late), (400, "invalid_grant".to_owned()));
    Ok(())
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_verifier() -> Outcome {
    let simulator = Simulator::start()?;
    let code = code_in(&simulator.visit(&request(&simulator, &[]), Decision::Grant)?);
    let other = "another-code-verifier-of-enough-characters_0123456789";
    let challenge = s256(VERIFIER);
    let cases: [(&str, &str, &str); 7] = [
        ("client_id", DEMO_PERSONAL_ID, "invalid_grant"),
        ("redirect_uri", DEMO_REDIRECT_URIS[1], "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("code_verifier", other, "invalid_grant"),
        ("code_verifier", &challenge, "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
    ];
    for (name, value, expected) in cases {
        let reply = exchange(&simulator, &[("code", &code), (name, value)])?;
        assert_eq!(error_type(&reply), (400, expected.to_owned()), "{name}={value}");
    }
    assert_eq!(exchange(&simulator, &[("code", &code)])?.status, 200, "none of that spent it");
    Ok(())
}

#[test]
fn the_plain_challenge_is_the_default_and_is_verified() -> Outcome {
    let simulator = Simulator::start()?;
    for method in ["plain", ""] {
        let changes = [("code_challenge", VERIFIER), ("code_challenge_method", method)];
        let code = code_in(&simulator.visit(&request(&simulator, &changes), Decision::Grant)?);
        let hashed = s256(VERIFIER);
        let wrong = exchange(&simulator, &[("code", &code), ("code_verifier", &hashed)])?;
        assert_eq!(error_type(&wrong), (400, "invalid_grant".to_owned()));
        assert_eq!(exchange(&simulator, &[("code", &code)])?.status, 200);
    }
    Ok(())
}

#[test]
fn a_server_application_may_do_without_a_challenge_and_then_without_a_verifier() -> Outcome {
    let simulator = Simulator::start()?;
    let no_challenge =
        [("client_id", DEMO_SERVER_ID), ("code_challenge", ""), ("code_challenge_method", "")];
    let code = code_in(&simulator.visit(&request(&simulator, &no_challenge), Decision::Grant)?);
    let basic = STANDARD.encode(format!("{DEMO_SERVER_ID}:{DEMO_SERVER_SECRET}"));
    let basic = format!("Basic {basic}");
    let fields =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let stray = [("code_verifier", VERIFIER)];
    let client = simulator.client()?;
    let send = |fields: &[(&str, &str)]| {
        client.post_form("/oauth2/token", &[("Authorization", &basic)], fields)
    };
    let refused = send(&[fields.as_slice(), &stray].concat())?;
    assert_eq!(error_type(&refused), (400, "invalid_grant".to_owned()));
    assert_eq!(send(&fields)?.status, 200);
    Ok(())
}
