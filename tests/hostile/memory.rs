//! What has no end costs no memory: a program that has hardly any left comes through, and reads the
//! next answer.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use fitbit_test_support::figures;

use crate::attacks::{endless, flooding};
use crate::program::{Program, TOKEN};
use crate::scene::{Hostile, bytes};
use crate::scripted::gzip;

/// Beyond what it has when it begins, in KiB: an answer of the 16 MiB that are allowed takes twice that
/// while it grows.
const MEMORY: &str = "memory 48000";

/// A few kilobytes that unpack to very many.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
/// A program that has been answered once, and then gets no more memory than that.
fn with_little_memory(server: &Hostile, timeout_ms: u32) -> Program {
    let limits = [("TIMEOUT_MS", timeout_ms.to_string()), ("MAX_BODY", (16 << 20).to_string())];
    let token_uri = format!("{}/oauth2/token", server.uri);
    let mut program = Program::run(&token_uri, &server.uri, TOKEN, None, &limits);
    server.be_good(true);
    assert!(program.ask("get /").starts_with("200 "));
    program.must(MEMORY);
    server.be_good(false);
    program
}

#[test]
fn endless_answers_and_bombs_cost_no_memory() {
    let mut attacks: Vec<_> = endless().into_iter().map(|one| (one.0, flooding(one))).collect();
    let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".as_slice();
    let bomb = packed(&vec![0; 64 << 20]);
    assert!(bomb.len() < (64 << 20) / 900, "a thousand to one: {}", bomb.len());
    attacks.push(("a bomb", bytes([head, &bomb].concat())));
    attacks.push(("a bomb in a bomb, packed twice", bytes([head, &gzip(&bomb)].concat())));
    let twice = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n".as_slice();
    attacks.push((
        "a bomb that says that it was packed twice",
        bytes([twice, &packed(&bomb)].concat()),
    ));
    attacks.push((
        "a length beyond all memory",
        bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\na", u64::MAX)),
    ));
    let tried = AtomicUsize::new(0);
    for (name, attack) in attacks {
        let server = Hostile::new(attack);
        let mut program = with_little_memory(&server, 1000);
        for line in ["get /", "refresh"] {
            let said = program.ask(line);
            // A bomb that was packed twice is unpacked once, and handed out as it then is.
            let is_small = name.ends_with("twice") && line != "refresh" && said.starts_with("200 ");
            let expected = said.starts_with("FITBIT_ERROR_") || is_small;
            assert!(expected, "{name}, {line}: {said}");
            assert!(!said.starts_with("FITBIT_ERROR_INTERNAL"), "{name}, {line}: {said}");
            tried.fetch_add(1, Ordering::Relaxed);
        }
        server.be_good(true);
        // A busy machine may need a second call.
        assert!((0..5).any(|_| program.ask("get /").starts_with("200 2 {}")), "{name}: it goes on");
        assert_eq!(program.ask("again"), "ok");
        assert!((0..5).any(|_| program.ask("refresh") == "ok"), "{name}: it goes on");
    }
    figures::record("Hostile servers", "floods and bombs, 48 MB of memory", tried.into_inner(), 0);
}

/// JSON that is a few kilobytes on the way, and as large as an answer may be; as a tree of values it
/// would take ten times and more of that.
#[test]
fn json_bombs_cost_no_more_than_their_text() {
    let zeros = |before: &str, behind: &str| {
        let room = (16 << 20) - before.len() - behind.len() - 16;
        [before, "[", &"0,".repeat(room / 2), "0]", behind].concat()
    };
    let objects = |before: &str| {
        let members = (0..1_000_000).map(|number| format!("\"{number}\":0,"));
        [before, &members.collect::<String>(), "\"\":0}"].concat()
    };
    let bombs = [
        ("zeros", zeros("", ""), "the last one"),
        ("zeros in an error", zeros("{\"errors\":", "}"), "the last one"),
        ("zeros in a page", zeros("{\"pagination\":{\"next\":", "}}"), "FITBIT_ERROR_PROTOCOL"),
        ("names", objects("{"), "the last one"),
        ("zeros that have no end", zeros("", ","), "FITBIT_ERROR_PROTOCOL"),
    ];
    let tried = AtomicUsize::new(0);
    for (name, bomb, next) in bombs {
        let bomb = packed(bomb.as_bytes());
        for (status, line, expected) in [
            ("400 Bad Request", "get /", "FITBIT_ERROR_HTTP"),
            ("403 Forbidden", "get /", "FITBIT_ERROR_"),
            ("503 Service Unavailable", "get /", "FITBIT_ERROR_"),
            ("200 OK", "next /", next),
        ] {
            let head = format!("HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\n\r\n");
            let server = Hostile::new(bytes([head.as_bytes(), &bomb].concat()));
            let mut program = with_little_memory(&server, 10_000);
            let said = program.ask(line);
            assert!(said.starts_with(expected), "{name}, {status}: {said}");
            server.be_good(true);
            assert!(program.ask("get /").starts_with("200 2 {}"), "{name}: it goes on");
            tried.fetch_add(1, Ordering::Relaxed);
        }
    }
    figures::record("Hostile servers", "JSON bombs, 48 MB of memory", tried.into_inner(), 0);
}
