//! Which application is at the token endpoint, and whether it is allowed to prove it that way.
//!
//! Server applications have to use Basic, Client applications must not, Personal ones may.

use super::errors;
use super::registration::{ApplicationKind, Registration};
use super::world::World;
use crate::answer::Answer;
use crate::form::{self, Form};
use crate::request::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The authenticated application, or the refusal.
pub(crate) fn authenticate<'a>(
    world: &'a World,
    request: &Request,
    form: &Form,
) -> Result<&'a Registration, Answer> {
    let basic = basic_credentials(request)?;
    let body_secret = form.get("client_secret");
    let given = [basic.as_ref().map(|(_, secret)| secret.as_str()), body_secret];

    let client_id = match (&basic, form.get("client_id")) {
        (None, None) => return Err(errors::missing_parameter("client_id")),
        (Some((id, _)), Some(named)) if id != named => {
            return Err(errors::invalid_client("Two different client ids"));
        }
        (Some((id, _)), _) => id,
        (None, Some(named)) => named,
    };
    let client = world.registrations.get(client_id);
    let client = client.ok_or_else(|| errors::invalid_client("Invalid client_id"))?;

    let right = |secret: &str| client.client_secret.as_deref() == Some(secret);
    if !given.into_iter().flatten().all(right) {
        return Err(errors::invalid_client("Invalid client credentials"));
    }
    let proven = match client.kind {
        ApplicationKind::Server => {
            basic.is_some() || (world.settings.allow_body_secret && body_secret.is_some())
        }
        ApplicationKind::Client => basic.is_none(),
        ApplicationKind::Personal => true,
    };
    if proven { Ok(client) } else { Err(errors::invalid_client("Invalid authorization header")) }
}

/// Id and secret of the Authorization header, each form-encoded (RFC 6749 section 2.3.1).
pub(crate) fn basic_credentials(request: &Request) -> Result<Option<(String, String)>, Answer> {
    if request.header("authorization").is_none() {
        return Ok(None);
    }
    let read = || {
        let bytes = STANDARD.decode(request.credentials("Basic")?).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((form::decode(id), form::decode(secret)))
    };
    let credentials = read().ok_or_else(|| errors::invalid_client("Invalid authorization header"));
    credentials.map(Some)
}
