//! One HTTP exchange: a connection for ureq to write a request to and read the response from, whose
//! every wait is the call's.
//!
//! ureq gets an agent for each exchange, with this as its connector. It knows neither names nor
//! timeouts nor a pool: those are here.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use zeroize::{Zeroize, Zeroizing};

use super::Network;
use super::ahead::{Ahead, Begun};
use super::fault::Fault;
use super::pool::To;
use super::stream::Stream;
use crate::call::Deadline;
use crate::sync::now;

/// What each connection writes from and reads into. Both are filled with zeros when a connection is
/// opened, and held while it is idle. The second has room for more than the longest head that ureq
/// reads, 64 KiB: one that is too long shows by filling it further.
const OUTPUT_BUFFER: usize = 64 * 1024;
const INPUT_BUFFER: usize = 80 * 1024;

/// How long the body of a token response may take to be decoded, however little of the call is left.
const DECODING: Duration = Duration::from_secs(2);

/// How much of a response is read at most while its request is still being sent.
const MAX_EARLY: usize = 16 * 1024;

/// An open connection, with what it writes from and reads into.
pub(super) struct Connection {
    stream: Stream,
    buffers: LazyBuffers,
    exchange: Progress,
    /// The hash of the access token that last came here, on a connection of renewals.
    last_token: Option<u64>,
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
    pub fn new(stream: Stream) -> Connection {
        // Under TLS a server can speak together with the end of the handshake.
        let may_have_input = stream.is_tls();
        let exchange = Progress { may_have_input, ..Progress::default() };
        Connection { stream, buffers: buffers(), exchange, last_token: None }
    }

    /// For the next exchange, if a request can go out on it: nobody has closed it, and nothing has come.
    pub fn begin(&mut self) -> bool {
        self.exchange = Progress::default();
        self.buffers.input().is_empty() && self.stream.is_quiet()
    }

    /// For the next call, which reads the response from its beginning.
    fn put_aside(mut self) -> Connection {
        let transcript =
            self.exchange.transcript.take().map(|transcript| Transcript { read: 0, ..transcript });
        self.exchange = Progress { transcript, may_have_input: true, ..Progress::default() };
        self.buffers = buffers();
        self
    }

    pub fn remember(&mut self, token: u64) {
        self.last_token = Some(token);
    }
}

fn buffers() -> LazyBuffers {
    LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER)
}

/// Which connection a request may go out on, and what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// Of an API request: one that is kept, or was opened for it, if there is any. It is kept afterwards.
    Any { can_be_repeated: bool },
    /// A new one, closed afterwards.
    Fresh,
    /// The same, for what is single-use: once it is sent, its response is waited for, also if the
    /// call is cancelled.
    Spending,
    /// Of a renewal. One with a single-use refresh token is as above. Any other may go out on a connection
    /// that renewals keep, unless it has to be a fresh one.
    Renewal { is_single_use: bool, fresh: bool },
}

impl ConnectionUse {
    pub fn closes(self) -> bool {
        match self {
            ConnectionUse::Any { .. } => false,
            ConnectionUse::Fresh | ConnectionUse::Spending => true,
            ConnectionUse::Renewal { is_single_use, .. } => is_single_use,
        }
    }

    fn spends(self) -> bool {
        match self {
            ConnectionUse::Any { .. } | ConnectionUse::Fresh => false,
            ConnectionUse::Spending => true,
            ConnectionUse::Renewal { is_single_use, .. } => is_single_use,
        }
    }

    fn is_renewal(self) -> bool {
        matches!(self, ConnectionUse::Renewal { .. })
    }
}

/// A renewal that was sent, and whose call ended before the response had come.
pub(crate) struct Cut {
    connection: Connection,
    pub(super) sent_at: Instant,
    /// By the clock that goes on while the machine sleeps.
    sent_on: SystemTime,
}

impl Cut {
    pub fn since_sent(&self) -> Duration {
        now().saturating_duration_since(self.sent_at)
    }

    /// Whether something has come since its call ended, or the other side has closed.
    pub fn has_response(&self) -> bool {
        self.connection.stream.is_readable()
    }
}

/// One exchange, shared by ureq's connection and by the caller, who looks at what became of it.
pub(super) struct Exchange {
    connection: ConnectionUse,
    uri: Uri,
    network: Arc<Network>,
    /// Its request was sent by an earlier call: only the response is read.
    resumes: bool,
    state: Mutex<State>,
}

struct State {
    deadline: Deadline,
    /// With the response still to come.
    resumed: Option<Connection>,
    dialled: bool,
    /// The connection's own.
    last_token: Option<u64>,
    /// A byte of the HTTP request may have gone out. What TLS or a proxy was told is none of it.
    sent: bool,
    /// Of a renewal: when that was.
    sent_at: Option<(Instant, SystemTime)>,
    responding: bool,
    fault: Option<Fault>,
    /// After a whole response to a renewal: its connection, if it can be kept.
    open: Option<Connection>,
    /// Of a renewal: its connection, where the response is still to come.
    cut: Option<Connection>,
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
        cut: Option<Cut>,
    ) -> Arc<Exchange> {
        let resumes = cut.is_some();
        let (resumed, sent_at) =
            cut.map(|cut| (cut.connection, (cut.sent_at, cut.sent_on))).unzip();
        Arc::new(Exchange {
            connection,
            uri: uri.clone(),
            network: network.clone(),
            resumes,
            state: Mutex::new(State {
                deadline: match resumes && connection.spends() {
                    true => deadline.once_sent(),
                    false => deadline.clone(),
                },
                resumed,
                dialled: false,
                last_token: None,
                sent: resumes,
                sent_at,
                responding: false,
                fault: None,
                open: None,
                cut: None,
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

    /// The same for decoding what is in hand: if it holds a token, that is not dropped.
    pub fn deadline_to_decode(&self) -> Deadline {
        let deadline = self.deadline();
        match self.connection {
            ConnectionUse::Any { .. } | ConnectionUse::Fresh => deadline,
            ConnectionUse::Spending | ConnectionUse::Renewal { .. } => {
                deadline.uncancellable().anew(DECODING)
            }
        }
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub fn closes(&self) -> bool {
        self.connection.closes()
    }

    /// The connection was open before this exchange.
    pub fn was_open(&self) -> bool {
        !self.state().dialled
    }

    /// How long ago the request was sent, by whichever clock says more. None: by this call.
    pub fn since_sent(&self) -> Option<Duration> {
        let (at, on) = self.state().sent_at.filter(|_| self.resumes)?;
        let asleep_too = on.elapsed().unwrap_or_default();
        Some(now().saturating_duration_since(at).max(asleep_too))
    }

    /// The hash of the access token that came last on this connection, before this exchange.
    pub fn last_token(&self) -> Option<u64> {
        self.state().last_token
    }

    /// After a whole response to a renewal: its connection, if the next renewal can go out on it.
    pub fn take_open(&self) -> Option<Connection> {
        self.state().open.take()
    }

    /// After a renewal failed: what another call can go on with.
    pub fn take_cut(&self) -> Option<Cut> {
        let mut state = self.state();
        let (sent_at, sent_on) = state.sent_at?;
        let connection = state.cut.take()?.put_aside();
        Some(Cut { connection, sent_at, sent_on })
    }

    /// The exchange has failed. ureq is told so with an error that it cannot take for the end of a
    /// body (`do_read` in its `run.rs` does that with some kinds).
    fn failed(&self, fault: Fault) -> ureq::Error {
        self.state().fault = Some(fault);
        io::Error::other("the exchange has failed").into()
    }

    /// One that is open already, or on the way.
    fn begun(&self, deadline: &Deadline) -> Option<Begun> {
        match self.connection {
            ConnectionUse::Any { can_be_repeated } => {
                let ahead = deadline.take_beside::<Ahead>();
                let idle = self.network.pool.take(&self.uri).map(Begun::Open);
                idle.or_else(|| ahead?.for_request(&self.uri, can_be_repeated))
            }
            ConnectionUse::Renewal { is_single_use: false, fresh: false } => {
                self.network.of_renewals.take(&self.uri).map(Begun::Open)
            }
            _ => None,
        }
    }

    /// A connection that is open already, or a new one.
    fn connect(&self) -> Result<Connection, Fault> {
        let (deadline, resumed) = {
            let mut state = self.state();
            (state.deadline.clone(), state.resumed.take())
        };
        if let Some(connection) = resumed {
            return Ok(connection);
        }
        if deadline.left().is_zero() {
            return Err(Fault::stopped());
        }
        let begun = match self.begun(&deadline) {
            Some(Begun::Open(connection)) => return Ok(connection),
            Some(Begun::Dialling(dial)) => Some(dial),
            None => None,
        };
        self.state().dialled = true;
        let mut dial = match begun {
            Some(dial) => dial,
            None => self.network.dial(&self.uri, &deadline).map_err(Fault::Setup)?,
        };
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
        let mut connection = exchange.connect().map_err(|fault| exchange.failed(fault))?;
        exchange.state().last_token = connection.last_token;
        if exchange.connection.is_renewal() {
            connection.exchange.transcript.get_or_insert_default();
        }
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
        if exchange.resumes {
            return Ok(());
        }
        let deadline = {
            let mut state = exchange.state();
            if state.deadline.left().is_zero() {
                drop(state);
                return Err(exchange.failed(Fault::stopped()));
            }
            state.deadline = match exchange.connection.spends() {
                true => state.deadline.once_sent(),
                false => state.deadline.sent(),
            };
            state.sent = true;
            if exchange.connection.is_renewal() {
                state.sent_at.get_or_insert_with(|| (now(), SystemTime::now()));
            }
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
            Err(fault) => {
                // The request is out: only the response is still to come.
                let is_whole = connection.exchange.unsent.is_none();
                if matches!(fault, Fault::Stopped { .. })
                    && exchange.connection.is_renewal()
                    && is_whole
                {
                    exchange.state().cut = self.connection.take();
                }
                Err(exchange.failed(fault))
            }
        }
    }

    /// ureq asks this once, after a whole response, to keep the connection. It is kept here instead.
    fn is_open(&mut self) -> bool {
        let exchange = &self.exchange;
        let Some(connection) = self.connection.take() else { return false };
        if exchange.connection.closes() || exchange.resumes || connection.exchange.unsent.is_some()
        {
            return false;
        }
        match exchange.connection.is_renewal() {
            // Whoever reads the response decides.
            true => exchange.state().open = Some(connection),
            false => exchange.network.pool.put(To::of(&exchange.uri), connection),
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
