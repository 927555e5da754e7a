//! An exchange without a usable response.

use crate::error::Error;
use crate::error::redaction::Secrets;

/// A request that brought no usable response.
pub(crate) struct Failure {
    pub error: Error,
    /// Its message may repeat what the other side said.
    pub quotes: bool,
    /// The request used a kept connection, which ended before any response.
    pub kept_alive_connection_died: bool,
    /// No byte of the HTTP request had gone out. Bytes of TLS or for a proxy do not count.
    pub nothing_was_sent: bool,
}

impl Failure {
    /// The error, without the secrets that the other side may have repeated.
    pub fn redacted(self, secrets: &Secrets) -> Error {
        if self.quotes { self.error.redacted(secrets) } else { self.error }
    }
}
