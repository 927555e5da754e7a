//! What the scenes of these tests are made of: logins in a certain state, what the provider was
//! sent, and a gate that one thread opens for another.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{App, Client, Saver, field as form_field};
use serde_json::Value;

use super::world::{DIALECT, app, raw_token, saved_token};

/// Whoever is waiting for this long is hanging.
pub const LONG: Duration = Duration::from_secs(30);

/// A client whose token expires in so many seconds by its own `expires_at`; the provider takes it
/// all the same.
pub fn client_with(provider: &Simulator, expires_in: i64, saver: &Saver) -> Client {
    client_of(&app(provider), provider, expires_in, saver)
}

/// The same, of an app that the test has set up.
pub fn client_of(app: &App, provider: &Simulator, expires_in: i64, saver: &Saver) -> Client {
    app.from_token(&saved_token(provider, expires_in), saver).unwrap()
}

/// An app whose calls end after so many milliseconds.
pub fn hasty_app(provider: &Simulator, milliseconds: u32) -> App {
    let app = app(provider);
    app.set_timeout_ms(milliseconds).unwrap();
    app
}

/// What the next refresh is answered with: a good token, changed.
pub fn answer_next_refresh(provider: &Simulator, change: impl FnOnce(&mut Value)) -> Value {
    let mut token = raw_token(provider);
    change(&mut token);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Json(200, token.clone())));
    token
}

/// Delays every answer of this kind.
pub fn delay(provider: &Simulator, target: Target, milliseconds: u64) {
    provider.fault(Fault::always(target, FaultKind::Latency(milliseconds)));
}

/// One field of a token, as text.
pub fn field(json: &str, name: &str) -> String {
    let token: Value = serde_json::from_str(json).expect("a token is JSON");
    token[name].as_str().map_or_else(|| token[name].to_string(), str::to_owned)
}

/// The access tokens that API requests carried, oldest first.
pub fn access_tokens_sent(provider: &Simulator) -> Vec<String> {
    let log = provider.log();
    let bearers = log.iter().filter_map(|entry| entry.header("authorization"));
    bearers.filter_map(|value| value.strip_prefix("Bearer ")).map(str::to_owned).collect()
}

/// The refresh tokens that were sent, oldest first, as far as the provider read them.
pub fn refresh_tokens_sent(provider: &Simulator) -> Vec<String> {
    let log = provider.log();
    let requests = log.iter().filter(|entry| entry.target == DIALECT.oauth_paths[1]);
    let bodies = requests.map(|entry| String::from_utf8_lossy(&entry.body).into_owned());
    bodies.filter_map(|body| form_field(&body, "refresh_token")).collect()
}

/// Closed until somebody opens it.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until it is open; `false` if that never happened.
    pub fn wait(&self) -> bool {
        let open = self.open.lock().unwrap();
        *self.opened.wait_timeout_while(open, LONG, |open| !*open).unwrap().0
    }
}
