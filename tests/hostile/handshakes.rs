//! TLS that stalls in mid-handshake, at every stage: the timeout holds, nothing secret is said.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fitbit_test_support::{App, Saver, code, figures};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::relay::listen;
use crate::scene::all_at_once;
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, token};

const TIMEOUT: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_millis(2400);

#[derive(Clone, Copy, Debug)]
enum Stall {
    /// Nothing is read and nothing is said.
    AfterAccept,
    /// So many thousandths of the server's first flight, and nothing more.
    Within(usize),
    /// A byte of it at a time.
    Dripping,
    /// The handshake is done, and nothing is said any more.
    AfterHandshake,
}

/// What its server does with each connection.
fn server(config: Arc<ServerConfig>, stall: Stall) -> std::net::SocketAddr {
    listen("127.0.0.1", move |mut tcp| {
        let idle =
            |tcp: &mut std::net::TcpStream| std::io::copy(tcp, &mut std::io::sink()).map(drop);
        if let Stall::AfterAccept = stall {
            std::thread::sleep(3 * TIMEOUT);
            return Ok(());
        }
        let mut session = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
        if let Stall::AfterHandshake = stall {
            session.complete_io(&mut tcp)?;
            return idle(&mut tcp);
        }
        while !session.wants_write() {
            session.read_tls(&mut tcp)?;
            session.process_new_packets().map_err(std::io::Error::other)?;
        }
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight)?;
        }
        if let Stall::Within(thousandths) = stall {
            tcp.write_all(&flight[..(flight.len() - 1) * thousandths / 1000])?;
            return idle(&mut tcp);
        }
        for byte in flight {
            std::thread::sleep(Duration::from_millis(20));
            tcp.write_all(&[byte])?;
        }
        idle(&mut tcp)
    })
}

#[test]
fn a_handshake_that_stalls_at_any_stage_ends_with_the_timeout() {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let ca_file = std::env::temp_dir().join(format!("fitbit-stall-{}.pem", std::process::id()));
    std::fs::write(&ca_file, certificate.pem()).unwrap();
    let mut cases = Vec::new();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let within = [0, 3, 10, 100, 300, 500, 700, 900, 1000].map(Stall::Within);
        let others = [Stall::AfterAccept, Stall::Dripping, Stall::AfterHandshake];
        for stall in within.into_iter().chain(others) {
            for renews in [false, true] {
                cases.push((server(config.clone(), stall), stall, renews));
            }
        }
    }
    let tried = all_at_once(cases, |(address, stall, renews)| {
        let uri = format!("https://{address}");
        let app = App::at(&uri, "ID", Some(CLIENT_SECRET), "https://app.example/");
        app.set_ca_file(&ca_file).unwrap();
        app.set_timeout_ms(TIMEOUT.as_millis() as u32).unwrap();
        let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
        let before = client.token();
        let mut took = Duration::MAX;
        // Once more where it was late: the machine may have been.
        for _ in 0..3 {
            let begin = Instant::now();
            let outcome = if renews { client.refresh() } else { client.get(ANY).map(drop) };
            took = begin.elapsed();
            let error = outcome.expect_err("nobody answers");
            assert_eq!((error.code, error.http_status), (code::TIMEOUT, 0), "{stall:?}: {error:?}");
            assert!(renews || took >= TIMEOUT, "{stall:?}: it gave up after {took:?}");
            if took <= MOST {
                break;
            }
        }
        assert!(took <= MOST, "{stall:?}, three times: {took:?}");
        assert_eq!(client.token(), before, "the login lives");
    });
    let _ = std::fs::remove_file(&ca_file);
    figures::record("Hostile servers", "handshakes that stall", tried, 0);
}

/// A server that can be trusted, and the file to trust it by.
pub fn trusted(name: &str) -> (Arc<ServerConfig>, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let ca_file = std::env::temp_dir().join(format!("fitbit-{name}-{}.pem", std::process::id()));
    std::fs::write(&ca_file, certificate.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Arc::new(config), ca_file)
}

#[test]
fn the_server_of_these_tests_would_be_answered() {
    // Its handshake is a good one: what it stalls is not refused for another reason.
    let (config, ca_file) = trusted("answer");
    let address = listen("127.0.0.1", move |tcp| {
        let session = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
        let mut stream = rustls::StreamOwned::new(session, tcp);
        let _ = stream.read(&mut [0; 4096])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    });
    let app = App::at(&format!("https://{address}"), "ID", None, "https://app.example/");
    app.set_ca_file(&ca_file).unwrap();
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    assert_eq!(client.get(ANY).unwrap().text(), "{}");
    let _ = std::fs::remove_file(&ca_file);
}

/// Somebody on the network can spoil an answer as well as swallow it.
#[test]
fn a_renewals_answer_that_is_spoilt_on_its_way_is_asked_for_again() {
    let (config, ca_file) = trusted("spoilt");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    let address = listen("127.0.0.1", move |tcp| {
        let session = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
        let mut stream = rustls::StreamOwned::new(session, tcp);
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("refresh_token=") {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes)?;
            request.extend_from_slice(&bytes[..count]);
        }
        let is_first = {
            let mut asked = kept.lock().unwrap();
            asked.push(
                String::from_utf8_lossy(&request).split("\r\n\r\n").last().unwrap().to_owned(),
            );
            asked.len() == 1
        };
        let body =
            r#"{"access_token":"new-access","refresh_token":"new-refresh","expires_in":28800}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.conn.writer().write_all((head + body).as_bytes())?;
        let mut record = Vec::new();
        stream.conn.write_tls(&mut record)?;
        *record.last_mut().unwrap() ^= u8::from(is_first);
        stream.sock.write_all(&record)
    });
    let app = App::at(&format!("https://{address}"), "ID", None, "https://app.example/");
    app.set_ca_file(&ca_file).unwrap();
    let saver = Saver::new();
    let client = app.from_token(&token(ACCESS_TOKEN), &saver).unwrap();
    client.refresh().expect("the login lives");
    assert_eq!(client.token_field("refresh_token").as_deref(), Some("new-refresh"));
    assert_eq!(saver.offered().len(), 1);
    let asked = asked.lock().unwrap();
    assert!(asked.len() == 2 && asked[0] == asked[1], "{asked:?}");
    let _ = std::fs::remove_file(&ca_file);
}
