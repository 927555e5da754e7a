//! Where a login listens: what the callback URI's host names, exclusively, and nowhere else.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use fitbit_simulator::Decision;
use fitbit_test_support::google_health::world as google;
use fitbit_test_support::world::provider;
use fitbit_test_support::{App, Error, Saver, c, code};

use crate::scene::{V4, V6, app, connect, fitbit_app, free_port, google_app, has_ipv6, login};

/// The addresses on which this machine's programs listen on a port, as the kernel writes them.
fn listening(port: u16) -> Vec<String> {
    let mut found = vec![];
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap().lines().skip(1) {
            let words: Vec<_> = line.split_whitespace().collect();
            let (address, of) = words[1].split_once(':').unwrap();
            if words[3] == "0A" && u16::from_str_radix(of, 16).unwrap() == port {
                found.push(address.to_owned());
            }
        }
    }
    found
}

const KERNEL_V4: &str = "0100007F";
const KERNEL_V6: &str = "00000000000000000000000001000000";

/// What is listened on while a login waits, and which families answer.
fn heard_on(callback_uri: &str) -> (Vec<String>, [bool; 2]) {
    let provider = provider();
    let app = google_app(&provider, callback_uri);
    let (_, seen) = login(&app, &Saver::new(), |it| {
        let answers = [V4, V6].map(|ip| connect(ip, it.port()).is_ok());
        (listening(it.port()), answers)
    });
    seen
}

#[test]
fn an_ipv4_address_is_listened_on_alone() {
    assert_eq!(heard_on("http://127.0.0.1:0/callback"), (vec![KERNEL_V4.into()], [true, false]));
}

#[test]
fn an_ipv6_address_is_listened_on_alone() {
    if !has_ipv6() {
        return;
    }
    assert_eq!(heard_on("http://[::1]:0/callback"), (vec![KERNEL_V6.into()], [false, true]));
}

#[test]
fn localhost_is_both_families_on_one_port() {
    if !has_ipv6() {
        return;
    }
    for port in [0, free_port()] {
        let both = vec![KERNEL_V4.into(), KERNEL_V6.into()];
        assert_eq!(heard_on(&format!("http://localhost:{port}/callback")), (both, [true, true]));
    }
}

#[test]
fn a_person_can_come_back_through_either_family() {
    if !has_ipv6() {
        return;
    }
    let provider = provider();
    let port = free_port();
    for uri in [
        format!("http://127.0.0.1:{port}/callback"),
        format!("http://[::1]:{port}/callback"),
        format!("http://localhost:{port}/callback"),
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/a%20b/c"),
    ] {
        let app = fitbit_app(&provider, &uri);
        let (client, page) = login(&app, &Saver::new(), |it| {
            assert_eq!(it.callback_uri(), uri, "byte for byte as it was registered");
            let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
            // A browser writes a slash where there is no path.
            it.open(&back.replace(&format!(":{port}?"), &format!(":{port}/?")))
        });
        assert_eq!((page.status, page.title()), (200, "You are logged in"), "{uri}");
        client.unwrap();
    }
}

#[test]
fn the_port_that_http_has_by_itself_need_not_be_in_host() {
    for (uri, host) in [
        ("http://127.0.0.1/callback", "127.0.0.1"),
        ("http://127.0.0.1:80/callback", "localhost"),
        ("http://127.0.0.1/callback", "127.0.0.1:80"),
    ] {
        if let Err(why) = TcpListener::bind((V4, 80)) {
            return c::say_skipped(&format!("port 80 cannot be had: {why}"));
        }
        let provider = provider();
        let app = fitbit_app(&provider, uri);
        let (client, status) = login(&app, &Saver::new(), |it| {
            let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
            // As browsers do it.
            let mut stream = connect(V4, 80).unwrap();
            let target = format!("/callback?{}", back.split(['?', '#']).nth(1).unwrap());
            std::io::Write::write_all(&mut stream, &crate::scene::get(&target, host)).unwrap();
            crate::scene::receive(&mut stream).status
        });
        assert_eq!(status, 200, "{uri} {host}");
        client.unwrap();
    }
}

/// The login fails before any browser is opened.
fn refused(app: &App) -> Error {
    let mut opened = false;
    let outcome = app.login(
        10_000,
        |_| {
            opened = true;
            0
        },
        &Saver::new(),
    );
    let error = outcome.err().unwrap();
    assert!(!opened, "a browser is opened for a login that cannot end well: {error:?}");
    error
}

#[track_caller]
fn is_taken(host: &str, by: impl Fn(u16) -> TcpListener) {
    let provider = provider();
    let port = free_port();
    let _theirs = by(port);
    let error = refused(&fitbit_app(&provider, &format!("http://{host}:{port}/callback")));
    assert_eq!(error.code, code::NETWORK, "{error:?}");
    assert!(error.message.contains(&port.to_string()), "{error:?}");
}

#[test]
fn a_port_that_somebody_has_is_an_error_that_names_it() {
    if !has_ipv6() {
        return;
    }
    for (host, ip) in [("127.0.0.1", V4), ("[::1]", V6), ("localhost", V4), ("localhost", V6)] {
        is_taken(host, |port| TcpListener::bind((ip, port)).unwrap());
    }
}

#[test]
fn a_port_that_somebody_has_on_all_interfaces_is_taken_too() {
    if !has_ipv6() {
        return;
    }
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    for (host, ip) in [("127.0.0.1", any[0]), ("localhost", any[0]), ("[::1]", any[1])] {
        is_taken(host, |port| TcpListener::bind((ip, port)).unwrap());
    }
}

#[test]
fn nobody_else_can_have_the_port_while_a_login_waits() {
    let provider = provider();
    let _ = login(&app(&provider), &Saver::new(), |it| {
        for ip in [V4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)] {
            assert!(TcpListener::bind((ip, it.port())).is_err(), "{ip}");
        }
        let app = fitbit_app(&provider, &it.callback_uri());
        assert_eq!(refused(&app).code, code::NETWORK);
    });
}

#[test]
fn two_apps_log_in_at_the_same_time_on_ports_of_their_own() {
    let provider = provider();
    let (one, other) = (app(&provider), app(&provider));
    let (first, second) = login(&one, &Saver::new(), |it| {
        let (second, _) = login(&other, &Saver::new(), |that| {
            assert_ne!(it.port(), that.port());
            that.decide(&provider, Decision::Grant)
        });
        it.decide(&provider, Decision::Grant);
        second
    });
    first.unwrap();
    second.unwrap();
}

#[test]
fn port_0_is_refused_where_the_provider_compares_ports() {
    let app = App::new("id", None, Some("http://127.0.0.1:0/callback")).unwrap();
    let error = refused(&app);
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.contains("app") && error.message.contains("port 0"), "{error:?}");
}

#[test]
fn a_callback_that_is_not_on_this_machine_is_refused() {
    let port = free_port();
    for uri in [
        "https://app.example/callback".to_owned(),
        "myapp://callback".to_owned(),
        format!("https://127.0.0.1:{port}/callback"),
        format!("http://192.0.2.1:{port}/callback"),
        format!("http://localhost.example:{port}/callback"),
        format!("http://0.0.0.0:{port}/callback"),
        format!("http://[::]:{port}/callback"),
        format!("http://127.0.0.1.nip.example:{port}/callback"),
        format!("http://127.0.0.1:{port}/callback?a=b"),
        format!("http://2130706433:{port}/callback"),
    ] {
        // An address that no app can have is refused there.
        let error = match google::new_app("id", None, Some(&uri)) {
            Ok(app) => refused(&app),
            Err(error) => error,
        };
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{uri}: {error:?}");
        assert!(error.message.contains("callback_uri"), "{uri}: {error:?}");
        assert_eq!(listening(port), Vec::<String>::new(), "{uri}");
    }
}

#[test]
fn an_app_without_a_callback_uri_logs_nobody_in() {
    let error = refused(&App::new("id", None, None).unwrap());
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.contains("callback_uri"), "{error:?}");
}
