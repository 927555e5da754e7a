//! Real proxies: squid for CONNECT, microsocks for SOCKS5, with a user and a password. A gate before
//! each of them counts who comes: the provider is on loopback, where a way past the proxy would show in
//! nothing else.

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, saved_token};
use fitbit_test_support::{Client, Saver, code};

use crate::authority::{Authority, HERE, VALID, text};
use crate::certificates::{File, file};
use crate::named_proxies::world;
use crate::proxy_programs::{CREDENTIALS, Kind, PASSWORD, RealProxy};
use crate::relay::Gate;
use crate::setup::client_with;

/// A client that reaches the provider through the proxy at this address.
fn client(provider: &Simulator, trusted: &File, proxy: &str) -> Client {
    let app = app(provider);
    app.set_endpoint(3, &provider.uri().replace("127.0.0.1", "localhost")).unwrap();
    app.set_ca_file(trusted.as_ref()).unwrap();
    app.set_proxy(Some(proxy)).unwrap();
    app.from_token(&saved_token(provider, 3600), &Saver::new()).unwrap()
}

/// Whoever knows the password gets through, with all requests, and nobody else.
fn asks_for_user_and_password(kind: Kind) {
    let Some(proxy) = RealProxy::start(kind) else { return };
    let (provider, trusted) = world();
    for scheme in kind.schemes() {
        let gate = Gate::to(proxy.port);
        let at = |credentials: &str| format!("{scheme}://{credentials}{}", gate.address);
        let known = client(&provider, &trusted, &at(&format!("{CREDENTIALS}@")));
        provider.reset_counts();
        for _ in 0..5 {
            assert_eq!(known.get(PROFILE).unwrap().status, 200, "{scheme}");
        }
        assert_eq!((gate.visitors(), provider.connections()), (1, 1), "{scheme}: it is kept");
        known.refresh().unwrap();
        known.revoke().unwrap();
        assert_eq!((gate.visitors(), provider.connections()), (3, 3), "{scheme}");
        for wrong in ["", "us%40r%2541:wrong@", "user:p%3Aa%40s%252F%2B%20%C3%BC@"] {
            let stranger = client(&provider, &trusted, &at(wrong));
            let error = stranger.get(PROFILE).unwrap_err();
            assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
            for secret in [PASSWORD, "p%3Aa%40s", "dXNAciU0MTpw", "wrong"] {
                assert!(!error.all_text().contains(secret), "{error:?}");
            }
        }
        assert_eq!(provider.connections(), 3, "{scheme}: no other way was tried");
        assert_eq!(provider.requests(Target::Any), 7);
    }
}

#[test]
fn squid_is_told_user_and_password() {
    asks_for_user_and_password(Kind::Squid);
}

#[test]
fn microsocks_is_told_user_and_password() {
    asks_for_user_and_password(Kind::Microsocks);
}

/// Requests fail while the proxy is gone, and go on once it is back.
fn comes_back(kind: Kind) {
    let Some(proxy) = RealProxy::start(kind) else { return };
    let (provider, trusted) = world();
    let port = proxy.port;
    let address = format!("{}://{CREDENTIALS}@127.0.0.1:{port}", kind.schemes()[0]);
    let client = client(&provider, &trusted, &address);
    client.get(PROFILE).unwrap();
    drop(proxy);
    for _ in 0..2 {
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!(error.code, code::NETWORK, "{error:?}");
    }
    let error = client.refresh().unwrap_err();
    assert_eq!(error.code, code::NETWORK, "{error:?}");
    let _back = RealProxy::at(kind, port);
    client.get(PROFILE).unwrap();
    client.refresh().unwrap();
}

#[test]
fn a_squid_that_died_is_used_again_when_it_is_back() {
    comes_back(Kind::Squid);
}

#[test]
fn a_microsocks_that_died_is_used_again_when_it_is_back() {
    comes_back(Kind::Microsocks);
}

/// A GET at a kept connection that dies with its proxy is repeated through the proxy's successor.
fn is_replaced(kind: Kind) {
    let Some(proxy) = RealProxy::start(kind) else { return };
    let (provider, trusted) = world();
    let port = proxy.port;
    let address = format!("{}://{CREDENTIALS}@127.0.0.1:{port}", kind.schemes()[0]);
    let client = client(&provider, &trusted, &address);
    client.get(PROFILE).unwrap();
    drop(proxy);
    let _successor = RealProxy::at(kind, port);
    client.get(PROFILE).unwrap();
    client.refresh().unwrap();
}

#[test]
fn a_kept_connection_does_not_outlive_its_squid() {
    is_replaced(Kind::Squid);
}

#[test]
fn a_kept_connection_does_not_outlive_its_microsocks() {
    is_replaced(Kind::Microsocks);
}

#[test]
fn what_squid_forbids_is_a_network_error() {
    let Some(proxy) = RealProxy::start(Kind::Squid) else { return };
    let (_provider, trusted) = world();
    for host in ["forbidden.test", "nobody-resolves.invalid"] {
        let client = client_with(&format!("https://{host}"), |app| {
            app.set_ca_file(trusted.as_ref()).unwrap();
            app.set_proxy(Some(&format!("http://{CREDENTIALS}@127.0.0.1:{}", proxy.port))).unwrap();
        });
        let error = client.get(PROFILE).unwrap_err();
        // 403 and 503 of the proxy's are nobody's refusal of a token.
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{host}: {error:?}");
    }
}

#[test]
fn a_squid_behind_tls_is_told_nothing_before_it_is_trusted() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "proxy", &HERE, VALID, "sha256");
    let kind = Kind::SquidOverTls(&authority.pem("proxy"), &authority.key("proxy"));
    let Some(proxy) = RealProxy::start(kind) else { return };
    let (provider, trusted) = world();
    let address = format!("https://{CREDENTIALS}@127.0.0.1:{}", proxy.port);
    // The provider is trusted, the proxy is not.
    let error = client(&provider, &trusted, &address).get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::TLS, 0), "{error:?}");
    let both = file([&*text(&authority.pem("ca")), provider.ca_pem()].concat());
    let client = client(&provider, &both, &address);
    provider.reset_counts();
    for _ in 0..5 {
        client.get(PROFILE).unwrap();
    }
    client.refresh().unwrap();
    assert_eq!(provider.connections(), 2);
}
