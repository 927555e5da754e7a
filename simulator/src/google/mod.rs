//! What Google does: its endpoints by their paths.
//!
//! It differs from Fitbit in what a client is likely to get wrong: a refresh hands out no new
//! refresh token and the old one goes on working, nobody is told who the person is but by a
//! request of its own, and errors come in two shapes, one for OAuth and one for the API.

mod authorize;
mod client_authentication;
mod errors;
mod revoke;
mod scopes;
mod scripted;
mod token;
mod token_answer;
mod v4;

pub(crate) use scripted::{scripted_error, service_disabled};

use crate::answer::Answer;
use crate::counts::Class;
use crate::provider::Provider;
use crate::provider::authorization;
use crate::provider::registration::Dialect;
use crate::request::Request;
use authorize::Page;
use serde_json::Value;

pub(crate) const AUTHORIZE: &str = "/o/oauth2/v2/auth";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REVOKE: &str = "/revoke";

pub(crate) fn is_for(path: &str) -> bool {
    [AUTHORIZE, TOKEN, REVOKE].contains(&path) || v4::is_for(path)
}

pub(crate) fn classify(request: &Request) -> Class {
    match (request.method(), request.path()) {
        ("GET", AUTHORIZE) => Class::Authorize,
        ("POST", TOKEN) => Class::of_grant(request),
        ("POST", REVOKE) => Class::Revoke,
        (_, path) if v4::is_for(path) => Class::Api,
        _ => Class::Other,
    }
}

pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    match (request.method(), request.path()) {
        ("GET", AUTHORIZE) => authorization::ask::<Page>(provider, request),
        ("POST", AUTHORIZE) => authorization::decide::<Page>(provider, request),
        ("POST", TOKEN) => token::answer(provider, request),
        ("POST", REVOKE) => revoke::answer(provider, request),
        (_, path) if v4::is_for(path) => v4::answer(provider, request),
        _ => Answer::error_page(404),
    }
}

/// A login without a browser, as the token endpoint would answer it. Scopes may be shortened.
pub(crate) fn issue_token(
    provider: &Provider,
    client_id: &str,
    user_id: &str,
    scopes: &[&str],
) -> Value {
    let scopes = scopes.iter().map(|scope| scopes::full_name(scope)).collect();
    let mut world = provider.world();
    let login = world.login(Dialect::Google, client_id, user_id);
    world.logins[login].has_offline_access = true;
    token_answer::first(provider, &mut world, login, scopes, true)
}
