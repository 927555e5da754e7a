//! Paths: what is refused before any request, and how the rest reaches the server.

use std::ffi::c_char;
use std::ptr::null_mut;

use fitbit_test_support::world::{client, provider};
use fitbit_test_support::{Error, code, interface};

use crate::scripted::{Scripted, ok};
use crate::setup::{client_at, client_with};

const API: u32 = 3;

/// A character, and every way to percent-encode a dot.
const DOTS: [&str; 3] = [".", "%2e", "%2E"];

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, path: &str) {
    let shown: String = path.chars().take(80).collect();
    let error = outcome.expect_err(&shown);
    assert_eq!(error.code, code::INVALID_ARGUMENT, "{shown:?}: {error:?}");
    assert!(error.message.starts_with("path"), "{shown:?}: {}", error.message);
    assert_eq!((error.http_status, error.retry_after), (0, -1));
    assert_eq!((error.provider_type, error.body), (None, None));
}

#[test]
fn whatever_is_no_path_of_the_api_is_refused_before_any_request() {
    let provider = provider();
    let client = client(&provider);
    let long = format!("/{}", "a".repeat(1024 * 1024));
    let paths = [
        "",
        "1/user/-/profile.json",
        " /1/user",
        "?a=b",
        "*",
        "%2F1/user",
        "https://evil.example/1/user",
        "http://127.0.0.1:9/",
        "mailto:a@b.example",
        "//evil.example/1/user",
        "///",
        "//",
        "\\\\evil.example\\x",
        "/\\evil.example",
        "/1/user\\-",
        "/1/user?a=\\",
        "/1/user#",
        "/1/user#part",
        "/1/user?a=b#part",
        "#",
        "/1/a\nb",
        "/1/a\rb",
        "/1/a\r\nX: y",
        "/1/a\tb",
        "/1/\u{1}",
        "/1/\u{1f}",
        "/1/\u{7f}",
        "/1/user?a=\u{0b}",
        "/1/user?a=\n",
        &long,
    ];
    for path in paths {
        refused(client.get(path), path);
        refused(client.post(path, Some("a=b")), path);
        refused(client.delete(path), path);
        refused(client.request("PUT", path, None, None), path);
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_segment_of_one_or_two_dots_is_refused_in_every_spelling() {
    let provider = provider();
    let client = client(&provider);
    let two = DOTS.iter().flat_map(|first| DOTS.map(|second| format!("{first}{second}")));
    for dots in DOTS.map(str::to_owned).into_iter().chain(two) {
        for path in [
            format!("/{dots}"),
            format!("/{dots}/"),
            format!("/{dots}/oauth2/token"),
            format!("/1/{dots}/oauth2/token"),
            format!("/1/user/{dots}"),
            format!("/1/user/{dots}?a=b"),
        ] {
            refused(client.get(&path), &path);
        }
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn dots_that_are_no_whole_segment_are_allowed() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    let paths = ["/1/...", "/1/.a", "/1/a.", "/1/..a", "/1/a..b", "/1/x?y=/../z/.", "/1/x?.."];
    for path in paths {
        client.get(path).unwrap();
    }
    let targets: Vec<_> = server.asked().iter().map(|asked| asked.target().to_owned()).collect();
    assert_eq!(targets, paths);
}

#[test]
fn a_path_that_is_missing_or_not_utf_8_is_refused() {
    let provider = provider();
    let client = client(&provider);
    for path in [std::ptr::null::<c_char>(), c"/1/\xff\xfe".as_ptr(), c"/1/\xc3(".as_ptr()] {
        let mut response = null_mut();
        let outcome = unsafe { (interface().get)(client.handle, path, &mut response) };
        refused(Error::check(outcome), "(bytes)");
        assert!(response.is_null());
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn bytes_that_a_uri_may_not_hold_are_percent_encoded_and_others_are_not() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    let sent = [
        ("/", "/"),
        ("/1/user/-/profile.json", "/1/user/-/profile.json"),
        ("/1/two words", "/1/two%20words"),
        ("/1/\"quoted\"", "/1/%22quoted%22"),
        ("/1/'quoted'", "/1/'quoted'"),
        ("/1/<>^`{|}[]", "/1/%3C%3E%5E%60%7B%7C%7D%5B%5D"),
        ("/1/~-._!$&'()*+,;=:@", "/1/~-._!$&'()*+,;=:@"),
        ("/1/é/日本/😀", "/1/%C3%A9/%E6%97%A5%E6%9C%AC/%F0%9F%98%80"),
        // What is an escape stays as it is; a % that begins none becomes one.
        ("/1/a%20b%2fc%2Fd%C3%A9", "/1/a%20b%2fc%2Fd%C3%A9"),
        ("/1/100%", "/1/100%25"),
        ("/1/%zz/%4", "/1/%25zz/%254"),
        ("/1/%é", "/1/%25%C3%A9"),
        ("/1//2/", "/1//2/"),
        // The query, too, with every ? after the first.
        ("/1/x?a=b&c=d e&f=é", "/1/x?a=b&c=d%20e&f=%C3%A9"),
        ("/1/x?a=b?c/d&e=1%2B1+1", "/1/x?a=b?c/d&e=1%2B1+1"),
        ("/1/x?", "/1/x?"),
        ("/?a", "/?a"),
    ];
    for (path, _) in sent {
        client.get(path).unwrap_or_else(|error| panic!("{path}: {error:?}"));
    }
    for (asked, (path, target)) in server.asked().iter().zip(sent) {
        assert_eq!(asked.target(), target, "{path}");
    }
}

#[test]
fn a_long_path_reaches_the_server_whole() {
    let server = Scripted::saying(ok);
    let path = format!("/1/{}?ids={}", "a".repeat(4000), "b".repeat(4000));
    client_at(&server.uri).get(&path).unwrap();
    assert_eq!(server.asked_once().target(), path);
}

#[test]
fn the_path_is_appended_to_the_endpoints_text() {
    for (prefix, target) in [
        ("", "/1/x"),
        ("/", "/1/x"),
        ("/proxy/fitbit", "/proxy/fitbit/1/x"),
        ("/proxy/fitbit/", "/proxy/fitbit/1/x"),
    ] {
        let server = Scripted::saying(ok);
        let api = format!("{}{prefix}", server.uri);
        let client = client_with(&server.uri, |app| app.set_endpoint(API, &api).unwrap());
        client.get("/1/x").unwrap();
        assert_eq!(server.asked_once().target(), target, "{prefix}");
    }
}

#[test]
fn the_host_header_names_the_endpoint_and_its_port() {
    let server = Scripted::saying(ok);
    client_at(&server.uri).get("/1/x").unwrap();
    let host = server.uri.strip_prefix("http://").unwrap();
    assert_eq!(server.asked_once().headers("host"), [host]);
}
