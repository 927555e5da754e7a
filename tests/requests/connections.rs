//! Connections: how long one is kept, and what becomes of a request when one dies under it.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, client, provider};
use fitbit_test_support::{Error, Response, code};

use crate::scripted::{Said, Scripted, gzip, ok, say, say_and_close, whole};
use crate::setup::{ANY, client_at};

#[test]
fn a_hundred_requests_share_one_connection() {
    let provider = provider();
    let client = client(&provider);
    for _ in 0..25 {
        client.get(PROFILE).unwrap();
        client.get("/1/user/-/no-such-thing.json").unwrap_err();
        client.post("/1/user/-/foods/log.json", Some("foodId=1")).unwrap_err();
        client.delete("/1/user/-/foods/log/1.json").unwrap_err();
    }
    assert_eq!((provider.requests(Target::Api), provider.connections()), (100, 1));
}

#[test]
fn every_kind_of_answer_leaves_its_connection_to_the_next_request() {
    let answers: [fn() -> Said; 9] = [
        ok,
        || whole("200 OK", ""),
        || whole("201 Created", ""),
        || say("HTTP/1.1 204 No Content\r\n\r\n"),
        || say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        || whole("200 OK\r\nContent-Encoding: gzip", gzip(b"{}")),
        || whole("404 Not Found", "{}"),
        || whole("500 Internal Server Error", "<html></html>"),
        || whole("302 Found\r\nLocation: /elsewhere", ""),
    ];
    let server = Scripted::answering(move |number, _| answers[number % answers.len()]());
    let client = client_at(&server.uri);
    for _ in 0..2 * answers.len() {
        // Whatever came of it: this is about the connection.
        let _ = client.get(ANY);
    }
    assert_eq!((server.asked().len(), server.connections()), (18, 1));
}

#[test]
fn clients_of_one_app_share_its_connections() {
    let server = Scripted::saying(ok);
    let app = fitbit_test_support::App::at(&server.uri, "ID", None, "https://app.example/");
    for person in 0..10 {
        let token = crate::setup::token(&format!("token-{person}"));
        let client = app.from_token(&token, &fitbit_test_support::Saver::new()).unwrap();
        client.get(ANY).unwrap();
    }
    assert_eq!((server.asked().len(), server.connections()), (10, 1));
}

/// What a second request meets, on the connection that the first one left, if it is one of
/// `method`.
fn second_request(method: &str, death: fn() -> Said) -> (Result<Response, Error>, Scripted) {
    let server = Scripted::answering(move |number, _| if number == 1 { death() } else { ok() });
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    let outcome = client.request(method, ANY, None, None);
    (outcome, server)
}

fn dies() -> Said {
    say_and_close("")
}

#[test]
fn an_idempotent_request_that_dies_on_a_kept_alive_connection_is_sent_once_more_on_a_fresh_one() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "get"] {
        let (outcome, server) = second_request(method, dies);
        assert_eq!(outcome.unwrap().status, 200, "{method}");
        let asked = server.asked();
        assert_eq!(asked.iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 0, 1]);
        // The fresh connection is not kept, and the server is told so.
        let again = asked[2].head.replace("connection: close\r\n", "");
        assert_eq!(asked[1].head, again, "it is the same request");
    }
}

#[test]
fn a_put_that_is_sent_once_more_has_its_body_again() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let server = Scripted::answering(|number, _| if number == 1 { dies() } else { ok() });
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    let put = client.request("PUT", ANY, Some("application/octet-stream"), Some(&body));
    assert_eq!(put.unwrap().text(), "{}");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].body == body && asked[2].body == body, "both times whole");
}

/// Google Health reads roll-ups with POST.
#[test]
fn a_post_that_only_reads_is_sent_once_more_too() {
    use fitbit_test_support::{Saver, fitbit, google_health};
    let roll_up = "/v4/users/me/dataTypes/steps/dataPoints:rollUp";
    let daily = "/v4/users/me/dataTypes/steps/dataPoints:dailyRollUp?a=b";
    let create = "/v4/users/me/dataTypes/weight/dataPoints";
    for (of, path, connections) in [
        (google_health::DIALECT, roll_up, 2),
        (google_health::DIALECT, daily, 2),
        (google_health::DIALECT, create, 1),
        (fitbit::DIALECT, roll_up, 1),
    ] {
        let server = Scripted::answering(|number, _| if number == 1 { dies() } else { ok() });
        let app = of.app_at(&server.uri, "ID", Some("a-secret"), "http://127.0.0.1:1/");
        let token = r#"{"access_token":"a","expires_at":4102444800}"#;
        let client = app.from_token(token, &Saver::new()).unwrap();
        client.get(ANY).unwrap();
        let outcome = client.request("POST", path, Some("application/json"), Some(b"{}"));
        assert_eq!(outcome.is_ok(), connections == 2, "{path}");
        assert_eq!(server.connections(), connections, "{path}");
    }
}

#[test]
fn any_other_method_that_dies_on_a_kept_alive_connection_is_not_sent_again() {
    for method in ["POST", "PATCH", "OPTIONS", "BREW"] {
        let (outcome, server) = second_request(method, dies);
        assert_eq!(outcome.unwrap_err().code, code::NETWORK, "{method}");
        assert_eq!((server.asked().len(), server.connections()), (2, 1), "{method}");
    }
}

#[test]
fn a_request_that_has_part_of_an_answer_is_not_sent_again() {
    let beginnings: [fn() -> Said; 4] = [
        || say_and_close("HTTP/1.1 2"),
        || say_and_close("HTTP/1.1 200 OK\r\nContent-Le"),
        || say_and_close("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        || say_and_close("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}"),
    ];
    for beginning in beginnings {
        for method in ["GET", "DELETE"] {
            let (outcome, server) = second_request(method, beginning);
            assert_eq!(server.asked().len(), 2, "{method}: it may have been carried out");
            assert_eq!(outcome.unwrap_err().code, code::NETWORK);
        }
    }
}

#[test]
fn a_get_that_dies_twice_is_not_sent_a_third_time() {
    let server = Scripted::answering(|number, _| if number == 0 { ok() } else { dies() });
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    assert_eq!(client.get(ANY).unwrap_err().code, code::NETWORK);
    assert_eq!((server.asked().len(), server.connections()), (3, 2));
}

#[test]
fn a_request_on_a_fresh_connection_is_never_sent_again() {
    for method in ["GET", "DELETE", "POST"] {
        let server = Scripted::saying(dies);
        let error = client_at(&server.uri).request(method, ANY, None, None).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_connection_that_was_reset_is_no_different_from_one_that_was_closed() {
    for kind in [
        FaultKind::CloseBeforeRead,
        FaultKind::ResetBeforeRead,
        FaultKind::CloseAfterRead,
        FaultKind::ResetAfterRead,
    ] {
        let provider = provider();
        let client = client(&provider);
        client.get(PROFILE).unwrap();
        // On Any, "before" really means that nothing was read.
        provider.fault(Fault::once(Target::Any, kind.clone()));
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{kind:?}");
        assert_eq!((provider.requests(Target::Any), provider.connections()), (3, 2), "{kind:?}");

        client.get(PROFILE).unwrap();
        provider.reset_counts();
        provider.fault(Fault::once(Target::Any, kind.clone()));
        let error = client.post(PROFILE, Some("a=b")).unwrap_err();
        assert_eq!(error.code, code::NETWORK, "{kind:?}");
        assert_eq!((provider.requests(Target::Any), provider.connections()), (1, 0), "{kind:?}");
    }
}

#[test]
fn a_connection_that_the_server_closed_meanwhile_fails_no_get() {
    let server =
        Scripted::saying(|| say_and_close("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    let client = client_at(&server.uri);
    for _ in 0..10 {
        client.get(ANY).unwrap();
    }
    assert_eq!((server.asked().len(), server.connections()), (10, 10));
}

#[test]
fn a_server_that_says_close_is_not_asked_on_that_connection_again() {
    let server = Scripted::saying(|| whole("200 OK\r\nConnection: close", "{}"));
    let client = client_at(&server.uri);
    for _ in 0..3 {
        client.post(ANY, None).unwrap();
    }
    assert_eq!((server.asked().len(), server.connections()), (3, 3));
}

#[test]
fn a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() {
    let late = whole_and_more();
    let server = Scripted::answering(move |number, _| if number == 0 { say(&late) } else { ok() });
    let client = crate::setup::client_with(&server.uri, |app| app.set_max_body(100).unwrap());
    assert_eq!(client.get(ANY).unwrap_err().code, code::PROTOCOL);
    assert_eq!(client.post(ANY, None).unwrap().text(), "{}");
    assert_eq!(server.connections(), 2);
}

/// A body too large to be taken, which itself looks like an answer.
fn whole_and_more() -> String {
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged".repeat(10);
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{forged}", forged.len())
}
