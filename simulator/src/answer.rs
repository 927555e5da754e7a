//! An answer and the bytes it becomes: one buffer, so that it leaves in one write.

use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

pub(crate) const JSON: &str = "application/json;charset=UTF-8";
pub(crate) const HTML: &str = "text/html;charset=UTF-8";
pub(crate) const TEXT: &str = "text/plain;charset=UTF-8";

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty: the answer has no Content-Type.
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Shared, because a repeated answer and a benchmark's body are made once and sent often.
    pub(crate) body: Arc<[u8]>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Arc<[u8]>>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, JSON, value.to_string().into_bytes())
    }

    pub(crate) fn html(status: u16, page: &str) -> Self {
        Self::new(status, HTML, page.as_bytes())
    }

    /// A page as a proxy in front of the provider would make it.
    pub(crate) fn error_page(status: u16) -> Self {
        Self::html(status, &format!("<html><body><h1>Error {status}</h1></body></html>\n"))
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, TEXT, text.as_bytes())
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, "", Vec::new())
    }

    pub(crate) fn redirect(status: u16, location: String) -> Self {
        Self::empty(status).header("Location", location)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The head, up to and including the empty line; `framing` says how the body ends.
    pub(crate) fn head(&self, framing: Framing, last: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512 + self.body.len());
        // Writing to a Vec cannot fail.
        let _ = write!(bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        if !self.content_type.is_empty() {
            let _ = write!(bytes, "Content-Type: {}\r\n", self.content_type);
        }
        for (name, value) in &self.headers {
            let _ = write!(bytes, "{name}: {value}\r\n");
        }
        match framing {
            // RFC 9110 section 8.6: a 204 has no Content-Length.
            Framing::Length(_) if self.status == 204 => {}
            Framing::Length(length) => {
                let _ = write!(bytes, "Content-Length: {length}\r\n");
            }
            Framing::Chunked => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        if last {
            bytes.extend_from_slice(b"Connection: close\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Head and body. The answer to a HEAD request has the head only.
    pub(crate) fn encode(&self, last: bool, head_only: bool) -> Vec<u8> {
        let mut bytes = self.head(Framing::Length(self.body.len()), last);
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}
