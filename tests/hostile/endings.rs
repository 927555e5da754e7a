//! How a connection ends once a request is out: a response without a length is whole only where the
//! connection was closed cleanly, and whatever TLS does after the request has left is a broken
//! connection, not a refusal.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fitbit_test_support::{App, Client, Saver, code};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::cuts::reset;
use crate::handshakes::trusted;
use crate::relay::{Proxy, listen};
use crate::scene::new_token;
use crate::scripted::request;
use crate::setup::{ACCESS_TOKEN, ANY, token};

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// How a server ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As TLS wants it: the alert `close_notify`, then FIN.
    CloseNotify,
    /// FIN alone.
    Fin,
    Reset,
    /// A fatal alert.
    Alert,
    /// A record that was spoilt on its way.
    Garbage,
}

const BROKEN: [End; 4] = [End::Fin, End::Reset, End::Alert, End::Garbage];

/// Reads a request and its form, if it has one. None: the client has left.
fn read_request(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let form = text.starts_with("GET") || text.contains("refresh_token=");
        if text.contains("\r\n\r\n") && form {
            return Ok(Some(text));
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes)? {
            0 => return Ok(None),
            count => request.extend_from_slice(&bytes[..count]),
        }
    }
}

fn end(mut stream: Tls, end: End) -> io::Result<()> {
    stream.flush()?;
    match end {
        End::CloseNotify => {
            stream.conn.send_close_notify();
            stream.conn.complete_io(&mut stream.sock).map(drop)
        }
        End::Fin => Ok(()),
        End::Reset => reset(&stream.sock),
        End::Alert => {
            // As if somebody on the way had added a byte to the request: the server refuses it.
            let forged = [23, 3, 3, 0, 17].into_iter().chain([7; 17]).collect::<Vec<u8>>();
            stream.conn.read_tls(&mut &forged[..])?;
            assert!(stream.conn.process_new_packets().is_err(), "it refuses what is forged");
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut stream.sock)?;
            }
            Ok(())
        }
        End::Garbage => stream.sock.write_all(&[[23, 3, 3, 0, 17].as_slice(), &[7; 17]].concat()),
    }
}

/// A server under TLS. For each request `script` gives, by its number, what it says and how it ends.
struct Server {
    uri: String,
    ca_file: std::path::PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(name: &str, script: impl Fn(usize) -> (String, End) + Send + Sync + 'static) -> Server {
        let (config, ca_file): (Arc<ServerConfig>, _) = trusted(name);
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = asked.clone();
        let address = listen("127.0.0.1", move |tcp| {
            tcp.set_nodelay(true)?;
            let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(session, tcp);
            let Some(request) = read_request(&mut stream)? else { return Ok(()) };
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(request);
                kept.len() - 1
            };
            let (said, how) = script(number);
            stream.write_all(said.as_bytes())?;
            end(stream, how)
        });
        Server { uri: format!("https://{address}"), ca_file, asked }
    }

    fn client(&self, timeout_ms: u32) -> (Client, Saver) {
        let app = App::at(&self.uri, "ID", None, "https://app.example/");
        app.set_ca_file(&self.ca_file).unwrap();
        app.set_timeout_ms(timeout_ms).unwrap();
        let saver = Saver::new();
        (app.from_token(&token(ACCESS_TOKEN), &saver).unwrap(), saver)
    }

    /// A client that goes through a proxy.
    fn client_behind(&self, proxy: &Proxy) -> Client {
        let app = App::at(&self.uri, "ID", None, "https://app.example/");
        app.set_ca_file(&self.ca_file).unwrap();
        app.set_proxy(Some(&format!("http://{}", proxy.address))).unwrap();
        app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca_file);
    }
}

#[test]
fn a_body_without_a_length_ends_only_with_a_clean_close_of_tls() {
    for status in ["200 OK", "404 Not Found"] {
        for how in [End::CloseNotify].into_iter().chain(BROKEN) {
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
            let said = head + r#"{"half":"an answer"}"#;
            let server = Server::new("endings", move |_| (said.clone(), how));
            let (client, _) = server.client(30_000);
            let outcome = client.get(ANY);
            let what = format!("{status}, {how:?}: {outcome:?}");
            match (how, outcome) {
                (End::CloseNotify, Ok(response)) => {
                    assert_eq!((status, response.text()), ("200 OK", r#"{"half":"an answer"}"#));
                }
                (End::CloseNotify, Err(error)) => assert_eq!(error.http_status, 404, "{what}"),
                (_, Ok(_)) => panic!("half an answer is no success: {what}"),
                (_, Err(error)) => {
                    assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{what}");
                }
            }
            assert_eq!(server.asked().len(), 1, "{what}");
        }
    }
}

#[test]
fn a_body_without_a_length_ends_over_http_with_a_fin_and_not_with_a_reset() {
    for resets in [false, true] {
        let address = listen("127.0.0.1", move |mut stream| {
            request(&mut stream, &mut Vec::new());
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"half\":1}")?;
            if resets { reset(&stream) } else { Ok(()) }
        });
        let outcome = crate::setup::client_at(&format!("http://{address}")).get(ANY);
        match outcome {
            Ok(response) => assert_eq!((resets, response.text()), (false, "{\"half\":1}")),
            Err(error) => {
                assert_eq!((resets, error.code), (true, code::NETWORK), "{error:?}");
                assert_eq!(error.http_status, 0, "{error:?}");
            }
        }
    }
}

#[test]
fn a_last_chunk_without_its_end_does_not_excuse_a_reset() {
    let address = listen("127.0.0.1", move |mut stream| {
        request(&mut stream, &mut Vec::new());
        let chunks = "2\r\n{}\r\n0\r\n";
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")?;
        reset(&stream)
    });
    let error = crate::setup::client_at(&format!("http://{address}")).get(ANY).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
}

#[test]
fn a_body_that_is_cut_behind_a_proxy_is_cut() {
    // The proxy of the tests does not pass a reset on.
    for how in [End::CloseNotify, End::Fin, End::Alert, End::Garbage] {
        let said = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"half\":1}";
        let server = Server::new("behind", move |_| (said.to_owned(), how));
        let port = server.uri.rsplit(':').next().unwrap().parse().unwrap();
        let proxy = Proxy::to(port);
        let outcome = server.client_behind(&proxy).get(ANY);
        assert_eq!(proxy.asked().len(), 1, "{how:?}");
        match outcome {
            Ok(response) => {
                assert_eq!((how, response.text()), (End::CloseNotify, "{\"half\":1}"));
            }
            Err(error) => {
                assert_ne!(how, End::CloseNotify, "{error:?}");
                assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{how:?}");
            }
        }
    }
}

#[test]
fn a_token_response_that_is_cut_is_asked_for_again() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for how in BROKEN {
        // All of it has come, but nothing says so.
        let server = Server::new("cut-token", move |number| {
            (format!("{head}{}", new_token()), if number == 0 { how } else { End::CloseNotify })
        });
        let (client, saver) = server.client(30_000);
        client.refresh().unwrap_or_else(|error| panic!("{how:?}: {error:?}"));
        let asked = server.asked();
        assert!(asked.len() == 2 && asked[0] == asked[1], "{how:?}: {asked:?}");
        assert_eq!(saver.offered().len(), 1, "{how:?}");
    }
}

#[test]
fn tls_that_breaks_before_any_response_is_a_broken_connection() {
    for how in BROKEN {
        let server = Server::new("no-answer", move |_| (String::new(), how));
        let (client, _) = server.client(30_000);
        let error = client.get(ANY).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{how:?}: {error:?}");
        assert_eq!(server.asked().len(), 1, "{how:?}");
    }
}

#[test]
fn a_renewal_that_tls_breaks_is_asked_for_again_and_the_login_lives() {
    for how in BROKEN {
        let breaks = Arc::new(AtomicUsize::new(1));
        let left = breaks.clone();
        let server = Server::new("broken-renewal", move |_| {
            let token = new_token();
            let good = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len());
            match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            {
                Ok(_) => (String::new(), how),
                Err(_) => (good, End::CloseNotify),
            }
        });
        let (client, saver) = server.client(2000);
        client.refresh().unwrap_or_else(|error| panic!("{how:?}: {error:?}"));
        let asked = server.asked();
        assert!(asked.len() == 2 && asked[0] == asked[1], "{how:?}: {asked:?}");
        assert_eq!(saver.offered().len(), 1, "{how:?}");

        breaks.store(usize::MAX, Ordering::SeqCst);
        let before = client.token();
        let error = client.refresh().unwrap_err();
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{how:?}: {error:?}");
        assert!(server.asked().len() > 3, "{how:?}");
        assert_eq!(client.token(), before, "{how:?}: the login lives");
    }
}
