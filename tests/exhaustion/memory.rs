//! Memory refused: an answer that does not fit into the address space is an error, however it is framed,
//! and the next one is read. (What is small is another matter: Rust's own library ends the process
//! where a few bytes cannot be had.)

use fitbit_test_support::figures;

use crate::scene::Program;
use crate::scripted::{Said, Scripted, gzip, ok, say, say_and_close, whole};

const LARGE: usize = 64 << 20;
/// Enough for everything but such an answer, in KiB.
const LITTLE: &str = "memory 30000";

fn large(framing: usize) -> Said {
    let body = vec![b'a'; LARGE];
    match framing {
        0 => whole("200 OK", body),
        1 => {
            let head =
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{LARGE:x}\r\n");
            say([head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat())
        }
        2 => say_and_close([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &body].concat()),
        // Many members, each of which unpacks to a mebibyte.
        _ => whole("200 OK\r\nContent-Encoding: gzip", gzip(&body[..1 << 20]).repeat(LARGE >> 20)),
    }
}

#[test]
fn an_answer_that_memory_is_refused_for_is_an_error_and_the_next_one_is_read() {
    let framings = 4;
    for framing in 0..framings {
        let server = Scripted::answering(move |_, asked| match asked.target() {
            "/large" => large(framing),
            _ => ok(),
        });
        let mut program = Program::at(&server.uri);
        assert!(program.ask("get /small").starts_with("200 "));
        program.must(LITTLE);
        for _ in 0..2 {
            let said = program.ask("get /large");
            assert!(said.starts_with("FITBIT_ERROR_NETWORK"), "framing {framing}: {said}");
            assert!(said.contains("memory"), "framing {framing}: {said}");
            assert!(program.ask("get /small").starts_with("200 "), "framing {framing}");
        }
        program.must("memory_again");
        assert!(program.ask("get /large").starts_with(&format!("200 {LARGE} ")), "{framing}");
    }
    figures::record("Exhaustion", "answers that memory was refused for", 2 * framings, 0);
}

#[test]
fn a_megabyte_that_a_server_announces_is_no_reason_to_die() {
    let server = Scripted::answering(|_, asked| match asked.target() {
        "/liar" => say_and_close("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{}"),
        _ => ok(),
    });
    let mut program = Program::at(&server.uri);
    assert!(program.ask("get /small").starts_with("200 "));
    // Not even the buffer for what is announced can be had.
    program.must("memory 500");
    let said = program.ask("get /liar");
    assert!(said.starts_with("FITBIT_ERROR_NETWORK"), "{said}");
    program.must("memory_again");
    assert!(program.ask("get /small").starts_with("200 "));
}
