//! Errors in Fitbit's shape, which is not that of RFC 6749, on every endpoint.
//!
//! Some of them carry the token they are about in their message. That is how the provider does
//! it, and the reason why its messages must not reach a log as they are.

use crate::answer::Answer;
use crate::calendar;
use crate::clock::Clock;
use crate::fault::{CONTROL_CHARACTERS, FaultKind};
use crate::request::Request;
use serde_json::json;
use std::time::Duration;

const VISIT: &str = "Visit https://dev.fitbit.com/docs/oauth2 for more information on the Fitbit \
                     Web API authorization process.";

pub(crate) fn error(status: u16, error_type: &str, message: &str) -> Answer {
    let error = json!({"errorType": error_type, "message": message});
    Answer::json(status, &json!({"errors": [error], "success": false}))
}

fn error_in_field(status: u16, error_type: &str, field: &str, message: &str) -> Answer {
    let error = json!({"errorType": error_type, "fieldName": field, "message": message});
    Answer::json(status, &json!({"errors": [error]}))
}

pub(crate) fn invalid_request(message: &str) -> Answer {
    error(400, "invalid_request", &format!("{message}. {VISIT}"))
}

pub(crate) fn missing_parameter(name: &str) -> Answer {
    invalid_request(&format!("Missing parameters: {name}"))
}

pub(crate) fn invalid_grant(what: &str, value: &str) -> Answer {
    error(400, "invalid_grant", &format!("{what} invalid: {value}. {VISIT}"))
}

pub(crate) fn invalid_client(message: &str) -> Answer {
    error(401, "invalid_client", &format!("{message}. {VISIT}"))
}

pub(crate) fn invalid_token(token: &str) -> Answer {
    error(401, "invalid_token", &format!("Access token invalid: {token}. {VISIT}"))
}

pub(crate) fn expired_token(token: &str) -> Answer {
    error(401, "expired_token", &format!("Access token expired: {token}. {VISIT}"))
}

pub(crate) fn insufficient_scope(scope: &str) -> Answer {
    let message = format!("This application has no permission for the scope {scope}. {VISIT}");
    error(403, "insufficient_scope", &message)
}

pub(crate) fn insufficient_permissions() -> Answer {
    let message = format!("This application may not use this resource. {VISIT}");
    error(403, "insufficient_permissions", &message)
}

pub(crate) fn not_found() -> Answer {
    error(404, "not_found", "The resource does not exist.")
}

pub(crate) fn method_not_allowed() -> Answer {
    error(405, "request", "The method is not allowed here.").header("Allow", "GET, POST, DELETE")
}

pub(crate) fn validation(field: &str, message: &str) -> Answer {
    error_in_field(400, "validation", field, message)
}

pub(crate) fn too_many_requests() -> Answer {
    error_in_field(429, "system", "n/a", "Too Many Requests")
}

/// The error of a fault, in Fitbit's words.
pub(crate) fn scripted(kind: &FaultKind, request: &Request, clock: Clock) -> Answer {
    let bearer = request.bearer().unwrap_or("");
    match kind {
        FaultKind::Status401Expired => expired_token(bearer),
        FaultKind::Status401Invalid => invalid_token(bearer),
        FaultKind::Status401InvalidClient => invalid_client("Invalid authorization header"),
        FaultKind::Status400InvalidGrant => {
            let form = request.form();
            match (form.get("refresh_token"), form.get("code")) {
                (None, Some(code)) => invalid_grant("Authorization code", code),
                (token, _) => invalid_grant("Refresh token", token.unwrap_or("")),
            }
        }
        FaultKind::Status403Scope => insufficient_scope("PROFILE"),
        FaultKind::Status403Permissions => insufficient_permissions(),
        FaultKind::Status404 => not_found(),
        FaultKind::Status409 => {
            error(409, "request", "Multiple clients refresh the same access token.")
        }
        FaultKind::Status422 => {
            let message = "The number of data points queried exceeds limit.";
            error_in_field(422, "validation", "date", message)
        }
        FaultKind::Status429Reset(seconds) => {
            too_many_requests().header("Fitbit-Rate-Limit-Reset", seconds.to_string())
        }
        FaultKind::Status429RetryAfter(seconds) => {
            too_many_requests().header("Retry-After", seconds.to_string())
        }
        FaultKind::Status429RetryAfterDate(seconds) => {
            let date = clock.unix(clock.now() + Duration::from_secs(*seconds));
            too_many_requests().header("Retry-After", calendar::http_date(date))
        }
        FaultKind::Status429Malformed => too_many_requests().header("Retry-After", "soon, -5"),
        FaultKind::Status429Bare => too_many_requests(),
        FaultKind::OkWithErrorInside => error(200, "system", "An error under a good status."),
        FaultKind::EchoSecrets => error(400, "invalid_request", &request.everything_secret()),
        FaultKind::ControlCharacters => error(400, "invalid_request", CONTROL_CHARACTERS),
        _ => error(500, "system", "This fault has no error of its own."),
    }
}
