//! What Fitbit does: its endpoints by their paths.

mod api;
mod authorize;
mod client_authentication;
mod errors;
mod introspect;
mod revoke;
mod scopes;
mod token;
mod token_answer;

pub(crate) use errors::scripted as scripted_error;

use crate::answer::Answer;
use crate::counts::Class;
use crate::provider::Provider;
use crate::provider::authorization;
use crate::provider::registration::Dialect;
use crate::request::Request;
use authorize::Page;
use serde_json::Value;

/// What Fitbit keeps beside what both providers keep.
#[derive(Debug, Default)]
pub(crate) struct Fitbit {
    diaries: api::Diaries,
    fillers: api::Fillers,
}

pub(crate) fn classify(request: &Request) -> Class {
    match (request.method(), request.path()) {
        ("GET", "/oauth2/authorize") => Class::Authorize,
        ("POST", "/oauth2/token") => Class::of_grant(request),
        ("POST", "/oauth2/revoke") => Class::Revoke,
        ("POST", "/1.1/oauth2/introspect") => Class::Introspect,
        (_, path) if api::is_for(path) => Class::Api,
        _ => Class::Other,
    }
}

pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    if provider.world().settings.retired {
        return Answer::error_page(410);
    }
    match (request.method(), request.path()) {
        ("GET", "/oauth2/authorize") => authorization::ask::<Page>(provider, request),
        ("POST", "/oauth2/authorize") => authorization::decide::<Page>(provider, request),
        ("POST", "/oauth2/token") => token::answer(provider, request),
        ("POST", "/oauth2/revoke") => revoke::answer(provider, request),
        ("POST", "/1.1/oauth2/introspect") => introspect::answer(provider, request),
        (_, path) if api::is_for(path) => api::answer(provider, request),
        _ => errors::not_found(),
    }
}

/// A login without a browser, as the token endpoint would answer it.
pub(crate) fn issue_token(
    provider: &Provider,
    client_id: &str,
    user_id: &str,
    scopes: &[&str],
) -> Value {
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    let mut world = provider.world();
    let login = world.login(Dialect::Fitbit, client_id, user_id);
    token_answer::mint(&mut world, login, scopes, provider.clock, &provider.secrets)
}
