//! An open connection: HTTP sends and receives on it, within the call's deadline.

use std::io::{self, ErrorKind, Read, Write};

use ureq::unversioned::transport::{Buffers, LazyBuffers};
use zeroize::{Zeroize, Zeroizing};

use super::fault::Fault;
use super::tls::Stream;
use crate::call::Deadline;

/// The buffers of each connection. Both are filled with zeros when a connection is opened, and kept while it
/// is idle. The input buffer holds more than the longest head that ureq reads (64 KiB), so that a head which
/// is too long is noticed.
const OUTPUT_BUFFER: usize = 64 * 1024;
const INPUT_BUFFER: usize = 80 * 1024;

/// The most of a response that is read while its request is still being sent.
const MAX_EARLY: usize = 16 * 1024;

/// A longer response is not kept for another call. A response with a token is a few kilobytes long.
const MAX_TRANSCRIPT: usize = 512 * 1024;

/// An open connection, with its buffers.
pub(super) struct Connection {
    stream: Stream,
    pub buffers: LazyBuffers,
    exchange: Progress,
    /// On a connection of renewals: the hash of the last access token that came on it.
    pub last_token: Option<u64>,
}

/// What has happened on a connection in one exchange.
#[derive(Default)]
struct Progress {
    /// Why the rest of the request was not sent. It is not tried again.
    unsent: Option<io::Error>,
    /// Something may have come. If not, a read would only return `WouldBlock`.
    may_have_input: bool,
    /// The response has begun and does not refuse the request: the rest is still sent.
    goes_on: bool,
    /// The length of the input when ureq last looked at it.
    told: usize,
    /// Of a renewal: the part of its response that has come.
    transcript: Option<Transcript>,
}

/// The part of a response that has come. The next call reads it once more from its beginning.
#[derive(Default)]
struct Transcript {
    bytes: Zeroizing<Vec<u8>>,
    /// How many of these bytes the current call has read.
    read: usize,
}

impl Transcript {
    /// The old memory is wiped: it may hold a token.
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

    /// Reads the bytes that the current call has not read yet.
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
        // Under TLS, a server can send data together with the end of the handshake.
        let may_have_input = stream.is_tls();
        let exchange = Progress { may_have_input, ..Progress::default() };
        Box::new(Connection { stream, buffers: buffers(), exchange, last_token: None })
    }

    /// Prepares the next exchange. False: the server has closed the connection, or has sent something.
    pub fn begin(&mut self) -> bool {
        self.exchange = Progress::default();
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }

    /// The connection after an exchange, without the data that the exchange left in memory.
    pub fn cleaned(mut self: Box<Connection>) -> Box<Connection> {
        self.exchange = Progress::default();
        self.buffers = buffers();
        self
    }

    /// The connection for the next call, which reads the response from its beginning.
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

    /// Whether data has come that is not read yet, or the other side has closed.
    pub fn is_readable(&self) -> bool {
        self.stream.is_readable()
    }

    /// Sends so much of the output buffer. If the other side closes, or refuses before it has read everything,
    /// the rest is not sent. The response says why.
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
        // As long as data comes: data that TLS has taken already does not wake the call.
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

    /// Notes that so many bytes have come.
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

/// Whether the beginning of a response refuses its request or redirects it. None: it is not known yet, as with
/// interim responses.
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
