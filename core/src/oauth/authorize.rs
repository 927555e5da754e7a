//! Logging in: the authorization code grant with PKCE, in two steps.
//!
//! Step one makes the authorization URL and a session. Step two takes the session and the URL that the person
//! came back with, perhaps in another process.

use std::collections::BTreeMap;

use oauth2::url::form_urlencoded;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::pkce::Pkce;
use super::scopes;
use super::token_endpoint::TokenEndpoint;
use crate::call::Deadline;
use crate::error::{Error, Input, Result};
use crate::http::Transport;
use crate::token::{Fields, Now, Token, parse, raw, string};

/// The parameters that only the library sets.
const RESERVED: [&str; 6] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// An application, as it is registered with the provider's authorization server.
pub(crate) struct Registration {
    pub token_endpoint: TokenEndpoint,
    pub redirect_uri: Option<String>,
    pub scopes: String,
    /// Whether the authorization endpoint is the provider's own.
    pub authorize_endpoint_is_the_providers: bool,
}

impl Registration {
    pub fn redirect_uri(&self) -> Result<&str> {
        self.redirect_uri.as_deref().ok_or_else(|| {
            Error::invalid(Input::App, "it was made without a callback_uri and logs nobody in")
        })
    }
}

/// The result of step one.
pub struct Step {
    /// Where the person grants access.
    pub authorization_uri: String,
    /// The session for step two, as JSON. It is secret.
    pub session: String,
}

pub(crate) fn step_one(app: &Registration, params: Option<&str>) -> Result<Step> {
    let redirect_uri = app.redirect_uri()?;
    let (authorization_uri, session) = begin(app, params, redirect_uri)?;
    let mut fields = Fields::default();
    for (name, value) in [
        ("provider", app.token_endpoint.provider.name),
        ("client_id", &app.token_endpoint.client_id),
        ("callback_uri", redirect_uri),
        ("state", &session.state),
        ("verifier", &session.verifier),
    ] {
        fields.insert(name.to_owned(), raw(value));
    }
    Ok(Step { authorization_uri, session: fields.to_json() })
}

pub(crate) fn step_two(
    app: &Registration,
    session: &str,
    response_uri: &str,
    transport: &Transport,
    deadline: &Deadline,
) -> Result<Token> {
    let session = Session::read(app, session)?;
    session.finish(app, response_uri, transport, deadline, Error::of_exchange)
}

/// Begins a login: makes the authorization URL and the session that is needed when the person comes back to
/// `redirect_uri`.
pub(crate) fn begin(
    app: &Registration,
    params: Option<&str>,
    redirect_uri: &str,
) -> Result<(String, Session)> {
    let params = params.unwrap_or_default();
    if let Some(bare) = params.split('&').find(|part| !part.is_empty() && !part.contains('=')) {
        return Err(Error::invalid(
            Input::AuthorizationParams,
            format!("{bare} has no value: name=value"),
        ));
    }
    let mut params = form(Input::AuthorizationParams, params)?;
    if params.iter().any(|(name, value)| {
        [name, value].iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER))
    }) {
        return Err(Error::invalid(Input::AuthorizationParams, "it does not decode to UTF-8"));
    }
    if let Some(name) = RESERVED.iter().find(|name| params.contains_key(**name)) {
        return Err(Error::invalid(
            Input::AuthorizationParams,
            format!("{name} is the library's to set"),
        ));
    }
    let scopes = match params.remove("scope") {
        Some(scopes) => scopes::check(Input::AuthorizationParams, &scopes)?,
        None => app.scopes.clone(),
    };
    for (name, value) in app.token_endpoint.provider.authorize_params {
        params.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned().into());
    }
    let Pkce { state, verifier, challenge } = Pkce::new()?;
    let session = Session {
        redirect_uri: redirect_uri.to_owned(),
        state: state.secret().to_owned().into(),
        verifier: verifier.into_secret().into(),
    };
    let params = params.into_iter().map(|(name, mut value)| (name, std::mem::take(&mut *value)));
    let uri =
        app.token_endpoint.authorization_uri(redirect_uri, state, challenge, &scopes, params)?;
    Ok((uri, session))
}

/// The facts about a login that was begun and is not finished.
pub(crate) struct Session {
    redirect_uri: String,
    state: Zeroizing<String>,
    verifier: Zeroizing<String>,
}

impl Session {
    fn read(app: &Registration, json: &str) -> Result<Session> {
        let refuse = |why: &str| Error::invalid(Input::Session, why);
        let foreign = || refuse("it is not what fitbit_step_one gave out");
        let mut session = parse(json.as_bytes()).map_err(|_| foreign())?;
        let mut field = |name: &str| {
            let text = string(&mut session, name).ok().flatten();
            text.filter(|text| !text.is_empty()).ok_or_else(foreign)
        };
        let redirect_uri = field("callback_uri")?;
        let ours = *field("provider")? == app.token_endpoint.provider.name
            && *field("client_id")? == app.token_endpoint.client_id
            && *redirect_uri == app.redirect_uri()?;
        if !ours {
            return Err(refuse("it belongs to another application, provider or callback URI"));
        }
        Ok(Session {
            redirect_uri: (*redirect_uri).clone(),
            state: field("state")?,
            verifier: field("verifier")?,
        })
    }

    /// The parameters of the authorization response, if it belongs to this login.
    fn response(&self, response_uri: &str) -> Result<Form> {
        let mut response = form(Input::AuthorizationResponse, query(response_uri))
            .map_err(|_| Error::state_mismatch("a parameter is there twice"))?;
        // A parameter without a value counts as left out (RFC 6749 section 3.1).
        response.retain(|_, value| !value.is_empty());

        let state = response
            .get("state")
            .ok_or_else(|| Error::state_mismatch("it has no state; pass the whole address"))?;
        if !bool::from(state.as_bytes().ct_eq(self.state.as_bytes())) {
            return Err(Error::state_mismatch("its state is another one"));
        }
        Ok(response)
    }

    pub fn is_answered_by(&self, response_uri: &str) -> bool {
        self.response(response_uri).is_ok()
    }

    /// Checks everything before it sends the one request. If the response to that request is lost, the login
    /// has to start again at step one. `of_exchange` is applied to an error of that request.
    pub fn finish(
        &self,
        app: &Registration,
        response_uri: &str,
        transport: &Transport,
        deadline: &Deadline,
        of_exchange: fn(Error) -> Error,
    ) -> Result<Token> {
        let response = self.response(response_uri)?;
        if let Some(issuer) = response.get("iss")
            && app.authorize_endpoint_is_the_providers
            && app.token_endpoint.provider.issuer != Some(&**issuer)
        {
            return Err(Error::state_mismatch("another provider sent it (iss)"));
        }
        if let Some(kind) = response.get("error") {
            // A provider that sends both an error and a code may still accept the code.
            let code = response.get("code").map_or("", |code| code.as_str());
            let secrets = app.token_endpoint.secrets([&self.state[..], &self.verifier, code]);
            let description = response.get("error_description").map(|text| text.as_str());
            return Err(Error::authorization(kind, description, &secrets));
        }
        let code = response.get("code").ok_or_else(Error::no_authorization_code)?;

        app.token_endpoint
            .exchange(code, &self.verifier, &self.redirect_uri, transport, deadline)
            .and_then(|fields| {
                Token::received(fields, None, app.token_endpoint.provider, false, Now::read())
            })
            .map_err(of_exchange)
    }
}

/// The query of a whole URL, of a request target, or the text itself if it is only a query. The text after a
/// `#` is not part of the response: Fitbit appends `#_=_`.
fn query(response_uri: &str) -> &str {
    let text = response_uri.split('#').next().unwrap_or_default().trim();
    // In a query, the first name ends with "=" before any other of these characters.
    let is_address =
        text.bytes().find(|byte| b":/?=&".contains(byte)).is_some_and(|b| b":/?".contains(&b));
    match text.split_once('?') {
        Some((_, query)) if is_address => query,
        _ => text,
    }
}

/// Its values may be secret: one can be a code.
type Form = BTreeMap<String, Zeroizing<String>>;

/// Parses a form-encoded text. No name may occur twice (RFC 6749 section 3.1).
fn form(input: Input, text: &str) -> Result<Form> {
    let mut fields = Form::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if fields.contains_key(&*name) {
            return Err(Error::invalid(input, format!("{name} is there twice")));
        }
        fields.insert(name.into_owned(), value.into_owned().into());
    }
    Ok(fields)
}
