//! What most tests begin with: a provider, an app, a login.

use crate::{App, Client, Saver};
use fitbit_simulator::{DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator};

pub const PROFILE: &str = "/1/user/-/profile.json";
pub const USER: &str = "26FWFL";

/// A provider of the test's own: strict rotation, no grace.
pub fn provider() -> Simulator {
    Simulator::start().expect("the simulator starts")
}

/// The demo application of type "Server", at that provider.
pub fn app(provider: &Simulator) -> App {
    App::at(provider.uri(), DEMO_SERVER_ID, Some(DEMO_SERVER_SECRET), DEMO_REDIRECT_URIS[0])
}

/// A token as the provider hands it out, for that application.
pub fn raw_token(provider: &Simulator) -> serde_json::Value {
    provider.issue_token(DEMO_SERVER_ID, USER, &["profile", "activity", "nutrition", "sleep"])
}

/// The same as a program would have saved it: with an `expires_at`, so many seconds from now.
pub fn saved_token(provider: &Simulator, expires_in: i64) -> String {
    let mut token = raw_token(provider);
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    token["expires_at"] = (now.as_secs() as i64 + expires_in).into();
    token.to_string()
}

/// A client with a token that is good for hours.
pub fn client(provider: &Simulator) -> Client {
    app(provider).from_token(&saved_token(provider, 3600), &Saver::new()).expect("a good token")
}
