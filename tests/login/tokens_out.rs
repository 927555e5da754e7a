//! A token as the program gets it: one JSON object, complete, and the provider's own fields as
//! they were.

use std::time::{SystemTime, UNIX_EPOCH};

use fitbit_simulator::{Fault, Target};
use fitbit_test_support::{Client, Saver};

use super::steps::{answer, json, log_in, log_in_under};
use super::world::{DIALECT, PROFILE, USER, app, provider, raw_token};

/// Fields of a later provider, as it might write them.
const UNKNOWN: [&str; 12] = [
    r#""big":123456789012345678901234567890"#,
    r#""id":18446744073709551615"#,
    r#""float":1.10"#,
    r#""exponent":1E+2"#,
    r#""vast":1e999"#,
    r#""minus":-0"#,
    r#""nested":{ "b" : [ 1 , 2.50 , {"a":null} ], "a":1 }"#,
    r#""escaped":"\u00e9\/\ud83d\ude00\n""#,
    r#""nothing":null"#,
    r#""empty":"""#,
    r#""list":[]"#,
    r#""yes":true"#,
];

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn names(token: &str) -> Vec<String> {
    let mut names: Vec<_> = json(token).as_object().unwrap().keys().cloned().collect();
    names.sort_unstable();
    names
}

#[test]
fn it_has_the_promised_fields_and_no_others() {
    let provider = provider();
    let before = now();
    let client = log_in(&provider, &app(&provider), &Saver::new());
    let token = client.token();
    let mut promised = vec![
        "access_token",
        "expires_at",
        "expires_in",
        "provider",
        "refresh_token",
        "scope",
        "token_type",
    ];
    if DIALECT.token_names_its_user {
        promised.push("user_id");
        assert_eq!(json(&token)["user_id"], USER);
    }
    assert_eq!(names(&token), promised);
    let token = json(&token);
    assert_eq!(token["provider"], DIALECT.name);
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_in"], DIALECT.token_life);
    let expires_at = token["expires_at"].as_i64().expect("an integer");
    assert!(
        (before + DIALECT.token_life..=now() + DIALECT.token_life).contains(&expires_at),
        "{expires_at}"
    );
    let scope = token["scope"].as_str().expect("a text");
    assert_eq!(scope.split(' ').count(), DIALECT.read_scopes.len(), "{scope}");
}

/// The token text holds each unknown field exactly as the provider wrote it.
#[track_caller]
fn keeps_unknown_fields(client: &Client) {
    let token = client.token();
    for field in UNKNOWN {
        assert!(token.contains(field), "{field} is not in {token}");
    }
}

#[test]
fn fields_that_the_library_does_not_know_stay_byte_for_byte() {
    let provider = provider();
    let app = app(&provider);
    let text = format!(r#"{{"access_token":"a","refresh_token":"r",{}}}"#, UNKNOWN.join(" , "));
    let client = log_in_under(&provider, &app, answer(&text)).unwrap();
    keeps_unknown_fields(&client);
    keeps_unknown_fields(&app.from_token(&client.token(), &Saver::new()).unwrap());
    keeps_unknown_fields(&app.from_token(&text, &Saver::new()).unwrap());
    provider.fault(Fault::once(Target::Refresh, answer(r#"{"access_token":"b"}"#)));
    client.refresh().unwrap();
    assert_eq!(client.token_field("access_token").as_deref(), Some("b"));
    keeps_unknown_fields(&client);
}

#[test]
fn names_of_unknown_fields_may_hold_anything() {
    let provider = provider();
    let name = "na\u{e9}me \"quoted\" \\ \n \u{0}\u{1f600}";
    let mut token = raw_token(&provider);
    token[name] = 7.into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(json(&client.token())[name], 7);
}

#[test]
fn a_refresh_token_that_ends_says_when() {
    let provider = provider();
    let app = app(&provider);
    let text = r#"{"access_token":"a","refresh_token":"r","refresh_token_expires_in":604799}"#;
    let before = now();
    let client = log_in_under(&provider, &app, answer(text)).unwrap();
    let ends = json(&client.token())["refresh_token_expires_at"].as_i64().expect("an integer");
    assert!((before + 604_799..=now() + 604_799).contains(&ends), "{ends}");

    provider.fault(Fault::once(Target::Refresh, answer(r#"{"access_token":"b"}"#)));
    client.refresh().unwrap();
    assert_eq!(json(&client.token())["refresh_token_expires_at"], ends, "it is still that token");
}

#[test]
fn an_answer_that_does_not_say_how_long_gets_the_usual_life() {
    let provider = provider();
    let app = app(&provider);
    for text in [
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","expires_in":null}"#,
        r#"{"access_token":"a","expires_in":""}"#,
    ] {
        let before = now();
        let client = log_in_under(&provider, &app, answer(text)).unwrap();
        let token = json(&client.token());
        assert_eq!(token["expires_in"], DIALECT.usual_life);
        let expires_at = token["expires_at"].as_i64().unwrap();
        assert!((before + DIALECT.usual_life..=now() + DIALECT.usual_life).contains(&expires_at));
    }
}

#[test]
fn a_life_written_as_a_float_or_a_text_comes_out_as_an_integer() {
    let provider = provider();
    let app = app(&provider);
    for life in ["3600", "3600.0", "3600.9", r#""3600""#, "3.6e3"] {
        let text = format!(r#"{{"access_token":"a","expires_in":{life}}}"#);
        let client = log_in_under(&provider, &app, answer(&text)).unwrap();
        assert_eq!(client.token_field("expires_in").as_deref(), Some("3600"), "{life}");
        let expires_at = json(&client.token())["expires_at"].as_i64().unwrap();
        assert!((now() + 3000..=now() + 3600).contains(&expires_at));
    }
}

/// A token just received is used once before its age renews it, whatever its answer said.
#[test]
fn a_life_that_cannot_be_read_does_not_renew_the_token_at_once() {
    let provider = provider();
    let app = app(&provider);
    for life in [r#""soon""#, "true", "[1]", "-1", "0", "1e999", r#""NaN""#] {
        let mut text = raw_token(&provider);
        text["expires_in"] = "LIFE".into();
        let text = text.to_string().replace(r#""LIFE""#, life);
        let client = log_in_under(&provider, &app, answer(&text)).unwrap();
        provider.reset_counts();
        client.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), 0, "{life}");
    }
}

#[test]
fn lives_beyond_all_measure_are_no_overflow() {
    let provider = provider();
    let app = app(&provider);
    for life in ["9223372036854775807", "18446744073709551616", "1e300", r#""1e18""#] {
        let text = format!(r#"{{"access_token":"a","expires_in":{life}}}"#);
        let client = log_in_under(&provider, &app, answer(&text)).unwrap();
        assert!(
            json(&client.token())["expires_at"].as_i64().unwrap() > now() + DIALECT.usual_life,
            "{life}"
        );
    }
}
