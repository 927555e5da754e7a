//! A server that answers a large request before it has read all of it: what it said is the response,
//! and where it said nothing and closes, the connection broke.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fitbit_test_support::{App, Client, Error, Response, Saver, code, in_parallel};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::handshakes::trusted;
use crate::relay::listen;
use crate::scene::new_token;
use crate::setup::{ACCESS_TOKEN, ANY, token};

/// More than the buffers of all sockets on the way hold.
const LARGE: usize = 32 << 20;

/// For the client to be in the middle of sending, or of waiting.
const PAUSE: Duration = Duration::from_millis(200);

/// Nothing of these tests takes so long, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);

type Heads = Arc<Mutex<Vec<String>>>;

/// A server that tells its clients where it is, and keeps the head of every request.
struct Server {
    uri: String,
    ca_file: Option<std::path::PathBuf>,
    heads: Heads,
    connections: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

/// One connection of a server.
struct Visit<'a> {
    stream: &'a mut dyn ReadWrite,
    heads: &'a Heads,
    /// Of TLS.
    config: Option<&'a Arc<ServerConfig>>,
    is_over: &'a AtomicBool,
    /// How many bytes of the last request's body were not read.
    unread: usize,
}

impl Visit<'_> {
    /// A head, and so much of the body as came with it.
    fn head(&mut self) -> io::Result<String> {
        let (head, unread) = head(self.stream)?;
        self.unread = unread;
        self.heads.lock().unwrap().push(head.clone());
        Ok(head)
    }

    /// The rest of the body.
    fn body(&mut self) -> io::Result<()> {
        let mut some = vec![0; 1 << 20];
        while self.unread > 0 {
            let most = self.unread.min(some.len());
            match self.stream.read(&mut some[..most])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.unread -= count,
            }
        }
        Ok(())
    }

    fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Keeps the connection open, and reads nothing.
    fn wait(&self) -> io::Result<()> {
        while !self.is_over.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The head, and how much of the body did not come with it. A body that has not begun is waited for.
fn head(stream: &mut (impl Read + ?Sized)) -> io::Result<(String, usize)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap_or("0");
            let length: usize = length.lines().next().unwrap_or("0").parse().unwrap_or(0);
            let came = bytes.len() - end - 4;
            if length == 0 || came > 0 {
                return Ok((head, length - came));
            }
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
    /// Answers each connection's one request with what `script` gives for the request's number and its
    /// head, and closes.
    fn new(
        tls: Option<&str>,
        script: impl Fn(usize, &str) -> String + Send + Sync + 'static,
    ) -> Server {
        Server::serving(tls, move |visit| {
            let head = visit.head()?;
            let number = visit.heads.lock().unwrap().len() - 1;
            visit.say(script(number, &head))
        })
    }

    fn serving(
        tls: Option<&str>,
        serve: impl Fn(&mut Visit) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        let (config, ca_file): (Option<Arc<ServerConfig>>, _) = match tls.map(trusted) {
            Some((config, ca_file)) => (Some(config), Some(ca_file)),
            None => (None, None),
        };
        let (heads, is_over) = (Heads::default(), Arc::<AtomicBool>::default());
        let connections = Arc::<AtomicUsize>::default();
        let (kept, over, count) = (heads.clone(), is_over.clone(), connections.clone());
        let scheme = if config.is_some() { "https" } else { "http" };
        let address = listen("127.0.0.1", move |mut tcp: TcpStream| {
            count.fetch_add(1, SeqCst);
            let serve = |stream: &mut dyn ReadWrite| {
                let (heads, config, is_over) = (&kept, config.as_ref(), &*over);
                serve(&mut Visit { stream, heads, config, is_over, unread: 0 })
            };
            // What is not sent yet, the reset that follows takes away.
            tcp.set_nodelay(true)?;
            let Some(config) = &config else { return serve(&mut tcp) };
            let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            serve(&mut StreamOwned::new(session, tcp))
        });
        Server { uri: format!("{scheme}://{address}"), ca_file, heads, connections, is_over }
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

    fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
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

fn upload(client: &Client) -> Result<Response, Error> {
    client.request("POST", ANY, Some("application/octet-stream"), Some(&vec![b'a'; LARGE]))
}

const TOO_LARGE: &str = r#"{"error":{"status":"TOO_LARGE"}}"#;

#[track_caller]
fn is_413(outcome: Result<Response, Error>) {
    let error = outcome.unwrap_err();
    assert_eq!((error.code, error.http_status), (code::HTTP, 413), "{error:?}");
    assert_eq!(error.provider_type.as_deref(), Some("TOO_LARGE"), "{error:?}");
}

#[test]
fn an_early_413_is_read_although_the_body_could_not_be_sent() {
    for tls in [None, Some("early-413")] {
        let server = Server::new(tls, |_, head| match head.starts_with("GET") {
            true => whole("200 OK\r\nConnection: close", "{}"),
            false => whole("413 Content Too Large", TOO_LARGE),
        });
        let client = server.client();
        for _ in 0..3 {
            is_413(upload(&client));
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

#[test]
fn an_early_413_on_a_kept_connection_is_read_whole() {
    in_parallel([None, Some("early-kept-413")], |tls| {
        let server = Server::serving(tls, |visit| {
            while visit.head()?.starts_with("GET") {
                visit.say(whole("200 OK", "{}"))?;
            }
            let length = TOO_LARGE.len();
            visit.say(format!("HTTP/1.1 413 No\r\nContent-Length: {length}\r\n\r\n"))?;
            std::thread::sleep(PAUSE);
            visit.say(TOO_LARGE)?;
            visit.wait()
        });
        let client = server.client();
        for number in 1..=2 {
            assert_eq!(client.get(ANY).unwrap().text(), "{}");
            is_413(upload(&client));
            assert_eq!(server.connections(), number, "the upload went out on the kept one");
        }
        assert_eq!(server.heads().len(), 4, "nothing was sent twice");
    });
}

/// A server that says so much of an accepting response before the body has come, and the rest of it
/// afterwards. It closes instead of answering the request with this number.
fn accepting(tls: Option<&str>, early: usize, dies_at: usize) -> Server {
    Server::serving(tls, move |visit| {
        loop {
            let head = visit.head()?;
            if visit.heads.lock().unwrap().len() == dies_at {
                return Ok(());
            }
            let response = whole("200 OK", "{}");
            if !head.starts_with("GET") {
                std::thread::sleep(PAUSE);
                visit.say(&response[..early])?;
                std::thread::sleep(PAUSE);
                visit.body()?;
                visit.say(&response[early..])?;
            } else {
                visit.say(response)?;
            }
        }
    })
}

/// The bytes of a response that come early: a part of the head, the head, some of the body, everything.
fn early() -> [usize; 4] {
    let whole = whole("200 OK", "{}").len();
    [11, whole - 2, whole - 1, whole]
}

#[test]
fn an_early_200_does_not_end_the_upload_and_its_connection_is_kept() {
    for tls in [None, Some("early-200")] {
        in_parallel(early(), |early| {
            let tls = tls.map(|name| format!("{name}-{early}"));
            let server = accepting(tls.as_deref(), early, 0);
            let client = server.client();
            client.get(ANY).unwrap();
            for _ in 0..2 {
                let response = upload(&client).unwrap_or_else(|e| panic!("{tls:?} {early}: {e:?}"));
                assert_eq!((response.status, response.text()), (200, "{}"), "{early}");
            }
            client.get(ANY).unwrap();
            assert_eq!((server.heads().len(), server.connections()), (4, 1), "{tls:?} {early}");
        });
    }
}

#[test]
fn a_get_whose_connection_dies_after_an_early_200_is_sent_once_more() {
    for tls in [None, Some("early-then-dies")] {
        in_parallel(early(), |early| {
            let tls = tls.map(|name| format!("{name}-{early}"));
            let server = accepting(tls.as_deref(), early, 3);
            let client = server.client();
            client.get(ANY).unwrap();
            upload(&client).unwrap();
            let response = client.get(ANY).unwrap_or_else(|e| panic!("{tls:?} {early}: {e:?}"));
            assert_eq!(response.text(), "{}");
            assert_eq!((server.heads().len(), server.connections()), (4, 2), "{tls:?} {early}");
        });
    }
}

/// About as much as the client reads ahead, and more. What the client does not read yet, the server
/// sends on a thread of its own.
#[test]
fn a_long_early_200_is_read_whole() {
    in_parallel([16_000, 70_000, 82_000, 84_000, 90_000, 300_000], |length| {
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        let address = listen("127.0.0.1", move |mut stream| {
            count.fetch_add(1, SeqCst);
            loop {
                let (head, unread) = head(&mut stream)?;
                if head.starts_with("GET") {
                    stream.write_all(whole("200 OK", "{}").as_bytes())?;
                    continue;
                }
                std::thread::sleep(PAUSE);
                let mut sending = stream.try_clone()?;
                let sent = std::thread::spawn(move || {
                    sending.write_all(whole("200 OK", &"y".repeat(length)).as_bytes())
                });
                std::thread::sleep(2 * PAUSE);
                io::copy(&mut (&mut stream).take(unread as u64), &mut io::sink())?;
                sent.join().expect("it does not panic")?;
            }
        });
        let app = App::at(&format!("http://{address}"), "ID", None, "https://app.example/");
        let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
        for _ in 0..2 {
            let response = upload(&client).unwrap_or_else(|error| panic!("{length}: {error:?}"));
            assert_eq!((response.status, response.body.len()), (200, length));
            let response = client.get(ANY).unwrap_or_else(|error| panic!("{length}: {error:?}"));
            assert_eq!(response.text(), "{}");
        }
        assert_eq!(connections.load(SeqCst), 1);
    });
}

#[test]
fn an_early_413_after_interim_responses_is_read() {
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let refusal = whole("413 Content Too Large", TOO_LARGE);
    // More than the client reads at once. Under TLS all of it comes in one record.
    let long = [6_000, 12_000].map(|length| HINTS.replace("/a", &"a".repeat(length)));
    let ways = [
        vec![format!("{}{refusal}", long[0])],
        vec![format!("{}{refusal}", long[1])],
        vec![format!("{}{refusal}", HINTS.repeat(150))],
        vec![HINTS.to_owned(), refusal.clone()],
        vec![HINTS.repeat(3), refusal.clone()],
        vec![HINTS.to_owned(), HINTS.to_owned(), HINTS.to_owned(), refusal.clone()],
        vec![format!("{HINTS}{refusal}")],
        vec![HINTS[..12].to_owned(), HINTS[12..].to_owned(), refusal.clone()],
        vec![format!("{HINTS}{}", &refusal[..5]), refusal[5..].to_owned()],
        vec!["HTTP/1.1 100 Continue\r\n\r\n".to_owned(), refusal],
    ];
    for tls in [None, Some("early-hints")] {
        in_parallel(ways.iter().enumerate(), |(number, parts)| {
            let tls = tls.map(|name| format!("{name}-{number}"));
            let parts = parts.clone();
            let server = Server::serving(tls.as_deref(), move |visit| {
                visit.head()?;
                for part in &parts {
                    std::thread::sleep(PAUSE);
                    visit.say(part)?;
                }
                visit.wait()
            });
            is_413(upload(&server.client()));
            assert_eq!(server.heads().len(), 1, "{tls:?} {number}");
        });
    }
}

/// One record of the proxy's TLS holds both records of the server's: when the first one is read, the
/// socket has nothing more to say.
#[test]
fn an_early_413_within_one_record_of_an_https_proxy_is_read_whole() {
    let server = Server::serving(Some("early-proxy"), |visit| {
        visit.head()?;
        visit.say("HTTP/1.1 200 OK\r\n\r\n")?;
        let config = visit.config.expect("the proxy speaks TLS").clone();
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut server = StreamOwned::new(session, &mut visit.stream);
        head(&mut server)?;
        std::thread::sleep(2 * PAUSE);
        let body = " ".repeat(10_000) + TOO_LARGE;
        let response = whole("413 Content Too Large", &body);
        let (head, body) = response.split_at(response.len() - body.len());
        let mut records = Vec::new();
        for part in [head, body] {
            server.conn.writer().write_all(part.as_bytes())?;
        }
        while server.conn.wants_write() {
            server.conn.write_tls(&mut records)?;
        }
        assert!(records.len() < 16_384, "one record has room for them");
        visit.say(records)?;
        visit.wait()
    });
    // Only the proxy is connected to.
    let app = App::at("https://127.0.0.1:1", "ID", None, "https://app.example/");
    app.set_ca_file(server.ca_file.as_ref().unwrap()).unwrap();
    app.set_proxy(Some(&server.uri)).unwrap();
    app.set_timeout_ms(2 * SOON.as_millis() as u32).unwrap();
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    let begun = Instant::now();
    is_413(upload(&client));
    // A client that waits for the socket finds the rest only when its time is over.
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(server.connections(), 1);
}
