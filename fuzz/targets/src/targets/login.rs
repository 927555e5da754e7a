//! Logging in: sessions, the addresses that people come back with, step one's parameters.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CALLBACK, CLIENT_ID, GOOGLE, PROVIDERS, choice, parts, with_app};
use crate::judge::{self, CLIENT_SECRET};
use crate::server;

pub const STATE: &str = "s6Yr8OFlBPkfxlQmLsXJ1yyDQiTDRJXxT8Ilxq4Nhe0";
pub const VERIFIER: &str = "verifier-3Q0rJ9Jx1b5r8Yl2jQeWQ0qS3vTqW7uFf0";

/// A session as step one gives it out.
fn own_session(provider: u32) -> String {
    let name = if provider == GOOGLE { "google_health" } else { "fitbit" };
    format!(
        r#"{{"callback_uri":"{CALLBACK}","client_id":"{CLIENT_ID}","provider":"{name}","state":"{STATE}","verifier":"{VERIFIER}"}}"#
    )
}

/// A session, a NUL, and a redirect address.
pub fn session(data: &[u8]) {
    let [session, redirect] = parts(data);
    for provider in PROVIDERS {
        second_step(provider, session, redirect);
    }
}

/// A provider and a redirect address, for a session that is in order.
pub fn redirect(data: &[u8]) {
    let (which, redirect) = choice(data, 2);
    let [redirect] = parts(redirect);
    let provider = PROVIDERS[usize::from(which)];
    second_step(provider, own_session(provider).as_bytes(), redirect);
}

/// Nothing is asked unless the redirect belongs to the session; then once.
fn second_step(provider: u32, session: &[u8], redirect: &[u8]) {
    let token = br#"{"access_token":"access-of-the-exchange-1","refresh_token":"refresh-of-the-exchange-1","expires_in":28800,"user_id":"26FWFL","scope":"","token_type":"Bearer"}"#;
    server::will_always_say(server::whole(b"200 OK\r\nContent-Type: application/json", token));
    let done = with_app(provider, |app| app.step_two(session, redirect));
    let asked = server::asked();
    let session = serde_json::from_slice::<Value>(session).unwrap_or_default();
    let fields = query_fields(redirect);
    if let Some(asked) = asked.first() {
        let state = fields.get("state").expect("nothing is asked without a state");
        assert_eq!(Some(&**state), session["state"].as_str(), "the state is another one");
        assert!(!state.is_empty(), "an empty state proves nothing");
        assert!(fields.get("error").is_none_or(String::is_empty), "an error was overlooked");
        let sent: BTreeMap<_, _> = form(std::str::from_utf8(&asked.body).expect("a form is text"));
        assert_eq!(sent.get("code"), fields.get("code"), "the code is another one");
        assert_eq!(sent.get("code_verifier").map(|v| &**v), session["verifier"].as_str());
        assert_eq!(sent.get("redirect_uri").map(|uri| &**uri), Some(CALLBACK));
        assert_eq!(asked.target(), "/oauth2/token");
    }
    assert!(asked.len() <= 1, "the exchange goes out once");
    assert_eq!(done.is_ok(), asked.len() == 1, "{:?}", done.err());
    let code = fields.get("code").map(String::as_str);
    let verifier = session["verifier"].as_str();
    let own = [code, verifier].into_iter().flatten().filter(|secret| judge::is_telling(secret));
    // A redirect may say the word by itself; it is a token when it was given out.
    let given = asked.first().map(|_| "access-of-the-exchange-1");
    judge::no_secret(own.chain([CLIENT_SECRET]).chain(given));
}

/// What stands in the redirect, read as simply as can be.
fn query_fields(redirect: &[u8]) -> BTreeMap<String, String> {
    let Ok(redirect) = std::str::from_utf8(redirect) else { return BTreeMap::new() };
    let text = redirect.split('#').next().unwrap_or_default().trim();
    // The library decides whether this is an address or only a query; both readings are laid
    // over each other, the address's on top.
    let mut fields = form(text);
    if let Some((before, query)) = text.split_once('?')
        && before.bytes().find(|b| b":/?=&".contains(b)).is_none_or(|b| b":/?".contains(&b))
    {
        fields = form(query);
    }
    fields
}

fn form(text: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| judge::without_percents(&text.replace('+', " "));
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Step one's own parameters: whatever they are, they replace none that the library sets.
pub fn params(data: &[u8]) {
    let (which, params) = choice(data, 2);
    let [params] = parts(params);
    let begun = with_app(PROVIDERS[usize::from(which)], |app| app.step_one(params));
    if let Ok((uri, session)) = begun {
        let (_, query) = uri.split_once('?').expect("an address with a query");
        assert!(query.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
        let fields = form(query);
        assert_eq!(fields.len(), query.split('&').count(), "something is there twice: {uri}");
        let session: Value = serde_json::from_str(&session).expect("a session is JSON");
        assert_eq!(session["state"].as_str(), fields.get("state").map(String::as_str));
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(fields.get(name).map(String::as_str), Some(value), "{uri}");
        }
        let verifier = session["verifier"].as_str().expect("there is a verifier");
        assert!(!uri.contains(verifier), "the verifier is in the address");
        judge::no_secret([verifier]);
    }
    judge::no_secret([CLIENT_SECRET]);
}
