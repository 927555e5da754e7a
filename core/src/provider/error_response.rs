//! What an error response means: every status and every error body becomes an error here.
//!
//! There is one parser for each shape of a body.
//!
//! Fitbit says `{"errors":[{"errorType":..,"message":..}]}` everywhere, its token endpoint
//! included; OAuth's own shape is `{"error":..,"error_description":..}` (RFC 6749 section 5.2);
//! Google's API says `{"error":{"status":..,"message":..}}` (google.rpc.Status). None is certain: a response
//! can be HTML, empty, or anything else.

use serde_json::Value;

use super::Provider;
use super::retry_after::retry_after;
use crate::error::redaction::Secrets;
use crate::error::{Error, ErrorKind, Said};
use crate::http::Response;

/// A type such as `expired_token`, and a text for people, if the provider gave them.
#[derive(Default)]
pub(crate) struct ProviderError {
    pub kind: Option<String>,
    /// The reason in Google's `ErrorInfo`.
    pub reason: Option<String>,
    pub message: Option<String>,
    /// The error is in the body, and not only in a header.
    is_in_body: bool,
}

/// Whose words a response's body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// The provider's own error.
    Own,
    /// The provider's own error, for a passing fault.
    Passing,
    /// Not the provider's, or unknown: a gateway, a captive portal, a proxy.
    Foreign,
}

/// The errors of a passing fault: the provider has not decided. Google's own clients repeat such requests.
const PASSING: [&str; 3] = ["internal_failure", "server_error", "temporarily_unavailable"];

/// The longest body that is parsed as an error. A tree of values takes many times the length of its text.
const MAX_BODY: usize = 64 * 1024;

fn json(response: &Response) -> Value {
    let body = Some(&*response.body).filter(|body| body.len() <= MAX_BODY);
    let json = body.and_then(|body| {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        serde_json::from_slice(body).ok()
    });
    json.unwrap_or(Value::Null)
}

/// Whether Fitbit's own software wrote this error, and not a gateway.
fn is_fitbits_own(response: &Response) -> bool {
    fitbit(&json(response)).is_some_and(|said| said.kind.is_some())
}

impl ProviderError {
    pub fn read(response: &Response) -> ProviderError {
        let json = json(response);
        fitbit(&json)
            .or_else(|| google(&json))
            .or_else(|| rfc6749(&json))
            .map(|said| ProviderError { is_in_body: true, ..said })
            .or_else(|| bearer(response))
            .unwrap_or_default()
    }

    /// Providers' error words are written in one case: `invalid_grant`, `PERMISSION_DENIED`. A
    /// gateway's JSON often has the same member with a phrase in it (`"error": "Forbidden"`).
    pub fn words(&self) -> Words {
        let is_word = |kind: &&String| {
            let all = |is: fn(&u8) -> bool| kind.bytes().all(|byte| is(&byte) || byte == b'_');
            all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                || all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        match self.kind.as_ref().filter(is_word) {
            Some(kind) if self.is_in_body && PASSING.contains(&kind.as_str()) => Words::Passing,
            Some(_) if self.is_in_body => Words::Own,
            _ => Words::Foreign,
        }
    }

    pub fn is_one_of(&self, kinds: &[&str]) -> bool {
        [&self.kind, &self.reason].into_iter().flatten().any(|said| kinds.contains(&said.as_str()))
    }
}

/// `{"errors":[{"errorType":"expired_token","message":"…"}],"success":false}`
fn fitbit(json: &Value) -> Option<ProviderError> {
    let first = json.get("errors")?.get(0)?;
    Some(ProviderError {
        kind: text(first, "errorType"),
        message: text(first, "message"),
        ..ProviderError::default()
    })
}

/// `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"…","details":[{"@type":
/// "type.googleapis.com/google.rpc.ErrorInfo","reason":"…"}]}}`
fn google(json: &Value) -> Option<ProviderError> {
    let error = json.get("error").filter(|error| error.is_object())?;
    let is_info = |detail: &&Value| {
        let kind = detail.get("@type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.ends_with("/google.rpc.ErrorInfo"))
    };
    let details = error.get("details").and_then(Value::as_array);
    Some(ProviderError {
        kind: text(error, "status"),
        reason: details.and_then(|d| text(d.iter().find(is_info)?, "reason")),
        message: text(error, "message"),
        is_in_body: false,
    })
}

/// `{"error":"invalid_grant","error_description":"…"}`, RFC 6749 section 5.2.
fn rfc6749(json: &Value) -> Option<ProviderError> {
    let message = text(json, "error_description");
    Some(ProviderError { kind: Some(text(json, "error")?), message, ..ProviderError::default() })
}

/// `WWW-Authenticate: Bearer error="invalid_token"` (RFC 6750 section 3), if the body holds no error. The value
/// may be quoted or not, and other challenges may come before it.
fn bearer(response: &Response) -> Option<ProviderError> {
    let challenges = response.headers.get_all("www-authenticate").iter();
    let parameters = challenges.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let kind = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(
        |(name, value)| {
            let name = name.split_whitespace().next_back()?;
            name.eq_ignore_ascii_case("error").then(|| value.trim().trim_matches('"').to_owned())
        },
    )?;
    Some(ProviderError { kind: Some(kind), ..ProviderError::default() })
}

fn text(json: &Value, name: &str) -> Option<String> {
    json.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The error for an API response with a status of 300 or above.
pub(crate) fn of_api(provider: &Provider, response: &Response, secrets: &Secrets) -> Error {
    let said = ProviderError::read(response);
    let kind = match response.status {
        429 => ErrorKind::RateLimited,
        // With Fitbit's own error in the body, only one resource is gone: the service still works.
        410 if provider.successor.is_some() && !is_fitbits_own(response) => {
            ErrorKind::ProviderRetired
        }
        403 if said.is_one_of(provider.scope_errors) => ErrorKind::InsufficientScope,
        _ => ErrorKind::Http,
    };
    error(kind, provider, response, said, Some(&response.body), secrets)
}

/// The error for a response of the token endpoint that is no success.
///
/// `refused_grant` is the meaning of `invalid_grant`: Reauthorize for a refresh token, Authorization for an
/// authorization code. It counts only in a 4xx: a server that fails cannot judge a login.
pub(crate) fn of_token_endpoint(
    provider: &Provider,
    response: &Response,
    refused_grant: ErrorKind,
    secrets: &Secrets,
) -> Error {
    let said = ProviderError::read(response);
    let kind = match response.status {
        429 => ErrorKind::RateLimited,
        410 if provider.successor.is_some() => ErrorKind::ProviderRetired,
        409 => ErrorKind::Http,
        400..=499 if said.words() == Words::Own && said.is_one_of(&["invalid_grant"]) => {
            refused_grant
        }
        400..=499 if said.is_one_of(&["invalid_client", "unauthorized_client"]) => {
            ErrorKind::InvalidClient
        }
        _ => ErrorKind::Http,
    };
    let body = (!has_token(&response.body)).then_some(&*response.body);
    error(kind, provider, response, said, body, secrets)
}

fn error(
    kind: ErrorKind,
    provider: &Provider,
    response: &Response,
    said: ProviderError,
    body: Option<&[u8]>,
    secrets: &Secrets,
) -> Error {
    let provider_type = said.kind.map(|kind| secrets.clean_line(&kind));
    let reason = said.reason.map(|reason| secrets.clean_line(&reason));
    let words: Vec<_> =
        [&provider_type, &reason].into_iter().flatten().map(String::as_str).collect();
    let mut message = format!("{} answered {}", provider.display_name, response.status);
    if !words.is_empty() {
        message = format!("{message} ({})", words.join(", "));
    }
    if let Some(text) = &said.message {
        message = format!("{message}: {}", secrets.clean_line(text).trim_end_matches(['.', ' ']));
    }
    if (300..=399).contains(&response.status) {
        message.push_str("; redirects are not followed");
    }
    if let (ErrorKind::ProviderRetired, Some(successor)) = (kind, provider.successor) {
        message = format!("{message}; this service is switched off, its successor is {successor}");
    }
    if kind == ErrorKind::Reauthorize {
        message.push_str("; the person must log in again");
    }
    let said = Said {
        http_status: response.status,
        provider_type,
        body: body.map(|body| secrets.clean_body(body)),
        retry_after: retry_after(response),
    };
    Error::of_response(kind, message, said)
}

/// Whether a body holds a new token, which redaction cannot know.
fn has_token(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    ["access_token\"", "refresh_token\"", "id_token\""].iter().any(|name| body.contains(name))
}
