//! Revocation (RFC 7009): a token of either kind ends the person's whole login.

use super::client_authentication::authenticate;
use super::{Fitbit, errors, token};
use crate::answer::Answer;
use crate::request::Request;

/// `POST /oauth2/revoke`
pub(crate) fn answer(fitbit: &Fitbit, request: &Request) -> Answer {
    respond(fitbit, request).unwrap_or_else(|refusal| refusal)
}

fn respond(fitbit: &Fitbit, request: &Request) -> Result<Answer, Answer> {
    let form = token::form_of(request)?;
    let given = form.get("token").ok_or_else(|| errors::missing_parameter("token"))?;
    let mut world = fitbit.world();
    let client_id = authenticate(&world, request, &form)?.client_id.clone();
    let access = world.access_tokens.get(given).map(|token| token.login);
    let refresh = world.refresh_tokens.get(given).map(|token| token.login);
    if let Some(login) = access.or(refresh) {
        if world.logins[login].client_id != client_id {
            return Err(errors::invalid_request("The token belongs to another client"));
        }
        world.revoke(login);
    }
    // An unknown token is as good as revoked (RFC 7009 section 2.2).
    Ok(Answer::empty(200))
}
