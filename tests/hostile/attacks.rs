//! What has no end: heads, chunks, extensions, trailers, bodies that unpack and unpack, answers that
//! are announced again and again. Slowly, a byte at a time, or as fast as the other side reads.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::scene::Attack;
use crate::scripted::gzip;

/// A name, what is sent first, and what is sent after it for ever.
pub type Endless = (&'static str, Vec<u8>, Vec<u8>);

pub fn endless() -> Vec<Endless> {
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let zipped = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let texts = [
        ("a status line", "HTTP/1.1 200 O", "K"),
        ("spaces", "HTTP/1.1 ", " "),
        ("a header's name", ok, "A"),
        ("a header's value", "HTTP/1.1 200 OK\r\nX-Filler: ", "a"),
        ("a folded header", "HTTP/1.1 200 OK\r\nX-Filler: a\r\n", " a\r\n"),
        ("headers", ok, "X-Filler: a\r\n"),
        ("cookies", ok, "Set-Cookie: a=b\r\n"),
        ("lengths", ok, "Content-Length: 2\r\n"),
        ("empty lines before an answer", "", "\r\n"),
        ("answers to wait for", "", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("early hints", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        ("processing", "", "HTTP/1.1 102 Processing\r\n\r\n"),
        ("a body up to the close", "HTTP/1.1 200 OK\r\n\r\n", "a"),
        ("spaces before JSON", "HTTP/1.1 200 OK\r\n\r\n", " "),
        ("brackets", "HTTP/1.1 200 OK\r\n\r\n", "["),
        ("chunks", chunked, "1\r\na\r\n"),
        ("one chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", "a"),
        ("a chunk's size", chunked, "0"),
        ("a chunk's extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", "y"),
        ("chunks with extensions", chunked, "1;extension=value\r\na\r\n"),
        ("trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Late: a\r\n"),
        ("an error", "HTTP/1.1 500 Oh\r\n\r\n", "a"),
        ("a redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "a"),
    ];
    let mut attacks: Vec<Endless> =
        texts.into_iter().map(|(name, first, again)| (name, first.into(), again.into())).collect();
    attacks.push(("members that unpack to nothing", zipped.into(), gzip(b"")));
    attacks.push(("members that unpack", zipped.into(), gzip(&[b'a'; 100])));
    attacks
}

/// So slowly, a byte at a time.
pub fn dripping((_, first, again): Endless, pause: Duration) -> Attack {
    Arc::new(move |stream| {
        stream.write_all(&first)?;
        loop {
            for byte in &again {
                std::thread::sleep(pause);
                stream.write_all(&[*byte])?;
            }
        }
    })
}

/// As fast as it is read.
pub fn flooding((_, first, again): Endless) -> Attack {
    let again = again.repeat((64 << 10) / again.len() + 1);
    Arc::new(move |stream| {
        stream.write_all(&first)?;
        loop {
            stream.write_all(&again)?;
        }
    })
}
