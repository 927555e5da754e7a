//! `NO_PROXY`: the hosts that are reached without the proxy of the environment.

use fitbit_test_support::code;

use crate::certificates::{file, provider};
use crate::program::get;
use crate::relay::Proxy;

/// Whether a request to `https://api.fitbit.test` goes through the proxy.
fn goes_through(variable: &str, value: &str) -> bool {
    let provider = provider();
    let proxy = Proxy::to(provider.port());
    let uri = format!("http://{}", proxy.address);
    let trusted = file(provider.ca_pem());
    let set = [("HTTPS_PROXY", &*uri), (variable, value), ("SSL_CERT_FILE", &trusted)];
    let report = get("https://api.fitbit.test", &set);
    let through = !proxy.asked().is_empty();
    // Past the proxy the name does not resolve; through it the certificate is another host's.
    let expected = if through { code::TLS } else { code::NETWORK };
    assert_eq!(report.code, expected, "{variable}={value}: {report:?}");
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
    ] {
        assert!(goes_through("NO_PROXY", value), "{value:?}");
    }
}
