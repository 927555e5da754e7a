//! Endpoints of the program's own: https anywhere, http on loopback only, and nothing hidden in
//! the address.

use fitbit_simulator::Target;
use fitbit_test_support::{App, Error, Saver, code, interface};

use super::steps::{error_of, log_in};
use super::world::{DIALECT, PROFILE, app, new_app, provider, saved_token, token_uri};

const AUTHORIZE: u32 = 0;
const TOKEN: u32 = 1;
const API: u32 = 3;

fn any_app() -> App {
    new_app(DIALECT.client_id, None, Some("myapp://callback")).unwrap()
}

#[test]
fn https_may_lead_anywhere() {
    for uri in [
        "https://provider.example",
        "https://provider.example/",
        "https://provider.example:8443/oauth2/token",
        "https://192.0.2.1/",
        "https://[2001:db8::1]:443/a",
        "https://localhost/",
        "https://provider.example/a/b.c/~d/%20",
    ] {
        for endpoint in 0..4 {
            any_app().set_endpoint(endpoint, uri).unwrap();
        }
    }
}

#[test]
fn http_may_lead_to_loopback() {
    for host in ["localhost", "127.0.0.1", "127.0.0.2", "127.255.255.254", "[::1]"] {
        for uri in [format!("http://{host}"), format!("http://{host}:8080/token")] {
            for endpoint in 0..4 {
                any_app().set_endpoint(endpoint, &uri).unwrap();
            }
        }
    }
}

#[track_caller]
fn refused(uri: &str) {
    for endpoint in 0..4 {
        let outcome = any_app().set_endpoint(endpoint, uri);
        let error = outcome.err().unwrap_or_else(|| panic!("{uri:?} was taken"));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{uri:?}");
        assert!(error.message.contains("uri"), "{}", error.message);
    }
}

#[test]
fn http_leads_nowhere_else() {
    for host in [
        "provider.example",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.1.example",
        "127.0.0.256",
        "128.0.0.1",
        "0.0.0.0",
        "localhost.",
        "localhost.example",
        "localhost.localdomain",
        "xlocalhost",
        "LOCALHOST.example",
        "loc\u{e0}lhost",
        "[::]",
        "[::2]",
        "[::ffff:127.0.0.1]",
        "[::1%25lo]",
        "10.0.0.1",
        "192.168.0.1",
        "localhost%00.example",
        "localhost%2eexample",
        "127.0.0.1%2f.example",
        "\u{ff11}27.0.0.1",
    ] {
        refused(&format!("http://{host}"));
        refused(&format!("http://{host}:8080/token"));
    }
}

#[test]
fn an_endpoint_holds_neither_user_nor_query_nor_fragment() {
    for rest in [
        "user@provider.example/",
        "user:password@provider.example/",
        "@provider.example/",
        ":@provider.example/",
        "localhost@provider.example/",
        "provider.example/?",
        "provider.example?a=b",
        "provider.example/token?a=b",
        "provider.example/#",
        "provider.example#a",
        "provider.example/token#a",
    ] {
        refused(&format!("https://{rest}"));
    }
    refused("http://localhost:80@provider.example/");
    refused("http://127.0.0.1#@provider.example/");
    refused("http://127.0.0.1?@provider.example/");
}

#[test]
fn what_is_no_http_address_with_a_host_is_refused() {
    for uri in [
        "",
        " ",
        "https",
        "https:",
        "https:/provider.example",
        "https:provider.example",
        "https://",
        "https:///token",
        "https://:443/",
        "https://provider.example:/",
        "https://provider.example:99999/",
        "https://provider.example:x/",
        "https://[::1/",
        "https://[::g]/",
        "//provider.example/token",
        "/token",
        "provider.example/token",
        "localhost:8080",
        "ftp://provider.example/",
        "ws://localhost/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "unix:///run/socket",
        " https://provider.example/",
        "https://provider.example/ ",
        "https://provider.example/a b",
        "https://provider.example/\n",
        "https://provider.example/\r\nX: y",
        "https://provider.example/\t",
        "https://pro\tvider.example/",
        "https://provider.example\\@evil.example/",
        "http://127.0.0.1\\.evil.example/",
        "https://pro vider.example/",
        "https://%/",
    ] {
        refused(uri);
    }
}

#[test]
fn null_and_text_that_is_not_utf8_are_refused() {
    let app = any_app();
    let set = interface().app_set_endpoint;
    for uri in [std::ptr::null(), c"https://provider.example/\xff".as_ptr()] {
        let error = error_of(Error::check(unsafe { set(app.0, TOKEN, uri) }));
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains("uri"), "{}", error.message);
    }
}

#[test]
fn a_number_that_is_no_endpoint_is_refused() {
    for endpoint in [4, 5, 255, 1 << 16, 1 << 31, u32::MAX] {
        let error = error_of(any_app().set_endpoint(endpoint, "https://provider.example/"));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{endpoint}");
        assert!(error.message.contains("endpoint"), "{}", error.message);
    }
}

#[test]
fn the_address_of_step_one_is_the_authorize_endpoints() {
    for uri in ["https://login.example/a/b", "https://login.example/A%20B/", "http://[::1]:9/x"] {
        let app = any_app();
        app.set_endpoint(AUTHORIZE, uri).unwrap();
        let address = app.step_one(None).unwrap().authorization_uri;
        assert!(address.starts_with(&format!("{uri}?")), "{address}");
    }
}

#[test]
fn a_refused_endpoint_leaves_the_one_before_it() {
    let provider = provider();
    let app = app(&provider);
    for endpoint in 0..4 {
        error_of(app.set_endpoint(endpoint, "http://provider.example/"));
    }
    log_in(&provider, &app, &Saver::new()).get(PROFILE).unwrap();
}

#[test]
fn the_last_endpoint_set_counts() {
    let (first, second) = (provider(), provider());
    let app = app(&first);
    app.set_endpoint(TOKEN, &token_uri(&second)).unwrap();
    app.set_endpoint(API, second.uri()).unwrap();
    let client = app.from_token(&saved_token(&second, -10), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(first.connections(), 0);
    assert_eq!(second.requests(Target::Refresh), 1);
}

#[test]
fn a_slash_at_the_end_of_the_api_endpoint_is_not_doubled() {
    let provider = provider();
    let app = app(&provider);
    app.set_endpoint(API, &format!("{}/", provider.uri())).unwrap();
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.log()[0].target, PROFILE);
}

#[test]
fn localhost_reaches_a_provider_on_ipv4() {
    let provider = provider();
    let app = app(&provider);
    let uri = format!("http://localhost:{}", provider.port());
    app.set_endpoint(TOKEN, &format!("{uri}{}", DIALECT.oauth_paths[1])).unwrap();
    app.set_endpoint(API, &uri).unwrap();
    log_in(&provider, &app, &Saver::new()).get(PROFILE).unwrap();
}
