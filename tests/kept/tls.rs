//! The certificate of the test's servers, and how they resume sessions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fitbit_test_support::library;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// How a server resumes sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// The server keeps them.
    Kept,
    /// The server puts them into tickets.
    InTickets,
    /// The server offers none.
    None,
}

/// A name of the servers that only a proxy knows.
pub const FAR_AWAY: &str = "far-away.example";

struct Certificate {
    der: CertificateDer<'static>,
    key: Vec<u8>,
    file: PathBuf,
}

fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1", "localhost", FAR_AWAY].map(str::to_owned);
        let parameters = CertificateParams::new(names).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let file = folder().join(format!("ca-{}.pem", std::process::id()));
        std::fs::write(&file, certificate.pem()).unwrap();
        Certificate { der: certificate.der().clone(), key: key.serialize_der(), file }
    })
}

/// Where these tests write.
pub fn folder() -> PathBuf {
    let folder = library::target().join("kept");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a client has to trust.
pub fn ca_file() -> &'static Path {
    &certificate().file
}

/// A server that would take early data of any length.
pub fn config(version: &'static SupportedProtocolVersion, sessions: Sessions) -> Arc<ServerConfig> {
    let certificate = certificate();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key.clone()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], key)
        .unwrap();
    config.max_early_data_size = u32::MAX;
    match sessions {
        Sessions::Kept => config.session_storage = ServerSessionMemoryCache::new(4096),
        Sessions::InTickets => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
            config.max_early_data_size = 0; // rustls takes none with tickets
        }
        Sessions::None => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Arc::new(config)
}

/// TLS 1.3, as most servers have it.
pub fn usual() -> Arc<ServerConfig> {
    config(&rustls::version::TLS13, Sessions::Kept)
}
