//! Answers whose heads or framing are not what HTTP promises: each is an answer that says what it says,
//! or an error; never a part of another one, and the login lives.

use std::sync::Mutex;

use fitbit_test_support::{code, figures};

use crate::scene::{CALLS, Call, Hostile, all_at_once, bytes, endure};

/// What may come of it.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Body(&'static str),
    Error(u32),
    /// Both are right: a lenient reader and a strict one differ.
    Either(&'static str, u32),
}
use Expected::*;

const PROTOCOL: Expected = Error(code::PROTOCOL);

fn cases() -> Vec<(String, Expected)> {
    let ok = "HTTP/1.1 200 OK\r\n";
    let with = |head: &str, body: &str| format!("{ok}{head}\r\n\r\n{body}");
    let length = |value: &str| with(&format!("Content-Length: {value}"), "{}");
    let mut cases: Vec<(String, Expected)> = vec![
        // Not HTTP/1.
        ("{}".into(), PROTOCOL),
        ("<html>hello</html>\r\n\r\n".into(), PROTOCOL),
        ("HTTP/0.9 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/2 200\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/2.0 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.2 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/11 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("http/1.1 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("ICY 200 OK\r\n\r\n{}".into(), PROTOCOL),
        ("SSH-2.0-OpenSSH\r\n".into(), PROTOCOL),
        ("\0\0\0\0\0\0\0\0\0".into(), PROTOCOL),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), PROTOCOL),
        // Status lines.
        ("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 -20 OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".into(), PROTOCOL),
        ("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1 999 Oh\r\nContent-Length: 2\r\n\r\n{}".into(), Error(code::HTTP)),
        ("HTTP/1.1 600 Oh\r\nContent-Length: 2\r\n\r\n{}".into(), Error(code::HTTP)),
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}".into(), Either("{}", code::PROTOCOL)),
        ("HTTP/1.1 200 \u{1}\r\nContent-Length: 2\r\n\r\n{}".into(), PROTOCOL),
        ("HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\n{}".into(), Either("{}", code::PROTOCOL)),
        // Lengths that lie.
        (length("-1"), PROTOCOL),
        (length("-2"), PROTOCOL),
        (length("+2"), PROTOCOL),
        (length("0x2"), PROTOCOL),
        (length("2.0"), PROTOCOL),
        (length("2 3"), PROTOCOL),
        (length(""), Either("{}", code::PROTOCOL)),
        (length("99999999999999999999999999"), PROTOCOL),
        (length("18446744073709551615"), Error(code::NETWORK)),
        (length("18446744073709551616"), PROTOCOL),
        (length("3"), Error(code::NETWORK)),
        (length("1"), Body("{")),
        (length("0"), Body("")),
        (length("2, 2"), Either("{}", code::PROTOCOL)),
        (length("2, 1"), PROTOCOL),
        (length("1\r\nContent-Length: 2"), PROTOCOL),
        (length("2\r\nContent-Length: 2"), Either("{}", code::PROTOCOL)),
        // Chunks.
        (with("Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"), Body("{}")),
        (with("Transfer-Encoding: chunked", "2\r\n{}\r\n"), Error(code::NETWORK)),
        (with("Transfer-Encoding: chunked", "3\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "1\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "-2\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "+2\r\n{}\r\n0\r\n\r\n"), Either("{}", code::PROTOCOL)),
        (with("Transfer-Encoding: chunked", "0x2\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "g\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), PROTOCOL),
        (with("Transfer-Encoding: chunked", "ffffffffffffffff\r\n{}"), Either("", code::NETWORK)),
        (with("Transfer-Encoding: chunked", "{}"), PROTOCOL),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 2", "{}"), PROTOCOL),
        (
            with("Transfer-Encoding: chunked\r\nContent-Length: 1", "2\r\n{}\r\n0\r\n\r\n"),
            Either("{}", code::PROTOCOL),
        ),
        // Headers.
        (with("Content-Length: 2\r\n X-Folded: a", "{}"), PROTOCOL),
        (with("X-Folded: a\r\n\tb\r\nContent-Length: 2", "{}"), Either("{}", code::PROTOCOL)),
        (with(" X-First: a\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-Space : a\r\nContent-Length: 2", "{}"), Either("{}", code::PROTOCOL)),
        (with("X-Zero: a\0b\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-Ze\0ro: a\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-Return: a\rb\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-Escape: \u{1b}[2J\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("no colon\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with(": no name\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-\u{e9}: a\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("X-Value: \u{e9}\r\nContent-Length: 2", "{}"), Body("{}")),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}".into(), Either("{}", code::PROTOCOL)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n{}".into(), Either("{}", code::PROTOCOL)),
        (
            "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into(),
            Either("{}", code::PROTOCOL),
        ),
        // Sizes.
        (with(&format!("X-Filler: {}\r\nContent-Length: 2", "a".repeat(60_000)), "{}"), Body("{}")),
        (with(&format!("X-Filler: {}\r\nContent-Length: 2", "a".repeat(66_000)), "{}"), PROTOCOL),
        (with(&format!("{}: a\r\nContent-Length: 2", "A".repeat(66_000)), "{}"), PROTOCOL),
        (with(&format!("{}Content-Length: 2", "A: b\r\n".repeat(5_000)), "{}"), PROTOCOL),
        // Announced answers.
        (format!("{}{}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000), length("2")), Body("{}")),
        (
            format!("HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n{}", length("2")),
            Either("{}", code::PROTOCOL),
        ),
        (
            format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n{}", length("2")),
            Body("{}"),
        ),
        // Encodings.
        (with("Content-Encoding: gzip\r\nContent-Length: 2", "{}"), PROTOCOL),
        (with("Content-Encoding: gzip\r\nContent-Length: 0", ""), Either("", code::PROTOCOL)),
        (with("Content-Encoding: br\r\nContent-Length: 2", "{}"), Body("{}")),
        (with("Content-Encoding: \u{e9}\r\nContent-Length: 2", "{}"), Body("{}")),
    ];
    for status in [204, 304] {
        let expected = if status == 204 { Body("") } else { Error(code::HTTP) };
        cases.push((format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}"), expected));
    }
    cases
}

fn fits(expected: Expected, outcome: &crate::scene::Outcome) -> bool {
    let is = |body: &str| outcome.as_ref().is_ok_and(|got| got == body.as_bytes());
    let fails = |code: u32| outcome.as_ref().is_err_and(|error| error.code == code);
    match expected {
        Body(body) => is(body),
        Error(code) => fails(code),
        Either(body, code) => is(body) || fails(code),
    }
}

#[test]
fn an_answer_that_is_not_http_is_an_error_and_costs_nobody_their_login() {
    let cases = cases();
    let wrong = Mutex::new(Vec::new());
    let tasks: Vec<_> = cases.iter().flat_map(|case| CALLS.map(|call| (case, call))).collect();
    all_at_once(tasks.chunks(8), |some| {
        for ((answer, expected), call) in some {
            let shown: String = answer.chars().take(120).collect();
            // Written as Latin-1: what is no ASCII is one byte each.
            let sent: Vec<u8> = answer.chars().map(|c| c as u8).collect();
            let server = Hostile::new(bytes(sent));
            let outcome = endure(&shown, &server, *call, 2000);
            let right = match call {
                Call::Get => fits(*expected, &outcome),
                // No token in any of them.
                _ => outcome.as_ref().is_err_and(|error| {
                    [code::PROTOCOL, code::NETWORK, code::HTTP, code::TIMEOUT].contains(&error.code)
                }),
            };
            if !right {
                wrong
                    .lock()
                    .unwrap()
                    .push(format!("{call:?} {shown:?}: {outcome:?}, not {expected:?}"));
            }
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    figures::record("Hostile servers", "answers that are not HTTP", tasks.len(), 0);
}
