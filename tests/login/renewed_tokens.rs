//! The answer to a renewal, laid over the token that it replaces.

use fitbit_simulator::{Fault, Simulator, Target};
use fitbit_test_support::{Client, Saver};
use serde_json::Value;

use super::steps::{answer, json};
use super::world::{DIALECT, PROFILE, USER, app, named_token, provider, saved_token};

/// A client whose token has every known field, and two unknown ones.
fn client(provider: &Simulator, saver: &Saver) -> Client {
    let mut token = json(&named_token(provider, 1000));
    token["expires_in"] = 3600.into();
    token["refresh_token_expires_at"] = 4_000_000_000_u32.into();
    token["unknown"] = "kept".into();
    token["changing"] = 1.into();
    app(provider).from_token(&token.to_string(), saver).unwrap()
}

/// The token before and after a renewal that is answered like this.
fn renewed(provider: &Simulator, text: &str) -> (Value, Value) {
    let saver = Saver::new();
    let client = client(provider, &saver);
    let before = json(&client.token());
    provider.fault(Fault::once(Target::Refresh, answer(text)));
    client.refresh().unwrap();
    assert_eq!(saver.offered(), [client.token()], "the callback gets what the client has");
    (before, json(&client.token()))
}

#[test]
fn what_is_absent_null_or_empty_stays() {
    let provider = provider();
    for text in [
        r#"{"access_token":"new"}"#.to_owned(),
        r#"{"access_token":"new","refresh_token":null,"scope":null,"user_id":null,
            "token_type":null,"refresh_token_expires_at":null,"unknown":null,"changing":null}"#
            .to_owned(),
        r#"{"access_token":"new","refresh_token":"","scope":"","user_id":"","token_type":"",
            "refresh_token_expires_at":"","unknown":"","changing":""}"#
            .to_owned(),
        r#"{"access_token":"new","scope":[],"unknown":[],"changing":{}}"#.to_owned(),
    ] {
        let (before, after) = renewed(&provider, &text);
        assert_eq!(after["access_token"], "new");
        for name in [
            "refresh_token",
            "scope",
            "user_id",
            "token_type",
            "refresh_token_expires_at",
            "unknown",
            "changing",
            "provider",
        ] {
            assert_eq!(after[name], before[name], "{name} after {text}");
        }
    }
}

#[test]
fn what_is_there_replaces() {
    let provider = provider();
    let text = r#"{"access_token":"new","refresh_token":"newer","scope":"sleep","user_id":"USER",
        "token_type":"bearer","expires_in":100,"changing":2,"added":[1]}"#;
    let (before, after) = renewed(&provider, &text.replace("USER", USER));
    assert_eq!(after["refresh_token"], "newer");
    assert_eq!(after["scope"], "sleep");
    assert_eq!(after["token_type"], "bearer");
    assert_eq!(after["expires_in"], 100);
    assert_eq!(after["changing"], 2);
    assert_eq!(after["added"], json("[1]"));
    assert_eq!(after["unknown"], "kept");
    assert!(after["expires_at"].as_i64() < before["expires_at"].as_i64());
}

#[test]
fn an_answer_without_expires_in_gets_the_usual_life_and_not_the_old_one() {
    let provider = provider();
    for text in [
        r#"{"access_token":"new"}"#,
        r#"{"access_token":"new","expires_in":null}"#,
        r#"{"access_token":"new","expires_in":""}"#,
    ] {
        let (before, after) = renewed(&provider, text);
        assert_eq!(after["expires_in"], DIALECT.usual_life, "{text}");
        let gained = after["expires_at"].as_i64().unwrap() - before["expires_at"].as_i64().unwrap();
        // The old token had a thousand seconds left.
        assert!(
            (DIALECT.usual_life - 1000..DIALECT.usual_life).contains(&gained),
            "{gained} after {text}"
        );
    }
}

/// A 200 without a token may be an answer that got lost on its way: it is asked for again.
#[test]
fn an_answer_whose_access_token_is_null_or_empty_is_asked_for_again() {
    let provider = provider();
    for text in ["{}", r#"{"access_token":null}"#, r#"{"access_token":""}"#] {
        let client = client(&provider, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, answer(text)));
        assert_eq!(client.refresh(), Ok(()), "{text}");
    }
}

#[test]
fn a_provider_that_leaves_expires_in_out_is_believed_for_hours() {
    let provider = provider();
    provider.settings(|settings| settings.omit_expires_in = true);
    let client = app(&provider).from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    for _ in 0..3 {
        client.get(PROFILE).unwrap();
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
}

/// Neither field is the provider's to say.
#[test]
fn expires_at_and_provider_of_an_answer_are_not_believed() {
    let provider = provider();
    let (before, after) = renewed(
        &provider,
        r#"{"access_token":"new","expires_in":28800,"expires_at":1,"provider":"another"}"#,
    );
    assert!(after["expires_at"].as_i64() > before["expires_at"].as_i64());
    assert_eq!(after["provider"], DIALECT.name);
}

#[test]
fn a_list_of_scopes_in_an_answer_is_one_text() {
    let provider = provider();
    let (_, after) = renewed(&provider, r#"{"access_token":"new","scope":["sleep","profile"]}"#);
    assert_eq!(after["scope"], "sleep profile");
}

#[test]
fn the_refresh_token_that_stayed_is_the_one_used_next() {
    let provider = provider();
    let client = client(&provider, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, answer(r#"{"access_token":"new"}"#)));
    client.refresh().unwrap();
    client.refresh().unwrap();
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}
