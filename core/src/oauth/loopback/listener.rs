//! The loopback port that the browser comes back to.
//!
//! Browsers open connections in advance and leave them empty, ask for an icon, and load a page twice. Other
//! programs of the machine, and any web page, can send requests here, too. So the listener looks at all
//! connections in turn and waits for none of them. It shows the caller only a GET for the callback's own host
//! and path. Every other request gets a short response, and the waiting goes on.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::html::Page;
use crate::call::Deadline;
use crate::error::{Error, Input, Result};
use crate::os::{self, Interest};
use crate::provider::Provider;

/// How long one connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long until a connection is accepted again, if the process has no descriptor left.
const WHEN_FULL: Duration = Duration::from_millis(50);

const MAX_HEAD: usize = 64 * 1024;
const MAX_CONNECTIONS: usize = 64;
const READS_AT_ONCE: usize = 16;

/// How many free ports are tried if both families need the same one.
const TRIES: usize = 20;

pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    redirect_uri: String,
    /// The values that `Host` may have.
    authorities: Vec<String>,
    path: String,
    port: u16,
    connections: Vec<Connection>,
    /// The last connection could not be accepted: the process has no descriptor left.
    is_full: bool,
}

/// What the caller decides about a request for the callback.
pub(crate) enum Verdict {
    Accept,
    Refuse,
}

/// The request that the caller accepted. Its page is not sent yet.
pub(crate) struct Accepted {
    pub target: String,
    connection: Connection,
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    until: Instant,
    /// The response is sent, and the other side has not closed the connection yet.
    answered: bool,
}

impl Listener {
    /// Binds the addresses of the callback URI's host. `localhost` is both families on one port.
    pub fn bind(redirect_uri: &str, provider: &Provider) -> Result<Listener> {
        let refuse = |why: &str| Error::invalid(Input::App, format!("its callback_uri {why}"));
        let uri: Uri = redirect_uri.parse().map_err(|_| refuse("is not an http address"))?;
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
        let redirect_uri = match uri.port_u16() {
            Some(0) => format!("http://{host}:{port}{path}"),
            _ => redirect_uri.to_owned(),
        };
        Ok(Listener {
            sockets,
            redirect_uri,
            authorities: authorities(&host, port),
            path,
            port,
            connections: vec![],
            is_full: false,
        })
    }

    /// The callback URI, with the port of the listener.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a request that `judge` accepts. Calls `judge` with each target, and again and again without
    /// one while it waits.
    pub fn wait(
        &mut self,
        deadline: &Deadline,
        judge: impl Fn(Option<&str>) -> Result<Verdict>,
    ) -> Result<Accepted> {
        loop {
            judge(None)?;
            let mut accepted = None;
            for (connection, target) in self.look() {
                // The first accepted request wins. Others that came with it get the page for other logins.
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
            // A connection that cannot be accepted stays in the queue: the system would report it at once.
            let sockets = self.sockets.iter().filter(|_| !self.is_full).map(Interest::reading);
            let streams = self.connections.iter().map(|one| Interest::reading(&one.stream));
            let next_at = Instant::now() + self.next_look();
            deadline
                .wait(&sockets.chain(streams).collect::<Vec<_>>(), Some(next_at))
                .map_err(|_| Error::timeout("before the person came back from the browser"))?;
        }
    }

    /// Sends the page, and then a page to all other requests that have come. Waits for none of them, and closes
    /// the port.
    pub fn respond(mut self, accepted: Accepted, page: &Page) {
        self.reply(accepted.connection, page);
        for (connection, _) in self.look() {
            self.reply(connection, &Page::stray());
        }
    }

    /// When to look again if nothing happens: when a connection has used up its time.
    fn next_look(&self) -> Duration {
        let patience = self.connections.iter().map(|one| one.until);
        let patience = patience.min().map(|until| until.saturating_duration_since(Instant::now()));
        match self.is_full {
            true => WHEN_FULL,
            false => patience.unwrap_or(PATIENCE),
        }
    }

    /// Reads all connections without waiting. Returns each GET for the callback; no response is sent yet.
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
        // Drop the oldest idle connections: the browser's own are among the latest.
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

    /// Whether a request is for the callback. An error is the status of its response.
    fn check(&self, request: &Request) -> std::result::Result<(), &'static str> {
        // Another host whose name leads here is refused (DNS rebinding).
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

    /// Hands the whole page to the system: it fits into a connection's buffer. A connection without room for it
    /// is not waited for. The system drops the page if the connection is closed with unread input, so all input
    /// is read.
    fn reply(&mut self, mut connection: Connection, page: &Page) {
        let stream = &mut connection.stream;
        let sent = stream.write_all(page.bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        connection.answered = true;
        if sent.is_ok() && !matches!(connection.look(), Seen::End) {
            self.connections.push(connection);
        }
    }
}

/// What was read from a connection.
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
        // A connection that goes on sending gets its next turn after the others, and no more time than they do.
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

/// The values that `Host` may have: the callback's own host, and the other loopback names, which a person may
/// type. A name with a final dot is none of them.
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

/// Listens on all of them, on one port. A machine without IPv6 has no listener for it, and needs none.
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
