//! Token JSON: a text, a NUL, and the name of a field.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{PROVIDERS, parts, with_app};
use crate::c::App;
use crate::judge;

/// Fields that the library reads, and may write anew.
const KNOWN: [&str; 10] = [
    "access_token",
    "expires_at",
    "expires_in",
    "provider",
    "refresh_token",
    "refresh_token_expires_at",
    "renewing_since",
    "scope",
    "token_type",
    "user_id",
];

/// One that is accepted goes out, in again, and out the same; one that is not shows nothing of itself.
pub fn token(data: &[u8]) {
    let [json, name] = parts(data);
    for provider in PROVIDERS {
        with_app(provider, |app| round_trip(app, json, name));
    }
    let value = serde_json::from_slice::<Value>(json).unwrap_or_default();
    let secrets = ["access_token", "refresh_token"].map(|name| value[name].as_str());
    judge::no_secret(secrets.into_iter().flatten().filter(|secret| judge::is_telling(secret)));
}

fn round_trip(app: &App, json: &[u8], name: &[u8]) {
    let Ok(first) = app.load(json) else { return };
    let once = first.token();
    let second = app.load(once.as_bytes()).unwrap_or_else(|failure| {
        panic!("the library's own token is refused: {once}: {failure:?}");
    });
    assert_eq!(once, second.token(), "a token changes on its way out and in");
    // Values stay text: JSON's grammar allows escapes that stand for nothing.
    let [given, came] = [json, once.as_bytes()].map(|json| {
        serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(json).expect("it was accepted")
    });
    for name in ["access_token", "refresh_token"] {
        let text = |fields: &BTreeMap<String, Box<RawValue>>| {
            let text = fields.get(name).map(|raw| serde_json::from_str::<Value>(raw.get()));
            text.and_then(Result::ok).and_then(|value| value.as_str().map(str::to_owned))
        };
        let was = text(&given).filter(|text| !text.is_empty());
        assert_eq!(was, text(&came), "{name} is not what was loaded");
    }
    // What the library does not know goes out as it came, byte for byte.
    for (name, value) in given.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let now = came.get(name).map(|now| now.get());
        assert_eq!(now, Some(value.get()), "{name} is changed or lost");
    }
    for name in came.keys().map(String::as_bytes).chain([name]) {
        if name.contains(&0) {
            continue;
        }
        match (first.field(name), second.field(name)) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            (one, other) => assert!(one.is_err() && other.is_err()),
        }
    }
}
