//! The shapes of error answers: what is read out of them, and what a program gets to see.

use fitbit_test_support::{Error, code};

use crate::scripted::{Scripted, whole};
use crate::setup::{ANY, client_at};

/// The error that an answer becomes.
fn error(head: &str, body: impl AsRef<[u8]>) -> Error {
    let (head, body) = (head.to_owned(), body.as_ref().to_vec());
    let server = Scripted::saying(move || whole(&head, &body));
    client_at(&server.uri).get(ANY).unwrap_err()
}

#[track_caller]
fn says(body: &str, kind: Option<&str>, message: Option<&str>) {
    let error = error("400 Bad Request", body);
    assert_eq!((error.code, error.http_status), (code::HTTP, 400), "{body}");
    assert_eq!(error.provider_type.as_deref(), kind, "{body}");
    assert_eq!(error.body.as_deref(), Some(body));
    if let Some(message) = message {
        assert!(error.message.contains(message), "{body}: {}", error.message);
    }
}

#[test]
fn fitbits_own_shape_is_read() {
    let body = r#"{"errors":[{"errorType":"validation","fieldName":"date","message":"Bad date"}],"success":false}"#;
    says(body, Some("validation"), Some("Bad date"));
    says(r#"{"errors":[{"errorType":"a","message":"b"},{"errorType":"c"}]}"#, Some("a"), Some("b"));
    says(r#"{"errors":[{"errorType":"a"}]}"#, Some("a"), None);
    says(r#"{"errors":[{"message":"only words"}]}"#, None, Some("only words"));
}

#[test]
fn the_shape_of_rfc_6749_is_read() {
    let body = r#"{"error":"invalid_request","error_description":"Something is missing"}"#;
    says(body, Some("invalid_request"), Some("Something is missing"));
    says(r#"{"error":"slow_down"}"#, Some("slow_down"), None);
}

#[test]
fn www_authenticate_is_read_where_the_body_says_nothing() {
    for body in ["", "<html></html>", "{}"] {
        let head = "403 Forbidden\r\nWWW-Authenticate: Bearer realm=\"fitbit\", error=\"insufficient_scope\", scope=\"sleep\"";
        let said = error(head, body);
        assert_eq!(said.provider_type.as_deref(), Some("insufficient_scope"), "{body}");
        assert_eq!(said.code, code::INSUFFICIENT_SCOPE, "{body}");
    }
    let body = r#"{"errors":[{"errorType":"insufficient_permissions"}]}"#;
    let head = "403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\"";
    assert_eq!(error(head, body).provider_type.as_deref(), Some("insufficient_permissions"));
}

#[test]
fn www_authenticate_is_read_in_every_form_that_rfc_9110_allows() {
    let mut unread = [
        "WWW-Authenticate: Bearer error=insufficient_scope",
        "www-authenticate: bearer error=\"insufficient_scope\"",
        "WWW-Authenticate: Bearer Error=\"insufficient_scope\"",
        "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\"",
        "WWW-Authenticate: Basic realm=\"x\", Bearer error = \"insufficient_scope\"",
    ]
    .to_vec();
    unread.retain(|challenge| {
        let said = error(&format!("403 Forbidden\r\n{challenge}"), "");
        said.provider_type.as_deref() != Some("insufficient_scope")
    });
    assert_eq!(unread, Vec::<&str>::new());
}

#[test]
fn a_www_authenticate_that_says_nothing_is_no_type() {
    for nonsense in ["error=\"", "Bearer error=\"\"", "Bearer error=", "", "\"", "=", "Bearer"] {
        let error = error(&format!("403 Forbidden\r\nWWW-Authenticate: {nonsense}"), "");
        assert_eq!(error.code, code::HTTP, "{nonsense}");
    }
}

#[test]
fn any_other_body_is_no_type_and_no_crash() {
    for body in [
        "",
        " ",
        "null",
        "true",
        "17",
        "\"text\"",
        "[]",
        "{}",
        "[{\"errorType\":\"a\"}]",
        "{\"errors\"",
        r#"{"errors":null}"#,
        r#"{"errors":[]}"#,
        r#"{"errors":{}}"#,
        r#"{"errors":"text"}"#,
        r#"{"errors":[null]}"#,
        r#"{"errors":[[]]}"#,
        r#"{"errors":["a"]}"#,
        r#"{"errors":[{"errorType":17}]}"#,
        r#"{"errors":[{"errorType":null,"message":null}]}"#,
        r#"{"error":null}"#,
        r#"{"error":17}"#,
        "<!DOCTYPE html><html><body><h1>503</h1></body></html>",
        "plain text",
    ] {
        says(body, None, Some("400"));
    }
}

#[test]
fn a_body_that_nests_very_deeply_is_no_crash() {
    for body in ["[".repeat(200_000), "{\"errors\":[".repeat(50_000)] {
        let error = error("400 Bad Request", body);
        assert_eq!((error.code, error.provider_type), (code::HTTP, None));
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let error = error("500 Internal Server Error", b"a\xff\xfe\xc3(b");
    assert_eq!(error.body.as_deref(), Some("a\u{fffd}\u{fffd}\u{fffd}(b"));
}

#[test]
fn control_characters_never_reach_the_program() {
    let raw = error("400 Bad Request", b"a\0b\x1b[31mc\x07\x7fd\x08 \xc2\x9b31m\n\tline");
    assert_eq!(raw.body.as_deref(), Some("ab[31mcd 31m\n\tline"));

    let escaped = r#"{"errors":[{"errorType":"a\u001b[1m\nb","message":"\u001b[31mred\r\nForged: line\u0000end"}]}"#;
    let escaped = error("400 Bad Request", escaped);
    for text in [&escaped.message, escaped.provider_type.as_ref().unwrap()] {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    assert!(escaped.message.contains("Forged: lineend"), "{:?}", escaped.message);
}

/// An error whose type and message have so many characters.
fn wordy(count: usize) -> Error {
    let long = "é".repeat(count);
    let body = format!(r#"{{"errors":[{{"errorType":"{long}","message":"{long}"}}]}}"#);
    error("400 Bad Request", body)
}

#[test]
fn a_long_body_is_kept_up_to_64_kib() {
    let error = wordy(100_000);
    let body = error.body.unwrap();
    assert!((64 * 1024 - 4..=64 * 1024 + 4).contains(&body.len()), "{}", body.len());
    assert_eq!(error.provider_type, None, "so long a body is not read for what it says");
}

#[test]
fn a_long_type_and_a_long_message_are_kept_up_to_a_sensible_length() {
    let error = wordy(15_000);
    assert!(error.message.len() < 8 * 1024, "{}", error.message.len());
    assert!(error.provider_type.unwrap().len() < 8 * 1024);
}
