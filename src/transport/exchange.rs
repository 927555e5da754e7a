//! One HTTP exchange: a connection for ureq to write a request to and read the response from, whose
//! every wait is the call's.
//!
//! ureq gets an agent for each exchange, with this as its connector. It knows neither names nor
//! timeouts nor a pool: those are here.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::Network;
use super::dial::Dial;
use super::fault::Fault;
use super::pool::To;
use super::stream::Stream;
use crate::call::Deadline;
use crate::log::Level;
use crate::sync::now;

/// What each connection writes from and reads into. Both are filled with zeros when a connection is
/// opened, and held while it is idle. The second has room for more than the longest head that ureq
/// reads, 64 KiB: one that is too long shows by filling it further.
const OUTPUT_BUFFER: usize = 64 * 1024;
const INPUT_BUFFER: usize = 80 * 1024;

/// How much of a response is read at most while its request is still being sent.
const MAX_EARLY: usize = 16 * 1024;

/// An open connection, with what it writes from and reads into.
pub(super) struct Connection {
    stream: Stream,
    buffers: LazyBuffers,
    exchange: Progress,
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
}

impl Connection {
    fn new(stream: Stream) -> Connection {
        // Under TLS a server can speak together with the end of the handshake.
        let may_have_input = stream.is_tls();
        let exchange = Progress { may_have_input, ..Progress::default() };
        Connection { stream, buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER), exchange }
    }

    /// For the next exchange, if a request can go out on it: nobody has closed it, and nothing has come.
    pub fn begin(&mut self) -> bool {
        self.exchange = Progress::default();
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }
}

/// Which connection a request may go out on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// One that is already open, if there is any.
    Any,
    /// A new one, closed afterwards.
    Fresh,
    /// The same, for what is single-use: once it is sent, its response is waited for, also if the
    /// call is cancelled.
    Spending,
}

/// One exchange, shared by ureq's connection and by the caller, who looks at what became of it.
pub(super) struct Exchange {
    connection: ConnectionUse,
    uri: Uri,
    network: Arc<Network>,
    state: Mutex<State>,
}

struct State {
    deadline: Deadline,
    dialled: bool,
    /// A byte of the HTTP request may have gone out. What TLS or a proxy was told is none of it.
    sent: bool,
    responding: bool,
    fault: Option<Fault>,
}

/// What became of an exchange.
pub(super) struct Ending {
    pub fault: Option<Fault>,
    pub sent: bool,
    /// The program ended the call while that could still end it.
    pub is_cancelled: bool,
    /// It went out on a connection that was open already, and nothing came back.
    pub was_not_answered_on_an_old_connection: bool,
}

impl Exchange {
    pub fn new(
        connection: ConnectionUse,
        uri: &Uri,
        network: &Arc<Network>,
        deadline: &Deadline,
    ) -> Arc<Exchange> {
        Arc::new(Exchange {
            connection,
            uri: uri.clone(),
            network: network.clone(),
            state: Mutex::new(State {
                deadline: deadline.clone(),
                dialled: false,
                sent: false,
                responding: false,
                fault: None,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call's time, as far as what was sent lets it be ended.
    pub fn deadline(&self) -> Deadline {
        self.state().deadline.clone()
    }

    pub fn ending(&self) -> Ending {
        let mut state = self.state();
        Ending {
            fault: state.fault.take(),
            sent: state.sent,
            is_cancelled: state.deadline.is_cancelled(),
            was_not_answered_on_an_old_connection: !state.dialled && !state.responding,
        }
    }

    /// The exchange has failed. ureq is told so with an error that it cannot take for the end of a
    /// body (`do_read` in its `run.rs` does that with some kinds).
    fn failed(&self, fault: Fault) -> ureq::Error {
        self.state().fault = Some(fault);
        io::Error::other("the exchange has failed").into()
    }

    /// A connection that is kept, or a new one.
    fn connect(&self) -> Result<Connection, Fault> {
        let deadline = self.deadline();
        if deadline.left().is_zero() {
            return Err(Fault::stopped());
        }
        if self.connection == ConnectionUse::Any
            && let Some(idle) = self.network.pool.take(&self.uri)
        {
            return Ok(idle);
        }
        self.state().dialled = true;
        let route = self.network.route(&self.uri).map_err(Fault::Setup)?;
        self.network.log.line(Level::Trace, || match &route.proxy {
            Some(proxy) => {
                let (host, port) = (proxy.host(), proxy.port());
                format!("connecting to {}:{} through {host}:{port}", route.host, route.port)
            }
            None => format!("connecting to {}:{}", route.host, route.port),
        });
        let mut dial = Dial::to(route, deadline.waker());
        loop {
            // Before each step: a call that was ended opens nothing.
            if deadline.left().is_zero() {
                return Err(Fault::Stopped { when: dial.when() });
            }
            if let Some(stream) = dial.step(now())? {
                return Ok(Connection::new(stream));
            }
            let _ = deadline.wait(&dial.interests(), dial.next_at());
        }
    }
}

/// What ureq opens its connection with.
#[derive(Clone)]
pub(super) struct Opener(pub Arc<Exchange>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl Connector for Opener {
    type Out = Bound;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Bound>, ureq::Error> {
        let exchange = &self.0;
        let connection = exchange.connect().map_err(|fault| exchange.failed(fault))?;
        let is_tls = connection.stream.is_tls();
        Ok(Some(Bound {
            connection: Some(connection),
            nothing: LazyBuffers::new(1, 1),
            exchange: exchange.clone(),
            is_tls,
        }))
    }
}

/// A connection while an exchange has it.
pub(super) struct Bound {
    /// None: it was put back into the pool.
    connection: Option<Connection>,
    /// What ureq would see of a connection that it does not use any more.
    nothing: LazyBuffers,
    exchange: Arc<Exchange>,
    is_tls: bool,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}

impl Transport for Bound {
    fn buffers(&mut self) -> &mut dyn Buffers {
        match &mut self.connection {
            Some(connection) => &mut connection.buffers,
            None => &mut self.nothing,
        }
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let exchange = &self.exchange;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let deadline = {
            let mut state = exchange.state();
            if state.deadline.left().is_zero() {
                drop(state);
                return Err(exchange.failed(Fault::stopped()));
            }
            if exchange.connection == ConnectionUse::Spending {
                state.deadline = state.deadline.once_sent();
            }
            state.sent = true;
            state.deadline.clone()
        };
        let sent = connection.send(amount, &deadline);
        exchange.state().responding |= !connection.buffers.input().is_empty();
        sent.map_err(|fault| exchange.failed(fault))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let exchange = &self.exchange;
        let Some(connection) = &mut self.connection else { return Ok(false) };
        let deadline = exchange.deadline();
        match connection.receive(&deadline) {
            Ok(came) => {
                exchange.state().responding |= came;
                Ok(came)
            }
            Err(fault) => Err(exchange.failed(fault)),
        }
    }

    /// ureq asks this once, after a whole response, to keep the connection. It is kept here instead.
    fn is_open(&mut self) -> bool {
        let exchange = &self.exchange;
        if exchange.connection == ConnectionUse::Any
            && let Some(connection) = self.connection.take()
            && connection.exchange.unsent.is_none()
        {
            exchange.network.pool.put(To::of(&exchange.uri), connection);
        }
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl Connection {
    /// Sends so much of the output buffer. If the other side refuses before it has read everything, or
    /// closes, the rest is not sent: the response is read, which says why.
    fn send(&mut self, amount: usize, deadline: &Deadline) -> Result<(), Fault> {
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
                    self.buffers.input_appended(length);
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

    /// False: the other side has closed, cleanly.
    fn receive(&mut self, deadline: &Deadline) -> Result<bool, Fault> {
        if deadline.left().is_zero() {
            return Err(Fault::stopped());
        }
        let came = self.buffers.input().len() > self.exchange.told || self.read(deadline)?;
        self.exchange.told = self.buffers.input().len();
        Ok(came)
    }

    fn read(&mut self, deadline: &Deadline) -> Result<bool, Fault> {
        loop {
            if !self.exchange.may_have_input {
                deadline.wait(&[self.stream.to_read()], None).map_err(|_| Fault::stopped())?;
                self.exchange.may_have_input = true;
            }
            let buffer = self.buffers.input_append_buf();
            match self.stream.read(buffer) {
                Ok(0) if !buffer.is_empty() && self.exchange.unsent.is_some() => {}
                Ok(length) => {
                    self.buffers.input_appended(length);
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

/// Names are looked up only when a connection is really opened.
#[derive(Debug, Default)]
pub(super) struct NoNames;

impl Resolver for NoNames {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
