//! Which renewals share a connection, and when one is kept.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use fitbit_test_support::{App, Client, Error, Saver, code};

use crate::relay::Proxy;
use crate::scene::{FAR_AWAY, FITBIT, GOOGLE, app_at, app_of, google, login, renew, token, works};
use crate::server::{Kind, Refreshed, Server, json, plainly, whole};
use crate::socks::Socks;
use crate::tls;

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

#[test]
fn two_logins_renewed_one_after_the_other_use_one_connection() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        let app = google(&server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        for _ in 0..5 {
            assert_eq!(renew("ann", &server, "ann", &ann).len(), 1);
            assert_eq!(renew("bob", &server, "bob", &bob).len(), 1);
        }
        assert_eq!(server.renewal_connections(), [0; 10]);
        assert_eq!(server.connections().len(), 1);
        assert!(server.renewals().iter().all(|renewal| !renewal.says_close()));
        server.keeps_the_rules();
    }
}

#[test]
fn two_apps_share_no_connection() {
    let server = Server::start(Some(tls::usual()), plainly);
    let (one, two) = (google(&server), google(&server));
    renew("one", &server, "ann", &login(&one, "ann"));
    renew("two", &server, "bob", &login(&two, "bob"));
    renew("one", &server, "carol", &login(&one, "carol"));
    assert_eq!(server.renewal_connections(), [0, 1, 0]);
}

/// The two endpoints of this server have one origin.
#[test]
fn requests_to_the_api_and_renewals_never_share_a_connection() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        let app = google(&server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        works("the connection of the API is first", &server, "ann", &ann);
        for _ in 0..3 {
            renew("ann", &server, "ann", &ann);
            works("ann", &server, "ann", &ann);
            renew("bob", &server, "bob", &bob);
            works("bob", &server, "bob", &bob);
        }
        assert_eq!(server.renewal_connections(), [1; 6]);
        assert!(server.of_kind(Kind::Api).iter().all(|request| request.connection == 0));
        server.keeps_the_rules();
    }
}

#[test]
fn a_token_endpoint_of_another_origin_gets_the_renewals_alone() {
    let (api, tokens) = (Server::start(None, plainly), Server::start(None, plainly));
    let app = google(&api);
    app.set_endpoint(1, &format!("{}/token", tokens.uri)).unwrap();
    let ann = login(&app, "ann");
    for _ in 0..3 {
        ann.refresh().unwrap();
        assert_eq!(ann.token_field("access_token"), Some(tokens.current("ann")));
    }
    assert_eq!(tokens.renewal_connections(), [0; 3]);
    assert!(api.requests().is_empty());
}

/// Every reason for a renewal.
#[test]
fn each_reason_for_a_renewal_uses_the_kept_connection() {
    let server = Server::start(Some(tls::usual()), plainly);
    let app = google(&server);
    app.set_refresh_leeway(300).unwrap();
    let renewed_by = |what: &str, name: &str, client: &Client, renewals: usize| {
        let before = server.renewals().len();
        works(what, &server, name, client);
        assert_eq!(server.renewals().len() - before, renewals, "{what}");
    };
    renew("asked for", &server, "ann", &login(&app, "ann"));
    let of = |name: &str, expires_at: u64| {
        app.from_token(&token(name, expires_at), &Saver::new()).unwrap()
    };
    renewed_by("expired", "bob", &of("bob", now() - 10), 1);
    renewed_by("leaving", "carol", &of("carol", now() + 100), 1);
    let other = google(&server);
    // Another program renews: this one's token is refused.
    let dan = login(&app, "dan");
    renew("elsewhere", &server, "dan", &login(&other, "dan"));
    renewed_by("refused with 401", "dan", &dan, 1);
    renew("asked for", &server, "ann", &login(&app, "ann"));
    let mut connections = server.renewal_connections();
    let elsewhere = connections.remove(3);
    assert_eq!(connections, [0; 5]);
    assert_ne!(elsewhere, 0, "of another app");
    assert_eq!(server.old_tokens(), 1, "the one that was refused");
    server.keeps_the_rules();
}

/// The response to each request for the first of two renewals, from what the server would say and from the
/// number of the request. None: what the server would say.
type Reply = fn(&[u8], usize) -> Option<Vec<u8>>;

fn first(response: &[u8], number: usize) -> Option<Vec<u8>> {
    (number == 0).then(|| response.to_vec())
}

/// Changes the head of a response.
fn headed(response: &[u8], number: usize, change: impl Fn(String) -> String) -> Option<Vec<u8>> {
    (number == 0).then(|| change(String::from_utf8(response.to_vec()).unwrap()).into_bytes())
}

#[test]
fn only_a_response_with_a_token_keeps_its_connection() {
    let not_kept: [(&str, Reply); 13] = [
        ("400", |_, n| first(&json("400 Bad Request", r#"{"error":"invalid_scope"}"#), n)),
        ("401", |_, n| first(&json("401 Unauthorized", r#"{"error":"invalid_client"}"#), n)),
        ("403 of somebody else", |_, n| first(&whole("403 Forbidden", "go away"), n)),
        ("409", |_, n| first(&json("409 Conflict", "{}"), n)),
        ("429", |_, n| first(&json("429 Too Many Requests", r#"{"error":"rate_limit"}"#), n)),
        ("500", |_, n| first(&whole("500 Oh", "<html>"), n)),
        ("503", |_, n| first(&json("503 Busy", r#"{"error":"temporarily_unavailable"}"#), n)),
        ("302", |_, n| first(&whole("302 Found\r\nLocation: /", ""), n)),
        ("200 without a token", |_, n| first(&json("200 OK", r#"{"scope":"a"}"#), n)),
        ("200 without JSON", |_, n| first(&whole("200 OK", "<html>"), n)),
        ("200 without a body", |_, n| first(&whole("200 OK", ""), n)),
        ("close", |r, n| {
            headed(r, n, |text| text.replace("OK\r\n", "OK\r\nConnection: close\r\n"))
        }),
        ("HTTP/1.0", |r, n| headed(r, n, |text| text.replace("HTTP/1.1", "HTTP/1.0"))),
    ];
    for (what, reply) in not_kept {
        let (server, first) = after(reply);
        let renewals = server.renewal_connections();
        let carried = renewals.iter().filter(|&&connection| connection == first).count();
        assert_eq!(carried, 1, "{what}: {renewals:?}");
        server.wait_for_end(first);
    }
    let kept: [(&str, Reply); 4] = [
        ("200", |r, n| first(r, n)),
        ("201", |r, n| headed(r, n, |text| text.replace("200 OK", "201 Created"))),
        ("chunks", |r, n| {
            headed(r, n, |text| {
                let (_, body) = text.split_once("\r\n\r\n").unwrap();
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
            })
        }),
        ("an interim response", |r, n| {
            headed(r, n, |text| format!("HTTP/1.1 103 Early Hints\r\n\r\n{text}"))
        }),
    ];
    for (what, reply) in kept {
        let (server, first) = after(reply);
        assert_eq!(server.renewal_connections(), [first, first], "{what}");
    }
}

/// A renewal that gets `reply`, and then one of another login.
fn after(reply: Reply) -> (Server, usize) {
    let count = AtomicUsize::new(0);
    let server = Server::start(Some(tls::usual()), move |conn, request, response| {
        let number = count.fetch_add(usize::from(request.is_renewal()), SeqCst);
        conn.say(reply(&response, number).unwrap_or(response))
    });
    let app = google(&server);
    // It may fail: this is about its connection.
    let _ = login(&app, "ann").refresh();
    renew("another login", &server, "bob", &login(&app, "bob"));
    server.keeps_the_rules();
    let first = server.renewal_connections()[0];
    (server, first)
}

/// The refusal can be the response to an earlier request.
#[test]
fn the_end_of_a_login_on_a_kept_connection_is_asked_for_again_on_a_fresh_one() {
    refusal_on_a_kept_connection("400 Bad Request", "invalid_grant", code::REAUTHORIZE);
}

#[test]
fn every_refusal_on_a_kept_connection_is_asked_for_again_on_a_fresh_one() {
    refusal_on_a_kept_connection("400 Bad Request", "invalid_scope", code::HTTP);
    refusal_on_a_kept_connection("401 Unauthorized", "invalid_client", code::INVALID_CLIENT);
}

/// The second renewal of an app is refused, on the connection that the first one has left. If the fresh
/// connection says otherwise, that counts.
fn refusal_on_a_kept_connection(status: &'static str, word: &str, believed: u32) {
    for times in [1, 9] {
        let what = &format!("{word}, {times}");
        let refusal = json(status, &format!(r#"{{"error":"{word}"}}"#));
        let count = AtomicUsize::new(0);
        let server = Server::start(None, move |conn, request, response| {
            let number = count.fetch_add(usize::from(request.is_renewal()), SeqCst);
            let refuses = request.is_renewal() && (1..=times).contains(&number);
            conn.say(if refuses { &refusal } else { &response })
        });
        let app = google(&server);
        renew(what, &server, "bob", &login(&app, "bob"));
        let ann = login(&app, "ann");
        let outcome = ann.refresh();
        let connections = server.renewal_connections().split_off(1);
        assert!((2..=4).contains(&connections.len()), "{what}: {connections:?}");
        assert_eq!(connections[0], 0, "{what}");
        assert_ne!(connections[1], 0, "{what}: on a fresh one");
        match times {
            1 => {
                outcome.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                works(what, &server, "ann", &ann);
            }
            _ => {
                assert_eq!(outcome.unwrap_err().code, believed, "{what}");
                server.wait_for_end(connections[1]);
            }
        }
        server.wait_for_end(0);
        server.keeps_the_rules();
    }
}

#[test]
fn renewals_through_a_proxy_are_kept_too() {
    let server = Server::start(Some(tls::usual()), plainly);
    let http = Proxy::to(server.port);
    let socks = Socks::to(server.port);
    // No proxy is asked for a server on this machine.
    let uri = format!("https://{}:{}", tls::FAR_AWAY, server.port);
    let proxies = [format!("http://{}", http.address), format!("socks5h://{}", socks.address)];
    for (number, proxy) in proxies.iter().enumerate() {
        let app = app_at(GOOGLE, &uri);
        app.set_proxy(Some(proxy)).unwrap();
        let clients = ["ann", "bob"].map(|name| (name, login(&app, name)));
        for _ in 0..3 {
            for (name, client) in &clients {
                renew(proxy, &server, name, client);
                works(proxy, &server, name, client);
            }
        }
        let connections = server.renewal_connections().split_off(6 * number);
        assert_eq!(connections, [connections[0]; 6], "{proxy}");
    }
    assert_eq!((http.asked().len(), socks.wishes().len()), (2, 2), "one for each purpose");
    server.keeps_the_rules();
}

#[test]
fn eight_threads_that_renew_eight_logins_use_at_most_eight_connections() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        let app = google(&server);
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (app, server, start) = (&app, &server, &start);
                scope.spawn(move || {
                    let name = format!("login{number}");
                    let client = login(app, &name);
                    start.wait();
                    for _ in 0..25 {
                        client.refresh().unwrap();
                        assert_eq!(client.token_field("access_token"), Some(server.current(&name)));
                    }
                });
            }
        });
        assert_eq!(server.renewals().len(), 200);
        let connections = server.connections().len();
        assert!(connections <= 8, "{connections}");
        server.keeps_the_rules();
    }
}

/// Seventy requests at once need a connection each. Sixty-four of these connections carry the next requests.
#[test]
fn an_application_keeps_at_most_64_idle_connections_for_each_purpose() {
    const ALL: usize = 70;
    const KEPT: usize = 64;
    for kind in [Kind::Api, Kind::Renewal] {
        let (seen, first, second) = (AtomicUsize::new(0), Barrier::new(ALL), Barrier::new(KEPT));
        let server = Server::start(None, move |conn, _, response| {
            match seen.fetch_add(1, SeqCst) < ALL {
                true => first.wait(),
                false => second.wait(),
            };
            conn.say(response)
        });
        let app = google(&server);
        let logins: Vec<_> =
            (0..ALL).map(|number| login(&app, &format!("login{number}"))).collect();
        let at_once = |count: usize| {
            std::thread::scope(|scope| {
                for client in &logins[..count] {
                    scope.spawn(|| match kind {
                        Kind::Api => client.get("/any").map(drop).unwrap(),
                        _ => client.refresh().unwrap(),
                    });
                }
            });
        };
        at_once(ALL);
        server.wait_until("the connections that are too many end", |server| {
            server.connections().iter().filter(|seen| seen.is_ended).count() >= ALL - KEPT
        });
        at_once(KEPT);
        assert_eq!(server.connections().len(), ALL, "{kind:?}");
        let ended = server.connections().iter().filter(|seen| seen.is_ended).count();
        assert_eq!(ended, ALL - KEPT, "{kind:?}");
    }
}

/// The connection of a renewal stays idle while its login, or its app handle, is freed.
#[test]
fn a_kept_connection_outlives_the_login_that_used_it() {
    let server = Server::start(Some(tls::usual()), plainly);
    let app = google(&server);
    let again = app.dup().unwrap();
    renew("ann", &server, "ann", &login(&app, "ann"));
    drop(app);
    renew("bob", &server, "bob", &login(&again, "bob"));
    assert_eq!(server.renewal_connections(), [0, 0]);
    drop(again);
    server.wait_for_end(0);
}

/// The steps of a login at this server.
pub fn log_in(app: &App, name: &str) -> Result<Client, Error> {
    let step = app.step_one(None).unwrap();
    let query = step.authorization_uri.split_once('?').unwrap().1;
    let state = fitbit_test_support::field(query, "state").unwrap();
    let redirect = format!("http://127.0.0.1:1/?code=code-{name}&state={state}");
    app.step_two(&step.session, &redirect, &Saver::new())
}

#[test]
fn fitbits_renewals_have_a_connection_each() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        server.set_refreshed(Refreshed::New);
        let app = app_of(FITBIT, &server);
        let (ann, bob) = (login(&app, "ann"), login(&app, "bob"));
        for _ in 0..3 {
            renew("ann", &server, "ann", &ann);
            works("ann", &server, "ann", &ann);
            renew("bob", &server, "bob", &bob);
        }
        let renewals = server.renewals();
        assert!(renewals.iter().all(|renewal| renewal.says_close()), "{renewals:#?}");
        for renewal in &renewals {
            server.wait_for_end(renewal.connection);
        }
        // Alone on its connection, each of them.
        server.keeps_the_rules();
    }
}

#[test]
fn exchanges_and_revocations_never_use_a_kept_connection() {
    for provider in [FITBIT, GOOGLE] {
        let server = Server::start(Some(tls::usual()), plainly);
        server.set_refreshed(match provider.rotates {
            true => Refreshed::New,
            false => Refreshed::Absent,
        });
        let app = app_at(provider, &server.uri);
        let ann = login(&app, "ann");
        for name in ["bob", "carol"] {
            renew("ann", &server, "ann", &ann);
            works("ann", &server, "ann", &ann);
            let client = log_in(&app, name).unwrap();
            works(name, &server, name, &client);
            renew("ann", &server, "ann", &ann);
            client.revoke().unwrap();
            renew("ann", &server, "ann", &ann);
        }
        let counts = [Kind::Exchange, Kind::Revocation].map(|kind| server.of_kind(kind).len());
        assert_eq!(counts, [2, 2], "{}", provider.name);
        server.keeps_the_rules();
        let first = server.renewal_connections()[0];
        if !provider.rotates {
            assert_eq!(server.renewal_connections(), [first; 6], "all on one connection");
        }
        for single in server.of_kind(Kind::Exchange).iter().chain(&server.of_kind(Kind::Revocation))
        {
            server.wait_for_end(single.connection);
        }
    }
}

/// The connection of the API may be opened beside the renewal. The session tickets that come there
/// before any request are no reason to open another one.
#[test]
fn an_expired_token_takes_one_connection_for_each_purpose() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        let app = google(&server);
        let client = app.from_token(&token("ann", now() - 10), &Saver::new()).unwrap();
        for _ in 0..2 {
            works("ann", &server, "ann", &client);
            renew("ann", &server, "ann", &client);
        }
        assert_eq!((server.renewals().len(), server.connections().len()), (3, 2));
        server.keeps_the_rules();
    }
}

/// A login whose token is good for ever is not asked for.
#[test]
fn no_connection_is_opened_for_a_token_that_works() {
    let server = Server::start(None, plainly);
    let app = google(&server);
    let client = app.from_token(&token("ann", FAR_AWAY), &Saver::new()).unwrap();
    works("ann", &server, "ann", &client);
    assert_eq!((server.requests().len(), server.connections().len()), (1, 1));
}
