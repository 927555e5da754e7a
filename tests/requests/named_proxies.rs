//! A proxy that the program names: what goes through it, what does not, and that the environment
//! does not count any more.

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
    Decision, Simulator, Target,
};
use fitbit_test_support::world::PROFILE;
use fitbit_test_support::{App, FITBIT, GOOGLE_HEALTH, Saver, code};

use crate::certificates::{File, answers_anybody, file, provider};
use crate::program::{self, Report};
use crate::relay::{Gate, Proxy};
use crate::setup::client_of;

/// A provider over TLS that answers by itself, and a file that says to trust it.
pub fn world() -> (Simulator, File) {
    let provider = provider();
    provider.clear_faults();
    let trusted = file(provider.ca_pem());
    (provider, trusted)
}

/// A GET in a process with this environment, by an app that names `proxy` (see `get.c`).
fn get(api: &str, proxy: &str, trusted: &File, set: &[(&str, &str)]) -> Report {
    let mut command = program::command(api, api);
    program::run(command.args(["20000", proxy, &**trusted]).envs(set.iter().copied()))
}

#[test]
fn https_to_loopback_goes_through_it() {
    let (provider, trusted) = world();
    for host in ["127.0.0.1", "localhost"] {
        let proxy = Proxy::to(provider.port());
        let client = client_of(&provider, &["profile"], |app| {
            app.set_endpoint(3, &provider.uri().replace("127.0.0.1", host)).unwrap();
            app.set_proxy(Some(&format!("http://{}", proxy.address))).unwrap();
            app.set_ca_file(trusted.as_ref()).unwrap();
        });
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(proxy.asked(), [format!("CONNECT {host}:{} HTTP/1.1", provider.port())]);
        // What a proxy is told in the open.
        let head = proxy.heads()[0].to_lowercase();
        assert!(!head.contains("authorization") && !head.contains("profile"), "{head}");
    }
    assert_eq!(provider.connections(), 2, "and no other way");
}

/// The whole of a login: what it asks, and over how many connections.
fn a_login(provider_number: u32, paths: [&str; 5], id: &str, secret: &str) {
    let (provider, trusted) = world();
    let proxy = Proxy::to(provider.port());
    let app = App::of(provider_number, id, Some(secret), Some(DEMO_REDIRECT_URIS[0])).unwrap();
    for (endpoint, path) in paths[..4].iter().enumerate() {
        app.set_endpoint(endpoint as u32, &format!("{}{path}", provider.uri())).unwrap();
    }
    app.set_proxy(Some(&format!("http://{}", proxy.address))).unwrap();
    app.set_ca_file(trusted.as_ref()).unwrap();
    let session = app.step_one(None).unwrap();
    let redirect = provider.visit(&session.authorization_uri, Decision::Grant).unwrap();
    provider.reset_counts();
    let client = app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    client.get(paths[4]).unwrap();
    client.refresh().unwrap();
    client.get(paths[4]).unwrap();
    client.revoke().unwrap();
    for target in [Target::Exchange, Target::Refresh, Target::Revoke] {
        assert_eq!(provider.requests(target.clone()), 1, "{target:?}");
    }
    assert_eq!(provider.requests(Target::Api), 2);
    // Two requests of the person's on one connection, and three that spend something.
    assert_eq!((proxy.asked().len(), provider.connections()), (4, 4), "{:?}", proxy.asked());
}

#[test]
fn the_code_the_renewal_and_the_revocation_go_through_it_too() {
    let fitbit = ["/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", "", PROFILE];
    a_login(FITBIT, fitbit, DEMO_SERVER_ID, DEMO_SERVER_SECRET);
    let google = ["/o/oauth2/v2/auth", "/token", "/revoke", "", "/v4/users/me/identity"];
    a_login(GOOGLE_HEALTH, google, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET);
}

#[test]
fn a_connection_through_it_is_used_again() {
    let (provider, trusted) = world();
    let proxy = Proxy::to(provider.port());
    let client = client_of(&provider, &["profile"], |app| {
        app.set_proxy(Some(&format!("http://{}", proxy.address))).unwrap();
        app.set_ca_file(trusted.as_ref()).unwrap();
    });
    for _ in 0..10 {
        client.get(PROFILE).unwrap();
    }
    assert_eq!((provider.requests(Target::Api), proxy.asked().len()), (10, 1));
}

#[test]
fn plain_http_never_goes_through_it() {
    let provider = Simulator::start().unwrap();
    let gate = Gate::to(provider.port());
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h"] {
        let client = client_of(&provider, &["profile"], |app| {
            app.set_proxy(Some(&format!("{scheme}://{}", gate.address))).unwrap();
        });
        client.get(PROFILE).unwrap();
        client.refresh().unwrap();
        client.revoke().unwrap();
    }
    assert_eq!(gate.visitors(), 0);
}

#[test]
fn no_proxy_of_the_environment_sees_what_is_for_loopback() {
    let (secure, plain) = (provider(), Simulator::start().unwrap());
    answers_anybody(&plain);
    let trusted = file(secure.ca_pem());
    for scheme in ["http", "https", "socks4", "socks5h"] {
        let gate = Gate::to(secure.port());
        let value = format!("{scheme}://{}", gate.address);
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"];
        let set = names.map(|name| (name, &*value));
        for uri in [secure.uri(), &secure.uri().replace("127.0.0.1", "localhost"), plain.uri()] {
            let report = get(uri, "environment", &trusted, &set);
            assert_eq!((report.code, report.status), (0, 200), "{uri}: {report:?}");
        }
        assert_eq!(gate.visitors(), 0, "{scheme}");
    }
}

#[test]
fn the_environment_does_not_count_beside_it() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    let environments: [&[(&str, &str)]; 4] = [
        &[("HTTPS_PROXY", "http://127.0.0.1:9"), ("https_proxy", "http://127.0.0.1:9")],
        &[("ALL_PROXY", "socks5://127.0.0.1:9"), ("all_proxy", "socks5://127.0.0.1:9")],
        &[("NO_PROXY", "*"), ("no_proxy", "127.0.0.1,localhost")],
        &[("HTTPS_PROXY", "://"), ("ALL_PROXY", " "), ("NO_PROXY", "*")],
    ];
    for set in environments {
        let proxy = Proxy::to(provider.port());
        let named = format!("http://{}", proxy.address);
        let report = get(provider.uri(), &named, &trusted, set);
        assert_eq!((report.code, report.status), (0, 200), "{set:?}: {report:?}");
        assert_eq!(proxy.asked().len(), 1, "{set:?}");
    }
}

#[test]
fn null_is_no_proxy_whatever_the_environment_says() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    let gate = Gate::to(provider.port());
    let value = format!("http://{}", gate.address);
    for value in [&value, "://", ""] {
        let set = [("HTTPS_PROXY", value), ("ALL_PROXY", value)];
        let report = get(provider.uri(), "none", &trusted, &set);
        assert_eq!((report.code, report.status), (0, 200), "{value}: {report:?}");
        // A host for which the environment's proxy is meant, and which nothing else resolves.
        let report = get("https://api.fitbit.test", "none", &trusted, &set);
        assert_eq!(report.code, code::NETWORK, "{value}: {report:?}");
    }
    assert_eq!(gate.visitors(), 0);
}

#[test]
fn the_last_address_that_could_be_used_counts() {
    let (provider, trusted) = world();
    let (right, wrong) = (Proxy::to(provider.port()), Gate::to(provider.port()));
    let client = client_of(&provider, &["profile"], |app| {
        app.set_proxy(Some(&format!("http://{}", wrong.address))).unwrap();
        app.set_proxy(Some(&format!("http://{}", right.address))).unwrap();
        app.set_proxy(Some("http://")).unwrap_err();
        app.set_ca_file(trusted.as_ref()).unwrap();
    });
    client.get(PROFILE).unwrap();
    assert_eq!((right.asked().len(), wrong.visitors()), (1, 0));
    let client = client_of(&provider, &["profile"], |app| {
        app.set_proxy(Some(&format!("http://{}", wrong.address))).unwrap();
        app.set_proxy(None).unwrap();
        app.set_ca_file(trusted.as_ref()).unwrap();
    });
    client.get(PROFILE).unwrap();
    assert_eq!((right.asked().len(), wrong.visitors()), (1, 0));
}

/// A renewal through a proxy that answers this, and again when it has come to its senses.
fn a_login_survives(provider: &Simulator, trusted: &File, answer: &'static [u8]) {
    let proxy = Proxy::closed(answer, provider.port());
    let client = client_of(provider, &["profile"], |app| {
        app.set_proxy(Some(&format!("http://{}", proxy.address))).unwrap();
        app.set_ca_file(trusted.as_ref()).unwrap();
    });
    let error = client.refresh().unwrap_err();
    // What a proxy says is not what the provider says.
    assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
    proxy.open();
    client.refresh().unwrap();
    client.get(PROFILE).unwrap();
}

#[test]
fn a_login_survives_a_proxy_that_refuses_its_renewal() {
    let (provider, trusted) = &world();
    let answers = [
        &b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 25\r\n\r\n{\"error\":\"invalid_grant\"}",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
        b"",
    ];
    // A renewal is tried again for a while: all at once.
    std::thread::scope(|scope| {
        for answer in answers {
            scope.spawn(move || a_login_survives(provider, trusted, answer));
        }
    });
}
