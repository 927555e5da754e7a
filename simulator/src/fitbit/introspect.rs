//! Introspection: one access token asks about another, or about itself.

use super::{api, errors, token};
use crate::answer::Answer;
use crate::provider::Provider;
use crate::provider::world::{AccessToken, World};
use crate::request::Request;
use serde_json::json;

/// `POST /1.1/oauth2/introspect`
pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    respond(provider, request).unwrap_or_else(|refusal| refusal)
}

fn respond(provider: &Provider, request: &Request) -> Result<Answer, Answer> {
    let world = provider.world();
    api::bearer(provider, &world, request)?;
    let form = token::form_of(request)?;
    let given = form.get("token").ok_or_else(|| errors::missing_parameter("token"))?;
    let token = world.access_tokens.get(given);
    let active = token.filter(|token| !token.revoked && provider.clock.now() < token.expires_at);
    let answer = active.map(|token| describe(provider, &world, token));
    Ok(Answer::json(200, &answer.unwrap_or_else(|| json!({"active": false}))))
}

fn describe(provider: &Provider, world: &World, token: &AccessToken) -> serde_json::Value {
    let login = &world.logins[token.login];
    // The provider counts milliseconds here and seconds everywhere else.
    let millis =
        |moment| u64::try_from(provider.clock.unix(moment).as_millis()).unwrap_or(u64::MAX);
    let scopes: Vec<String> =
        token.scopes.iter().map(|scope| format!("{}=READ", scope.to_uppercase())).collect();
    json!({
        "active": true,
        "scope": format!("{{{}}}", scopes.join(", ")),
        "client_id": login.client_id,
        "user_id": &*login.user_id,
        "token_type": "access_token",
        "exp": millis(token.expires_at),
        "iat": millis(token.issued_at),
    })
}
