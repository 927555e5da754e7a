//! The errors of faults in Google's words: in RFC 6749's shape at the OAuth endpoints, in
//! `google.rpc.Status` at the API.

use super::{errors, v4};
use crate::answer::Answer;
use crate::calendar;
use crate::clock::Clock;
use crate::fault::{CONTROL_CHARACTERS, FaultKind};
use crate::request::Request;
use std::time::Duration;

pub(crate) fn scripted_error(kind: &FaultKind, request: &Request, clock: Clock) -> Answer {
    let answer =
        if v4::is_for(request.path()) { of_api(kind, request) } else { of_oauth(kind, request) };
    match kind {
        FaultKind::Status429RetryAfter(seconds) => {
            answer.header("Retry-After", seconds.to_string())
        }
        FaultKind::Status429RetryAfterDate(seconds) => {
            let date = clock.unix(clock.now() + Duration::from_secs(*seconds));
            answer.header("Retry-After", calendar::http_date(date))
        }
        FaultKind::Status429Malformed => answer.header("Retry-After", "soon, -5"),
        _ => answer,
    }
}

/// The fault of a project that has not enabled the API.
pub(crate) fn service_disabled() -> FaultKind {
    FaultKind::Json(403, errors::service_disabled())
}

fn of_api(kind: &FaultKind, request: &Request) -> Answer {
    let invalid = |message: &str| errors::status(400, "INVALID_ARGUMENT", message, &[]);
    match kind {
        FaultKind::Status401Expired => errors::expired_token(),
        FaultKind::Status401Invalid | FaultKind::Status401InvalidClient => errors::invalid_token(),
        FaultKind::Status400InvalidGrant => invalid("invalid_grant"),
        FaultKind::Status403Scope => errors::insufficient_scope(),
        FaultKind::Status403Permissions => errors::permission_denied(),
        FaultKind::Status404 => errors::not_found(),
        FaultKind::Status409 => {
            errors::status(409, "ABORTED", "The operation was aborted, try again.", &[])
        }
        FaultKind::Status422 => errors::status(
            422,
            "INVALID_ARGUMENT",
            "The number of data points exceeds the limit.",
            &[],
        ),
        // There is no header of that meaning; the body says it.
        FaultKind::Status429Reset(seconds) => {
            errors::resource_exhausted(&[errors::retry_info(*seconds)])
        }
        FaultKind::Status429RetryAfter(_)
        | FaultKind::Status429RetryAfterDate(_)
        | FaultKind::Status429Malformed
        | FaultKind::Status429Bare => errors::resource_exhausted(&[]),
        FaultKind::OkWithErrorInside => {
            let error = errors::status(500, "INTERNAL", "An error under a good status.", &[]);
            Answer { status: 200, ..error }
        }
        FaultKind::EchoSecrets => invalid(&request.everything_secret()),
        FaultKind::ControlCharacters => invalid(CONTROL_CHARACTERS),
        _ => errors::status(500, "INTERNAL", "This fault has no error of its own.", &[]),
    }
}

fn of_oauth(kind: &FaultKind, request: &Request) -> Answer {
    match kind {
        FaultKind::Status401Expired | FaultKind::Status401Invalid => {
            errors::oauth(401, "invalid_token", "Token expired or revoked")
        }
        FaultKind::Status401InvalidClient => errors::invalid_client("Unauthorized"),
        FaultKind::Status400InvalidGrant => errors::expired_or_revoked(),
        FaultKind::Status403Scope => errors::oauth(403, "invalid_scope", "Bad Request"),
        FaultKind::Status403Permissions => errors::oauth(403, "access_denied", "Forbidden"),
        FaultKind::Status404 => errors::oauth(404, "not_found", "Not Found"),
        FaultKind::Status409 => errors::oauth(409, "temporarily_unavailable", "Conflict"),
        FaultKind::Status422 => errors::oauth(422, "invalid_request", "Unprocessable Content"),
        FaultKind::Status429Reset(_)
        | FaultKind::Status429RetryAfter(_)
        | FaultKind::Status429RetryAfterDate(_)
        | FaultKind::Status429Malformed
        | FaultKind::Status429Bare => {
            errors::oauth(429, "rate_limit_exceeded", "Rate Limit Exceeded")
        }
        FaultKind::OkWithErrorInside => {
            errors::oauth(200, "internal_failure", "An error under a good status.")
        }
        FaultKind::EchoSecrets => errors::invalid_request(&request.everything_secret()),
        FaultKind::ControlCharacters => errors::invalid_request(CONTROL_CHARACTERS),
        _ => errors::oauth(500, "internal_failure", "This fault has no error of its own."),
    }
}
