//! An API request with a token that works: after a 401 the request is repeated with a renewed token.

use std::sync::Arc;

use super::{ApiRequest, Client};
use crate::call::Deadline;
use crate::error::Result;
use crate::http::Response;
use crate::provider::error_response::{self, ProviderError};
use crate::renewal::Budget;

impl Client {
    /// Sends the request, and once more with a renewed token if the provider says that the token is not
    /// valid.
    pub(super) fn attempt(
        &self,
        request: &ApiRequest,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Response> {
        let mut token = self.login().token_for_request(budget, deadline)?;
        let first = token.clone();
        loop {
            let response = self.send(request, &token, deadline)?;
            if response.status < 300 {
                token.mark_proven();
                if !deadline.is_cancelled() {
                    self.login().renew_after_response(budget, deadline);
                    // The response has come: it counts, even if the call is cancelled from here on.
                    *deadline = deadline.uncancellable();
                }
                return Ok(response);
            }
            let provider = self.app().provider;
            if response.status != 401 {
                token.mark_proven();
            } else if Arc::ptr_eq(&first, &token)
                && ProviderError::read(&response).is_one_of(provider.token_errors)
                && let Some(better) = self.login().token_after_401(&token, budget, deadline)?
            {
                token = better;
                continue;
            }
            self.login().renew_after_response(budget, deadline);
            let newest = self.login().newest();
            let secrets = self.secrets([&*first, &token, &newest]);
            return Err(error_response::of_api(provider, &response, &secrets));
        }
    }
}
