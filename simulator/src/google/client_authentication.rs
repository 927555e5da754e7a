//! Which application is at the token endpoint: its id and its secret, in the body or as Basic.

use super::errors;
use crate::answer::Answer;
use crate::form::Form;
use crate::provider::credentials;
use crate::provider::registration::{Dialect, Registration};
use crate::provider::world::World;
use crate::request::Request;

/// The authenticated application, or the refusal.
pub(crate) fn authenticate<'a>(
    world: &'a World,
    request: &Request,
    form: &Form,
) -> Result<&'a Registration, Answer> {
    let basic = credentials::basic(request);
    let basic = basic.map_err(|_| errors::invalid_client("Malformed Authorization header"))?;
    let (client_id, secret) = match &basic {
        Some((id, secret)) => {
            // One way of authentication in a request (RFC 6749 section 2.3).
            if form.get("client_secret").is_some() || form.get("client_id").is_some_and(|f| f != id)
            {
                return Err(errors::invalid_request("Two client authentications in one request"));
            }
            (id.as_str(), Some(secret.as_str()))
        }
        None => {
            let id = form.get("client_id");
            let missing = || errors::invalid_request("Could not determine client ID from request.");
            (id.ok_or_else(missing)?, form.get("client_secret"))
        }
    };
    let client = world.application(Dialect::Google, client_id);
    let client = client.ok_or_else(|| errors::invalid_client("The OAuth client was not found."))?;
    match (client.client_secret.as_deref(), secret) {
        (Some(_), None) => Err(errors::invalid_request("client_secret is missing.")),
        (expected, given) if expected == given => Ok(client),
        _ => Err(errors::invalid_client("The provided client secret is invalid.")),
    }
}
