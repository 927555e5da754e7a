//! Every error of the library is made here.
//!
//! An [`Error`] has a kind, a message for people, and the provider's own words, if there are any. The kind says
//! what the program should do next. Text from outside passes through [`redaction`] before it becomes part of an
//! error, because programs log errors.

mod kind;
pub(crate) mod redaction;

use std::time::Duration;

pub use kind::{ErrorKind, Input};
use redaction::Secrets;

/// The longest message. It may repeat an input, which can be any text.
const MAX_MESSAGE: usize = 3072;

/// An error: what to do, what happened, and what the provider said.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    kind: ErrorKind,
    input: Option<Input>,
    message: String,
    said: Said,
}

/// The parts of an error response that an error keeps, without secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub http_status: u16,
    pub provider_type: Option<String>,
    pub body: Option<String>,
    pub retry_after: Option<Duration>,
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    #[cold]
    fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let message = redaction::one_line(&message.into(), MAX_MESSAGE);
        Error(Box::new(Details { kind, input: None, message, said: Said::default() }))
    }

    /// `why` follows the name of the input, as each language has it.
    pub(crate) fn invalid(input: Input, why: impl std::fmt::Display) -> Error {
        let mut error = Error::new(ErrorKind::InvalidInput, why.to_string());
        error.0.input = Some(input);
        error
    }

    pub(crate) fn inside_own_callback() -> Error {
        Error::invalid(
            Input::Client,
            "a callback of its own is running on this thread; this call would wait for itself",
        )
    }

    pub(crate) fn state_mismatch(why: &str) -> Error {
        Error::new(
            ErrorKind::StateMismatch,
            format!("the redirect does not belong to this session: {why}"),
        )
    }

    /// The `error` of an authorization response (RFC 6749 section 4.1.2.1).
    pub(crate) fn authorization(kind: &str, description: Option<&str>, secrets: &Secrets) -> Error {
        let (code, what) = match kind {
            "access_denied" => (ErrorKind::AccessDenied, "the person did not grant access"),
            _ => (ErrorKind::Authorization, "the provider did not authorize"),
        };
        let kind = secrets.clean_line(kind);
        let mut message = format!("{what} ({kind})");
        if let Some(description) = description {
            message = format!("{message}: {}", secrets.clean_line(description));
        }
        let mut error = Error::new(code, message);
        error.0.said.provider_type = Some(kind);
        error
    }

    pub(crate) fn no_authorization_code() -> Error {
        Error::new(ErrorKind::Authorization, "the redirect carries neither a code nor an error")
    }

    pub(crate) fn reauthorize(why: &str) -> Error {
        Error::new(ErrorKind::Reauthorize, format!("{why}; the person must log in again"))
    }

    /// No person has logged in yet.
    pub(crate) fn not_logged_in(why: &str) -> Error {
        Error::new(ErrorKind::Reauthorize, format!("{why}; the person must log in"))
    }

    /// The provider has refused this refresh token for good, now or earlier.
    pub(crate) fn refused_login(refresh_token_end: Option<&str>) -> Error {
        Error::reauthorize("the provider refused this login's refresh token")
            .with_refresh_token_end(refresh_token_end)
    }

    pub(crate) fn revoked() -> Error {
        Error::reauthorize("this login was revoked")
    }

    /// Adds to the end of a login that its refresh token had expired.
    pub(crate) fn with_refresh_token_end(mut self, why: Option<&str>) -> Error {
        if let Some(why) = why {
            self.0.message.push_str("; the refresh token's time was over: ");
            self.0.message.push_str(why);
        }
        self
    }

    /// Adds the number of attempts, if there was more than one.
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Error {
        if attempts > 1 {
            self.0.message.push_str(&format!(" (tried {attempts} times)"));
        }
        self
    }

    /// One call asks the token endpoint a few times at most.
    pub(crate) fn asked_too_often() -> Error {
        Error::new(
            ErrorKind::Timeout,
            "the token must be renewed again, but this call has already sent four refresh requests",
        )
    }

    /// Adds what to do after an exchange that brought no token: its code is not sent again.
    pub(crate) fn of_exchange(mut self) -> Error {
        self.0.message.push_str("; start again at step one");
        self
    }

    /// An earlier renewal possibly used the refresh token, and the five seconds are not over.
    pub(crate) fn asked_too_early(mut self, wait: Duration) -> Error {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.0
            .message
            .push_str(&format!("; the library asks again in {seconds} s at the earliest"));
        self
    }

    /// A page of a list names a next page that cannot be asked for.
    pub(crate) fn next_page(why: &str) -> Error {
        Error::protocol(format!("the next page cannot be asked for: {why}"))
    }

    pub(crate) fn signature() -> Error {
        Error::new(ErrorKind::Signature, "the notification's signature is not the provider's")
    }

    pub(crate) fn network(why: impl Into<String>) -> Error {
        Error::new(ErrorKind::Network, why)
    }

    pub(crate) fn timeout(what: &str) -> Error {
        Error::new(ErrorKind::Timeout, format!("the time allowed ran out {what}"))
    }

    pub(crate) fn unanswered_renewal() -> Error {
        Error::timeout("before an earlier renewal of the token was answered")
    }

    pub(crate) fn unconfirmed_refusal() -> Error {
        Error::timeout("before the provider's refusal was confirmed")
    }

    pub(crate) fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }

    pub(crate) fn browser(why: &str) -> Error {
        Error::new(ErrorKind::Authorization, format!("the browser did not open: {why}"))
    }

    pub(crate) fn tls(why: impl Into<String>) -> Error {
        Error::new(ErrorKind::Tls, why)
    }

    pub(crate) fn protocol(why: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, why)
    }

    pub(crate) fn store(why: &str) -> Error {
        Error::new(ErrorKind::Store, why)
    }

    pub(crate) fn internal(why: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Internal, format!("a bug in libfitbit, please report it: {why}"))
    }

    /// From an error response. Its texts are redacted already.
    pub(crate) fn of_response(kind: ErrorKind, message: impl Into<String>, said: Said) -> Error {
        let mut error = Error::new(kind, message);
        error.0.said = said;
        error
    }

    /// This error, with every secret taken out of its message.
    pub(crate) fn redacted(mut self, secrets: &Secrets) -> Error {
        self.0.message = secrets.clean_line(&self.0.message);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The input that is wrong, for [`ErrorKind::InvalidInput`].
    pub fn input(&self) -> Option<Input> {
        self.0.input
    }

    /// What happened, on one line, without the name of the input.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The response's status; 0: there was none.
    pub fn http_status(&self) -> u16 {
        self.0.said.http_status
    }

    /// The provider's own word for the error.
    pub fn provider_type(&self) -> Option<&str> {
        self.0.said.provider_type.as_deref()
    }

    /// The response's body as text.
    pub fn body(&self) -> Option<&str> {
        self.0.said.body.as_deref()
    }

    /// How long the provider asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.said.retry_after
    }

    pub(crate) fn is(&self, kind: ErrorKind) -> bool {
        self.0.kind == kind
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(input) = self.0.input {
            write!(f, "{input}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
