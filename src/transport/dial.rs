//! Opening connections, and holding every read and write to the call's deadline.
//!
//! Left alone, ureq resolves the host's name on each request, also when a connection is kept
//! alive, and starts a thread for it as soon as a timeout is set. So the resolver here answers
//! with nothing until a connection really has to be opened, and the deadline does not stand in
//! ureq's configuration (a configuration per request would also make it read the trusted roots
//! anew for each connection) but in a variable of the thread that makes the call.
//!
//! A call that is cancelled finds that its time is over, and its connection cut.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, thread};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    SocksConnector, TcpConnector, Transport, time,
};
use ureq::{Error, Proxy, Timeout};

use crate::call::{Bell, Deadline, Line};
use crate::log::{Level, Log};

/// How long one attempt to connect lasts before the next one: the system's own cannot be interrupted.
const ATTEMPT: Duration = Duration::from_secs(2);

/// More addresses of a name than these are not tried.
const MOST_ADDRESSES: usize = 16;

#[derive(Default)]
struct State {
    deadline: Option<Deadline>,
    /// What is sent spends something: from then on the call is not cancelled.
    spends: bool,
    /// How many connections are being opened: through a proxy it is two, one around the other.
    dialling: u32,
    dialled: bool,
    /// A byte of the HTTP request may have gone out. What TLS or a proxy was told is none of it.
    sent: bool,
    answering: bool,
}

thread_local! {
    /// Empty outside a call, so that nothing has to be dropped with the thread: a destructor of the
    /// program's may make a call when everything that does is gone.
    static CALL: RefCell<ManuallyDrop<State>> = RefCell::default();
}

fn change(change: impl FnOnce(&mut State)) {
    CALL.with_borrow_mut(|state| change(state));
}

/// The call that this thread is making, from here until it is dropped. It holds the state of the call
/// around it: a logger that is told of a connection may make calls of its own.
pub(super) struct Call(State);

impl Call {
    pub fn begin(deadline: Deadline, spends: bool) -> Call {
        let state = State { deadline: Some(deadline), spends, ..State::default() };
        Call(ManuallyDrop::into_inner(CALL.replace(ManuallyDrop::new(state))))
    }

    /// Whether it went out on a connection that was open already, and nothing came back.
    pub fn was_not_answered_on_an_old_connection(&self) -> bool {
        CALL.with_borrow(|state| !state.dialled && !state.answering)
    }

    /// Whether a byte of the HTTP request may have gone out. A write that failed counts.
    pub fn was_sent(&self) -> bool {
        CALL.with_borrow(|state| state.sent)
    }

    /// Whether the call was cancelled, while that could end it.
    pub fn is_cancelled(&self) -> bool {
        is_cancelled()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let around = ManuallyDrop::new(std::mem::take(&mut self.0));
        drop(ManuallyDrop::into_inner(CALL.replace(around)));
    }
}

fn is_cancelled() -> bool {
    CALL.with_borrow(|state| state.deadline.as_ref().is_some_and(Deadline::is_cancelled))
}

/// What is left of the call's time, in ureq's words.
fn time_left() -> Result<NextTimeout, Error> {
    let left = CALL.with_borrow(|state| state.deadline.as_ref().map(Deadline::left));
    let after = match left {
        Some(Duration::ZERO) => return Err(Error::Timeout(Timeout::Global)),
        Some(left) => time::Duration::Exact(left),
        None => time::Duration::NotHappening,
    };
    Ok(NextTimeout { after, reason: Timeout::Global, ..NextTimeout::default() })
}

/// Whether the call that this thread is making has to end.
pub(super) fn is_out_of_time() -> bool {
    time_left().is_err()
}

/// A socket is told how long it may wait, which is a call of the system; ureq tells it only where the
/// time is another one than the last. So it is rounded, to be the same for most calls.
trait Rounded {
    /// Never longer. Who waits has to wait for the rest then.
    fn whole_seconds(self) -> Self;

    /// A write cannot be taken up again. At most a tenth longer.
    fn up_to_a_second_later(self) -> Self;
}

impl Rounded for NextTimeout {
    fn whole_seconds(mut self) -> NextTimeout {
        if let time::Duration::Exact(after) = self.after
            && after >= Duration::from_secs(2)
        {
            self.after = time::Duration::Exact(Duration::from_secs(after.as_secs()));
        }
        self
    }

    fn up_to_a_second_later(mut self) -> NextTimeout {
        if let time::Duration::Exact(after) = self.after
            && after >= Duration::from_secs(10)
        {
            self.after = time::Duration::Exact(Duration::from_secs(after.as_secs() + 1));
        }
        self
    }
}

/// Opens connections as ureq does, with names resolved only now, and within the deadline.
#[derive(Clone)]
pub(super) struct Dialer(Arc<Dialling>);

struct Dialling {
    connector: Box<dyn Connector<(), Out = Box<dyn Transport>>>,
    log: Log,
}

impl Dialer {
    pub fn new(log: Log) -> Dialer {
        let connector =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(InAttempts(TcpConnector::default()))
                .chain(EarlyResponses)
                .chain(RustlsConnector::default())
                .chain(Boxed);
        Dialer(Arc::new(Dialling { connector: Box::new(connector), log }))
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Connector for Dialer {
    type Out = Timed;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Timed>, Error> {
        time_left()?; // a call that was cancelled opens nothing
        change(|state| state.dialling += 1);
        self.0.log.line(Level::Trace, || {
            let authority = details.uri.authority().map_or("", |authority| authority.as_str());
            // A proxy's address holds its password.
            let address = authority.rsplit('@').next().unwrap_or_default();
            format!("connecting to {address}")
        });
        let connected = self.dial(details);
        change(|state| {
            state.dialling = state.dialling.saturating_sub(1);
            state.dialled = true;
        });
        connected
    }
}

impl Dialer {
    fn dial(&self, details: &ConnectionDetails) -> Result<Option<Timed>, Error> {
        let config = details.config;
        let addrs = if config.proxy().is_none_or(Proxy::resolve_target) {
            details.resolver.resolve(details.uri, config, time_left()?)?
        } else {
            details.resolver.empty()
        };
        let line = CALL.with_borrow(|state| {
            let call = state.deadline.as_ref().and_then(Deadline::call);
            call.map(|call| call.line()).unwrap_or_default()
        });
        let mut details = same(details, config, addrs, time_left()?);
        let sockets = line.clone();
        details.register_shutdown = Arc::new(move |socket| match sockets.add(socket) {
            true => Ok(()),
            false => Err(Error::Timeout(Timeout::Global)),
        });
        let transport = self.0.connector.connect(&details, None)?;
        Ok(transport.map(|transport| Timed { transport, line }))
    }
}

fn same<'a>(
    details: &ConnectionDetails<'a>,
    config: &'a Config,
    addrs: ResolvedSocketAddrs,
    timeout: NextTimeout,
) -> ConnectionDetails<'a> {
    ConnectionDetails {
        uri: details.uri,
        addrs,
        config,
        request_level: details.request_level,
        resolver: details.resolver,
        now: (details.current_time)(),
        timeout,
        current_time: details.current_time.clone(),
        run_connector: details.run_connector.clone(),
        register_shutdown: details.register_shutdown.clone(),
    }
}

/// Connects again and again, so that a call that is cancelled does not wait for the last attempt.
#[derive(Debug)]
struct InAttempts(TcpConnector);

impl<In: Transport> Connector<In> for InAttempts {
    type Out = <TcpConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if chained.is_some() {
            return self.0.connect(details, chained);
        }
        loop {
            let mut timeout = time_left()?;
            let is_last = *timeout.after <= ATTEMPT;
            if !is_last {
                timeout.after = time::Duration::Exact(ATTEMPT);
            }
            let details = same(details, details.config, details.addrs.clone(), timeout);
            match self.0.connect(&details, None) {
                Err(Error::Timeout(_)) if !is_last => {}
                outcome => return outcome,
            }
        }
    }
}

/// Lets a response be read that the server sent before it had read the whole request: it may refuse a
/// large one, and close. TLS stands above this, because rustls writes what is left before it reads.
#[derive(Debug)]
struct EarlyResponses;

impl<In: Transport> Connector<In> for EarlyResponses {
    type Out = EarlyResponse<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|transport| EarlyResponse { transport, unsent: None }))
    }
}

#[derive(Debug)]
struct EarlyResponse<T> {
    transport: T,
    /// Why the rest of the request could not be sent. It is not tried again.
    unsent: Option<io::Error>,
}

impl<T: Transport> Transport for EarlyResponse<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        if self.unsent.is_some() {
            return Ok(());
        }
        let is_request = CALL.with_borrow(|state| state.dialling == 0);
        match self.transport.transmit_output(amount, timeout) {
            Err(Error::Io(why))
                if is_request
                    && matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset) =>
            {
                self.unsent = Some(why);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// A connection that broke has no clean end.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match (self.transport.await_input(timeout), &self.unsent) {
            (Ok(false) | Err(Error::Io(_)), Some(why)) => Err(Error::Io(
                why.raw_os_error().map_or_else(|| why.kind().into(), io::Error::from_raw_os_error),
            )),
            (outcome, _) => outcome,
        }
    }

    fn is_open(&mut self) -> bool {
        self.unsent.is_none() && self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

/// A connection that did not end cleanly: with a reset, or under TLS without `close_notify`.
///
/// ureq takes these errors for the end of a body that has neither a length nor chunks (`do_read` in its
/// `run.rs`). Under another kind of error they stay errors.
#[derive(Debug)]
pub(super) struct Cut(io::Error);

impl Cut {
    fn or(error: Error) -> Error {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
        match error {
            Error::Io(error)
                if matches!(error.kind(), ConnectionAborted | ConnectionReset | UnexpectedEof) =>
            {
                Error::Io(io::Error::other(Cut(error)))
            }
            error => error,
        }
    }

    pub fn of(error: &io::Error) -> Option<&io::Error> {
        error.get_ref()?.downcast_ref().map(|Cut(error)| error)
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cut {}

#[derive(Debug)]
struct Boxed;

impl<In: Transport> Connector<In> for Boxed {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|transport| Box::new(transport) as Box<dyn Transport>))
    }
}

/// Resolves names while a connection is being opened, and nothing at any other time.
#[derive(Debug, Default)]
pub(super) struct Resolver(());

impl Resolve for Resolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addrs = self.empty();
        if CALL.with_borrow(|state| state.dialling == 0) {
            return Ok(addrs);
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => 1080, // SOCKS
        });
        let found = match bare.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            // Never asked of a name server, which could answer anything (RFC 6761 section 6.3).
            Err(_) if host.eq_ignore_ascii_case("localhost") => vec![
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
            ],
            Err(_) => look_up(host, port)?,
        };
        found.into_iter().take(MOST_ADDRESSES).for_each(|addr| addrs.push(addr));
        match addrs.is_empty() {
            true => Err(Error::HostNotFound),
            false => Ok(addrs),
        }
    }
}

/// In a thread of its own: the system's lookup knows neither a deadline nor how to be cancelled.
fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let deadline = CALL.with_borrow(|state| state.deadline.clone());
    let (found, bell) = (Arc::<OnceLock<io::Result<Vec<SocketAddr>>>>::default(), Arc::default());
    let (theirs, ring, host) = (found.clone(), Arc::<Bell>::clone(&bell), host.to_owned());
    thread::Builder::new().name("fitbit-look-up".to_owned()).spawn(move || {
        let _ = theirs.set((&*host, port).to_socket_addrs().map(Iterator::collect));
        ring.ring();
    })?;
    if let Some(deadline) = deadline {
        bell.wait(&deadline, || found.get().is_some());
    }
    match found.get() {
        Some(Ok(found)) => Ok(found.clone()),
        Some(Err(why)) => Err(io::Error::new(why.kind(), why.to_string()).into()),
        None => Err(Error::Timeout(Timeout::Resolve)),
    }
}

/// A connection whose every read and write ends with the call that makes it.
#[derive(Debug)]
pub(super) struct Timed {
    transport: Box<dyn Transport>,
    line: Arc<Line>,
}

impl Transport for Timed {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let left = time_left()?;
        let mine = CALL
            .with_borrow(|state| self.line.take(state.deadline.as_ref().and_then(Deadline::call)));
        if !mine {
            return Err(io::Error::from(io::ErrorKind::NotConnected).into());
        }
        if CALL.with_borrow(|state| state.spends) {
            if !self.line.keep() {
                return Err(Error::Timeout(Timeout::Global));
            }
            change(|state| {
                state.deadline = state.deadline.as_ref().map(Deadline::once_sent);
            });
        }
        change(|state| state.sent |= state.dialling == 0);
        self.transport.transmit_output(amount, left.up_to_a_second_later())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let came = match self.transport.await_input(time_left()?.whole_seconds()) {
            Err(Error::Timeout(_)) => self.transport.await_input(time_left()?), // what is left of it
            came => came,
        };
        match came {
            // Cancelling shuts the connection down, which looks as if the other side had closed it.
            Ok(false) if is_cancelled() => Err(Error::Timeout(Timeout::Global)),
            Ok(came) => {
                change(|state| state.answering |= came);
                Ok(came)
            }
            Err(error) => Err(Cut::or(error)),
        }
    }

    fn is_open(&mut self) -> bool {
        self.line.is_of_this_process() && self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}
