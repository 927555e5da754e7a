//! Servers in the namespace of the servers: one for https with a certificate for every name, and
//! whatever TCP server a test brings along.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const MAX_HEAD: u64 = 64 * 1024;

/// A listener with a thread for each connection. All of them end when it is dropped.
pub struct Listening {
    listener: TcpListener,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Listening {
    /// In the namespace of the thread that calls it. A server that fails closes the connection.
    pub fn start(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Listening> {
        let listener = TcpListener::bind(address)?;
        let connections = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (accepting, open, serve) =
            (listener.try_clone()?, connections.clone(), Arc::new(serve));
        let accepting = std::thread::spawn(move || {
            while let Ok((connection, _)) = accepting.accept() {
                let Ok(other) = connection.try_clone() else { continue };
                open.lock().expect("no thread panics with it").push(other);
                let serve = serve.clone();
                std::thread::spawn(move || serve(connection));
            }
        });
        Ok(Listening { listener, connections, accepting: Some(accepting) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // This makes accept(2) fail.
        unsafe { libc::shutdown(self.listener.as_raw_fd(), libc::SHUT_RDWR) };
        let ended = self.accepting.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|e| e.is_ok()) || std::thread::panicking(), "a server panicked");
        for connection in self.connections.lock().expect("no thread panics with it").iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// The authority that the client programs trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// All certificates have this key: to make one takes longer than to sign with it.
    key: KeyPair,
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("it can be signed").pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem, key: KeyPair::generate().expect("a key can be made") }
    })
}

/// What to trust the servers by.
pub fn ca_pem() -> &'static str {
    &authority().pem
}

/// A certificate for the name that the client asks for.
#[derive(Debug)]
struct ForEachName;

impl ResolvesServerCert for ForEachName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let authority = authority();
        let leaf = CertificateParams::new(vec![hello.server_name()?.to_owned()]).ok()?;
        let leaf = leaf.signed_by(&authority.key, &authority.issuer).ok()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(authority.key.serialize_der()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
        Some(Arc::new(CertifiedKey::new(vec![leaf.der().clone()], key)))
    }
}

/// A program's requests are GET, and the library's own to the token endpoint are POST.
const RESPONSE: &str = "{}";
const TOKEN: &str = r#"{"access_token":"a-newer-access-token",
    "refresh_token":"a-newer-refresh-token","token_type":"Bearer","expires_in":28800,
    "scope":"activity","user_id":"26FWFL"}"#;

/// Responds to every request, over https, on connections that stay open.
pub fn web(address: SocketAddr) -> io::Result<Listening> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ForEachName));
    let config = Arc::new(config);
    Listening::start(address, move |connection| {
        // The handshake's last message and the response must not wait for acknowledgements.
        connection.set_nodelay(true)?;
        let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(session, connection));
        while let Some(method) = request(&mut stream)? {
            let body = if method == "post" { TOKEN } else { RESPONSE };
            let response = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.get_mut().write_all(response.as_bytes())?;
            stream.get_mut().flush()?;
        }
        Ok(())
    })
}

/// Reads a request and says its method. `None`: the client has left.
fn request(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let (mut method, mut body) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.by_ref().take(MAX_HEAD).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            body = length.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
        method.get_or_insert_with(|| line.split(' ').next().unwrap_or_default().to_owned());
    }
    io::copy(&mut stream.by_ref().take(body), &mut io::sink())?;
    Ok(method)
}
