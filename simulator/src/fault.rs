//! The faults: which requests one falls on, what it does, and whether the provider had carried
//! the request out when it happened.
//!
//! The last point decides what a client may do next. A refresh whose answer was lost after the
//! rotation has spent the refresh token; one that was never carried out has not.

use crate::google;
use serde_json::Value;

/// The requests a fault falls on or a counter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// `GET /oauth2/authorize` or `/o/oauth2/v2/auth`; not the consent form it answers with.
    Authorize,
    /// `POST /oauth2/token` or `/token` with `grant_type=authorization_code`.
    Exchange,
    /// `POST /oauth2/token` or `/token` with `grant_type=refresh_token`.
    Refresh,
    /// `POST /oauth2/revoke` or `/revoke`.
    Revoke,
    /// `POST /1.1/oauth2/introspect`.
    Introspect,
    /// Every API request of either provider.
    Api,
    /// The API requests whose path begins like this, e.g. `/1/user/-/profile.json`.
    ApiPath(String),
    /// Every request but those under `/_simulator/`.
    Any,
}

/// A fault that waits for its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The requests it falls on.
    pub on: Target,
    /// What happens to them.
    pub kind: FaultKind,
    /// How many requests it falls on; 0: all of them, until faults are cleared.
    pub times: u32,
    /// How many matching requests pass unharmed first.
    pub skip: u32,
}

impl Fault {
    /// A fault that falls on the next request of its target only.
    pub fn once(on: Target, kind: FaultKind) -> Self {
        Self { on, kind, times: 1, skip: 0 }
    }

    /// A fault that stays until faults are cleared.
    pub fn always(on: Target, kind: FaultKind) -> Self {
        Self { on, kind, times: 0, skip: 0 }
    }
}

/// What goes wrong.
///
/// Errors are named here as Fitbit has them. Google's API has them as a `google.rpc.Status`, its
/// other endpoints as RFC 6749 does.
///
/// "Acted upon" means that the provider did what was asked (spent the code, rotated the refresh
/// token, stored the food) and only its answer is late, spoilt or lost; [`FaultKind::acts`] says
/// the same in code. An invalid request is not carried out under any fault.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Waits this many milliseconds, then acts and answers as usual. It combines with the next
    /// fault that matches the request. Acted upon, even if the client has left by then.
    Latency(u64),
    /// 401 `expired_token`, with the access token in its message; Google's `UNAUTHENTICATED` has
    /// none. Not acted upon.
    Status401Expired,
    /// 401 `invalid_token`, likewise. Not acted upon.
    Status401Invalid,
    /// 401 without a body. Not acted upon.
    Status401Empty,
    /// 401 `invalid_client`. Not acted upon.
    Status401InvalidClient,
    /// 400 `invalid_grant`, with the refresh token or code in its message, though not in Google's.
    /// Not acted upon.
    Status400InvalidGrant,
    /// 400 `{"error":"invalid_grant",...}`, the shape of RFC 6749. Not acted upon.
    Status400Rfc6749,
    /// 403 `insufficient_scope`. Not acted upon.
    Status403Scope,
    /// 403 `insufficient_permissions`. Not acted upon.
    Status403Permissions,
    /// 404 `not_found`. Not acted upon.
    Status404,
    /// 409, as for two refreshes at the same time. Not acted upon.
    Status409,
    /// 410 with an HTML page, as after the provider was turned off. Not acted upon.
    Status410,
    /// 422 `validation`, too many data points. Not acted upon.
    Status422,
    /// 429 with `Fitbit-Rate-Limit-Reset` of this many seconds; Google's API has no such header
    /// and says it in a `google.rpc.RetryInfo` of the body. Not acted upon.
    Status429Reset(u64),
    /// 429 with `Retry-After` of this many seconds. Not acted upon.
    Status429RetryAfter(u64),
    /// 429 with `Retry-After` as an HTTP date this many seconds ahead. Not acted upon.
    Status429RetryAfterDate(u64),
    /// 429 without a word about when to return. Not acted upon.
    Status429Bare,
    /// 429 with a `Retry-After` that is neither a number nor a date. Not acted upon.
    Status429Malformed,
    /// 500 with an HTML page. Not acted upon.
    Status500,
    /// 502 with an HTML page. Not acted upon.
    Status502,
    /// 503 with an HTML page. Not acted upon; see [`LostAnswer503`](Self::LostAnswer503).
    Status503,
    /// 200 with no body instead of the answer. Acted upon.
    EmptyBody,
    /// Announces the whole answer, sends half of its body and closes. Acted upon.
    TruncatedBody,
    /// The right answer under `text/html`. Acted upon.
    WrongContentType,
    /// The first half of the right body, complete as far as HTTP can tell. Acted upon.
    MalformedJson,
    /// 200 with an error object. Not acted upon.
    OkWithErrorInside,
    /// The right answer without its `access_token`. Acted upon.
    OkWithoutAccessToken,
    /// Closes the connection instead of reading. On [`Target::Any`] it happens when a request's
    /// first bytes arrive, and they are thrown away; on any other target the request has to be
    /// read to know it. Not acted upon nor logged; on `Any`, counted under `Any` alone.
    CloseBeforeRead,
    /// The same with a reset (RST) in place of an orderly close. Not acted upon, nor logged.
    ResetBeforeRead,
    /// Closes the connection instead of answering. Acted upon.
    CloseAfterRead,
    /// Resets the connection instead of answering. Acted upon.
    ResetAfterRead,
    /// Sends the head of the answer and then nothing, until the client leaves or a minute has
    /// passed. Acted upon.
    Stall,
    /// Sends nothing, until the client leaves or a minute has passed. Acted upon.
    StallBeforeAnswer,
    /// Sends the whole answer, head included, one byte every so many milliseconds. Acted upon.
    SlowDrip(u64),
    /// A chunked body that goes on until the client leaves. Acted upon.
    EndlessBody,
    /// Header lines that go on until the client leaves. Acted upon.
    EndlessHeaders,
    /// A body of about 256 KB under `Content-Encoding: gzip` that decodes to 256 MiB, whether or
    /// not the client asked for gzip. Acted upon.
    GzipBomb,
    /// 302 to the same path and query under this origin, e.g. `http://127.0.0.1:9`. Not acted
    /// upon.
    RedirectTo(String),
    /// The same with 307, which asks for the method and body to be repeated. Not acted upon.
    Redirect307(String),
    /// 503 with an HTML page instead of the answer. Acted upon.
    LostAnswer503,
    /// 400 whose message repeats the Authorization header, the raw body and the decoded form
    /// values. Not acted upon.
    EchoSecrets,
    /// 400 whose message has ESC, CR, LF and NUL in it, as JSON escapes. Not acted upon.
    ControlCharacters,
    /// Exactly these bytes, then the connection closes. Not acted upon.
    Raw(Vec<u8>),
    /// This status with this JSON. Not acted upon.
    Json(u16, Value),
}

/// The message of [`FaultKind::ControlCharacters`].
pub(crate) const CONTROL_CHARACTERS: &str = "\u{1b}[31mred\u{1b}[0m\r\nForged: line\0end";

impl FaultKind {
    /// 403 `SERVICE_DISABLED`, as Google's API answers for a project that has not enabled it. Not
    /// acted upon. It has no name of its own: it is [`FaultKind::Json`] with that error.
    pub fn service_disabled() -> Self {
        google::service_disabled()
    }

    /// Whether the provider carries the request out, although the answer is spoilt or lost.
    pub fn acts(&self) -> bool {
        matches!(
            self,
            Self::Latency(_)
                | Self::EmptyBody
                | Self::TruncatedBody
                | Self::WrongContentType
                | Self::MalformedJson
                | Self::OkWithoutAccessToken
                | Self::CloseAfterRead
                | Self::ResetAfterRead
                | Self::Stall
                | Self::StallBeforeAnswer
                | Self::SlowDrip(_)
                | Self::EndlessBody
                | Self::EndlessHeaders
                | Self::GzipBomb
                | Self::LostAnswer503
        )
    }

    /// Whether nothing of the request is looked at.
    pub(crate) fn is_before_read(&self) -> bool {
        matches!(self, Self::CloseBeforeRead | Self::ResetBeforeRead)
    }
}
