//! The authority that the client programs trust, and a certificate for every name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

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
        params.distinguished_name = named("the bench's authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("it can be signed").pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem, key: KeyPair::generate().expect("a key can be made") }
    })
}

fn named(name: &str) -> DistinguishedName {
    let mut full = DistinguishedName::new();
    full.push(DnType::CommonName, name);
    full
}

/// What to trust the servers by.
pub fn ca_pem() -> &'static str {
    &authority().pem
}

/// A certificate for the name that the client asks for, made once.
#[derive(Debug, Default)]
pub struct ForEachName(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl ResolvesServerCert for ForEachName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?;
        let mut made = self.0.lock().ok()?;
        if !made.contains_key(name) {
            made.insert(name.to_owned(), certificate(name)?);
        }
        made.get(name).cloned()
    }
}

fn certificate(name: &str) -> Option<Arc<CertifiedKey>> {
    let authority = authority();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).ok()?;
    // OpenSSL takes a certificate with its issuer's name for a self-signed one.
    leaf.distinguished_name = named(name);
    let leaf = leaf.signed_by(&authority.key, &authority.issuer).ok()?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(authority.key.serialize_der()));
    let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
    Some(Arc::new(CertifiedKey::new(vec![leaf.der().clone()], key)))
}
