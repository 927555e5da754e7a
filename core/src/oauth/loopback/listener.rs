//! The loopback port that the browser comes back to.
//!
//! Browsers open connections ahead and leave them empty, ask for an icon, and load a page twice; other
//! programs of the machine, and any web page, can send a request here too. So connections are looked
//! at in turn, none is waited for, and only a GET for the callback's own host and path is shown to the
//! caller; everything else gets a short response, and the waiting goes on.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::html::Page;
use crate::call::Deadline;
use crate::error::{Error, Input, Result};
use crate::os::{self, Interest};
use crate::provider::Provider;

/// What one connection may cost.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a connection is tried to be taken again if the process has no descriptor left.
const WHEN_FULL: Duration = Duration::from_millis(50);

const MAX_HEAD: usize = 64 * 1024;
const MAX_CONNECTIONS: usize = 64;
const READS_AT_ONCE: usize = 16;

/// How many free ports are tried, where both families need the same one.
const TRIES: usize = 20;

pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    callback_uri: String,
    /// What `Host` may say.
    authorities: Vec<String>,
    path: String,
    port: u16,
    connections: Vec<Connection>,
    /// The last connection could not be taken: the process has no descriptor left.
    is_full: bool,
}

/// What the caller says of a request for the callback.
pub(crate) enum Verdict {
    Accept,
    Refuse,
}

/// The request that was accepted: a page is still to be sent.
pub(crate) struct Accepted {
    pub target: String,
    connection: Connection,
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    until: Instant,
    /// It was answered, and its other end has not closed it yet.
    answered: bool,
}

impl Listener {
    /// Binds what the callback URI's host names: `localhost` is both families on one port.
    pub fn bind(callback_uri: &str, provider: &Provider) -> Result<Listener> {
        let refuse = |why: &str| Error::invalid(Input::App, format!("its callback_uri {why}"));
        let uri: Uri = callback_uri.parse().map_err(|_| refuse("is not an http address"))?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() {
            return Err(refuse("is not http://, a loopback host, a port and a path"));
        }
        let host = uri.host().unwrap_or_default().to_owned();
        let families = families(&host).ok_or_else(|| {
            refuse("does not lead to this machine: its host is localhost, 127.0.0.1 or [::1]")
        })?;
        let port = uri.port_u16().unwrap_or(80);
        if port == 0 && !provider.any_loopback_port {
            return Err(refuse("has port 0, but the provider compares the port: register one"));
        }
        let sockets = listen(&families, port).map_err(|why| {
            Error::network(format!("cannot listen for the answer on {host}, port {port}: {why}"))
        })?;
        let port = sockets[0].local_addr().map_or(port, |address| address.port());
        let path = uri.path().to_owned();
        let callback_uri = match uri.port_u16() {
            Some(0) => format!("http://{host}:{port}{path}"),
            _ => callback_uri.to_owned(),
        };
        Ok(Listener {
            sockets,
            callback_uri,
            authorities: authorities(&host, port),
            path,
            port,
            connections: vec![],
            is_full: false,
        })
    }

    /// With the port that is listened on.
    pub fn callback_uri(&self) -> &str {
        &self.callback_uri
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the request that `judge` accepts. It is called again and again, without a target where
    /// nobody has come.
    pub fn wait(
        &mut self,
        deadline: &Deadline,
        judge: impl Fn(Option<&str>) -> Result<Verdict>,
    ) -> Result<Accepted> {
        loop {
            judge(None)?;
            let mut accepted = None;
            for (connection, target) in self.look() {
                // The first wins; who came together with it is told so.
                match accepted {
                    None if matches!(judge(Some(&target))?, Verdict::Accept) => {
                        accepted = Some(Accepted { target, connection });
                    }
                    _ => self.reply(connection, &Page::stray()),
                }
            }
            if let Some(accepted) = accepted {
                return Ok(accepted);
            }
            // A connection that cannot be taken stays there: the system would report it at once.
            let sockets = self.sockets.iter().filter(|_| !self.is_full).map(Interest::reading);
            let streams = self.connections.iter().map(|one| Interest::reading(&one.stream));
            let next_at = Instant::now() + self.next_look();
            deadline
                .wait(&sockets.chain(streams).collect::<Vec<_>>(), Some(next_at))
                .map_err(|_| Error::timeout("before the person came back from the browser"))?;
        }
    }

    /// Answers, and then everybody else who has asked already. Nobody is waited for, and the port is
    /// closed afterwards.
    pub fn respond(mut self, accepted: Accepted, page: &Page) {
        self.reply(accepted.connection, page);
        for (connection, _) in self.look() {
            self.reply(connection, &Page::stray());
        }
    }

    /// How long nobody has to look, if nothing happens: until the patience with a connection ends.
    fn next_look(&self) -> Duration {
        let patience = self.connections.iter().map(|one| one.until);
        let patience = patience.min().map(|until| until.saturating_duration_since(Instant::now()));
        match self.is_full {
            true => WHEN_FULL,
            false => patience.unwrap_or(PATIENCE),
        }
    }

    /// Takes what has come, without waiting: each GET for the callback, not answered yet.
    fn look(&mut self) -> Vec<(Connection, String)> {
        self.take_connections();
        let mut asked = vec![];
        for mut connection in std::mem::take(&mut self.connections) {
            match connection.look() {
                Seen::Nothing => self.connections.push(connection),
                Seen::End => {}
                Seen::Request(request) => match self.check(&request) {
                    Ok(()) => asked.push((connection, request.target)),
                    Err(status) => self.reply(connection, &Page::bare(status)),
                },
                Seen::Garbage => self.reply(connection, &Page::bare("400 Bad Request")),
            }
        }
        // Of those that have nothing to say yet, a browser's own are among the latest.
        let too_many = self.connections.len().saturating_sub(MAX_CONNECTIONS);
        self.connections.drain(..too_many);
        asked
    }

    fn take_connections(&mut self) {
        self.is_full = false;
        for socket in &self.sockets {
            for _ in 0..MAX_CONNECTIONS {
                match os::above_two(|| socket.accept().map(|(stream, _)| stream)) {
                    Ok(stream) => {
                        if stream.set_nonblocking(true).is_ok() {
                            self.connections.push(Connection::new(stream));
                        }
                    }
                    Err(why) => {
                        self.is_full |= why.kind() != ErrorKind::WouldBlock;
                        break;
                    }
                }
            }
        }
    }

    /// Whether it is for the callback; else the status that it gets.
    fn check(&self, request: &Request) -> std::result::Result<(), &'static str> {
        // A page of another host that has its name lead here does not pass (DNS rebinding).
        if !self.authorities.iter().any(|one| request.host.eq_ignore_ascii_case(one)) {
            return Err("421 Misdirected Request");
        }
        if request.target.split('?').next() != Some(&self.path) {
            return Err("404 Not Found");
        }
        if request.method != "GET" {
            return Err("405 Method Not Allowed\r\nAllow: GET");
        }
        Ok(())
    }

    /// The whole page is in the system's hands afterwards: it fits into what the system keeps for a
    /// connection. Nobody is waited for who has no room for it. The system throws it away if the
    /// connection is closed while input is unread: so all that has come is read.
    fn reply(&mut self, mut connection: Connection, page: &Page) {
        let stream = &mut connection.stream;
        let sent = stream.write_all(page.bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        connection.answered = true;
        if sent.is_ok() && !matches!(connection.look(), Seen::End) {
            self.connections.push(connection);
        }
    }
}

/// What a connection has to show.
enum Seen {
    Nothing,
    Request(Request),
    Garbage,
    End,
}

struct Request {
    method: String,
    target: String,
    host: String,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, read: vec![], until: Instant::now() + PATIENCE, answered: false }
    }

    fn look(&mut self) -> Seen {
        let mut buffer = [0; 4096];
        for _ in 0..READS_AT_ONCE {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Seen::End,
                Ok(_) if self.answered => {} // what comes now is of no interest
                Ok(length) => {
                    self.read.extend_from_slice(&buffer[..length]);
                    match self.request() {
                        Seen::Nothing if self.read.len() > MAX_HEAD => return Seen::Garbage,
                        Seen::Nothing => {}
                        seen => return seen,
                    }
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Seen::End,
            }
        }
        // Whoever talks on and on is looked at again after the others, for as long as anybody.
        if Instant::now() < self.until { Seen::Nothing } else { Seen::End }
    }

    fn request(&self) -> Seen {
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&self.read) {
            Ok(httparse::Status::Partial) => return Seen::Nothing,
            Ok(httparse::Status::Complete(_)) => {}
            Err(_) => return Seen::Garbage,
        }
        let mut hosts = request.headers.iter().filter(|one| one.name.eq_ignore_ascii_case("host"));
        match (request.method, request.path, hosts.next(), hosts.next()) {
            (Some(method), Some(target), Some(host), None) => Seen::Request(Request {
                method: method.to_owned(),
                target: target.to_owned(),
                host: String::from_utf8_lossy(host.value).into_owned(),
            }),
            _ => Seen::Garbage,
        }
    }
}

/// What `Host` may say: the callback's own host, and this machine's other names for itself, which
/// a person may type. A final dot is no name of these.
fn authorities(host: &str, port: u16) -> Vec<String> {
    let mut authorities = vec![];
    for name in [host, "localhost", "127.0.0.1", "[::1]"] {
        authorities.push(format!("{name}:{port}"));
        // Browsers leave out the port that http has by itself.
        if port == 80 {
            authorities.push(name.to_owned());
        }
    }
    authorities
}

/// The addresses that a loopback host stands for.
fn families(host: &str) -> Option<Vec<IpAddr>> {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    match host {
        "localhost" => Some(vec![v4, v6]),
        "[::1]" => Some(vec![v6]),
        _ => host.parse::<Ipv4Addr>().ok().filter(Ipv4Addr::is_loopback).map(|ip| vec![ip.into()]),
    }
}

/// All of them on one port. A machine that has no IPv6 at all has nobody there who could be asked.
fn listen(families: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut tries = 0;
    loop {
        tries += 1;
        match listen_once(families, port) {
            Err(why) if port == 0 && why.kind() == ErrorKind::AddrInUse && tries < TRIES => {}
            outcome => return outcome,
        }
    }
}

fn listen_once(families: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut sockets: Vec<TcpListener> = vec![];
    for &ip in families {
        let port = match sockets.first() {
            Some(first) => first.local_addr()?.port(),
            None => port,
        };
        match os::above_two(|| TcpListener::bind(SocketAddr::new(ip, port))) {
            Ok(socket) => {
                socket.set_nonblocking(true)?;
                sockets.push(socket);
            }
            Err(why) if !sockets.is_empty() && os::is_no_such_family(&why) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(sockets)
}
