//! One API request over a connection.

use std::sync::PoisonError;

use ureq::http::{HeaderMap, Request, header};

use super::rate_limit::RateLimit;
use super::{ApiRequest, Client};
use crate::call::Deadline;
use crate::error::redaction::Secrets;
use crate::error::{Error, Result};
use crate::http::{ConnectionUse, Response};
use crate::log::Level;
use crate::token::Token;

impl Client {
    /// Sends a request. Sends it once more on a new connection if a kept connection ended before a response
    /// and the request can be repeated.
    pub(super) fn send(
        &self,
        request: &ApiRequest,
        token: &Token,
        deadline: &Deadline,
    ) -> Result<Response> {
        token.mark_used();
        let transport = self.app().transport();
        let idempotent = request.is_idempotent(self.app().provider);
        let mut connection = ConnectionUse::Any { can_be_repeated: idempotent };
        let max_body = self.app().max_body;
        let clean = |text: &str| self.secrets([token, &self.login().newest()]).clean_line(text);
        loop {
            let head = self.head(request, token)?;
            let sent = match request.body {
                Some(body) => {
                    transport.send(head.map(|()| body), connection, deadline, max_body, &clean)
                }
                None => transport.send(head, connection, deadline, max_body, &clean),
            };
            match sent {
                Ok(response) => {
                    if let Some(seen) = RateLimit::read(&response.headers) {
                        self.saw(seen);
                    }
                    return Ok(response);
                }
                Err(failure)
                    if failure.kept_alive_connection_died
                        && (idempotent || failure.nothing_was_sent)
                        && connection != ConnectionUse::Fresh =>
                {
                    connection = ConnectionUse::Fresh;
                    self.app().log.line(Level::Warn, || {
                        "a kept-alive connection died: sending once more on a fresh one".to_owned()
                    });
                }
                Err(failure) => {
                    let newest = self.login().newest();
                    return Err(failure.redacted(&self.secrets([token, &newest])));
                }
            }
        }
    }

    pub(super) fn secrets<'a>(
        &'a self,
        tokens: impl IntoIterator<Item = &'a Token>,
    ) -> Secrets<'a> {
        let both = |token: &'a Token| [token.access_token(), token.refresh_token()];
        self.app().oauth.token_endpoint.secrets(tokens.into_iter().flat_map(both))
    }

    fn head(&self, request: &ApiRequest, token: &Token) -> Result<Request<()>> {
        let authorization = token
            .authorization()
            .map_err(|_| Error::internal("an access token that was checked is refused"))?;
        let mut head = Request::new(());
        *head.method_mut() = request.method.clone();
        *head.uri_mut() = request.uri.clone();
        let headers = head.headers_mut();
        *headers = match self.headers.get() {
            Some(own) => {
                let own = own.lock().unwrap_or_else(PoisonError::into_inner).clone();
                HeaderMap::clone(&own)
            }
            None => HeaderMap::clone(&self.app().headers),
        };
        headers.insert(header::AUTHORIZATION, authorization);
        if let Some(content_type) = &request.content_type {
            headers.insert(header::CONTENT_TYPE, content_type.clone());
        }
        Ok(head)
    }
}
