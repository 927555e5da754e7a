//! The token endpoint: a code or a refresh token in, an access token and a new refresh token out.
//!
//! Codes and refresh tokens work once. Whatever is wrong with a request is found before its code
//! or token is spent, so a mistaken request does not cost the login.

use super::client_authentication::authenticate;
use super::world::World;
use super::{Fitbit, errors, token_answer};
use crate::answer::Answer;
use crate::form::Form;
use crate::request::Request;
use std::time::Duration;

/// `POST /oauth2/token`
pub(crate) fn answer(fitbit: &Fitbit, request: &Request) -> Answer {
    respond(fitbit, request).unwrap_or_else(|refusal| refusal)
}

fn respond(fitbit: &Fitbit, request: &Request) -> Result<Answer, Answer> {
    let form = form_of(request)?;
    let grant_type = form.get("grant_type");
    let grant_type = grant_type.ok_or_else(|| errors::missing_parameter("grant_type"))?;
    let mut world = fitbit.world();
    let client_id = authenticate(&world, request, &form)?.client_id.clone();
    match grant_type {
        "authorization_code" => exchange(fitbit, &mut world, &client_id, &form),
        "refresh_token" => refresh(fitbit, &mut world, &client_id, &form),
        _ => Err(errors::invalid_request("Unsupported grant_type")),
    }
}

/// The form of a request to an OAuth endpoint.
pub(crate) fn form_of(request: &Request) -> Result<Form, Answer> {
    if request.media_type() != "application/x-www-form-urlencoded" {
        return Err(errors::invalid_request("Invalid Content-Type"));
    }
    let form = request.form();
    match form.repeated() {
        Some(name) => Err(errors::invalid_request(&format!("Repeated parameter: {name}"))),
        None => Ok(form),
    }
}

fn exchange(
    fitbit: &Fitbit,
    world: &mut World,
    client_id: &str,
    form: &Form,
) -> Result<Answer, Answer> {
    let given = form.get("code").ok_or_else(|| errors::missing_parameter("code"))?;
    let refused = || errors::invalid_grant("Authorization code", given);
    let code = world.codes.get_mut(given).ok_or_else(refused)?;
    if code.spent {
        world.replayed_codes += 1;
        return Err(refused());
    }
    if code.request.client_id != client_id || fitbit.clock.now() >= code.expires_at {
        return Err(refused());
    }
    let expected = Some(code.request.redirect_uri.as_str());
    match form.get("redirect_uri") {
        None if code.request.named_redirect_uri => {
            return Err(errors::missing_parameter("redirect_uri"));
        }
        Some(uri) if Some(uri) != expected => {
            return Err(errors::invalid_grant("Redirect URI", uri));
        }
        _ => {}
    }
    match (&code.request.challenge, form.get("code_verifier")) {
        (None, None) => {}
        (Some(_), None) => return Err(errors::missing_parameter("code_verifier")),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
        // A verifier without a challenge is what an attack that strips the challenge looks like
        // (RFC 9700 section 2.1.1).
        (_, Some(verifier)) => return Err(errors::invalid_grant("Code verifier", verifier)),
    }
    code.spent = true;
    let (user_id, scopes) = (code.user_id.clone(), code.scopes.clone());
    let login = world.login(client_id, &user_id);
    let token = token_answer::mint(world, login, scopes, fitbit.clock, &fitbit.secrets);
    Ok(Answer::json(200, &token))
}

fn refresh(
    fitbit: &Fitbit,
    world: &mut World,
    client_id: &str,
    form: &Form,
) -> Result<Answer, Answer> {
    let given = form.get("refresh_token");
    let given = given.ok_or_else(|| errors::missing_parameter("refresh_token"))?;
    let refused = || errors::invalid_grant("Refresh token", given);
    let now = fitbit.clock.now();
    let token = world.refresh_tokens.get(given).ok_or_else(refused)?;
    let login = token.login;
    if token.revoked || world.logins[login].client_id != client_id {
        return Err(refused());
    }
    if let Some((at, answer)) = &token.spent {
        if now.saturating_sub(*at) < world.settings.grace.unwrap_or(Duration::ZERO) {
            return Ok(answer.clone());
        }
        world.replayed_refresh_tokens += 1;
        return Err(refused());
    }
    let scopes = token.scopes.clone();
    if !world.settings.old_access_token_survives_refresh
        && let Some(old) = world.access_tokens.get_mut(&token.access_token)
    {
        old.revoked = true;
    }
    let token = token_answer::mint(world, login, scopes, fitbit.clock, &fitbit.secrets);
    let answer = Answer::json(200, &token);
    if let Some(token) = world.refresh_tokens.get_mut(given) {
        token.spent = Some((now, answer.clone()));
    }
    Ok(answer)
}
