//! A token endpoint that says more than it was asked: a second response comes after the first one, on
//! a connection that would be kept. The next renewal gets its own token all the same. One case
//! cannot be told from a response: another token, which comes while the next response is awaited.

use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fitbit_test_support::in_parallel;
use rustls::ServerConfig;
use rustls::version::TLS12;

use crate::scene::{google, login, renew, works};
use crate::server::{Conn, Request, Server, json};
use crate::tls::{self, Sessions};

/// What the second response holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    SameToken,
    AnotherLoginsToken,
    InvalidGrant,
    Garbage,
}

/// When it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// In one TLS record with the first response.
    SameRecord,
    /// In a record of its own, in the same TCP segment.
    NextRecord,
    /// Half of its record, in the same TCP segment. The other half would come with the next request.
    HalfRecord,
    /// 50 ms later, before the next request.
    Later,
    /// When the next request has come, before its own response.
    DuringTheNextRequest,
    Never,
}

/// Who renews next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    SameLogin,
    AnotherLogin,
}

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Tls13,
    Tls12,
    Http,
}

impl Scheme {
    fn tls(self) -> Option<Arc<ServerConfig>> {
        match self {
            Scheme::Tls13 => Some(tls::usual()),
            Scheme::Tls12 => Some(tls::config(&TLS12, Sessions::Kept)),
            Scheme::Http => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    scheme: Scheme,
    second: Second,
    arrival: Arrival,
    next: Next,
}

/// What the next renewal came to.
struct Outcome {
    /// The connection of the first renewal has number 0 here.
    connections: Vec<usize>,
    believed: bool,
}

const SECONDS: [Second; 4] =
    [Second::SameToken, Second::AnotherLoginsToken, Second::InvalidGrant, Second::Garbage];

const ARRIVALS: [Arrival; 6] = [
    Arrival::SameRecord,
    Arrival::NextRecord,
    Arrival::HalfRecord,
    Arrival::Later,
    Arrival::DuringTheNextRequest,
    Arrival::Never,
];

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for scheme in [Scheme::Tls13, Scheme::Tls12, Scheme::Http] {
        for second in SECONDS {
            for arrival in ARRIVALS {
                for next in [Next::SameLogin, Next::AnotherLogin] {
                    cells.push(Cell { scheme, second, arrival, next });
                }
            }
        }
    }
    cells
}

impl Cell {
    /// Without TLS there are no records: what is said together is one piece.
    fn is_possible(&self) -> bool {
        self.scheme != Scheme::Http || self.arrival != Arrival::NextRecord
    }

    /// In the place of a response, nobody can tell this from one.
    fn is_believed(&self) -> bool {
        self.arrival == Arrival::DuringTheNextRequest && self.second == Second::AnotherLoginsToken
    }

    /// The connections of the next renewal's requests.
    fn expected(&self) -> &'static [usize] {
        match self.arrival {
            Arrival::Never => &[0],
            _ if self.is_believed() => &[0],
            Arrival::DuringTheNextRequest => &[0, 1],
            _ => &[1],
        }
    }

    fn second(&self, first: &[u8]) -> Vec<u8> {
        match self.second {
            Second::SameToken => first.to_vec(),
            Second::AnotherLoginsToken => {
                json("200 OK", r#"{"access_token":"access-carol.7","expires_in":3599}"#)
            }
            Second::InvalidGrant => json("400 Bad Request", r#"{"error":"invalid_grant"}"#),
            Second::Garbage => b"\0\x01\xff garbage, and no response\r\n\r\n".to_vec(),
        }
    }

    /// The server. `is_sent` says that everything that was to be sent with the first response is.
    fn start(self, is_sent: Arc<AtomicBool>) -> Server {
        let (renewals, first) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let script = move |conn: &mut Conn, request: &Request, response: Vec<u8>| {
            if !request.is_renewal() {
                return conn.say(response);
            }
            if renewals.fetch_add(1, SeqCst) == 0 {
                *first.lock().unwrap() = response.clone();
                let outcome = self.respond_first(conn, &response);
                is_sent.store(true, SeqCst);
                return outcome;
            }
            if conn.number == 0 && renewals.load(SeqCst) == 2 {
                match self.arrival {
                    Arrival::HalfRecord => conn.other_half(),
                    Arrival::DuringTheNextRequest => {
                        conn.say(self.second(&first.lock().unwrap()))?;
                    }
                    _ => {}
                }
            }
            conn.say(response)
        };
        Server::start(self.scheme.tls(), script)
    }

    fn respond_first(&self, conn: &mut Conn, response: &[u8]) -> io::Result<()> {
        let second = self.second(response);
        match self.arrival {
            Arrival::SameRecord => conn.record([response, &second].concat()),
            Arrival::NextRecord => {
                conn.record(response);
                conn.record(second);
            }
            Arrival::HalfRecord => {
                conn.record(response);
                conn.half_record(second);
            }
            Arrival::Later => {
                conn.say(response)?;
                std::thread::sleep(Duration::from_millis(50));
                conn.record(second);
            }
            Arrival::DuringTheNextRequest | Arrival::Never => conn.record(response),
        }
        conn.send()
    }

    fn run(self) -> Outcome {
        let what = &format!("{self:?}");
        let is_sent = Arc::<AtomicBool>::default();
        let server = self.start(is_sent.clone());
        let app = google(&server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        assert_eq!(renew(what, &server, "ann", &ann).len(), 1, "{what}");
        // What was sent over loopback has come.
        server.wait_until(what, |_| is_sent.load(SeqCst));

        let (name, next) = match self.next {
            Next::SameLogin => ("ann", &ann),
            Next::AnotherLogin => ("bob", &bob),
        };
        let before = server.renewals().len();
        next.refresh().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let connections = server.renewal_connections().split_off(before);
        let held = next.token_field("access_token").unwrap();
        let believed = held == "access-carol.7";
        assert_eq!(believed, self.is_believed(), "{what}: {held}");
        assert!(believed || held == server.current(name), "{what}: {held}");
        // The connection on which too much has come is not used again, believed or not.
        let used = server.renewals().len();
        for (name, client) in [("ann", &ann), ("bob", &bob)] {
            works(what, &server, name, client);
            renew(what, &server, name, client);
            works(what, &server, name, client);
        }
        let is_kept = self.arrival == Arrival::Never;
        let later = server.renewal_connections().split_off(used);
        assert_eq!(later.contains(&0), is_kept, "{what}: {later:?}");
        let foreign = server.old_tokens();
        assert_eq!(foreign, usize::from(believed), "{what}: an old token, or another login's");
        server.keeps_the_rules();
        // Numbered as they were used: a connection for the API may have been opened between them.
        let mut used: Vec<usize> = vec![0];
        let number = |connection: &usize| {
            used.iter().position(|one| one == connection).unwrap_or_else(|| {
                used.push(*connection);
                used.len() - 1
            })
        };
        Outcome { connections: connections.iter().map(number).collect(), believed }
    }
}

#[test]
fn a_second_response_on_a_kept_connection_is_never_anybodys_token() {
    let rows = Mutex::new(Vec::new());
    let cells = cells();
    let numbered: Vec<_> = cells.iter().copied().enumerate().collect();
    in_parallel(numbered.chunks(8), |some| {
        for &(number, cell) in some {
            let row = cell.is_possible().then(|| {
                let outcome = cell.run();
                assert_eq!(outcome.connections, cell.expected(), "{cell:?}");
                assert!(outcome.connections.len() <= 4, "{cell:?}: at most four requests");
                outcome
            });
            rows.lock().unwrap().push((number, cell, row));
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(number, ..)| *number);
    assert_eq!(rows.len(), 144, "every cell was looked at");
    std::fs::write(tls::folder().join("matrix.md"), table(&rows)).unwrap();
}

fn table(rows: &[(usize, Cell, Option<Outcome>)]) -> String {
    let mut table = "# A second response on a kept renewal connection\n\n\
        Generated by the integration test `kept`. The first renewal is on connection 0. The last two\n\
        columns are of the next renewal.\n\n\
        | scheme | second response | it comes | next renewal of | its requests' connections | outcome |\n\
        |---|---|---|---|---|---|\n"
        .to_owned();
    for (_, cell, outcome) in rows {
        let (connections, outcome) = match outcome {
            None => ("-".to_owned(), "not possible: http has no records"),
            Some(Outcome { connections, believed: true }) => (
                format!("{connections:?}"),
                "believed: it stood in the place of the response; right from then on",
            ),
            Some(Outcome { connections, .. }) => (format!("{connections:?}"), "its own new token"),
        };
        let Cell { scheme, second, arrival, next } = cell;
        let row = writeln!(
            table,
            "| {scheme:?} | {second:?} | {arrival:?} | {next:?} | {connections} | {outcome} |"
        );
        row.expect("a text takes everything");
    }
    table
}

/// How many responses come twice.
const TWICE: usize = 300;

/// A response that comes twice, the second time at any moment from "during the next request" to "well
/// before it": every renewal gets a token from the response to its own request.
#[test]
fn responses_that_come_twice_at_any_moment_never_become_a_token() {
    let count = AtomicUsize::new(0);
    let server = Server::start(Some(tls::usual()), move |conn, request, response| {
        conn.say(&response)?;
        let number = count.fetch_add(usize::from(request.is_renewal()), SeqCst);
        if !request.is_renewal() || number >= TWICE {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(37 * (number as u64 % 23)));
        conn.say(&response)
    });
    let app = google(&server);
    let logins = ["ann", "bob", "carol"].map(|name| (name, login(&app, name)));
    while server.renewals().len() < TWICE {
        for (name, client) in &logins {
            let (requests, issued) = (server.renewals().len(), server.issued());
            client.refresh().unwrap();
            let requests = server.renewals().len() - requests;
            assert!((1..=4).contains(&requests), "at most four requests: {requests}");
            let held = client.token_field("access_token").unwrap();
            let number = held.strip_prefix(&format!("access-{name}."));
            let number: usize = number.expect("its own login's").parse().unwrap();
            assert!(number > issued, "an old token: {held} after {issued}");
        }
    }
    // The server sees the requests that are still on their way before the next renewal.
    std::thread::sleep(Duration::from_millis(100));
    for (name, client) in &logins {
        renew("afterwards", &server, name, client);
        works("afterwards", &server, name, client);
    }
    assert_eq!(server.old_tokens(), 0);
    server.keeps_the_rules();
}

/// However little it is.
#[test]
fn a_single_byte_after_a_response_forbids_the_reuse() {
    let cases: [(bool, &[u8], usize); 6] = [
        (true, b"x", usize::MAX),
        (true, b"\r\n", usize::MAX),
        (true, b"HTTP/1.1 200 OK\r\n\r\n", 1),
        (true, b"HTTP/1.1 200 OK\r\n\r\n", 6),
        (false, b"\r\n", usize::MAX),
        (false, b"\0", usize::MAX),
    ];
    for (is_tls, bytes, length) in cases {
        let what = &format!("TLS {is_tls}: {bytes:?}, {length}");
        let count = AtomicUsize::new(0);
        let is_sent = Arc::<AtomicBool>::default();
        let sent = is_sent.clone();
        let server = Server::start(is_tls.then(tls::usual), move |conn, request, response| {
            if !request.is_renewal() || count.fetch_add(1, SeqCst) > 0 {
                return conn.say(response);
            }
            conn.record(response);
            conn.part_of_record(bytes, length);
            let outcome = conn.send();
            sent.store(true, SeqCst);
            outcome
        });
        let app = google(&server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        renew(what, &server, "ann", &ann);
        server.wait_until(what, |_| is_sent.load(SeqCst));
        renew(what, &server, "bob", &bob);
        renew(what, &server, "ann", &ann);
        assert_eq!(server.renewal_connections(), [0, 1, 1], "{what}");
        server.wait_for_end(0);
        works(what, &server, "bob", &bob);
    }
}

/// It is neither a response nor half of one.
#[test]
fn new_keys_of_the_server_cost_no_renewal() {
    let server = Server::start(Some(tls::usual()), |conn, request, response| {
        conn.say(response)?;
        if request.is_renewal() { conn.update_keys() } else { Ok(()) }
    });
    let app = google(&server);
    let clients = ["ann", "bob"].map(|name| (name, login(&app, name)));
    for _ in 0..5 {
        for (name, client) in &clients {
            assert_eq!(renew("new keys", &server, name, client).len(), 1);
        }
    }
    works("new keys", &server, "ann", &clients[0].1);
}

/// Some providers give the same access token out again while it lasts.
#[test]
fn a_provider_that_repeats_a_token_is_believed_on_a_fresh_connection() {
    let server = Server::start(Some(tls::usual()), |conn, request, response| {
        let token = format!(r#"{{"access_token":"access-{}.0","expires_in":9}}"#, request.login());
        conn.say(if request.is_renewal() { json("200 OK", &token) } else { response })
    });
    let app = google(&server);
    let logins = ["ann", "bob"].map(|name| (name, login(&app, name)));
    for (name, client) in &logins {
        for _ in 0..5 {
            let before = server.renewals().len();
            client.refresh().unwrap();
            let requests = server.renewals().len() - before;
            assert!((1..=2).contains(&requests), "{requests}");
            assert_eq!(client.token_field("access_token"), Some(format!("access-{name}.0")));
        }
    }
    // One login after the other: a token is compared with the last one of its connection.
    let before = server.renewals().len();
    for _ in 0..5 {
        for (_, client) in &logins {
            client.refresh().unwrap();
        }
    }
    let requests = server.renewals().len() - before;
    assert!((10..=20).contains(&requests), "{requests}");
    server.keeps_the_rules();
}
