//! A provider in a few lines: it counts what it is asked for tokens, and keeps what it is shown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it does with requests for tokens.
#[derive(Clone, Copy, PartialEq)]
pub enum Answers {
    All,
    /// It refuses them.
    None,
    /// It hangs up on the first, and answers when it is asked again.
    Again,
}

#[derive(Default)]
struct Seen {
    renewals: usize,
    bearers: Vec<String>,
    hangs_up: bool,
}

pub struct Server {
    pub uri: String,
    answers: Answers,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub fn start(answers: Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen = Arc::<Mutex<Seen>>::default();
        let kept = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || serve(stream, answers, &kept));
            }
        });
        Server { uri, answers, seen }
    }

    pub fn forget(&self) {
        let hangs_up = self.answers == Answers::Again;
        *self.seen.lock().expect("no panic with it") = Seen { hangs_up, ..Seen::default() };
    }

    /// From here on.
    pub fn answers_all(&self) {
        self.seen.lock().expect("no panic with it").hangs_up = false;
    }

    pub fn renewals(&self) -> usize {
        self.seen.lock().expect("no panic with it").renewals
    }

    /// The Authorization header of each API request.
    pub fn bearers(&self) -> Vec<String> {
        self.seen.lock().expect("no panic with it").bearers.clone()
    }
}

/// Until the other side leaves; None is that.
fn serve(stream: TcpStream, answers: Answers, seen: &Mutex<Seen>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut bearer, mut length) = (String::new(), String::new(), 0);
        for at in 0.. {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            match line.split_once(": ") {
                _ if at == 0 => first = line.to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    bearer = value.to_owned();
                }
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok()?;
                }
                _ if line.is_empty() => break,
                _ => {}
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let (status, body) = if first.starts_with("POST /oauth2/token") {
            let mut seen = seen.lock().ok()?;
            seen.renewals += 1;
            if std::mem::take(&mut seen.hangs_up) {
                return None;
            }
            match answers == Answers::None {
                true => ("400 Bad Request", r#"{"error":"invalid_grant"}"#),
                false => (
                    "200 OK",
                    r#"{"access_token":"new","refresh_token":"r2","expires_in":28800,"user_id":"U"}"#,
                ),
            }
        } else {
            seen.lock().ok()?.bearers.push(bearer);
            ("200 OK", "{}")
        };
        let kind = "Content-Type: application/json";
        let length = body.len();
        let whole =
            format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        reader.get_mut().write_all(whole.as_bytes()).ok()?;
    }
}
