//! Logins for servers of the test's own.
//!
//! `world` of the support crate has the usual ones; these are for apps that are set up otherwise,
//! and for servers that issue no tokens.

use std::time::{Duration, Instant};

use fitbit_simulator::{DEMO_REDIRECT_URIS, DEMO_SERVER_ID, Simulator};
use fitbit_test_support::world::USER;
use fitbit_test_support::{App, Client, Error, Saver};

/// Its beginning is part of no message of the library's, so that what is left of it shows.
pub const ACCESS_TOKEN: &str = "ZQ.token-Of_the.Test";
pub const REFRESH_TOKEN: &str = "0123456789abcdef-refresh-token";
pub const CLIENT_SECRET: &str = "a-client-secret";

/// 2100-01-01: no token ages while the tests run.
const FAR_AWAY: u64 = 4_102_444_800;

/// A path that every scripted server answers.
pub const ANY: &str = "/1/user/-/any.json";

/// A client of the server at `uri`, with a token that is good for ever.
pub fn client_at(uri: &str) -> Client {
    client_with(uri, |_| ())
}

/// The same, of an app that `set_up` has set up.
pub fn client_with(uri: &str, set_up: impl FnOnce(&App)) -> Client {
    let app = App::at(uri, DEMO_SERVER_ID, Some(CLIENT_SECRET), DEMO_REDIRECT_URIS[0]);
    set_up(&app);
    app.from_token(&token(ACCESS_TOKEN), &Saver::new()).expect("a good token")
}

/// A token as a program saves it.
pub fn token(access_token: &str) -> String {
    format!(
        r#"{{"access_token":"{access_token}","refresh_token":"{REFRESH_TOKEN}",
            "token_type":"Bearer","expires_at":{FAR_AWAY},"user_id":"{USER}"}}"#
    )
}

/// A client of the simulator's person who granted these scopes, of an app that was set up.
pub fn client_of(provider: &Simulator, scopes: &[&str], set_up: impl FnOnce(&App)) -> Client {
    let app = fitbit_test_support::world::app(provider);
    set_up(&app);
    let mut token = provider.issue_token(DEMO_SERVER_ID, USER, scopes);
    token["expires_at"] = FAR_AWAY.into();
    app.from_token(&token.to_string(), &Saver::new()).expect("a good token")
}

/// Runs a call that has to give up by itself, and says how long it took. A noisy machine gets ten
/// seconds; what waits for the server's own end takes a minute.
pub fn gives_up<T: std::fmt::Debug>(call: impl FnOnce() -> Result<T, Error>) -> (Error, Duration) {
    let begin = Instant::now();
    let error = call().expect_err("this cannot succeed");
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(10), "it took {took:?}: {error:?}");
    (error, took)
}
