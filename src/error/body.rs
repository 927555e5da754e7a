//! What a provider says in an error answer: one parser for each of its shapes.
//!
//! Fitbit says `{"errors":[{"errorType":..,"message":..}]}` everywhere, its token endpoint
//! included; OAuth's own shape is `{"error":..,"error_description":..}` (RFC 6749 section 5.2);
//! Google's API says `{"error":{"status":..,"message":..}}` (google.rpc.Status). None is certain: an
//! answer can be HTML, empty, or anything else.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::answer::Answer;

/// A type such as `expired_token`, and a text for people, where the provider gave them.
#[derive(Default)]
pub(crate) struct ProviderError {
    pub kind: Option<String>,
    /// A closer word for it: Google's `ErrorInfo`.
    pub reason: Option<String>,
    pub message: Option<String>,
    /// The body says it, and not only a header.
    is_in_body: bool,
}

/// Whose words a response's body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// The provider's own error.
    Own,
    /// The provider's own error, one that passes.
    Passing,
    /// Nobody's that can be told: a gateway, a captive portal, a proxy.
    Foreign,
}

/// The provider has not decided: a server behind it failed (Google's own clients repeat these).
const PASSING: [&str; 3] = ["internal_failure", "server_error", "temporarily_unavailable"];

/// The longest body that is read as an error: more is none, and as a tree of values it would take
/// many times its length.
const LONGEST: usize = 64 * 1024;

fn json(answer: &Answer) -> Value {
    let body = Some(&*answer.body).filter(|body| body.len() <= LONGEST);
    let json = body.and_then(|body| {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        serde_json::from_slice(body).ok()
    });
    json.unwrap_or(Value::Null)
}

/// Whether Fitbit's own software wrote this error, and not somebody on the way or in its place.
pub(crate) fn is_fitbits_own(answer: &Answer) -> bool {
    fitbit(&json(answer)).is_some_and(|said| said.kind.is_some())
}

impl ProviderError {
    pub fn read(answer: &Answer) -> ProviderError {
        let json = json(answer);
        fitbit(&json)
            .or_else(|| google(&json))
            .or_else(|| rfc6749(&json))
            .map(|said| ProviderError { is_in_body: true, ..said })
            .or_else(|| bearer(answer))
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

/// `WWW-Authenticate: Bearer error="invalid_token"`, RFC 6750 section 3, where the body says
/// nothing. The value may be quoted or not, and there may be other challenges before it.
fn bearer(answer: &Answer) -> Option<ProviderError> {
    let challenges = answer.headers.get_all("www-authenticate").iter();
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

/// Whether a body names a token of its own, one that redaction cannot know.
pub(crate) fn has_token(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    ["access_token\"", "refresh_token\"", "id_token\""].iter().any(|name| body.contains(name))
}

/// The seconds that an answer asks to be waited: Fitbit's own header first, because its
/// `Retry-After` was seen to be wrong. `Retry-After` is a number of seconds or an HTTP date.
/// A value that makes no sense, and a wait of over a year, count as unsaid.
pub(crate) fn retry_after(answer: &Answer) -> Option<u64> {
    let sensible = |seconds: &u64| *seconds <= 366 * 24 * 3600;
    let number = |name| answer.header(name)?.trim().parse::<u64>().ok().filter(sensible);
    let reset = if answer.status == 429 { number("fitbit-rate-limit-reset") } else { None };
    reset.or_else(|| number("retry-after")).or_else(|| {
        let date = httpdate::parse_http_date(answer.header("retry-after")?.trim()).ok()?;
        let wait = date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).filter(sensible)
    })
}
