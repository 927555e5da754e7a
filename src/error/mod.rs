//! Every error of the library is made here.
//!
//! An [`Error`] has a code that says what the program should do next, a message for people, and
//! what the provider said where it said something. Text that came from outside passes through
//! [`redact`] before it becomes part of one: an error may be logged by anybody.

pub(crate) mod body;
mod code;
pub(crate) mod redact;

use std::time::Duration;

use crate::answer::Answer;
use crate::provider::Provider;
use FitbitErrorCode::*;
use body::{ProviderError, Words};
pub use code::FitbitErrorCode;
use redact::Secrets;

/// A message may repeat an argument, which can be anything.
const MESSAGE_LIMIT: usize = 3072;

/// Seconds added to what the provider asks to be waited: a clock that is slightly off would
/// otherwise run into the limit again.
const RETRY_SLACK: u64 = 1;

/// An error: what to do, what happened, and what the provider said.
#[derive(Clone, Debug)]
pub(crate) struct Error(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    code: FitbitErrorCode,
    message: String,
    http_status: u16,
    provider_type: Option<String>,
    body: Option<String>,
    retry_after: Option<u64>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    #[cold]
    fn new(code: FitbitErrorCode, message: impl Into<String>) -> Error {
        Error(Box::new(Details {
            code,
            message: redact::one_line(&message.into(), MESSAGE_LIMIT),
            http_status: 0,
            provider_type: None,
            body: None,
            retry_after: None,
        }))
    }

    /// `argument` is the parameter's name in the header.
    pub fn invalid_argument(argument: &str, why: impl std::fmt::Display) -> Error {
        Error::new(FITBIT_ERROR_INVALID_ARGUMENT, format!("{argument}: {why}"))
    }

    pub fn inside_own_callback() -> Error {
        Error::invalid_argument(
            "client",
            "a callback of its own is running on this thread; this call would wait for itself",
        )
    }

    pub fn state_mismatch(why: &str) -> Error {
        Error::new(
            FITBIT_ERROR_STATE_MISMATCH,
            format!("the redirect does not belong to this session: {why}"),
        )
    }

    /// The `error` of an authorization response (RFC 6749 section 4.1.2.1).
    pub fn authorization(kind: &str, description: Option<&str>, secrets: &Secrets) -> Error {
        let (code, what) = match kind {
            "access_denied" => (FITBIT_ERROR_ACCESS_DENIED, "the person did not grant access"),
            _ => (FITBIT_ERROR_AUTHORIZATION, "the provider did not authorize"),
        };
        let kind = secrets.clean_line(kind);
        let mut message = format!("{what} ({kind})");
        if let Some(description) = description {
            message = format!("{message}: {}", secrets.clean_line(description));
        }
        let mut error = Error::new(code, message);
        error.0.provider_type = Some(kind);
        error
    }

    pub fn no_authorization_code() -> Error {
        Error::new(FITBIT_ERROR_AUTHORIZATION, "the redirect carries neither a code nor an error")
    }

    pub fn reauthorize(why: &str) -> Error {
        Error::new(FITBIT_ERROR_REAUTHORIZE, format!("{why}; the person must log in again"))
    }

    /// Nobody has logged in yet.
    pub fn not_logged_in(why: &str) -> Error {
        Error::new(FITBIT_ERROR_REAUTHORIZE, format!("{why}; the person must log in"))
    }

    /// The provider has refused this refresh token for good, now or earlier.
    pub fn refused_login(refresh_token_end: Option<&str>) -> Error {
        Error::reauthorize("the provider refused this login's refresh token")
            .with_refresh_token_end(refresh_token_end)
    }

    pub fn revoked() -> Error {
        Error::reauthorize("this login was revoked")
    }

    /// Adds, to the news that a login is over, that its refresh token had come to its end.
    pub fn with_refresh_token_end(mut self, why: Option<&str>) -> Error {
        if let Some(why) = why {
            self.0.message.push_str("; the refresh token's time was over: ");
            self.0.message.push_str(why);
        }
        self
    }

    /// Adds how often it was tried, where that was more than once.
    pub fn after_attempts(mut self, attempts: u32) -> Error {
        if attempts > 1 {
            self.0.message.push_str(&format!(" (tried {attempts} times)"));
        }
        self
    }

    /// One call asks for a token a few times and not more.
    pub fn asked_too_often() -> Error {
        Error::new(
            FITBIT_ERROR_TIMEOUT,
            "the token must be renewed again, but this call has already sent four refresh requests",
        )
    }

    /// Adds what to do after an exchange that brought no token: its code is not sent again.
    pub fn of_exchange(mut self) -> Error {
        self.0.message.push_str("; start again at step one");
        self
    }

    /// The renewal before this call left it open whether the refresh token is used, a moment ago.
    pub fn asked_too_early(mut self, wait: Duration) -> Error {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.0
            .message
            .push_str(&format!("; the library asks again in {seconds} s at the earliest"));
        self
    }

    /// A page of a list says of the next one what cannot be followed.
    pub fn next_page(why: &str) -> Error {
        Error::protocol(format!("the next page cannot be asked for: {why}"))
    }

    pub fn signature() -> Error {
        Error::new(FITBIT_ERROR_SIGNATURE, "the notification's signature is not the provider's")
    }

    pub fn network(why: impl Into<String>) -> Error {
        Error::new(FITBIT_ERROR_NETWORK, why)
    }

    pub fn timeout(what: &str) -> Error {
        Error::new(FITBIT_ERROR_TIMEOUT, format!("the time allowed ran out {what}"))
    }

    pub fn unanswered_renewal() -> Error {
        Error::timeout("before an earlier renewal of the token was answered")
    }

    pub fn unconfirmed_refusal() -> Error {
        Error::timeout("before the provider's refusal was confirmed")
    }

    pub fn cancelled() -> Error {
        Error::new(FITBIT_ERROR_CANCELLED, "the call was cancelled")
    }

    pub fn browser(why: &str) -> Error {
        Error::new(FITBIT_ERROR_AUTHORIZATION, format!("the browser did not open: {why}"))
    }

    pub fn tls(why: impl Into<String>) -> Error {
        Error::new(FITBIT_ERROR_TLS, why)
    }

    pub fn protocol(why: impl Into<String>) -> Error {
        Error::new(FITBIT_ERROR_PROTOCOL, why)
    }

    pub fn store(why: &str) -> Error {
        Error::new(FITBIT_ERROR_STORE, why)
    }

    pub fn internal(why: impl std::fmt::Display) -> Error {
        Error::new(FITBIT_ERROR_INTERNAL, format!("a bug in libfitbit, please report it: {why}"))
    }

    /// The provider's API answered a status of 300 and above.
    pub fn from_api(provider: &Provider, answer: &Answer, secrets: &Secrets) -> Error {
        let said = ProviderError::read(answer);
        let code = match answer.status {
            429 => FITBIT_ERROR_RATE_LIMITED,
            // With an error of Fitbit's own, one resource is gone and the service is still there.
            410 if provider.successor.is_some() && !body::is_fitbits_own(answer) => {
                FITBIT_ERROR_PROVIDER_RETIRED
            }
            403 if said.is_one_of(provider.scope_errors) => FITBIT_ERROR_INSUFFICIENT_SCOPE,
            _ => FITBIT_ERROR_HTTP,
        };
        Error::from_answer(code, provider, answer, said, secrets)
    }

    /// The provider's token endpoint answered a status that is no success.
    ///
    /// `refused_grant` is what `invalid_grant` means there: REAUTHORIZE for a refresh token,
    /// AUTHORIZATION for an authorization code. Only a 4xx can say it: a server in trouble says
    /// nothing about a login.
    pub fn from_token_endpoint(
        provider: &Provider,
        answer: &Answer,
        refused_grant: FitbitErrorCode,
        secrets: &Secrets,
    ) -> Error {
        let said = ProviderError::read(answer);
        let code = match answer.status {
            429 => FITBIT_ERROR_RATE_LIMITED,
            410 if provider.successor.is_some() => FITBIT_ERROR_PROVIDER_RETIRED,
            409 => FITBIT_ERROR_HTTP,
            400..=499 if said.words() == Words::Own && said.is_one_of(&["invalid_grant"]) => {
                refused_grant
            }
            400..=499 if said.is_one_of(&["invalid_client", "unauthorized_client"]) => {
                FITBIT_ERROR_INVALID_CLIENT
            }
            _ => FITBIT_ERROR_HTTP,
        };
        let mut error = Error::from_answer(code, provider, answer, said, secrets);
        if body::has_token(&answer.body) {
            error.0.body = None;
        }
        error
    }

    fn from_answer(
        code: FitbitErrorCode,
        provider: &Provider,
        answer: &Answer,
        said: ProviderError,
        secrets: &Secrets,
    ) -> Error {
        let kind = said.kind.map(|kind| secrets.clean_line(&kind));
        let reason = said.reason.map(|reason| secrets.clean_line(&reason));
        let words: Vec<_> = [&kind, &reason].into_iter().flatten().map(String::as_str).collect();
        let mut message = format!("{} answered {}", provider.display_name, answer.status);
        if !words.is_empty() {
            message = format!("{message} ({})", words.join(", "));
        }
        if let Some(text) = &said.message {
            message =
                format!("{message}: {}", secrets.clean_line(text).trim_end_matches(['.', ' ']));
        }
        if (300..=399).contains(&answer.status) {
            message.push_str("; redirects are not followed");
        }
        if let (FITBIT_ERROR_PROVIDER_RETIRED, Some(successor)) = (code, provider.successor) {
            message =
                format!("{message}; this service is switched off, its successor is {successor}");
        }
        if code == FITBIT_ERROR_REAUTHORIZE {
            message.push_str("; the person must log in again");
        }
        let mut error = Error::new(code, message);
        error.0.http_status = answer.status;
        error.0.provider_type = kind;
        error.0.body = Some(secrets.clean_body(&answer.body));
        error.0.retry_after = body::retry_after(answer).map(|s| s.saturating_add(RETRY_SLACK));
        error
    }

    /// This error with every secret taken out of a message that others wrote.
    pub fn redacted(mut self, secrets: &Secrets) -> Error {
        self.0.message = secrets.clean_line(&self.0.message);
        self
    }

    pub fn code(&self) -> FitbitErrorCode {
        self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn http_status(&self) -> u16 {
        self.0.http_status
    }

    pub fn provider_type(&self) -> Option<&str> {
        self.0.provider_type.as_deref()
    }

    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after.map(Duration::from_secs)
    }

    pub fn is(&self, code: FitbitErrorCode) -> bool {
        self.0.code == code
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
