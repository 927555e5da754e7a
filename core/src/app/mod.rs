//! The registered application: credentials, settings, and what its clients share.
//!
//! One thread configures an [`App`]. Its first use by a step or a client freezes the settings into a
//! [`Shared`], which every client keeps alive. The environment is read when the app is made. Certificates and
//! connections are expensive: they are loaded when the first request needs them.

pub(crate) mod headers;
mod shared;
mod validation;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use ureq::http::HeaderMap;
use zeroize::Zeroizing;

use crate::call::{Calls, Handle};
use crate::error::{Error, Input, Result};
use crate::http::{Certificates, Environment, Proxies};
use crate::log::Log;
use crate::oauth::authorize::{self, Step};
use crate::oauth::scopes;
use crate::provider::{ClientAuth, Provider};
use crate::token::DEFAULT_LEEWAY;
pub(crate) use shared::Shared;
use validation::{check_endpoint, check_redirect_uri};

/// An endpoint that a program can override.
#[derive(Clone, Copy)]
pub enum Endpoint {
    /// The authorization endpoint, where the person grants access.
    Authorize,
    /// The token endpoint, which takes a code or a refresh token and returns a token.
    Token,
    /// The revocation endpoint.
    Revoke,
    /// The API endpoint: every path is appended to it.
    Api,
}

#[derive(Clone)]
struct Settings {
    client_secret: Option<Zeroizing<String>>,
    client_auth: Option<ClientAuth>,
    scopes: String,
    authorize_uri: Option<String>,
    token_uri: Option<String>,
    revoke_uri: Option<String>,
    api_uri: Option<String>,
    headers: HeaderMap,
    timeout: Duration,
    refresh_leeway: Duration,
    rate_limit_wait: Duration,
    max_body: usize,
    proxies: Proxies,
    certificates: Certificates,
    log: Log,
}

/// The registered application.
pub struct App {
    provider: &'static Provider,
    client_id: String,
    redirect_uri: Option<String>,
    settings: Mutex<Settings>,
    shared: OnceCell<Arc<Shared>>,
    calls: Arc<Calls>,
}

impl App {
    /// An application, as it is registered. It reads the environment: proxies, certificates.
    pub fn new(
        provider: &'static Provider,
        client_id: &str,
        client_secret: Option<&str>,
        redirect_uri: Option<&str>,
    ) -> Result<App> {
        if client_id.is_empty() {
            return Err(Error::invalid(Input::ClientId, "it is empty"));
        }
        if client_secret == Some("") {
            return Err(Error::invalid(Input::ClientSecret, "it is empty; NULL means none"));
        }
        if let Some(uri) = redirect_uri {
            check_redirect_uri(uri)?;
        }
        let environment = Environment::read();
        Ok(App {
            provider,
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.map(str::to_owned),
            settings: Mutex::new(Settings {
                client_secret: client_secret.map(|secret| secret.to_owned().into()),
                client_auth: None,
                scopes: provider.default_scopes.to_owned(),
                authorize_uri: None,
                token_uri: None,
                revoke_uri: None,
                api_uri: None,
                headers: headers::of_an_app(),
                timeout: Duration::from_secs(30),
                refresh_leeway: DEFAULT_LEEWAY,
                rate_limit_wait: Duration::ZERO,
                max_body: 16 * 1024 * 1024,
                proxies: Proxies::of_the_environment(&environment),
                certificates: Certificates::of_the_environment(environment),
                log: Log::none(),
            }),
            shared: OnceCell::new(),
            calls: Arc::default(),
        })
    }

    /// A handle whose calls can be ended by themselves.
    pub fn handle(&self) -> Arc<Handle> {
        Handle::new(&self.calls)
    }

    /// Ends all calls of this app and its clients, and every later one.
    pub fn shut_down(&self) {
        self.calls.shut_down();
    }

    /// Ends all calls of this app and its clients that have begun.
    pub fn cancel(&self) {
        self.calls.cancel();
    }

    fn set(&self, change: impl FnOnce(&mut Settings) -> Result<()>) -> Result<()> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.get().is_some() {
            return Err(Error::invalid(
                Input::App,
                "it is already in use; set it up before its first step or client",
            ));
        }
        change(&mut settings)
    }

    /// The service that people log in to.
    pub fn provider(&self) -> &'static Provider {
        self.provider
    }

    pub(crate) fn client_secret(&self) -> Option<Zeroizing<String>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).client_secret.clone()
    }

    /// Fails once the app has been used.
    pub fn check_unused(&self) -> Result<()> {
        self.set(|_| Ok(()))
    }

    /// The scopes that a login asks for, separated by spaces.
    pub fn set_scopes(&self, scopes: &str) -> Result<()> {
        let scopes = scopes::check(Input::Scopes, scopes)?;
        self.set(|settings| {
            settings.scopes = scopes;
            Ok(())
        })
    }

    /// Another endpoint in place of the provider's own.
    pub fn set_endpoint(&self, endpoint: Endpoint, uri: &str) -> Result<()> {
        check_endpoint(uri)?;
        self.set(|settings| {
            match endpoint {
                Endpoint::Authorize => settings.authorize_uri = Some(uri.to_owned()),
                Endpoint::Token => settings.token_uri = Some(uri.to_owned()),
                Endpoint::Api => settings.api_uri = Some(uri.trim_end_matches('/').to_owned()),
                Endpoint::Revoke => settings.revoke_uri = Some(uri.to_owned()),
            }
            Ok(())
        })
    }

    /// None: the provider's preferred method, or the only one that works without a secret.
    pub fn set_client_auth(&self, method: Option<ClientAuth>) -> Result<()> {
        self.set(|settings| {
            let needs_secret = matches!(method, Some(ClientAuth::Basic | ClientAuth::Body));
            if needs_secret && settings.client_secret.is_none() {
                return Err(Error::invalid(
                    Input::ClientAuth,
                    "this app has no client secret to send",
                ));
            }
            settings.client_auth = method;
            Ok(())
        })
    }

    /// Sets a header of every API request; none: the header is not sent.
    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let (name, value) = headers::check(name, value)?;
        self.set(|settings| headers::put(&mut settings.headers, name, value))
    }

    /// How long a call may take. The default is 30 s.
    pub fn set_timeout(&self, timeout: Duration) -> Result<()> {
        if timeout.is_zero() {
            return Err(Error::invalid(Input::Timeout, "0 is no time at all"));
        }
        self.set(|settings| {
            settings.timeout = timeout;
            Ok(())
        })
    }

    /// How long before its end a token is renewed. The default is 60 s.
    pub fn set_refresh_leeway(&self, leeway: Duration) -> Result<()> {
        self.set(|settings| {
            settings.refresh_leeway = leeway;
            Ok(())
        })
    }

    /// The longest that a call waits for rate limits, beside its timeout. The default is 0.
    pub fn set_rate_limit_wait(&self, longest: Duration) -> Result<()> {
        self.set(|settings| {
            settings.rate_limit_wait = longest;
            Ok(())
        })
    }

    /// None: no proxy at all, whatever the environment says.
    pub fn set_proxy(&self, uri: Option<&str>) -> Result<()> {
        self.check_unused()?;
        let proxies = Proxies::named(uri)?;
        self.set(|settings| {
            settings.proxies = proxies;
            Ok(())
        })
    }

    /// Trusts the certificates of a PEM file, and no others.
    pub fn set_ca_file(&self, path: &str) -> Result<()> {
        self.check_unused()?;
        let certificates = Certificates::from_pem_file(path)?;
        self.set(|settings| {
            settings.certificates = certificates;
            Ok(())
        })
    }

    /// The logger of the app and its clients.
    pub fn set_log(&self, log: Log) -> Result<()> {
        self.set(|settings| {
            settings.log = log;
            Ok(())
        })
    }

    /// The largest response body in bytes. The default is 16 MiB.
    pub fn set_max_body(&self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(Error::invalid(Input::MaxBody, "0 lets no answer pass"));
        }
        self.set(|settings| {
            settings.max_body = bytes;
            Ok(())
        })
    }

    /// Step one of a login. `params` are more parameters of the authorization URL, form-encoded.
    pub fn step_one(&self, params: Option<&str>) -> Result<Step> {
        authorize::step_one(&self.shared()?.oauth, params)
    }

    /// Freezes the settings, as the first use does.
    pub fn freeze(&self) -> Result<()> {
        self.shared().map(drop)
    }

    /// Freezes the settings, the first time, and shares them.
    pub(crate) fn shared(&self) -> Result<&Arc<Shared>> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.get_or_try_init(|| Ok(Arc::new(Shared::new(self, &settings)?)))
    }
}
