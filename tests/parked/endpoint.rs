//! A provider whose token endpoint does what a script says: it cuts a response at a byte, waits, and
//! goes on or ends the connection. It knows every token that it gave out, and which connections are
//! open.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fitbit_test_support::{field, fitbit, google_health};
use flate2::Compression;
use flate2::write::GzEncoder;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};
use serde_json::{Value, json};

use crate::scene::{App, LONG};

/// Whose rules the endpoint follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Google,
    /// Google Health, and every renewal brings another refresh token, as an earlier one has done.
    GoogleSingleUse,
    Fitbit,
}

impl Kind {
    pub fn provider(self) -> Provider {
        macro_rules! provider {
            ($row:expr) => {
                Provider {
                    number: $row.provider,
                    client_id: $row.client_id,
                    client_secret: $row.client_secret,
                    oauth_paths: $row.oauth_paths,
                    profile: $row.profile,
                    token_names_its_user: $row.token_names_its_user,
                }
            };
        }
        match self {
            Kind::Fitbit => provider!(fitbit::DIALECT),
            Kind::Google | Kind::GoogleSingleUse => provider!(google_health::DIALECT),
        }
    }

    /// How the API says that an access token has expired.
    fn expired(self) -> Value {
        match self {
            Kind::Fitbit => (fitbit::DIALECT.api_error)(fitbit::DIALECT.expired_token),
            _ => (google_health::DIALECT.api_error)(google_health::DIALECT.expired_token),
        }
    }

    pub fn is_single_use(self) -> bool {
        self != Kind::Google
    }
}

/// What a client of a provider has to know.
#[derive(Clone, Copy)]
pub struct Provider {
    /// Its enumerator in the header.
    pub number: u32,
    pub client_id: &'static str,
    pub client_secret: &'static str,
    /// authorize, token, revoke
    pub oauth_paths: [&'static str; 3],
    /// A path of the API.
    pub profile: &'static str,
    token_names_its_user: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length,
    Chunked,
    Gzip,
}

/// How much of a response is sent before the endpoint waits. With TLS the head and the body are one
/// record each: a cut inside of one cuts a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    BeforeHead,
    InHead,
    AfterHead,
    InBody,
    ButOneByte,
    /// Nothing is left out.
    Nowhere,
}

/// What the endpoint waits for at the cut.
#[derive(Clone)]
pub enum Until {
    Open(Arc<Gate>),
    Passed(Duration),
    /// It sends one byte of the rest after each pause.
    Dripped(Duration),
    Never,
}

/// What follows the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Rest,
    Fin,
    Reset,
    Garbage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    Token,
    /// The token that this refresh token brought before.
    TokenOf(String),
    /// An error of the server's own; the refresh token is not used.
    Busy,
}

/// The script for one response of the token endpoint.
#[derive(Clone)]
pub struct Plan {
    pub says: Says,
    pub framing: Framing,
    pub cut: Cut,
    pub until: Until,
    pub ending: Ending,
    pub expires_in: i64,
    /// More fields of the token, or others.
    pub adds: Option<Value>,
}

impl Plan {
    pub fn good() -> Plan {
        Plan {
            says: Says::Token,
            framing: Framing::Length,
            cut: Cut::Nowhere,
            until: Until::Passed(Duration::ZERO),
            ending: Ending::Rest,
            expires_in: 3600,
            adds: None,
        }
    }

    pub fn cut(cut: Cut, until: Until) -> Plan {
        Plan { cut, until, ..Plan::good() }
    }

    /// The response comes after so many milliseconds.
    pub fn late(milliseconds: u64) -> Plan {
        Plan::cut(Cut::BeforeHead, Until::Passed(Duration::from_millis(milliseconds)))
    }

    pub fn silent() -> Plan {
        Plan::cut(Cut::BeforeHead, Until::Never)
    }
}

/// Closed until somebody opens it.
#[derive(Default)]
pub struct Gate(AtomicBool);

impl Gate {
    pub fn new() -> Arc<Gate> {
        Arc::default()
    }

    pub fn open(&self) {
        self.0.store(true, SeqCst);
    }

    fn is_open(&self) -> bool {
        self.0.load(SeqCst)
    }
}

/// One connection, as the server sees it.
pub struct Connection {
    pub number: usize,
    is_open: AtomicBool,
}

impl Connection {
    pub fn is_open(&self) -> bool {
        self.is_open.load(SeqCst)
    }
}

/// One request for a token.
pub struct Asked {
    pub connection: Arc<Connection>,
    pub refresh_token: String,
    /// It was read whole at this time.
    pub at: Instant,
    pub wall: i64,
    /// It asks that the connection is closed after the response.
    pub closes: bool,
    is_at_the_cut: AtomicBool,
    is_answered: AtomicBool,
    /// Bytes that the client sent before the response was whole.
    sent_too_early: AtomicUsize,
}

impl Asked {
    /// The part of the response before the cut is sent.
    pub fn is_at_the_cut(&self) -> bool {
        self.is_at_the_cut.load(SeqCst)
    }

    pub fn is_answered(&self) -> bool {
        self.is_answered.load(SeqCst)
    }

    pub fn sent_too_early(&self) -> usize {
        self.sent_too_early.load(SeqCst)
    }

    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }
}

/// What a refresh token brought.
#[derive(Clone)]
struct Issued {
    access_token: String,
    refresh_token: String,
}

#[derive(Default)]
struct State {
    /// The scripts of the next responses, and of all others.
    plans: VecDeque<Plan>,
    usual: Option<Plan>,
    asked: Vec<Arc<Asked>>,
    revoked: Vec<String>,
    /// Every refresh token, with its person's number.
    refresh_tokens: HashMap<String, usize>,
    /// The ones that were used.
    used: HashMap<String, Issued>,
    access_tokens: HashSet<String>,
    /// The access tokens that API requests carried.
    carried: Vec<String>,
    /// Single-use refresh tokens that came twice.
    replayed: usize,
    persons: usize,
    issued: usize,
}

struct Shared {
    kind: Kind,
    tls: Option<Arc<ServerConfig>>,
    repeats: AtomicBool,
    state: Mutex<State>,
    connections: AtomicUsize,
    is_over: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Endpoint {
    pub kind: Kind,
    pub origin: String,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Endpoint {
    pub fn new(kind: Kind) -> Endpoint {
        Endpoint::with(kind, false)
    }

    pub fn with(kind: Kind, is_tls: bool) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            kind,
            tls: is_tls.then(|| identity().0.clone()),
            repeats: AtomicBool::default(),
            state: Mutex::default(),
            connections: AtomicUsize::default(),
            is_over: AtomicBool::default(),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.is_over.load(SeqCst) {
                    return;
                }
                let shared = serving.clone();
                thread::spawn(move || Conversation::hold(&shared, stream));
            }
        });
        let scheme = if is_tls { "https" } else { "http" };
        Endpoint { kind, origin: format!("{scheme}://{address}"), address, shared }
    }

    /// A used refresh token brings the same response once more.
    pub fn repeating(self) -> Endpoint {
        self.shared.repeats.store(true, SeqCst);
        self
    }

    /// An application of this provider, with much time.
    pub fn app(&self) -> App {
        let row = self.kind.provider();
        let app = App::of(row.number, row.client_id, Some(row.client_secret), None).unwrap();
        let [authorize, token, revoke] = row.oauth_paths;
        for (endpoint, path) in (0..).zip([authorize, token, revoke, ""]) {
            app.set_endpoint(endpoint, &format!("{}{path}", self.origin)).unwrap();
        }
        app.set_timeout_ms(LONG.as_millis() as u32).unwrap();
        if self.shared.tls.is_some() {
            app.set_ca_file(&identity().1).unwrap();
        }
        app
    }

    /// A new person's token, which expires in so many seconds by its own `expires_at`.
    pub fn token(&self, expires_in: i64) -> String {
        let mut state = self.shared.lock();
        state.persons += 1;
        let person = state.persons;
        let issued = state.issue(person, None);
        let mut token = json!({
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_at": now() + expires_in,
            "expires_in": 3600,
        });
        if self.kind.provider().token_names_its_user {
            token["user_id"] = user(person).into();
        }
        if self.kind == Kind::GoogleSingleUse {
            token["refresh_token_single_use"] = true.into();
        }
        token.to_string()
    }

    /// The script of one of the next responses, in their order.
    pub fn plan(&self, plan: Plan) {
        self.shared.lock().plans.push_back(plan);
    }

    /// The script of every response that has none of its own.
    pub fn always(&self, plan: Plan) {
        self.shared.lock().usual = Some(plan);
    }

    /// No script is left.
    pub fn heal(&self) {
        let mut state = self.shared.lock();
        state.plans.clear();
        state.usual = None;
    }

    /// The requests for a token, in the order of their arrival.
    pub fn asked(&self) -> Vec<Arc<Asked>> {
        self.shared.lock().asked.clone()
    }

    pub fn requests(&self) -> usize {
        self.shared.lock().asked.len()
    }

    /// Connections over which a request for a token came, and that are open.
    pub fn open(&self) -> usize {
        let open = |asked: &Arc<Asked>| asked.is_open().then_some(asked.connection.number);
        self.asked().iter().filter_map(open).collect::<HashSet<_>>().len()
    }

    pub fn replayed(&self) -> usize {
        self.shared.lock().replayed
    }

    pub fn revoked(&self) -> Vec<String> {
        self.shared.lock().revoked.clone()
    }

    /// The access tokens that API requests carried, in their order.
    pub fn carried(&self) -> Vec<String> {
        self.shared.lock().carried.clone()
    }

    /// The access token and the refresh token that follow this one.
    pub fn successor(&self, refresh_token: &str) -> Option<(String, String)> {
        let state = self.shared.lock();
        let issued = state.used.get(refresh_token)?;
        Some((issued.access_token.clone(), issued.refresh_token.clone()))
    }

    /// From now on the API refuses every access token that was given out.
    pub fn expire_access_tokens(&self) {
        self.shared.lock().access_tokens.clear();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        drop(TcpStream::connect(self.address)); // so that it looks
    }
}

pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() as i64
}

fn user(person: usize) -> String {
    format!("PERSON{person}")
}

impl State {
    fn issue(&mut self, person: usize, keeps: Option<&str>) -> Issued {
        self.issued += 1;
        let name = |kind: &str| format!("{kind}.of.person.{person}.number.{}", self.issued);
        let (access_token, new) = (name("access"), name("refresh"));
        let refresh_token = keeps.map_or(new, str::to_owned);
        self.access_tokens.insert(access_token.clone());
        self.refresh_tokens.insert(refresh_token.clone(), person);
        Issued { access_token, refresh_token }
    }
}

/// A response's status and body.
type Said = (u16, Value);

/// One connection.
struct Conversation<'a> {
    shared: &'a Shared,
    tcp: TcpStream,
    tls: Option<ServerConnection>,
    connection: Arc<Connection>,
}

impl Conversation<'_> {
    fn hold(shared: &Shared, tcp: TcpStream) {
        let number = shared.connections.fetch_add(1, SeqCst);
        let connection = Arc::new(Connection { number, is_open: AtomicBool::new(true) });
        let session = shared.tls.as_ref();
        let tls = session.map(|config| ServerConnection::new(config.clone()).expect("a session"));
        let mut here = Conversation { shared, tcp, tls, connection };
        // A client that leaves ends the conversation. That is no failure of the server.
        let _ = here.requests();
        here.connection.is_open.store(false, SeqCst);
    }

    fn requests(&mut self) -> io::Result<()> {
        self.tcp.set_nodelay(true)?;
        let mut bytes = Vec::new();
        loop {
            let head = loop {
                match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    Some(at) => break at + 4,
                    None => self.read_on(&mut bytes)?,
                }
            };
            let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
            let header = |name: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once(':'));
                let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().to_owned())
            };
            let length = header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
            while bytes.len() < head + length {
                self.read_on(&mut bytes)?;
            }
            let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
            bytes.drain(..head + length);
            let path = text.split(' ').nth(1).unwrap_or_default();
            let closes =
                header("connection").is_some_and(|said| said.eq_ignore_ascii_case("close"));
            let [_, token, revoke] = self.shared.kind.provider().oauth_paths;
            if path == token {
                let is_over =
                    self.token(&field(&body, "refresh_token").unwrap_or_default(), closes)?;
                if is_over {
                    return Ok(());
                }
            } else if path == revoke {
                let token = field(&body, "token").unwrap_or_default();
                self.shared.lock().revoke(&token);
                self.say((200, json!({})), closes)?;
            } else {
                let said = header("authorization").unwrap_or_default();
                let access_token = said.strip_prefix("Bearer ").unwrap_or_default();
                let mut state = self.shared.lock();
                state.carried.push(access_token.to_owned());
                let is_known = state.access_tokens.contains(access_token);
                drop(state);
                let said = match is_known {
                    true => (200, json!({ "steps": 1 })),
                    false => (401, self.shared.kind.expired()),
                };
                self.say(said, closes)?;
            }
            if closes {
                return self.close();
            }
        }
    }

    /// Answers a request for a token; whether the conversation is over.
    fn token(&mut self, refresh_token: &str, closes: bool) -> io::Result<bool> {
        let asked = Arc::new(Asked {
            connection: self.connection.clone(),
            refresh_token: refresh_token.to_owned(),
            at: Instant::now(),
            wall: now(),
            closes,
            is_at_the_cut: AtomicBool::default(),
            is_answered: AtomicBool::default(),
            sent_too_early: AtomicUsize::default(),
        });
        let mut state = self.shared.lock();
        state.asked.push(asked.clone());
        let next = state.plans.pop_front();
        let plan = next.or_else(|| state.usual.clone()).unwrap_or_else(Plan::good);
        let said = state.respond(self.shared, refresh_token, &plan);
        drop(state);
        let (head, body) = packed(&said, plan.framing, closes);
        let (head, body) = (self.sealed(&head)?, self.sealed(&body)?);
        let kept = match plan.cut {
            Cut::BeforeHead => 0,
            Cut::InHead => head.len() / 2,
            Cut::AfterHead => head.len(),
            Cut::InBody => head.len() + body.len() / 2,
            Cut::ButOneByte => head.len() + body.len() - 1,
            Cut::Nowhere => head.len() + body.len(),
        };
        let mut first = [head, body].concat();
        let rest = first.split_off(kept);
        self.tcp.write_all(&first)?;
        asked.is_at_the_cut.store(true, SeqCst);
        let begun = Instant::now();
        match plan.until {
            Until::Open(gate) => self.wait(&asked, || gate.is_open())?,
            Until::Passed(time) => self.wait(&asked, || begun.elapsed() >= time)?,
            Until::Never => self.wait(&asked, || false)?,
            Until::Dripped(pause) => {
                for byte in &rest {
                    let begun = Instant::now();
                    self.wait(&asked, || begun.elapsed() >= pause)?;
                    self.tcp.write_all(&[*byte])?;
                }
                asked.is_answered.store(true, SeqCst);
                return Ok(false);
            }
        }
        match plan.ending {
            Ending::Rest => self.tcp.write_all(&rest)?,
            Ending::Fin => {
                self.close()?;
                return Ok(true);
            }
            Ending::Reset => {
                reset(&self.tcp)?;
                return Ok(true);
            }
            Ending::Garbage => {
                self.tcp.write_all(b"\r\n\x00\x01SSH-2.0-OpenSSH_9.2\x00\r\n\r\n")?;
                self.close()?;
                return Ok(true);
            }
        }
        asked.is_answered.store(true, SeqCst);
        Ok(false)
    }

    /// Returns when `is_over`; an error: the client has left.
    fn wait(&self, asked: &Asked, is_over: impl Fn() -> bool) -> io::Result<()> {
        self.tcp.set_read_timeout(Some(Duration::from_millis(2)))?;
        let mut buffer = [0; 1024];
        while !is_over() {
            if self.shared.is_over.load(SeqCst) {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            match (&self.tcp).read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::ConnectionAborted.into()),
                // With TLS this is its farewell.
                Ok(count) if self.tls.is_none() => {
                    asked.sent_too_early.fetch_add(count, SeqCst);
                }
                Ok(_) => {}
                Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(why) => return Err(why),
            }
        }
        self.tcp.set_read_timeout(None)
    }

    fn say(&mut self, said: Said, closes: bool) -> io::Result<()> {
        let (head, body) = packed(&said, Framing::Length, closes);
        let bytes = self.sealed(&[head, body].concat())?;
        self.tcp.write_all(&bytes)
    }

    /// The bytes as they go over the wire: with TLS one record.
    fn sealed(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let Some(tls) = &mut self.tls else { return Ok(bytes.to_vec()) };
        let mut sealed = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut self.tcp)?;
        }
        tls.writer().write_all(bytes)?;
        while tls.wants_write() {
            tls.write_tls(&mut sealed)?;
        }
        Ok(sealed)
    }

    fn read_on(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let count = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.tcp).read(&mut buffer)?,
            None => self.tcp.read(&mut buffer)?,
        };
        bytes.extend_from_slice(&buffer[..count]);
        if count > 0 { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// Says farewell, and reads until the client has left.
    fn close(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() {
                tls.write_tls(&mut self.tcp)?;
            }
        }
        self.tcp.shutdown(Shutdown::Write)?;
        self.tcp.set_read_timeout(Some(LONG))?;
        io::copy(&mut self.tcp, &mut io::sink()).map(drop)
    }
}

fn reset(tcp: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    let set = unsafe {
        let linger = (&raw const linger).cast();
        libc::setsockopt(tcp.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, linger, size)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl State {
    fn respond(&mut self, shared: &Shared, refresh_token: &str, plan: &Plan) -> Said {
        let refused = match shared.kind {
            Kind::Fitbit => json!({
                "errors": [{ "errorType": "invalid_grant", "message": "it is not known" }],
                "success": false,
            }),
            _ => json!({ "error": "invalid_grant", "error_description": "it is not known" }),
        };
        if plan.says == Says::Busy {
            return (500, json!({ "error": "busy" }));
        }
        let Some(&person) = self.refresh_tokens.get(refresh_token) else { return (400, refused) };
        let before = match &plan.says {
            Says::TokenOf(other) => self.used.get(other).cloned(),
            _ => self.used.get(refresh_token).filter(|_| shared.kind.is_single_use()).cloned(),
        };
        if plan.says == Says::Token && before.is_some() {
            self.replayed += 1;
            if !shared.repeats.load(SeqCst) {
                return (400, refused);
            }
        }
        let issued = before.unwrap_or_else(|| {
            let keeps = (!shared.kind.is_single_use()).then_some(refresh_token);
            let issued = self.issue(person, keeps);
            self.used.insert(refresh_token.to_owned(), issued.clone());
            issued
        });
        let mut body = json!({
            "access_token": issued.access_token,
            "expires_in": plan.expires_in,
            "scope": "sleep",
            "token_type": "Bearer",
        });
        if shared.kind.is_single_use() {
            body["refresh_token"] = issued.refresh_token.into();
        }
        if shared.kind.provider().token_names_its_user {
            body["user_id"] = user(person).into();
        }
        if let Some(Value::Object(adds)) = &plan.adds {
            adds.iter().for_each(|(name, value)| body[name] = value.clone());
        }
        (200, body)
    }

    /// Ends the login of a token.
    fn revoke(&mut self, token: &str) {
        self.revoked.push(token.to_owned());
        let person = self.refresh_tokens.get(token).copied();
        self.refresh_tokens.retain(|_, of| Some(*of) != person);
        let of_person = person.map(|person| format!(".person.{person}."));
        self.access_tokens.retain(|one| of_person.as_ref().is_none_or(|part| !one.contains(part)));
    }
}

/// Head and body, as HTTP sends them.
fn packed((status, body): &Said, framing: Framing, closes: bool) -> (Vec<u8>, Vec<u8>) {
    let body = body.to_string().into_bytes();
    let (framing, body) = match framing {
        Framing::Length => (format!("Content-Length: {}\r\n", body.len()), body),
        Framing::Chunked => {
            let (one, other) = body.split_at(body.len() / 2);
            let chunk =
                |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            let body = [chunk(one), chunk(other), b"0\r\n\r\n".to_vec()].concat();
            ("Transfer-Encoding: chunked\r\n".to_owned(), body)
        }
        Framing::Gzip => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&body).expect("memory takes it");
            let body = packer.finish().expect("memory takes it");
            (format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len()), body)
        }
    };
    let closing = if closes { "Connection: close\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{framing}{closing}\r\n"
    );
    (head.into_bytes(), body)
}

/// The certificate of all endpoints of the process, and the file to trust it by.
pub fn identity() -> &'static (Arc<ServerConfig>, std::path::PathBuf) {
    static IDENTITY: OnceLock<(Arc<ServerConfig>, std::path::PathBuf)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let key = KeyPair::generate().expect("a key can be made");
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("it is a name");
        let certificate = names.self_signed(&key).expect("a key signs itself");
        let pem = crate::scene::private_file(&certificate.pem());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them all")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("they belong together");
        (Arc::new(config), pem)
    })
}
