//! New tokens, and the answers that carry them.

use super::scopes;
use crate::provider::Provider;
use crate::provider::world::{AccessToken, LoginId, RefreshToken, Scopes, World};
use crate::random;
use crate::settings::{RefreshedToken, Settings};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;

/// The answer to a code.
pub(crate) fn first(
    provider: &Provider,
    world: &mut World,
    login: LoginId,
    scopes: Scopes,
    refreshable: bool,
) -> Value {
    let access_token = new_access_token(provider, world, login, &scopes);
    let mut answer = describe(world, &access_token, &scopes);
    if refreshable {
        let refresh_token = new_refresh_token(provider, world, login, scopes, &access_token);
        tell_life(provider, world, &mut answer, &refresh_token);
        answer["refresh_token"] = refresh_token.into();
    }
    answer
}

/// The answer to a refresh token, which goes on working as far as this is concerned.
pub(crate) fn again(
    provider: &Provider,
    world: &mut World,
    login: LoginId,
    granted: &Scopes,
    refresh_token: &str,
) -> Value {
    let mut scopes = granted.to_vec();
    if let Some(kept) = &world.settings.google.refreshed_scopes {
        let kept: Vec<String> = kept.iter().map(|scope| scopes::full_name(scope)).collect();
        scopes.retain(|scope| kept.contains(scope));
    }
    let scopes = Scopes::from(scopes);
    let access_token = new_access_token(provider, world, login, &scopes);
    let mut answer = describe(world, &access_token, &scopes);
    tell_life(provider, world, &mut answer, refresh_token);
    match world.settings.google.refreshed_token {
        RefreshedToken::Absent => {}
        RefreshedToken::Empty => answer["refresh_token"] = "".into(),
        RefreshedToken::Null => answer["refresh_token"] = Value::Null,
        RefreshedToken::New => {
            let granted = granted.clone();
            let new = new_refresh_token(provider, world, login, granted, &access_token);
            tell_life(provider, world, &mut answer, &new);
            answer["refresh_token"] = new.into();
        }
    }
    if let Some(old) = world.refresh_tokens.get_mut(refresh_token) {
        old.access_token = access_token;
    }
    answer
}

fn describe(world: &World, access_token: &str, scopes: &Scopes) -> Value {
    let mut answer = json!({
        "access_token": access_token,
        "scope": scopes.join(" "),
        "token_type": "Bearer",
    });
    if !world.settings.omit_expires_in {
        answer["expires_in"] = life(&world.settings).into();
    }
    answer
}

/// Says how long the refresh token lives, if its life is limited.
fn tell_life(provider: &Provider, world: &World, answer: &mut Value, refresh_token: &str) {
    let end = world.refresh_tokens.get(refresh_token).and_then(|token| token.expires_at);
    if let Some(end) = end {
        let left = end.saturating_sub(provider.clock.now());
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        answer["refresh_token_expires_in"] = seconds.into();
    }
}

/// Seconds an access token works: a test's number, or Google's own.
fn life(settings: &Settings) -> u64 {
    const OWN: u64 = 3_599;
    let (given, default) = (settings.token_life, Settings::default().token_life);
    if given == default { OWN } else { given }
}

fn new_access_token(
    provider: &Provider,
    world: &mut World,
    login: LoginId,
    scopes: &Scopes,
) -> String {
    let token = format!("ya29.a0A{}", URL_SAFE_NO_PAD.encode(random::bytes::<156>()));
    provider.secrets.note(&token);
    let now = provider.clock.now();
    let access = AccessToken {
        login,
        scopes: scopes.clone(),
        issued_at: now,
        expires_at: now.saturating_add(Duration::from_secs(life(&world.settings))),
        revoked: false,
    };
    world.access_tokens.insert(token.clone(), access);
    token
}

fn new_refresh_token(
    provider: &Provider,
    world: &mut World,
    login: LoginId,
    scopes: Scopes,
    access_token: &str,
) -> String {
    let token = format!("1//0{}", URL_SAFE_NO_PAD.encode(random::bytes::<72>()));
    provider.secrets.note(&token);
    let life = world.settings.google.refresh_token_life.map(Duration::from_secs);
    let refresh = RefreshToken {
        login,
        scopes,
        access_token: access_token.to_owned(),
        expires_at: life.map(|life| provider.clock.now().saturating_add(life)),
        revoked: false,
        spent: None,
    };
    world.refresh_tokens.insert(token.clone(), refresh);
    token
}
