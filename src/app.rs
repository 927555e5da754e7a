//! The registered application: credentials, settings, and what its clients share.
//!
//! One thread configures an [`App`]; its first use by a step or a client freezes the settings into
//! a [`Shared`], which every client keeps alive. What is expensive (certificates, connections) is
//! made when the first request needs it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::provider::{ClientAuth, Provider};
use crate::token_endpoint::{Credentials, TokenEndpoint};
use crate::transport::{Deadline, Transport};

const USER_AGENT: &str = concat!("libfitbit/", env!("CARGO_PKG_VERSION"));

/// Headers that decide where a request goes, where it ends, or whose it is.
const REFUSED_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::EXPECT,
    header::TE,
    header::UPGRADE,
];

/// How many headers a program may set, and how long a value may be.
const MOST_HEADERS: usize = 64;
const LONGEST_HEADER: usize = 8 * 1024;

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
    api_uri: Option<String>,
    headers: HeaderMap,
    timeout: Duration,
    refresh_leeway: Duration,
    max_body: usize,
}

pub(crate) struct App {
    provider: &'static Provider,
    client_id: String,
    callback_uri: Option<String>,
    settings: Mutex<Settings>,
    shared: OnceCell<Arc<Shared>>,
}

/// An application in use: settings that no longer change, and the connections.
pub(crate) struct Shared {
    pub provider: &'static Provider,
    pub client_id: String,
    pub callback_uri: Option<String>,
    pub scopes: String,
    /// Whether the authorization endpoint is the provider's own.
    pub authorize_endpoint_is_the_providers: bool,
    /// Scheme, authority and path prefix, without a slash at the end.
    pub api_uri: String,
    pub headers: Arc<HeaderMap>,
    pub timeout: Duration,
    pub refresh_leeway: Duration,
    pub max_body: usize,
    pub token_endpoint: TokenEndpoint,
    token_uri: String,
    transport: OnceCell<Transport>,
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
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
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
                api_uri: None,
                headers,
                timeout: Duration::from_secs(30),
                refresh_leeway: Duration::from_secs(60),
                max_body: 16 * 1024 * 1024,
            }),
            shared: OnceCell::new(),
        })
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
                Endpoint::Revoke => {} // nothing asks it yet
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
                callback_uri: self.callback_uri.as_deref(),
                authorize_uri: &authorize_uri,
                token_uri: &token_uri,
                user_agent: settings.headers.get(header::USER_AGENT),
            },
        )?;
        Ok(Shared {
            provider: self.provider,
            client_id: self.client_id.clone(),
            callback_uri: self.callback_uri.clone(),
            scopes: settings.scopes.clone(),
            authorize_endpoint_is_the_providers: settings.authorize_uri.is_none(),
            api_uri: or(&settings.api_uri, self.provider.api_uri),
            headers: Arc::new(settings.headers.clone()),
            timeout: settings.timeout,
            refresh_leeway: settings.refresh_leeway,
            max_body: settings.max_body,
            token_endpoint,
            token_uri,
            transport: OnceCell::new(),
        })
    }
}

impl Shared {
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// The connections, made when the first request needs them.
    pub fn transport(&self) -> Result<&Transport> {
        self.transport.get_or_try_init(|| {
            let uris: Vec<Uri> = [&self.api_uri, &self.token_uri]
                .iter()
                .filter_map(|uri| uri.parse().ok())
                .collect();
            let https = uris.iter().any(|uri| uri.scheme_str() == Some("https"));
            let loopback = uris.iter().filter_map(Uri::host).filter(|host| is_loopback(host));
            Transport::new(https, &loopback.collect::<Vec<_>>())
        })
    }
}

/// Sent byte for byte as given: it is compared with what is registered, character by character.
fn check_callback_uri(uri: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid_argument("callback_uri", why));
    if uri.contains('#') {
        return refuse("it has a fragment (RFC 6749 section 3.1.2)");
    }
    if uri.chars().any(|c| c.is_control() || c == ' ') {
        return refuse("it has a space or a control character");
    }
    match oauth2::RedirectUrl::new(uri.to_owned()) {
        Ok(_) => Ok(()),
        Err(_) => refuse("it is not an absolute URI: it begins with a scheme such as https://"),
    }
}

/// RFC 6749 section 3.3. Answers with single spaces between the scopes.
pub(crate) fn check_scopes(argument: &str, scopes: &str) -> Result<String> {
    let is_scope =
        |scope: &str| scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let scopes: Vec<_> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
    if scopes.is_empty() {
        return Err(Error::invalid_argument(argument, "it names no scope"));
    }
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(Error::invalid_argument(
            argument,
            "a scope has a character that none may have",
        ));
    }
    Ok(scopes.join(" "))
}

/// Exactly these: what a resolver says about any other name proves nothing.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_endpoint(text: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid_argument("uri", why));
    if text.contains('#') {
        return refuse("an endpoint has no fragment");
    }
    // Both readers must take it: one writes the token requests, the other opens the connections.
    let (Ok(uri), Ok(_)) = (text.parse::<Uri>(), oauth2::TokenUrl::new(text.to_owned())) else {
        return refuse("it is not an absolute URI");
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return refuse("it is not an absolute URI");
    };
    if authority.as_str().contains('@') {
        return refuse("an endpoint has no user name or password");
    }
    if authority.host().is_empty() || authority.as_str().ends_with(':') {
        return refuse("it names no host, or an empty port");
    }
    if uri.query().is_some() {
        return refuse("an endpoint has no query");
    }
    match scheme {
        "https" => Ok(()),
        "http" if is_loopback(authority.host()) => Ok(()),
        "http" => refuse("plain http is for localhost, 127.0.0.0/8 and [::1] only; use https"),
        _ => refuse("an endpoint begins with https://"),
    }
}

/// A header that a program may set. An absent value means: send none.
pub(crate) fn check_header(
    name: &str,
    value: Option<&str>,
) -> Result<(HeaderName, Option<HeaderValue>)> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Error::invalid_argument("name", "it is not a header's name"));
    };
    if REFUSED_HEADERS.contains(&name) || name.as_str().starts_with("proxy-") {
        return Err(Error::invalid_argument("name", format!("{name} is the library's to set")));
    }
    let value = match value.map(HeaderValue::from_str) {
        None => None,
        Some(Ok(value)) if value.len() > LONGEST_HEADER => {
            return Err(Error::invalid_argument("value", "it is too long"));
        }
        Some(Ok(value)) => Some(value),
        Some(Err(_)) => {
            return Err(Error::invalid_argument(
                "value",
                "a header's value has no line breaks or control characters",
            ));
        }
    };
    Ok((name, value))
}

pub(crate) fn put_header(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: Option<HeaderValue>,
) -> Result<()> {
    match value {
        Some(_) if headers.len() >= MOST_HEADERS && !headers.contains_key(&name) => {
            Err(Error::invalid_argument("name", "there are too many headers already"))
        }
        Some(value) => {
            headers.insert(name, value);
            Ok(())
        }
        None => {
            headers.remove(name);
            Ok(())
        }
    }
}
