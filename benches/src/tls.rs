//! A certificate authority of the bench's own, and the certificate it issues for 127.0.0.1.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server needs, and the file that clients are told to trust.
pub struct Identity {
    pub server: Arc<ServerConfig>,
    pub ca_file: PathBuf,
}

/// Writes the authority's certificate into `folder`.
pub fn identity(folder: &Path) -> Identity {
    let mut ca = CertificateParams::new(Vec::new()).expect("no names are good names");
    ca.distinguished_name.push(DnType::CommonName, "fitbit-bench CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().expect("a key");
    let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();

    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut leaf = CertificateParams::new(names).expect("good names");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate().expect("a key");
    let certificate = leaf.signed_by(&leaf_key, &Issuer::new(ca, &ca_key)).expect("it is signed");

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key is the certificate's");

    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, ca_pem).expect("the target folder can be written to");
    Identity { server: Arc::new(server), ca_file }
}
