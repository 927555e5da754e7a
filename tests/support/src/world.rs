//! What most tests begin with: a provider, an app, a login.
//!
//! This file stands in the library once for each provider, like most files of tests/login and
//! tests/renewal in theirs: `DIALECT` is the row of the table that it is read for.

use fitbit_simulator::Simulator;

use crate::{App, Client, Error, Saver};

pub use super::DIALECT;
pub use crate::dialect::PERSON;

/// A path that every test's token may read.
pub const PROFILE: &str = DIALECT.profile;
/// Whose token it is, as the library says.
pub const USER: &str = DIALECT.user;

/// A provider of the test's own: as strict as it can be, no grace.
pub fn provider() -> Simulator {
    Simulator::start().expect("the simulator starts")
}

/// The demo application that has a secret, at that provider.
pub fn app(provider: &Simulator) -> App {
    DIALECT.app(provider)
}

/// An app whose every endpoint is a server of the test's own.
pub fn app_at(
    server: &str,
    client_id: &str,
    client_secret: Option<&str>,
    callback_uri: &str,
) -> App {
    DIALECT.app_at(server, client_id, client_secret, callback_uri)
}

/// An app of the provider itself.
pub fn new_app(
    client_id: &str,
    client_secret: Option<&str>,
    callback_uri: Option<&str>,
) -> Result<App, Error> {
    DIALECT.new_app(client_id, client_secret, callback_uri)
}

/// The token endpoint, at that provider.
pub fn token_uri(provider: &Simulator) -> String {
    format!("{}{}", provider.uri(), DIALECT.oauth_paths[1])
}

/// A token as the provider hands it out, for the demo application.
pub fn raw_token(provider: &Simulator) -> serde_json::Value {
    DIALECT.raw_token(provider)
}

/// The same as a program would have saved it: with an `expires_at`, so many seconds from now.
pub fn saved_token(provider: &Simulator, expires_in: i64) -> String {
    DIALECT.saved_token(provider, expires_in)
}

/// The same, with the id of its person, which not every provider writes into its tokens.
pub fn named_token(provider: &Simulator, expires_in: i64) -> String {
    let mut token: serde_json::Value =
        serde_json::from_str(&saved_token(provider, expires_in)).expect("a token is JSON");
    token["user_id"] = USER.into();
    token.to_string()
}

/// A client with a token that is good for hours.
pub fn client(provider: &Simulator) -> Client {
    app(provider).from_token(&saved_token(provider, 3600), &Saver::new()).expect("a good token")
}
