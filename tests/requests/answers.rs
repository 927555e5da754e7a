//! Answers: bytes, status and headers are handed out as they came, whatever they are.

use fitbit_simulator::Target;
use fitbit_test_support::world::{PROFILE, provider, raw_token};
use fitbit_test_support::{Saver, code, world};

use crate::scripted::{Scripted, gzip, ok, say, say_and_close, whole};
use crate::setup::{ANY, client_at, client_of};

#[test]
fn an_object_an_array_and_xml_come_as_they_are() {
    let provider = provider();
    let client = client_of(&provider, &["profile", "settings", "activity", "location"], |_| ());

    let profile = client.get(PROFILE).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&profile.body).unwrap();
    assert_eq!(json["user"]["encodedId"], world::USER);

    let devices = client.get("/1/user/-/devices.json").unwrap();
    let json: serde_json::Value = serde_json::from_slice(&devices.body).unwrap();
    assert!(!json.as_array().unwrap().is_empty(), "{json}");

    let file = client.get("/1/user/-/activities/1.tcx").unwrap();
    assert!(file.text().starts_with("<?xml"), "{}", file.text());
    assert!(file.header("Content-Type").unwrap().contains("xml"));
    assert_eq!(provider.requests(Target::Api), 3);
}

#[test]
fn created_and_no_content_are_successes() {
    let provider = provider();
    let client = world::client(&provider);
    let form = "foodId=1&amount=1&unitId=1&mealTypeId=1&date=2026-01-01";
    let created = client.post("/1/user/-/foods/log.json", Some(form)).unwrap();
    assert_eq!(created.status, 201);
    let json: serde_json::Value = serde_json::from_slice(&created.body).unwrap();
    let id = &json["foodLog"]["logId"];
    let deleted = client.delete(&format!("/1/user/-/foods/log/{id}.json")).unwrap();
    assert_eq!((deleted.status, deleted.text()), (204, ""));
}

#[test]
fn an_empty_answer_is_empty_and_not_missing() {
    for head in [
        "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n",
    ] {
        let server = Scripted::saying(move || say(head));
        let response = client_at(&server.uri).get(ANY).unwrap_or_else(|e| panic!("{head}: {e:?}"));
        assert_eq!(response.body, b"", "{head}");
    }
}

#[test]
fn every_status_from_200_to_299_is_a_success() {
    for status in [200, 202, 203, 206, 207, 226, 250, 299] {
        let server = Scripted::saying(move || whole(&format!("{status} Fine"), "body"));
        let response = client_at(&server.uri).get(ANY).unwrap();
        assert_eq!((response.status, response.text()), (status, "body"));
    }
}

#[test]
fn bytes_of_any_value_and_number_arrive_intact() {
    let every: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let large: Vec<u8> =
        (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for body in [b"\0".to_vec(), b"a\0b\0".to_vec(), b"\xff\xfe\xc3(".to_vec(), every, large] {
        let (sent, length) = (body.clone(), body.len());
        let server = Scripted::saying(move || whole("200 OK", &sent));
        let response = client_at(&server.uri).get(ANY).unwrap();
        assert!(response.body == body, "{length} bytes became {}", response.body.len());
    }
}

#[test]
fn a_body_is_the_same_however_it_was_framed() {
    let chunks =
        "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\nX-Late: t\r\n\r\n";
    let zipped = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n".as_slice(),
        &gzip(b"{\"a\": 1}"),
    ]
    .concat();
    for bytes in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}".to_vec(),
        format!("HTTP/1.1 200 OK\r\n{chunks}").into_bytes(),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\": 1}".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\n{\"a\": 1}".to_vec(),
        zipped,
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let server = Scripted::saying(move || say_and_close(&bytes));
        let response = client_at(&server.uri).get(ANY).unwrap_or_else(|e| panic!("{shown}: {e:?}"));
        assert_eq!(response.text(), "{\"a\": 1}", "{shown}");
    }
}

#[test]
fn what_a_server_says_before_its_answer_is_not_the_answer() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let server = Scripted::saying(move || {
        say(format!("{early}{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}"))
    });
    let client = client_at(&server.uri);
    for _ in 0..2 {
        let response = client.get(ANY).unwrap();
        assert_eq!((response.status, response.text()), (200, "{}"));
    }
}

#[test]
fn headers_come_in_any_case_joined_or_not_at_all() {
    let head = "200 OK\r\nContent-Type: text/plain\r\nX-Once: a, b\r\nx-twice: one\r\n\
                X-Twice: two\r\nX-TWICE:   three  \r\nX-Empty:\r\nX-Bytes: J\u{f6}rg";
    let server = Scripted::saying(move || whole(head, "x"));
    let response = client_at(&server.uri).get(ANY).unwrap();
    let header = |name| response.header(name);
    for name in ["X-Once", "x-once", "X-ONCE", "x-OnCe"] {
        assert_eq!(header(name).as_deref(), Some("a, b"), "{name}");
    }
    assert_eq!(header("x-twice").as_deref(), Some("one, two, three"));
    assert_eq!(header("X-Empty").as_deref(), Some(""));
    assert_eq!(header("X-Bytes").as_deref(), Some("Jörg"));
    assert_eq!(header("content-type").as_deref(), Some("text/plain"));
    for absent in ["X-Absent", "X-Onc", "X-Once ", "", "X-Once:", "é"] {
        assert_eq!(header(absent), None, "{absent:?}");
    }
}

#[test]
fn a_response_outlives_its_client_and_its_app() {
    let provider = provider();
    let app = world::app(&provider);
    let client = app.from_token(&raw_token(&provider).to_string(), &Saver::new()).unwrap();
    let response = client.get(PROFILE).unwrap();
    drop(app);
    drop(client);
    drop(provider);
    assert!(response.header("fitbit-rate-limit-limit").is_some());
    let c = fitbit_test_support::interface();
    let body = unsafe { std::ffi::CStr::from_ptr((c.response_body)(response.handle)) };
    assert_eq!(body.to_bytes(), response.body);
}

#[test]
fn what_is_no_http_is_a_protocol_error() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 13\r\n\r\nthis is no gz",
    ] {
        let server = Scripted::saying(move || say_and_close(bytes));
        let client = client_at(&server.uri);
        let error = client.get(ANY).expect_err(bytes);
        assert_eq!((error.code, error.http_status), (code::PROTOCOL, 0), "{bytes:?}: {error:?}");
        assert_eq!(server.asked().len(), 1, "{bytes:?}");
    }
}

#[test]
fn a_compressed_body_that_is_damaged_is_a_protocol_error() {
    let good = gzip(br#"{"a":"some text"}"#);
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    let cut = good[..good.len() - 10].to_vec();
    for body in [wrong_sum, cut] {
        let server = Scripted::saying(move || whole("200 OK\r\nContent-Encoding: gzip", &body));
        let client = client_at(&server.uri);
        let error = client.get(ANY).unwrap_err();
        assert_eq!(error.code, code::PROTOCOL, "HTTP's own frame was whole: {error:?}");
    }
}

#[test]
fn an_answer_that_stops_short_is_a_network_error_and_never_half_a_body() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-",
    ] {
        let server = Scripted::saying(move || say_and_close(bytes));
        let error = client_at(&server.uri).get(ANY).expect_err(bytes);
        assert_eq!(error.code, code::NETWORK, "{bytes:?}: {error:?}");
    }
}

/// What the manual says of the parser's limits. Where one of these fails because more is read, the
/// manual promises too little.
#[test]
fn the_limits_of_the_parser_are_those_of_the_manual() {
    let chunked = "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2";
    // One header line says how long the body is.
    let lines = |count: usize| "X-Filler: a\r\n".repeat(count - 1);
    let cases = [
        (format!("200 OK\r\n{}Content-Length: 2\r\n\r\n{{}}", lines(128)), true),
        (format!("200 OK\r\n{}Content-Length: 2\r\n\r\n{{}}", lines(129)), false),
        ("200 OK\r\nX-Folded: a\r\n  b\r\nContent-Length: 2\r\n\r\n{}".to_owned(), false),
        (format!("{chunked};{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(18)), true),
        (format!("{chunked};{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(19)), false),
        ("100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(), true),
        (
            "100 Continue\r\nX-A: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
                .to_owned(),
            false,
        ),
    ];
    for (response, is_read) in cases {
        let sent = format!("HTTP/1.1 {response}");
        let server = Scripted::saying(move || say_and_close(&sent));
        let outcome = client_at(&server.uri).get(ANY).map(|response| response.text().to_owned());
        match outcome {
            Ok(body) => assert_eq!((is_read, &*body), (true, "{}"), "{response:?}"),
            Err(error) => {
                assert_eq!((is_read, error.code), (false, code::PROTOCOL), "{response:?}");
            }
        }
    }
}

#[test]
fn a_client_goes_on_after_an_answer_that_was_nonsense() {
    let server = Scripted::answering(|number, _| match number {
        0 => say("HTTP/1.1 nonsense\r\n\r\n"),
        _ => ok(),
    });
    let client = client_at(&server.uri);
    assert_eq!(client.get(ANY).unwrap_err().code, code::PROTOCOL);
    assert_eq!(client.get(ANY).unwrap().status, 200);
}
