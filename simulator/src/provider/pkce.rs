//! PKCE (RFC 7636): the challenge of the authorize request against the verifier of the exchange.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug)]
enum Method {
    Plain,
    S256,
}

#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    method: Method,
    value: String,
}

/// What is wrong with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChallengeError {
    /// Its method is neither `plain` nor `S256`.
    Method,
    /// It is too short, too long, or has characters that a challenge cannot have.
    Value,
}

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    ///
    /// Without a method the challenge is the verifier itself, which is why clients name S256.
    pub(crate) fn read(
        challenge: Option<&str>,
        method: Option<&str>,
    ) -> Result<Option<Self>, ChallengeError> {
        let method = match method {
            None | Some("plain") => Method::Plain,
            Some("S256") => Method::S256,
            Some(_) => return Err(ChallengeError::Method),
        };
        match challenge {
            None => Ok(None),
            Some(value) if is_well_formed(value) => {
                Ok(Some(Self { method, value: value.to_owned() }))
            }
            Some(_) => Err(ChallengeError::Value),
        }
    }

    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        let derived = match self.method {
            Method::Plain => verifier.to_owned(),
            Method::S256 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        };
        is_well_formed(verifier) && derived == self.value
    }
}

/// 43 to 128 unreserved characters (RFC 7636 sections 4.1 and 4.2).
fn is_well_formed(text: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_accepted() {
        // RFC 7636 appendix B.
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let challenge = Challenge::read(Some(challenge), Some("S256"));
        let met = |verifier| matches!(&challenge, Ok(Some(c)) if c.is_met_by(verifier));
        assert!(met("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!met("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }
}
