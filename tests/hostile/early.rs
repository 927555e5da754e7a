//! A server that answers a large request before it has read all of it, and closes: what it said is
//! the response, and where it said nothing, the connection broke.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use fitbit_test_support::{App, Client, Saver, code};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::handshakes::trusted;
use crate::relay::listen;
use crate::scene::new_token;
use crate::setup::{ACCESS_TOKEN, ANY, token};

/// More than the buffers of all sockets on the way hold.
const LARGE: usize = 32 << 20;

/// A server that reads the head and the beginning of a body, and answers with what `script` gives
/// for the request's number and its head.
struct Server {
    uri: String,
    ca_file: Option<std::path::PathBuf>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// The head, and so much of the body as came with it; a whole body where it is a small one.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && (head.starts_with("GET") || !body.is_empty())
        {
            return Ok(head.to_owned());
        }
        let mut some = [0; 1024];
        let count = stream.read(&mut some)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&some[..count]);
    }
}

impl Server {
    fn new(
        tls: Option<&str>,
        script: impl Fn(usize, &str) -> String + Send + Sync + 'static,
    ) -> Server {
        let (config, ca_file): (Option<Arc<ServerConfig>>, _) = match tls.map(trusted) {
            Some((config, ca_file)) => (Some(config), Some(ca_file)),
            None => (None, None),
        };
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = heads.clone();
        let answer = move |stream: &mut dyn ReadWrite| -> io::Result<()> {
            let head = head(&mut &mut *stream)?;
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(head.clone());
                kept.len() - 1
            };
            stream.write_all(script(number, &head).as_bytes())?;
            stream.flush()
        };
        let scheme = if config.is_some() { "https" } else { "http" };
        let address = listen("127.0.0.1", move |mut tcp: TcpStream| {
            // What is not sent yet, the reset that follows takes away.
            tcp.set_nodelay(true)?;
            let Some(config) = &config else { return answer(&mut tcp) };
            let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            answer(&mut StreamOwned::new(session, tcp))
        });
        Server { uri: format!("{scheme}://{address}"), ca_file, heads }
    }

    fn client(&self) -> Client {
        let app = App::at(&self.uri, "ID", None, "https://app.example/");
        if let Some(ca_file) = &self.ca_file {
            app.set_ca_file(ca_file).unwrap();
        }
        app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap()
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(ca_file) = &self.ca_file {
            let _ = std::fs::remove_file(ca_file);
        }
    }
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

fn whole(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn upload(client: &Client) -> Result<fitbit_test_support::Response, fitbit_test_support::Error> {
    client.request("POST", ANY, Some("application/octet-stream"), Some(&vec![b'a'; LARGE]))
}

#[test]
fn an_early_413_is_read_although_the_body_could_not_be_sent() {
    for tls in [None, Some("early-413")] {
        let server = Server::new(tls, |_, head| match head.starts_with("GET") {
            true => whole("200 OK\r\nConnection: close", "{}"),
            false => whole("413 Content Too Large", r#"{"error":{"status":"TOO_LARGE"}}"#),
        });
        let client = server.client();
        for _ in 0..3 {
            let error = upload(&client).unwrap_err();
            assert_eq!((error.code, error.http_status), (code::HTTP, 413), "{error:?}");
            assert_eq!(error.provider_type.as_deref(), Some("TOO_LARGE"), "{error:?}");
            // The connection is not used again.
            assert_eq!(client.get(ANY).unwrap().text(), "{}");
        }
        assert_eq!(server.heads().len(), 6, "nothing was sent twice");
    }
}

#[test]
fn an_early_401_is_renewed_and_the_request_sent_once_more() {
    for tls in [None, Some("early-401")] {
        let server = Server::new(tls, |number, head| match number {
            0 => whole(
                "401 Unauthorized",
                r#"{"errors":[{"errorType":"expired_token","message":"expired"}]}"#,
            ),
            _ if head.contains("/oauth2/token") => whole("200 OK", &new_token()),
            _ => whole("201 Created", "{}"),
        });
        let client = server.client();
        let created = upload(&client).unwrap_or_else(|error| panic!("{tls:?}: {error:?}"));
        assert_eq!((created.status, created.text()), (201, "{}"));
        assert_eq!(server.heads().len(), 3);
    }
}

#[test]
fn an_upload_that_breaks_without_a_response_is_a_network_error_and_is_not_sent_again() {
    for tls in [None, Some("early-nothing")] {
        let server = Server::new(tls, |_, _| String::new());
        let error = upload(&server.client()).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
        assert_eq!(server.heads().len(), 1);
    }
}

#[test]
fn half_of_an_early_response_is_a_network_error() {
    for tls in [None, Some("early-half")] {
        for half in [
            "HTTP/1.1 413 Content Too La",
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\n{}",
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n{}",
        ] {
            let server = Server::new(tls, move |_, _| half.to_owned());
            let error = upload(&server.client()).unwrap_err();
            assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{half}: {error:?}");
        }
    }
}
