//! The faulty token endpoint: a server in front of the simulator, with a certificate of its own.
//! Some rows need a proxy before it. It fails at the stage that its plan names.
//!
//! It terminates TLS and reads HTTP itself, so that it can act at a byte of the request or of the
//! response, and knows what the simulator was asked.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::ends::{Closing, End, Framing, Row, Stage};
use crate::names::{self, DOMAIN};
use crate::plan::Plan;
use crate::relay::join;

/// So much of the request's head is read before it ends there.
const PART_OF_A_HEAD: usize = 20;

/// The longest wait for a client to leave. A longer one would be a hang.
const LONG: Duration = Duration::from_secs(60);

pub struct Endpoint {
    pub plan: Arc<Plan>,
    /// Where an app is to send its requests for a token; the path is the provider's.
    pub origin: String,
    /// What it has to go through, if anything.
    pub proxy: Option<String>,
    way: Way,
    _listening: Vec<Listening>,
    port: u16,
    provider: u32,
    simulator: u16,
}

/// How a connection is made before the fault is gone.
enum Way {
    Open,
    /// Nobody listens at the port that is held here.
    Closed(Option<TcpListener>),
    /// The one connection that may wait is waiting: a SYN is not answered.
    Full(Option<(TcpListener, TcpStream)>),
}

impl Endpoint {
    /// In front of the simulator at a port of 127.0.0.1.
    pub fn new(row: Row, provider: u32, simulator: u16) -> Endpoint {
        let plan = Arc::new(Plan::new(row));
        let (listener, way) = match (row.stage, row.end) {
            (Stage::Connect, End::Reset) => (None, Way::Closed(Some(bound()))),
            (Stage::Connect, _) => (None, Way::Full(Some(full()))),
            _ => (Some(TcpListener::bind("127.0.0.1:0").expect("a free port")), Way::Open),
        };
        let held = match &way {
            Way::Closed(Some(listener)) | Way::Full(Some((listener, _))) => Some(listener),
            _ => None,
        };
        let address = listener.as_ref().or(held).map(TcpListener::local_addr);
        let port = address.expect("one of them is there").expect("it is bound").port();
        let host = match row.stage {
            Stage::Lookup => names::name(&plan),
            _ => "127.0.0.1".to_owned(),
        };
        let scheme = if row.end.is_plain() { "http" } else { "https" };
        let mut endpoint = Endpoint {
            plan,
            origin: format!("{scheme}://{host}:{port}"),
            proxy: None,
            way,
            _listening: Vec::new(),
            port,
            provider,
            simulator,
        };
        listener.into_iter().for_each(|listener| endpoint.listen(listener));
        let proxy = match row.stage {
            Stage::Proxy => Some("http"),
            Stage::Socks => Some("socks5"),
            _ => None,
        };
        if let Some(scheme) = proxy {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let (plan, port) = (endpoint.plan.clone(), endpoint.port);
            let listening = Listening::new(listener, move |near| as_a_proxy(&plan, near, port));
            endpoint.proxy = Some(format!("{scheme}://{}", listening.address));
            endpoint._listening.push(listening);
        }
        endpoint
    }

    fn listen(&mut self, listener: TcpListener) {
        let (plan, provider, simulator) = (self.plan.clone(), self.provider, self.simulator);
        let serve = move |near| {
            let served = Exchange::begin(&plan, near)?.serve(provider, simulator);
            if served.is_err() {
                plan.end(); // nobody is there any more
            }
            served
        };
        self._listening.push(Listening::new(listener, serve));
    }

    /// From now on it is a good endpoint.
    pub fn heal(&mut self) {
        self.plan.heal();
        let listener = match &mut self.way {
            Way::Open => None,
            Way::Closed(held) => held.take(),
            Way::Full(held) => held.take().map(|(listener, _)| listener),
        };
        if let Some(listener) = listener {
            assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 128) }, 0);
            self.listen(listener);
        }
    }

    /// What to trust it by.
    pub fn ca_pem() -> &'static str {
        &identity().pem
    }
}

/// A port of 127.0.0.1 that is held, and where nobody listens.
fn bound() -> TcpListener {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    };
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0, "{}", io::Error::last_os_error());
        let size = size_of_val(&address) as libc::socklen_t;
        assert_eq!(libc::bind(socket, (&raw const address).cast(), size), 0);
        TcpListener::from_raw_fd(socket)
    }
}

/// A port whose queue is full.
fn full() -> (TcpListener, TcpStream) {
    let listener = bound();
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().expect("it is bound");
    let waiting = TcpStream::connect(address).expect("one connection may wait");
    (listener, waiting)
}

/// Serves everybody in a thread of their own, until it is dropped.
struct Listening {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Listening {
    fn new(
        listener: TcpListener,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Listening {
        let address = listener.local_addr().expect("it is bound");
        let is_over = Arc::<AtomicBool>::default();
        let (over, serve) = (is_over.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let serve = serve.clone();
                // A client that leaves ends the conversation. That is no failure of the server.
                std::thread::spawn(move || drop(serve(stream)));
            }
        });
        Listening { address, is_over }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address)); // so that it looks
    }
}

/// Connects everybody to the endpoint, unless the exchange is to end here.
fn as_a_proxy(plan: &Plan, mut near: TcpStream, port: u16) -> io::Result<()> {
    near.set_nodelay(true)?;
    let is_socks = plan.row.stage == Stage::Socks;
    if is_socks {
        let [_version, methods] = read::<2>(&mut near)?;
        near.read_exact(&mut vec![0; methods.into()])?;
        near.write_all(&[5, 0])?;
        let [_, _, _, kind] = read::<4>(&mut near)?;
        let length = if kind == 1 { 4 } else { read::<1>(&mut near)?[0].into() };
        near.read_exact(&mut vec![0; length + 2])?;
    } else {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(read::<1>(&mut near)?);
        }
    }
    if plan.takes_this_one() {
        return ends_without_tls(plan, near);
    }
    let far = TcpStream::connect(("127.0.0.1", port))?;
    let granted: &[u8] =
        if is_socks { &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0] } else { b"HTTP/1.1 200 OK\r\n\r\n" };
    near.write_all(granted)?;
    join(near, far)
}

fn read<const N: usize>(near: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    near.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The end of an exchange at a proxy, or at the first byte of a handshake.
fn ends_without_tls(plan: &Plan, mut near: TcpStream) -> io::Result<()> {
    match plan.row.end {
        End::Close => close(&near),
        End::Reset => reset(&near),
        End::Silence | End::Cancel => {
            plan.reach();
            drain(&near)
        }
        End::Alert => {
            near.write_all(&[21, 3, 3, 0, 2, 2, 40])?; // fatal, handshake_failure
            close(&near)
        }
        End::NoTls | End::NoHttp => {
            near.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")?;
            close(&near)
        }
        End::ProxyRefuses(status) => {
            write!(near, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")?;
            close(&near)
        }
        End::SocksRefuses => {
            near.write_all(&[5, 1, 0, 1, 0, 0, 0, 0, 0, 0])?; // general failure
            close(&near)
        }
        other => panic!("{other:?} does not end an exchange without TLS"),
    }
}

/// Sends FIN and reads on: with unread bytes the system would send a reset.
fn close(near: &TcpStream) -> io::Result<()> {
    near.shutdown(Shutdown::Write)?;
    drain(near)
}

fn drain(mut near: &TcpStream) -> io::Result<()> {
    near.set_read_timeout(Some(LONG))?;
    io::copy(&mut near, &mut io::sink()).map(drop)
}

fn reset(near: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    let set = unsafe {
        let linger = (&raw const linger).cast();
        libc::setsockopt(near.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, linger, size)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// One connection, and the exchange that it is at.
struct Exchange<'a> {
    plan: &'a Plan,
    near: TcpStream,
    tls: Option<ServerConnection>,
    /// The end falls on it.
    is_faulty: bool,
    /// The connection is kept for another exchange.
    is_kept: bool,
}

/// A record of application data that no key fits.
fn wrong_record() -> Vec<u8> {
    [&[0x17, 3, 3, 0, 64][..], &[0xa5; 64]].concat()
}

impl Exchange<'_> {
    fn begin(plan: &Plan, near: TcpStream) -> io::Result<Exchange<'_>> {
        near.set_nodelay(true)?;
        let is_faulty = plan.row.stage == Stage::Handshake && plan.takes_this_one();
        Ok(Exchange { plan, near, tls: None, is_faulty, is_kept: false })
    }

    fn ends_at(&self, stage: Stage) -> bool {
        self.is_faulty && self.plan.row.stage == stage
    }

    fn serve(mut self, provider: u32, simulator: u16) -> io::Result<()> {
        if !self.plan.row.end.is_plain() {
            let is_untrusted = self.is_faulty && self.plan.row.end == End::Untrusted;
            if self.ends_at(Stage::Handshake) && !is_untrusted {
                self.near.read_exact(&mut [0; 5])?; // the ClientHello has begun
                return ends_without_tls(self.plan, self.near);
            }
            let identity = identity();
            let config = if is_untrusted { &identity.untrusted } else { &identity.trusted };
            self.tls = Some(ServerConnection::new(config.clone()).map_err(io::Error::other)?);
        }
        while self.exchange(provider, simulator)? {
            self.is_kept = true;
        }
        Ok(())
    }

    /// One request and its response. False: the connection is not used again.
    fn exchange(&mut self, provider: u32, simulator: u16) -> io::Result<bool> {
        // The client may have sent all of the request before this reads its first byte.
        let mut request = vec![0; PART_OF_A_HEAD];
        let count = self.read(&mut request)?;
        request.truncate(count);
        if count == 0 {
            return Ok(false);
        }
        self.plan.requests.fetch_add(1, Ordering::SeqCst);
        self.plan.on_kept.fetch_add(self.is_kept.into(), Ordering::SeqCst);
        self.is_faulty = self.plan.row.stage.is_sent() && self.plan.takes_this_one();
        if self.ends_at(Stage::RequestHead) && self.is_over(b"")? {
            return self.end();
        }
        let head = loop {
            match request.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.read_on(&mut request)?,
            }
        };
        let length = length_of_body(&request[..head]);
        while request.len() < head + length.min(1) {
            self.read_on(&mut request)?;
        }
        if self.ends_at(Stage::RequestBody) && self.is_over(b"")? {
            return self.end();
        }
        while request.len() < head + length {
            self.read_on(&mut request)?;
        }
        let answer = match self.plan.row.end {
            End::Answer(answer) if self.is_faulty => Some(answer.bytes(provider)),
            _ => None,
        };
        if let Some(answer) = answer.as_ref().filter(|_| self.ends_at(Stage::InsteadOfProvider)) {
            self.write(answer)?;
            return self.close();
        }
        let response = ask(simulator, &request[..head], &request[head..])?;
        self.plan.acted.fetch_or(response.head.starts_with("HTTP/1.1 200"), Ordering::SeqCst);
        if let Some(answer) = answer {
            self.write(&answer)?;
            return self.close();
        }
        if self.is_faulty || closes(&request[..head]) {
            return self.respond(&response);
        }
        let length = format!("Content-Length: {}\r\n", response.body.len());
        self.write(&[response.kept(&length).as_bytes(), &response.body].concat())?;
        Ok(true)
    }

    fn respond(&mut self, response: &Response) -> io::Result<bool> {
        if self.ends_at(Stage::BeforeResponse) && self.is_over(b"")? {
            return self.end();
        }
        let body = &*response.body;
        let length = format!("Content-Length: {}\r\n", body.len());
        let mut head = response.with(&length);
        if self.ends_at(Stage::ResponseHead) {
            let rest = head.split_off(head.len() / 2);
            if self.is_over(head.as_bytes())? {
                return self.end();
            }
            head = rest;
        }
        if self.ends_at(Stage::ResponseBody) {
            let (half, rest) = body.split_at(body.len() / 2);
            if let End::Body(framing, closing) = self.plan.row.end {
                return self.ends_in_body(response, framing, closing);
            }
            if self.plan.row.end == End::NoHttp {
                // In a body only the chunks can be wrong.
                head = response.with("Transfer-Encoding: chunked\r\n");
                let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat();
                self.is_over(&[head.as_bytes(), &chunk].concat())?;
                return self.end();
            }
            if self.is_over(&[head.as_bytes(), half].concat())? {
                return self.end();
            }
            self.write(rest)?;
            self.plan.end();
            return self.close();
        }
        self.write(&[head.as_bytes(), body].concat())?;
        if self.is_faulty {
            self.plan.end();
        }
        self.close()
    }

    fn ends_in_body(
        &mut self,
        response: &Response,
        framing: Framing,
        closing: Closing,
    ) -> io::Result<bool> {
        let body = &*response.body;
        let half = &body[..body.len() / 2];
        let bytes = match framing {
            Framing::HalfOfChunks => {
                let head = response.with("Transfer-Encoding: chunked\r\n");
                [head.as_bytes(), format!("{:x}\r\n", body.len()).as_bytes(), half].concat()
            }
            Framing::HalfOfGzip => {
                let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
                packer.write_all(body)?;
                let packed = packer.finish()?;
                let half = &packed[..packed.len() / 2];
                let length = half.len();
                let framing = format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n");
                [response.with(&framing).as_bytes(), half].concat()
            }
            Framing::HalfWithoutLength => [response.with("").as_bytes(), half].concat(),
            Framing::WholeWithoutLength => [response.with("").as_bytes(), body].concat(),
            Framing::WholeWithLength => {
                let length = format!("Content-Length: {}\r\n", body.len());
                [response.with(&length).as_bytes(), body].concat()
            }
        };
        self.write(&bytes)?;
        match closing {
            Closing::Close | Closing::PlainClose => self.close(),
            Closing::BareClose => self.close_bare(),
            Closing::Reset => self.reset(),
        }
    }

    /// Says `first`, and then whether the exchange ends: after a pause it may go on.
    fn is_over(&mut self, first: &[u8]) -> io::Result<bool> {
        self.write(first)?;
        if !self.plan.row.end.is_answered_late() {
            return Ok(true);
        }
        self.plan.reach();
        self.plan.wait_to_go_on();
        Ok(false)
    }

    /// The end, after the handshake.
    fn end(&mut self) -> io::Result<bool> {
        match self.plan.row.end {
            End::Close | End::PlainClose => self.close(),
            End::BareClose => self.close_bare(),
            End::Reset | End::PlainReset => self.reset(),
            End::Silence | End::Cancel => {
                self.plan.reach();
                drain(&self.near)?;
                Ok(false)
            }
            End::Alert => self.alert(),
            End::NoTls => {
                self.near.write_all(&wrong_record())?;
                self.close_bare()
            }
            End::NoHttp => {
                self.write(b"\x00\x01SSH-2.0-OpenSSH_9.2\x00\r\n\r\n")?;
                self.close()
            }
            other => panic!("{other:?} does not end an exchange after the handshake"),
        }
    }

    /// close_notify, where there is TLS, and FIN.
    fn close(&mut self) -> io::Result<bool> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() {
                tls.write_tls(&mut self.near)?;
            }
        }
        self.close_bare()
    }

    /// FIN without close_notify.
    fn close_bare(&self) -> io::Result<bool> {
        close(&self.near)?;
        Ok(false)
    }

    /// The reset goes out when the connection is dropped.
    fn reset(&self) -> io::Result<bool> {
        reset(&self.near)?;
        Ok(false)
    }

    /// The fatal alert that a server sends to a record that it cannot read.
    fn alert(&mut self) -> io::Result<bool> {
        let tls = self.tls.as_mut().expect("an alert is of TLS");
        // The first wrong bytes may be taken for the rest of a record that has begun.
        while tls.read_tls(&mut &*wrong_record()).is_ok() && tls.process_new_packets().is_ok() {}
        while tls.wants_write() {
            tls.write_tls(&mut self.near)?;
        }
        self.close_bare()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.near).read(buffer),
            None => self.near.read(buffer),
        }
    }

    fn read_on(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let count = self.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if count > 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls, &mut self.near);
                stream.write_all(bytes)?;
                stream.flush()
            }
            None => self.near.write_all(bytes),
        }
    }
}

/// Whether the client wants the connection closed.
fn closes(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().any(|line| line == "connection: close")
}

fn length_of_body(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// What the simulator says.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    /// Its status line and type, with this framing.
    fn with(&self, framing: &str) -> String {
        self.kept(&format!("{framing}Connection: close\r\n"))
    }

    /// The same on a connection that is kept.
    fn kept(&self, framing: &str) -> String {
        let status = self.head.lines().next().unwrap_or_default();
        format!("{status}\r\nContent-Type: application/json\r\n{framing}\r\n")
    }
}

fn ask(port: u16, head: &[u8], body: &[u8]) -> io::Result<Response> {
    let mut far = TcpStream::connect(("127.0.0.1", port))?;
    let head = String::from_utf8_lossy(head);
    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let kept: Vec<_> = kept.take_while(|line| !line.is_empty()).collect();
    let head = format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n"));
    far.write_all(&[head.as_bytes(), body].concat())?;
    let mut said = Vec::new();
    far.read_to_end(&mut said)?;
    let end = said.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or(io::ErrorKind::UnexpectedEof)? + 4;
    let body = said.split_off(end);
    Ok(Response { head: String::from_utf8_lossy(&said).into_owned(), body })
}

struct Identity {
    trusted: Arc<ServerConfig>,
    untrusted: Arc<ServerConfig>,
    pem: String,
}

/// One for all endpoints of the process, and one that nobody trusts.
fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let (trusted, pem) = certificate();
        let (untrusted, _) = certificate();
        Identity { trusted, untrusted, pem }
    })
}

fn certificate() -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().expect("a key can be made");
    let names = vec!["127.0.0.1".to_owned(), format!("*{DOMAIN}")];
    let parameters = CertificateParams::new(names).expect("these are names");
    let certificate = parameters.self_signed(&key).expect("a key signs itself");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them all")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("they belong together");
    (Arc::new(config), certificate.pem())
}
