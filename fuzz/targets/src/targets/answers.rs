//! What a provider answers: error bodies, headers, tokens. All answers are whole.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{PROVIDERS, choice, client, fresh_token, with_hasty_app};
use crate::judge::{self, ACCESS, REFRESH, SECRETS};
use crate::server;

const TIMEOUT: u32 = 12;

const STATUSES: [&str; 12] = [
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "409 Conflict",
    "410 Gone",
    "422 Unprocessable Entity",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "503 Service Unavailable",
    "302 Found",
    "304 Not Modified",
];

/// A provider, a status, a call, and the body of the answer to it. The login is held afterwards.
pub fn error(data: &[u8]) {
    let (which, data) = choice(data, 2);
    let (status, data) = choice(data, STATUSES.len() as u8);
    let (call, body) = choice(data, 3);
    let head = STATUSES[usize::from(status)];
    // The token endpoint asks again after these, with a pause.
    let call =
        if call == 1 && (head.starts_with('5') || head.starts_with("409")) { 0 } else { call };
    let client = client(PROVIDERS[usize::from(which)]);
    server::will_always_say(server::whole(head.as_bytes(), body));
    let failure = match call {
        0 => client.get(b"/profile.json").err(),
        1 => client.refresh().err(),
        _ => client.revoke().err(),
    };
    if let Some(failure) = failure {
        assert!(failure.http_status == 0 || head.starts_with(&failure.http_status.to_string()));
    } else {
        assert_eq!(call, 2, "an error is no success");
    }
    assert_eq!(client.known("refresh_token"), REFRESH, "the login is lost");
    judge::no_secret(SECRETS);
}

/// A provider, a status, and the header lines of an answer.
pub fn headers(data: &[u8]) {
    let (which, data) = choice(data, 2);
    let (status, data) = choice(data, STATUSES.len() as u8 + 3);
    let (end, lines) = choice(data, 2);
    let statuses = [&STATUSES[..], &["200 OK", "201 Created", "204 No Content"]].concat();
    let head = statuses[usize::from(status)].as_bytes();
    let body: &[u8] = if end == 0 { b"{}" } else { b"\r\n\r\n{\"errors\":[]}" };
    let then = server::Then::Close;
    let bytes = [b"HTTP/1.1 ", head, b"\r\n", lines, b"\r\n\r\n", body].concat();
    server::will_always_say(server::Said { pieces: vec![bytes], then });
    let client = client(PROVIDERS[usize::from(which)]);
    if let Ok(response) = client.get(b"/profile.json") {
        assert!((200..300).contains(&response.status()));
        assert!(response.body().len() <= 64 << 10, "the body is larger than was allowed");
        for line in lines.split(|&byte| byte == b'\n') {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            if !name.contains(&0) {
                response.header(name);
            }
        }
    }
    if let Some(limit) = client.rate_limit() {
        assert!(limit.limit >= -1 && limit.remaining >= -1 && limit.reset_seconds >= -1);
    }
    assert!(!client.known("refresh_token").is_empty(), "the login is lost");
    judge::no_secret(SECRETS);
}

/// A provider, and the token endpoint's answer of 200: what holds a usable token is taken, anything
/// else changes nothing.
pub fn renewal(data: &[u8]) {
    let (which, body) = choice(data, 2);
    let provider = PROVIDERS[usize::from(which)];
    let client = with_hasty_app(provider, |app| app.keeping(fresh_token().as_bytes(), true));
    let client = client.expect("a good token");
    server::will_always_say(server::whole(b"200 OK\r\nContent-Type: application/json", body));
    let done = client.refresh();
    let (access, refresh) = (client.known("access_token"), client.known("refresh_token"));
    let answer = each_field(body);
    match done {
        Ok(()) => {
            assert_eq!(Some(&*access), answer["access_token"].as_str(), "another token");
            let new = answer["refresh_token"].as_str().filter(|new| !new.is_empty());
            // One field alone is shown without the NULs that C could not see past.
            let new = new.unwrap_or(REFRESH).replace('\0', "");
            assert_eq!(refresh, new, "the refresh token is lost");
            assert_eq!(client.last_kept(), Some(&*client.token()), "it was not saved");
        }
        Err(failure) => {
            assert_eq!((&*access, &*refresh), (ACCESS, REFRESH), "a token changed: {failure:?}");
            let late = failure.code == TIMEOUT; // a busy machine
            assert!(late || !is_good(&answer), "a good token is dropped: {failure:?}");
        }
    }
    let json = client.token();
    let again = with_hasty_app(provider, |app| app.load(json.as_bytes()));
    assert_eq!(again.expect("its own token").token(), json);
    let new = [access.as_str(), refresh.as_str()];
    judge::no_secret(new.into_iter().filter(|secret| judge::is_telling(secret)).chain(SECRETS));
}

/// An object, each of its values read by itself: a number that is too large for one is no reason to
/// drop a token.
fn each_field(body: &[u8]) -> Value {
    let fields = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(body);
    let read = |(name, value): (String, Box<RawValue>)| {
        (name, serde_json::from_str::<Value>(value.get()).unwrap_or_default())
    };
    fields.map_or(Value::Null, |fields| fields.into_iter().map(read).collect())
}

/// Beyond doubt: whatever else is in it.
fn is_good(answer: &Value) -> bool {
    let Some(fields) = answer.as_object() else { return false };
    let known = ["access_token", "refresh_token", "expires_in", "token_type"];
    fields.keys().all(|name| known.contains(&name.as_str()))
        && answer["access_token"].as_str().is_some_and(|token| {
            (1..=1000).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
        })
        && fields.get("refresh_token").is_none_or(Value::is_string)
        && fields.get("token_type").is_none_or(|kind| kind == "Bearer")
}
