//! A kept connection that ends: that costs no renewal, and at most one more request.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use fitbit_test_support::in_parallel;

use crate::scene::{google, login, renew, works};
use crate::server::{Conn, Server};
use crate::tls;

/// How a server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
    /// TLS says that nothing more comes, and TCP stays open.
    CloseNotify,
    CloseNotifyAndFin,
}

const ENDS: [End; 4] = [End::Fin, End::Reset, End::CloseNotify, End::CloseNotifyAndFin];

impl End {
    fn is_possible(self, is_tls: bool) -> bool {
        is_tls || !matches!(self, End::CloseNotify | End::CloseNotifyAndFin)
    }

    fn end(self, conn: &mut Conn) -> io::Result<()> {
        match self {
            End::Fin => conn.fin(),
            End::Reset => Err(conn.reset()),
            End::CloseNotify => conn.close_notify(),
            End::CloseNotifyAndFin => {
                conn.close_notify()?;
                conn.fin()
            }
        }
    }
}

fn each_end(run: impl Fn(&str, bool, End)) {
    for is_tls in [true, false] {
        for end in ENDS {
            if end.is_possible(is_tls) {
                run(&format!("{end:?}, TLS {is_tls}"), is_tls, end);
            }
        }
    }
}

#[test]
fn a_kept_connection_that_has_ended_is_not_used() {
    each_end(|what, is_tls, end| {
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let count = AtomicUsize::new(0);
        let server = Server::start(is_tls.then(tls::usual), move |conn, request, response| {
            conn.say(response)?;
            if request.is_renewal() && count.fetch_add(1, SeqCst) == 0 {
                // The reset would take a response with it that is not read yet.
                std::thread::sleep(Duration::from_millis(50));
                let outcome = end.end(conn);
                over.store(true, SeqCst);
                return outcome;
            }
            Ok(())
        });
        let app = google(&server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        renew(what, &server, "ann", &ann);
        server.wait_until(what, |_| is_over.load(SeqCst));
        if end == End::Reset {
            // It is sent when the server's thread has let go of the connection.
            std::thread::sleep(Duration::from_millis(50));
        }
        let renewals = renew(what, &server, "bob", &bob);
        let connections: Vec<_> = renewals.iter().map(|renewal| renewal.connection).collect();
        assert_eq!(connections, [1], "{what}: no request was lost there");
        renew(what, &server, "ann", &ann);
        assert_eq!(server.renewal_connections(), [0, 1, 1], "{what}");
        works(what, &server, "bob", &bob);
        server.keeps_the_rules();
    });
}

/// The pause before an ordinary second attempt is at least 125 ms.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How often a busy machine may be too slow to show it.
const MAX_TRIES: usize = 40;

#[test]
fn a_kept_connection_that_ends_under_a_request_costs_one_more_request() {
    each_end(|what, is_tls, end| {
        let begun = (0..MAX_TRIES).find(|_| renewal_after_an_end(what, is_tls, end) < AT_ONCE);
        assert!(begun.is_some(), "{what}: the second request is sent at once");
    });
}

/// How long a renewal takes whose kept connection ends under it.
fn renewal_after_an_end(what: &str, is_tls: bool, end: End) -> Duration {
    let count = AtomicUsize::new(0);
    let server = Server::start(is_tls.then(tls::usual), move |conn, request, response| {
        let number = count.fetch_add(usize::from(request.is_renewal()), SeqCst);
        match request.is_renewal() && number == 1 {
            true => end.end(conn),
            false => conn.say(response),
        }
    });
    let app = google(&server);
    let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
    renew(what, &server, "ann", &ann);
    let begun = Instant::now();
    let renewals = renew(what, &server, "bob", &bob);
    let took = begun.elapsed();
    let connections: Vec<_> = renewals.iter().map(|renewal| renewal.connection).collect();
    assert_eq!(connections, [0, 1], "{what}");
    server.wait_for_end(0);
    works(what, &server, "bob", &bob);
    server.keeps_the_rules();
    took
}

/// The second request does not go out on another kept connection, which may be dead as well.
#[test]
fn several_kept_connections_that_end_together_cost_one_more_request() {
    const LOGINS: usize = 4;
    let all_have_asked = Barrier::new(LOGINS);
    let count = AtomicUsize::new(0);
    let server = Server::start(Some(tls::usual()), move |conn, request, response| {
        if count.fetch_add(usize::from(request.is_renewal()), SeqCst) < LOGINS {
            all_have_asked.wait();
            return conn.say(response);
        }
        match request.is_renewal() && conn.number < LOGINS {
            true => Err(conn.close()),
            false => conn.say(response),
        }
    });
    let app = google(&server);
    let clients: Vec<_> =
        (0..LOGINS).map(|number| login(&app, &format!("login{number}"))).collect();
    in_parallel(&clients, |client| client.refresh().unwrap());
    assert_eq!(server.connections().len(), LOGINS, "all of them are kept");
    let renewals = renew("all dead", &server, "login0", &clients[0]);
    let connections: Vec<_> = renewals.iter().map(|renewal| renewal.connection).collect();
    assert!(connections[0] < LOGINS, "{connections:?}");
    assert_eq!(connections[1..], [LOGINS], "{connections:?}");
    works("afterwards", &server, "login0", &clients[0]);
}

/// The server stays away altogether: the renewal fails as on a fresh connection, within four requests.
#[test]
fn a_kept_connection_that_ends_before_a_server_that_fails_costs_no_login() {
    let (count, is_down) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(true)));
    let down = is_down.clone();
    let server = Server::start(None, move |conn, request, response| {
        let number = count.fetch_add(usize::from(request.is_renewal()), SeqCst);
        match request.is_renewal() && number > 0 && down.load(SeqCst) {
            true => Err(conn.close()),
            false => conn.say(response),
        }
    });
    let app = google(&server);
    let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
    renew("first", &server, "ann", &ann);
    let error = bob.refresh().unwrap_err();
    assert_eq!(error.code, fitbit_test_support::code::NETWORK, "{error:?}");
    let connections = server.renewal_connections();
    assert_eq!(connections, [0, 0, 1, 2, 3], "four requests of the second renewal");
    is_down.store(false, SeqCst);
    renew("afterwards", &server, "ann", &ann);
    renew("afterwards", &server, "bob", &bob);
    works("afterwards", &server, "bob", &bob);
}

/// From "together with the response" to "under the next request".
#[test]
fn a_server_that_closes_at_any_moment_costs_no_renewal() {
    for end in ENDS {
        let count = AtomicUsize::new(0);
        let server = Server::start(Some(tls::usual()), move |conn, request, response| {
            conn.say(response)?;
            let number = count.fetch_add(1, SeqCst) as u64;
            // A reset can take the response with it, as on any connection.
            let least = if end == End::Reset { 2000 } else { 0 };
            std::thread::sleep(Duration::from_micros(least + 41 * (number % 29)));
            assert!(request.is_renewal());
            end.end(conn)
        });
        let app = google(&server);
        let logins = ["ann", "bob"].map(|name| login(&app, name));
        for round in 0..150 {
            if end == End::Reset {
                std::thread::sleep(Duration::from_micros(1500 + 17 * (round % 150)));
            }
            for client in &logins {
                client.refresh().unwrap_or_else(|error| panic!("{end:?}, {round}: {error:?}"));
            }
        }
        let requests = server.renewals().len();
        assert!((300..=600).contains(&requests), "{end:?}: {requests} requests for 300 renewals");
        server.keeps_the_rules();
    }
}

/// A connection that closes after each response is found closed before the next request, or under it.
#[test]
fn a_server_that_says_nothing_of_closing_and_closes_costs_no_renewal() {
    for is_tls in [true, false] {
        let server = Server::start(is_tls.then(tls::usual), move |conn, _, response| {
            conn.say(response)?;
            conn.close_notify()?;
            Err(conn.close())
        });
        let app = google(&server);
        let clients = ["ann", "bob"].map(|name| (name, login(&app, name)));
        for _ in 0..20 {
            for (_, client) in &clients {
                client.refresh().unwrap();
            }
        }
        let requests = server.renewals().len();
        assert!((40..=80).contains(&requests), "{requests}");
    }
}
