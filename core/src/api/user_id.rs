//! Whose login it is.

use super::{ApiRequest, Client};
use crate::call::Deadline;
use crate::error::{Error, Result};
use crate::token::member;

impl Client {
    /// The id of the person, from the token. If the provider's tokens have none, asks the provider, and notes
    /// the id in the token. Threads that ask at the same time may each send a request.
    pub fn user_id(&self) -> Result<String> {
        if let Some(known) = self.token_field("user_id") {
            return Ok(known);
        }
        let Some(identity) = &self.app().provider.identity else {
            return Err(Error::protocol("the token does not say whose it is: it has no user_id"));
        };
        self.login().refuse_inside_own_callback()?;
        let request = ApiRequest::new(self.api_uri(), "GET", identity.path, None, None)?;
        self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            let asked = self.login().newest();
            let response = self.attempt(&request, budget, deadline)?;
            let person = std::str::from_utf8(&response.body).unwrap_or_default();
            let id = member(person, identity.field).flatten();
            let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
            let id = id.filter(|id| !id.is_empty()).ok_or_else(|| {
                Error::protocol(format!("the identity has no {}", identity.field))
            })?;
            self.login().name(&asked, &id, deadline);
            Ok(id)
        })
    }
}
