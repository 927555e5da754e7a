//! Errors in Google's two shapes: RFC 6749's at the OAuth endpoints, `google.rpc.Status` at the
//! API. Neither repeats a token.

use crate::answer::Answer;
use serde_json::{Value, json};

/// An error of the token or the revocation endpoint (RFC 6749 section 5.2).
pub(crate) fn oauth(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "error_description": description}))
}

pub(crate) fn invalid_request(description: &str) -> Answer {
    oauth(400, "invalid_request", description)
}

pub(crate) fn missing_parameter(name: &str) -> Answer {
    invalid_request(&format!("Missing required parameter: {name}"))
}

pub(crate) fn invalid_grant(description: &str) -> Answer {
    oauth(400, "invalid_grant", description)
}

/// The end of a refresh token, whatever the reason.
pub(crate) fn expired_or_revoked() -> Answer {
    invalid_grant("Token has been expired or revoked.")
}

pub(crate) fn invalid_client(description: &str) -> Answer {
    oauth(401, "invalid_client", description)
}

/// An error of the API with these details.
pub(crate) fn status(code: u16, status: &str, message: &str, details: &[Value]) -> Answer {
    Answer::json(code, &status_value(code, status, message, details))
}

fn status_value(code: u16, status: &str, message: &str, details: &[Value]) -> Value {
    let mut error = json!({"code": code, "message": message, "status": status});
    if !details.is_empty() {
        error["details"] = details.into();
    }
    json!({ "error": error })
}

/// The detail that has a machine-readable reason.
pub(crate) fn error_info(reason: &str, domain: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": {"service": "health.googleapis.com"},
    })
}

fn unauthenticated(message: &str, reason: &str) -> Answer {
    let info = error_info(reason, "googleapis.com");
    let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
    status(401, "UNAUTHENTICATED", message, &[info]).header("WWW-Authenticate", challenge)
}

pub(crate) fn expired_token() -> Answer {
    unauthenticated("INVALID_AUTHENTICATOR: Token expired", "ACCESS_TOKEN_EXPIRED")
}

pub(crate) fn invalid_token() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                   login cookie or other valid authentication credential.";
    unauthenticated(message, "ACCESS_TOKEN_TYPE_UNSUPPORTED")
}

pub(crate) fn missing_token() -> Answer {
    let message = "Request is missing required authentication credential. Expected OAuth 2 access \
                   token, login cookie or other valid authentication credential.";
    unauthenticated(message, "CREDENTIALS_MISSING")
}

pub(crate) fn insufficient_scope() -> Answer {
    let info = error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com");
    let message = "Request had insufficient authentication scopes.";
    status(403, "PERMISSION_DENIED", message, &[info])
}

pub(crate) fn permission_denied() -> Answer {
    status(403, "PERMISSION_DENIED", "The caller does not have permission", &[])
}

/// The API is not enabled in the application's project.
pub(crate) fn service_disabled() -> Value {
    let message = "Google Health API has not been used in project 620184410597 before or it is \
                   disabled.";
    status_value(
        403,
        "PERMISSION_DENIED",
        message,
        &[error_info("SERVICE_DISABLED", "googleapis.com")],
    )
}

pub(crate) fn not_found() -> Answer {
    status(404, "NOT_FOUND", "Requested entity was not found.", &[])
}

/// A wrong request, with its reason of the API's catalogue.
pub(crate) fn invalid_argument(reason: &str, message: &str) -> Answer {
    let info = error_info(reason, "health.googleapis.com");
    status(400, "INVALID_ARGUMENT", message, &[info])
}

pub(crate) fn resource_exhausted(details: &[Value]) -> Answer {
    let message = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute per \
                   user' of service 'health.googleapis.com'.";
    let info = error_info("RATE_LIMIT_EXCEEDED", "googleapis.com");
    status(429, "RESOURCE_EXHAUSTED", message, &[&[info], details].concat())
}

/// What an answer of status 429 may say about when to return.
pub(crate) fn retry_info(seconds: u64) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": format!("{seconds}s"),
    })
}
