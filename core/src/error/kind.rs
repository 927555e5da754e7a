//! What went wrong, and which input was wrong.

use std::ffi::CStr;
use std::fmt;

/// What went wrong. It decides what to do next: include/fitbit.h says that for each code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An input is malformed or out of range, or the call is not possible here: see [`super::Error::input`].
    InvalidInput,
    /// The redirect does not belong to this session.
    StateMismatch,
    /// The person did not grant access.
    AccessDenied,
    /// The provider reported another error in the redirect, or refused the authorization code.
    Authorization,
    /// The provider refused the client id or secret.
    InvalidClient,
    /// The login is over: the person must log in again.
    Reauthorize,
    /// The person did not grant the scope that the request needs.
    InsufficientScope,
    /// Too many requests.
    RateLimited,
    /// Any other status of 300 and above.
    Http,
    /// The provider has switched the service off.
    ProviderRetired,
    /// No connection could be made, or a connection broke.
    Network,
    /// The time allowed ran out.
    Timeout,
    /// A certificate or the TLS handshake was refused.
    Tls,
    /// The response is not what HTTP or OAuth promise.
    Protocol,
    /// The store did not save, or cannot be used.
    Store,
    /// The program ended the call.
    Cancelled,
    /// A bug of the library.
    Internal,
    /// The notification is not the provider's.
    Signature,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [ErrorKind; 18] = [
        ErrorKind::InvalidInput,
        ErrorKind::StateMismatch,
        ErrorKind::AccessDenied,
        ErrorKind::Authorization,
        ErrorKind::InvalidClient,
        ErrorKind::Reauthorize,
        ErrorKind::InsufficientScope,
        ErrorKind::RateLimited,
        ErrorKind::Http,
        ErrorKind::ProviderRetired,
        ErrorKind::Network,
        ErrorKind::Timeout,
        ErrorKind::Tls,
        ErrorKind::Protocol,
        ErrorKind::Store,
        ErrorKind::Cancelled,
        ErrorKind::Internal,
        ErrorKind::Signature,
    ];

    /// The name of its code, which is the same in every language and in the log.
    pub const fn name(self) -> &'static CStr {
        match self {
            ErrorKind::InvalidInput => c"FITBIT_ERROR_INVALID_ARGUMENT",
            ErrorKind::StateMismatch => c"FITBIT_ERROR_STATE_MISMATCH",
            ErrorKind::AccessDenied => c"FITBIT_ERROR_ACCESS_DENIED",
            ErrorKind::Authorization => c"FITBIT_ERROR_AUTHORIZATION",
            ErrorKind::InvalidClient => c"FITBIT_ERROR_INVALID_CLIENT",
            ErrorKind::Reauthorize => c"FITBIT_ERROR_REAUTHORIZE",
            ErrorKind::InsufficientScope => c"FITBIT_ERROR_INSUFFICIENT_SCOPE",
            ErrorKind::RateLimited => c"FITBIT_ERROR_RATE_LIMITED",
            ErrorKind::Http => c"FITBIT_ERROR_HTTP",
            ErrorKind::ProviderRetired => c"FITBIT_ERROR_PROVIDER_RETIRED",
            ErrorKind::Network => c"FITBIT_ERROR_NETWORK",
            ErrorKind::Timeout => c"FITBIT_ERROR_TIMEOUT",
            ErrorKind::Tls => c"FITBIT_ERROR_TLS",
            ErrorKind::Protocol => c"FITBIT_ERROR_PROTOCOL",
            ErrorKind::Store => c"FITBIT_ERROR_STORE",
            ErrorKind::Cancelled => c"FITBIT_ERROR_CANCELLED",
            ErrorKind::Internal => c"FITBIT_ERROR_INTERNAL",
            ErrorKind::Signature => c"FITBIT_ERROR_SIGNATURE",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().to_str().unwrap_or_default())
    }
}

/// The input that is wrong. Each language has its own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Input {
    App,
    AuthorizationParams,
    /// The URL that the person came back with.
    AuthorizationResponse,
    CaFile,
    Client,
    ClientAuth,
    ClientId,
    ClientSecret,
    ContentType,
    EndpointUri,
    HeaderName,
    HeaderValue,
    LoginTimeout,
    MaxBody,
    Method,
    Page,
    Path,
    ProxyUri,
    RedirectUri,
    Renewal,
    Scopes,
    Session,
    StoredToken,
    Timeout,
    Token,
    TokenFile,
    /// A variable of the environment.
    Variable(&'static str),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Input::App => "app",
            Input::AuthorizationParams => "authorization parameters",
            Input::AuthorizationResponse => "authorization response",
            Input::CaFile => "CA file",
            Input::Client => "client",
            Input::ClientAuth => "client authentication",
            Input::ClientId => "client id",
            Input::ClientSecret => "client secret",
            Input::ContentType => "content type",
            Input::EndpointUri => "endpoint",
            Input::HeaderName => "header name",
            Input::HeaderValue => "header value",
            Input::LoginTimeout => "login timeout",
            Input::MaxBody => "max body",
            Input::Method => "method",
            Input::Page => "page",
            Input::Path => "path",
            Input::ProxyUri => "proxy",
            Input::RedirectUri => "redirect URI",
            Input::Renewal => "renewal",
            Input::Scopes => "scopes",
            Input::Session => "session",
            Input::StoredToken => "stored_token_json",
            Input::Timeout => "timeout",
            Input::Token => "token",
            Input::TokenFile => "token file",
            Input::Variable(name) => name,
        })
    }
}
