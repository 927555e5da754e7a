//! Texts that are no token: refused with a word about which argument it was, and never repeated.

use fitbit_simulator::Simulator;
use fitbit_test_support::{Error, Saver, code};

use super::steps::error_of;
use super::world::{app, provider, raw_token};

/// What stands for a secret in the texts below.
const MARK: &str = "s3cr3t";

fn refused(provider: &Simulator, text: &str) -> Error {
    let start: String = text.chars().take(80).collect();
    let outcome = app(provider).from_token(text, &Saver::new());
    let error = outcome.err().unwrap_or_else(|| panic!("it was taken: {start}"));
    assert_eq!(error.code, code::INVALID_ARGUMENT, "{start}");
    assert!(error.message.contains("token_json"), "{}", error.message);
    assert!(!error.all_text().contains(MARK), "{}", error.message);
    assert!(error.message.len() < 1000, "{}", error.message);
    error
}

#[test]
fn what_is_no_json_object_is_refused() {
    let provider = provider();
    let token = raw_token(&provider).to_string();
    for text in [
        "",
        " ",
        "null",
        "true",
        "7",
        "[]",
        "\"s3cr3t\"",
        "s3cr3t",
        "access_token=s3cr3t&refresh_token=s3cr3t",
        "{'access_token': 's3cr3t'}",
        "{\"access_token\":\"s3cr3t\"",
        "{\"access_token\":\"s3cr3t}",
        "{\"access_token\":\"s3cr3t\",}",
        "{\"access_token\":\"s3cr3t\"} s3cr3t",
        "{\"access_token\":\"s3cr3t\"}{\"access_token\":\"s3cr3t\"}",
        "[{\"access_token\":\"s3cr3t\"}]",
        "{access_token:\"s3cr3t\"}",
        "{\"access_token\":\"s3cr3t\",\"expires_at\":NaN}",
        "{\"access_token\":\"s3cr3t\",\"expires_at\":Infinity}",
        "{\"access_token\":\"s3cr3t\",\"expires_at\":-}",
        "{\"access_token\":\"s3cr3t\",\"expires_at\":01}",
        "{\"access_token\":\"s3cr3t\\ud800\"}",
        "{\"access_token\":\"s3cr3t\n\"}",
        "{\"s3cr3t\\ud800\":1,\"access_token\":\"s3cr3t\"}",
        "\u{feff}\u{feff}{\"access_token\":\"s3cr3t\"}",
        &token[..token.len() / 2],
    ] {
        refused(&provider, text);
    }
}

#[test]
fn an_object_without_a_usable_token_is_refused() {
    let provider = provider();
    for text in [
        r#"{}"#,
        r#"{"user_id":"s3cr3t"}"#,
        r#"{"access_token":"","refresh_token":null}"#,
        r#"{"token":{"access_token":"s3cr3t"}}"#,
        r#"{"Access_Token":"s3cr3t"}"#,
        r#"{"errors":[{"errorType":"invalid_grant","message":"s3cr3t"}],"success":false}"#,
        r#"{"access_token":7}"#,
        r#"{"access_token":true}"#,
        r#"{"access_token":["s3cr3t"]}"#,
        r#"{"access_token":{"s3cr3t":1}}"#,
        r#"{"access_token":1e999}"#,
        r#"{"access_token":"s3cr3t","refresh_token":7}"#,
        r#"{"access_token":"s3cr3t","refresh_token":["s3cr3t"]}"#,
        r#"{"access_token":"s3cr3t","refresh_token":"s3cr3t\ud800"}"#,
    ] {
        refused(&provider, text);
    }
}

#[test]
fn an_access_token_that_is_not_printable_ascii_is_refused() {
    let provider = provider();
    for token in [
        r"s3cr3t x",
        r" s3cr3t",
        r"s3cr3t\n",
        r"s3cr3t\r\nX-Injected: 1",
        r"s3cr3t\t",
        r"s3cr3t\u0000",
        r"s3cr3t\u001b",
        r"s3cr3t\u007f",
        r"s3cr3t\u0080",
        r"s3cr3t\u00e9",
        "s3cr3t\u{1f600}",
    ] {
        for refresh_token in ["", r#","refresh_token":"s3cr3t""#] {
            refused(&provider, &format!(r#"{{"access_token":"{token}"{refresh_token}}}"#));
        }
    }
}

#[test]
fn every_printable_ascii_character_may_stand_in_an_access_token() {
    let provider = provider();
    let token: String = ('!'..='~').collect();
    let text = serde_json::json!({ "access_token": token }).to_string();
    let client = app(&provider).from_token(&text, &Saver::new()).unwrap();
    assert_eq!(client.token_field("access_token"), Some(token));
}

#[test]
fn a_type_that_is_not_bearer_is_refused() {
    let provider = provider();
    for kind in
        [r#""mac""#, r#""s3cr3t""#, r#""Bearer ""#, r#""Basic""#, "7", "true", "[\"Bearer\"]"]
    {
        let text = format!(r#"{{"access_token":"s3cr3t","token_type":{kind}}}"#);
        refused(&provider, &text);
    }
    for kind in ["Bearer", "bearer", "BEARER"] {
        let text = format!(r#"{{"access_token":"s3cr3t","token_type":"{kind}"}}"#);
        assert!(app(&provider).from_token(&text, &Saver::new()).is_ok(), "{kind}");
    }
}

/// Which of two an application meant, no two readers of JSON agree on.
#[test]
fn depth_and_length_are_refused_and_no_crash() {
    let provider = provider();
    let deep = |open: &str| open.repeat(1_000_000 / open.len());
    let long = MARK.repeat(200_000);
    for text in [
        deep("["),
        deep("{\"a\":"),
        deep(" "),
        format!("{{\"access_token\":{}", deep("[")),
        format!("{{\"access_token\":{}{}}}", deep("["), deep("]")),
        format!("{{\"a\":{}{}}}", deep("["), deep("]")),
        format!("{{\"token_type\":{}{},\"access_token\":\"s3cr3t\"}}", deep("["), deep("]")),
        format!("{{\"access_token\":\"{long}\"}}"),
        format!("\"{long}\""),
        long.clone(),
    ] {
        refused(&provider, &text);
    }
}

#[test]
fn long_and_deep_unknown_fields_are_carried_along() {
    let provider = provider();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = "x".repeat(1_000_000);
    let text = format!(r#"{{"access_token":"a","deep":{deep},"long":"{long}"}}"#);
    let client = app(&provider).from_token(&text, &Saver::new()).unwrap();
    let token = client.token();
    assert!(token.contains(&deep));
    assert!(token.contains(&long));
    assert_eq!(client.token_field("long"), Some(long));
}

#[test]
fn numbers_of_every_kind_are_read_or_ignored_and_no_crash() {
    let provider = provider();
    for number in [
        "-1",
        "0",
        "-0.0",
        "1e-999",
        "1e999",
        "-1e300",
        "9223372036854775808",
        "-9223372036854775809",
        "\"7\"",
        "\" 7 \"",
        "\"-inf\"",
        "\"nan\"",
        "\"0x10\"",
        "{}",
        "[7]",
    ] {
        for name in ["expires_at", "expires_in", "refresh_token_expires_at"] {
            let text = format!(r#"{{"access_token":"a","refresh_token":"r","{name}":{number}}}"#);
            let client = app(&provider).from_token(&text, &Saver::new()).unwrap();
            assert_eq!(client.token_field("access_token").as_deref(), Some("a"), "{text}");
            let expires_at = client.token_field("expires_at");
            assert!(expires_at.is_none_or(|at| at.parse::<i64>().is_ok()), "{text}");
        }
    }
}

#[test]
fn the_error_says_where_the_json_ends_being_json() {
    let provider = provider();
    let error = refused(&provider, "{\n  \"access_token\": s3cr3t\n}");
    assert!(error.message.contains("line 2"), "{}", error.message);
    assert_eq!(error_of(app(&provider).from_token("", &Saver::new())).http_status, 0);
}
