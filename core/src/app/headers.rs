//! The headers of API requests: those of every app, and those that a program sets.
//!
//! Accept-Language and Accept-Locale decide Fitbit's units. A program sets them like any other header.

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::error::{Error, Input, Result};

const USER_AGENT: &str = concat!("libfitbit/", env!("CARGO_PKG_VERSION"));

/// Headers that decide where a request goes, where it ends, or whose it is.
const REFUSED_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::EXPECT,
    header::TE,
    header::UPGRADE,
];

/// How many headers a program may set, and the four of every app: Host, User-Agent, Accept, Accept-Encoding.
const MAX_COUNT: usize = 64 + 4;

/// How long a header's value may be.
pub(crate) const MAX_VALUE: usize = 8 * 1024;

/// The headers of every app.
pub(crate) fn of_an_app() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("")); // the first one; filled in later
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    // ureq would build these again for each request.
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers
}

/// The program's headers, and those of every API request. The host is put together once. There is a place for
/// the token, so that no copy has to grow for it.
pub(crate) fn of_every_request(mut headers: HeaderMap, api_uri: &str) -> HeaderMap {
    let uri: Uri = api_uri.parse().unwrap_or_default();
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = match (uri.host().unwrap_or_default(), uri.port_u16()) {
        (host, Some(port)) if port != default_port => format!("{host}:{port}"),
        (host, _) => host.to_owned(),
    };
    if let Ok(host) = HeaderValue::try_from(host) {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static(""));
    headers
}

/// A header that a program may set. An absent value means: send none.
pub(crate) fn check(name: &str, value: Option<&str>) -> Result<(HeaderName, Option<HeaderValue>)> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Error::invalid(Input::HeaderName, "it is not a header's name"));
    };
    if REFUSED_HEADERS.contains(&name) || name.as_str().starts_with("proxy-") {
        return Err(Error::invalid(Input::HeaderName, format!("{name} is the library's to set")));
    }
    let value = match value.map(HeaderValue::from_str) {
        None => None,
        Some(Ok(value)) if value.len() > MAX_VALUE => {
            return Err(Error::invalid(Input::HeaderValue, "it is too long"));
        }
        Some(Ok(value)) => Some(value),
        Some(Err(_)) => {
            return Err(Error::invalid(
                Input::HeaderValue,
                "a header's value has no line breaks or control characters",
            ));
        }
    };
    Ok((name, value))
}

pub(crate) fn put(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: Option<HeaderValue>,
) -> Result<()> {
    match value {
        Some(_) if headers.len() >= MAX_COUNT && !headers.contains_key(&name) => {
            Err(Error::invalid(Input::HeaderName, "there are too many headers already"))
        }
        Some(value) => {
            headers.insert(name, value);
            Ok(())
        }
        None => {
            headers.remove(name);
            Ok(())
        }
    }
}
