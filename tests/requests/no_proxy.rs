//! `NO_PROXY`: the hosts that are reached without the proxy of the environment.

use std::net::TcpListener;

use fitbit_test_support::code;

use crate::certificates::{file, provider};
use crate::program::get;
use crate::relay::{Proxy, relay};

/// Whether a request to `https://api.fitbit.test` goes through the proxy.
fn goes_through(variable: &str, value: &str) -> bool {
    request_goes_through("https://api.fitbit.test", variable, value)
}

fn request_goes_through(target: &str, variable: &str, value: &str) -> bool {
    let provider = provider();
    let proxy = Proxy::to(provider.port());
    let uri = format!("http://{}", proxy.address);
    let trusted = file(provider.ca_pem());
    let set = [("HTTPS_PROXY", &*uri), (variable, value), ("SSL_CERT_FILE", &trusted)];
    let report = get(target, &set);
    let through = !proxy.asked().is_empty();
    // Past the proxy the name does not resolve; through it the certificate is another host's.
    let expected = if through { code::TLS } else { code::NETWORK };
    assert_eq!(report.code, expected, "{variable}={value}: {report:?}");
    // What a message says of the way is the way that was taken.
    assert_eq!(report.message.contains("through the proxy"), through, "{report:?}");
    through
}

#[test]
fn a_host_that_is_listed_is_reached_directly() {
    for value in [
        "api.fitbit.test",
        "API.Fitbit.TEST",
        "fitbit.test",
        ".fitbit.test",
        "test",
        "*",
        ".test",
        "a.example,api.fitbit.test",
        "a.example, api.fitbit.test ,b.example",
        "  api.fitbit.test  ",
        "a.example,,api.fitbit.test,",
        "a.example api.fitbit.test",
        "a.example, *",
        "a.example;api.fitbit.test",
        "a.example\tapi.fitbit.test",
        "api.fitbit.test.",
        ".fitbit.test.",
        "*.fitbit.test",
        "api.fitbit.test:443",
        "fitbit.test:443",
        "*:443",
    ] {
        for variable in ["NO_PROXY", "no_proxy"] {
            assert!(!goes_through(variable, value), "{variable}={value}");
        }
    }
}

#[test]
fn any_other_host_is_not() {
    for value in [
        "",
        ",",
        " ",
        "fitbit.com",
        "bit.test",
        ".bit.test",
        "api.fitbit",
        "api.fitbit.tes",
        "xapi.fitbit.test",
        "x.api.fitbit.test",
        "api-fitbit.test",
        "localhost,127.0.0.1",
        "...",
        ".",
        "api.fitbit.test:8443",
        "api.fitbit.test:",
        "api.fitbit.test:443x",
        "https://api.fitbit.test",
        "*:8443",
        "0.0.0.0/0",
        "[::]/0",
        "fitbit.*",
    ] {
        assert!(goes_through("NO_PROXY", value), "{value:?}");
    }
}

#[test]
fn a_port_is_compared_with_the_endpoints() {
    for (target, value, through) in [
        ("https://api.fitbit.test:8443", "api.fitbit.test:8443", false),
        ("https://api.fitbit.test:8443", "fitbit.test:443,.test:8443", false),
        ("https://api.fitbit.test:8443", "api.fitbit.test", false),
        ("https://api.fitbit.test:8443", "api.fitbit.test:443", true),
        ("https://api.fitbit.test:443", "api.fitbit.test:443", false),
    ] {
        assert_eq!(request_goes_through(target, "NO_PROXY", value), through, "{target} {value}");
    }
}

#[test]
fn addresses_and_blocks_are_compared_with_addresses() {
    let provider = provider();
    // The one address that is not of loopback and leads there all the same.
    let (v4, v6) = ("0.0.0.0", "[::]");
    for (host, value, through) in [
        (v4, "0.0.0.0", false),
        (v4, "10.0.0.0/8 0.0.0.0/8", false),
        (v4, "0.1.2.3/8", false),
        (v4, "0.0.0.1", true),
        (v4, "0.0.0.128/25", true),
        (v4, "0", true),
        (v6, "::", false),
        (v6, "[::]", false),
        (v6, "::/64", false),
        (v6, "[::]/64", false),
        (v6, "2001:db8::/32", true),
        (v6, "0.0.0.0/0", true),
    ] {
        if host == v6 && TcpListener::bind("[::1]:0").is_err() {
            continue; // no IPv6 here
        }
        let server = relay(if host == v6 { "::1" } else { "127.0.0.1" }, provider.port());
        let target = format!("https://{host}:{}", server.port());
        let proxy = Proxy::to(provider.port());
        let uri = format!("http://{}", proxy.address);
        let trusted = file(provider.ca_pem());
        let set = [("HTTPS_PROXY", &*uri), ("NO_PROXY", value), ("SSL_CERT_FILE", &trusted)];
        let report = get(&target, &set);
        // Either way it is reached, and its certificate is for another host.
        assert_eq!(report.code, code::TLS, "{host} {value}: {report:?}");
        assert_eq!(!proxy.asked().is_empty(), through, "{host} {value}: {report:?}");
    }
}
