//! A private certificate authority, made when the simulator starts, and the certificate it
//! issues for 127.0.0.1 and localhost. Their keys never leave the process.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerSessionMemoryCache;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// How many sessions are kept: two for each handshake of TLS 1.3.
const SESSIONS: usize = 4096;

#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

/// `early_data`: whether clients may send any.
pub(crate) fn make_identity(early_data: bool) -> io::Result<Identity> {
    issue(early_data).map_err(io::Error::other)
}

fn issue(early_data: bool) -> Result<Identity, Box<dyn Error + Send + Sync>> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "Fitbit simulator CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "Fitbit simulator");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&leaf_key, &Issuer::new(ca, &ca_key))?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    server.max_early_data_size = if early_data { u32::MAX } else { 0 };
    server.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(Identity { ca_pem, server: Arc::new(server) })
}

/// A client's configuration that trusts the certificates in `ca_pem` and no others.
pub(crate) fn trusting(ca_pem: &str) -> io::Result<Arc<ClientConfig>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Whether a connection begins with a ClientHello that offers early data (RFC 8446 section 4.2.10).
pub(crate) fn offers_early_data(bytes: &[u8]) -> bool {
    const EARLY_DATA: [u8; 2] = [0, 42];
    extensions(bytes).is_some_and(|types| types.contains(&EARLY_DATA))
}

/// The types of a ClientHello's extensions (RFC 8446 section 4.1.2).
fn extensions(bytes: &[u8]) -> Option<Vec<[u8; 2]>> {
    // The headers of the record and of the message, the version and the random.
    let mut rest = bytes.get(5 + 4 + 2 + 32..)?;
    counted(&mut rest, 1)?; // session id
    counted(&mut rest, 2)?; // cipher suites
    counted(&mut rest, 1)?; // compression methods
    let mut all = counted(&mut rest, 2)?;
    let mut types = Vec::new();
    while let [one, two, after @ ..] = all {
        types.push([*one, *two]);
        all = after;
        counted(&mut all, 2)?;
    }
    Some(types)
}

/// So many bytes as the first `width` bytes say.
fn counted<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(width)?;
    let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    let (taken, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let before = [&[0; 5 + 4 + 2 + 32][..], &[1, 7], &[0, 2, 0x13, 1], &[1, 0]].concat();
        let length = u16::try_from(extensions.len()).expect("it is short").to_be_bytes();
        [&before[..], &length, extensions].concat()
    }

    #[test]
    fn an_offer_of_early_data_is_seen() {
        assert!(offers_early_data(&hello(&[0, 10, 0, 2, 0, 42, 0, 42, 0, 0])));
        assert!(!offers_early_data(&hello(&[0, 10, 0, 2, 0, 42, 0, 43, 0, 0])));
        assert!(!offers_early_data(&hello(&[])));
        assert!(!offers_early_data(b"GET / HTTP/1.1"));
        assert!(!offers_early_data(&[]));
    }
}
