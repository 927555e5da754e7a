//! A small HTTP client, for the person in front of the browser and for tests of the simulator:
//! one connection per request, so that what it sees does not depend on what came before.

use crate::form;
use crate::tls;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Sends requests to one origin.
#[derive(Clone, Debug)]
pub struct Client {
    authority: String,
    tls: Option<Arc<ClientConfig>>,
}

/// An answer that was read whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names as they were sent, and values.
    pub headers: Vec<(String, String)>,
    /// The body, with chunks joined; still under its Content-Encoding.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

impl Client {
    /// A client for `http://HOST:PORT` or `https://HOST:PORT`.
    pub fn new(origin: &str) -> Self {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        Self { authority: authority.trim_end_matches('/').to_owned(), tls: None }
    }

    /// Speaks TLS and trusts the certificate `ca_pem`.
    ///
    /// # Errors
    ///
    /// If `ca_pem` is not a certificate.
    pub fn trusting(mut self, ca_pem: &str) -> io::Result<Self> {
        self.tls = Some(tls::trusting(ca_pem)?);
        Ok(self)
    }

    /// Gets a resource.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> io::Result<Reply> {
        self.send("GET", target, headers, b"")
    }

    /// Posts a form, with its Content-Type.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn post_form(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> io::Result<Reply> {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([form]).collect();
        self.send("POST", target, &headers, form::encode_fields(fields).as_bytes())
    }

    /// Sends a request and reads the answer, on a connection of its own. A body needs its Content-Type among the headers.
    ///
    /// # Errors
    ///
    /// If the connection fails or the answer is not whole.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut stream = self.connect()?;
        let mut lines = vec![
            format!("{method} {target} HTTP/1.1"),
            format!("Host: {}", self.authority),
            format!("Content-Length: {}", body.len()),
            "Connection: close".to_owned(),
        ];
        lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let request = lines.join("\r\n") + "\r\n\r\n";
        stream.write_all(&[request.as_bytes(), body].concat())?;
        stream.flush()?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            // A TLS session that ends without notice; the framing says whether all is there.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            outcome => drop(outcome?),
        }
        parse(&answer).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        let tcp = TcpStream::connect(&self.authority)?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let host = self.authority.rsplit_once(':').map_or(&*self.authority, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(session, tcp)))
    }
}

/// Takes an answer apart; `None` if it is not whole.
fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut reply = Reply { status, headers, body: answer[end + 4..].to_vec() };
    if reply.header("transfer-encoding").is_some() {
        reply.body = join_chunks(&reply.body)?;
    } else if let Some(length) = reply.header("content-length") {
        let length: usize = length.parse().ok()?;
        if reply.body.len() != length {
            return None;
        }
    }
    Some(reply)
}

fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.iter().position(|&b| b == b'\n')?;
        let digits = std::str::from_utf8(&rest[..line]).ok()?.trim();
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(line + 1..line + 1 + size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(line + 1 + size + 2..)?;
    }
}
