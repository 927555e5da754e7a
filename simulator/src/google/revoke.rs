//! Revocation (RFC 7009), of which nobody has to prove who they are: a token of either kind ends
//! the person's whole grant to the application.

use super::{errors, token};
use crate::answer::Answer;
use crate::provider::Provider;
use crate::provider::registration::Dialect;
use crate::request::Request;
use serde_json::json;

/// `POST /revoke`
pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    respond(provider, request).unwrap_or_else(|refusal| refusal)
}

fn respond(provider: &Provider, request: &Request) -> Result<Answer, Answer> {
    let form = token::form_of(request)?;
    let given = form.get("token").ok_or_else(|| errors::missing_parameter("token"))?;
    let mut world = provider.world();
    let login = world.live_login_behind(Dialect::Google, given, provider.clock.now());
    // Other than RFC 7009 section 2.2 has it, a token that is none is an error.
    let gone = || errors::oauth(400, "invalid_token", "Token expired or revoked");
    world.revoke(login.ok_or_else(gone)?);
    Ok(Answer::json(200, &json!({})))
}
