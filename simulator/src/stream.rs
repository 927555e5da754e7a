//! A connection's bytes, plain or under TLS.

use crate::tls;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// The longest beginning of a connection that is kept: more than any ClientHello has.
const BEGINNING: usize = 4096;

#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, Heard>>),
}

/// How a TLS connection began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    pub(crate) is_resumed: bool,
    pub(crate) offers_early_data: bool,
}

/// A TCP connection whose first bytes are kept.
#[derive(Debug)]
pub(crate) struct Heard {
    tcp: TcpStream,
    beginning: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(config) = tls else {
            return Ok(Self::Plain(tcp));
        };
        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        let heard = Heard { tcp, beginning: Vec::new() };
        Ok(Self::Tls(Box::new(StreamOwned::new(session, heard))))
    }

    /// The connection under the TLS session, if there is one.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.get_ref().tcp,
        }
    }

    /// `None` without TLS, and before the handshake is done.
    pub(crate) fn handshake(&self) -> Option<Handshake> {
        let Self::Tls(tls) = self else { return None };
        if tls.conn.is_handshaking() {
            return None;
        }
        Some(Handshake {
            is_resumed: tls.conn.handshake_kind()? == HandshakeKind::Resumed,
            offers_early_data: tls::offers_early_data(&tls.sock.beginning),
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.tcp.read(buffer)?;
        let wanted = BEGINNING.saturating_sub(self.beginning.len()).min(length);
        self.beginning.extend_from_slice(&buffer[..wanted]);
        Ok(length)
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
