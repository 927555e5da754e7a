//! The token endpoint: it takes a code or a refresh token, and returns a token.
//!
//! `oauth2` writes the requests (RFC 6749 sections 4.1.3 and 6, RFC 7636, client authentication). They are
//! taken from it through its HTTP client trait. They are sent here, and the responses are read here: oauth2
//! loses the status, Retry-After, and every field that it does not know. Each request is sent once; the caller
//! decides whether to ask again. A request with something single-use has a connection of its own.

use std::borrow::Cow;
use std::time::Duration;

use oauth2::basic::BasicClient;
use oauth2::http::{HeaderValue, header};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    Scope, TokenUrl,
};
use zeroize::{Zeroize, Zeroizing};

use super::recorder::recorded;
use crate::call::Deadline;
use crate::error::redaction::Secrets;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{ConnectionUse, Cut, Failure, Renewed, Response, Transport};
use crate::provider::error_response::{self, ProviderError, Words};
use crate::provider::{ClientAuth, Provider};
use crate::token::{Fields, Token, is_nothing, parse, text};

/// The largest response that is read. Tokens are a few hundred bytes.
const MAX_BODY: usize = 256 * 1024;

type OAuthClient =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The application's credentials and its endpoints.
pub(crate) struct Credentials<'a> {
    pub client_id: &'a str,
    pub client_secret: Option<&'a str>,
    pub client_auth: ClientAuth,
    pub authorize_uri: &'a str,
    pub token_uri: &'a str,
    pub revoke_uri: &'a str,
    pub proxy_password: Option<&'a str>,
    pub user_agent: Option<&'a HeaderValue>,
}

/// The outcome of one request to the token endpoint or the revocation endpoint.
pub(crate) struct Attempt<T> {
    pub end: End,
    pub outcome: Result<T>,
    /// The request went over a connection that earlier renewals had used.
    pub was_kept: bool,
}

/// How a request ended. That says whether the refresh token in it is possibly used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Before a byte of the HTTP request went out.
    NotSent,
    /// After a byte of it went out, and without a whole response that can be read.
    Cut,
    /// With a success that holds a token, or for a revocation with any success.
    Granted,
    /// With any other response.
    Response { status: u16, words: Words },
}

/// The outcome of one refresh request.
pub(crate) struct Refreshed {
    pub attempt: Attempt<Fields>,
    /// How long ago the request was sent, if an earlier call sent it.
    pub since_sent: Option<Duration>,
    /// The request was sent, and its response is still to come.
    pub cut: Option<Cut>,
}

pub(crate) struct TokenEndpoint {
    oauth: OAuthClient,
    pub provider: &'static Provider,
    pub client_id: String,
    pub(super) client_auth: ClientAuth,
    pub(super) revoke_uri: String,
    user_agent: Option<HeaderValue>,
    pub(super) client_secret: Option<Zeroizing<String>>,
    proxy_password: Option<Zeroizing<String>>,
    /// Id and secret as in the `Authorization` header: a server may repeat them in an error.
    pub(super) basic: Option<Zeroizing<String>>,
}

impl TokenEndpoint {
    pub fn new(provider: &'static Provider, who: &Credentials) -> Result<TokenEndpoint> {
        let unusable =
            |error| Error::internal(format!("an address that was checked is refused: {error}"));
        let mut oauth = BasicClient::new(ClientId::new(who.client_id.to_owned()))
            .set_auth_uri(AuthUrl::new(who.authorize_uri.to_owned()).map_err(unusable)?)
            .set_token_uri(TokenUrl::new(who.token_uri.to_owned()).map_err(unusable)?)
            .set_auth_type(match who.client_auth {
                ClientAuth::Basic => AuthType::BasicAuth,
                ClientAuth::Body | ClientAuth::None => AuthType::RequestBody,
            });
        if let (Some(secret), ClientAuth::Basic | ClientAuth::Body) =
            (who.client_secret, who.client_auth)
        {
            oauth = oauth.set_client_secret(ClientSecret::new(secret.to_owned()));
        }
        // The value of oauth2's Authorization header, from a request that is not sent.
        let nothing = RefreshToken::new(String::new());
        let request = recorded(|taker| {
            let _ = oauth.exchange_refresh_token(&nothing).request(taker);
        })?;
        let value =
            request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = value.and_then(|value| value.strip_prefix("Basic "));
        Ok(TokenEndpoint {
            oauth,
            provider,
            client_id: who.client_id.to_owned(),
            client_auth: who.client_auth,
            revoke_uri: who.revoke_uri.to_owned(),
            user_agent: who.user_agent.cloned(),
            client_secret: who.client_secret.map(|secret| secret.to_owned().into()),
            proxy_password: who.proxy_password.map(|password| password.to_owned().into()),
            basic: basic.map(|basic| basic.to_owned().into()),
        })
    }

    /// The URL where the person grants access.
    pub fn authorization_uri(
        &self,
        redirect_uri: &str,
        state: CsrfToken,
        challenge: PkceCodeChallenge,
        scopes: &str,
        params: impl IntoIterator<Item = (String, String)>,
    ) -> Result<String> {
        let redirect_uri = redirect_url(redirect_uri)?;
        let mut request = self
            .oauth
            .authorize_url(|| state)
            .set_redirect_uri(Cow::Borrowed(&redirect_uri))
            .set_pkce_challenge(challenge)
            .add_scope(Scope::new(scopes.to_owned()));
        for (name, value) in params {
            request = request.add_extra_param(name, value);
        }
        Ok(request.url().0.into())
    }

    /// Exchanges an authorization code for a token.
    pub fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        transport: &Transport,
        deadline: &Deadline,
    ) -> Result<Fields> {
        let redirect_uri = redirect_url(redirect_uri)?;
        let request = recorded(|taker| {
            let code = AuthorizationCode::new(code.to_owned());
            let verifier = PkceCodeVerifier::new(verifier.to_owned());
            let request = self.oauth.exchange_code(code).set_pkce_verifier(verifier);
            let _ = request.set_redirect_uri(Cow::Borrowed(&redirect_uri)).request(taker);
        })?;
        let secrets = self.secrets([code, verifier]);
        match self.send_once(request, &secrets, transport, deadline) {
            Ok(response) => self.read(response, ErrorKind::Authorization, &secrets).outcome,
            Err(failed) => Err(failed.why),
        }
    }

    /// Asks for the token that follows `own`. `fresh`: not on a kept connection. `cut`: an earlier call has
    /// sent the request.
    pub fn refresh(
        &self,
        own: &Token,
        fresh: bool,
        cut: Option<Cut>,
        transport: &Transport,
        deadline: &Deadline,
    ) -> Refreshed {
        let request = recorded(|taker| {
            let refresh_token = RefreshToken::new(own.refresh_token().to_owned());
            let _ = self.oauth.exchange_refresh_token(&refresh_token).request(taker);
        });
        let request = match request {
            Ok(request) => request,
            Err(why) => {
                let attempt = Attempt::not_sent(why);
                return Refreshed { attempt, since_sent: None, cut: None };
            }
        };
        let secrets = self.secrets([own.refresh_token(), own.access_token()]);
        let connection =
            ConnectionUse::Renewal { is_single_use: own.is_single_use(self.provider), fresh };
        let Renewed { outcome, cut, source } = self.carry(request, |request| {
            transport.renew(request, connection, cut, deadline, MAX_BODY, &|text| {
                secrets.clean_line(text)
            })
        });
        let was_kept = source.was_kept();
        let since_sent = source.since_sent;
        let mut attempt = match outcome {
            Ok(response) => self.read(response, ErrorKind::Reauthorize, &secrets),
            Err(failure) => Failed::of(failure, &secrets).into(),
        };
        if let Ok(fields) = &attempt.outcome
            && let Some(access_token) = text(fields, "access_token")
        {
            if source.has_brought(&access_token) {
                // The response to this request may still come, and it cannot be told from earlier ones.
                let why = "the token endpoint repeated an earlier response";
                attempt = Attempt::new(End::Cut, Err(Error::protocol(why)));
            } else {
                source.keep(&access_token);
            }
        }
        Refreshed { attempt: Attempt { was_kept, ..attempt }, since_sent, cut }
    }

    /// The secrets that no text may show: those of the app, and `more`.
    pub fn secrets<'a>(&'a self, more: impl IntoIterator<Item = &'a str>) -> Secrets<'a> {
        let own = [&self.client_secret, &self.proxy_password, &self.basic].into_iter().flatten();
        Secrets::new(more.into_iter().chain(own.map(|secret| secret.as_str())))
    }

    /// A success without a token that can be read counts as no response. Its body may still hold a token, so it
    /// never becomes part of a message.
    fn read(
        &self,
        mut response: Response,
        refused_grant: ErrorKind,
        secrets: &Secrets,
    ) -> Attempt<Fields> {
        let status = response.status;
        if !(200..=299).contains(&status) {
            return self.refused(&response, refused_grant, secrets);
        }
        let fields = parse(&response.body);
        response.body.zeroize();
        match fields {
            // The Content-Type does not matter: a token is not dropped because of it.
            Ok(fields) if fields.get("access_token").is_some_and(|token| !is_nothing(token)) => {
                Attempt::new(End::Granted, Ok(fields))
            }
            _ => Attempt::new(
                End::Response { status, words: Words::Foreign },
                Err(Error::protocol("the token endpoint's answer holds no token that can be read")),
            ),
        }
    }

    pub(super) fn refused<T>(
        &self,
        response: &Response,
        refused_grant: ErrorKind,
        secrets: &Secrets,
    ) -> Attempt<T> {
        let words = ProviderError::read(response).words();
        let why =
            error_response::of_token_endpoint(self.provider, response, refused_grant, secrets);
        Attempt::new(End::Response { status: response.status, words }, Err(why))
    }

    pub(super) fn send_once(
        &self,
        request: HttpRequest,
        secrets: &Secrets,
        transport: &Transport,
        deadline: &Deadline,
    ) -> std::result::Result<Response, Failed> {
        let once = ConnectionUse::SingleUse;
        self.carry(request, |request| {
            transport.send(request, once, deadline, MAX_BODY, &|text| secrets.clean_line(text))
        })
        .map_err(|failure| Failed::of(failure, secrets))
    }

    /// Sends a request with the program's user agent, and wipes its body afterwards.
    fn carry<T>(
        &self,
        mut request: HttpRequest,
        send: impl FnOnce(oauth2::http::Request<&[u8]>) -> T,
    ) -> T {
        if let Some(agent) = &self.user_agent {
            request.headers_mut().insert(header::USER_AGENT, agent.clone());
        }
        let (head, body) = request.into_parts();
        let body = Zeroizing::new(body);
        send(oauth2::http::Request::from_parts(head, body.as_slice()))
    }
}

/// No response.
pub(super) struct Failed {
    end: End,
    why: Error,
}

impl Failed {
    fn of(failure: Failure, secrets: &Secrets) -> Failed {
        Failed {
            end: if failure.nothing_was_sent { End::NotSent } else { End::Cut },
            why: failure.redacted(secrets),
        }
    }
}

impl<T> From<Failed> for Attempt<T> {
    fn from(failed: Failed) -> Attempt<T> {
        Attempt::new(failed.end, Err(failed.why))
    }
}

impl<T> Attempt<T> {
    pub(super) fn new(end: End, outcome: Result<T>) -> Attempt<T> {
        Attempt { end, outcome, was_kept: false }
    }

    pub(super) fn not_sent(why: Error) -> Attempt<T> {
        Attempt::new(End::NotSent, Err(why))
    }
}

fn redirect_url(redirect_uri: &str) -> Result<RedirectUrl> {
    RedirectUrl::new(redirect_uri.to_owned())
        .map_err(|_| Error::internal("a callback URI that was checked is refused"))
}
