//! An application in use.

use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, header};

use super::{App, Settings, headers};
use crate::call::{Calls, Deadline, Handle};
use crate::error::{Error, Input, Result};
use crate::http::Transport;
use crate::log::Log;
use crate::oauth::authorize::Registration;
use crate::oauth::token_endpoint::{Credentials, TokenEndpoint};
use crate::provider::{ClientAuth, Provider};

/// An application in use: settings that no longer change, and the connections.
pub(crate) struct Shared {
    pub provider: &'static Provider,
    /// How it is registered with the provider.
    pub oauth: Registration,
    /// Scheme, authority and path prefix, without a slash at the end.
    pub api_uri: String,
    pub headers: Arc<HeaderMap>,
    pub timeout: Duration,
    pub refresh_leeway: Duration,
    /// The longest that a call waits for a rate limit, beside its timeout.
    pub rate_limit_wait: Duration,
    pub max_body: usize,
    pub log: Log,
    pub calls: Arc<Calls>,
    token_uri: String,
    revoke_uri: String,
    transport: Transport,
}

impl Shared {
    /// Freezes the settings.
    pub(super) fn new(app: &App, settings: &Settings) -> Result<Shared> {
        let or =
            |uri: &Option<String>, default: &str| uri.clone().unwrap_or_else(|| default.to_owned());
        let authorize_uri = or(&settings.authorize_uri, app.provider.authorize_uri);
        let token_uri = or(&settings.token_uri, app.provider.token_uri);
        let api_uri = or(&settings.api_uri, app.provider.api_uri);
        let revoke_uri = or(&settings.revoke_uri, app.provider.revoke_uri);
        let client_auth = match settings.client_secret {
            Some(_) => settings.client_auth.unwrap_or(app.provider.client_auth),
            None => ClientAuth::None,
        };
        let token_endpoint = TokenEndpoint::new(
            app.provider,
            &Credentials {
                client_id: &app.client_id,
                client_secret: settings.client_secret.as_ref().map(|secret| secret.as_str()),
                client_auth,
                authorize_uri: &authorize_uri,
                token_uri: &token_uri,
                revoke_uri: &revoke_uri,
                proxy_password: settings.proxies.password(),
                user_agent: settings.headers.get(header::USER_AGENT),
            },
        )?;
        Ok(Shared {
            provider: app.provider,
            oauth: Registration {
                token_endpoint,
                redirect_uri: app.redirect_uri.clone(),
                scopes: settings.scopes.clone(),
                authorize_endpoint_is_the_providers: settings.authorize_uri.is_none(),
            },
            headers: Arc::new(headers::of_every_request(settings.headers.clone(), &api_uri)),
            api_uri,
            timeout: settings.timeout,
            refresh_leeway: settings.refresh_leeway,
            rate_limit_wait: settings.rate_limit_wait,
            max_body: settings.max_body,
            log: settings.log.clone(),
            calls: app.calls.clone(),
            token_uri,
            revoke_uri,
            transport: Transport::new(
                settings.proxies.clone(),
                settings.certificates.clone(),
                settings.log.clone(),
            ),
        })
    }

    /// The deadline of a call on a handle of the app itself.
    pub fn deadline(&self, handle: &Arc<Handle>) -> Deadline {
        self.transport.tidy();
        Deadline::after(self.timeout, handle)
    }

    /// Opens the connection that an API request will need, while its token is renewed.
    pub fn open_ahead(&self, deadline: &Deadline) {
        if let Ok(uri) = self.api_uri.parse() {
            self.transport.open_ahead(&uri, deadline);
        }
    }

    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The transport for the revocation endpoint.
    pub fn transport_to_revoke(&self) -> Result<&Transport> {
        if self.token_uri.starts_with("http://") && self.revoke_uri == self.provider.revoke_uri {
            return Err(Error::invalid(
                Input::App,
                "its token endpoint is on this machine, its revocation endpoint is the provider's: \
                 set that one too",
            ));
        }
        Ok(&self.transport)
    }
}
