//! Endpoints: which addresses may carry a token.

use fitbit_test_support::{App, code};

fn app() -> App {
    App::new("ID", None, None).unwrap()
}

#[test]
fn plain_http_is_for_loopback_only_which_is_exactly_three_things() {
    for uri in [
        "http://localhost",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://127.0.0.2:80/a/b",
        "http://127.255.255.254/",
        "http://[::1]",
        "http://[::1]:8080/x",
    ] {
        for endpoint in 0..4 {
            app().set_endpoint(endpoint, uri).unwrap_or_else(|error| panic!("{uri}: {error:?}"));
        }
    }
    for uri in [
        "http://example.com",
        "http://localhost.example.com",
        "http://localhost.",
        "http://local",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1.",
        "http://126.0.0.1",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://192.168.0.1",
        "http://[::]",
        "http://[::2]",
        "http://[::ffff:127.0.0.1]",
        "http://[fe80::1]",
        "http://api.fitbit.com",
    ] {
        refused(uri);
    }
}

#[test]
fn an_endpoint_has_no_user_info_query_or_fragment() {
    for uri in [
        "https://user@example.com",
        "https://user:hunter2@example.com/",
        "https://@example.com",
        "http://localhost@example.com",
        "http://127.0.0.1:80@example.com",
        "https://example.com?a=b",
        "https://example.com/?",
        "https://example.com/a?b",
        "https://example.com#",
        "https://example.com/#part",
    ] {
        refused(uri);
    }
}

#[test]
fn what_is_no_http_address_is_refused() {
    for uri in [
        "",
        "/",
        "example.com",
        "localhost:8080",
        "//example.com",
        "https:",
        "https://",
        "https:///x",
        "https://:443",
        "https://example.com:",
        "https://example.com:99999",
        "https://example.com:port",
        "https://exa mple.com",
        "https://example.com/a b",
        "https://exam\u{1}ple.com",
        "https://[::1",
        "https://example.com\\@evil.example",
        "ftp://localhost",
        "ws://localhost",
        "file:///etc/hosts",
        "javascript:alert(1)",
    ] {
        refused(uri);
    }
}

#[test]
fn https_may_lead_anywhere() {
    for uri in ["https://example.com", "https://example.com:8443/a/b/", "https://192.0.2.1"] {
        app().set_endpoint(3, uri).unwrap();
    }
}

#[test]
fn a_number_that_is_no_endpoint_is_refused() {
    for endpoint in [4, 5, 1 << 31, u32::MAX] {
        let error = app().set_endpoint(endpoint, "https://example.com").unwrap_err();
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{endpoint}");
        assert!(error.message.starts_with("endpoint"), "{}", error.message);
    }
}

#[track_caller]
fn refused(uri: &str) {
    for endpoint in 0..4 {
        let error = app().set_endpoint(endpoint, uri).expect_err(uri);
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{uri}");
        assert!(error.message.starts_with("uri"), "{uri}: {}", error.message);
        assert!(!error.message.contains("hunter2"), "an address can hold one: {}", error.message);
    }
}
