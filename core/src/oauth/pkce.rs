//! The protection of a login: the state (RFC 6749 section 10.12) and the PKCE challenge (RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

use crate::error::{Error, Result};

/// Random bytes in a state and in a code verifier: 43 characters each.
const RANDOM_BYTES: usize = 32;

pub(super) struct Pkce {
    pub state: CsrfToken,
    pub verifier: PkceCodeVerifier,
    pub challenge: PkceCodeChallenge,
}

impl Pkce {
    pub fn new() -> Result<Pkce> {
        let [state, verifier] = unguessable()?;
        let (state, verifier) = (CsrfToken::new(state), PkceCodeVerifier::new(verifier));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        Ok(Pkce { state, verifier, challenge })
    }
}

/// Two random texts of the characters `A-Za-z0-9_-`. The system is asked for random bytes once.
fn unguessable() -> Result<[String; 2]> {
    let mut bytes = [[0; RANDOM_BYTES]; 2];
    SystemRandom::new()
        .fill(bytes.as_flattened_mut())
        .map_err(|_| Error::internal("the system has no random bytes"))?;
    let texts = bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    bytes.zeroize();
    Ok(texts)
}
