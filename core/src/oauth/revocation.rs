//! Ending a login at the provider (RFC 7009).
//!
//! The request has one field. It is written here, because oauth2 refuses plain http, which is for loopback.

use oauth2::http::header;
use oauth2::url::form_urlencoded;
use zeroize::Zeroizing;

use super::token_endpoint::{Attempt, End, TokenEndpoint};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind};
use crate::http::Transport;
use crate::provider::ClientAuth;
use crate::provider::error_response::ProviderError;

/// The errors for a token that does not work any more.
const USED_UP: [&str; 3] = ["invalid_token", "expired_token", "invalid_grant"];

impl TokenEndpoint {
    /// Ends a login. It is a success, too, if the provider says that the token does not work any more. Either
    /// token ends the whole login. No error may show the tokens in `held`.
    pub fn revoke(
        &self,
        token: &str,
        held: [&str; 2],
        transport: &Transport,
        deadline: &Deadline,
    ) -> Attempt<()> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token);
        let mut request = oauth2::http::Request::post(&self.revoke_uri)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if self.provider.revocation_is_authenticated {
            match (&self.basic, self.client_auth) {
                (Some(basic), ClientAuth::Basic) => {
                    let value = Zeroizing::new(format!("Basic {}", basic.as_str()));
                    request = request.header(header::AUTHORIZATION, value.as_str());
                }
                (_, auth) => {
                    form.append_pair("client_id", &self.client_id);
                    if let (Some(secret), ClientAuth::Body) = (&self.client_secret, auth) {
                        form.append_pair("client_secret", secret);
                    }
                }
            }
        }
        let Ok(request) = request.body(form.finish().into_bytes()) else {
            return Attempt::not_sent(Error::internal("an address that was checked is refused"));
        };
        let secrets = self.secrets(held);
        let response = match self.send_once(request, &secrets, transport, deadline) {
            Ok(response) => response,
            Err(failed) => return failed.into(),
        };
        match response.status {
            200..=299 => Attempt::new(End::Granted, Ok(())),
            400 | 401 if ProviderError::read(&response).is_one_of(&USED_UP) => {
                Attempt::new(End::Granted, Ok(()))
            }
            _ => self.refused(&response, ErrorKind::Http, &secrets),
        }
    }
}
