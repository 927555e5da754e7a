//! The error codes of the C interface, and what the program should do for each.

use std::ffi::CStr;

use fitbit_core::ErrorKind;

use FitbitErrorCode::*;

/// What went wrong, and so what to do next.
///
/// The numbers are part of the ABI: none is ever given another meaning, and 0 is never an error.
/// Later versions may add codes, all below 32; treat one that you do not know like
/// FITBIT_ERROR_HTTP.
///
/// cbindgen:rename-all=None
#[repr(C)]
#[allow(non_camel_case_types)] // the header shows these names as they stand
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitbitErrorCode {
    /// An argument is NULL, not UTF-8, malformed or out of range, the app is already in use, or
    /// the call is forbidden inside this callback. The message names the argument: fix the
    /// program.
    FITBIT_ERROR_INVALID_ARGUMENT = 1,
    /// The redirect does not belong to this session. Drop it: it may be forged.
    FITBIT_ERROR_STATE_MISMATCH = 2,
    /// The person said no. Ask again later.
    FITBIT_ERROR_ACCESS_DENIED = 3,
    /// The provider reported another error in the redirect, or refused the authorization code.
    /// Start again at fitbit_step_one.
    FITBIT_ERROR_AUTHORIZATION = 4,
    /// The provider refused the client id or secret. Fix the configuration; logins are not lost.
    FITBIT_ERROR_INVALID_CLIENT = 5,
    /// The refresh token is dead, missing, revoked or another provider's. Read your store again,
    /// another process may have saved a newer token (where a token file or a guard keeps it, that has
    /// been done); else the person must log in again.
    FITBIT_ERROR_REAUTHORIZE = 6,
    /// The person did not grant the scope that this request needs. Log in again with it: they may have
    /// left it out, or the app did not ask (fitbit_app_set_scopes(), or "scope" in fitbit_step_one's
    /// params). The old login goes on working until then.
    FITBIT_ERROR_INSUFFICIENT_SCOPE = 7,
    /// Too many requests. Wait: fitbit_error_retry_after says how long, or -1 where the provider
    /// does not say; a minute is a good guess then.
    FITBIT_ERROR_RATE_LIMITED = 8,
    /// Any other status of 300 and above. Read status, type and message.
    FITBIT_ERROR_HTTP = 9,
    /// The provider has switched this service off. Move to its successor; trying again does not help.
    /// This is 410 Gone from Fitbit's token endpoint, or from its API without an error of Fitbit's own.
    /// With one ("errorType" in the body) only that path is gone: FITBIT_ERROR_HTTP. 410 from Google
    /// Health is FITBIT_ERROR_HTTP too.
    FITBIT_ERROR_PROVIDER_RETIRED = 10,
    /// A name did not resolve, a connection was refused, reset or closed, or TLS failed after the request
    /// was sent. Try again.
    FITBIT_ERROR_NETWORK = 11,
    /// The time allowed ran out. Try again.
    FITBIT_ERROR_TIMEOUT = 12,
    /// A certificate or the TLS handshake was refused; no request was sent. Do not try again blindly.
    FITBIT_ERROR_TLS = 13,
    /// The answer is not what HTTP or OAuth promise, or larger than allowed. Report it.
    FITBIT_ERROR_PROTOCOL = 14,
    /// The token callback, the token file or the guard did not save, or could not be used, also where
    /// the file is gone or holds something else. The client keeps its token and offers it again. Look
    /// at the store. Requests go on with a token that could not be saved, and report this only where
    /// they need a renewal; fitbit_refresh, fitbit_save, fitbit_from_file and fitbit_set_token_file
    /// report it.
    FITBIT_ERROR_STORE = 15,
    /// Your program ended the call or its handle: see "Ending calls". A request may have been carried out
    /// all the same.
    FITBIT_ERROR_CANCELLED = 16,
    /// A bug in this library, contained: handles stay usable. Report it.
    FITBIT_ERROR_INTERNAL = 17,
    /// The notification is not the provider's. Drop it.
    FITBIT_ERROR_SIGNATURE = 18,
}

impl From<ErrorKind> for FitbitErrorCode {
    fn from(kind: ErrorKind) -> FitbitErrorCode {
        match kind {
            ErrorKind::InvalidInput => FITBIT_ERROR_INVALID_ARGUMENT,
            ErrorKind::StateMismatch => FITBIT_ERROR_STATE_MISMATCH,
            ErrorKind::AccessDenied => FITBIT_ERROR_ACCESS_DENIED,
            ErrorKind::Authorization => FITBIT_ERROR_AUTHORIZATION,
            ErrorKind::InvalidClient => FITBIT_ERROR_INVALID_CLIENT,
            ErrorKind::Reauthorize => FITBIT_ERROR_REAUTHORIZE,
            ErrorKind::InsufficientScope => FITBIT_ERROR_INSUFFICIENT_SCOPE,
            ErrorKind::RateLimited => FITBIT_ERROR_RATE_LIMITED,
            ErrorKind::Http => FITBIT_ERROR_HTTP,
            ErrorKind::ProviderRetired => FITBIT_ERROR_PROVIDER_RETIRED,
            ErrorKind::Network => FITBIT_ERROR_NETWORK,
            ErrorKind::Timeout => FITBIT_ERROR_TIMEOUT,
            ErrorKind::Tls => FITBIT_ERROR_TLS,
            ErrorKind::Protocol => FITBIT_ERROR_PROTOCOL,
            ErrorKind::Store => FITBIT_ERROR_STORE,
            ErrorKind::Cancelled => FITBIT_ERROR_CANCELLED,
            ErrorKind::Internal => FITBIT_ERROR_INTERNAL,
            ErrorKind::Signature => FITBIT_ERROR_SIGNATURE,
        }
    }
}

/// The name of a code's number, or that of an unknown one.
pub(crate) fn name(number: u32) -> &'static CStr {
    let known = ErrorKind::ALL.iter().find(|kind| FitbitErrorCode::from(**kind) as u32 == number);
    known.map_or(c"FITBIT_ERROR_UNKNOWN", |kind| kind.name())
}
