//! A login whose refresh tokens turn out to be single-use: from then on it is treated like one of a
//! provider whose refresh tokens always are, and every store is told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fitbit_test_support::{App, Client, Saver, code};
use serde_json::Value;

use crate::guarded::{Commit, Guarded, Row, committing, with_guard};
use crate::kept::log_in;
use crate::scene::{FAR_AWAY, FITBIT, app_of, google, login, renew, token, works};
use crate::server::{Kind, Refreshed, Server, plainly};
use crate::tls;

const FIELD: &str = "refresh_token_single_use";

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// None: the field is not there.
fn field(json: &str) -> Option<Value> {
    value(json).get(FIELD).cloned()
}

/// A saved token with this written into it.
fn token_with(login: &str, more: &str) -> String {
    token(login, FAR_AWAY).replacen('{', &format!("{{{more},"), 1)
}

fn load(app: &App, json: &str) -> (Client, Saver) {
    let saver = Saver::new();
    (app.from_token(json, &saver).unwrap(), saver)
}

/// A path of its own below the target folder.
fn file(name: &str) -> PathBuf {
    let path = tls::folder().join(format!("{name}-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// The next renewal of a single-use refresh token: alone on its connection, and the server is told.
#[track_caller]
fn renews_alone(what: &str, server: &Server, name: &str, client: &Client) {
    let before = server.renewal_connections();
    let renewals = renew(what, server, name, client);
    let [renewal] = &renewals[..] else { panic!("{what}: {renewals:#?}") };
    assert!(renewal.says_close(), "{what}: {renewal:#?}");
    assert!(!before.contains(&renewal.connection), "{what}: a connection of its own");
    server.wait_for_end(renewal.connection);
}

/// Two renewals on one connection.
#[track_caller]
fn renews_kept(what: &str, server: &Server, name: &str, client: &Client) {
    let mut renewals = renew(what, server, name, client);
    renewals.append(&mut renew(what, server, name, client));
    let [one, two] = &renewals[..] else { panic!("{what}: {renewals:#?}") };
    assert!(!one.says_close() && !two.says_close(), "{what}: {renewals:#?}");
    assert_eq!(one.connection, two.connection, "{what}");
}

#[test]
fn another_refresh_token_in_a_refresh_response_makes_a_login_single_use() {
    let server = Server::start(Some(tls::usual()), plainly);
    let app = google(&server);
    let (ann, saver) = load(&app, &token("ann", FAR_AWAY));
    let bob = login(&app, "bob");
    renews_kept("before", &server, "ann", &ann);
    assert_eq!(field(&saver.offered().pop().unwrap()), None);
    assert_eq!(field(&ann.token()), None);

    server.set_refreshed(Refreshed::New);
    let renewals = renew("the one that tells", &server, "ann", &ann);
    assert_eq!((renewals.len(), renewals[0].connection), (1, 0));
    assert_eq!(field(&saver.offered().pop().unwrap()), Some(true.into()));
    assert_eq!(field(&ann.token()), Some(true.into()));
    assert_eq!(ann.token_field(FIELD).as_deref(), Some("true"));

    for refreshed in [Refreshed::New, Refreshed::Same, Refreshed::Absent] {
        server.set_refreshed(refreshed);
        renews_alone(&format!("{refreshed:?}"), &server, "ann", &ann);
        assert_eq!(field(&saver.offered().pop().unwrap()), Some(true.into()), "{refreshed:?}");
    }
    // That is this login's matter alone.
    renews_kept("another login", &server, "bob", &bob);
    assert_eq!(field(&bob.token()), None);
    works("ann", &server, "ann", &ann);
    server.keeps_the_rules();
}

#[test]
fn the_same_refresh_token_or_none_leaves_a_login_as_it_is() {
    for refreshed in [Refreshed::Absent, Refreshed::Same] {
        let server = Server::start(None, plainly);
        server.set_refreshed(refreshed);
        let (ann, saver) = load(&google(&server), &token("ann", FAR_AWAY));
        renews_kept(&format!("{refreshed:?}"), &server, "ann", &ann);
        for json in saver.offered().iter().chain([&ann.token()]) {
            assert_eq!(field(json), None, "{refreshed:?}");
        }
    }
}

/// An empty refresh token is no other one.
#[test]
fn an_empty_refresh_token_in_a_response_leaves_a_login_as_it_is() {
    for more in [r#","refresh_token":"""#, r#","refresh_token":null"#] {
        let server = Server::start(None, plainly);
        server.set_more(more);
        let (ann, _) = load(&google(&server), &token("ann", FAR_AWAY));
        renews_kept(more, &server, "ann", &ann);
        assert_eq!(field(&ann.token()), None, "{more}");
    }
}

#[test]
fn fitbits_tokens_never_carry_the_field() {
    let server = Server::start(None, plainly);
    server.set_refreshed(Refreshed::New);
    let app = app_of(FITBIT, &server);
    let (ann, saver) = load(&app, &token("ann", FAR_AWAY));
    for _ in 0..2 {
        renews_alone("Fitbit", &server, "ann", &ann);
        assert_eq!(field(&saver.offered().pop().unwrap()), None);
    }
    assert_eq!(field(&log_in(&app, "bob").unwrap().token()), None);
}

#[test]
fn the_field_is_kept_by_every_store_and_every_handle() {
    let server = Server::start(Some(tls::usual()), plainly);
    server.set_refreshed(Refreshed::New);
    let app = google(&server);

    let (ann, saver) = load(&app, &token("ann", FAR_AWAY));
    renew("callback", &server, "ann", &ann);
    let saved = saver.offered().pop().unwrap();
    renews_alone("another handle", &server, "ann", &ann.dup().unwrap());

    let (loaded, _) = load(&google(&server), &saved);
    assert_eq!(field(&loaded.token()), Some(true.into()), "loaded");
    renews_alone("loaded", &server, "ann", &loaded);
    // As a database gives it back that keeps JSON in its own way.
    let Value::Object(members) = value(&saved) else { panic!("{saved}") };
    let members = members.iter().rev().map(|(name, value)| format!("  \"{name}\" :\n {value}"));
    let reordered = format!("\n{{ {} }}\n", members.collect::<Vec<_>>().join(",\r\n"));
    let (loaded, saver) = load(&google(&server), &reordered);
    renews_alone("reordered", &server, "ann", &loaded);
    assert_eq!(field(&saver.offered().pop().unwrap()), Some(true.into()), "reordered");

    let path = file("moved");
    loaded.set_token_file(&path).unwrap();
    assert_eq!(field(&std::fs::read_to_string(&path).unwrap()), Some(true.into()), "moved");
    renews_alone("moved", &server, "ann", &loaded);
    assert_eq!(field(&std::fs::read_to_string(&path).unwrap()), Some(true.into()), "renewed");
    drop(loaded);
    let opened = google(&server).from_file(&path).unwrap();
    assert_eq!(field(&opened.token()), Some(true.into()), "opened");
    renews_alone("opened", &server, "ann", &opened);
    works("opened", &server, "ann", &opened);
    server.keeps_the_rules();
}

/// The process that did not see the response learns it from the store.
#[test]
fn clients_of_one_token_file_learn_the_field_from_each_other() {
    let server = Server::start(None, plainly);
    let path = file("shared");
    login(&google(&server), "ann").set_token_file(&path).unwrap();
    let (one, two) =
        (google(&server).from_file(&path).unwrap(), google(&server).from_file(&path).unwrap());
    renews_kept("one", &server, "ann", &one);
    two.refresh().unwrap(); // takes what one has stored
    renews_kept("two", &server, "ann", &two);
    one.refresh().unwrap();
    server.set_refreshed(Refreshed::New);
    renew("one", &server, "ann", &one);
    assert_eq!(field(&std::fs::read_to_string(&path).unwrap()), Some(true.into()));
    renews_alone("one", &server, "ann", &one);
    two.refresh().unwrap(); // takes it again
    renews_alone("two", &server, "ann", &two);
    assert_eq!(field(&two.token()), Some(true.into()));
}

#[test]
fn a_guard_is_given_the_field_and_gives_it_back() {
    let server = Server::start(Some(tls::usual()), plainly);
    let app = with_guard(google(&server));
    let row = Row::holding(&token("ann", FAR_AWAY));
    let ann = Guarded::from_token(&app, &row.read().unwrap(), committing(&row, Commit::Works));
    let renewals = |client: &Guarded| {
        let before = server.renewals().len();
        client.refresh().unwrap();
        server.renewals().split_off(before)
    };
    assert!(!renewals(&ann)[0].says_close());
    assert_eq!(field(&row.read().unwrap()), None);
    server.set_refreshed(Refreshed::New);
    assert!(!renewals(&ann)[0].says_close(), "this one tells");
    assert_eq!(field(&row.read().unwrap()), Some(true.into()));
    assert!(renewals(&ann)[0].says_close());

    // Another process, from the row.
    let again = with_guard(google(&server));
    let other = Guarded::from_token(&again, &row.read().unwrap(), committing(&row, Commit::Works));
    assert!(renewals(&other)[0].says_close());
    assert_eq!(field(&row.read().unwrap()), Some(true.into()));
    // A process that still holds an older token of the login takes the row's.
    let stale = with_guard(google(&server));
    let stale =
        Guarded::from_token(&stale, &token("ann", FAR_AWAY), committing(&row, Commit::Works));
    stale.refresh().unwrap();
    assert_eq!(field(&stale.token()), Some(true.into()));
    assert!(renewals(&stale)[0].says_close());
    server.keeps_the_rules();
}

#[test]
fn nothing_but_true_makes_a_loaded_login_single_use() {
    let server = Server::start(None, plainly);
    let app = google(&server);
    for absent in ["null", "false", r#""""#] {
        let json = token_with("ann", &format!(r#""{FIELD}":{absent}"#));
        let (ann, saver) = load(&app, &json);
        assert_eq!(field(&ann.token()), None, "{absent}");
        renews_kept(absent, &server, "ann", &ann);
        assert_eq!(field(&saver.offered().pop().unwrap()), None, "{absent}");
    }
    let (ann, _) = load(&app, &token_with("ann", &format!(r#""{FIELD}":true"#)));
    renews_alone("true", &server, "ann", &ann);
}

#[test]
fn a_providers_response_can_neither_set_nor_remove_the_field() {
    let server = Server::start(None, plainly);
    let app = google(&server);
    for word in ["true", "false", "null", r#""""#, r#""true""#, "1", "[]"] {
        server.set_more(&format!(r#","{FIELD}":{word}"#));
        let (ann, saver) = load(&app, &token("ann", FAR_AWAY));
        renews_kept(word, &server, "ann", &ann);
        assert_eq!(field(&saver.offered().pop().unwrap()), None, "{word}");
        assert_eq!(field(&log_in(&app, "bob").unwrap().token()), None, "{word}: an exchange");

        let (carol, saver) = load(&app, &token_with("carol", &format!(r#""{FIELD}":true"#)));
        renews_alone(word, &server, "carol", &carol);
        renews_alone(word, &server, "carol", &carol);
        assert_eq!(field(&saver.offered().pop().unwrap()), Some(true.into()), "{word}");
    }
    server.keeps_the_rules();
}

#[test]
fn a_new_login_starts_without_the_field() {
    let server = Server::start(None, plainly);
    server.set_refreshed(Refreshed::New);
    let app = google(&server);
    let ann = log_in(&app, "ann").unwrap();
    assert_eq!(field(&ann.token()), None, "the first refresh token is no other one");
    renew("ann", &server, "ann", &ann);
    assert_eq!(field(&ann.token()), Some(true.into()));
    // The person logs in again.
    server.set_refreshed(Refreshed::Absent);
    let again = log_in(&app, "ann").unwrap();
    assert_eq!(field(&again.token()), None);
    renews_kept("again", &server, "ann", &again);
    assert_eq!(server.of_kind(Kind::Exchange).len(), 2);
}

/// Holds the responses to renewals back until it is opened.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let open = self.0.lock().unwrap();
        drop(self.1.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

/// How a running call is ended.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Abort,
    Cancel,
    Shutdown,
}

impl Cut {
    fn cut(self, app: &App, client: &Client) {
        match self {
            Cut::Abort => client.abort(),
            Cut::Cancel => app.cancel(),
            Cut::Shutdown => app.shutdown(),
        }
    }
}

#[test]
fn a_renewal_that_was_sent_is_cut_only_where_its_refresh_token_is_not_single_use() {
    for cut in [Cut::Abort, Cut::Cancel, Cut::Shutdown] {
        for single_use in [true, false] {
            let what = format!("{cut:?}, single-use: {single_use}");
            let gate = Arc::<Gate>::default();
            let (closed, sent) = (gate.clone(), AtomicUsize::new(0));
            let server = Server::start(Some(tls::usual()), move |conn, request, response| {
                if request.is_renewal() && sent.fetch_add(1, SeqCst) == 0 {
                    closed.pass();
                }
                conn.say(response)
            });
            server.set_refreshed(if single_use { Refreshed::New } else { Refreshed::Absent });
            let app = google(&server);
            let more = format!(r#""{FIELD}":{single_use}"#);
            let (ann, saver) = load(&app, &token_with("ann", &more));
            let handle = ann.dup().unwrap();
            let is_back = AtomicBool::new(false);
            let outcome = std::thread::scope(|scope| {
                let call = scope.spawn(|| {
                    let outcome = handle.refresh();
                    is_back.store(true, SeqCst);
                    outcome
                });
                server.wait_until(&what, |server| server.renewals().len() == 1);
                cut.cut(&app, &handle);
                if single_use {
                    std::thread::sleep(Duration::from_millis(300));
                    assert!(!is_back.load(SeqCst), "{what}: its response is waited for");
                    assert!(!server.connections()[0].is_ended, "{what}");
                } else {
                    // No response has come: nothing but the cut can end it before its timeout.
                    server.wait_until(&what, |_| is_back.load(SeqCst));
                }
                gate.open();
                call.join().unwrap()
            });
            match single_use {
                true => {
                    assert_eq!(saver.offered().len(), 1, "{what}: it is saved");
                    assert_eq!(
                        ann.token_field("access_token"),
                        Some(server.current("ann")),
                        "{what}"
                    );
                    assert_eq!(server.renewals().len(), 1, "{what}: nothing is repeated");
                }
                false => assert_eq!(outcome.unwrap_err().code, code::CANCELLED, "{what}"),
            }
            if !matches!(cut, Cut::Shutdown) {
                works(&what, &server, "ann", &ann);
            }
        }
    }
}
