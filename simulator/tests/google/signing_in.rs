//! Google's way from the authorize page to the first token: who may ask for what, where the
//! browser is sent, and when a refresh token comes with it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fitbit_simulator::{
    DEMO_CLIENT_ID, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, Decision, PersonError,
    Reply, Simulator, Target,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const CALLBACK: &str = DEMO_REDIRECT_URIS[0];
const VERIFIER: &str = "a-code-verifier-of-enough-characters_0123456789";
const SLEEP: &str = "https://www.googleapis.com/auth/googlehealth.sleep.readonly";
const PROFILE: &str = "https://www.googleapis.com/auth/googlehealth.profile.readonly";

fn encode(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// The usual fields with changes; one without a value is left out.
fn changed<'a>(
    usual: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let change = |name| changes.iter().find(|(n, _)| *n == name).copied();
    let kept = usual.iter().map(|field| change(field.0).unwrap_or(*field));
    let added = changes.iter().filter(|(n, _)| !usual.iter().any(|(u, _)| u == n)).copied();
    kept.chain(added).filter(|(_, value)| !value.is_empty()).collect()
}

fn request(simulator: &Simulator, changes: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let scope = format!("{PROFILE} {SLEEP}");
    let usual = [
        ("client_id", DEMO_GOOGLE_ID),
        ("response_type", "code"),
        ("scope", scope.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", "a state/&"),
        ("access_type", "offline"),
        ("prompt", "consent"),
    ];
    let fields: Vec<String> = changed(&usual, changes)
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    format!("{}/o/oauth2/v2/auth?{}", simulator.uri(), fields.join("&"))
}

/// The code of a redirect, as it was before it was escaped.
fn code_in(location: &str) -> String {
    let code = location.split(['?', '&']).find_map(|part| part.strip_prefix("code="));
    code.unwrap_or("").replace("%2F", "/")
}

fn exchange(simulator: &Simulator, changes: &[(&str, &str)]) -> std::io::Result<Reply> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", DEMO_GOOGLE_ID),
        ("client_secret", DEMO_GOOGLE_SECRET),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("code", ""),
    ];
    simulator.client()?.post_form("/token", &[], &changed(&usual, changes))
}

fn log_in(simulator: &Simulator, changes: &[(&str, &str)]) -> Result<Value, Box<dyn Error>> {
    let code = code_in(&simulator.visit(&request(simulator, changes), Decision::Grant)?);
    let reply = exchange(simulator, &[("code", &code)])?;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Ok(reply.json())
}

fn refusal(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["error"].as_str().unwrap_or("").to_owned())
}

#[test]
fn a_person_grants_and_the_code_buys_tokens() -> Outcome {
    let simulator = Simulator::start()?;
    let location = simulator.visit(&request(&simulator, &[]), Decision::Grant)?;
    let expected = "http://127.0.0.1:8080/callback?state=a%20state%2F%26&\
                    iss=https%3A%2F%2Faccounts.google.com&code=4%2F0A";
    assert!(location.starts_with(expected), "{location}");
    let scopes = format!("{}%20{}", PROFILE.replace('/', "%2F"), SLEEP.replace('/', "%2F"));
    let end = format!("&scope={}&authuser=0&prompt=consent", scopes.replace(':', "%3A"));
    assert!(location.ends_with(&end), "{location}");

    let code = code_in(&location);
    let token = exchange(&simulator, &[("code", &code)])?.json();
    let text = |field: &str| token[field].as_str().unwrap_or("").to_owned();
    assert!(text("access_token").starts_with("ya29."), "{token}");
    assert!(text("refresh_token").starts_with("1//"), "{token}");
    assert_eq!(token["expires_in"], 3_599);
    assert_eq!(text("scope"), format!("{PROFILE} {SLEEP}"));
    assert_eq!(text("token_type"), "Bearer");
    assert_eq!(token.as_object().map(serde_json::Map::len), Some(5), "and nothing else: {token}");

    let bearer = format!("Bearer {}", text("access_token"));
    let identity =
        simulator.client()?.get("/v4/users/me/identity", &[("Authorization", &bearer)])?.json();
    assert_eq!(identity["legacyUserId"], "26FWFL");
    let id = identity["healthUserId"].as_str().unwrap_or("");
    assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()), "{identity}");
    for secret in [&text("access_token"), &text("refresh_token"), &code, &encode_slash(&code)] {
        assert!(simulator.secrets().contains(secret), "{secret}");
    }
    assert_eq!(
        [Target::Authorize, Target::Exchange, Target::Api].map(|t| simulator.requests(t)),
        [1, 1, 1]
    );
    Ok(())
}

fn encode_slash(code: &str) -> String {
    code.replace('/', "%2F")
}

#[test]
fn a_person_denies_or_grants_less() -> Outcome {
    let simulator = Simulator::start()?;
    let uri = request(&simulator, &[("state", "s1")]);
    assert_eq!(
        simulator.visit(&uri, Decision::Deny)?,
        "http://127.0.0.1:8080/callback?error=access_denied&state=s1&\
         iss=https%3A%2F%2Faccounts.google.com"
    );
    let only_sleep = Decision::GrantScopes(vec![SLEEP.to_owned()]);
    let code = code_in(&simulator.visit(&uri, only_sleep)?);
    assert_eq!(exchange(&simulator, &[("code", &code)])?.json()["scope"], SLEEP);
    simulator.settings(|s| s.granted_scopes = Some(vec!["profile.readonly".to_owned()]));
    assert_eq!(log_in(&simulator, &[])?["scope"], PROFILE);
    Ok(())
}

#[test]
fn the_issuer_can_be_missing_or_wrong() -> Outcome {
    let simulator = Simulator::start()?;
    let redirect = || simulator.visit(&request(&simulator, &[]), Decision::Grant);
    simulator.settings(|settings| settings.google.iss = None);
    assert!(!redirect()?.contains("iss="));
    simulator.settings(|settings| settings.google.iss = Some("https://evil.example".to_owned()));
    assert!(redirect()?.contains("&iss=https%3A%2F%2Fevil.example&"));
    Ok(())
}

#[test]
fn a_wrong_authorize_request_gets_a_page_and_no_redirect() -> Outcome {
    let simulator = Simulator::start()?;
    let cases = [
        (("client_id", ""), 400, "invalid_request"),
        (("client_id", "nobody"), 401, "invalid_client"),
        (("client_id", DEMO_CLIENT_ID), 401, "invalid_client"),
        (("redirect_uri", ""), 400, "invalid_request"),
        (("redirect_uri", "https://app.example/other"), 400, "redirect_uri_mismatch"),
        (("redirect_uri", "http://localhost:9/callback"), 400, "redirect_uri_mismatch"),
        (("response_type", "token"), 400, "unsupported_response_type"),
        (("scope", "sleep"), 400, "invalid_scope"),
        (("code_challenge", "short"), 400, "invalid_request"),
        (("code_challenge_method", "S512"), 400, "invalid_request"),
        (("access_type", "always"), 400, "invalid_request"),
    ];
    for (change, status, error) in cases {
        match simulator.visit(&request(&simulator, &[change]), Decision::Grant) {
            Err(PersonError::Page(seen, text)) => {
                assert_eq!(seen, status, "{change:?}");
                assert!(text.contains(&format!("Error {status}: {error}")), "{change:?}: {text}");
            }
            other => return Err(format!("{change:?}: {other:?}").into()),
        }
    }
    Ok(())
}

#[test]
fn loopback_addresses_may_have_any_port_and_the_exchange_names_the_same() -> Outcome {
    let simulator = Simulator::start()?;
    for uri in ["http://127.0.0.1:40123/cb", "http://[::1]:40123/cb"] {
        let asked = request(&simulator, &[("redirect_uri", uri)]);
        let location = simulator.visit(&asked, Decision::Grant)?;
        assert!(location.starts_with(&format!("{uri}?state=")), "{location}");
        let code = code_in(&location);
        let elsewhere = exchange(&simulator, &[("code", &code)])?;
        assert_eq!(refusal(&elsewhere), (400, "invalid_grant".to_owned()));
        assert_eq!(exchange(&simulator, &[("code", &code), ("redirect_uri", uri)])?.status, 200);
    }
    Ok(())
}

#[test]
fn a_refresh_token_takes_offline_access_and_the_first_consent_or_a_prompt() -> Outcome {
    let simulator = Simulator::start()?;
    let has_one = |changes: &[(&str, &str)]| -> Result<bool, Box<dyn Error>> {
        Ok(log_in(&simulator, changes)?["refresh_token"].is_string())
    };
    let unprompted = [("prompt", "")];
    assert!(!has_one(&[("access_type", "")])?);
    assert!(!has_one(&[("access_type", "online")])?);
    assert!(has_one(&unprompted)?, "the first time");
    assert!(!has_one(&unprompted)?, "the second time");
    assert!(has_one(&[])?, "with prompt=consent");
    simulator.revoke_user("26FWFL");
    assert!(has_one(&unprompted)?, "after the grant was removed");
    Ok(())
}

#[test]
fn a_code_works_once_for_the_one_it_was_meant_for() -> Outcome {
    let simulator = Simulator::start()?;
    let code = code_in(&simulator.visit(&request(&simulator, &[]), Decision::Grant)?);
    let other = "another-code-verifier-of-enough-characters_0123456789";
    let cases = [
        ("code", "4/0Aunknown", 400, "invalid_grant"),
        ("redirect_uri", DEMO_REDIRECT_URIS[1], 400, "invalid_grant"),
        ("redirect_uri", "", 400, "invalid_request"),
        ("code_verifier", other, 400, "invalid_grant"),
        ("code_verifier", "", 400, "invalid_grant"),
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_secret", "", 400, "invalid_request"),
        ("client_id", DEMO_CLIENT_ID, 401, "invalid_client"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("grant_type", "", 400, "invalid_request"),
    ];
    for (name, value, status, error) in cases {
        let fields = [(name, value), ("code", code.as_str())];
        let reply = exchange(&simulator, &fields)?;
        assert_eq!(refusal(&reply), (status, error.to_owned()), "{name}={value}");
    }
    assert_eq!(exchange(&simulator, &[("code", &code)])?.status, 200, "none of that spent it");
    let again = exchange(&simulator, &[("code", &code)])?;
    assert_eq!(refusal(&again), (400, "invalid_grant".to_owned()));
    assert_eq!(simulator.replayed_codes(), 1);
    Ok(())
}

#[test]
fn the_secret_may_come_as_basic_but_not_twice() -> Outcome {
    let simulator = Simulator::start()?;
    let code = code_in(&simulator.visit(&request(&simulator, &[]), Decision::Grant)?);
    let basic = STANDARD.encode(format!("{DEMO_GOOGLE_ID}:{DEMO_GOOGLE_SECRET}"));
    let basic = format!("Basic {basic}");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let twice = [fields.as_slice(), &[("client_secret", DEMO_GOOGLE_SECRET)]].concat();
    let client = simulator.client()?;
    let send =
        |fields: &[(&str, &str)]| client.post_form("/token", &[("Authorization", &basic)], fields);
    assert_eq!(refusal(&send(&twice)?), (400, "invalid_request".to_owned()));
    assert_eq!(send(&fields)?.status, 200);
    Ok(())
}
