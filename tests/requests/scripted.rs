//! A server that says exactly what a test wants said, and keeps what it was asked.
//!
//! Each connection has a thread that reads requests and sends the bytes that the script gives for
//! them. The threads end with their connections, the listening one with the process.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Counted from 0.
    pub connection: usize,
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    /// Path and query.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The values of every header of that name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect()
    }
}

/// What a request is answered with.
pub struct Said {
    bytes: Vec<u8>,
    then_close: bool,
}

/// These bytes; the connection stays open.
pub fn say(bytes: impl AsRef<[u8]>) -> Said {
    Said { bytes: bytes.as_ref().to_vec(), then_close: false }
}

/// These bytes, and the connection ends.
pub fn say_and_close(bytes: impl AsRef<[u8]>) -> Said {
    Said { then_close: true, ..say(bytes) }
}

/// A whole answer: `head` is the status and header lines, joined by `\r\n`.
pub fn whole(head: &str, body: impl AsRef<[u8]>) -> Said {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    say([head.as_bytes(), body].concat())
}

pub fn ok() -> Said {
    whole("200 OK\r\nContent-Type: application/json", "{}")
}

pub struct Scripted {
    pub uri: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Answers every request the same.
    pub fn saying(said: impl Fn() -> Said + Send + Sync + 'static) -> Scripted {
        Scripted::answering(move |_, _| said())
    }

    /// Answers by what `script` says to a request and its number, counted from 0.
    pub fn answering(script: impl Fn(usize, &Asked) -> Said + Send + Sync + 'static) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, kept) = (Arc::new(script), asked.clone());
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (script, kept) = (script.clone(), kept.clone());
                std::thread::spawn(move || serve(stream, connection, &*script, &kept));
            }
        });
        Scripted { uri, asked }
    }

    /// Every request so far, in the order of answering.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic with the lock held").clone()
    }

    /// The only request so far.
    pub fn asked_once(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }

    /// How many connections carried a request.
    pub fn connections(&self) -> usize {
        self.asked().iter().map(|asked| asked.connection + 1).max().unwrap_or(0)
    }
}

fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: &dyn Fn(usize, &Asked) -> Said,
    kept: &Mutex<Vec<Asked>>,
) {
    let _ = stream.set_nodelay(true);
    let mut bytes = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut bytes) {
        let asked = Asked { connection, head, body };
        let number = {
            let mut kept = kept.lock().expect("no panic with the lock held");
            kept.push(asked.clone());
            kept.len() - 1
        };
        let said = script(number, &asked);
        // A client that has left is no failure of the server's.
        if stream.write_all(&said.bytes).is_err() || said.then_close {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Reads one request; `None` if the client left. `bytes` are those that came too early.
pub fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let length: usize = length.unwrap_or(0);
    while bytes.len() < end + length {
        more(stream, bytes)?;
    }
    let rest = bytes.split_off(end + length);
    let whole = std::mem::replace(bytes, rest);
    Some((head, whole[end..].to_vec()))
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            bytes.extend_from_slice(&buffer[..count]);
            Some(())
        }
    }
}

/// `bytes` as gzip writes them without compressing (RFC 1952, RFC 1951 section 3.2.4): the answer
/// is then longer than what it unpacks to, so that a limit on the wrong one of the two shows.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // An empty last block, so that nothing at all is a block too.
    for block in bytes.chunks(0xffff).chain([&[][..]]) {
        packed.push(u8::from(block.is_empty()));
        let length = u16::try_from(block.len()).expect("chunks are that long at most");
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(block);
    }
    packed.extend_from_slice(&crc32(bytes).to_le_bytes());
    packed.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}
