//! Apps and logins for the servers of these tests.

use fitbit_test_support::{App, Client, Dialect, Saver, fitbit, google_health};

use crate::server::{Request, Server};
use crate::tls;

pub const SECRET: &str = "a-client-secret";

/// 2100-01-01: no token ages while the tests run.
pub const FAR_AWAY: u64 = 4_102_444_800;

pub use fitbit::DIALECT as FITBIT;
pub use google_health::DIALECT as GOOGLE;

/// An app whose every endpoint is this server.
pub fn app_of(provider: Dialect, server: &Server) -> App {
    app_at(provider, &server.uri)
}

pub fn app_at(provider: Dialect, uri: &str) -> App {
    let app = provider.app_at(uri, "CLIENT", Some(SECRET), "http://127.0.0.1:1/");
    app.set_ca_file(tls::ca_file()).unwrap();
    // No test is about the timeout.
    app.set_timeout_ms(60_000).unwrap();
    app
}

pub fn google(server: &Server) -> App {
    app_of(GOOGLE, server)
}

/// A token as a program saved it, of a login that the servers of these tests know.
pub fn token(login: &str, expires_at: u64) -> String {
    format!(
        r#"{{"access_token":"access-{login}.0","refresh_token":"refresh-{login}.0",
            "token_type":"Bearer","expires_at":{expires_at}}}"#
    )
}

pub fn login(app: &App, name: &str) -> Client {
    app.from_token(&token(name, FAR_AWAY), &Saver::new()).unwrap()
}

/// The client has the newest token of the login `name`, and requests work with it.
#[track_caller]
pub fn works(what: &str, server: &Server, name: &str, client: &Client) {
    let response = client.get("/any").unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(response.text(), name, "{what}");
    has_the_newest_token(what, server, name, client);
}

#[track_caller]
pub fn has_the_newest_token(what: &str, server: &Server, name: &str, client: &Client) {
    let held = client.token_field("access_token");
    assert_eq!(held.as_deref(), Some(&*server.current(name)), "{what}");
}

/// Renews, and says which renewals the server saw of that.
#[track_caller]
pub fn renew(what: &str, server: &Server, name: &str, client: &Client) -> Vec<Request> {
    let before = server.renewals().len();
    client.refresh().unwrap_or_else(|error| panic!("{what}: {error:?}"));
    has_the_newest_token(what, server, name, client);
    let renewals = server.renewals().split_off(before);
    let own = renewals.iter().all(|renewal| renewal.login() == name);
    assert!(own, "{what}: somebody else's refresh token: {renewals:#?}");
    renewals
}
