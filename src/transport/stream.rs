//! A connection's bytes, plain or under TLS, without ever blocking: what would block is
//! [`ErrorKind::WouldBlock`], and [`Stream::interest`] is what to wait for then.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::os::Interest;

pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<Tls>),
}

/// TLS over a stream, which may be TLS to a proxy itself.
pub(super) struct Tls {
    tls: ClientConnection,
    io: Stream,
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

    /// What to wait for to write; a response that comes early is to be read meanwhile.
    pub fn to_write(&self) -> Interest<'_> {
        Interest::both(self.socket())
    }

    /// What to wait for when [`Write::flush`] would block.
    pub fn to_flush(&self) -> Interest<'_> {
        Interest::writing(self.socket())
    }

    /// Whether something that was written is still here.
    pub fn wants_write(&self) -> bool {
        match self {
            Stream::Tcp(_) => false,
            Stream::Tls(tls) => tls.wants_write(),
        }
    }

    /// Whether nothing has come that nobody asked for, and the other side has not closed.
    pub fn is_quiet(&mut self) -> bool {
        match self {
            Stream::Tcp(socket) => {
                matches!(socket.peek(&mut [0]), Err(why) if why.kind() == ErrorKind::WouldBlock)
            }
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

    /// Under TLS, what was written may still be here.
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
        Ok(Box::new(Tls { tls: ClientConnection::new(config.clone(), name)?, io }))
    }

    /// Goes on with the handshake as far as it can. True: it is done.
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

    /// What to wait for to go on with the handshake.
    pub fn to_shake_hands(&self) -> Interest<'_> {
        match self.wants_write() {
            true => self.io.to_flush(),
            false => self.io.to_read(),
        }
    }

    /// Takes what has come; 0: the other side has closed.
    fn receive(&mut self) -> io::Result<usize> {
        let received = self.tls.read_tls(&mut self.io)?;
        if let Err(why) = self.tls.process_new_packets() {
            // The alert says why, if it can be sent at once.
            let _ = self.flush();
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        Ok(received)
    }

    fn is_quiet(&mut self) -> bool {
        loop {
            match self.receive() {
                // New tickets for later sessions are no response.
                Ok(1..) => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                _ => return false,
            }
        }
        let is_empty = matches!(
            self.tls.reader().read(&mut [0]),
            Err(why) if why.kind() == ErrorKind::WouldBlock
        );
        is_empty && self.flush().is_ok()
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            // A key update is acknowledged, at the latest with the next request. What cannot be sent
            // does not hide what has come.
            let _ = self.flush();
            self.receive()?;
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Room is made first: rustls takes only so much that is not sent yet.
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
