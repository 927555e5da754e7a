//! Opening a connection: from a name to a stream for the request, directly or through a proxy. This is a
//! state machine. The caller steps it and waits; nothing here blocks.

mod happy_eyeballs;
mod name_lookup;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;
use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::fault::Fault;
use super::proxy::handshake::{Refusal, Step, Target, Tunnel};
use super::tls::{Stream, Tls};
use crate::call::Waker;
use crate::os::Interest;
use happy_eyeballs::Race;
use name_lookup::{Host, LookUp, look_up};

/// Where a connection leads.
pub(super) struct Route {
    pub host: String,
    pub port: u16,
    /// None: plain http.
    pub tls: Option<Arc<ClientConfig>>,
    pub proxy: Option<Proxy>,
}

pub(super) struct Dial {
    route: Route,
    /// Wakes the call that steps this.
    waker: Waker,
    stage: Stage,
    /// The addresses of the proxy or, without a proxy, of the target.
    addresses: Vec<SocketAddr>,
    /// For a proxy that takes only addresses: the target's addresses that it was not asked for yet.
    targets: VecDeque<SocketAddr>,
}

enum Stage {
    Begun,
    /// Looking up the target's name, for a proxy that takes only addresses.
    Target(Arc<LookUp>),
    /// Looking up the name of the proxy or, without a proxy, of the target.
    Server(Arc<LookUp>),
    Race(Race),
    ProxyTls(Box<Tls>),
    Tunnel(Box<Asking>),
    Tls(Box<Tls>),
    Over,
}

/// A proxy that is asked to open a tunnel.
struct Asking {
    stream: Stream,
    tunnel: Tunnel,
    unsent: Zeroizing<Vec<u8>>,
    /// How many of these bytes are sent.
    sent: usize,
    received: Vec<u8>,
}

/// What follows a step of a stage.
enum Next {
    Stage(Stage),
    Wait(Stage),
    Open(Stream),
}

impl Dial {
    pub fn to(route: Route, waker: Waker) -> Dial {
        Dial { route, waker, stage: Stage::Begun, addresses: vec![], targets: VecDeque::new() }
    }

    /// Advances as far as it can. None: it has to wait.
    pub fn step(&mut self, now: Instant) -> Result<Option<Stream>, Fault> {
        loop {
            let stage = mem::replace(&mut self.stage, Stage::Over);
            match self.next(stage, now)? {
                Next::Stage(stage) => self.stage = stage,
                Next::Wait(stage) => {
                    self.stage = stage;
                    return Ok(None);
                }
                Next::Open(stream) => return Ok(Some(stream)),
            }
        }
    }

    /// What to wait for before the next step.
    pub fn interests(&self) -> Vec<Interest<'_>> {
        match &self.stage {
            Stage::Race(race) => race.running().iter().map(|one| one.interest()).collect(),
            Stage::ProxyTls(tls) | Stage::Tls(tls) => vec![tls.to_shake_hands()],
            Stage::Tunnel(asking) => vec![asking.interest()],
            // The look-up wakes the call.
            Stage::Begun | Stage::Target(_) | Stage::Server(_) | Stage::Over => vec![],
        }
    }

    /// When the next step is due, even if no socket is ready.
    pub fn next_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Race(race) => race.next_at(),
            _ => None,
        }
    }

    /// What the call was doing when its time was over, for its error message.
    pub fn when(&self) -> &'static str {
        match &self.stage {
            Stage::Begun | Stage::Target(_) | Stage::Server(_) => "while a name was resolved",
            Stage::Race(_) | Stage::Over => "while a connection was made",
            Stage::ProxyTls(_) | Stage::Tunnel(_) => "while the proxy was asked",
            Stage::Tls(_) => "during the TLS handshake",
        }
    }

    fn next(&mut self, stage: Stage, now: Instant) -> Result<Next, Fault> {
        Ok(match stage {
            Stage::Begun => {
                let takes_addresses = self.route.proxy.as_ref().is_some_and(Proxy::resolve_target);
                match takes_addresses {
                    true => self.look_target_up()?,
                    false => self.look_server_up(now)?,
                }
            }
            Stage::Target(look_up) => match look_up.found() {
                None => Next::Wait(Stage::Target(look_up)),
                Some(found) => {
                    self.know_targets(found.as_ref().map_err(named)?)?;
                    self.look_server_up(now)?
                }
            },
            Stage::Server(look_up) => match look_up.found() {
                None => Next::Wait(Stage::Server(look_up)),
                Some(found) => self.race(found.as_ref().map_err(named)?, now),
            },
            Stage::Race(mut race) => match race.step(now) {
                None => Next::Wait(Stage::Race(race)),
                Some(connected) => self.greet(Stream::Tcp(connected?.connected()?))?,
            },
            Stage::ProxyTls(mut tls) => match tls.shake_hands()? {
                false => Next::Wait(Stage::ProxyTls(tls)),
                true => self.ask(Stream::Tls(tls))?,
            },
            Stage::Tunnel(mut asking) => match asking.step() {
                Ok(false) => Next::Wait(Stage::Tunnel(asking)),
                // A server sends nothing before the ClientHello.
                Ok(true) if !asking.received.is_empty() => {
                    let why = "the other side spoke before TLS began";
                    return Err(rustls::Error::General(why.to_owned()).into());
                }
                Ok(true) => self.encrypt(asking.stream)?,
                Err(Fault::Proxy(Refusal::Unreachable(_))) if !self.targets.is_empty() => {
                    Next::Stage(Stage::Race(Race::new(&self.addresses, now)))
                }
                Err(fault) => return Err(fault),
            },
            Stage::Tls(mut tls) => match tls.shake_hands()? {
                false => Next::Wait(Stage::Tls(tls)),
                true => Next::Open(Stream::Tls(tls)),
            },
            Stage::Over => return Err(Fault::Io(ErrorKind::NotConnected.into())),
        })
    }

    fn look_target_up(&mut self) -> Result<Next, Fault> {
        let waker = || self.waker.clone();
        match look_up(&self.route.host, waker).map_err(Fault::Name)? {
            Host::Asked(look_up) => Ok(Next::Stage(Stage::Target(look_up))),
            Host::Known(found) => {
                self.know_targets(&found)?;
                self.look_server_up(Instant::now())
            }
        }
    }

    fn know_targets(&mut self, found: &[SocketAddr]) -> Result<(), Fault> {
        let only_v4 = self.route.proxy.as_ref().map(Proxy::protocol) == Some(ProxyProtocol::Socks4);
        self.targets = found.iter().copied().filter(|ip| !only_v4 || ip.is_ipv4()).collect();
        match self.targets.is_empty() {
            true => Err(Fault::Name(std::io::Error::new(
                ErrorKind::AddrNotAvailable,
                "no name resolved to an address that the proxy takes",
            ))),
            false => Ok(()),
        }
    }

    fn look_server_up(&mut self, now: Instant) -> Result<Next, Fault> {
        let host = self.route.proxy.as_ref().map_or(&*self.route.host, Proxy::host);
        let waker = || self.waker.clone();
        Ok(match look_up(host, waker).map_err(Fault::Name)? {
            Host::Asked(look_up) => Next::Stage(Stage::Server(look_up)),
            Host::Known(found) => self.race(&found, now),
        })
    }

    fn race(&mut self, found: &[SocketAddr], now: Instant) -> Next {
        let port = self.route.proxy.as_ref().map_or(self.route.port, Proxy::port);
        self.addresses = found.to_vec();
        self.addresses.iter_mut().for_each(|address| address.set_port(port));
        Next::Stage(Stage::Race(Race::new(&self.addresses, now)))
    }

    /// After TCP is connected.
    fn greet(&mut self, stream: Stream) -> Result<Next, Fault> {
        let Some(proxy) = &self.route.proxy else { return self.encrypt(stream) };
        match (proxy.protocol(), &self.route.tls) {
            (ProxyProtocol::Https, Some(config)) => {
                let tls = Tls::new(config, proxy.host(), stream)?;
                Ok(Next::Stage(Stage::ProxyTls(tls)))
            }
            _ => self.ask(stream),
        }
    }

    /// Asks the proxy for the target.
    fn ask(&mut self, stream: Stream) -> Result<Next, Fault> {
        let Some(proxy) = &self.route.proxy else { return self.encrypt(stream) };
        let (host, port) = (&*self.route.host, self.route.port);
        let user = proxy.username();
        let login = user.map(|user| (user, proxy.password().unwrap_or_default()));
        let target = self.targets.pop_front().map(|address| address.ip());
        let tunnel = match (proxy.protocol(), target) {
            (ProxyProtocol::Socks4, Some(IpAddr::V4(ip))) => Tunnel::socks4(ip, port, user),
            (ProxyProtocol::Socks4A, _) => Tunnel::socks4a(host, port, user),
            (ProxyProtocol::Socks5, Some(ip)) => Tunnel::socks5(&Target::Ip(ip), port, login),
            (ProxyProtocol::Socks5h, _) => Tunnel::socks5(&Target::of(host), port, login),
            _ => Tunnel::http(host, port, login),
        };
        let asking =
            Asking { stream, tunnel, unsent: Zeroizing::default(), sent: 0, received: vec![] };
        Ok(Next::Stage(Stage::Tunnel(Box::new(asking))))
    }

    /// After the target is reached.
    fn encrypt(&self, stream: Stream) -> Result<Next, Fault> {
        Ok(match &self.route.tls {
            None => Next::Open(stream),
            Some(config) => Next::Stage(Stage::Tls(Tls::new(config, &self.route.host, stream)?)),
        })
    }
}

fn named(why: &std::io::Error) -> Fault {
    Fault::Name(std::io::Error::new(why.kind(), why.to_string()))
}

impl Asking {
    /// True: the tunnel is open.
    fn step(&mut self) -> Result<bool, Fault> {
        loop {
            if !self.flush()? {
                return Ok(false);
            }
            match self.tunnel.step(&mut self.received).map_err(Fault::Proxy)? {
                Step::Open => return Ok(true),
                Step::Send(bytes) => (self.unsent, self.sent) = (bytes.into(), 0),
                Step::Read => {
                    let mut buffer = [0; 4096];
                    match self.stream.read(&mut buffer) {
                        Ok(0) => return Err(Fault::Proxy(self.tunnel.closed())),
                        Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                        Err(why) if why.kind() == ErrorKind::Interrupted => {}
                        Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                        Err(why) if why.kind() == ErrorKind::ConnectionReset => {
                            return Err(Fault::Proxy(self.tunnel.closed()));
                        }
                        Err(why) => return Err(why.into()),
                    }
                }
            }
        }
    }

    /// False: the rest has to wait.
    fn flush(&mut self) -> Result<bool, Fault> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(0) => return Err(Fault::Io(ErrorKind::WriteZero.into())),
                Ok(length) => self.sent += length,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(why) => return Err(why.into()),
            }
        }
        match self.stream.flush() {
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(false),
            flushed => Ok(flushed.map(|()| true)?),
        }
    }

    fn interest(&self) -> Interest<'_> {
        match self.sent < self.unsent.len() || self.stream.wants_write() {
            true => self.stream.to_flush(),
            false => self.stream.to_read(),
        }
    }
}
