//! A provider in a few lines: it counts what it is asked for tokens, and keeps what it is shown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What it does with requests for tokens.
#[derive(Clone, Copy, PartialEq)]
pub enum Answers {
    All,
    /// It refuses them.
    None,
    /// It hangs up on the first, and answers when it is asked again.
    Again,
    /// It answers only when the test says so.
    Late,
}

#[derive(Default)]
struct Seen {
    /// The number of the current run: what was sent in an earlier one does not count.
    run: usize,
    renewals: usize,
    bearers: Vec<String>,
    hangs_up: bool,
    is_held: bool,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    released: Condvar,
}

pub struct Server {
    pub uri: String,
    answers: Answers,
    shared: Arc<Shared>,
    /// Responses that another call has read than the one that had asked.
    pub read_late: AtomicUsize,
}

impl Server {
    /// It says `token` to requests for one.
    pub fn start(answers: Answers, token: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared = Arc::<Shared>::default();
        let kept = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || serve(stream, answers, token, &kept));
            }
        });
        Server { uri, answers, shared, read_late: AtomicUsize::new(0) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().expect("no panic with it")
    }

    /// A new run begins.
    pub fn forget(&self) {
        let hangs_up = self.answers == Answers::Again;
        let is_held = self.answers == Answers::Late;
        let mut seen = self.seen();
        *seen = Seen { run: seen.run + 1, hangs_up, is_held, ..Seen::default() };
        self.shared.released.notify_all();
    }

    /// Where this run asks for tokens.
    pub fn token_uri(&self) -> String {
        format!("{}/oauth2/token/{}", self.uri, self.seen().run)
    }

    /// From here on.
    pub fn answers_all(&self) {
        self.seen().hangs_up = false;
    }

    /// What it was asked before, too.
    pub fn answers_all_late(&self) {
        self.seen().is_held = false;
        self.shared.released.notify_all();
    }

    pub fn renewals(&self) -> usize {
        self.seen().renewals
    }

    /// The Authorization header of each API request.
    pub fn bearers(&self) -> Vec<String> {
        self.seen().bearers.clone()
    }
}

/// Until the other side leaves; None is that.
fn serve(stream: TcpStream, answers: Answers, token: &'static str, shared: &Shared) -> Option<()> {
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
        let (status, body) = if let Some(rest) = first.strip_prefix("POST /oauth2/token/") {
            let run: usize = rest.split(' ').next()?.parse().ok()?;
            let mut seen = shared.seen.lock().ok()?;
            if seen.run != run {
                return None;
            }
            seen.renewals += 1;
            if std::mem::take(&mut seen.hangs_up) {
                return None;
            }
            while seen.is_held && seen.run == run {
                seen = shared.released.wait(seen).ok()?;
            }
            match answers == Answers::None {
                true => ("400 Bad Request", r#"{"error":"invalid_grant"}"#),
                false => ("200 OK", token),
            }
        } else {
            shared.seen.lock().ok()?.bearers.push(bearer);
            ("200 OK", "{}")
        };
        let kind = "Content-Type: application/json";
        let length = body.len();
        let whole =
            format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        reader.get_mut().write_all(whole.as_bytes()).ok()?;
    }
}
