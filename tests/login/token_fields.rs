//! `fitbit_token_field` and `fitbit_user_id`: one field of the token, as text.

use std::ptr::null_mut;

use fitbit_simulator::Simulator;
use fitbit_test_support::{Client, Error, Saver, code, interface};

use super::steps::{error_of, json};
use super::world::{DIALECT, USER, app, named_token, provider, raw_token, saved_token};

fn with_fields(provider: &Simulator, fields: &str) -> Client {
    let token = raw_token(provider).to_string();
    let token = format!("{},{fields}}}", token.strip_suffix('}').unwrap());
    app(provider).from_token(&token, &Saver::new()).unwrap()
}

#[test]
fn every_field_of_the_token_can_be_read() {
    let provider = provider();
    let token = named_token(&provider, 3600);
    let client = app(&provider).from_token(&token, &Saver::new()).unwrap();
    let token = json(&token);
    for name in ["access_token", "refresh_token", "token_type", "scope", "user_id"] {
        assert_eq!(client.token_field(name).as_deref(), token[name].as_str(), "{name}");
    }
    for name in ["expires_in", "expires_at"] {
        assert_eq!(client.token_field(name), Some(token[name].to_string()), "{name}");
    }
    assert_eq!(client.token_field("provider").as_deref(), Some(DIALECT.name));
}

#[test]
fn a_field_that_is_not_there_is_null() {
    let provider = provider();
    let client = app(&provider).from_token(r#"{"refresh_token":"r"}"#, &Saver::new()).unwrap();
    for name in [
        "access_token",
        "token_type",
        "expires_in",
        "expires_at",
        "refresh_token_expires_at",
        "scope",
        "user_id",
        "unknown",
        "",
        "Refresh_Token",
        "refresh_token ",
        "\"",
    ] {
        assert_eq!(client.token_field(name), None, "{name}");
    }
}

#[test]
fn a_scope_that_came_as_a_list_is_one_text() {
    let provider = provider();
    let token = serde_json::json!({ "access_token": "a", "scope": DIALECT.scopes });
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.token_field("scope"), Some(DIALECT.scopes.join(" ")));
    assert_eq!(json(&client.token())["scope"], DIALECT.scopes.join(" "));
}

#[test]
fn unknown_fields_are_text_or_json() {
    let provider = provider();
    let client = with_fields(
        &provider,
        r#""text":"caf\u00e9 \"x\"","big":123456789012345678901234567890,"float":1.10,
           "list":[ 1, 2 ],"object":{"a":null},"yes":true,"empty":"","nothing":null,
           "nul":"a\u0000b""#,
    );
    for (name, value) in [
        ("text", "caf\u{e9} \"x\""),
        ("big", "123456789012345678901234567890"),
        ("float", "1.10"),
        ("list", "[ 1, 2 ]"),
        ("object", r#"{"a":null}"#),
        ("yes", "true"),
        ("empty", ""),
        ("nul", "ab"),
    ] {
        assert_eq!(client.token_field(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(client.token_field("nothing"), None);
}

/// What no number of the machine can hold, and what nests deeper than parsers go, is still there.
#[test]
fn unknown_fields_beyond_all_measure_are_not_lost() {
    let provider = provider();
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let client = with_fields(&provider, &format!(r#""vast":1e999,"deep":{deep}"#));
    assert!(client.token().contains(&deep));
    assert_eq!(client.token_field("vast").as_deref(), Some("1e999"));
    assert_eq!(client.token_field("deep"), Some(deep));
}

#[test]
fn the_user_id_comes_from_the_token() {
    let provider = provider();
    let client = app(&provider).from_token(&named_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_missing_name_or_place_for_the_answer_is_refused() {
    let provider = provider();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    let c = interface();
    let mut value = std::ptr::dangling_mut();
    let name = c"scope".as_ptr();
    let not_utf8 = c"sc\xffpe".as_ptr();
    for (error, named) in unsafe {
        [
            ((c.token_field)(client.handle, std::ptr::null(), &mut value), "name"),
            ((c.token_field)(client.handle, not_utf8, &mut value), "name"),
            ((c.token_field)(client.handle, name, null_mut()), "value"),
            ((c.token_field)(null_mut(), name, &mut value), "client"),
            ((c.token)(client.handle, null_mut()), "token_json"),
            ((c.user_id)(client.handle, null_mut()), "user_id"),
        ]
    } {
        let error = error_of(Error::check(error));
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains(named), "{}", error.message);
    }
    assert!(value.is_null(), "results are set to NULL on failure too");
}
