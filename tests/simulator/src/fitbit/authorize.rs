//! The authorize page: the request is checked, a person decides, the browser is sent back with
//! a code or with `access_denied`.
//!
//! A request that is wrong gets an error page and never a redirect, other than in RFC 6749.

use super::pkce::Challenge;
use super::registration::{ApplicationKind, Registration};
use super::world::{AuthorizationRequest, Code, World};
use super::{Fitbit, consent_page, scopes};
use crate::answer::Answer;
use crate::form::{self, Form};
use crate::random;
use crate::request::Request;
use crate::settings::Consent;

/// `GET /oauth2/authorize`
pub(crate) fn ask(fitbit: &Fitbit, request: &Request) -> Answer {
    let mut world = fitbit.world();
    let asked = match check(&world, &request.query()) {
        Ok(asked) => asked,
        Err(message) => return consent_page::error(&message),
    };
    match world.settings.consent {
        Consent::Page => {
            let id = random::hex::<16>();
            let page = consent_page::form(&id, &asked, &world.settings.user_id);
            world.consents.insert(id, asked);
            page
        }
        Consent::Grant => {
            let scopes = asked.scopes.clone();
            grant(fitbit, &mut world, asked, scopes)
        }
        Consent::Deny => deny(&world, &asked),
    }
}

/// `POST /oauth2/authorize`: the consent page's form.
pub(crate) fn decide(fitbit: &Fitbit, request: &Request) -> Answer {
    let form = request.form();
    let mut world = fitbit.world();
    let Some(asked) = form.get("consent").and_then(|id| world.consents.remove(id)) else {
        return consent_page::error("invalid_request - The consent page is not current");
    };
    let ticked = |scope: &&String| form.all("scope").any(|ticked| ticked == *scope);
    let scopes: Vec<String> = asked.scopes.iter().filter(ticked).cloned().collect();
    match form.get("decision") {
        Some("grant") if !scopes.is_empty() => grant(fitbit, &mut world, asked, scopes),
        _ => deny(&world, &asked),
    }
}

fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, String> {
    if let Some(name) = query.repeated() {
        return Err(format!("invalid_request - Repeated parameter: {name}"));
    }
    let missing = |name| format!("invalid_request - Missing parameters: {name}");
    let client_id = query.get("client_id").ok_or_else(|| missing("client_id"))?;
    let client = world.registrations.get(client_id);
    let client = client.ok_or("unauthorized_client - Invalid client_id")?;
    let redirect_uri = redirect_uri(client, query)?;
    match query.get("response_type") {
        Some("code") => {}
        Some(_) => {
            let message = "unsupported_response_type - Invalid response_type parameter value";
            return Err(message.to_owned());
        }
        None => return Err(missing("response_type")),
    }
    let scopes: Vec<String> =
        query.get("scope").unwrap_or("").split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(missing("scope"));
    }
    if let Some(scope) = scopes.iter().find(|scope| !scopes::exists(scope)) {
        return Err(format!("invalid_scope - Invalid scope: {scope}"));
    }
    let challenge =
        Challenge::read(query.get("code_challenge"), query.get("code_challenge_method"))
            .map_err(|message| format!("invalid_request - {message}"))?;
    if client.kind == ApplicationKind::Client && challenge.is_none() {
        return Err("invalid_request - The code_challenge parameter is invalid".to_owned());
    }
    Ok(AuthorizationRequest {
        client_id: client.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        named_redirect_uri: query.get("redirect_uri").is_some(),
        scopes,
        state: query.get("state").map(str::to_owned),
        challenge,
    })
}

/// The named redirect URI if it is registered as it stands, or else the only one there is.
fn redirect_uri<'a>(client: &'a Registration, query: &Form) -> Result<&'a str, &'static str> {
    match (query.get("redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(named), registered) => {
            let same = registered.iter().find(|uri| *uri == named);
            same.map(String::as_str).ok_or("invalid_request - Invalid redirect_uri parameter value")
        }
        (None, [only]) if query.get("prompt").is_none() => Ok(only),
        (None, _) => Err("invalid_request - Missing redirect_uri parameter value"),
    }
}

fn grant(
    fitbit: &Fitbit,
    world: &mut World,
    asked: AuthorizationRequest,
    mut scopes: Vec<String>,
) -> Answer {
    if let Some(granted) = &world.settings.granted_scopes {
        scopes.retain(|scope| granted.contains(scope));
    }
    let code = random::hex::<20>();
    fitbit.secrets.note(&code);
    let answer = redirect(world, &asked, &[("code", &code)]);
    let issued = Code {
        request: asked,
        user_id: world.settings.user_id.clone(),
        scopes: scopes.into(),
        expires_at: fitbit.clock.now() + world.settings.code_life,
        spent: false,
    };
    world.codes.insert(code, issued);
    answer
}

fn deny(world: &World, asked: &AuthorizationRequest) -> Answer {
    let description = ("error_description", "The user denied the request.");
    redirect(world, asked, &[("error", "access_denied"), description])
}

fn redirect(world: &World, asked: &AuthorizationRequest, fields: &[(&str, &str)]) -> Answer {
    let state = asked.state.as_deref().map(|state| ("state", state));
    let fields: Vec<(&str, &str)> = fields.iter().copied().chain(state).collect();
    // Form encoding has a plus for a space (RFC 6749 section 4.1.2).
    let query = form::encode_fields(&fields).replace("%20", "+");
    let separator = if asked.redirect_uri.contains('?') { '&' } else { '?' };
    let fragment = if world.settings.append_fragment { "#_=_" } else { "" };
    Answer::redirect(302, format!("{}{separator}{query}{fragment}", asked.redirect_uri))
}
