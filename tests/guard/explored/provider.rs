//! The smallest provider that can lose a login: strict rotation, no grace, numbered tokens.
//!
//! Access token `a17` goes with refresh token `r17`. A refresh token works once. A new login is a
//! chain of its own; those before it go on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct State {
    /// The newest token's number.
    newest: u32,
    /// The refresh tokens that were not spent.
    live: BTreeSet<u32>,
    /// The login, by its first token's number, that a token belongs to.
    login_of: BTreeMap<u32, u32>,
    /// Access tokens up to here have expired.
    expired: u32,
    /// Refresh requests are answered with 429, and nothing is spent.
    refusing: bool,
}

pub struct Provider {
    pub uri: String,
    state: Arc<Mutex<State>>,
}

impl Provider {
    /// It runs as long as the test does.
    pub fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Provider { uri, state }
    }

    /// A world without a login.
    pub fn forget_everything(&self) {
        *self.state.lock().unwrap() = State::default();
    }

    pub fn issue(&self) -> String {
        self.state.lock().unwrap().issue(None)
    }

    /// The login that a token belongs to.
    pub fn login_of(&self, number: u32) -> Option<u32> {
        self.state.lock().unwrap().login_of.get(&number).copied()
    }

    /// Lets this access token, and all before it, be past their expiry.
    pub fn expire(&self, number: u32) {
        let mut state = self.state.lock().unwrap();
        state.expired = state.expired.max(number);
    }

    pub fn refuse(&self, refusing: bool) {
        self.state.lock().unwrap().refusing = refusing;
    }

    pub fn live(&self) -> BTreeSet<u32> {
        self.state.lock().unwrap().live.clone()
    }
}

impl State {
    fn issue(&mut self, after: Option<u32>) -> String {
        self.newest += 1;
        let number = self.newest;
        self.live.insert(number);
        let login = after.map_or(number, |spent| self.login_of[&spent]);
        self.login_of.insert(number, login);
        format!(
            r#"{{"access_token":"a{number}","refresh_token":"r{number}","expires_in":28800,"token_type":"Bearer","user_id":"U"}}"#
        )
    }

    fn answer(&mut self, head: &str, body: &str) -> (&'static str, String) {
        let error = |kind| format!(r#"{{"errors":[{{"errorType":"{kind}","message":"no"}}]}}"#);
        if head.starts_with("GET") {
            return match number_after(head, "Bearer a") {
                Some(number) if number > self.expired => ("200 OK", "{}".to_owned()),
                _ => ("401 Unauthorized", error("expired_token")),
            };
        }
        let Some(spent) = number_after(body, "refresh_token=r") else {
            return ("200 OK", self.issue(None));
        };
        if self.refusing {
            return ("429 Too Many Requests", error("rate_limit"));
        }
        match self.live.remove(&spent) {
            true => ("200 OK", self.issue(Some(spent))),
            false => ("400 Bad Request", error("invalid_grant")),
        }
    }
}

/// The number behind the first `name`, if it ends as numbers do.
fn number_after(text: &str, name: &str) -> Option<u32> {
    let rest = &text[text.find(name)? + name.len()..];
    rest.split(|end: char| !end.is_ascii_alphanumeric()).next()?.parse().ok()
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if !matches!(reader.read_line(&mut line), Ok(read) if read > 0) {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
            // The name of a header may be written in any way.
            head.push_str(&line.replace("bearer", "Bearer"));
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let body = String::from_utf8_lossy(&body);
        let (status, json) = state.lock().unwrap().answer(&head, &body);
        let length = json.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        );
        let mut writer = stream;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
