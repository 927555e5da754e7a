//! The token endpoint: a code or a refresh token in, an access token out.
//!
//! A code works once; a refresh token works until it is revoked, and none comes in its place
//! unless the settings say so.

use super::client_authentication::authenticate;
use super::{errors, token_answer};
use crate::answer::Answer;
use crate::form::Form;
use crate::provider::Provider;
use crate::provider::codes::{self, Refusal};
use crate::provider::credentials::{self, NoForm};
use crate::provider::registration::Dialect;
use crate::provider::tokens::Presented;
use crate::provider::world::World;
use crate::request::Request;
use crate::settings::RefreshedToken;

/// `POST /token`
pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    respond(provider, request).unwrap_or_else(|refusal| refusal)
}

fn respond(provider: &Provider, request: &Request) -> Result<Answer, Answer> {
    let form = form_of(request)?;
    let grant_type = form.get("grant_type");
    let grant_type = grant_type.ok_or_else(|| errors::missing_parameter("grant_type"))?;
    let mut world = provider.world();
    let client_id = authenticate(&world, request, &form)?.client_id.clone();
    match grant_type {
        "authorization_code" => exchange(provider, &mut world, &client_id, &form),
        "refresh_token" => refresh(provider, &mut world, &client_id, &form),
        other => {
            let description = format!("Invalid grant_type: {other}");
            Err(errors::oauth(400, "unsupported_grant_type", &description))
        }
    }
}

/// The form of a request to an OAuth endpoint.
pub(crate) fn form_of(request: &Request) -> Result<Form, Answer> {
    credentials::form_of(request).map_err(|error| match error {
        NoForm::ContentType => errors::invalid_request("The request is not a form."),
        NoForm::Repeated(name) => {
            errors::invalid_request(&format!("OAuth 2 parameters can only have one value: {name}"))
        }
    })
}

fn exchange(
    provider: &Provider,
    world: &mut World,
    client_id: &str,
    form: &Form,
) -> Result<Answer, Answer> {
    let redeemed = codes::redeem(world, provider.clock.now(), client_id, form);
    let redeemed = redeemed.map_err(|refusal| match refusal {
        Refusal::Missing("code_verifier") => errors::invalid_grant("Missing code verifier."),
        Refusal::Missing(name) => errors::missing_parameter(name),
        Refusal::Code(_) => errors::invalid_grant("Malformed auth code."),
        Refusal::RedirectUri(_) => errors::invalid_grant("The redirect URI does not match."),
        Refusal::Verifier(_) => errors::invalid_grant("Invalid code verifier."),
    })?;
    let (login, scopes) = (redeemed.login, redeemed.scopes);
    let answer = token_answer::first(provider, world, login, scopes, redeemed.refreshable);
    Ok(Answer::json(200, &answer))
}

fn refresh(
    provider: &Provider,
    world: &mut World,
    client_id: &str,
    form: &Form,
) -> Result<Answer, Answer> {
    let given = form.get("refresh_token");
    let given = given.ok_or_else(|| errors::missing_parameter("refresh_token"))?;
    let now = provider.clock.now();
    match world.present(Dialect::Google, client_id, given, now) {
        Presented::Good { login, scopes } => {
            let answer = token_answer::again(provider, world, login, &scopes, given);
            let answer = Answer::json(200, &answer);
            let google = &world.settings.google;
            if google.strict_rotation && google.refreshed_token == RefreshedToken::New {
                world.spend(given, now, &answer);
            }
            Ok(answer)
        }
        Presented::Again(answer) => Ok(answer),
        Presented::Refused => Err(errors::expired_or_revoked()),
    }
}
