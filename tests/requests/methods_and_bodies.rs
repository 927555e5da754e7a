//! Methods, and every combination of body, content type and length.

use std::ptr::null_mut;

use fitbit_test_support::world::{client, provider};
use fitbit_test_support::{Error, code, interface};

use crate::scripted::{Scripted, ok};
use crate::setup::{ANY, client_at};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_method_is_letters_but_not_connect_or_trace() {
    let provider = provider();
    let client = client(&provider);
    for method in [
        "",
        " ",
        "CONNECT",
        "connect",
        "Connect",
        "TRACE",
        "trace",
        "tRaCe",
        "GET1",
        "1",
        "G-T",
        " GET",
        "GET ",
        "GET /x HTTP/1.1\r\nX: y",
        "GET\n",
        "GÉT",
        "G\tT",
        "M-SEARCH",
        "GET,POST",
    ] {
        let error = client.request(method, ANY, None, None).expect_err(method);
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{method:?}");
        assert!(error.message.starts_with("method"), "{method:?}: {}", error.message);
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn every_other_method_reaches_the_server_in_upper_case() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    let methods = ["get", "Post", "DELETE", "put", "PATCH", "options", "PROPFIND", "brew"];
    for method in methods {
        assert_eq!(client.request(method, ANY, None, None).unwrap().text(), "{}", "{method}");
    }
    for (asked, method) in server.asked().iter().zip(methods) {
        assert_eq!(asked.method(), method.to_uppercase());
        assert_eq!(asked.target(), ANY);
    }
}

#[test]
fn the_answer_to_head_is_its_headers() {
    let server = Scripted::saying(ok_without_its_body);
    let client = client_at(&server.uri);
    for _ in 0..2 {
        let response = client.request("head", ANY, None, None).unwrap();
        assert_eq!((response.status, &response.body[..]), (200, &b""[..]));
        assert_eq!(response.header("content-type").as_deref(), Some("application/json"));
    }
    assert_eq!(server.connections(), 1);
}

fn ok_without_its_body() -> crate::scripted::Said {
    let lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 1000"];
    crate::scripted::say(lines.join("\r\n") + "\r\n\r\n")
}

#[test]
fn get_and_delete_send_no_body_and_no_length() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    client.delete(ANY).unwrap();
    client.request("GET", ANY, None, None).unwrap();
    for asked in server.asked() {
        for name in ["content-length", "transfer-encoding", "content-type", "expect"] {
            assert!(asked.headers(name).is_empty(), "{}", asked.head);
        }
    }
}

#[test]
fn a_post_without_a_body_says_that_its_length_is_0() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    client.post(ANY, None).unwrap();
    client.post(ANY, Some("")).unwrap();
    client.request("POST", ANY, None, None).unwrap();
    client.request("POST", ANY, Some("application/json"), Some(b"")).unwrap();
    client.request("PUT", ANY, None, None).unwrap();
    client.request("PATCH", ANY, None, None).unwrap();
    for asked in server.asked() {
        assert_eq!(asked.headers("content-length"), ["0"], "{}", asked.head);
        assert!(asked.headers("transfer-encoding").is_empty(), "{}", asked.head);
    }
    assert_eq!(server.asked()[3].headers("content-type"), ["application/json"]);
}

#[test]
fn a_form_is_sent_as_it_is_given() {
    let server = Scripted::saying(ok);
    let form = "foodId=42&amount=1.5&name=caf%C3%A9+noir&x=é";
    client_at(&server.uri).post(ANY, Some(form)).unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.body, form.as_bytes());
    assert_eq!(asked.headers("content-type"), [FORM]);
    assert_eq!(asked.headers("content-length"), [form.len().to_string()]);
}

#[test]
fn a_body_of_a_megabyte_arrives_intact_with_any_method() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    // Every byte there is, NUL too, in no period that a block size could hide.
    let body: Vec<u8> =
        (0..1024 * 1024 + 7_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let methods = ["POST", "PUT", "PATCH", "DELETE", "GET", "BREW"];
    for method in methods {
        client
            .request(method, ANY, Some("application/octet-stream"), Some(&body))
            .unwrap_or_else(|error| panic!("{method}: {error:?}"));
    }
    for (asked, method) in server.asked().iter().zip(methods) {
        assert_eq!(asked.method(), method);
        assert!(asked.body == body, "{method}: {} bytes", asked.body.len());
        assert_eq!(asked.headers("content-length"), [body.len().to_string()]);
        assert_eq!(asked.headers("content-type"), ["application/octet-stream"]);
    }
}

#[test]
fn a_body_needs_no_content_type_and_a_content_type_no_body() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    client.request("POST", ANY, None, Some(b"{}")).unwrap();
    client.request("GET", ANY, Some("text/plain"), None).unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].body, b"{}");
    assert!(asked[0].headers("content-type").is_empty());
    assert_eq!(asked[1].headers("content-type"), ["text/plain"]);
}

#[test]
fn a_content_type_with_a_line_break_is_refused() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    for kind in ["text/plain\r\nX-Forged: 1", "a\nb", "a\rb", "\u{1}"] {
        let error = client.request("POST", ANY, Some(kind), Some(b"x")).expect_err(kind);
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{kind:?}");
        assert!(error.message.starts_with("content_type"), "{}", error.message);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_length_without_a_body_or_beyond_memory_is_refused() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    let byte = [0_u8; 1];
    let request = |body: *const u8, len: usize| {
        let mut response = null_mut();
        let outcome = Error::check(unsafe {
            (interface().request)(
                client.handle,
                c"POST".as_ptr(),
                c"/1/x".as_ptr(),
                std::ptr::null(),
                body.cast(),
                len,
                &mut response,
            )
        });
        assert!(response.is_null());
        outcome.unwrap_err()
    };
    for len in [1, 1000, usize::MAX] {
        let error = request(std::ptr::null(), len);
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.starts_with("body"), "{}", error.message);
    }
    let error = request(byte.as_ptr(), usize::MAX);
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.starts_with("body_len"), "{}", error.message);
    assert!(server.asked().is_empty());
}
