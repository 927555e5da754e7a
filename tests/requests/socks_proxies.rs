//! SOCKS proxies, as one sees them: who looks up the host's name, and what is said of user and
//! password.

use fitbit_simulator::Target;
use fitbit_test_support::world::PROFILE;
use fitbit_test_support::{App, code};

use crate::certificates::{file, provider};
use crate::named_proxies::world;
use crate::setup::{ANY, client_of, client_with};
use crate::socks::{Refusal, Socks, Wish};

#[test]
fn the_name_is_looked_up_here_or_by_the_proxy_as_its_address_says() {
    let (provider, trusted) = world();
    for (scheme, version, host) in [
        ("socks4", 4, "127.0.0.1"),
        ("socks4a", 4, "localhost"),
        ("socks5", 5, "127.0.0.1"),
        ("socks5h", 5, "localhost"),
    ] {
        let proxy = Socks::to(provider.port());
        let client = client_of(&provider, &["profile"], |app| {
            app.set_endpoint(3, &provider.uri().replace("127.0.0.1", "localhost")).unwrap();
            app.set_proxy(Some(&format!("{scheme}://{}", proxy.address))).unwrap();
            app.set_ca_file(trusted.as_ref()).unwrap();
        });
        for _ in 0..3 {
            assert_eq!(client.get(PROFILE).unwrap().status, 200, "{scheme}");
        }
        let (host, port) = (host.to_owned(), provider.port());
        assert_eq!(proxy.wishes(), [Wish { version, host, port, ..Wish::default() }], "{scheme}");
    }
}

#[test]
fn a_name_that_nobody_else_resolves_is_the_proxys_to_resolve() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    let ask = |scheme: &str| {
        let proxy = Socks::to(provider.port());
        let set_up = |app: &App| {
            app.set_proxy(Some(&format!("{scheme}://{}", proxy.address))).unwrap();
            app.set_ca_file(trusted.as_ref()).unwrap();
        };
        let error = client_with("https://api.fitbit.test", set_up).get(ANY).unwrap_err();
        (error.code, proxy.wishes().len())
    };
    for scheme in ["socks4a", "socks5h"] {
        // The certificate is for another name, and was seen through the tunnel.
        assert_eq!(ask(scheme), (code::TLS, 1), "{scheme}");
    }
    for scheme in ["socks4", "socks5"] {
        assert_eq!(ask(scheme), (code::NETWORK, 0), "{scheme}");
    }
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn user_and_password_are_decoded_once() {
    let (provider, trusted) = world();
    for (credentials, user, password) in [
        ("user:password", "user", "password"),
        ("us%40r:p%3Aa%40s%25%2F", "us@r", "p:a@s%/"),
        ("u%3As%3Aer:a+b%2520", "u:s:er", "a+b%20"),
        ("%C3%BC:%E6%97%A5", "ü", "日"),
        (&format!("{}:{}", "u".repeat(255), "p".repeat(255)), &"u".repeat(255), &"p".repeat(255)),
    ] {
        let proxy = Socks::to(provider.port());
        let client = client_of(&provider, &["profile"], |app| {
            app.set_proxy(Some(&format!("socks5://{credentials}@{}", proxy.address))).unwrap();
            app.set_ca_file(trusted.as_ref()).unwrap();
        });
        client.get(PROFILE).unwrap();
        let wish = &proxy.wishes()[0];
        assert_eq!((&*wish.user, &*wish.password), (user, password), "{credentials}");
    }
}

/// `localhost` is two addresses. Whether this machine has IPv6 does not matter: the proxy is asked.
#[test]
fn the_next_address_is_asked_for_when_a_proxy_cannot_connect_to_one() {
    let (provider, trusted) = world();
    let refusals: [&[Refusal]; 8] = [
        &[Refusal::Reset],
        &[Refusal::Close],
        &[Refusal::Reply(1)],
        &[Refusal::Reply(3)],
        &[Refusal::Reply(4)],
        &[Refusal::Reply(5)],
        &[Refusal::Reply(6)],
        &[Refusal::Reply(8)],
    ];
    for refusals in refusals {
        let proxy = Socks::after(refusals, provider.port());
        let client = client_of(&provider, &["profile"], |app| {
            app.set_endpoint(3, &provider.uri().replace("127.0.0.1", "localhost")).unwrap();
            app.set_proxy(Some(&format!("socks5://{}", proxy.address))).unwrap();
            app.set_ca_file(trusted.as_ref()).unwrap();
        });
        let response = client.get(PROFILE).unwrap_or_else(|e| panic!("{refusals:?}: {e:?}"));
        assert_eq!(response.status, 200, "{refusals:?}");
        let mut hosts: Vec<String> = proxy.wishes().into_iter().map(|wish| wish.host).collect();
        hosts.sort();
        assert_eq!(hosts, ["127.0.0.1", "::1"], "{refusals:?}");
    }
}

#[test]
fn a_proxy_that_resets_every_connection_is_a_network_error_that_names_the_proxy() {
    let (provider, trusted) = world();
    let proxy = Socks::after(&[Refusal::Reset; 2], provider.port());
    let client = client_of(&provider, &["profile"], |app| {
        app.set_endpoint(3, &provider.uri().replace("127.0.0.1", "localhost")).unwrap();
        app.set_proxy(Some(&format!("socks5://{}", proxy.address))).unwrap();
        app.set_ca_file(trusted.as_ref()).unwrap();
    });
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!(error.code, code::NETWORK, "{error:?}");
    assert!(error.message.contains("proxy"), "{error:?}");
    assert_eq!(proxy.wishes().len(), 2);
}
