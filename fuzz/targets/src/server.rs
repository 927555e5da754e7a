//! The provider, as the fuzzer plays it: a loopback server that sends the bytes it is given.
//!
//! One listener serves the whole process. A target lays out what will be said to the next requests,
//! whatever connection they come on; a request for which nothing is laid out finds its connection
//! closed. Connections have a thread each, because a client keeps one alive while it opens another. The
//! threads stay: what looks for leaks takes one that is beginning or ending for a leak.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, mpsc};

/// What follows the bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    Close,
}

/// What a request is answered with, in the pieces in which it is written.
#[derive(Clone, Debug)]
pub struct Said {
    pub pieces: Vec<Vec<u8>>,
    pub then: Then,
}

pub struct Asked {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn head(&self) -> &str {
        std::str::from_utf8(&self.head).expect("a request's head is text")
    }

    pub fn target(&self) -> &str {
        self.head().split(' ').nth(1).expect("a request line has a target")
    }
}

/// More than all apps of a target keep open together.
const CONNECTIONS: usize = 64;

#[derive(Default)]
struct Script {
    answers: std::collections::VecDeque<Said>,
    /// Where `answers` is empty.
    always: Option<Said>,
    asked: Vec<Asked>,
}

static SCRIPT: LazyLock<Mutex<Script>> = LazyLock::new(Mutex::default);

fn script() -> MutexGuard<'static, Script> {
    SCRIPT.lock().expect("no panic with the lock held")
}

static ADDRESS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (hand_over, streams) = mpsc::channel();
    let streams = Arc::new(Mutex::new(streams));
    for _ in 0..CONNECTIONS {
        let streams = streams.clone();
        std::thread::spawn(move || {
            let next = || streams.lock().expect("no panic with the lock held").recv().ok();
            std::iter::from_fn(next).for_each(serve);
        });
    }
    std::thread::spawn(move || {
        listener.incoming().flatten().try_for_each(|stream| hand_over.send(stream))
    });
    address
});

/// `http://127.0.0.1:PORT`
pub fn uri() -> String {
    format!("http://{}", *ADDRESS)
}

/// Lays out what is said from now on: these, one after the other, then nothing.
pub fn will_say(answers: Vec<Said>) {
    *script() = Script { answers: answers.into(), ..Script::default() };
}

/// The same to every request.
pub fn will_always_say(said: Said) {
    *script() = Script { always: Some(said), ..Script::default() };
}

/// Takes what was asked since then.
pub fn asked() -> Vec<Asked> {
    std::mem::take(&mut script().asked)
}

/// A whole answer, on a connection that stays open.
pub fn whole(head: &[u8], body: &[u8]) -> Said {
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    let bytes = [b"HTTP/1.1 ", head, length.as_bytes(), body].concat();
    Said { pieces: vec![bytes], then: Then::Keep }
}

fn serve(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut bytes = Vec::new();
    while let Some(asked) = request(&mut stream, &mut bytes) {
        let said = {
            let mut script = script();
            script.asked.push(asked);
            script.answers.pop_front().or(script.always.clone())
        };
        let Some(said) = said else { break };
        // A client that has left is no failure of the server's.
        let written = said.pieces.iter().all(|piece| stream.write_all(piece).is_ok());
        if !written || said.then == Then::Close {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        more(stream, bytes)?;
    }
    let rest = bytes.split_off(end + length);
    let mut head = std::mem::replace(bytes, rest);
    let body = head.split_off(end);
    Some(Asked { head, body })
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            bytes.extend_from_slice(&buffer[..count]);
            Some(())
        }
    }
}
