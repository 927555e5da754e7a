//! The steps that most tests here take: begin a login, play the person, read what was sent.

use fitbit_simulator::{Decision, Entry, FaultKind, Simulator};
use fitbit_test_support::{App, Client, Error, Saver, Session};
pub use fitbit_test_support::{field, form};
use serde_json::Value;

use super::world::DIALECT;

/// The person grants everything; answers with the address that the browser is sent to.
pub fn granted(provider: &Simulator, session: &Session) -> String {
    provider.visit(&session.authorization_uri, Decision::Grant).expect("a consent page")
}

/// A login from its beginning to its end.
pub fn log_in(provider: &Simulator, app: &App, saver: &Saver) -> Client {
    let session = app.step_one(None).expect("an address");
    let redirect = granted(provider, &session);
    app.step_two(&session.session, &redirect, saver).expect("a login")
}

/// A login up to step two, whose one request meets this fault.
pub fn log_in_under(provider: &Simulator, app: &App, kind: FaultKind) -> Result<Client, Error> {
    let session = app.step_one(None).expect("an address");
    let redirect = granted(provider, &session);
    provider.fault(fitbit_simulator::Fault::once(fitbit_simulator::Target::Exchange, kind));
    app.step_two(&session.session, &redirect, &Saver::new())
}

/// The error of a call that must not succeed.
#[track_caller]
pub fn error_of<T>(outcome: Result<T, Error>) -> Error {
    outcome.err().expect("this call has to fail")
}

/// What stands behind the first `?`, without the fragment.
pub fn query(uri: &str) -> &str {
    let uri = uri.split('#').next().unwrap_or_default();
    uri.split_once('?').map_or("", |(_, query)| query)
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("this is JSON")
}

/// A session with one field changed.
pub fn with_field(session: &str, name: &str, value: impl Into<Value>) -> String {
    let mut session = json(session);
    session[name] = value.into();
    session.to_string()
}

/// The requests that reached the token endpoint.
pub fn token_requests(provider: &Simulator) -> Vec<Entry> {
    provider.log().into_iter().filter(|entry| entry.target == DIALECT.oauth_paths[1]).collect()
}

/// The form in the body of a request.
pub fn body(entry: &Entry) -> Vec<(String, String)> {
    form(std::str::from_utf8(&entry.body).expect("a form is ASCII"))
}

/// A token endpoint's answer with exactly this text as its JSON.
pub fn answer(json: &str) -> FaultKind {
    let head = format!("Content-Type: application/json\r\nContent-Length: {}", json.len());
    FaultKind::Raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{json}").into_bytes())
}

/// Fails if any text of the error holds a secret that the provider gave out or received.
#[track_caller]
pub fn shows_no_secret(error: &Error, provider: &Simulator) {
    let text = error.all_text();
    for secret in provider.secrets() {
        assert!(!text.contains(&secret), "{text}");
    }
}
