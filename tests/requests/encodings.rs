//! `Content-Encoding`: what the library decodes, what it hands out as it came, and what becomes of
//! a body that cannot be decoded.

use fitbit_test_support::{Saver, code};

use crate::scripted::{Said, Scripted, gzip, ok, say, say_and_close, whole};
use crate::setup::{ANY, client_at, client_with};

const TEXT: &str = r#"{"a":"some text"}"#;
const NEW_TOKEN: &str =
    r#"{"access_token":"new-access","refresh_token":"new-refresh","expires_in":28800}"#;

/// A response under a coding, or several.
fn coded(status: &str, codings: &str, body: impl AsRef<[u8]>) -> Said {
    whole(&format!("{status}\r\nContent-Encoding: {codings}"), body)
}

/// What cannot be decoded, each for another reason.
fn undecodable() -> Vec<(&'static str, Vec<u8>)> {
    let good = gzip(TEXT.as_bytes());
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    vec![
        ("gzip", TEXT.into()),
        ("gzip", wrong_sum),
        ("gzip", good[..good.len() - 10].to_vec()),
        ("x-gzip", good[..3].to_vec()),
        ("gzip", [good.as_slice(), b"more"].concat()),
        ("gzip", [good.as_slice(), b"\0\0\0more"].concat()),
        ("gzip, gzip", good.clone()),
        ("gzip, gzip, gzip, gzip, gzip, gzip, gzip", good),
    ]
}

#[test]
fn codings_have_no_case_and_come_in_lists_and_repeated_headers() {
    let once = gzip(TEXT.as_bytes());
    let twice = gzip(&once);
    let cases: [(&str, &[u8]); 12] = [
        ("gzip", &once),
        ("GZIP", &once),
        ("GZip", &once),
        ("x-gzip", &once),
        ("X-Gzip", &once),
        ("identity", TEXT.as_bytes()),
        ("Identity, gzip", &once),
        ("gzip ,\tidentity", &once),
        (", gzip ,,", &once),
        ("gzip, x-gzip", &twice),
        ("identity\r\nContent-Encoding: gzip", &once),
        ("gzip\r\nX-Between: a\r\ncontent-encoding: GZIP", &twice),
    ];
    for (codings, body) in cases {
        let body = body.to_vec();
        let server = Scripted::saying(move || coded("200 OK", codings, &body));
        let response =
            client_at(&server.uri).get(ANY).unwrap_or_else(|error| panic!("{codings}: {error:?}"));
        assert_eq!(response.text(), TEXT, "{codings}");
    }
}

#[test]
fn a_coding_that_the_library_does_not_know_comes_as_it_is() {
    let body = gzip(TEXT.as_bytes());
    for codings in ["br", "deflate", "br, gzip", "gzip, zstd", "gzip;q=1", "gzipped", "\u{e9}"] {
        let sent = body.clone();
        let server = Scripted::saying(move || coded("200 OK", codings, &sent));
        let response = client_at(&server.uri).get(ANY).unwrap();
        assert!(response.body == body, "{codings}");
        assert_eq!(response.header("content-encoding").as_deref(), Some(codings));
        assert_eq!(response.header("content-length"), Some(body.len().to_string()));
    }
}

#[test]
fn coding_and_length_go_from_the_headers_only_where_the_body_was_decoded() {
    let zipped = gzip(TEXT.as_bytes());
    let server = Scripted::answering(move |number, _| match number {
        0 => coded("200 OK", "GZIP", &zipped),
        1 => say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n"),
        2 => coded("200 OK", "gzip", ""),
        _ => coded("200 OK", "identity", TEXT),
    });
    let client = client_at(&server.uri);
    let both = |method| {
        let response = client.request(method, ANY, None, None).unwrap();
        [response.header("content-encoding"), response.header("content-length")]
    };
    let some = |coding: &str, length: &str| [Some(coding.to_owned()), Some(length.to_owned())];
    assert_eq!(both("GET"), [None, None]);
    assert_eq!(both("HEAD"), some("gzip", "99"));
    assert_eq!(both("GET"), some("gzip", "0"));
    assert_eq!(both("GET"), some("identity", &TEXT.len().to_string()));
}

#[test]
fn an_empty_body_is_empty_whatever_its_coding_is() {
    let heads = [
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Connection: close\r\n\r\n",
    ];
    for coding in ["gzip", "x-gzip", "gzip, gzip", "br"] {
        for head in heads {
            let head = format!("HTTP/1.1 201 Created\r\nContent-Encoding: {coding}\r\n{head}");
            let server = Scripted::saying(move || say_and_close(&head));
            let created = client_at(&server.uri).post(ANY, Some("a=b")).unwrap();
            assert_eq!((created.status, created.body.len()), (201, 0), "{coding}");
        }
    }
}

#[test]
fn an_empty_coded_401_is_renewed_and_an_empty_coded_429_has_its_waiting_time() {
    let server = Scripted::answering(|number, asked| match (number, asked.target()) {
        (0, _) => coded(
            "401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"",
            "gzip",
            "",
        ),
        (_, "/oauth2/token") => coded("200 OK", "GZIP", gzip(NEW_TOKEN.as_bytes())),
        (2, _) => ok(),
        _ => coded("429 Too Many Requests\r\nFitbit-Rate-Limit-Reset: 1200", "gzip", ""),
    });
    let client = client_at(&server.uri);
    assert_eq!(client.get(ANY).unwrap().status, 200);
    assert_eq!(client.token_field("refresh_token").as_deref(), Some("new-refresh"));
    let error = client.get(ANY).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::RATE_LIMITED, 429), "{error:?}");
    assert!(error.retry_after >= 1200, "{error:?}");
}

#[test]
fn several_members_are_one_body_and_zero_bytes_behind_the_last_are_ignored() {
    let (first, second) = TEXT.split_at(5);
    let members = [gzip(first.as_bytes()), gzip(b""), gzip(second.as_bytes())].concat();
    for zeros in [0, 1, 2, 9, 10, 511, 100_000] {
        let body = [members.clone(), vec![0; zeros]].concat();
        let server = Scripted::saying(move || coded("200 OK", "gzip", &body));
        let response = client_at(&server.uri).get(ANY);
        let response = response.unwrap_or_else(|error| panic!("{zeros} zeros: {error:?}"));
        assert_eq!(response.text(), TEXT, "{zeros} zeros");
    }
}

#[test]
fn a_success_that_cannot_be_decoded_is_a_protocol_error() {
    for (codings, body) in undecodable() {
        let server = Scripted::saying(move || coded("200 OK", codings, &body));
        let error = client_at(&server.uri).get(ANY).expect_err(codings);
        assert_eq!((error.code, error.http_status), (code::PROTOCOL, 0), "{error:?}");
        assert!(error.message.contains("gzip"), "{error:?}");
    }
}

#[test]
fn an_error_that_cannot_be_decoded_keeps_its_status_and_its_headers() {
    for (codings, body) in undecodable() {
        let server = Scripted::answering(move |number, _| {
            let status = match number {
                0 => "404 Not Found",
                1 => "429 Too Many Requests\r\nFitbit-Rate-Limit-Reset: 1200",
                2 => "503 Service Unavailable\r\nRetry-After: 30",
                _ => "302 Found\r\nLocation: /elsewhere",
            };
            coded(status, codings, &body)
        });
        let client = client_at(&server.uri);
        let expected = [
            (code::HTTP, 404, -1..=-1),
            (code::RATE_LIMITED, 429, 1200..=1202),
            (code::HTTP, 503, 30..=32),
            (code::HTTP, 302, -1..=-1),
        ];
        for (code, status, retry_after) in expected {
            let error = client.get(ANY).unwrap_err();
            assert_eq!((error.code, error.http_status), (code, status), "{codings}: {error:?}");
            assert!(retry_after.contains(&error.retry_after), "{codings}: {error:?}");
            assert_eq!(error.body.as_deref().unwrap_or_default(), "", "{codings}: {error:?}");
        }
        // Each body was read to its end.
        assert_eq!((server.asked().len(), server.connections()), (4, 1), "{codings}");
    }
}

#[test]
fn a_401_that_cannot_be_decoded_is_renewed_where_its_headers_say_why() {
    let server = Scripted::answering(|number, asked| match (number, asked.target()) {
        (0, _) => {
            let why = "WWW-Authenticate: Bearer realm=\"a\", error=\"invalid_token\"";
            coded(&format!("401 Unauthorized\r\n{why}"), "gzip", "no gzip")
        }
        (_, "/oauth2/token") => whole("200 OK", NEW_TOKEN),
        _ => ok(),
    });
    let client = client_at(&server.uri);
    assert_eq!(client.get(ANY).unwrap().status, 200);
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(asked[2].headers("authorization"), ["Bearer new-access"]);
}

#[test]
fn a_token_response_that_cannot_be_decoded_is_asked_for_again() {
    for (status, code, http_status) in
        [("200 OK", code::PROTOCOL, 0), ("503 Service Unavailable", code::HTTP, 503)]
    {
        let server = Scripted::answering(move |number, _| match number {
            1 => whole("200 OK", NEW_TOKEN),
            _ => coded(status, "gzip", "no gzip"),
        });
        let client = client_with(&server.uri, |app| app.set_timeout_ms(2000).unwrap());
        client.refresh().unwrap();
        let asked = server.asked();
        assert!(asked.len() == 2 && asked[0].body == asked[1].body, "{status}: {asked:?}");
        let error = client.refresh().unwrap_err();
        assert_eq!((error.code, error.http_status), (code, http_status), "{error:?}");
        assert!(server.asked().len() > 3, "{status}");
    }
}

#[test]
fn a_refusal_of_the_token_endpoint_that_cannot_be_decoded_keeps_its_status() {
    for (status, code) in [
        ("400 Bad Request", code::HTTP),
        ("401 Unauthorized", code::HTTP),
        ("429 Too Many Requests", code::RATE_LIMITED),
    ] {
        let server = Scripted::saying(move || coded(status, "gzip", "no gzip"));
        let app = fitbit_test_support::App::at(&server.uri, "ID", None, "https://app.example/");
        let saver = Saver::new();
        let client = app.from_token(&crate::setup::token("access-token"), &saver).unwrap();
        let before = client.token();
        let error = client.refresh().unwrap_err();
        let expected: u16 = status.split(' ').next().unwrap().parse().unwrap();
        assert_eq!((error.code, error.http_status), (code, expected), "{error:?}");
        assert_eq!(client.token(), before, "the login lives");
    }
}

#[test]
fn a_packed_body_is_limited_too() {
    // Members without end that unpack to nothing: what comes over the wire is what grows.
    let nothing = gzip(b"").repeat(10_000);
    let server = Scripted::saying(move || coded("200 OK", "gzip", &nothing));
    let client = client_with(&server.uri, |app| app.set_max_body(100_000).unwrap());
    let error = client.get(ANY).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::PROTOCOL, 0), "{error:?}");
    assert!(error.message.contains("100000 bytes"), "{error:?}");
}

#[test]
fn each_of_several_codings_is_limited() {
    // It unpacks to little in the end, but to much in between.
    let much = gzip(&gzip(b"").repeat(10_000));
    let server = Scripted::saying(move || coded("200 OK", "gzip, gzip", packed(&much)));
    let client = client_with(&server.uri, |app| app.set_max_body(100_000).unwrap());
    let error = client.get(ANY).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::PROTOCOL, 0), "{error:?}");
}

/// As short as gzip can make it.
fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// Each member costs as much time as some kilobytes.
#[test]
fn a_body_of_very_many_members_ends_with_the_timeout() {
    let body = gzip(b"").repeat(600_000);
    let server = Scripted::saying(move || coded("200 OK", "gzip", &body));
    let client = client_with(&server.uri, |app| app.set_timeout_ms(500).unwrap());
    assert_eq!(client.get(ANY).unwrap_err().code, code::TIMEOUT);
}
