//! A token endpoint, a revocation endpoint and an API at one origin, whose every record a test places.
//!
//! The server issues tokens by itself: the refresh token `refresh-ann.0` gets the access tokens
//! `access-ann.1`, `access-ann.2` and so on, each number once for all logins. The API accepts only the
//! newest access token of a login, and its response names the login. A test gives a script that sends
//! the response which the server has made, or something else.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fitbit_test_support::field;
use rustls::{HandshakeKind, ServerConfig, ServerConnection};

use crate::hello::Hello;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counted from 0.
    pub connection: usize,
    pub head: String,
    pub body: String,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Renewal,
    Exchange,
    Revocation,
    Api,
}

impl Request {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether the client closes the connection after the response.
    pub fn says_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub fn kind(&self) -> Kind {
        match self.path() {
            path if path.ends_with("/revoke") => Kind::Revocation,
            path if !path.ends_with("/token") => Kind::Api,
            _ if self.field("grant_type").as_deref() == Some("refresh_token") => Kind::Renewal,
            _ => Kind::Exchange,
        }
    }

    pub fn is_renewal(&self) -> bool {
        self.kind() == Kind::Renewal
    }

    fn field(&self, name: &str) -> Option<String> {
        field(&self.body, name)
    }

    /// Whose it is: `ann` of `refresh-ann.0` and of `access-ann.7`.
    pub fn login(&self) -> String {
        let authorization = self.header("authorization").unwrap_or_default();
        let token = match self.kind() {
            Kind::Renewal => self.field("refresh_token"),
            Kind::Exchange => self.field("code"),
            Kind::Revocation => self.field("token"),
            Kind::Api => Some(authorization.trim_start_matches("Bearer ").to_owned()),
        };
        login_of(&token.unwrap_or_default())
    }
}

fn login_of(token: &str) -> String {
    let (_, name) = token.split_once('-').unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The `refresh_token` in the response to a renewal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refreshed {
    #[default]
    Absent,
    Same,
    New,
}

/// A connection as the server saw it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub hello: Option<Hello>,
    pub is_resumed: bool,
    /// The client has ended it, or else the script.
    pub is_ended: bool,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: Vec<Seen>,
    /// The newest access token of each login.
    current: HashMap<String, String>,
    issued: usize,
    refreshed: Refreshed,
    /// More fields of the tokens that are issued.
    more: String,
    /// Requests to the API with a token that is not the newest one.
    old_tokens: usize,
}

/// Sends the response that the server has made, or something else. An error ends the connection.
pub type Script = dyn Fn(&mut Conn, &Request, Vec<u8>) -> io::Result<()> + Send + Sync;

pub struct Server {
    pub uri: String,
    pub port: u16,
    state: Arc<Mutex<State>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends every response as it is.
pub fn plainly(conn: &mut Conn, _: &Request, response: Vec<u8>) -> io::Result<()> {
    conn.say(response)
}

/// A response with a body.
pub fn whole(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub fn json(status: &str, body: &str) -> Vec<u8> {
    whole(&format!("{status}\r\nContent-Type: application/json"), body)
}

impl Server {
    /// With TLS where `tls` is given.
    pub fn start(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&mut Conn, &Request, Vec<u8>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        match tls {
            None => Server::start_with(|| None, script),
            Some(tls) => Server::start_with(move || Some(tls.clone()), script),
        }
    }

    /// The same with a TLS configuration of its own for each connection.
    pub fn start_with(
        tls: impl Fn() -> Option<Arc<ServerConfig>> + Send + 'static,
        script: impl Fn(&mut Conn, &Request, Vec<u8>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls().is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, script) = (state.clone(), Arc::new(script));
        std::thread::spawn(move || {
            for (number, tcp) in listener.incoming().flatten().enumerate() {
                lock(&shared).connections.push(Seen::default());
                let (shared, script, tls) = (shared.clone(), script.clone(), tls());
                std::thread::spawn(move || {
                    let Ok(mut conn) = Conn::new(number, tcp, tls, shared.clone()) else { return };
                    // A client that has left is no failure of the server's.
                    let _ = conn.serve(&*script);
                    lock(&shared).connections[number].is_ended = true;
                });
            }
        });
        Server { uri: format!("{scheme}://{address}"), port: address.port(), state }
    }

    /// What the responses to renewals have as `refresh_token` from now on.
    pub fn set_refreshed(&self, refreshed: Refreshed) {
        lock(&self.state).refreshed = refreshed;
    }

    /// What every token response also holds from now on: `,"name":value`.
    pub fn set_more(&self, more: &str) {
        lock(&self.state).more = more.to_owned();
    }

    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }

    pub fn of_kind(&self, kind: Kind) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.kind() == kind);
        requests
    }

    pub fn renewals(&self) -> Vec<Request> {
        self.of_kind(Kind::Renewal)
    }

    /// On which connections the renewals came, in their order.
    pub fn renewal_connections(&self) -> Vec<usize> {
        self.renewals().iter().map(|request| request.connection).collect()
    }

    pub fn connections(&self) -> Vec<Seen> {
        lock(&self.state).connections.clone()
    }

    /// The newest access token of a login.
    pub fn current(&self, login: &str) -> String {
        lock(&self.state).current(login)
    }

    /// How many tokens were issued.
    pub fn issued(&self) -> usize {
        lock(&self.state).issued
    }

    /// How often the API was asked with a token that is not the newest one.
    pub fn old_tokens(&self) -> usize {
        lock(&self.state).old_tokens
    }

    /// Waits until this is so; the network delivers what has been sent.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(Instant::now() < until, "{what}: {:#?}", self.requests());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until this connection has ended. The server itself ends none unless the script says so.
    #[track_caller]
    pub fn wait_for_end(&self, connection: usize) {
        self.wait_until("the connection ends", |server| server.connections()[connection].is_ended);
    }

    /// What holds always. Renewals share connections only with each other. A request that asks to close
    /// has its connection to itself, and exchanges and revocations are such requests.
    #[track_caller]
    pub fn keeps_the_rules(&self) {
        let requests = self.requests();
        for request in &requests {
            let kind = request.kind();
            let beside = requests.iter().filter(|other| other.connection == request.connection);
            let beside: Vec<_> = beside.collect();
            let is_pure = beside.iter().all(|other| other.kind() == kind);
            assert!(is_pure, "one connection, several purposes: {beside:#?}");
            let is_alone = beside.len() == 1;
            assert!(is_alone || !request.says_close(), "not the last after all: {beside:#?}");
            let is_single_use = matches!(kind, Kind::Exchange | Kind::Revocation);
            assert!(request.says_close() || !is_single_use, "{request:#?}");
        }
    }
}

impl State {
    fn current(&self, login: &str) -> String {
        self.current.get(login).cloned().unwrap_or_else(|| format!("access-{login}.0"))
    }

    /// What a provider says.
    fn response(&mut self, request: &Request) -> Vec<u8> {
        let login = request.login();
        match request.kind() {
            Kind::Revocation => json("200 OK", "{}"),
            Kind::Api => {
                let is_current = request.header("authorization")
                    == Some(&*format!("Bearer {}", self.current(&login)));
                self.old_tokens += usize::from(!is_current);
                match is_current {
                    true => json("200 OK", &login),
                    false => json(
                        "401 Unauthorized",
                        r#"{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}"#,
                    ),
                }
            }
            kind => {
                self.issued += 1;
                let access = format!("access-{login}.{}", self.issued);
                self.current.insert(login.clone(), access.clone());
                let refresh = match (kind, self.refreshed) {
                    (Kind::Renewal, Refreshed::Absent) => None,
                    (Kind::Renewal, Refreshed::Same) => request.field("refresh_token"),
                    _ => Some(format!("refresh-{login}.{}", self.issued)),
                };
                let refresh = refresh.map(|token| format!(r#","refresh_token":"{token}""#));
                let (refresh, more) = (refresh.unwrap_or_default(), &self.more);
                let token = format!(
                    r#"{{"access_token":"{access}","expires_in":3599,"token_type":"Bearer"{refresh}{more}}}"#
                );
                json("200 OK", &token)
            }
        }
    }
}

/// A connection, for a script.
pub struct Conn {
    pub number: usize,
    tcp: TcpStream,
    tls: Option<ServerConnection>,
    /// What goes out next, in one piece.
    queued: Vec<u8>,
    /// The second half of a record.
    half: Vec<u8>,
    /// What came and is not used yet.
    received: Vec<u8>,
    first: Vec<u8>,
    state: Arc<Mutex<State>>,
}

impl Conn {
    fn new(
        number: usize,
        tcp: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        state: Arc<Mutex<State>>,
    ) -> io::Result<Conn> {
        tcp.set_nodelay(true)?;
        let tls = tls.map(ServerConnection::new).transpose().map_err(io::Error::other)?;
        let (queued, half, received, first) = Default::default();
        Ok(Conn { number, tcp, tls, queued, half, received, first, state })
    }

    fn serve(&mut self, script: &Script) -> io::Result<()> {
        while let Some((head, body)) = self.request()? {
            let request = Request { connection: self.number, head, body };
            let response = {
                let mut state = lock(&self.state);
                state.requests.push(request.clone());
                state.response(&request)
            };
            script(self, &request, response)?;
        }
        Ok(())
    }

    /// The next request: head and body. `None` if the client has ended the connection.
    fn request(&mut self) -> io::Result<Option<(String, String)>> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more()? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let end = end + length.unwrap_or(0);
        while self.received.len() < end {
            if !self.more()? {
                return Ok(None);
            }
        }
        let rest = self.received.split_off(end);
        let whole = std::mem::replace(&mut self.received, rest);
        Ok(Some((head.clone(), String::from_utf8_lossy(&whole[head.len()..]).into_owned())))
    }

    /// False: the client has ended the connection.
    fn more(&mut self) -> io::Result<bool> {
        loop {
            self.take_records();
            self.send()?;
            let mut buffer = [0; 16 * 1024];
            let length = self.tcp.read(&mut buffer)?;
            if length == 0 {
                return Ok(false);
            }
            let Some(tls) = &mut self.tls else {
                self.received.extend_from_slice(&buffer[..length]);
                return Ok(true);
            };
            let was_handshaking = tls.is_handshaking();
            if was_handshaking {
                self.first.extend_from_slice(&buffer[..length]);
            }
            let mut came = &buffer[..length];
            while !came.is_empty() {
                tls.read_tls(&mut came)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
            if was_handshaking && !tls.is_handshaking() {
                let mut state = lock(&self.state);
                let seen = &mut state.connections[self.number];
                seen.hello = Hello::parse(&self.first);
                seen.is_resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
            }
            let before = self.received.len();
            match tls.reader().read_to_end(&mut self.received) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Ok(_) => return Ok(false), // close_notify
                Err(why) => return Err(why),
            }
            if self.received.len() > before {
                return Ok(true);
            }
        }
    }

    /// What TLS wants to send goes into the queue.
    fn take_records(&mut self) {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.queued).expect("a vector takes everything");
            }
        }
    }

    /// These bytes as a record of their own (without TLS: as they are), which waits to be sent.
    pub fn record(&mut self, bytes: impl AsRef<[u8]>) {
        match &mut self.tls {
            None => self.queued.extend_from_slice(bytes.as_ref()),
            Some(tls) => tls.writer().write_all(bytes.as_ref()).expect("there is room"),
        }
        self.take_records();
    }

    /// The same, but only the first half of it is to be sent.
    pub fn half_record(&mut self, bytes: impl AsRef<[u8]>) {
        self.take_records();
        let before = self.queued.len();
        self.record(bytes);
        let half = before + (self.queued.len() - before) / 2;
        self.half = self.queued.split_off(half);
    }

    /// The same, but only so many bytes of it are ever sent.
    pub fn part_of_record(&mut self, bytes: impl AsRef<[u8]>, length: usize) {
        self.take_records();
        let before = self.queued.len();
        self.record(bytes);
        self.queued.truncate(before.saturating_add(length));
    }

    /// The second half waits to be sent.
    pub fn other_half(&mut self) {
        self.queued.append(&mut self.half);
    }

    /// Sends what waits, in one piece.
    pub fn send(&mut self) -> io::Result<()> {
        self.tcp.write_all(&std::mem::take(&mut self.queued))
    }

    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.record(bytes);
        self.send()
    }

    /// Encrypts with new keys from now on (RFC 8446 section 4.6.3), and says so.
    pub fn update_keys(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.refresh_traffic_keys().map_err(io::Error::other)?;
        }
        self.take_records();
        self.send()
    }

    /// Says under TLS that nothing more comes. The TCP connection stays open.
    pub fn close_notify(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.take_records();
        self.send()
    }

    /// Ends the sending side; under TLS without a word.
    pub fn fin(&mut self) -> io::Result<()> {
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Ends the connection with a reset, as soon as the script has returned the error.
    pub fn reset(&mut self) -> io::Error {
        use std::os::fd::AsRawFd;
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        let size = size_of_val(&at_once) as libc::socklen_t;
        let value = (&raw const at_once).cast();
        let (socket, level) = (self.tcp.as_raw_fd(), libc::SOL_SOCKET);
        match unsafe { libc::setsockopt(socket, level, libc::SO_LINGER, value, size) } {
            0 => ErrorKind::ConnectionReset.into(),
            _ => io::Error::last_os_error(),
        }
    }

    /// The error that ends the connection.
    pub fn close(&mut self) -> io::Error {
        ErrorKind::ConnectionAborted.into()
    }
}
