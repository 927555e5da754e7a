//! Whom a TLS connection trusts.

use std::sync::Arc;

use rustls::RootCertStore;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::error::{Error, Result};
use crate::os;

#[derive(Clone)]
pub(crate) enum Certificates {
    /// What the platform trusts, or what SSL_CERT_FILE and SSL_CERT_DIR name in its place.
    OfThePlatform,
    /// Nobody but these.
    These(Arc<Vec<Certificate<'static>>>),
}

impl Certificates {
    /// `argument` is the one to be blamed for a file that cannot be used.
    pub fn from_pem_file(argument: &str, path: &str) -> Result<Certificates> {
        let refuse = |why: String| Error::invalid_argument(argument, why);
        let cannot = |why: std::io::Error| refuse(format!("cannot read {path}: {why}"));
        // A pipe or a device could go on for ever.
        if !std::fs::metadata(path).map_err(cannot)?.is_file() {
            return Err(refuse(format!("{path} is not a file")));
        }
        let pem = os::read(path.as_ref()).map_err(cannot)?;
        let mut certificates = vec![];
        let mut usable = RootCertStore::empty();
        for item in parse_pem(&pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => {
                    // Later a certificate that nobody can read would only be passed over.
                    usable
                        .add(certificate.der().into())
                        .map_err(|_| refuse(format!("{path} holds what is no certificate")))?;
                    certificates.push(certificate);
                }
                Ok(_) => {} // a key, which is nobody to trust
                Err(_) => return Err(refuse(format!("{path} is not PEM"))),
            }
        }
        match certificates.is_empty() {
            true => Err(refuse(format!("{path} holds no certificate"))),
            false => Ok(Certificates::These(Arc::new(certificates))),
        }
    }

    /// For plain http.
    pub fn nobody() -> RootCerts {
        RootCerts::Specific(Arc::default())
    }

    pub fn roots(&self) -> Result<RootCerts> {
        match self {
            Certificates::These(certificates) => Ok(RootCerts::Specific(certificates.clone())),
            Certificates::OfThePlatform => of_the_platform(),
        }
    }
}

/// No roots of our own stand in where there are none: they would age with this library, and be trusted
/// by a program whose platform trusts nobody.
fn of_the_platform() -> Result<RootCerts> {
    let found = rustls_native_certs::load_native_certs();
    if !found.certs.is_empty() {
        let certificates = found.certs.iter().map(|der| Certificate::from_der(der).to_owned());
        return Ok(RootCerts::Specific(Arc::new(certificates.collect())));
    }
    let chosen =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().find(|name| std::env::var_os(name).is_some());
    Err(Error::tls(match chosen {
        Some(name) => format!("{name} names no certificate that can be read"),
        None => "this machine trusts no certificates: install its package of them \
                 (ca-certificates), or name a file with SSL_CERT_FILE or fitbit_app_set_ca_file"
            .to_owned(),
    }))
}
