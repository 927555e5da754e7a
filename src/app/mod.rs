//! The registered application: credentials, settings, and what its clients share.
//!
//! One thread configures an [`App`]; its first use by a step or a client freezes the settings into
//! a [`Shared`], which every client keeps alive. The environment is read when the app is made. What
//! is expensive (certificates, connections) is made when the first request needs it.

mod check;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use ureq::http::{HeaderMap, HeaderValue, Uri, header};
use zeroize::Zeroizing;

use crate::call::{Calls, Deadline, Handle};
use crate::error::{Error, Result};
use crate::log::Log;
use crate::provider::{ClientAuth, Provider};
use crate::token_endpoint::{Credentials, TokenEndpoint};
use crate::transport::{Certificates, Environment, Proxies, Transport};
pub(crate) use check::{LONGEST_HEADER, check_header, check_scopes, put_header};
use check::{check_callback_uri, check_endpoint};

const USER_AGENT: &str = concat!("libfitbit/", env!("CARGO_PKG_VERSION"));

/// What can be overridden, with the numbers of the C interface.
#[derive(Clone, Copy)]
pub(crate) enum Endpoint {
    Authorize,
    Token,
    Revoke,
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

pub(crate) struct App {
    provider: &'static Provider,
    client_id: String,
    callback_uri: Option<String>,
    settings: Mutex<Settings>,
    shared: OnceCell<Arc<Shared>>,
    calls: Arc<Calls>,
}

/// An application in use: settings that no longer change, and the connections.
pub(crate) struct Shared {
    pub provider: &'static Provider,
    pub client_id: String,
    callback_uri: Option<String>,
    pub scopes: String,
    /// Whether the authorization endpoint is the provider's own.
    pub authorize_endpoint_is_the_providers: bool,
    /// Scheme, authority and path prefix, without a slash at the end.
    pub api_uri: String,
    pub headers: Arc<HeaderMap>,
    pub timeout: Duration,
    pub refresh_leeway: Duration,
    /// The longest that a call waits for a rate limit, beside its timeout.
    pub rate_limit_wait: Duration,
    pub max_body: usize,
    pub token_endpoint: TokenEndpoint,
    pub log: Log,
    pub calls: Arc<Calls>,
    token_uri: String,
    revoke_uri: String,
    transport: Transport,
}

impl App {
    pub fn new(
        provider: &'static Provider,
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: Option<&str>,
    ) -> Result<App> {
        if client_id.is_empty() {
            return Err(Error::invalid_argument("client_id", "it is empty"));
        }
        if client_secret == Some("") {
            return Err(Error::invalid_argument("client_secret", "it is empty; NULL means none"));
        }
        if let Some(uri) = callback_uri {
            check_callback_uri(uri)?;
        }
        let environment = Environment::read();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("")); // the first one; filled in later
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        // What ureq would put together anew for each request.
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(App {
            provider,
            client_id: client_id.to_owned(),
            callback_uri: callback_uri.map(str::to_owned),
            settings: Mutex::new(Settings {
                client_secret: client_secret.map(|secret| secret.to_owned().into()),
                client_auth: None,
                scopes: provider.default_scopes.to_owned(),
                authorize_uri: None,
                token_uri: None,
                revoke_uri: None,
                api_uri: None,
                headers,
                timeout: Duration::from_secs(30),
                refresh_leeway: Duration::from_secs(60),
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

    /// All calls of this app and its clients.
    pub fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    fn set(&self, change: impl FnOnce(&mut Settings) -> Result<()>) -> Result<()> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.get().is_some() {
            return Err(Error::invalid_argument(
                "app",
                "it is already in use; set it up before its first step or client",
            ));
        }
        change(&mut settings)
    }

    pub fn provider(&self) -> &'static Provider {
        self.provider
    }

    pub fn client_secret(&self) -> Option<Zeroizing<String>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).client_secret.clone()
    }

    /// Fails once the app has been used.
    pub fn check_unused(&self) -> Result<()> {
        self.set(|_| Ok(()))
    }

    pub fn set_scopes(&self, scopes: &str) -> Result<()> {
        let scopes = check_scopes("scopes", scopes)?;
        self.set(|settings| {
            settings.scopes = scopes;
            Ok(())
        })
    }

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

    /// None: what the provider prefers, or what is possible without a secret.
    pub fn set_client_auth(&self, method: Option<ClientAuth>) -> Result<()> {
        self.set(|settings| {
            let needs_secret = matches!(method, Some(ClientAuth::Basic | ClientAuth::Body));
            if needs_secret && settings.client_secret.is_none() {
                return Err(Error::invalid_argument(
                    "method",
                    "this app has no client secret to send",
                ));
            }
            settings.client_auth = method;
            Ok(())
        })
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let (name, value) = check_header(name, value)?;
        self.set(|settings| put_header(&mut settings.headers, name, value))
    }

    pub fn set_timeout(&self, timeout: Duration) -> Result<()> {
        if timeout.is_zero() {
            return Err(Error::invalid_argument("milliseconds", "0 is no time at all"));
        }
        self.set(|settings| {
            settings.timeout = timeout;
            Ok(())
        })
    }

    pub fn set_refresh_leeway(&self, leeway: Duration) -> Result<()> {
        self.set(|settings| {
            settings.refresh_leeway = leeway;
            Ok(())
        })
    }

    pub fn set_rate_limit_wait(&self, longest: Duration) -> Result<()> {
        self.set(|settings| {
            settings.rate_limit_wait = longest;
            Ok(())
        })
    }

    /// None: no proxy at all, whatever the environment says.
    pub fn set_proxy(&self, uri: Option<&str>) -> Result<()> {
        self.check_unused()?;
        let proxies = Proxies::named("uri", uri)?;
        self.set(|settings| {
            settings.proxies = proxies;
            Ok(())
        })
    }

    pub fn set_ca_file(&self, path: &str) -> Result<()> {
        self.check_unused()?;
        let certificates = Certificates::from_pem_file("pem_path", path)?;
        self.set(|settings| {
            settings.certificates = certificates;
            Ok(())
        })
    }

    pub fn set_log(&self, log: Log) -> Result<()> {
        self.set(|settings| {
            settings.log = log;
            Ok(())
        })
    }

    pub fn set_max_body(&self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(Error::invalid_argument("bytes", "0 lets no answer pass"));
        }
        self.set(|settings| {
            settings.max_body = bytes;
            Ok(())
        })
    }

    /// Freezes the settings, the first time, and shares them.
    pub fn shared(&self) -> Result<&Arc<Shared>> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.get_or_try_init(|| Ok(Arc::new(self.freeze(&settings)?)))
    }

    fn freeze(&self, settings: &Settings) -> Result<Shared> {
        let or =
            |uri: &Option<String>, default: &str| uri.clone().unwrap_or_else(|| default.to_owned());
        let authorize_uri = or(&settings.authorize_uri, self.provider.authorize_uri);
        let token_uri = or(&settings.token_uri, self.provider.token_uri);
        let api_uri = or(&settings.api_uri, self.provider.api_uri);
        let revoke_uri = or(&settings.revoke_uri, self.provider.revoke_uri);
        let client_auth = match settings.client_secret {
            Some(_) => settings.client_auth.unwrap_or(self.provider.client_auth),
            None => ClientAuth::None,
        };
        let token_endpoint = TokenEndpoint::new(
            self.provider,
            &Credentials {
                client_id: &self.client_id,
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
            provider: self.provider,
            client_id: self.client_id.clone(),
            callback_uri: self.callback_uri.clone(),
            scopes: settings.scopes.clone(),
            authorize_endpoint_is_the_providers: settings.authorize_uri.is_none(),
            headers: Arc::new(of_every_request(settings.headers.clone(), &api_uri)),
            api_uri,
            timeout: settings.timeout,
            refresh_leeway: settings.refresh_leeway,
            rate_limit_wait: settings.rate_limit_wait,
            max_body: settings.max_body,
            token_endpoint,
            log: settings.log.clone(),
            calls: self.calls.clone(),
            token_uri,
            revoke_uri,
            transport: Transport::new(
                settings.proxies.clone(),
                settings.certificates.clone(),
                settings.log.clone(),
            ),
        })
    }
}

/// The program's headers, with what every API request carries: its host, put together once, and a
/// place for the token, which each copy would else have to grow for.
fn of_every_request(mut headers: HeaderMap, api_uri: &str) -> HeaderMap {
    let uri: Uri = api_uri.parse().unwrap_or_default();
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = match (uri.host().unwrap_or_default(), uri.port_u16()) {
        (host, Some(port)) if port != default_port => format!("{host}:{port}"),
        (host, _) => host.to_owned(),
    };
    if let Ok(host) = HeaderValue::try_from(host) {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static(""));
    headers
}

impl Shared {
    pub fn callback_uri(&self) -> Result<&str> {
        self.callback_uri.as_deref().ok_or_else(|| {
            Error::invalid_argument("app", "it was made without a callback_uri and logs nobody in")
        })
    }

    /// Of a call with a handle of the app itself.
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

    /// The same, for the revocation endpoint.
    pub fn transport_to_revoke(&self) -> Result<&Transport> {
        if self.token_uri.starts_with("http://") && self.revoke_uri == self.provider.revoke_uri {
            return Err(Error::invalid_argument(
                "app",
                "its token endpoint is on this machine, its revocation endpoint is the provider's: \
                 set that one too",
            ));
        }
        Ok(&self.transport)
    }
}
