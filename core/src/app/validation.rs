//! Checks of what a program passes to an application. Each error names its input.

use ureq::http::Uri;

use crate::error::{Error, Input, Result};
use crate::http::is_loopback;

/// It is sent byte for byte as given, because the provider compares it with the registered one.
pub(super) fn check_redirect_uri(uri: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid(Input::RedirectUri, why));
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

pub(super) fn check_endpoint(text: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid(Input::EndpointUri, why));
    if text.contains('#') {
        return refuse("an endpoint has no fragment");
    }
    // Both parsers must accept it: oauth2's writes the token requests, the other opens the connections.
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
