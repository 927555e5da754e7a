//! A server that attacks until it is told to be good, and what a client must come through unharmed: a
//! request, a renewal and a login, after which the same client works and holds the same login.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fitbit_simulator::{DEMO_REDIRECT_URIS, DEMO_SERVER_ID};
use fitbit_test_support::world::USER;
use fitbit_test_support::{App, Client, Error, Saver, code, field};

use crate::relay::listen;
use crate::scripted::request;
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, REFRESH_TOKEN, token};

pub const NEW_ACCESS_TOKEN: &str = "YX.another-token-Of_the.Test";
pub const NEW_REFRESH_TOKEN: &str = "fedcba9876543210-refresh-token";
pub const CODE: &str = "authorization-code-0123456789";

/// A token as a provider hands it out.
pub fn new_token() -> String {
    format!(
        r#"{{"access_token":"{NEW_ACCESS_TOKEN}","refresh_token":"{NEW_REFRESH_TOKEN}","token_type":"Bearer","expires_in":28800,"user_id":"{USER}"}}"#
    )
}

/// Written in place of an answer; an error ends the connection, and so does its return.
pub type Attack = Arc<dyn Fn(&mut TcpStream) -> io::Result<()> + Send + Sync>;

/// These bytes, and the connection ends.
pub fn bytes(bytes: impl Into<Vec<u8>>) -> Attack {
    let bytes = bytes.into();
    Arc::new(move |stream| stream.write_all(&bytes))
}

#[derive(Clone)]
pub struct Hostile {
    pub uri: String,
    is_good: Arc<AtomicBool>,
}

impl Hostile {
    pub fn new(attack: Attack) -> Hostile {
        let is_good = Arc::<AtomicBool>::default();
        let good = is_good.clone();
        let address = listen("127.0.0.1", move |mut stream| {
            stream.set_nodelay(true)?;
            let mut early = Vec::new();
            while let Some((head, _)) = request(&mut stream, &mut early) {
                if !good.load(Ordering::SeqCst) {
                    return attack(&mut stream);
                }
                let body = if head.contains("/oauth2/token ") { new_token() } else { "{}".into() };
                let length = body.len();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")?;
            }
            Ok(())
        });
        Hostile { uri: format!("http://{address}"), is_good }
    }

    pub fn be_good(&self, good: bool) {
        self.is_good.store(good, Ordering::SeqCst);
    }

    pub fn app(&self, timeout_ms: u32) -> App {
        let app = App::at(&self.uri, DEMO_SERVER_ID, Some(CLIENT_SECRET), DEMO_REDIRECT_URIS[0]);
        app.set_timeout_ms(timeout_ms).unwrap();
        app
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Get,
    Refresh,
    Login,
}

pub const CALLS: [Call; 3] = [Call::Get, Call::Refresh, Call::Login];

/// What the program sees of an outcome.
pub type Outcome = Result<Vec<u8>, Error>;

pub fn log_in(app: &App) -> Result<Client, Error> {
    let login = app.step_one(None)?;
    let state =
        login.authorization_uri.split_once('?').and_then(|(_, query)| field(query, "state"));
    let query = format!("code={CODE}&state={}", state.expect("an address has a state"));
    app.step_two(&login.session, &query, &Saver::new())
}

/// One call under attack; then the server is good, and the login must be as it was.
#[track_caller]
pub fn endure(what: &str, server: &Hostile, call: Call, timeout_ms: u32) -> Outcome {
    let app = server.app(timeout_ms);
    let saver = Saver::new();
    let mut client = app.from_token(&token(ACCESS_TOKEN), &saver).expect("a good token");
    let before = client.token();
    server.be_good(false);
    let outcome = match call {
        Call::Get => client.get(ANY).map(|response| response.body.clone()),
        Call::Refresh => client.refresh().map(|()| client.token().into_bytes()),
        Call::Login => log_in(&app).map(|client| client.token().into_bytes()),
    };
    server.be_good(true);
    if let Err(error) = &outcome {
        assert_ne!(error.code, code::INTERNAL, "{what}, {call:?}: {error:?}");
        assert_ne!(error.code, code::REAUTHORIZE, "{what}, {call:?}: the login lives: {error:?}");
        shows_no_secret(what, error);
        assert_eq!(client.token(), before, "{what}, {call:?}: the token is as it was");
        assert!(saver.offered().is_empty(), "{what}, {call:?}: nothing new to be saved");
    }
    // The process goes on, and so does the login.
    let gets = || client.get(ANY).is_ok_and(|response| response.body == b"{}");
    assert!(succeeds(&gets), "{what}: the next request is not held up");
    if call == Call::Refresh && outcome.is_err() {
        // This client asks again after five seconds (tests/renewal/lost_answers.rs). Another one knows
        // nothing of the lost answer.
        client = app.from_token(&client.token(), &saver).expect("its own token");
    }
    app_goes_on(what, &app, &client);
    outcome
}

/// The timeouts are short here: what a busy machine was too slow for is asked again.
fn succeeds(call: &dyn Fn() -> bool) -> bool {
    (0..10).any(|_| call())
}

#[track_caller]
fn app_goes_on(what: &str, app: &App, client: &Client) {
    let gets = || client.get(ANY).is_ok_and(|response| response.body == b"{}");
    assert!(succeeds(&gets), "{what}: the next request");
    assert!(succeeds(&|| client.refresh().is_ok()), "{what}: the next renewal");
    assert_eq!(client.token_field("access_token").as_deref(), Some(NEW_ACCESS_TOKEN));
    assert!(succeeds(&|| log_in(app).is_ok()), "{what}: the next login");
}

#[track_caller]
pub fn shows_no_secret(what: &str, error: &Error) {
    let text = error.all_text();
    for secret in
        [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, NEW_ACCESS_TOKEN, NEW_REFRESH_TOKEN, CODE]
    {
        assert!(!text.contains(secret), "{what}: {secret} in {text}");
    }
}

/// Each in a thread of its own: most of their time passes in waiting.
pub fn all_at_once<T: Send>(each: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) -> usize {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = each.into_iter().map(|one| scope.spawn(move || run(one))).collect();
        let count = threads.len();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        count
    })
}
