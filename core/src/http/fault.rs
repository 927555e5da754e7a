//! Why a connection was not made or did not last, and the error for it.

use std::io::{self, ErrorKind};

use super::proxy::handshake::Refusal;
use crate::error::Error;

#[derive(Debug)]
pub(super) enum Fault {
    /// The call's time is over, or the program ended it.
    Stopped {
        when: &'static str,
    },
    /// The program's settings, or this machine's, do not allow a connection.
    Setup(Error),
    /// A name has no address.
    Name(io::Error),
    Proxy(Refusal),
    Tls(rustls::Error),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    /// The stream hands out the errors of rustls as I/O errors.
    fn from(error: io::Error) -> Fault {
        match error.downcast::<rustls::Error>() {
            Ok(why) => Fault::Tls(why),
            Err(error) => Fault::Io(error),
        }
    }
}

impl From<rustls::Error> for Fault {
    fn from(error: rustls::Error) -> Fault {
        Fault::Tls(error)
    }
}

impl Fault {
    /// After the connection was made.
    pub fn stopped() -> Fault {
        Fault::Stopped { when: "before the answer was complete" }
    }

    /// The other side closed a connection that was open.
    pub fn is_hangup(&self) -> bool {
        use ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
        };
        matches!(self, Fault::Io(why) if matches!(
            why.kind(),
            UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected
        ))
    }

    /// Its message repeats what the other side said.
    pub fn quotes(&self) -> bool {
        // A certificate holds any text.
        matches!(self, Fault::Proxy(_) | Fault::Tls(_))
    }

    /// `way`: the host and proxy that the message names. `sent`: a byte of the HTTP request may have gone out.
    pub fn describe(&self, way: &str, sent: bool) -> Error {
        let ended = "ended before the response was complete";
        match self {
            Fault::Setup(why) => why.clone(),
            Fault::Stopped { when } => Error::timeout(when),
            Fault::Name(why) => Error::network(format!("the connection to {way} failed: {why}")),
            Fault::Proxy(Refusal::Unreachable(why) | Refusal::Refused(why)) => {
                Error::network(format!("the proxy refused: {why}"))
            }
            Fault::Proxy(Refusal::Garbage(why)) => Error::protocol(format!(
                "the connection to {way} failed: the other side does not keep its protocol: {why}"
            )),
            // Once a byte of the request has gone out, the response is lost, whatever TLS reports:
            // any machine on the way can spoil a record, and make the other side send a fatal alert. Only
            // before that can a certificate or a handshake have been refused.
            Fault::Tls(why) if sent => {
                Error::network(format!("the TLS connection to {way} {ended}: {why}"))
            }
            Fault::Tls(why) => Error::tls(format!("the TLS connection to {way} failed: {why}")),
            Fault::Io(why) if why.kind() == ErrorKind::UnexpectedEof && sent => {
                Error::network(format!("the connection to {way} {ended}"))
            }
            Fault::Io(why) => Error::network(format!("the connection to {way} failed: {why}")),
        }
    }
}
