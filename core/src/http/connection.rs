//! An open connection: what HTTP sends and receives on it, in the call's time.

use std::io::{self, ErrorKind, Read, Write};

use ureq::unversioned::transport::{Buffers, LazyBuffers};
use zeroize::{Zeroize, Zeroizing};

use super::fault::Fault;
use super::tls::Stream;
use crate::call::Deadline;

/// What each connection writes from and reads into. Both are filled with zeros when a connection is
/// opened, and held while it is idle. The second has room for more than the longest head that ureq
/// reads, 64 KiB: one that is too long shows by filling it further.
const OUTPUT_BUFFER: usize = 64 * 1024;
const INPUT_BUFFER: usize = 80 * 1024;

/// How much of a response is read at most while its request is still being sent.
const MAX_EARLY: usize = 16 * 1024;

/// A response that is longer is not kept for another call. One that holds a token is a few kilobytes
/// long.
const MAX_TRANSCRIPT: usize = 512 * 1024;

/// An open connection, with what it writes from and reads into.
pub(super) struct Connection {
    stream: Stream,
    pub buffers: LazyBuffers,
    exchange: Progress,
    /// The hash of the access token that last came here, on a connection of renewals.
    pub last_token: Option<u64>,
}

/// What has happened on a connection in one exchange.
#[derive(Default)]
struct Progress {
    /// Why the rest of the request was not sent. It is not tried again.
    unsent: Option<io::Error>,
    /// Something may have come: otherwise reading would only find that there is nothing yet.
    may_have_input: bool,
    /// The response has begun, and the request is still wanted.
    goes_on: bool,
    /// How much input there was when ureq was last told of it.
    told: usize,
    /// Of a renewal: all that has come of its response.
    transcript: Option<Transcript>,
}

/// What has come of a response, to be read once more by the call that goes on with it.
#[derive(Default)]
struct Transcript {
    bytes: Zeroizing<Vec<u8>>,
    /// How much of it the current call has read.
    read: usize,
}

impl Transcript {
    /// Wiped where it moves to: a token may be in it.
    fn add(&mut self, more: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < more.len() {
            let room = (2 * self.bytes.capacity()).max(self.bytes.len() + more.len()).max(4096);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(more);
        self.read = self.bytes.len();
    }

    /// Hands out what the current call has not read yet.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = &self.bytes[self.read..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.read += length;
        length
    }
}

impl Connection {
    /// Boxed, because it goes through many hands.
    pub fn new(stream: Stream) -> Box<Connection> {
        // Under TLS a server can speak together with the end of the handshake.
        let may_have_input = stream.is_tls();
        let exchange = Progress { may_have_input, ..Progress::default() };
        Box::new(Connection { stream, buffers: buffers(), exchange, last_token: None })
    }

    /// For the next exchange, if a request can go out on it: nobody has closed it, and nothing has come.
    pub fn begin(&mut self) -> bool {
        self.exchange = Progress::default();
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }

    /// After an exchange, without what it left in memory.
    pub fn cleaned(mut self: Box<Connection>) -> Box<Connection> {
        self.exchange = Progress::default();
        self.buffers = buffers();
        self
    }

    /// For the next call, which reads the response from its beginning.
    pub fn put_aside(mut self: Box<Connection>) -> Box<Connection> {
        let transcript =
            self.exchange.transcript.take().map(|transcript| Transcript { read: 0, ..transcript });
        self.exchange = Progress { transcript, may_have_input: true, ..Progress::default() };
        self.buffers = buffers();
        self
    }

    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// From now on, the connection remembers the response: another call may have to read it.
    pub fn keep_what_comes(&mut self) {
        self.exchange.transcript.get_or_insert_default();
    }

    /// The whole request was sent.
    pub fn is_wholly_sent(&self) -> bool {
        self.exchange.unsent.is_none()
    }

    /// Another call can read the response from its beginning.
    pub fn can_be_put_aside(&self) -> bool {
        self.is_wholly_sent() && self.exchange.transcript.is_some()
    }

    /// Whether something has come that is not read yet, or the other side has closed.
    pub fn is_readable(&self) -> bool {
        self.stream.is_readable()
    }

    /// Sends so much of the output buffer. If the other side refuses before it has read everything, or
    /// closes, the rest is not sent: the response is read, which says why.
    pub fn send(&mut self, amount: usize, deadline: &Deadline) -> Result<(), Fault> {
        let mut done = 0;
        while self.exchange.unsent.is_none() {
            let outcome = match done < amount {
                true => self.stream.write(&self.buffers.output()[done..amount]),
                false => match self.stream.flush() {
                    Ok(()) => return Ok(()),
                    Err(why) => Err(why),
                },
            };
            match outcome {
                Ok(0) => return Err(Fault::Io(ErrorKind::WriteZero.into())),
                Ok(length) => done += length,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    let looks = !self.exchange.goes_on;
                    let interest = match looks {
                        true => self.stream.to_write(),
                        false => self.stream.to_flush(),
                    };
                    deadline.wait(&[interest], None).map_err(|_| Fault::stopped())?;
                    if looks {
                        self.look_for_a_refusal();
                    }
                }
                Err(why) if is_broken(&why) => self.exchange.unsent = Some(why),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    fn look_for_a_refusal(&mut self) {
        self.exchange.may_have_input = true;
        // As long as something comes: what TLS has taken already wakes nobody.
        while self.exchange.unsent.is_none() && !self.exchange.goes_on {
            let room = self.buffers.input_append_buf();
            let most = room.len().min(4096);
            match self.stream.read(&mut room[..most]) {
                Ok(0) => self.exchange.unsent = Some(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.appended(length);
                    match is_refusal(self.buffers.input()) {
                        Some(true) => self.exchange.unsent = Some(ErrorKind::BrokenPipe.into()),
                        Some(false) => self.exchange.goes_on = true,
                        None => self.exchange.goes_on = self.buffers.input().len() >= MAX_EARLY,
                    }
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return,
                Err(why) => self.exchange.unsent = Some(why),
            }
        }
    }

    /// So much has come.
    fn appended(&mut self, length: usize) {
        self.buffers.input_appended(length);
        if let Some(transcript) = &mut self.exchange.transcript {
            let input = self.buffers.input();
            transcript.add(&input[input.len() - length..]);
            if transcript.bytes.len() > MAX_TRANSCRIPT {
                self.exchange.transcript = None;
            }
        }
    }

    /// False: the other side has closed, cleanly.
    pub fn receive(&mut self, deadline: &Deadline) -> Result<bool, Fault> {
        if deadline.left().is_zero() {
            return Err(Fault::stopped());
        }
        let came = self.buffers.input().len() > self.exchange.told || self.read(deadline)?;
        self.exchange.told = self.buffers.input().len();
        Ok(came)
    }

    fn read(&mut self, deadline: &Deadline) -> Result<bool, Fault> {
        if let Some(transcript) = &mut self.exchange.transcript {
            let length = transcript.read(self.buffers.input_append_buf());
            if length > 0 {
                self.buffers.input_appended(length);
                return Ok(true);
            }
        }
        loop {
            if !self.exchange.may_have_input {
                deadline.wait(&[self.stream.to_read()], None).map_err(|_| Fault::stopped())?;
                self.exchange.may_have_input = true;
            }
            let buffer = self.buffers.input_append_buf();
            match self.stream.read(buffer) {
                Ok(0) if !buffer.is_empty() && self.exchange.unsent.is_some() => {}
                Ok(length) => {
                    self.appended(length);
                    return Ok(length > 0);
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => continue,
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    self.exchange.may_have_input = false;
                    continue;
                }
                Err(why) if self.exchange.unsent.is_none() => return Err(why.into()),
                Err(_) => {}
            }
            // A connection that broke has no clean end.
            let why = self.exchange.unsent.take();
            return Err(why.unwrap_or_else(|| ErrorKind::BrokenPipe.into()).into());
        }
    }
}

/// Whether a response that has begun refuses its request, or leads elsewhere. None: it is not known
/// yet, as with interim responses.
fn is_refusal(mut input: &[u8]) -> Option<bool> {
    loop {
        let first_digit = input.get("HTTP/1.1 ".len())?;
        if *first_digit != b'1' {
            return Some(*first_digit >= b'3');
        }
        let end = input.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        input = &input[end + 4..];
    }
}

fn is_broken(why: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

fn buffers() -> LazyBuffers {
    LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER)
}
