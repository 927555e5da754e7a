//! One API request: its arguments checked, its target put together.

use ureq::http::{HeaderValue, Method, Uri};

use crate::app::headers::MAX_VALUE;
use crate::error::{Error, Input, Result};
use crate::provider::Provider;

/// The longest request target that the HTTP libraries take.
const MAX_TARGET: usize = 32 * 1024;

/// A request whose parts have been checked.
pub struct ApiRequest<'a> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Option<&'a [u8]>,
}

impl<'a> ApiRequest<'a> {
    /// Checks every part. `path` begins with a slash and is appended to the API endpoint.
    pub fn new(
        api_uri: &str,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Option<&'a [u8]>,
    ) -> Result<ApiRequest<'a>> {
        let method = check_method(method)?;
        let uri = target(api_uri, path)?;
        let content_type = match content_type.map(HeaderValue::from_str) {
            None => None,
            Some(Ok(value)) if value.len() > MAX_VALUE => {
                return Err(Error::invalid(Input::ContentType, "it is too long"));
            }
            Some(Ok(value)) => Some(value),
            Some(Err(_)) => {
                return Err(Error::invalid(Input::ContentType, "it is not a header's value"));
            }
        };
        // A POST without a body says so: Content-Length: 0.
        let body = match body {
            None if matches!(method, Method::POST | Method::PUT | Method::PATCH) => Some(&[][..]),
            body => body,
        };
        Ok(ApiRequest { method, uri, content_type, body })
    }
}

impl ApiRequest<'_> {
    /// Whether carrying it out twice has the same effect as once (RFC 9110 section 9.2.2).
    pub(crate) fn is_idempotent(&self, provider: &Provider) -> bool {
        match self.method {
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE => true,
            Method::POST => provider.reads_by_post.iter().any(|end| self.uri.path().ends_with(end)),
            _ => false,
        }
    }
}

fn check_method(method: &str) -> Result<Method> {
    let refuse = |why| Err(Error::invalid(Input::Method, why));
    // The usual methods need no further check.
    match method {
        "GET" => return Ok(Method::GET),
        "POST" => return Ok(Method::POST),
        "DELETE" => return Ok(Method::DELETE),
        _ => {}
    }
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return refuse("a method is one or more letters");
    }
    if method.len() > 32 {
        return refuse("it is too long");
    }
    match Method::from_bytes(method.to_ascii_uppercase().as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => refuse("CONNECT and TRACE are not for an API"),
        Ok(method) => Ok(method),
        Err(_) => refuse("it is not a method"),
    }
}

/// The API endpoint with the path appended. No path can lead to another host, or out of the endpoint's own
/// prefix.
fn target(api_uri: &str, path: &str) -> Result<Uri> {
    let refuse = |why| Err(Error::invalid(Input::Path, why));
    if !path.starts_with('/') || path.starts_with("//") {
        return refuse("it does not start with one slash; pass the path only");
    }
    if path.len() > MAX_TARGET {
        return refuse("it is too long");
    }
    let mut text = String::with_capacity(api_uri.len() + path.len() + 16);
    text.push_str(api_uri);
    if is_plain(path) {
        text.push_str(path);
        return text.parse().or_else(|_| refuse("it is not a path"));
    }
    escape(path, &mut text)?;
    let segments = path.split('?').next().unwrap_or_default();
    if segments.split('/').any(is_dots) {
        return refuse("it has a segment of dots");
    }
    text.parse().or_else(|_| refuse("it is not a path"))
}

/// Whether nothing in it has to be encoded or refused. False for some paths that are plain, too.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let dots_may_follow = before == b'/' && byte == b'.';
        before = byte;
        PLAIN[usize::from(byte)] && !dots_may_follow
    })
}

/// Percent-encodes characters that a URL may not hold, and refuses those that can change where it leads.
fn escape(path: &str, text: &mut String) -> Result<()> {
    let refuse = |why| Err(Error::invalid(Input::Path, why));
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'\\' => return refuse("it has a backslash"),
            b'#' => return refuse("it has a fragment"),
            ..0x20 | 0x7f => return refuse("it has a control character"),
            b'%' if is_escape(&path.as_bytes()[at..]) => text.push('%'),
            _ if PLAIN[usize::from(byte)] => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(())
}

/// `%` and two hexadecimal digits.
fn is_escape(text: &[u8]) -> bool {
    text.len() >= 3 && text[1..3].iter().all(u8::is_ascii_hexdigit)
}

/// What a path and a query may hold, RFC 3986: unreserved, sub-delims, and `:`, `@`, `/`, `?`.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'&'..=b';' | b'_' | b'~' | b'!' | b'$' | b'=' | b'?' | b'@'
        );
        byte += 1;
    }
    plain
};

/// `.` and `..`, also percent-encoded.
fn is_dots(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    loop {
        rest = match rest {
            [] => return dots == 1 || dots == 2,
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
}
