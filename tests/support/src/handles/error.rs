//! What a `FitbitError` says.

use super::text::text;
use crate::interface::{Handle, interface};

/// The error codes, as the header numbers them.
pub mod code {
    pub const INVALID_ARGUMENT: u32 = 1;
    pub const STATE_MISMATCH: u32 = 2;
    pub const ACCESS_DENIED: u32 = 3;
    pub const AUTHORIZATION: u32 = 4;
    pub const INVALID_CLIENT: u32 = 5;
    pub const REAUTHORIZE: u32 = 6;
    pub const INSUFFICIENT_SCOPE: u32 = 7;
    pub const RATE_LIMITED: u32 = 8;
    pub const HTTP: u32 = 9;
    pub const PROVIDER_RETIRED: u32 = 10;
    pub const NETWORK: u32 = 11;
    pub const TIMEOUT: u32 = 12;
    pub const TLS: u32 = 13;
    pub const PROTOCOL: u32 = 14;
    pub const STORE: u32 = 15;
    pub const CANCELLED: u32 = 16;
    pub const INTERNAL: u32 = 17;
    pub const SIGNATURE: u32 = 18;
}

/// Everything that a `FitbitError` says, read and freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: u32,
    pub message: String,
    pub http_status: u16,
    pub provider_type: Option<String>,
    pub body: Option<String>,
    pub retry_after: i64,
}

impl Error {
    /// Reads and frees what a function returned.
    // Tests pass what the library gave them a moment ago, and are about more than that.
    #[allow(clippy::not_unsafe_ptr_arg_deref)]
    pub fn check(error: Handle) -> Result<(), Error> {
        if error.is_null() {
            return Ok(());
        }
        let c = interface();
        unsafe {
            let read = Error {
                code: (c.error_code)(error),
                message: text((c.error_message)(error)).unwrap_or_default(),
                http_status: (c.error_http_status)(error),
                provider_type: text((c.error_provider_type)(error)),
                body: text((c.error_body)(error)),
                retry_after: (c.error_retry_after)(error),
            };
            (c.error_free)(error);
            Err(read)
        }
    }

    /// Everything that a log could show of it.
    pub fn all_text(&self) -> String {
        format!("{}\n{:?}\n{:?}", self.message, self.provider_type, self.body)
    }
}
