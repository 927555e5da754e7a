//! `max_body`: how large an answer may be, after unpacking.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, client, provider};

use crate::scripted::{Said, Scripted, gzip, say, say_and_close, whole};
use crate::setup::{ANY, client_at, client_of, client_with};

const LIMIT: usize = 5000;

fn framings(size: usize) -> [Said; 4] {
    let body = "a".repeat(size);
    [
        whole("200 OK", &body),
        say(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"
        )),
        say_and_close(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")),
        whole("200 OK\r\nContent-Encoding: gzip", gzip(body.as_bytes())),
    ]
}

fn answer(size: usize, framing: usize, limit: usize) -> Result<usize, fitbit_test_support::Error> {
    let server =
        Scripted::saying(move || framings(size).into_iter().nth(framing).expect("one of the four"));
    let client = client_with(&server.uri, |app| app.set_max_body(limit).unwrap());
    client.get(ANY).map(|response| response.body.len())
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    for limit in [1, 2, LIMIT] {
        for framing in 0..4 {
            assert_eq!(answer(limit, framing, limit), Ok(limit), "framing {framing}");
            let error = answer(limit + 1, framing, limit).unwrap_err();
            assert_eq!((error.code, error.http_status), (code::PROTOCOL, 0), "{error:?}");
        }
    }
}

#[test]
fn an_empty_body_passes_every_limit() {
    for framing in 0..4 {
        assert_eq!(answer(0, framing, 1), Ok(0), "framing {framing}");
    }
}

#[test]
fn the_limit_is_16_mib_unless_it_is_set() {
    let provider = provider();
    let client = client(&provider);
    let limit = 16 * 1024 * 1024;
    let response = client.get(&format!("/1/user/-/bytes/{limit}.json")).unwrap();
    assert_eq!(response.body.len(), limit);
    let error = client.get(&format!("/1/user/-/bytes/{}.json", limit + 1)).unwrap_err();
    assert_eq!(error.code, code::PROTOCOL);
}

#[test]
fn the_limit_can_be_raised() {
    let provider = provider();
    let client = client_of(&provider, &["profile"], |app| app.set_max_body(usize::MAX).unwrap());
    let size = 17 * 1024 * 1024;
    let response = client.get(&format!("/1/user/-/bytes/{size}.json")).unwrap();
    assert_eq!(response.body.len(), size);
}

#[test]
fn a_length_that_is_only_announced_costs_no_memory() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{{}}", u64::MAX / 2);
    let server = Scripted::saying(move || say_and_close(&head));
    let client = client_with(&server.uri, |app| app.set_max_body(usize::MAX).unwrap());
    // An allocation of that size would end the process, or be a caught panic: INTERNAL.
    assert_eq!(client.get(ANY).unwrap_err().code, code::NETWORK);
}

#[test]
fn an_error_whose_body_is_too_large_keeps_its_status_and_its_headers() {
    for (head, expected, status, wait) in [
        ("500 Internal Server Error", code::HTTP, 500, -1),
        ("429 Too Many Requests\r\nRetry-After: 7", code::RATE_LIMITED, 429, 8),
        ("401 Unauthorized\r\nContent-Encoding: gzip", code::HTTP, 401, -1),
    ] {
        let body = "a".repeat(2 * LIMIT);
        let body = if head.contains("gzip") { gzip(body.as_bytes()) } else { body.into() };
        let server = Scripted::saying(move || whole(head, &body));
        let client = client_with(&server.uri, |app| app.set_max_body(LIMIT).unwrap());
        let error = client.get(ANY).unwrap_err();
        assert_eq!((error.code, error.http_status, error.retry_after), (expected, status, wait));
    }
}

#[test]
fn bodies_and_heads_without_an_end_and_bombs_are_protocol_errors() {
    for kind in [FaultKind::EndlessBody, FaultKind::EndlessHeaders, FaultKind::GzipBomb] {
        let provider = provider();
        let client = client(&provider);
        provider.fault(Fault::once(Target::Api, kind.clone()));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.body), (code::PROTOCOL, None), "{kind:?}");
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{kind:?}: the client goes on");
    }
}

#[test]
fn a_head_of_very_many_lines_is_a_protocol_error_or_an_answer() {
    let lines = "X-Filler: a\r\n".repeat(3000);
    let server = Scripted::saying(move || {
        say_and_close(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n"))
    });
    match client_at(&server.uri).get(ANY) {
        Ok(response) => assert_eq!(response.status, 200),
        Err(error) => assert_eq!(error.code, code::PROTOCOL, "{error:?}"),
    }
}
