//! Addresses of proxies: what `fitbit_app_set_proxy` takes, and what it refuses at once.

use fitbit_simulator::DEMO_REDIRECT_URIS;
use fitbit_test_support::{App, code};

fn app() -> App {
    App::new("ID", None, Some(DEMO_REDIRECT_URIS[0])).unwrap()
}

#[test]
fn an_address_of_every_kind_is_taken() {
    for uri in [
        "http://proxy.example:3128",
        "http://proxy.example:3128/",
        "http://proxy.example",
        "HTTP://PROXY.EXAMPLE:3128",
        "https://proxy.example",
        "http://127.0.0.1:1",
        "http://[::1]:65535",
        "socks4://192.0.2.1:1080",
        "socks4a://proxy.example",
        "socks5://proxy.example:1080",
        "socks5h://proxy.example:1080",
        "http://user@proxy.example:3128",
        "http://user:@proxy.example:3128",
        "http://user:password@proxy.example:3128",
        "socks5://us%3Aer:p%40ss%25w%2Ford@[::1]:1080",
        "http://user:%C3%BC%20%00%0D%0A@proxy.example",
    ] {
        assert_eq!(app().set_proxy(Some(uri)), Ok(()), "{uri}");
    }
}

#[test]
fn what_is_no_proxys_address_is_refused_at_once() {
    let long = format!("http://{}.example:80", "a".repeat(70_000));
    let refused = [
        "",
        " ",
        "/",
        ":",
        "://",
        "//",
        "http:",
        "http:/",
        "http://",
        "http:///",
        "http:///path",
        "http://:3128",
        "http://@",
        "http://user:password@",
        "http://user:password@:3128",
        "://proxy.example:3128",
        "//proxy.example:3128",
        "/proxy.example:3128",
        // Neither a kind of proxy.
        "ftp://proxy.example",
        "gopher://proxy.example:70",
        "socks6://proxy.example",
        "file:///etc/passwd",
        "h ttp://proxy.example",
        // A port that is none.
        "http://proxy.example:",
        "http://proxy.example:0",
        "http://proxy.example:-1",
        "http://proxy.example:65536",
        "http://proxy.example:99999999999999999999",
        "http://proxy.example:3128:80",
        "http://proxy.example:http",
        "http://proxy.example:31 28",
        "http://[::1]:",
        "http://[::1]:99999",
        // A host that is none.
        "http://[::1",
        "http://::1]:3128",
        "http://::1:3128",
        "http://a b.example:3128",
        "http://proxy\\.example:3128",
        "http://proxy.example\r\n:3128",
        "http://<proxy>:3128",
        // More than an address.
        "http://proxy.example:3128/path",
        "http://proxy.example:3128?query",
        "http://proxy.example:3128/?query",
        "http://proxy.example:3128#fragment",
        "http://proxy.example:3128/#fragment",
        " http://proxy.example:3128",
        "http://proxy.example:3128 ",
        "http://proxy.example:3128\n",
        "http://a.example:1,http://b.example:2",
        "http://a.example:1 http://b.example:2",
        // Passwords that should have been percent-encoded: the rest would be taken for the host.
        "http://user:hunt/er2@proxy.example:3128",
        "http://user:hunt?er2@proxy.example:3128",
        "http://user:hunt#er2@proxy.example:3128",
        "http://user:12#34@proxy.example:3128",
        "http://user:hunt er2@proxy.example:3128",
        "http://user:%FF@proxy.example:3128",
        &long,
    ];
    let mut wrong = Vec::new();
    for uri in refused {
        match app().set_proxy(Some(uri)) {
            Err(error) if error.code == code::INVALID_ARGUMENT => {
                assert!(error.message.starts_with("uri: "), "{uri:?}: {error:?}");
                assert!(!error.message.contains("hunt"), "{uri:?}: {error:?}");
            }
            other => wrong.push((uri.to_owned(), other)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn credentials_that_its_protocol_cannot_carry_are_refused_at_once() {
    let long = "a".repeat(256);
    let mut wrong = Vec::new();
    for uri in [
        // RFC 1929: both have a length of 1 to 255.
        "socks5://user@proxy.example:1080",
        "socks5h://user:@proxy.example:1080",
        "socks5://:password@proxy.example:1080",
        &format!("socks5://{long}:password@proxy.example:1080"),
        &format!("socks5://user:{long}@proxy.example:1080"),
        // SOCKS4 knows no password at all.
        "socks4://user:password@proxy.example:1080",
        "socks4a://user:password@proxy.example:1080",
        // RFC 7617: what stands before the first colon is the user.
        "http://us%3Aer:password@proxy.example:3128",
    ] {
        match app().set_proxy(Some(uri)) {
            Err(error) if error.code == code::INVALID_ARGUMENT => {
                assert!(error.message.starts_with("uri: "), "{uri:?}: {error:?}");
            }
            other => wrong.push((uri.to_owned(), other)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
