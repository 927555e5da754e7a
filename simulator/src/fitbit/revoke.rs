//! Revocation (RFC 7009): a token of either kind ends the person's whole login.

use super::client_authentication::authenticate;
use super::{errors, token};
use crate::answer::Answer;
use crate::provider::Provider;
use crate::provider::registration::Dialect;
use crate::request::Request;

/// `POST /oauth2/revoke`
pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    respond(provider, request).unwrap_or_else(|refusal| refusal)
}

fn respond(provider: &Provider, request: &Request) -> Result<Answer, Answer> {
    let form = token::form_of(request)?;
    let given = form.get("token").ok_or_else(|| errors::missing_parameter("token"))?;
    let mut world = provider.world();
    let client_id = authenticate(&world, request, &form)?.client_id.clone();
    if let Some(login) = world.login_behind(Dialect::Fitbit, given) {
        if world.logins[login].client_id != client_id {
            return Err(errors::invalid_request("The token belongs to another client"));
        }
        world.revoke(login);
    }
    // An unknown token is as good as revoked (RFC 7009 section 2.2).
    Ok(Answer::empty(200))
}
