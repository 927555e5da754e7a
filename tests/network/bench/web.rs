//! The https server: an API and the token endpoints of both providers, at every address and for every
//! name. A test can say for an address what happens on its connections.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::ForEachName;
use super::listening::Listening;

const MAX_HEAD: u64 = 64 * 1024;

/// Where the providers renew tokens.
const FITBIT_TOKEN: &str = "/oauth2/token";
const GOOGLE_TOKEN: &str = "/token";

type Serve = dyn Fn(&mut Session) -> io::Result<()> + Send + Sync;

/// The server, and what it has seen.
pub struct Web {
    shared: Arc<Shared>,
    _listening: Listening,
}

#[derive(Default)]
struct Shared {
    serving: Mutex<HashMap<IpAddr, Arc<Serve>>>,
    connections: Mutex<HashMap<IpAddr, usize>>,
    requests: Mutex<Vec<Request>>,
    tokens: AtomicU32,
}

/// A request, as far as the tests look at it.
#[derive(Clone, Debug)]
pub struct Request {
    pub to: IpAddr,
    /// The number of its connection.
    pub connection: usize,
    pub path: String,
    /// The access token.
    pub bearer: String,
}

/// A connection to the server.
pub struct Session {
    /// How many connections came before it to the same address.
    pub number: usize,
    to: IpAddr,
    shared: Arc<Shared>,
    stream: BufReader<StreamOwned<ServerConnection, TcpStream>>,
}

impl Web {
    /// In the namespace of the thread that calls it.
    pub fn start(address: SocketAddr) -> io::Result<Web> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ForEachName::default()));
        let (config, shared) = (Arc::new(config), Arc::new(Shared::default()));
        let serving = shared.clone();
        let listening = Listening::start(address, move |connection| {
            // The handshake's last message and the response must not wait for acknowledgements.
            connection.set_nodelay(true)?;
            let to = connection.local_addr()?.ip().to_canonical();
            let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            let stream = BufReader::new(StreamOwned::new(session, connection));
            let shared = serving.clone();
            let number = shared.count(to);
            let serve = shared.serving.lock().expect("no thread panics with it").get(&to).cloned();
            let mut session = Session { number, to, shared, stream };
            match serve {
                Some(serve) => serve(&mut session),
                None => session.serve(),
            }
        })?;
        Ok(Web { shared, _listening: listening })
    }

    /// What happens on the connections to an address from now on. A connection ends with it.
    pub fn set(
        &self,
        address: IpAddr,
        serve: impl Fn(&mut Session) -> io::Result<()> + Send + Sync + 'static,
    ) {
        let mut serving = self.shared.serving.lock().expect("no thread panics with it");
        serving.insert(address, Arc::new(serve));
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no thread panics with it").clone()
    }
}

impl Shared {
    fn count(&self, to: IpAddr) -> usize {
        let mut connections = self.connections.lock().expect("no thread panics with it");
        let count = connections.entry(to).or_default();
        *count += 1;
        *count - 1
    }
}

impl Session {
    /// Responds to every request, on a connection that stays open.
    pub fn serve(&mut self) -> io::Result<()> {
        while let Some(request) = self.request()? {
            self.grant(&request)?;
        }
        Ok(())
    }

    /// The next request. `None`: the client has left.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        let (mut first, mut bearer, mut body) = (None, String::new(), 0);
        loop {
            let mut line = String::new();
            if self.stream.by_ref().take(MAX_HEAD).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => body = value.parse().map_err(io::Error::other)?,
                "authorization" => value.trim_start_matches("Bearer ").clone_into(&mut bearer),
                _ => {}
            }
            first.get_or_insert_with(|| line.to_owned());
        }
        io::copy(&mut self.stream.by_ref().take(body), &mut io::sink())?;
        let first = first.unwrap_or_default();
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let request = Request { to: self.to, connection: self.number, path, bearer };
        let mut requests = self.shared.requests.lock().expect("no thread panics with it");
        requests.push(request.clone());
        Ok(Some(request))
    }

    /// The response to a request that nothing is wrong with. Every token is another one, and only
    /// Fitbit's refresh tokens are.
    pub fn grant(&mut self, request: &Request) -> io::Result<()> {
        let number = || self.shared.tokens.fetch_add(1, Ordering::Relaxed);
        let body = match request.path.as_str() {
            FITBIT_TOKEN => {
                let number = number();
                format!(
                    r#"{{"access_token":"newer-{number}","refresh_token":"refresh-{number}",
                    "token_type":"Bearer","expires_in":28800,"scope":"activity",
                    "user_id":"26FWFL"}}"#
                )
            }
            GOOGLE_TOKEN => format!(
                r#"{{"access_token":"newer-{}","token_type":"Bearer","expires_in":3599,
                "scope":"https://www.googleapis.com/auth/googlehealth.sleep.readonly"}}"#,
                number()
            ),
            _ => "{}".to_owned(),
        };
        self.respond("200 OK", &body)
    }

    /// `head` is the status, and further header lines joined by `\r\n`.
    pub fn respond(&mut self, head: &str, body: &str) -> io::Result<()> {
        let response = format!(
            "HTTP/1.1 {head}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(response.as_bytes())?;
        stream.flush()
    }

    pub fn shake_hands(&mut self) -> io::Result<()> {
        let StreamOwned { conn, sock } = self.stream.get_mut();
        while conn.is_handshaking() || conn.wants_write() {
            conn.complete_io(sock)?;
        }
        Ok(())
    }

    /// What is written here is under TLS.
    pub fn tcp(&mut self) -> &mut TcpStream {
        self.stream.get_mut().get_mut()
    }

    /// `close_notify`; the end of TCP follows when the connection is dropped.
    pub fn say_goodbye(&mut self) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.conn.send_close_notify();
        stream.flush()
    }

    /// The connection ends with RST when it is dropped.
    pub fn reset(&mut self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let (socket, size) = (self.tcp().as_raw_fd(), size_of::<libc::linger>());
        let linger = (&raw const linger).cast();
        let set = unsafe {
            libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, linger, size as u32)
        };
        assert_eq!(set, 0, "the socket is open");
    }
}
