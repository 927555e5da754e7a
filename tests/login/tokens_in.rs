//! Tokens that programs have saved: this library's own, a provider's raw answer, a dictionary of
//! the Python clients.

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::{Client, Saver, code};
use serde_json::Value;

use super::steps::{error_of, json, log_in};
use super::world::{DIALECT, PROFILE, app, provider, raw_token, saved_token};

fn load(provider: &Simulator, token: &str) -> Client {
    app(provider).from_token(token, &Saver::new()).expect("a token that can be loaded")
}

/// How many renewals one request takes; it has to succeed.
#[track_caller]
fn renewals_of_one_request(provider: &Simulator, token: &str) -> u64 {
    provider.reset_counts();
    assert_eq!(load(provider, token).get(PROFILE).unwrap().status, 200, "{token}");
    provider.requests(Target::Refresh)
}

/// As requests-oauthlib saves it: a list of scopes, a float computed on this machine.
fn python(provider: &Simulator) -> Value {
    let mut token = json(&saved_token(provider, 3600));
    let scopes: Vec<_> = token["scope"].as_str().unwrap().split(' ').map(str::to_owned).collect();
    token["scope"] = scopes.into();
    token["expires_at"] = (token["expires_at"].as_f64().unwrap() + 0.123_456).into();
    token
}

#[test]
fn loading_sends_no_request_and_offers_nothing() {
    let provider = provider();
    let saver = Saver::new();
    drop(app(&provider).from_token(&saved_token(&provider, -10), &saver).unwrap());
    assert_eq!(provider.connections(), 0);
    assert!(saver.offered().is_empty());
}

#[test]
fn our_own_token_comes_back_as_it_was() {
    let provider = provider();
    let token = log_in(&provider, &app(&provider), &Saver::new()).token();
    assert_eq!(load(&provider, &token).token(), token);
    assert_eq!(renewals_of_one_request(&provider, &token), 0);
}

#[test]
fn what_a_client_gives_out_it_also_takes_whatever_it_was_made_from() {
    let provider = provider();
    for token in [
        raw_token(&provider).to_string(),
        saved_token(&provider, -10),
        python(&provider).to_string(),
        r#"{"refresh_token":"r"}"#.to_owned(),
        r#"{"access_token":"a","expires_at":-5,"expires_in":-7}"#.to_owned(),
        r#"{"access_token":"a","expires_at":1e300,"expires_in":1e300}"#.to_owned(),
        r#"{"access_token":"a","expires_at":"soon","expires_in":"later"}"#.to_owned(),
        r#"{"access_token":"a","expires_at":9007199254740993}"#.to_owned(),
        r#"{"access_token":"a","scope":["SCOPE",7,"b"],"user_id":7,"b":[ 1 ],"a":1.0}"#
            .replace("SCOPE", DIALECT.profile_scope),
        r#"{"refresh_token":"\u00e9\n\"\\\u0000\/","token_type":"","scope":[]}"#.to_owned(),
    ] {
        let once = load(&provider, &token).token();
        assert_eq!(load(&provider, &once).token(), once, "from {token}");
    }
}

#[test]
fn a_token_of_a_database_may_be_ordered_and_spaced_anew() {
    let provider = provider();
    let token = saved_token(&provider, 3600);
    let pretty = format!("\r\n\t {}\n", serde_json::to_string_pretty(&json(&token)).unwrap());
    assert_eq!(load(&provider, &pretty).token(), load(&provider, &token).token());
}

#[test]
fn a_python_dictionary_is_used_until_it_expires() {
    let provider = provider();
    let token = python(&provider);
    assert_eq!(renewals_of_one_request(&provider, &token.to_string()), 0);
    let ours = json(&load(&provider, &token.to_string()).token());
    assert!(ours["expires_at"].is_i64(), "{ours}");
    assert_eq!(ours["expires_at"].as_f64().unwrap(), token["expires_at"].as_f64().unwrap().floor());
    assert_eq!(ours["scope"], json(&saved_token(&provider, 3600))["scope"]);
}

#[test]
fn a_python_dictionary_that_has_expired_is_renewed() {
    let provider = provider();
    let mut token = python(&provider);
    token["expires_at"] = 1_581_379_200.25.into();
    assert_eq!(renewals_of_one_request(&provider, &token.to_string()), 1);
}

/// Counting `expires_in` from the moment of loading would make a stale token look fresh.
#[test]
fn without_expires_at_a_token_with_a_refresh_token_counts_as_expired() {
    let provider = provider();
    for nothing in ["absent", "null", "\"\"", "\"next week\"", "[]", "true"] {
        let mut token = raw_token(&provider);
        if nothing != "absent" {
            token["expires_at"] = json(nothing);
        }
        assert_eq!(renewals_of_one_request(&provider, &token.to_string()), 1, "{nothing}");
    }
    let mut token = python(&provider);
    token.as_object_mut().unwrap().remove("expires_at");
    assert_eq!(renewals_of_one_request(&provider, &token.to_string()), 1);
}

#[test]
fn without_expires_at_and_refresh_token_it_is_used_until_a_401() {
    let provider = provider();
    let mut token = raw_token(&provider);
    token.as_object_mut().unwrap().remove("refresh_token");
    let client = load(&provider, &token.to_string());
    for _ in 0..2 {
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
    provider.expire_access_tokens();
    assert_eq!(error_of(client.get(PROFILE)).code, code::REAUTHORIZE);
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn an_expiry_written_as_a_text_is_read() {
    let provider = provider();
    let mut token = json(&saved_token(&provider, 3600));
    token["expires_at"] = token["expires_at"].to_string().into();
    assert_eq!(renewals_of_one_request(&provider, &token.to_string()), 0);
    assert!(json(&load(&provider, &token.to_string()).token())["expires_at"].is_i64());
}

#[test]
fn a_refresh_token_alone_is_a_login() {
    let provider = provider();
    for access_token in ["absent", "null", "\"\""] {
        let mut token = raw_token(&provider);
        token.as_object_mut().unwrap().remove("access_token");
        if access_token != "absent" {
            token["access_token"] = json(access_token);
        }
        let saver = Saver::new();
        let client = app(&provider).from_token(&token.to_string(), &saver).unwrap();
        assert!(json(&client.token()).get("access_token").is_none());
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(saver.offered(), [client.token()]);
    }
}

#[test]
fn null_and_empty_fields_count_as_absent() {
    let provider = provider();
    let token = r#"{"access_token":"a","refresh_token":"","expires_in":null,"expires_at":"",
                    "scope":[],"token_type":null,"user_id":"","provider":null}"#;
    let token = json(&load(&provider, token).token());
    assert_eq!(token, serde_json::json!({ "access_token": "a", "provider": DIALECT.name }));
}

#[test]
fn a_token_of_the_other_provider_is_reauthorize_and_no_request() {
    let provider = provider();
    let (other, own) = (DIALECT.other().name, DIALECT.name);
    for name in [other, "google", &own.to_uppercase(), &format!("{own} ")] {
        let mut token = json(&saved_token(&provider, -10));
        token["provider"] = name.into();
        let saver = Saver::new();
        let error = error_of(app(&provider).from_token(&token.to_string(), &saver));
        assert_eq!(error.code, code::REAUTHORIZE, "{name}");
        assert!(saver.offered().is_empty());
    }
    assert_eq!(provider.connections(), 0);
}
