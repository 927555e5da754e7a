//! Notifications (webhooks) that the program's server received.

use std::ffi::c_void;

use libc::c_char;

use crate::app::FitbitApp;
use crate::client::bytes;
use crate::{FitbitError, fallible, handle, text};

/// # Notifications
///
/// A provider's notifications come to a server of yours, from anybody who knows its address: believe
/// none before it is verified. No function here listens.
///
/// ---
/// Verifies that a notification is the provider's. NULL, success: it is genuine.
///
/// FITBIT_ERROR_SIGNATURE: it is not; drop it, Fitbit asks for the answer 404. FITBIT_ERROR_INVALID_ARGUMENT:
/// the app has no client secret; or it is a Google Health app, whose notifications are signed with a key
/// that is not published.
///
/// @param signature  the value of X-Fitbit-Signature: base64(HMAC-SHA1(client secret + "&", body)). Bytes
///                   that are not UTF-8 are FITBIT_ERROR_INVALID_ARGUMENT: drop the notification too.
/// @param body       the notification's bytes exactly as they came; may be NULL where body_len is 0
/// @param body_len   their number
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_verify_signature(
    app: *mut FitbitApp,
    signature: *const c_char,
    body: *const c_void,
    body_len: usize,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles, strings and bytes.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        let signature = text(signature, "signature")?;
        let body = bytes(body, body_len)?.unwrap_or_default();
        Ok(fitbit_core::verify(&app.app, signature, body)?)
    })
}
