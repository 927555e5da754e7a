//! The proxy of the environment: which variables name it, and what goes through it.
//!
//! The variables are the process's, so each request is made by a program of its own.

use std::time::Duration;

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::code;

use crate::certificates::{File, file, provider};
use crate::program::{self, Report, get, get_at};
use crate::relay::Proxy;
use crate::scripted::{Scripted, ok, whole};

/// A host that nothing resolves but the proxy.
const HOST: &str = "https://api.fitbit.test";

/// Serves as the far end of a proxy: whoever gets there fails for its certificate's name.
fn far_end() -> (Simulator, File) {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    (provider, trusted)
}

fn through(proxy: &Proxy, variable: &str, trusted: &str) -> Report {
    let value = format!("http://{}", proxy.address);
    get(HOST, &[(variable, &value), ("SSL_CERT_FILE", trusted)])
}

#[test]
fn https_goes_through_the_proxy_that_the_environment_names() {
    let (provider, trusted) = far_end();
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = Proxy::to(provider.port());
        let report = through(&proxy, variable, &trusted);
        assert_eq!(proxy.asked(), ["CONNECT api.fitbit.test:443 HTTP/1.1"], "{variable}");
        // The certificate is for another name, and was seen through the tunnel.
        assert_eq!(report.code, code::TLS, "{variable}: {report:?}");
        let authorization = proxy.heads()[0].to_lowercase();
        assert!(!authorization.contains("authorization"), "{authorization}");
    }
    assert_eq!((provider.connections(), provider.requests(Target::Any)), (4, 0));
}

#[test]
fn a_port_of_the_endpoints_own_is_asked_for() {
    let (provider, trusted) = far_end();
    let proxy = Proxy::to(provider.port());
    let value = format!("http://{}", proxy.address);
    get("https://api.fitbit.test:8443/x", &[("HTTPS_PROXY", &value), ("SSL_CERT_FILE", &trusted)]);
    assert_eq!(proxy.asked(), ["CONNECT api.fitbit.test:8443 HTTP/1.1"]);
}

#[test]
fn a_proxy_may_be_named_without_a_scheme() {
    let (provider, trusted) = far_end();
    let proxy = Proxy::to(provider.port());
    let value = proxy.address.to_string();
    get(HOST, &[("HTTPS_PROXY", &value), ("SSL_CERT_FILE", &trusted)]);
    assert_eq!(proxy.asked().len(), 1);
}

#[test]
fn the_more_special_variable_wins() {
    let (provider, trusted) = far_end();
    let (right, wrong) = (Proxy::to(provider.port()), Proxy::to(provider.port()));
    let (right_uri, wrong_uri) =
        (format!("http://{}", right.address), format!("http://{}", wrong.address));
    get(
        HOST,
        &[
            ("HTTPS_PROXY", &right_uri),
            ("ALL_PROXY", &wrong_uri),
            ("all_proxy", &wrong_uri),
            ("SSL_CERT_FILE", &trusted),
        ],
    );
    // What is empty says nothing.
    get(
        HOST,
        &[
            ("HTTPS_PROXY", ""),
            ("https_proxy", ""),
            ("ALL_PROXY", &right_uri),
            ("SSL_CERT_FILE", &trusted),
        ],
    );
    assert_eq!((right.asked().len(), wrong.asked().len()), (2, 0));
}

#[test]
fn http_proxy_is_never_used() {
    let (provider, trusted) = far_end();
    let proxy = Proxy::to(provider.port());
    for variable in ["HTTP_PROXY", "http_proxy", "FTP_PROXY", "REQUEST_METHOD"] {
        let report = through(&proxy, variable, &trusted);
        assert_eq!(report.code, code::NETWORK, "nothing else resolves the name: {report:?}");
    }
    assert!(proxy.asked().is_empty());
}

#[test]
fn plain_http_and_loopback_never_go_through_a_proxy() {
    let (provider, trusted) = far_end();
    let server = Scripted::saying(ok);
    let proxy = Proxy::to(provider.port());
    let value = format!("http://{}", proxy.address);
    let all = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];
    let mut set: Vec<_> = all.map(|variable| (variable, &*value)).to_vec();
    set.push(("SSL_CERT_FILE", &trusted));
    let port = server.uri.rsplit(':').next().unwrap();
    for uri in [
        server.uri.clone(),
        format!("http://localhost:{port}"),
        provider.uri().to_owned(),
        provider.uri().replace("127.0.0.1", "localhost"),
    ] {
        let report = get(&uri, &set);
        assert_eq!((report.code, report.status), (0, 200), "{uri}: {report:?}");
        // Where the other endpoint goes through a proxy, too.
        let report = get_at(&uri, &format!("{HOST}/oauth2/token"), &set);
        assert_eq!((report.code, report.status), (0, 200), "{uri}: {report:?}");
    }
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[test]
fn user_and_password_of_the_proxys_address_authenticate() {
    let (provider, trusted) = far_end();
    for (credentials, basic) in [
        ("user:password", "dXNlcjpwYXNzd29yZA=="),
        // Percent-encoded in the address, and as they are in the header: "us@r" and "p:a/s%".
        ("us%40r:p%3Aa%2Fs%25", "dXNAcjpwOmEvcyU="),
    ] {
        let proxy = Proxy::to(provider.port());
        let value = format!("http://{credentials}@{}", proxy.address);
        get(HOST, &[("HTTPS_PROXY", &value), ("SSL_CERT_FILE", &trusted)]);
        let head = &proxy.heads()[0];
        assert!(head.contains(&format!("Proxy-Authorization: Basic {basic}\r\n")), "{head}");
    }
}

#[test]
fn the_proxys_password_shows_in_no_error() {
    let (_provider, trusted) = far_end();
    let password = "hunter2hunter2";
    let base64 = "dXNlcjpodW50ZXIyaHVudGVyMg==";
    let answers: [&'static [u8]; 4] = [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nX: hunter2hunter2\r\n\r\nhunter2hunter2",
        b"HTTP/1.1 403 Not dXNlcjpodW50ZXIyaHVudGVyMg==\r\n\r\nhunter2hunter2",
        b"HTTP/1.1 dXNlcjpodW50ZXIyaHVudGVyMg==\r\n\r\n",
        b"hunter2hunter2",
    ];
    let mut values: Vec<String> = answers
        .map(|answer| format!("http://user:{password}@{}", Proxy::saying(answer).address))
        .to_vec();
    values.extend([
        // Nobody listens; no name; no such kind of proxy; no port; no address at all.
        format!("http://user:{password}@127.0.0.1:9"),
        format!("http://user:{password}@proxy.invalid:3128"),
        format!("gopher://user:{password}@127.0.0.1:9"),
        format!("http://user:{password}@127.0.0.1:99999"),
        format!("http://user:{password}@"),
        format!("user:{password}"),
    ]);
    for value in values {
        let report = get(HOST, &[("HTTPS_PROXY", &value), ("SSL_CERT_FILE", &trusted)]);
        assert_ne!(report.code, 0, "{value}");
        assert_ne!(report.code, code::INTERNAL, "{value}: {report:?}");
        for secret in [password, base64] {
            assert!(!report.message.contains(secret), "{value}: {report:?}");
        }
    }
}

#[test]
fn a_server_that_repeats_the_proxys_password_does_not_bring_it_into_an_error() {
    let body = r#"{"errors":[{"errorType":"odd","message":"<hunter2hunter2>"}]}"#;
    let server = Scripted::saying(move || whole("400 Bad Request", body));
    let report = get(&server.uri, &[("HTTPS_PROXY", "http://user:hunter2hunter2@127.0.0.1:9")]);
    assert_eq!((report.code, report.status), (code::HTTP, 400), "{report:?}");
    assert!(report.message.contains("<[redacted]>"), "{report:?}");
}

#[test]
fn a_value_that_names_no_proxy_is_an_error_that_names_its_variable() {
    let values = [
        "://",
        "http://",
        "gopher://127.0.0.1:9",
        "http://127.0.0.1:99999",
        "http://a b:1",
        " ",
        "/",
    ];
    let mut accepted = Vec::new();
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        for value in values {
            let report = get(HOST, &[(variable, value)]);
            if report.code != code::INVALID_ARGUMENT || !report.message.contains(variable) {
                accepted.push((variable, value, report));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
}

#[test]
fn a_value_that_is_no_text_is_not_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = program::command(HOST, HOST);
    command.env("HTTPS_PROXY", std::ffi::OsStr::from_bytes(b"http://127.0.0.1:9/\xff"));
    let report = program::run(&mut command);
    // Whoever set it wants nothing to go out past it.
    assert_eq!(report.code, code::INVALID_ARGUMENT, "{report:?}");
    assert!(report.message.contains("HTTPS_PROXY"), "{report:?}");
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_a_network_error() {
    let (_provider, trusted) = far_end();
    let refusing = Proxy::saying(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let gone = Proxy::saying(b"");
    for address in
        [refusing.address.to_string(), gone.address.to_string(), "127.0.0.1:9".to_owned()]
    {
        let value = format!("http://{address}");
        let report = get(HOST, &[("HTTPS_PROXY", &value), ("SSL_CERT_FILE", &trusted)]);
        assert_eq!((report.code, report.status), (code::NETWORK, 0), "{report:?}");
    }
    assert_eq!((refusing.asked().len(), gone.asked().len()), (1, 1), "asked once each");
}

#[test]
fn a_proxy_that_stalls_or_drips_ends_with_the_timeout() {
    let (_provider, trusted) = far_end();
    let silent = crate::relay::silence(b"");
    let endless = Proxy::endless(Duration::from_millis(100));
    for address in [silent, endless.address] {
        let mut command = program::command(HOST, HOST);
        command.arg("600").env("HTTPS_PROXY", format!("http://{address}"));
        // Without a limit of the test's own a failure would take for ever.
        let report =
            program::run_for(command.env("SSL_CERT_FILE", &*trusted), Duration::from_secs(10));
        assert_eq!(report.code, code::TIMEOUT, "{report:?}");
    }
}
