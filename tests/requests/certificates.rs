//! Certificates: who is trusted, and how it shows when somebody is not.
//!
//! What is trusted comes from the environment of the process, so each request is made by a
//! program of its own.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fitbit_simulator::{DEMO_SERVER_ID, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{c, code, library};

use crate::program::{self, Report, get};
use crate::relay::{relay, slow_relay};
use crate::scripted::{Scripted, ok};

/// A provider whose certificate is of a private authority.
pub fn provider() -> Simulator {
    let provider = Simulator::builder().tls(true).start().expect("the simulator starts");
    answers_anybody(&provider);
    provider
}

/// The program's token is none of its own: the answer does not matter, that there is one does.
pub fn answers_anybody(provider: &Simulator) {
    let nothing = FaultKind::Json(200, serde_json::json!({"id": DEMO_SERVER_ID}));
    provider.fault(Fault::always(Target::Api, nothing));
}

/// A file of the test's own, until it is dropped.
pub struct File(String);

impl Deref for File {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for File {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // What is left over lies in the target folder and harms nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A file with this content.
pub fn file(content: impl AsRef<[u8]>) -> File {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = library::target().join("tmp");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    let path = folder.join(format!("requests-{}-{number}.pem", std::process::id()));
    std::fs::write(&path, content).expect("the target folder can be written to");
    File(path.into_os_string().into_string().expect("a path of ASCII"))
}

#[track_caller]
fn refused(report: &Report) {
    assert_eq!((report.code, report.status), (code::TLS, 0), "{report:?}");
    assert!(report.milliseconds < 20_000, "long before the timeout: {report:?}");
}

#[test]
fn a_private_authority_is_trusted_where_ssl_cert_file_names_it() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    let uris = [provider.uri().to_owned(), provider.uri().replace("127.0.0.1", "localhost")];
    for uri in uris {
        let report = get(&uri, &[("SSL_CERT_FILE", &trusted)]);
        assert_eq!((report.code, report.status), (0, 200), "{uri}: {report:?}");
    }
}

#[test]
fn a_file_of_ssl_cert_file_may_begin_with_a_byte_order_mark() {
    let provider = provider();
    let (pem, other) = (provider.ca_pem(), crate::certificates::provider().ca_pem().to_owned());
    // The second one was made by joining files.
    for marked in [format!("\u{feff}{pem}"), format!("{other}\u{feff}{pem}")] {
        let report = get(provider.uri(), &[("SSL_CERT_FILE", &file(marked))]);
        assert_eq!((report.code, report.status), (0, 200), "{report:?}");
    }
}

#[test]
fn an_unknown_authority_is_a_tls_error() {
    let (provider, other) = (provider(), provider());
    refused(&get(provider.uri(), &[]));
    refused(&get(provider.uri(), &[("SSL_CERT_FILE", &file(other.ca_pem()))]));
    assert_eq!(provider.requests(Target::Any), 0, "nobody was told anything");
}

#[test]
fn a_certificate_for_another_host_is_a_tls_error() {
    let provider = provider();
    let elsewhere = relay("127.0.0.2", provider.port());
    let trusted = file(provider.ca_pem());
    refused(&get(&format!("https://{elsewhere}"), &[("SSL_CERT_FILE", &trusted)]));
    assert_eq!(provider.requests(Target::Any), 0);
    assert_eq!(provider.connections(), 1, "it was asked for its certificate");
}

#[test]
fn a_file_that_holds_no_certificate_is_a_tls_error_that_names_the_variable() {
    let provider = provider();
    let missing = PathBuf::from(&*file("")).with_extension("missing");
    let broken = "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n";
    for path in
        [&*file(""), &*file("no certificate"), &*file(broken), missing.to_str().unwrap(), "/"]
    {
        let report = get(provider.uri(), &[("SSL_CERT_FILE", path)]);
        refused(&report);
        assert!(report.message.contains("SSL_CERT_FILE"), "{path}: {report:?}");
    }
    let empty = library::target().join("tmp/requests-empty");
    std::fs::create_dir_all(&empty).unwrap();
    let report = get(provider.uri(), &[("SSL_CERT_DIR", empty.to_str().unwrap())]);
    refused(&report);
    assert!(report.message.contains("SSL_CERT_DIR"), "{report:?}");
    assert_eq!(provider.connections(), 0, "nobody may be trusted in their place");
}

#[test]
fn plain_http_needs_no_certificates_at_all() {
    let server = Scripted::saying(ok);
    let report = get(&server.uri, &[("SSL_CERT_FILE", "/no/such/file")]);
    assert_eq!((report.code, report.status), (0, 200), "{report:?}");
}

#[test]
fn a_server_of_plain_http_on_the_https_port_is_no_network_error_and_no_hang() {
    let server = Scripted::saying(ok);
    let simulator = Simulator::start().unwrap();
    let trusted = file(provider().ca_pem());
    for uri in [&server.uri, simulator.uri()] {
        let uri = uri.replace("http://", "https://");
        let mut command = program::command(&uri, &uri);
        let report = program::run(command.arg("2000").env("SSL_CERT_FILE", &*trusted));
        // The scripted one goes on waiting for the end of what it takes for a request.
        let expected = [code::TLS, code::PROTOCOL, code::TIMEOUT];
        assert!(expected.contains(&report.code), "{uri}: {report:?}");
        assert!(report.milliseconds < 20_000, "{uri}: {report:?}");
    }
}

#[test]
fn what_speaks_something_else_is_a_tls_error() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    for first in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let uri = format!("https://{}", crate::relay::silence(first));
        refused(&get(&uri, &[("SSL_CERT_FILE", &trusted)]));
    }
}

/// What a request with a second of time becomes at a server that says its bytes slowly from some
/// byte on.
fn slowly(freely: usize) -> Report {
    let provider = provider();
    let address = slow_relay(provider.port(), freely, Duration::from_millis(30));
    let uri = format!("https://{address}");
    let mut command = program::command(&uri, &uri);
    program::run_for(
        command.arg("1000").env("SSL_CERT_FILE", &*file(provider.ca_pem())),
        Duration::from_secs(10),
    )
}

#[test]
fn a_handshake_that_drips_ends_with_the_timeout() {
    // A handshake takes some 900 bytes: 27 seconds.
    let report = slowly(0);
    assert_eq!(report.code, code::TIMEOUT, "{report:?}");
    assert!(report.milliseconds < 10_000, "{report:?}");
}

#[test]
fn an_encrypted_answer_that_drips_ends_with_the_timeout() {
    let provider = provider();
    // A record of 16 KiB comes whole or not at all: 8 minutes.
    let long = serde_json::json!({"filler": "a".repeat(15_000)});
    provider.clear_faults();
    provider.fault(Fault::always(Target::Api, FaultKind::Json(200, long)));
    let address = slow_relay(provider.port(), 3000, Duration::from_millis(30));
    let uri = format!("https://{address}");
    let mut command = program::command(&uri, &uri);
    let report = program::run_for(
        command.arg("1500").env("SSL_CERT_FILE", &*file(provider.ca_pem())),
        Duration::from_secs(15),
    );
    assert_eq!(report.code, code::TIMEOUT, "{report:?}");
    assert!(report.milliseconds < 15_000, "{report:?}");
}

/// A request on a machine whose certificates are those that `set_up` puts there. None: such a machine
/// cannot be made here.
fn get_on_a_machine_of_its_own(api: &str, token: &str, set_up: &str) -> Option<Report> {
    let may_mount = Command::new("unshare").args(["--mount", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        c::skip("root may not mount anything here, or unshare is not installed");
        return None;
    }
    let request = program::command(api, token);
    // Where Debian, and what is made of it, keeps the platform's certificates.
    let script = format!("mount -t tmpfs none /etc/ssl && {set_up} && exec \"$0\" \"$@\"");
    let mut alone = Command::new("unshare");
    alone.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
    alone.arg(request.get_program()).args(request.get_args());
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        alone.env_remove(name);
    }
    Some(program::run(&mut alone))
}

#[test]
fn a_machine_that_trusts_nobody_is_a_tls_error_that_says_what_to_install() {
    let provider = provider();
    let Some(report) = get_on_a_machine_of_its_own(provider.uri(), provider.uri(), "true") else {
        return;
    };
    assert_eq!(report.code, code::TLS, "{report:?}");
    assert!(report.message.contains("ca-certificates"), "{report:?}");
}

#[test]
fn a_machine_that_trusts_nobody_can_use_plain_http() {
    let server = Scripted::saying(ok);
    let token = "https://api.fitbit.com/oauth2/token";
    let Some(report) = get_on_a_machine_of_its_own(&server.uri, token, "true") else { return };
    assert_eq!((report.code, report.status), (0, 200), "{report:?}");
}

#[test]
fn what_the_platform_trusts_is_trusted_in_a_bundle_and_in_a_folder() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    for place in ["certs/ca-certificates.crt", "cert.pem", "certs/authority.pem"] {
        let set_up = format!("mkdir /etc/ssl/certs && cp {} /etc/ssl/{place}", &*trusted);
        let report = get_on_a_machine_of_its_own(provider.uri(), provider.uri(), &set_up);
        let Some(report) = report else { return };
        assert_eq!((report.code, report.status), (0, 200), "{place}: {report:?}");
    }
}
