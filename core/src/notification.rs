//! Whether a notification (a webhook's POST) is the provider's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{Error, Input, Result};

/// Fitbit's `X-Fitbit-Signature` is base64(HMAC-SHA1(client secret + "&", body)).
pub fn verify(app: &App, signature: &str, body: &[u8]) -> Result<()> {
    if !app.provider().signs_with_client_secret {
        return Err(Error::invalid(
            Input::App,
            "this provider signs with a key of its own, which is not published",
        ));
    }
    let Some(secret) = app.client_secret() else {
        return Err(Error::invalid(Input::App, "it has no client secret to verify with"));
    };
    // Long enough from the start: a text that grows leaves copies of itself in memory.
    let mut key = Zeroizing::new(String::with_capacity(secret.len() + 1));
    key.push_str(&secret);
    key.push('&');
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    // The base64 texts are compared, not the decoded bytes: a signature has only one spelling.
    let genuine = STANDARD.encode(hmac::sign(&key, body));
    match bool::from(genuine.as_bytes().ct_eq(signature.as_bytes())) {
        true => Ok(()),
        false => Err(Error::signature()),
    }
}
