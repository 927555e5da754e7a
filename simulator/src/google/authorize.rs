//! Google's authorize page: what it takes, and where it sends the browser.

use super::scopes;
use crate::answer::Answer;
use crate::form::{self, Form};
use crate::provider::authorization::{AuthorizePage, Outcome, with_fields};
use crate::provider::consent_page;
use crate::provider::pkce::{Challenge, ChallengeError};
use crate::provider::registration::{Dialect, Registration};
use crate::provider::world::{AuthorizationRequest, World};
use crate::random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[derive(Debug)]
pub(crate) struct Page;

impl AuthorizePage for Page {
    const DIALECT: Dialect = Dialect::Google;
    const PATH: &'static str = super::AUTHORIZE;

    fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, Answer> {
        check(world, query).map_err(Wrong::page)
    }

    fn not_current() -> Answer {
        invalid_request("The consent page is not current").page()
    }

    fn new_code() -> String {
        format!("4/0A{}", URL_SAFE_NO_PAD.encode(random::bytes::<51>()))
    }

    fn scope_name(scope: &str) -> String {
        scopes::full_name(scope)
    }

    fn location(world: &World, asked: &AuthorizationRequest, outcome: &Outcome<'_>) -> String {
        let scope;
        let mut fields: Vec<(&str, &str)> = Vec::new();
        if let Outcome::Denied = outcome {
            fields.push(("error", "access_denied"));
        }
        fields.extend(asked.state.as_deref().map(|state| ("state", state)));
        fields.extend(world.settings.google.iss.as_deref().map(|iss| ("iss", iss)));
        if let Outcome::Granted { code, scopes } = outcome {
            scope = scopes.join(" ");
            fields.extend([("code", *code), ("scope", &scope)]);
            fields.extend([("authuser", "0"), ("prompt", "consent")]);
        }
        with_fields(&asked.redirect_uri, &form::encode_fields(&fields))
    }
}

/// What is wrong with a request, as its page says it.
#[derive(Debug)]
struct Wrong {
    status: u16,
    error: &'static str,
    message: String,
}

impl Wrong {
    fn page(self) -> Answer {
        let heading = format!("Error {}: {}", self.status, self.error);
        consent_page::error(self.status, &heading, &self.message)
    }
}

fn wrong(error: &'static str, message: impl Into<String>) -> Wrong {
    Wrong { status: 400, error, message: message.into() }
}

fn invalid_request(message: impl Into<String>) -> Wrong {
    wrong("invalid_request", message)
}

fn check(world: &World, query: &Form) -> Result<AuthorizationRequest, Wrong> {
    if let Some(name) = query.repeated() {
        return Err(invalid_request(format!("OAuth 2 parameters can only have one value: {name}")));
    }
    let required = |name: &str| {
        let value = query.get(name);
        value.ok_or_else(|| invalid_request(format!("Missing required parameter: {name}")))
    };
    let client = world.application(Dialect::Google, required("client_id")?);
    let client = client.ok_or_else(|| Wrong {
        status: 401,
        error: "invalid_client",
        message: "The OAuth client was not found.".to_owned(),
    })?;
    let redirect_uri = required("redirect_uri")?;
    if !may_use(client, redirect_uri) {
        let message = "The redirect URI in the request does not match a registered redirect URI.";
        return Err(wrong("redirect_uri_mismatch", message));
    }
    if required("response_type")? != "code" {
        return Err(wrong("unsupported_response_type", "Invalid response_type"));
    }
    let scopes: Vec<String> = required("scope")?.split_whitespace().map(str::to_owned).collect();
    let invalid: Vec<&str> =
        scopes.iter().map(String::as_str).filter(|scope| !scopes::exists(scope)).collect();
    if !invalid.is_empty() {
        let message = format!("Some requested scopes were invalid. {{invalid={invalid:?}}}");
        return Err(wrong("invalid_scope", message));
    }
    let challenge =
        Challenge::read(query.get("code_challenge"), query.get("code_challenge_method"));
    let challenge = challenge.map_err(|error| match error {
        ChallengeError::Method => invalid_request("Invalid code_challenge_method"),
        ChallengeError::Value => invalid_request("Invalid code_challenge"),
    })?;
    let offline = match query.get("access_type") {
        None | Some("online") => false,
        Some("offline") => true,
        Some(_) => return Err(invalid_request("Invalid parameter value for access_type")),
    };
    Ok(AuthorizationRequest {
        client_id: client.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        named_redirect_uri: true,
        scopes,
        state: query.get("state").map(str::to_owned),
        challenge,
        offline,
        prompts_consent: query.get("prompt").unwrap_or("").split(' ').any(|p| p == "consent"),
    })
}

fn may_use(client: &Registration, redirect_uri: &str) -> bool {
    is_loopback(redirect_uri) || client.redirect_uris.iter().any(|uri| uri == redirect_uri)
}

/// Whether it is an address on this machine, whose port the system chooses when the time has
/// come (RFC 8252 section 7.3). `localhost` is a name and none of these.
fn is_loopback(uri: &str) -> bool {
    let after_host = ["http://127.0.0.1", "http://[::1]"].iter().find_map(|h| uri.strip_prefix(h));
    let Some(rest) = after_host.filter(|_| !uri.contains('#')) else {
        return false;
    };
    let port_and_path = rest.strip_prefix(':').map(|rest| rest.split_at(digits(rest)));
    match port_and_path {
        None => rest.is_empty() || rest.starts_with(['/', '?']),
        Some((port, path)) => {
            port.parse::<u16>().is_ok() && (path.is_empty() || path.starts_with(['/', '?']))
        }
    }
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_an_address_with_any_port() {
        for uri in
            ["http://127.0.0.1:40123/cb", "http://[::1]:1", "http://127.0.0.1", "http://[::1]/"]
        {
            assert!(is_loopback(uri), "{uri}");
        }
        let others = [
            "http://localhost:1/",
            "https://127.0.0.1:1/",
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1:1@evil.example/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:/",
            "http://127.0.0.1:1/#x",
            "http://127.0.0.2:1/",
        ];
        for uri in others {
            assert!(!is_loopback(uri), "{uri}");
        }
    }
}
