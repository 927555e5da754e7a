//! What comes after an answer, or beside it, on a connection that is kept alive is nobody's: another
//! login of the same app that asks next must get the answer to its own request.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fitbit_test_support::{App, Saver, figures};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::relay::listen;
use crate::scene::all_at_once;
use crate::scripted::{Scripted, gzip, say, whole};
use crate::setup::{ACCESS_TOKEN, CLIENT_SECRET, token};

const STOLEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTOLEN";

/// Answers that leave something over.
fn answers() -> Vec<Vec<u8>> {
    let heads = [
        "200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "200 OK\r\nContent-Length: 0\r\n\r\n",
        "200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX-Late: a\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "200 OK\r\nContent-Length: 400\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
        "200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}",
        "200 OK\r\nContent-Length: +2\r\n\r\n{}",
        "200 OK\r\nContent-Length: 0x2\r\n\r\n{}",
        "200 OK\r\nConnection: keep-alive, upgrade\r\nContent-Length: 2\r\n\r\n{}",
        "204 No Content\r\nContent-Length: 2\r\n\r\n{}",
        "204 No Content\r\n\r\n",
        "304 Not Modified\r\nContent-Length: 2\r\n\r\n{}",
        "205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        "101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "103 Early Hints\r\nContent-Length: 70\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "302 Found\r\nLocation: /\r\nContent-Length: 2\r\n\r\n{}",
        "401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
        "500 Oh\r\nContent-Length: 2\r\n\r\n{}",
    ];
    let mut answers: Vec<Vec<u8>> =
        heads.map(|head| format!("HTTP/1.1 {head}").into_bytes()).into();
    answers
        .push(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}".into());
    let zipped = gzip(b"{}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    answers.push([head.as_bytes(), &zipped].concat());
    answers
}

/// Two logins of one app: the first meets `first` and its leftovers, the second asks what it asks once
/// these are `sent`.
fn nobody_gets_the_leftovers(
    what: &str,
    uri: &str,
    ca_file: Option<&std::path::Path>,
    method: &str,
    sent: &AtomicBool,
) {
    let app = App::at(uri, "ID", Some(CLIENT_SECRET), "https://app.example/");
    if let Some(ca_file) = ca_file {
        app.set_ca_file(ca_file).unwrap();
    }
    app.set_timeout_ms(5000).unwrap();
    let login = |name: &str| {
        app.from_token(&token(&format!("{ACCESS_TOKEN}{name}")), &Saver::new()).unwrap()
    };
    let (victim, other) = (login("A"), login("B"));
    let first = victim.request(method, "/first", None, None);
    let first = first.map(|response| response.text().to_owned());
    assert!(!first.as_ref().is_ok_and(|body| body.contains("STOLEN")), "{what}: {first:?}");
    // What was sent over loopback has come.
    while !sent.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    for path in ["/second", "/third"] {
        let response = other.get(path).unwrap_or_else(|error| panic!("{what}: {path}: {error:?}"));
        assert_eq!(response.text(), path, "{what}");
    }
    assert_eq!(victim.get("/fourth").unwrap().text(), "/fourth", "{what}");
}

#[test]
fn bytes_after_an_answer_are_never_another_logins_answer() {
    let leftovers: [&[u8]; 5] = [
        STOLEN.as_bytes(),
        b"\r\n",
        b"x",
        b"\0",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTOLEN",
    ];
    let mut cases = Vec::new();
    for answer in answers() {
        for leftover in leftovers {
            for method in ["GET", "HEAD", "POST"] {
                for late in [false, true] {
                    cases.push((answer.clone(), leftover, method, late));
                }
            }
        }
    }
    let tried = all_at_once(cases.chunks(20), |some| {
        for (answer, leftover, method, late) in some {
            let what = String::from_utf8_lossy(answer).into_owned();
            let (answer, leftover, late) = (answer.clone(), leftover.to_vec(), *late);
            let sent = Arc::<AtomicBool>::default();
            let is_sent = sent.clone();
            let address = listen("127.0.0.1", move |mut stream| {
                let mut early = Vec::new();
                while let Some((head, _)) = crate::scripted::request(&mut stream, &mut early) {
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    if path == "/first" {
                        let _ = stream.write_all(&answer);
                        if late {
                            std::thread::sleep(Duration::from_millis(10));
                        }
                        let _ = stream.write_all(&leftover);
                        is_sent.store(true, Ordering::SeqCst);
                        continue;
                    }
                    let length = path.len();
                    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}")?;
                }
                Ok(())
            });
            nobody_gets_the_leftovers(&what, &format!("http://{address}"), None, method, &sent);
        }
    });
    assert!(tried > 0);
    figures::record("Hostile servers", "leftovers on a kept-alive connection", cases.len(), 0);
}

#[test]
fn an_answer_before_its_request_is_nobodys() {
    let sent = Arc::<AtomicBool>::default();
    let is_sent = sent.clone();
    let address = listen("127.0.0.1", move |mut stream| {
        let mut early = Vec::new();
        while let Some((head, _)) = crate::scripted::request(&mut stream, &mut early) {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let length = path.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}")?;
            if path == "/first" {
                std::thread::sleep(Duration::from_millis(10));
                let _ = stream.write_all(STOLEN.as_bytes());
                is_sent.store(true, Ordering::SeqCst);
            }
        }
        Ok(())
    });
    nobody_gets_the_leftovers("early", &format!("http://{address}"), None, "GET", &sent);
}

#[test]
fn what_is_left_over_under_tls_is_nobodys_either() {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let folder = std::env::temp_dir().join(format!("fitbit-desync-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, certificate.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    // Around the sizes of a record, of a read and of the client's buffer.
    let sizes = [2, 4000, 16_000, 16_384, 17_000, 65_000, 131_000, 131_072, 140_000, 300_000];
    for size in sizes {
        let config = config.clone();
        let sent = Arc::<AtomicBool>::default();
        let is_sent = sent.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("https://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let session = ServerConnection::new(config.clone()).unwrap();
                let mut stream = StreamOwned::new(session, tcp);
                let is_sent = is_sent.clone();
                std::thread::spawn(move || {
                    let mut head = Vec::new();
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        head.extend_from_slice(&buffer[..count]);
                        if !head.ends_with(b"\r\n\r\n") {
                            continue;
                        }
                        let text = String::from_utf8_lossy(&head).into_owned();
                        let path = text.split(' ').nth(1).unwrap_or_default();
                        let (body, more) = match path {
                            "/first" => ("a".repeat(size), STOLEN),
                            path => (path.to_owned(), ""),
                        };
                        let length = body.len();
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}{more}"
                        );
                        let written = stream.write_all(answer.as_bytes());
                        is_sent.store(true, Ordering::SeqCst);
                        if written.is_err() {
                            return;
                        }
                        head.clear();
                    }
                });
            }
        });
        nobody_gets_the_leftovers(&format!("{size} bytes"), &uri, Some(&ca_file), "GET", &sent);
    }
    let _ = std::fs::remove_dir_all(&folder);
    figures::record("Hostile servers", "leftovers under TLS", sizes.len(), 0);
}

#[test]
fn a_good_servers_connection_is_kept() {
    // So the tests above would not pass with a client that never keeps one.
    let server = Scripted::answering(|_, asked| match asked.target() {
        "/first" => say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        path => whole("200 OK", path),
    });
    nobody_gets_the_leftovers("nothing", &server.uri, None, "GET", &AtomicBool::new(true));
    assert_eq!((server.asked().len(), server.connections()), (4, 1));
}
