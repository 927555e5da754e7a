//! The loopback server that every subject talks to: a thread for each connection, answers that were
//! written before anybody asked, one write each. It is there to be too fast to be what is measured.
//!
//! `/oauth2/token` answers as Fitbit does, `/token` as Google does; any other path needs a bearer
//! token and gets the JSON of as many bytes as its last segment says: `/2048.json`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub const SMALL: &str = "/1/user/-/2048.json";
pub const LARGE: &str = "/1/user/-/1048576.json";

/// All that were asked for: some clients refuse to get fewer.
const SCOPES: &str = "activity cardio_fitness electrocardiogram heartrate \
    irregular_rhythm_notifications location nutrition oxygen_saturation profile respiratory_rate \
    settings sleep social temperature weight";

const UNAUTHORIZED: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
    Content-Length: 101\r\n\r\n{\"errors\":[{\"errorType\":\"expired_token\",\
    \"message\":\"Access token expired.                \"}],\"success\":0}";

/// What was asked of a server so far.
#[derive(Debug, Default)]
pub struct Counts {
    pub connections: AtomicU64,
    pub requests: AtomicU64,
    pub renewals: AtomicU64,
}

/// One server on a port of its own. It serves until the process ends.
pub struct Server {
    uri: String,
    counts: Arc<Counts>,
    delay: Arc<AtomicU64>,
}

impl Server {
    pub fn plain() -> Server {
        Server::start("http", |stream, site| site.serve(stream))
    }

    pub fn tls(config: Arc<ServerConfig>) -> Server {
        Server::start("https", move |stream, site| {
            let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            site.serve(StreamOwned::new(connection, stream))
        })
    }

    fn start(
        scheme: &str,
        serve: impl Fn(TcpStream, &mut Site) -> io::Result<()> + Clone + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("{scheme}://{}", listener.local_addr().expect("it is bound"));
        let counts = Arc::new(Counts::default());
        let delay = Arc::new(AtomicU64::new(0));
        let pages = Arc::new(Pages::new());
        let (served, late) = (counts.clone(), delay.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                served.connections.fetch_add(1, Ordering::Relaxed);
                let serve = serve.clone();
                let mut site =
                    Site { pages: pages.clone(), counts: served.clone(), delay: late.clone() };
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let _ = serve(stream, &mut site); // a client that is gone needs no answer
                });
            }
        });
        Server { uri, counts, delay }
    }

    /// `http://127.0.0.1:12345`
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How long the token endpoint thinks before it answers; nothing unless said.
    pub fn delay_tokens(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).expect("a short time");
        self.delay.store(micros, Ordering::Relaxed);
    }
}

/// Whole answers, by path.
struct Pages {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Pages {
    fn new() -> Pages {
        Pages { small: page(&steps(2048)), large: page(&steps(1024 * 1024)) }
    }
}

/// A series of steps of exactly so many bytes, as the API would send it.
fn steps(bytes: usize) -> String {
    let mut json = String::from("{\"activities-steps\":[");
    let mut day = 0;
    loop {
        let comma = if day == 0 { "" } else { "," };
        let (year, month, date) = (2000 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        let steps = 4000 + day * 7919 % 9000;
        let entry = format!(
            "{comma}{{\"dateTime\":\"{year:04}-{month:02}-{date:02}\",\"value\":\"{steps}\"}}"
        );
        if json.len() + entry.len() + 2 > bytes {
            break;
        }
        json.push_str(&entry);
        day += 1;
    }
    json.push(']');
    json.extend(std::iter::repeat_n(' ', bytes - json.len() - 1));
    json.push('}');
    json
}

fn page(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 08:00:00 GMT\r\n\
         Content-Type: application/json;charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-cache, private\r\nVary: Origin,Accept-Encoding\r\n\
         Fitbit-Rate-Limit-Limit: 150\r\nFitbit-Rate-Limit-Remaining: 149\r\n\
         Fitbit-Rate-Limit-Reset: 1200\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What one connection is served from.
struct Site {
    pages: Arc<Pages>,
    counts: Arc<Counts>,
    delay: Arc<AtomicU64>,
}

impl Site {
    fn serve(&mut self, mut stream: impl Read + Write) -> io::Result<()> {
        let mut held = Vec::with_capacity(4096);
        let mut chunk = [0; 4096];
        loop {
            let head = loop {
                if let Some(end) = find(&held, b"\r\n\r\n") {
                    break end + 4;
                }
                match stream.read(&mut chunk)? {
                    0 => return Ok(()),
                    read => held.extend_from_slice(&chunk[..read]),
                }
            };
            let whole = head + content_length(&held[..head]);
            while held.len() < whole {
                match stream.read(&mut chunk)? {
                    0 => return Ok(()),
                    read => held.extend_from_slice(&chunk[..read]),
                }
            }
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let (request, body) = held[..whole].split_at(head);
            if request.starts_with(b"POST /oauth2/token ") || request.starts_with(b"POST /token ") {
                stream.write_all(&self.token(request, body))?;
            } else if find(request, b"Bearer ").is_none() {
                stream.write_all(UNAUTHORIZED)?;
            } else if find(&request[..request.len().min(64)], b"/1048576.json").is_some() {
                stream.write_all(&self.pages.large)?;
            } else {
                stream.write_all(&self.pages.small)?;
            }
            stream.flush()?;
            held.drain(..whole);
        }
    }

    /// A new token each time. Fitbit's refresh tokens rotate, Google's do not.
    fn token(&self, request: &[u8], body: &[u8]) -> Vec<u8> {
        static ISSUED: AtomicU64 = AtomicU64::new(0);
        let number = ISSUED.fetch_add(1, Ordering::Relaxed);
        let of_a_renewal = find(body, b"grant_type=refresh_token").is_some();
        if of_a_renewal {
            self.counts.renewals.fetch_add(1, Ordering::Relaxed);
        }
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            std::thread::sleep(Duration::from_micros(delay));
        }
        let access = format!("{number:a>200x}");
        page(&if request.starts_with(b"POST /oauth2/token ") {
            format!(
                "{{\"access_token\":\"{access}\",\"expires_in\":28800,\
                 \"refresh_token\":\"{number:064x}\",\"scope\":\"{SCOPES}\",\"token_type\":\"Bearer\",\"user_id\":\"26FWFL\"}}"
            )
        } else {
            let refresh =
                if of_a_renewal { "" } else { "\"refresh_token\":\"1//0abcdefghijklmnopq\"," };
            format!(
                "{{\"access_token\":\"{access}\",\"expires_in\":3599,{refresh}\
                 \"scope\":\"https://www.googleapis.com/auth/googlehealth.sleep.readonly\",\
                 \"token_type\":\"Bearer\"}}"
            )
        })
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|here| here == what)
}

fn content_length(head: &[u8]) -> usize {
    let line = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    let text = line.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
