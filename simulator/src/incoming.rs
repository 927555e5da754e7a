//! Reading requests off a connection (RFC 9112): the head, then a body framed by Content-Length
//! or chunks. Bytes beyond a request are kept for the next one.

use crate::request::Request;
use std::io::{self, ErrorKind, Read, Write};

const HEAD_LIMIT: usize = 64 * 1024;
const BODY_LIMIT: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
}

impl Incoming {
    /// Waits for a request's first bytes; `false` if the client closed instead.
    pub(crate) fn wait(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        Ok(!self.bytes.is_empty() || self.read_more(stream)? > 0)
    }

    /// The bytes that have arrived and were not looked at yet.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads one request. An error of kind `InvalidData` has what is wrong with it as its text.
    pub(crate) fn request(&mut self, stream: &mut (impl Read + Write)) -> io::Result<Request> {
        let head = self.head(stream)?;
        let mut request = Request::new(head).ok_or_else(|| invalid("malformed request line"))?;
        let chunked = match request.header("transfer-encoding") {
            None => false,
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => true,
            Some(_) => return Err(invalid("unknown Transfer-Encoding")),
        };
        let length = match request.header("content-length") {
            None => 0,
            // Both at once is how requests are smuggled (RFC 9112 section 6.1).
            Some(_) if chunked => return Err(invalid("Content-Length with Transfer-Encoding")),
            Some(digits) => digits.parse().map_err(|_| invalid("malformed Content-Length"))?,
        };
        let expects = request.header("expect").unwrap_or("").eq_ignore_ascii_case("100-continue");
        if expects && self.bytes.is_empty() && (chunked || length > 0) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.flush()?;
        }
        let body = if chunked { self.chunks(stream)? } else { self.exactly(stream, length)? };
        request.set_body(body);
        Ok(request)
    }

    fn head(&mut self, stream: &mut impl Read) -> io::Result<String> {
        let mut searched = 0;
        loop {
            if let Some((end, next)) = end_of_head(&self.bytes, searched) {
                let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
                self.bytes.drain(..next);
                return Ok(head);
            }
            if self.bytes.len() > HEAD_LIMIT {
                return Err(invalid("the head of the request is too long"));
            }
            // The empty line may straddle two reads.
            searched = self.bytes.len().saturating_sub(3);
            self.read_some(stream)?;
        }
    }

    fn exactly(&mut self, stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY_LIMIT {
            return Err(invalid("the body of the request is too long"));
        }
        while self.bytes.len() < length {
            self.read_some(stream)?;
        }
        let rest = self.bytes.split_off(length);
        Ok(std::mem::replace(&mut self.bytes, rest))
    }

    fn chunks(&mut self, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(stream)?;
            let digits = line.split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(digits, 16).map_err(|_| invalid("bad chunk size"))?;
            if size == 0 {
                break;
            }
            if size > BODY_LIMIT - body.len() {
                return Err(invalid("the body of the request is too long"));
            }
            body.extend(self.exactly(stream, size)?);
            if !self.line(stream)?.is_empty() {
                return Err(invalid("a chunk is longer than its size says"));
            }
        }
        while !self.line(stream)?.is_empty() {}
        Ok(body)
    }

    fn line(&mut self, stream: &mut impl Read) -> io::Result<String> {
        loop {
            if let Some(end) = self.bytes.iter().position(|&b| b == b'\n') {
                let line = self.bytes.drain(..=end).collect::<Vec<u8>>();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.bytes.len() > HEAD_LIMIT {
                return Err(invalid("a line of the request is too long"));
            }
            self.read_some(stream)?;
        }
    }

    fn read_some(&mut self, stream: &mut impl Read) -> io::Result<()> {
        if self.read_more(stream)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn read_more(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        let mut buffer = [0; 8 * 1024];
        let count = stream.read(&mut buffer)?;
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

/// Where the header lines end and where the body begins.
fn end_of_head(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let newlines = (from..bytes.len()).filter(|&at| bytes[at] == b'\n');
    newlines.into_iter().find_map(|at| match &bytes[at + 1..] {
        [b'\r', b'\n', ..] => Some((at + 1, at + 3)),
        [b'\n', ..] => Some((at + 1, at + 2)),
        _ => None,
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(incoming: &mut Incoming, text: &str) -> io::Result<Request> {
        incoming.request(&mut Cursor::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn chunks_are_joined_and_the_next_request_is_kept() -> io::Result<()> {
        let mut incoming = Incoming::default();
        let text = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
        assert_eq!(read(&mut incoming, text)?.body(), b"abcde");
        assert_eq!(read(&mut incoming, "")?.target(), "/b");
        Ok(())
    }

    #[test]
    fn two_lengths_at_once_are_refused() {
        let text = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let kind = read(&mut Incoming::default(), text).map_err(|e| e.kind());
        assert!(matches!(kind, Err(ErrorKind::InvalidData)));
    }
}
