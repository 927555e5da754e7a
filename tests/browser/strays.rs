//! Requests that have nothing to do with the login. None of them ends it, and none keeps the one that
//! does from being answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use fitbit_simulator::{Decision, Simulator, Target};
use fitbit_test_support::Saver;
use fitbit_test_support::world::provider;

use crate::scene::{Browser, app, get, login, receive};

/// The browser does this first, and then the person grants access all the same.
fn before_a_login(first: impl FnOnce(&Browser, &Simulator) + Send) {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        first(it, &provider);
        assert_eq!(provider.requests(Target::Exchange), 0);
        it.decide(&provider, Decision::Grant)
    });
    assert_eq!(page.title(), "You are logged in");
    client.unwrap();
}

#[test]
fn an_icon_and_other_paths_are_not_there() {
    before_a_login(|it, _| {
        for path in ["/favicon.ico", "/", "/callback/", "/callbac", "/Callback", "//callback"] {
            assert_eq!(
                it.get(&format!("{path}?code=x&state={}", it.state())).status,
                404,
                "{path}"
            );
        }
        let whole = format!("http://{}/callback?code=x&state={}", it.authority(), it.state());
        assert_eq!(it.get(&whole).status, 404);
    });
}

#[test]
fn nothing_but_get_is_taken() {
    before_a_login(|it, _| {
        for method in ["POST", "HEAD", "PUT", "OPTIONS", "DELETE", "get", "PROPFIND"] {
            let request = String::from_utf8(get(&it.answer("code=x"), &it.authority())).unwrap();
            let request = request.replacen("GET", method, 1);
            let reply =
                it.send(request.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n").as_bytes());
            assert_eq!(reply.status, 405, "{method}");
            assert_eq!(reply.header("Allow"), Some("GET"));
            assert_eq!(reply.body, "");
        }
    });
}

#[test]
fn another_hosts_name_does_not_lead_here() {
    before_a_login(|it, _| {
        let (target, port) = (it.answer("code=x"), it.port());
        for host in [
            "evil.example".to_owned(),
            format!("evil.example:{port}"),
            format!("localhost.evil.example:{port}"),
            format!("evil.localhost:{port}"),
            format!("xlocalhost:{port}"),
            format!("localhost.:{port}"),
            format!("[::]:{port}"),
            format!("[::1:{port}"),
            format!("::1:{port}"),
            format!("0.0.0.0:{port}"),
            format!("127.0.0.2:{port}"),
            format!("127.1:{port}"),
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
            "localhost:80".to_owned(),
            "localhost:".to_owned(),
            format!("localhost:0{port}"),
            format!("localhost:+{port}"),
            format!("localhost:{port}, evil.example"),
            format!("127.0.0.1:{}", port ^ 1),
            format!("127.0.0.1.:{port}"),
            format!("user@127.0.0.1:{port}"),
            String::new(),
        ] {
            assert_eq!(it.send(&get(&target, &host)).status, 421, "{host}");
        }
    });
}

/// Somebody typed the other name of this machine. The listener is where the callback URI says.
#[test]
fn every_loopback_name_of_the_same_port_leads_here() {
    let provider = provider();
    for host in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
        let (client, page) = login(&app(&provider), &Saver::new(), |it| {
            let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
            let (_, query) = back.split_once('?').unwrap();
            let target = format!("/callback?{}", query.split('#').next().unwrap());
            it.send(&get(&target, &format!("{host}:{}", it.port())))
        });
        assert_eq!((page.status, page.title()), (200, "You are logged in"), "{host}");
        client.unwrap();
    }
}

#[test]
fn a_host_twice_or_not_at_all_is_no_request() {
    before_a_login(|it, _| {
        let (target, host) = (it.answer("code=x"), it.authority());
        for head in [
            format!("GET {target} HTTP/1.1\r\n\r\n"),
            format!("GET {target} HTTP/1.0\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nhost: evil.example\r\n\r\n"),
        ] {
            assert_eq!(it.send(head.as_bytes()).status, 400, "{head}");
        }
    });
}

#[test]
fn what_is_not_http_is_answered_and_forgotten() {
    before_a_login(|it, _| {
        // A TLS client's first words: somebody typed https.
        let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
        let line = format!("GET {}\r\n\r\n", it.answer("code=x"));
        for garbage in [&hello[..], b"\0\0\0\0", b"hello\r\n\r\n", line.as_bytes(), b"\xff\xfe\r\n"]
        {
            assert_eq!(it.send(garbage).status, 400, "{garbage:?}");
        }
    });
}

#[test]
fn a_head_without_end_is_cut_off() {
    before_a_login(|it, _| {
        let mut stream = it.connect();
        let line = format!("X-Long: {}\r\n", "a".repeat(4000));
        stream.write_all(b"GET /callback HTTP/1.1\r\n").unwrap();
        // 200 KB, as far as they are taken.
        let _ = (0..50).try_for_each(|_| stream.write_all(line.as_bytes()));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
        let many = "A: b\r\n".repeat(1000);
        let head = format!("GET /callback HTTP/1.1\r\nHost: {}\r\n{many}\r\n", it.authority());
        assert_eq!(it.send(head.as_bytes()).status, 400);
    });
}

#[test]
fn a_large_head_is_still_a_request() {
    // Cookies of everything that was ever tried on this host.
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
        let (_, query) = back.split_once('?').unwrap();
        let cookies = format!("\r\nCookie: {}\r\n\r\n", "c=".repeat(24 * 1024));
        let request = get(&format!("/callback?{query}"), &it.authority());
        let request = String::from_utf8(request).unwrap().replace("\r\n\r\n", &cookies);
        it.send(request.as_bytes())
    });
    assert_eq!(page.title(), "You are logged in");
    client.unwrap();
}

#[test]
fn a_request_that_comes_byte_by_byte_is_understood_and_blocks_nobody() {
    before_a_login(|it, _| {
        let request = get("/favicon.ico", &it.authority());
        let mut slow = it.connect();
        for byte in &request[..request.len() - 1] {
            slow.write_all(&[*byte]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(it.get("/other").status, 404);
        slow.write_all(b"\n").unwrap();
        assert_eq!(receive(&mut slow).status, 404);
    });
}

#[test]
fn a_hundred_empty_connections_opened_ahead_block_nobody() {
    let mut open: Vec<TcpStream> = vec![];
    before_a_login(|it, _| open.extend((0..100).map(|_| it.connect())));
}

#[test]
fn an_answer_that_came_before_a_hundred_empty_connections_is_heard() {
    let provider = provider();
    let app = app(&provider);
    let mut ahead: Vec<TcpStream> = vec![];
    // All of it comes while the program's own function is opening the browser.
    let (client, page) = {
        let mut first = None;
        let client = app.login(
            5000,
            |uri| {
                let it = Browser { authorization_uri: uri.to_owned() };
                let back = provider.visit(uri, Decision::Grant).unwrap();
                let mut stream = it.connect();
                let target = back.strip_prefix(&format!("http://{}", it.authority())).unwrap();
                stream.write_all(&get(target, &it.authority())).unwrap();
                first = Some(stream);
                ahead.extend((0..100).map(|_| it.connect()));
                1
            },
            &Saver::new(),
        );
        (client, first.map(|mut stream| receive(&mut stream)))
    };
    assert!(client.is_ok(), "{:?}", client.err());
    assert_eq!(page.unwrap().title(), "You are logged in");
}

#[test]
fn connections_that_end_at_once_do_no_harm() {
    before_a_login(|it, _| {
        for nth in 0..50 {
            let mut stream = it.connect();
            match nth % 3 {
                0 => drop(stream),
                1 => stream.write_all(b"GET /callback").unwrap(),
                _ => stream.shutdown(Shutdown::Write).unwrap(),
            }
        }
    });
}

#[test]
fn a_client_that_closes_its_half_still_gets_its_answer() {
    before_a_login(|it, _| {
        let mut stream = it.connect();
        stream.write_all(&get("/favicon.ico", &it.authority())).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(receive(&mut stream).status, 404);
    });
}

#[test]
fn a_connection_that_never_sends_is_given_up_and_nobody_waited_for_it() {
    before_a_login(|it, _| {
        let mut silent = it.connect();
        let begun = Instant::now();
        assert_eq!(it.get("/other").status, 404);
        assert!(begun.elapsed() < Duration::from_secs(5), "it was not waited for");
        // Until then it is not given up: a browser may send on it yet.
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        assert!(begun.elapsed() > Duration::from_secs(5), "it had its time");
    });
}

#[test]
fn an_opened_ahead_connection_can_carry_the_answer() {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        let mut ahead = it.connect();
        let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
        let target = back.strip_prefix(&format!("http://{}", it.authority())).unwrap();
        ahead.write_all(&get(target, &it.authority())).unwrap();
        receive(&mut ahead)
    });
    assert_eq!(page.title(), "You are logged in");
    client.unwrap();
}
