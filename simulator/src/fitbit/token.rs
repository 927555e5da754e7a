//! The token endpoint: a code or a refresh token in, an access token and a new refresh token out.
//!
//! Codes and refresh tokens work once.

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

/// `POST /oauth2/token`
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
        _ => Err(errors::invalid_request("Unsupported grant_type")),
    }
}

/// The form of a request to an OAuth endpoint.
pub(crate) fn form_of(request: &Request) -> Result<Form, Answer> {
    credentials::form_of(request).map_err(|error| match error {
        NoForm::ContentType => errors::invalid_request("Invalid Content-Type"),
        NoForm::Repeated(name) => errors::invalid_request(&format!("Repeated parameter: {name}")),
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
        Refusal::Missing(name) => errors::missing_parameter(name),
        Refusal::Code(code) => errors::invalid_grant("Authorization code", code),
        Refusal::RedirectUri(uri) => errors::invalid_grant("Redirect URI", uri),
        Refusal::Verifier(verifier) => errors::invalid_grant("Code verifier", verifier),
    })?;
    let (login, scopes) = (redeemed.login, redeemed.scopes);
    let token = token_answer::mint(world, login, scopes, provider.clock, &provider.secrets);
    Ok(Answer::json(200, &token))
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
    match world.present(Dialect::Fitbit, client_id, given, now) {
        Presented::Good { login, scopes } => {
            let token = token_answer::mint(world, login, scopes, provider.clock, &provider.secrets);
            let answer = Answer::json(200, &token);
            world.spend(given, now, &answer);
            Ok(answer)
        }
        Presented::Again(answer) => Ok(answer),
        Presented::Refused => Err(errors::invalid_grant("Refresh token", given)),
    }
}
