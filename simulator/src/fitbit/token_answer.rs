//! A new pair of tokens, and the answer that carries it.

use super::scopes;
use crate::clock::Clock;
use crate::provider::world::{AccessToken, LoginId, RefreshToken, Scopes, World};
use crate::random;
use crate::secrets::Secrets;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) fn mint(
    world: &mut World,
    login: LoginId,
    scopes: Scopes,
    clock: Clock,
    secrets: &Secrets,
) -> Value {
    let now = clock.now();
    let life = world.settings.token_life;
    let access = AccessToken {
        login,
        scopes: scopes.clone(),
        issued_at: now,
        expires_at: now.saturating_add(Duration::from_secs(life)),
        revoked: false,
    };
    let access_token = encode(world, &access, clock);
    let refresh_token = random::hex::<32>();
    secrets.note(&access_token);
    secrets.note(&refresh_token);

    let mut answer = json!({
        "access_token": access_token,
        "expires_in": life,
        "refresh_token": refresh_token,
        "scope": scopes.join(" "),
        "token_type": "Bearer",
        "user_id": &*world.logins[login].user_id,
    });
    if world.settings.omit_expires_in
        && let Some(fields) = answer.as_object_mut()
    {
        fields.remove("expires_in");
    }
    let refresh = RefreshToken {
        login,
        scopes,
        access_token: access_token.clone(),
        expires_at: None,
        revoked: false,
        spent: None,
    };
    world.access_tokens.insert(access_token, access);
    world.refresh_tokens.insert(refresh_token, refresh);
    answer
}

/// Looks like the provider's signed JWT; the signature is drawn, as nobody here checks it.
fn encode(world: &World, token: &AccessToken, clock: Clock) -> String {
    let login = &world.logins[token.login];
    let header = json!({"alg": "HS256"});
    let claims = json!({
        "aud": login.client_id,
        "sub": &*login.user_id,
        "iss": "Fitbit",
        "typ": "access_token",
        "scopes": scopes::claim(&token.scopes),
        "exp": clock.unix(token.issued_at).as_secs().saturating_add(world.settings.token_life),
        "iat": clock.unix(token.issued_at).as_secs(),
    });
    let parts = [header.to_string(), claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signature = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    format!("{}.{}.{signature}", parts[0], parts[1])
}
