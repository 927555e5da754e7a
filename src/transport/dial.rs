//! Opening connections, and holding every read and write to the call's deadline.
//!
//! Left alone, ureq resolves the host's name on each request, also when a connection is kept
//! alive, and starts a thread for it as soon as a timeout is set. So the resolver here answers
//! with nothing until a connection really has to be opened, and the deadline does not stand in
//! ureq's configuration (a configuration per request would also make it read the trusted roots
//! anew for each connection) but in a variable of the thread that makes the call.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport, time,
};
use ureq::{Error, Timeout};

use super::deadline::Deadline;
use crate::log::{Level, Log};

#[derive(Clone, Copy)]
struct State {
    deadline: Option<Deadline>,
    dialling: bool,
    dialled: bool,
    answering: bool,
}

impl State {
    const IDLE: State = State { deadline: None, dialling: false, dialled: false, answering: false };
}

thread_local! {
    static CALL: Cell<State> = const { Cell::new(State::IDLE) };
}

fn change(change: impl FnOnce(&mut State)) {
    let mut state = CALL.get();
    change(&mut state);
    CALL.set(state);
}

/// The call that this thread is making, from here until it is dropped. It holds the state of the call
/// around it: a logger that is told of a connection may make calls of its own.
pub(super) struct Call(State);

impl Call {
    pub fn begin(deadline: Deadline) -> Call {
        Call(CALL.replace(State { deadline: Some(deadline), ..State::IDLE }))
    }

    /// Whether it went out on a connection that was open already, and nothing came back.
    pub fn was_not_answered_on_an_old_connection(&self) -> bool {
        let state = CALL.get();
        !state.dialled && !state.answering
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALL.set(self.0);
    }
}

/// What is left of the call's time, in ureq's words.
fn time_left() -> Result<NextTimeout, Error> {
    let after = match CALL.get().deadline {
        Some(deadline) => match deadline.left() {
            left if left.is_zero() => return Err(Error::Timeout(Timeout::Global)),
            left => time::Duration::Exact(left),
        },
        None => time::Duration::NotHappening,
    };
    Ok(NextTimeout { after, reason: Timeout::Global, ..NextTimeout::default() })
}

/// Opens connections as ureq does, with names resolved only now, and within the deadline.
#[derive(Clone)]
pub(super) struct Dialer(Arc<Dialling>);

struct Dialling {
    connector: DefaultConnector,
    /// For what never goes through a proxy.
    direct: Config,
    log: Log,
}

impl Dialer {
    /// `direct` is a configuration without a proxy.
    pub fn new(direct: Config, log: Log) -> Dialer {
        Dialer(Arc::new(Dialling { connector: DefaultConnector::new(), direct, log }))
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
        change(|state| state.dialling = true);
        self.0.log.line(Level::Trace, || {
            let authority = details.uri.authority().map_or("", |authority| authority.as_str());
            // A proxy's address holds its password.
            let address = authority.rsplit('@').next().unwrap_or_default();
            format!("connecting to {address}")
        });
        let connected = self.dial(details);
        change(|state| {
            state.dialling = false;
            state.dialled = true;
        });
        connected
    }
}

impl Dialer {
    fn dial(&self, details: &ConnectionDetails) -> Result<Option<Timed>, Error> {
        // Plain http is for loopback, which no proxy may see.
        let plain = details.uri.scheme_str() == Some("http");
        let config = if plain { &self.0.direct } else { details.config };
        let proxy = config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        let addrs = if proxy.is_none_or(|proxy| proxy.resolve_target()) {
            details.resolver.resolve(details.uri, config, time_left()?)?
        } else {
            details.resolver.empty()
        };
        let details = ConnectionDetails {
            uri: details.uri,
            addrs,
            config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: time_left()?,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        Ok(self.0.connector.connect(&details, None)?.map(Timed))
    }
}

/// Resolves names while a connection is being opened, and nothing at any other time.
#[derive(Debug, Default)]
pub(super) struct Resolver(DefaultResolver);

impl Resolve for Resolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut addrs = self.empty();
        if !CALL.get().dialling {
            return Ok(addrs);
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        // Never asked of a name server, which could answer anything (RFC 6761 section 6.3).
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let literal = bare.parse::<IpAddr>().ok();
        let known: &[IpAddr] = match &literal {
            Some(ip) => std::slice::from_ref(ip),
            None if host.eq_ignore_ascii_case("localhost") => &loopback,
            None => return self.0.resolve(uri, config, time_left()?),
        };
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        for ip in known {
            addrs.push(SocketAddr::new(*ip, uri.port_u16().unwrap_or(default_port)));
        }
        Ok(addrs)
    }
}

/// A connection whose every read and write ends with the call that makes it.
#[derive(Debug)]
pub(super) struct Timed(Box<dyn Transport>);

impl Transport for Timed {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, time_left()?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let came = self.0.await_input(time_left()?)?;
        change(|state| state.answering |= came);
        Ok(came)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
