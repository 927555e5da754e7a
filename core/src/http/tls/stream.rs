//! A connection's bytes, plain or under TLS, without ever blocking. If an operation would block, it returns
//! [`ErrorKind::WouldBlock`]. [`Stream::to_read`] and its neighbours say what to wait for then.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::os::Interest;

pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<Tls>),
}

/// TLS over a stream. That stream may be TLS to a proxy.
pub(crate) struct Tls {
    tls: ClientConnection,
    io: Stream,
    received: Records,
}

/// How far the received bytes reach into a TLS record. rustls does not tell.
#[derive(Default)]
struct Records {
    /// The part of the current record's head that has come (RFC 8446 section 5.1). Its last two bytes are the
    /// length of the rest.
    head: [u8; 5],
    /// How many bytes of the head have come.
    head_length: usize,
    /// How many bytes are still to come after a whole head.
    left: usize,
}

impl Records {
    fn are_whole(&self) -> bool {
        self.head_length == 0
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if let Some(place) = self.head.get_mut(self.head_length) {
                *place = *first;
                self.head_length += 1;
                self.left = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
                bytes = rest;
            } else {
                let (here, rest) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= here.len();
                bytes = rest;
            }
            if self.head_length == self.head.len() && self.left == 0 {
                *self = Records::default();
            }
        }
    }
}

/// Reads for rustls, and follows the records.
struct Reader<'a> {
    io: &'a mut Stream,
    received: &'a mut Records,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.io.read(buffer)?;
        self.received.add(&buffer[..length]);
        Ok(length)
    }
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Tcp(socket) => socket,
            Stream::Tls(tls) => tls.io.socket(),
        }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// What to wait for to read.
    pub fn to_read(&self) -> Interest<'_> {
        Interest::reading(self.socket())
    }

    /// What to wait for to write. A response that comes early is read meanwhile.
    pub fn to_write(&self) -> Interest<'_> {
        Interest::both(self.socket())
    }

    /// What to wait for when [`Write::flush`] would block.
    pub fn to_flush(&self) -> Interest<'_> {
        Interest::writing(self.socket())
    }

    /// Whether written bytes are not sent yet.
    pub fn wants_write(&self) -> bool {
        match self {
            Stream::Tcp(_) => false,
            Stream::Tls(tls) => tls.wants_write(),
        }
    }

    /// Whether data has come that is not read yet, or the other side has closed.
    pub fn is_readable(&self) -> bool {
        !matches!(self.socket().peek(&mut [0]), Err(why) if why.kind() == ErrorKind::WouldBlock)
    }

    /// Whether no unexpected data has come, and the other side has not closed.
    pub fn is_quiet(&mut self) -> bool {
        match self {
            Stream::Tcp(_) => !self.is_readable(),
            Stream::Tls(tls) => tls.is_quiet(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(socket) => socket.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(socket) => socket.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }

    /// Under TLS, written bytes may not be sent yet.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tcp(_) => Ok(()),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}

impl Tls {
    pub fn new(
        config: &Arc<ClientConfig>,
        host: &str,
        io: Stream,
    ) -> Result<Box<Tls>, rustls::Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| rustls::Error::General(format!("{bare} is no name of a server")))?;
        let tls = ClientConnection::new(config.clone(), name)?;
        Ok(Box::new(Tls { tls, io, received: Records::default() }))
    }

    /// Advances the handshake as far as it can. True: it is done.
    pub fn shake_hands(&mut self) -> io::Result<bool> {
        loop {
            match self.flush() {
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                flushed => flushed?,
            }
            if !self.tls.is_handshaking() {
                return Ok(true);
            }
            match self.receive() {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                received => received?,
            };
        }
    }

    fn wants_write(&self) -> bool {
        self.tls.wants_write() || self.io.wants_write()
    }

    /// What to wait for to advance the handshake.
    pub fn to_shake_hands(&self) -> Interest<'_> {
        match self.wants_write() {
            true => self.io.to_flush(),
            false => self.io.to_read(),
        }
    }

    /// Takes the data that has come. 0: the other side has closed.
    fn receive(&mut self) -> io::Result<usize> {
        let mut reader = Reader { io: &mut self.io, received: &mut self.received };
        let received = self.tls.read_tls(&mut reader)?;
        if let Err(why) = self.tls.process_new_packets() {
            // The alert says why, if it can be sent at once.
            let _ = self.flush();
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(received)
    }

    /// Also under TLS to a proxy.
    fn is_between_records(&self) -> bool {
        let is_io_between = match &self.io {
            Stream::Tcp(_) => true,
            Stream::Tls(outer) => outer.is_between_records(),
        };
        self.received.are_whole() && is_io_between
    }

    fn is_quiet(&mut self) -> bool {
        loop {
            match self.receive() {
                // Tickets for later sessions are not a response.
                Ok(1..) => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                _ => return false,
            }
        }
        let is_empty = matches!(
            self.tls.reader().read(&mut [0]),
            Err(why) if why.kind() == ErrorKind::WouldBlock
        );
        // Half a record can be half of a response: such a connection is not used again.
        is_empty && self.is_between_records() && self.flush().is_ok()
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            // A key update is acknowledged, at the latest with the next request. If the acknowledgement cannot
            // be sent, the data that has come is read all the same.
            let _ = self.flush();
            self.receive()?;
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Make room first: rustls keeps only a limited number of unsent bytes.
        self.flush()?;
        self.tls.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut self.io)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        self.io.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of so many bytes behind its head.
    fn record(length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        let mut record = vec![23, 3, 3, high, low];
        record.resize(5 + usize::from(length), 0xff);
        record
    }

    #[test]
    fn received_records_are_whole_only_at_their_ends() {
        let lengths = [0, 1, 255, 256, 16_640, 0, 0, 7];
        let all: Vec<u8> = lengths.into_iter().flat_map(record).collect();
        let ends: Vec<usize> = lengths
            .iter()
            .scan(0, |at, length| {
                *at += 5 + usize::from(*length);
                Some(*at)
            })
            .collect();
        for step in [1, 2, 3, 5, 6, 100, 4096, all.len()] {
            let mut received = Records::default();
            assert!(received.are_whole());
            let mut at = 0;
            for piece in all.chunks(step) {
                received.add(piece);
                at += piece.len();
                assert_eq!(
                    received.are_whole(),
                    ends.contains(&at),
                    "{at} bytes in steps of {step}"
                );
            }
        }
    }
}
