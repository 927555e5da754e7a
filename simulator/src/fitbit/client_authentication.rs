//! Which application is at the token endpoint, and whether it is allowed to prove it that way.
//!
//! Server applications have to use Basic, Client applications must not, Personal ones may.

use super::errors;
use crate::answer::Answer;
use crate::form::Form;
use crate::provider::credentials;
use crate::provider::registration::{ApplicationKind, Dialect, Registration};
use crate::provider::world::World;
use crate::request::Request;

/// The authenticated application, or the refusal.
pub(crate) fn authenticate<'a>(
    world: &'a World,
    request: &Request,
    form: &Form,
) -> Result<&'a Registration, Answer> {
    let basic = credentials::basic(request)
        .map_err(|_| errors::invalid_client("Invalid authorization header"))?;
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
    let client = world.application(Dialect::Fitbit, client_id);
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
        ApplicationKind::Google => false,
    };
    if proven { Ok(client) } else { Err(errors::invalid_client("Invalid authorization header")) }
}
