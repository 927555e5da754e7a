//! A request as it came: its head stays text, and fields are looked up when somebody asks.
//!
//! Most requests are asked for three or four fields, so looking them up costs less than sorting
//! all of them into a table; and the log can keep the request as it is.

use crate::form::Form;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Request line and header lines, each ended by CR LF or LF, without the empty line.
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// Takes a head; `None` if its first line is not `METHOD TARGET HTTP/1.x`.
    pub(crate) fn new(head: String) -> Option<Self> {
        let mut parts = head.lines().next()?.split(' ');
        let well_formed = !parts.next()?.is_empty()
            && parts.next()?.starts_with('/')
            && parts.next()?.starts_with("HTTP/1.")
            && parts.next().is_none();
        well_formed.then(|| Self { head, body: Vec::new() })
    }

    pub(crate) fn set_body(&mut self, body: Vec<u8>) {
        self.body = body;
    }

    fn line_part(&self, index: usize) -> &str {
        self.head.lines().next().and_then(|line| line.split(' ').nth(index)).unwrap_or("")
    }

    pub(crate) fn method(&self) -> &str {
        self.line_part(0)
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.line_part(1)
    }

    pub(crate) fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    pub(crate) fn query(&self) -> Form {
        Form::parse(self.target().split_once('?').map_or("", |(_, query)| query))
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.lines().skip(1);
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
    }

    /// The first header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.credentials("Bearer")
    }

    /// What follows `scheme` in the Authorization header.
    pub(crate) fn credentials(&self, scheme: &str) -> Option<&str> {
        let (name, credentials) = self.header("authorization")?.split_once(' ')?;
        name.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// The body as a form; empty if it is something else.
    pub(crate) fn form(&self) -> Form {
        if self.media_type() == "application/x-www-form-urlencoded" {
            Form::parse(&String::from_utf8_lossy(&self.body))
        } else {
            Form::default()
        }
    }

    /// Everything about it that should not be repeated, in one text.
    pub(crate) fn everything_secret(&self) -> String {
        let authorization = self.header("authorization").unwrap_or("");
        let body = String::from_utf8_lossy(&self.body);
        let form = self.form();
        let values: Vec<&str> = form.iter().map(|(_, value)| value.as_str()).collect();
        format!("Authorization {authorization} with body {body} and values {}", values.join(" "))
    }

    /// Whether the connection ends with this request.
    pub(crate) fn is_last(&self) -> bool {
        let connection = self.header("connection").unwrap_or("");
        let asks = |word: &str| connection.split(',').any(|w| w.trim().eq_ignore_ascii_case(word));
        asks("close") || (self.line_part(2) == "HTTP/1.0" && !asks("keep-alive"))
    }
}
