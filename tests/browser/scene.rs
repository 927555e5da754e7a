//! What the scenes of these tests are made of: a login that waits, and the browser in front of it,
//! which is a socket here.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fitbit_simulator::{Decision, Registration, Simulator};
use fitbit_test_support::google_health::world as google;
use fitbit_test_support::{App, Client, Error, Saver, c, field, fitbit};

pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Whoever waits for this long is hanging, in milliseconds.
pub const LONG: u32 = 60_000;

/// A callback URI that only Google's applications can have.
pub const ANY_PORT: &str = "http://127.0.0.1:0/callback";

/// An app that takes any free port.
pub fn app(provider: &Simulator) -> App {
    google_app(provider, ANY_PORT)
}

pub fn google_app(provider: &Simulator, callback_uri: &str) -> App {
    let row = google::DIALECT;
    row.app_at(provider.uri(), row.client_id, Some(row.client_secret), callback_uri)
}

/// An app of Fitbit's that has registered this address.
pub fn fitbit_app(provider: &Simulator, callback_uri: &str) -> App {
    let row = fitbit::world::DIALECT;
    provider.register(Registration {
        client_id: row.client_id.to_owned(),
        client_secret: Some(row.client_secret.to_owned()),
        kind: row.kind,
        redirect_uris: vec![callback_uri.to_owned()],
    });
    row.app_at(provider.uri(), row.client_id, Some(row.client_secret), callback_uri)
}

/// Whether this machine has IPv6, if only for itself; says aloud that it has not.
pub fn has_ipv6() -> bool {
    let there = TcpListener::bind((V6, 0)).is_ok();
    if !there {
        c::say_skipped("this machine has no IPv6");
    }
    there
}

/// A port that nobody has, of either family, outside of those that the system gives away.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 15_000 + (std::process::id() % 1000) as u16 * 10;
    let taken = |ip: IpAddr, port| {
        TcpListener::bind((ip, port)).is_err_and(|why| why.kind() == ErrorKind::AddrInUse)
    };
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if ![V4, V6].iter().any(|ip| taken(*ip, port)) {
            return port;
        }
    }
}

/// A callback URI of the test's own: nobody else gets its port when the login is over.
pub fn callback_uri() -> String {
    format!("http://127.0.0.1:{}/callback", free_port())
}

/// A browser that was told to open an address.
pub struct Browser {
    pub authorization_uri: String,
}

/// What came back, and whether it came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Logs in, with a browser of the test's own on another thread. A login that still waits when the
/// browser is done is cancelled.
pub fn login<T: Send>(
    app: &App,
    saver: &Saver,
    browse: impl FnOnce(&Browser) -> T + Send,
) -> (Result<Client, Error>, T) {
    login_within(app, LONG, saver, |browser| {
        let seen = browse(browser);
        app.cancel();
        seen
    })
}

/// The same, and the login ends by itself.
pub fn login_within<T: Send>(
    app: &App,
    timeout_ms: u32,
    saver: &Saver,
    browse: impl FnOnce(&Browser) -> T + Send,
) -> (Result<Client, Error>, T) {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let browser = scope.spawn(move || {
            let authorization_uri = told.recv().expect("the browser is opened");
            browse(&Browser { authorization_uri })
        });
        let open = |uri: &str| i32::from(tell.send(uri.to_owned()).is_ok());
        let client = app.login(timeout_ms, open, saver);
        drop(tell);
        (client, browser.join().expect("the browser does not crash"))
    })
}

impl Browser {
    pub fn field(&self, name: &str) -> String {
        field(self.authorization_uri.split_once('?').expect("a query").1, name)
            .expect("it is there")
    }

    /// Where the person is to be sent back to.
    pub fn callback_uri(&self) -> String {
        self.field("redirect_uri")
    }

    pub fn state(&self) -> String {
        self.field("state")
    }

    /// `127.0.0.1:40123`, as `Host` has it.
    pub fn authority(&self) -> String {
        authority(&self.callback_uri()).to_owned()
    }

    pub fn port(&self) -> u16 {
        let authority = self.authority();
        authority.rsplit(':').next().expect("a port").parse().expect("a number")
    }

    /// The target of an answer that belongs to this login.
    pub fn answer(&self, rest: &str) -> String {
        format!("/callback?state={}&{rest}", self.state())
    }

    /// A connection to the port.
    pub fn connect(&self) -> TcpStream {
        let authority = self.authority();
        let host = authority.rsplit_once(':').expect("a port").0.trim_matches(['[', ']']);
        connect(host.parse().unwrap_or(V4), self.port()).expect("the port is open")
    }

    /// What the callback's own browser sends.
    pub fn get(&self, target: &str) -> Reply {
        self.send(&get(target, &self.authority()))
    }

    pub fn send(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        // Whoever refuses a request may do so before it is complete.
        let _ = stream.write_all(request);
        receive(&mut stream)
    }

    /// The person decides, and is sent back.
    pub fn decide(&self, provider: &Simulator, decision: Decision) -> Reply {
        self.open(&provider.visit(&self.authorization_uri, decision).expect("the page is shown"))
    }

    /// Opens an address that the provider has sent the browser to.
    pub fn open(&self, uri: &str) -> Reply {
        let uri = uri.split('#').next().expect("a beginning");
        let target = uri.strip_prefix("http://").expect("an address of the callback's");
        let at = target.find('/').expect("it has a path");
        self.send(&get(&target[at..], &target[..at]))
    }
}

/// Nobody listens there, in either family.
pub fn is_closed(port: u16) -> bool {
    [V4, V6].iter().all(|ip| connect(*ip, port).is_err())
}

pub fn connect(ip: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::new(ip, port))?;
    stream.set_read_timeout(Some(Duration::from_millis(LONG.into())))?;
    Ok(stream)
}

pub fn authority(uri: &str) -> &str {
    uri.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("an http address")
}

pub fn get(target: &str, host: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n").into_bytes()
}

/// Everything until the other side closes: so a kept connection would hang here.
pub fn receive(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer comes and ends");
    let text = String::from_utf8(bytes).expect("pages are UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply { status: status.unwrap_or(0), head: head.to_owned(), body: body.to_owned() }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(one, _)| one.eq_ignore_ascii_case(name));
        let (first, second) = (found.next(), found.next());
        assert!(second.is_none(), "{name} is there once: {}", self.head);
        first.map(|(_, value)| value)
    }

    pub fn title(&self) -> &str {
        let (_, rest) = self.body.split_once("<title>").expect("a page has a title");
        rest.split_once("</title>").expect("it ends").0
    }
}
