//! The targets, and what most of them begin with.

mod answers;
mod arguments;
mod conversation;
mod login;
mod requests;
mod token;

use std::cell::OnceCell;

use crate::c::{App, Client};
use crate::judge::{ACCESS, CLIENT_SECRET, REFRESH};
use crate::server;

type Target = (&'static str, fn(&[u8]));

/// Name and body of each.
pub const TARGETS: &[Target] = &[
    ("token", token::token),
    ("session", login::session),
    ("redirect", login::redirect),
    ("params", login::params),
    ("error", answers::error),
    ("headers", answers::headers),
    ("renewal", answers::renewal),
    ("page", requests::page),
    ("path", requests::path),
    ("request", requests::request),
    ("arguments", arguments::arguments),
    ("conversation", conversation::conversation),
];

pub const FITBIT: u32 = 1;
pub const GOOGLE: u32 = 2;
const PROVIDERS: [u32; 2] = [FITBIT, GOOGLE];

pub const CALLBACK: &str = "http://127.0.0.1:8080/callback";
pub const CLIENT_ID: &str = "22CQ7B";

/// The API's own path at the loopback server, and the token endpoint's.
pub const PREFIX: &str = "/api/v1";

pub const HASTE: u32 = 100;

/// An app whose endpoints are the loopback server's.
pub fn app(provider: u32, milliseconds: u32) -> App {
    let app =
        App::new(provider, CLIENT_ID.as_bytes(), CLIENT_SECRET.as_bytes(), CALLBACK.as_bytes());
    let app = app.expect("nothing is wrong with it");
    for (endpoint, path) in [(1, "/oauth2/token"), (2, "/oauth2/revoke"), (3, PREFIX)] {
        app.set_endpoint(endpoint, format!("{}{path}", server::uri()).as_bytes())
            .expect("it is loopback");
    }
    app.set_timeout(milliseconds);
    app.set_max_body(64 << 10);
    app
}

/// A token that lasts.
pub fn fresh_token() -> String {
    format!(
        r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}","token_type":"Bearer","expires_in":28800,"expires_at":99999999999,"user_id":"26FWFL"}}"#
    )
}

/// Runs with the app of this provider that earlier inputs have used too: nothing of what it is asked
/// here changes it, and it keeps its connection.
pub fn with_app<T>(provider: u32, body: impl FnOnce(&App) -> T) -> T {
    thread_local! {
        static APPS: [OnceCell<App>; 2] = const { [const { OnceCell::new() }; 2] };
    }
    APPS.with(|apps| {
        let index = usize::from(provider == GOOGLE);
        body(apps[index].get_or_init(|| app(provider, 20_000)))
    })
}

/// The same with an app that has less time than the first pause before a lost answer is asked for
/// again: that call fails at once, and the next one asks.
pub fn with_hasty_app<T>(provider: u32, body: impl FnOnce(&App) -> T) -> T {
    thread_local! {
        static APPS: [OnceCell<App>; 2] = const { [const { OnceCell::new() }; 2] };
    }
    APPS.with(|apps| {
        let index = usize::from(provider == GOOGLE);
        body(apps[index].get_or_init(|| app(provider, HASTE)))
    })
}

/// A client of that app, with a token that lasts.
pub fn client(provider: u32) -> Client {
    with_app(provider, |app| app.load(fresh_token().as_bytes())).expect("a good token")
}

/// The first byte, as a choice of so many, and the rest.
pub fn choice(data: &[u8], most: u8) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (first % most, rest))
}

/// The parts between NULs: C cannot say one inside a text. What is not there is empty.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.split(|&byte| byte == 0);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
