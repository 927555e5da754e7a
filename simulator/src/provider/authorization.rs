//! The way through the authorize page, the same for both providers: the request is checked, a
//! person decides, the browser is sent back with a code or with `access_denied`.
//!
//! A request that is wrong gets an error page and never a redirect, other than in RFC 6749.

use super::registration::Dialect;
use super::world::{AuthorizationRequest, Code, World};
use super::{Provider, consent_page};
use crate::answer::Answer;
use crate::form::{self, Form};
use crate::random;
use crate::request::Request;
use crate::settings::Consent;

/// What a provider does its own way.
pub(crate) trait AuthorizePage {
    const DIALECT: Dialect;
    /// Where the page is, and where its form goes.
    const PATH: &'static str;

    /// The request, if it is in order, or else an error page.
    fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, Answer>;

    /// The page for a decision about a request that nobody made, or that was decided before.
    fn not_current() -> Answer;

    fn new_code() -> String;

    /// The full name of a scope that a test may have shortened.
    fn scope_name(scope: &str) -> String;

    /// Where the browser is sent.
    fn location(world: &World, asked: &AuthorizationRequest, outcome: &Outcome<'_>) -> String;
}

/// What the person decided.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Granted { code: &'a str, scopes: &'a [String] },
    Denied,
}

/// The authorize request.
pub(crate) fn ask<P: AuthorizePage>(provider: &Provider, request: &Request) -> Answer {
    let mut world = provider.world();
    let asked = match P::check(&world, &request.query()) {
        Ok(asked) => asked,
        Err(page) => return page,
    };
    match world.settings.consent {
        Consent::Page => {
            let id = random::hex::<16>();
            let page = consent_page::form(P::PATH, &id, &asked, &world.settings.user_id);
            world.consents.insert(id, asked);
            page
        }
        Consent::Grant => {
            let scopes = asked.scopes.clone();
            grant::<P>(provider, &mut world, asked, scopes)
        }
        Consent::Deny => redirect::<P>(&world, &asked, &Outcome::Denied),
    }
}

/// The consent page's form.
pub(crate) fn decide<P: AuthorizePage>(provider: &Provider, request: &Request) -> Answer {
    let form = request.form();
    let mut world = provider.world();
    let Some(asked) = form.get("consent").and_then(|id| world.consents.remove(id)) else {
        return P::not_current();
    };
    let ticked = |scope: &&String| form.all("scope").any(|ticked| ticked == *scope);
    let scopes: Vec<String> = asked.scopes.iter().filter(ticked).cloned().collect();
    match form.get("decision") {
        Some("grant") if !scopes.is_empty() => grant::<P>(provider, &mut world, asked, scopes),
        _ => redirect::<P>(&world, &asked, &Outcome::Denied),
    }
}

fn grant<P: AuthorizePage>(
    provider: &Provider,
    world: &mut World,
    asked: AuthorizationRequest,
    mut scopes: Vec<String>,
) -> Answer {
    if let Some(granted) = &world.settings.granted_scopes {
        let granted: Vec<String> = granted.iter().map(|scope| P::scope_name(scope)).collect();
        scopes.retain(|scope| granted.contains(scope));
    }
    let code = P::new_code();
    provider.secrets.note(&code);
    // As it stands in an address that somebody may print.
    provider.secrets.note(&form::encode(&code));
    let answer = redirect::<P>(world, &asked, &Outcome::Granted { code: &code, scopes: &scopes });
    let user_id = world.settings.user_id.clone();
    let login = world.login(P::DIALECT, &asked.client_id, &user_id);
    let known = &mut world.logins[login].has_offline_access;
    let refreshable = asked.offline && (asked.prompts_consent || !*known);
    *known |= asked.offline;
    let issued = Code {
        request: asked,
        login,
        scopes: scopes.into(),
        refreshable,
        expires_at: provider.clock.now() + world.settings.code_life,
        spent: false,
    };
    world.codes.insert(code, issued);
    answer
}

fn redirect<P: AuthorizePage>(
    world: &World,
    asked: &AuthorizationRequest,
    outcome: &Outcome<'_>,
) -> Answer {
    Answer::redirect(302, P::location(world, asked, outcome))
}

/// `uri` with these fields added to its query.
pub(crate) fn with_fields(uri: &str, encoded_fields: &str) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{encoded_fields}")
}
