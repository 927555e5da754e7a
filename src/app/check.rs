//! What a program may pass to an application: every check stands here, each error names its argument.

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::error::{Error, Result};
use crate::transport::is_loopback;

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

/// How many headers a program may set, and those that are there before: Host, User-Agent, Accept,
/// Accept-Encoding.
const MOST_HEADERS: usize = 64 + 4;

/// How long a header's value may be.
pub(crate) const LONGEST_HEADER: usize = 8 * 1024;

/// Sent byte for byte as given: it is compared with what is registered, character by character.
pub(super) fn check_callback_uri(uri: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid_argument("callback_uri", why));
    if uri.contains('#') {
        return refuse("it has a fragment (RFC 6749 section 3.1.2)");
    }
    if uri.chars().any(|c| c.is_control() || c == ' ') {
        return refuse("it has a space or a control character");
    }
    match oauth2::RedirectUrl::new(uri.to_owned()) {
        Ok(_) => Ok(()),
        Err(_) => refuse("it is not an absolute URI: it begins with a scheme such as https://"),
    }
}

/// RFC 6749 section 3.3. Answers with single spaces between the scopes.
pub(crate) fn check_scopes(argument: &str, scopes: &str) -> Result<String> {
    let is_scope =
        |scope: &str| scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let scopes: Vec<_> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
    if scopes.is_empty() {
        return Err(Error::invalid_argument(argument, "it names no scope"));
    }
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(Error::invalid_argument(
            argument,
            "a scope has a character that none may have",
        ));
    }
    Ok(scopes.join(" "))
}

pub(super) fn check_endpoint(text: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid_argument("uri", why));
    if text.contains('#') {
        return refuse("an endpoint has no fragment");
    }
    // Both readers must take it: one writes the token requests, the other opens the connections.
    let (Ok(uri), Ok(_)) = (text.parse::<Uri>(), oauth2::TokenUrl::new(text.to_owned())) else {
        return refuse("it is not an absolute URI");
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return refuse("it is not an absolute URI");
    };
    if authority.as_str().contains('@') {
        return refuse("an endpoint has no user name or password");
    }
    if authority.host().is_empty() || authority.as_str().ends_with(':') {
        return refuse("it names no host, or an empty port");
    }
    if uri.query().is_some() {
        return refuse("an endpoint has no query");
    }
    match scheme {
        "https" => Ok(()),
        "http" if is_loopback(authority.host()) => Ok(()),
        "http" => refuse("plain http is for localhost, 127.0.0.0/8 and [::1] only; use https"),
        _ => refuse("an endpoint begins with https://"),
    }
}

/// A header that a program may set. An absent value means: send none.
pub(crate) fn check_header(
    name: &str,
    value: Option<&str>,
) -> Result<(HeaderName, Option<HeaderValue>)> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Error::invalid_argument("name", "it is not a header's name"));
    };
    if REFUSED_HEADERS.contains(&name) || name.as_str().starts_with("proxy-") {
        return Err(Error::invalid_argument("name", format!("{name} is the library's to set")));
    }
    let value = match value.map(HeaderValue::from_str) {
        None => None,
        Some(Ok(value)) if value.len() > LONGEST_HEADER => {
            return Err(Error::invalid_argument("value", "it is too long"));
        }
        Some(Ok(value)) => Some(value),
        Some(Err(_)) => {
            return Err(Error::invalid_argument(
                "value",
                "a header's value has no line breaks or control characters",
            ));
        }
    };
    Ok((name, value))
}

pub(crate) fn put_header(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: Option<HeaderValue>,
) -> Result<()> {
    match value {
        Some(_) if headers.len() >= MOST_HEADERS && !headers.contains_key(&name) => {
            Err(Error::invalid_argument("name", "there are too many headers already"))
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
