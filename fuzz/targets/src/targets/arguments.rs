//! What a program configures: ids, addresses, proxies, headers, scopes, and notifications.

use super::{CALLBACK, CLIENT_ID, FITBIT, PROVIDERS, choice, fresh_token, parts};
use crate::c::App;
use crate::judge::{self, CLIENT_SECRET};
use crate::server;

/// One byte chooses what is set; the rest is what to.
pub fn arguments(data: &[u8]) {
    let (what, data) = choice(data, 7);
    let [one, two, three] = parts(data);
    let id = CLIENT_ID.as_bytes();
    let secret = CLIENT_SECRET.as_bytes();
    let callback = CALLBACK.as_bytes();
    match what {
        0 => {
            for provider in PROVIDERS {
                let Ok(app) = App::new(provider, one, two, three) else { continue };
                log_in_and_ask(&app);
            }
            let telling = std::str::from_utf8(two).ok().filter(|secret| judge::is_telling(secret));
            judge::no_secret(telling);
        }
        1 => endpoint(one),
        2 => {
            let app = App::new(FITBIT, id, secret, callback).expect("it is in order");
            if app.set_proxy(Some(one)).is_ok() {
                log_in_and_ask(&app);
            }
            let text = String::from_utf8_lossy(one).into_owned();
            let password = text.rsplit_once('@').and_then(|(user, _)| user.rsplit_once(':'));
            let password = password.map(|(_, password)| password);
            judge::no_secret(password.filter(|secret| judge::is_telling(secret)));
        }
        3 => {
            let app = App::new(FITBIT, id, secret, callback).expect("it is in order");
            let _ = app.set_header(one, two);
            let _ = app.set_header(two, three);
            log_in_and_ask(&app);
        }
        4 => {
            let app = App::new(FITBIT, id, secret, callback).expect("it is in order");
            let _ = app.set_scopes(one);
            log_in_and_ask(&app);
        }
        5 => {
            for provider in PROVIDERS {
                let app = App::new(provider, id, secret, callback).expect("it is in order");
                assert!(app.verify_signature(one, two).is_err(), "a signature was guessed");
            }
        }
        _ => {
            let app = App::new(FITBIT, id, secret, callback).expect("it is in order");
            if app.set_endpoint(0, one).is_ok()
                && let Ok((uri, _)) = app.step_one(two)
            {
                assert!(uri.starts_with("https://") || uri.starts_with("http://"), "{uri}");
            }
        }
    }
    judge::no_secret([CLIENT_SECRET]);
}

/// Step one, and what step two does before it would ask anybody.
fn log_in_and_ask(app: &App) {
    let Ok((_, session)) = app.step_one(b"") else { return };
    assert!(app.step_two(session.as_bytes(), b"?state=another&code=1").is_err());
    if let Ok(client) = app.load(fresh_token().as_bytes()) {
        assert_eq!(client.user_id().expect("the token says it").as_deref(), Some("26FWFL"));
    }
}

/// An API endpoint. Only the loopback server is asked: what comes behind its address is the input's.
fn endpoint(text: &[u8]) {
    let new = || {
        App::new(FITBIT, CLIENT_ID.as_bytes(), CLIENT_SECRET.as_bytes(), CALLBACK.as_bytes())
            .expect("it is in order")
    };
    if new().set_endpoint(3, text).is_ok() {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        let local = ["localhost", "127.", "[::1]"];
        let local = text
            .strip_prefix("http://")
            .is_some_and(|rest| local.iter().any(|host| rest.starts_with(host)));
        assert!(text.starts_with("https://") || local, "{text} is not private");
        assert!(!text.contains(['#', '?', ' ', '\r', '\n']), "{text}");
        assert!(!text.split('/').nth(2).unwrap_or_default().contains('@'), "{text}");
    }
    let below = [server::uri().as_bytes(), b"/", text].concat();
    let app = new();
    if app.set_endpoint(3, &below).is_err() {
        return;
    }
    server::will_always_say(server::whole(b"200 OK", b"{}"));
    let client = app.load(fresh_token().as_bytes()).expect("a good token");
    let done = client.get(b"/profile.json");
    let asked = server::asked();
    assert_eq!(asked.len(), usize::from(done.is_ok()), "{:?}", done.err());
    for asked in asked {
        let target = asked.target();
        assert!(target.starts_with('/') && target.ends_with("/profile.json"), "{target}");
        assert_eq!(asked.head().matches("\r\n").count(), 7, "{}", asked.head());
    }
}
