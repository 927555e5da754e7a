//! The names of targets and faults, for the HTTP control and for tests that loop over all.

use crate::fault::{Fault, FaultKind, Target};
use serde_json::{Value, json};

impl FaultKind {
    /// One fault of every kind with its name; a kind's parameter has a small example value.
    pub fn all() -> Vec<(&'static str, FaultKind)> {
        let elsewhere = || "http://127.0.0.1:9".to_owned();
        let scripted = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec();
        vec![
            ("latency", Self::Latency(1)),
            ("status_401_expired", Self::Status401Expired),
            ("status_401_invalid", Self::Status401Invalid),
            ("status_401_empty", Self::Status401Empty),
            ("status_401_invalid_client", Self::Status401InvalidClient),
            ("status_400_invalid_grant", Self::Status400InvalidGrant),
            ("status_400_rfc6749", Self::Status400Rfc6749),
            ("status_403_scope", Self::Status403Scope),
            ("status_403_permissions", Self::Status403Permissions),
            ("status_404", Self::Status404),
            ("status_409", Self::Status409),
            ("status_410", Self::Status410),
            ("status_422", Self::Status422),
            ("status_429_reset", Self::Status429Reset(1)),
            ("status_429_retry_after", Self::Status429RetryAfter(1)),
            ("status_429_retry_after_date", Self::Status429RetryAfterDate(1)),
            ("status_429_bare", Self::Status429Bare),
            ("status_429_malformed", Self::Status429Malformed),
            ("status_500", Self::Status500),
            ("status_502", Self::Status502),
            ("status_503", Self::Status503),
            ("empty_body", Self::EmptyBody),
            ("truncated_body", Self::TruncatedBody),
            ("wrong_content_type", Self::WrongContentType),
            ("malformed_json", Self::MalformedJson),
            ("ok_with_error_inside", Self::OkWithErrorInside),
            ("ok_without_access_token", Self::OkWithoutAccessToken),
            ("close_before_read", Self::CloseBeforeRead),
            ("reset_before_read", Self::ResetBeforeRead),
            ("close_after_read", Self::CloseAfterRead),
            ("reset_after_read", Self::ResetAfterRead),
            ("stall", Self::Stall),
            ("stall_before_answer", Self::StallBeforeAnswer),
            ("slow_drip", Self::SlowDrip(1)),
            ("endless_body", Self::EndlessBody),
            ("endless_headers", Self::EndlessHeaders),
            ("gzip_bomb", Self::GzipBomb),
            ("redirect_to", Self::RedirectTo(elsewhere())),
            ("redirect_307", Self::Redirect307(elsewhere())),
            ("lost_answer_503", Self::LostAnswer503),
            ("echo_secrets", Self::EchoSecrets),
            ("control_characters", Self::ControlCharacters),
            ("raw", Self::Raw(scripted)),
            ("json", Self::Json(418, json!({"scripted": true}))),
        ]
    }

    /// The name the HTTP control and the log call it by.
    pub fn name(&self) -> &'static str {
        let same_kind = |kind: &Self| std::mem::discriminant(kind) == std::mem::discriminant(self);
        Self::all().iter().find(|(_, kind)| same_kind(kind)).map_or("unnamed", |(name, _)| name)
    }

    /// Reads `{"kind": NAME, ...}`; the error is for a person.
    fn from_json(value: &Value) -> Result<Self, String> {
        let name = value["kind"].as_str().ok_or("\"kind\" names the fault")?;
        let number = |field: &str, default: u64| value[field].as_u64().unwrap_or(default);
        let text = |field: &str| {
            let text = value[field].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("the fault {name} needs \"{field}\""))
        };
        if name == "service_disabled" {
            return Ok(Self::service_disabled());
        }
        let all = Self::all();
        let kind = all.into_iter().find(|(n, _)| *n == name).map(|(_, kind)| kind);
        Ok(match kind.ok_or_else(|| format!("there is no fault called {name}"))? {
            Self::Latency(_) => Self::Latency(number("ms", 1000)),
            Self::SlowDrip(_) => Self::SlowDrip(number("ms", 100)),
            Self::Status429Reset(_) => Self::Status429Reset(number("seconds", 60)),
            Self::Status429RetryAfter(_) => Self::Status429RetryAfter(number("seconds", 60)),
            Self::Status429RetryAfterDate(_) => {
                Self::Status429RetryAfterDate(number("seconds", 60))
            }
            Self::RedirectTo(_) => Self::RedirectTo(text("to")?),
            Self::Redirect307(_) => Self::Redirect307(text("to")?),
            Self::Raw(_) => Self::Raw(text("bytes")?.into_bytes()),
            Self::Json(..) => {
                let status = u16::try_from(number("status", 200)).map_err(|e| e.to_string())?;
                Self::Json(status, value["body"].clone())
            }
            kind => kind,
        })
    }
}

impl Target {
    /// The name of the target; that of an API path is `api`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Exchange => "exchange",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
            Self::Introspect => "introspect",
            Self::Api | Self::ApiPath(_) => "api",
            Self::Any => "any",
        }
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        match (value["on"].as_str().unwrap_or("any"), value["path"].as_str()) {
            ("authorize", None) => Ok(Self::Authorize),
            ("exchange", None) => Ok(Self::Exchange),
            ("refresh", None) => Ok(Self::Refresh),
            ("revoke", None) => Ok(Self::Revoke),
            ("introspect", None) => Ok(Self::Introspect),
            ("api", None) => Ok(Self::Api),
            ("api", Some(path)) => Ok(Self::ApiPath(path.to_owned())),
            ("any", None) => Ok(Self::Any),
            (on, Some(_)) => Err(format!("\"path\" goes with \"on\": \"api\", not with {on}")),
            (on, None) => Err(format!("there is no target called {on}")),
        }
    }
}

impl Fault {
    /// Reads the HTTP control's form of a fault.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let count = |field: &str, default: u64| {
            u32::try_from(value[field].as_u64().unwrap_or(default)).map_err(|e| e.to_string())
        };
        Ok(Self {
            on: Target::from_json(value)?,
            kind: FaultKind::from_json(value)?,
            times: count("times", 1)?,
            skip: count("skip", 0)?,
        })
    }
}
