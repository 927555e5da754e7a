//! The certificates that a TLS connection trusts.

use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore};
use rustls_native_certs::load_certs_from_paths;

use super::super::environment::Environment;
use super::crypto;
use crate::error::{Error, Input, Result};
use crate::os;
use platform::Places;

#[derive(Clone)]
pub(crate) enum Certificates {
    /// The certificates of the platform.
    OfThePlatform(Places),
    /// The certificates that SSL_CERT_FILE and SSL_CERT_DIR name in their place.
    OfTheEnvironment { variable: &'static str, file: Option<PathBuf>, folders: Vec<PathBuf> },
    /// These certificates and no others.
    These(Arc<RootCertStore>),
}

impl Certificates {
    pub fn of_the_environment(environment: Environment) -> Certificates {
        let Environment { ssl_cert_file: file, ssl_cert_dir: folders, .. } = environment;
        // Like PATH, a list.
        let folders = folders.map(|folders| {
            let listed = env::split_paths(&folders.value);
            (
                folders.name,
                listed.filter(|folder| !folder.as_os_str().is_empty()).collect::<Vec<_>>(),
            )
        });
        let folders = folders.filter(|(_, folders)| !folders.is_empty());
        let named = file.as_ref().map(|file| file.name);
        let Some(variable) = named.or(folders.as_ref().map(|(name, _)| *name)) else {
            return Certificates::OfThePlatform(Places::known());
        };
        Certificates::OfTheEnvironment {
            variable,
            file: file.map(|file| file.value.into()),
            folders: folders.map(|(_, folders)| folders).unwrap_or_default(),
        }
    }

    /// Every certificate of the file; one that cannot be read is an error.
    pub fn from_pem_file(path: &str) -> Result<Certificates> {
        let refuse = |why: String| Error::invalid(Input::CaFile, why);
        let cannot = |why: std::io::Error| refuse(format!("cannot read {path}: {why}"));
        // A pipe or a device could go on for ever.
        if !fs::metadata(path).map_err(cannot)?.is_file() {
            return Err(refuse(format!("{path} is not a file")));
        }
        let pem = without_boms(&os::read(path.as_ref()).map_err(cannot)?);
        let mut usable = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| refuse(format!("{path} is not PEM")))?;
            // Later, a certificate that cannot be read would be skipped without an error.
            usable
                .add(certificate)
                .map_err(|_| refuse(format!("{path} holds what is no certificate")))?;
        }
        match usable.is_empty() {
            true => Err(refuse(format!("{path} holds no certificate"))),
            false => Ok(Certificates::These(Arc::new(usable))),
        }
    }

    /// The TLS settings of https connections.
    pub fn tls_config(&self) -> Result<Arc<ClientConfig>> {
        let config = ClientConfig::builder_with_provider(crypto::provider())
            .with_protocol_versions(ALL_VERSIONS)
            .map_err(|why| Error::internal(format!("TLS cannot be set up: {why}")))?
            .with_root_certificates(self.roots()?)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// Reads the certificates.
    fn roots(&self) -> Result<Arc<RootCertStore>> {
        match self {
            Certificates::These(certificates) => Ok(certificates.clone()),
            Certificates::OfTheEnvironment { variable, file, folders } => {
                let file = file.as_ref().and_then(|file| os::read(file).ok()).unwrap_or_default();
                let file = without_boms(&file);
                let mut found: Vec<_> = CertificateDer::pem_slice_iter(&file).flatten().collect();
                for folder in folders {
                    found.append(&mut load_certs_from_paths(None, Some(folder)).certs);
                }
                let nobody =
                    || Error::tls(format!("{variable} names no certificate that can be read"));
                these(found).ok_or_else(nobody)
            }
            // The library has no roots of its own to use instead. They would age with it, and a program would
            // trust them on a platform that trusts no certificate.
            Certificates::OfThePlatform(places) => these(places.certificates()).ok_or_else(|| {
                Error::tls(
                    "this machine trusts no certificates: install its package of them \
                     (ca-certificates), or name a file with SSL_CERT_FILE or \
                     fitbit_app_set_ca_file",
                )
            }),
        }
    }
}

/// None: there are no certificates.
fn these(mut found: Vec<CertificateDer<'static>>) -> Option<Arc<RootCertStore>> {
    // A file and a folder often hold the same certificates.
    found.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.dedup();
    let mut usable = RootCertStore::empty();
    let is_none = found.is_empty();
    usable.add_parsable_certificates(found);
    (!is_none).then(|| Arc::new(usable))
}

/// A PEM file without byte order marks. Editors on Windows put one at the beginning. A file that
/// was joined from such files has more of them.
fn without_boms(pem: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut clean = Vec::with_capacity(pem.len());
    let mut rest = pem;
    while let Some(at) = rest.windows(MARK.len()).position(|bytes| bytes == MARK) {
        clean.extend_from_slice(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    clean.extend_from_slice(rest);
    clean
}

/// On systems that keep certificates in files.
#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::path::PathBuf;

    use rustls::pki_types::CertificateDer;
    use rustls_native_certs::load_certs_from_paths;

    #[derive(Clone)]
    pub(crate) struct Places {
        file: Option<PathBuf>,
    }

    impl Places {
        /// The search reads the environment, too. That may happen only while an app is made.
        pub fn known() -> Places {
            Places { file: openssl_probe::probe().cert_file }
        }

        pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
            let mut folders: Vec<_> = openssl_probe::candidate_cert_dirs()
                .filter_map(|folder| folder.canonicalize().ok())
                .collect();
            folders.sort_unstable();
            folders.dedup();
            let mut folders = folders.iter().map(PathBuf::as_path);
            // The file usually is in the first folder. Named together, it is read once.
            let mut found = load_certs_from_paths(self.file.as_deref(), folders.next()).certs;
            for folder in folders {
                found.append(&mut load_certs_from_paths(None, Some(folder)).certs);
            }
            found
        }
    }
}

/// On systems that hand out certificates through a function.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use rustls::pki_types::CertificateDer;

    #[derive(Clone)]
    pub(crate) struct Places;

    impl Places {
        pub fn known() -> Places {
            Places
        }

        /// The crate reads SSL_CERT_FILE and SSL_CERT_DIR once more.
        pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
            rustls_native_certs::load_native_certs().certs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_are_taken_out_of_a_file_wherever_files_were_joined() {
        for (file, clean) in [
            ("", ""),
            ("a", "a"),
            ("\u{feff}", ""),
            ("\u{feff}a\nb", "a\nb"),
            ("a\n\u{feff}b\u{feff}", "a\nb"),
            ("\u{feff}\u{feff}a", "a"),
        ] {
            assert_eq!(without_boms(file.as_bytes()), clean.as_bytes(), "{file:?}");
        }
        // Half of a mark is no mark.
        assert_eq!(without_boms(b"\xef\xbba\xef"), b"\xef\xbba\xef");
    }
}
