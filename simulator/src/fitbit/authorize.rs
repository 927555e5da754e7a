//! Fitbit's authorize page: what it takes, and where it sends the browser.

use super::scopes;
use crate::answer::Answer;
use crate::form::{self, Form};
use crate::provider::authorization::{AuthorizePage, Outcome, with_fields};
use crate::provider::consent_page;
use crate::provider::pkce::{Challenge, ChallengeError};
use crate::provider::registration::{ApplicationKind, Dialect, Registration};
use crate::provider::world::{AuthorizationRequest, World};
use crate::random;

#[derive(Debug)]
pub(crate) struct Page;

impl AuthorizePage for Page {
    const DIALECT: Dialect = Dialect::Fitbit;
    const PATH: &'static str = "/oauth2/authorize";

    fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, Answer> {
        check(world, query).map_err(|message| error_page(&message))
    }

    fn not_current() -> Answer {
        error_page("invalid_request - The consent page is not current")
    }

    fn new_code() -> String {
        random::hex::<20>()
    }

    fn scope_name(scope: &str) -> String {
        scope.to_owned()
    }

    fn location(world: &World, asked: &AuthorizationRequest, outcome: &Outcome<'_>) -> String {
        let mut fields = match outcome {
            Outcome::Granted { code, .. } => vec![("code", *code)],
            Outcome::Denied => vec![
                ("error", "access_denied"),
                ("error_description", "The user denied the request."),
            ],
        };
        fields.extend(asked.state.as_deref().map(|state| ("state", state)));
        // Form encoding has a plus for a space (RFC 6749 section 4.1.2).
        let query = form::encode_fields(&fields).replace("%20", "+");
        let fragment = if world.settings.append_fragment { "#_=_" } else { "" };
        with_fields(&asked.redirect_uri, &query) + fragment
    }
}

fn error_page(message: &str) -> Answer {
    consent_page::error(400, "Developer information", message)
}

fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, String> {
    if let Some(name) = query.repeated() {
        return Err(format!("invalid_request - Repeated parameter: {name}"));
    }
    let missing = |name| format!("invalid_request - Missing parameters: {name}");
    let client_id = query.get("client_id").ok_or_else(|| missing("client_id"))?;
    let client = world.application(Dialect::Fitbit, client_id);
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
    let invalid_challenge = "invalid_request - The code_challenge parameter is invalid";
    let challenge =
        Challenge::read(query.get("code_challenge"), query.get("code_challenge_method")).map_err(
            |error| match error {
                ChallengeError::Method => "invalid_request - Unsupported code_challenge_method",
                ChallengeError::Value => invalid_challenge,
            },
        )?;
    if client.kind == ApplicationKind::Client && challenge.is_none() {
        return Err(invalid_challenge.to_owned());
    }
    Ok(AuthorizationRequest {
        client_id: client.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        named_redirect_uri: query.get("redirect_uri").is_some(),
        scopes,
        state: query.get("state").map(str::to_owned),
        challenge,
        offline: true,
        prompts_consent: true,
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
