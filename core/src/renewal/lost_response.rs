//! The one rule for a lost response: what a request with a refresh token says of that token.
//!
//! It is pure: no clock, no lock, no network. docs/lost-answers.md is measured from outside and shows
//! what the rule comes to.

use crate::error::ErrorKind;
use crate::oauth::token_endpoint::End;
use crate::provider::error_response::Words;

/// What one request to the token endpoint means for the refresh token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The provider may have used it up for this request. This says nothing about an earlier one.
    pub possibly_used: bool,
    /// The same call asks again, on a fresh connection.
    pub ask_again: bool,
}

/// Doubt begins with the first byte of the HTTP request. It ends with a token, or with the provider's
/// own refusal: a 4xx in its own words, none that pass, and not 409 (Fitbit says that while another
/// request with the same refresh token is under way). A response of anybody else ends no doubt.
///
/// The call does not ask again if the same response is to be expected.
pub(super) fn judge(end: End, code: ErrorKind) -> Judgement {
    let (possibly_used, ask_again) = match end {
        End::NotSent => {
            (false, matches!(code, ErrorKind::Network | ErrorKind::Timeout | ErrorKind::Protocol))
        }
        // Only what can be repeated is cut by the program: its refresh token can be used again.
        End::Cut if code == ErrorKind::Cancelled => (false, false),
        End::Cut => (true, true),
        End::Granted => (false, false),
        End::Response { status, words } => match (status, words) {
            (409, _) => (true, true),
            (400..=499, Words::Own) => (false, false),
            (400..=499, Words::Foreign) | (300..=399, _) => (true, false),
            _ => (true, true),
        },
    };
    Judgement { possibly_used, ask_again }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const CLEAR: Judgement = Judgement { possibly_used: false, ask_again: false };
    const LOST: Judgement = Judgement { possibly_used: true, ask_again: true };
    const FOREIGN: Judgement = Judgement { possibly_used: true, ask_again: false };
    const UNSENT: Judgement = Judgement { possibly_used: false, ask_again: true };

    fn response(status: u16, words: Words) -> Judgement {
        judge(End::Response { status, words }, ErrorKind::Http)
    }

    #[test]
    fn doubt_begins_with_the_first_byte_of_the_http_request() {
        for code in [ErrorKind::Network, ErrorKind::Timeout, ErrorKind::Protocol] {
            assert_eq!(judge(End::NotSent, code), UNSENT, "{code:?}");
            assert_eq!(judge(End::Cut, code), LOST, "{code:?}");
        }
        for code in [ErrorKind::Tls, ErrorKind::InvalidInput, ErrorKind::Internal] {
            assert_eq!(judge(End::NotSent, code), CLEAR, "{code:?}: it cannot succeed");
        }
        assert_eq!(judge(End::Cut, ErrorKind::Cancelled), CLEAR, "the program cut it");
    }

    #[test]
    fn a_token_ends_the_doubt() {
        assert_eq!(judge(End::Granted, ErrorKind::Http), CLEAR);
        for words in [Words::Own, Words::Passing, Words::Foreign] {
            assert_eq!(response(200, words), LOST, "a success without a token: {words:?}");
        }
    }

    #[test]
    fn only_the_providers_own_refusal_ends_the_doubt() {
        for status in [400, 401, 403, 410, 429] {
            assert_eq!(response(status, Words::Own), CLEAR, "{status}");
            assert_eq!(response(status, Words::Passing), LOST, "{status}");
            assert_eq!(response(status, Words::Foreign), FOREIGN, "{status}");
        }
        for words in [Words::Own, Words::Passing, Words::Foreign] {
            assert_eq!(response(409, words), LOST, "{words:?}");
            assert_eq!(response(503, words), LOST, "{words:?}");
            assert_eq!(response(302, words), FOREIGN, "{words:?}");
        }
    }
}
