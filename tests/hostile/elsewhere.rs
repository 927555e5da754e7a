//! Redirects of every kind, of every endpoint: another host, another port, another path, another scheme
//! sees nothing, and the secret stays where it was meant to go.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fitbit_test_support::{App, Error, Saver, code, figures};

use crate::scene::{log_in, shows_no_secret};
use crate::scripted::{Scripted, whole};
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, token};

/// Counts whoever comes, and says nothing.
fn watch() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let visitors = Arc::<AtomicUsize>::default();
    let counted = visitors.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, visitors)
}

#[test]
fn no_redirect_of_any_endpoint_takes_a_secret_anywhere() {
    let (port, visitors) = watch();
    let locations = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/oauth2/token"),
        format!("http://127.0.0.2:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://a:b@127.0.0.1:{port}/?q#f"),
        format!("\\\\127.0.0.1:{port}"),
        "/oauth2/elsewhere".to_owned(),
        "?again".to_owned(),
        String::new(),
        "a".repeat(30_000),
        "javascript:alert(1)".to_owned(),
    ];
    let mut tried = 0;
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        for location in &locations {
            let head = format!("{status} Elsewhere\r\nLocation: {location}");
            let server = Scripted::saying(move || whole(&head, "{}"));
            let app = App::at(&server.uri, "ID", Some(CLIENT_SECRET), "https://app.example/");
            app.set_timeout_ms(5000).unwrap();
            let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
            let before = client.token();
            let outcomes: [Result<(), Error>; 6] = [
                client.get(ANY).map(drop),
                client.post(ANY, Some("a=b")).map(drop),
                client.delete(ANY).map(drop),
                client.refresh(),
                log_in(&app).map(drop),
                client.revoke(),
            ];
            tried += outcomes.len();
            assert_eq!(server.asked().len(), outcomes.len(), "{status} {location}: each once");
            for outcome in outcomes {
                let error = outcome.expect_err("a redirect is no answer");
                assert_eq!((error.code, error.http_status), (code::HTTP, status), "{error:?}");
                shows_no_secret(location, &error);
            }
            // Neither the renewal nor the revocation has ended the login.
            assert_eq!(client.token(), before, "{status} {location}");
        }
    }
    assert_eq!(visitors.load(Ordering::SeqCst), 0, "the other host saw somebody");
    figures::record("Hostile servers", "redirects, the other host watched", tried, 0);
}
