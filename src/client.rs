//! One person's login: requests that carry its token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

use crate::answer::Answer;
use crate::app::{Shared, check_header, put_header};
use crate::error::body::ProviderError;
use crate::error::redact::Secrets;
use crate::error::{Error, Result};
use crate::renewal::Login;
use crate::store::Store;
use crate::token::{Token, Unfit};
use crate::token_file::{Content, TokenFile};
use crate::transport::{Connection, Deadline};

/// The longest request target that the HTTP libraries take.
const LONGEST_TARGET: usize = 32 * 1024;

/// A request that has been checked: whatever becomes of it is not the program's fault.
pub(crate) struct ApiRequest<'a> {
    method: Method,
    uri: Uri,
    content_type: Option<HeaderValue>,
    body: Option<&'a [u8]>,
}

/// What the provider last said of its limit.
#[derive(Clone, Copy)]
pub(crate) struct RateLimit {
    pub limit: Option<u32>,
    pub remaining: Option<u32>,
    reset: Option<u32>,
    seen: Instant,
}

impl RateLimit {
    fn read(headers: &HeaderMap) -> Option<RateLimit> {
        let (mut limit, mut remaining, mut reset) = (None, None, None);
        // One pass over the few headers there are costs less than three look-ups.
        for (name, value) in headers {
            let Some(what) = name.as_str().strip_prefix("fitbit-rate-limit-") else { continue };
            let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            match what {
                "limit" => limit = number,
                "remaining" => remaining = number,
                "reset" => reset = number,
                _ => {}
            }
        }
        limit.or(remaining).or(reset)?;
        Some(RateLimit { limit, remaining, reset, seen: Instant::now() })
    }

    /// Seconds from now until the limit is counted anew.
    pub fn reset(&self) -> Option<Duration> {
        let reset = Duration::from_secs(u64::from(self.reset?));
        Some(reset.saturating_sub(self.seen.elapsed()))
    }
}

pub(crate) struct Client {
    app: Arc<Shared>,
    login: Login,
    /// This person's headers laid over the app's.
    headers: Mutex<Arc<HeaderMap>>,
    rate_limit: Mutex<Option<RateLimit>>,
}

impl Client {
    /// Starts from a token that the program has saved.
    pub fn from_token(app: Arc<Shared>, token_json: &str, store: Arc<dyn Store>) -> Result<Client> {
        let token = Token::from_json(token_json, app.provider).map_err(|unfit| match unfit {
            Unfit::ForeignProvider => Error::reauthorize("the token is another provider's"),
            Unfit::Malformed(why) => Error::invalid_argument("token_json", why),
        })?;
        Ok(Client::new(app.clone(), Login::loaded(app, token, store)))
    }

    /// Starts from a token file, which takes every later token.
    pub fn from_file(app: Arc<Shared>, path: &str) -> Result<Client> {
        let file = TokenFile::at(path)?;
        let token = match file.read(app.provider)? {
            Content::Token(token) => token,
            Content::Foreign(why) => return Err(why),
            Content::Nothing => return Err(Error::reauthorize("the token file holds no token")),
        };
        let client = Client::new(app.clone(), Login::loaded(app, token, Arc::new(file)));
        client.login.resume(&mut client.app.deadline());
        Ok(client)
    }

    /// Saves the token into a file, over what is there; the file takes every later token too.
    pub fn set_token_file(&self, path: &str) -> Result<()> {
        let file = Arc::new(TokenFile::at(path)?);
        self.login.move_to(file, &mut self.app.deadline())
    }

    /// Starts from a new login, which the store gets before this returns.
    pub fn from_login(app: Arc<Shared>, token: Token, store: Arc<dyn Store>) -> Client {
        let client = Client::new(app.clone(), Login::unsaved(app, token, store));
        // Not saved is no failure yet: the client keeps the token and offers it again.
        let _ = client.login.save(&mut client.app.deadline());
        client
    }

    fn new(app: Arc<Shared>, login: Login) -> Client {
        let headers = Mutex::new(app.headers.clone());
        Client { app, login, headers, rate_limit: Mutex::new(None) }
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let (name, value) = check_header(name, value)?;
        let mut headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        put_header(Arc::make_mut(&mut headers), name, value)
    }

    pub fn token_json(&self) -> String {
        self.login.newest().to_json(self.app.provider)
    }

    pub fn token_field(&self, name: &str) -> Option<String> {
        self.login.newest().field(name, self.app.provider)
    }

    pub fn user_id(&self) -> Result<String> {
        self.token_field("user_id")
            .ok_or_else(|| Error::protocol("the token does not say whose it is: it has no user_id"))
    }

    pub fn refresh(&self) -> Result<()> {
        self.login.refresh(&mut self.app.deadline())
    }

    pub fn save(&self) -> Result<()> {
        self.login.save(&mut self.app.deadline())
    }

    /// The last chance to save: an unsaved token is offered once more, the provider is not asked.
    pub fn finish(&self) {
        let _ = self.login.save(&mut self.app.deadline());
    }

    pub fn rate_limit(&self) -> Option<RateLimit> {
        *self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and answers with what came back below 300; anything else is an error.
    pub fn request(&self, request: &ApiRequest) -> Result<Answer> {
        let mut deadline = self.app.deadline();
        let mut token = self.login.token_for_request(&mut deadline)?;
        let first = token.clone();
        loop {
            let answer = self.send(request, &token, deadline)?;
            if answer.status < 300 {
                token.mark_proven();
                return Ok(answer);
            }
            let provider = self.app.provider;
            if answer.status != 401 {
                token.mark_proven();
            } else if Arc::ptr_eq(&first, &token)
                && ProviderError::read(&answer).is_one_of(provider.token_errors)
                && let Some(better) = self.login.token_after_401(&token, &mut deadline)?
            {
                token = better;
                continue;
            }
            let newest = self.login.newest();
            let secrets = self.secrets([&*first, &token, &newest]);
            return Err(Error::from_api(provider, &answer, &secrets));
        }
    }

    /// One request, and once more on a fresh connection where a kept-alive one died under a
    /// request that can be repeated.
    fn send(&self, request: &ApiRequest, token: &Token, deadline: Deadline) -> Result<Answer> {
        token.mark_used();
        let transport = self.app.transport()?;
        let idempotent = matches!(request.method, Method::GET | Method::DELETE);
        let mut connection = Connection::Any;
        loop {
            let head = self.head(request, token)?;
            let sent = match request.body {
                Some(body) => {
                    transport.send(head.map(|()| body), connection, deadline, self.app.max_body)
                }
                None => transport.send(head, connection, deadline, self.app.max_body),
            };
            match sent {
                Ok(answer) => {
                    if let Some(seen) = RateLimit::read(&answer.headers) {
                        *self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(seen);
                    }
                    return Ok(answer);
                }
                Err(failure)
                    if failure.kept_alive_connection_died
                        && idempotent
                        && connection == Connection::Any =>
                {
                    connection = Connection::Fresh;
                }
                Err(failure) => {
                    let newest = self.login.newest();
                    return Err(failure.redacted(&self.secrets([token, &newest])));
                }
            }
        }
    }

    fn secrets<'a>(&'a self, tokens: impl IntoIterator<Item = &'a Token>) -> Secrets<'a> {
        let both = |token: &'a Token| [token.access_token(), token.refresh_token()];
        self.app.token_endpoint.secrets(tokens.into_iter().flat_map(both))
    }

    fn head(&self, request: &ApiRequest, token: &Token) -> Result<Request<()>> {
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.access_token()));
        let mut authorization = HeaderValue::from_str(&bearer)
            .map_err(|_| Error::internal("an access token that was checked is refused"))?;
        authorization.set_sensitive(true);

        let mut head = Request::new(());
        *head.method_mut() = request.method.clone();
        *head.uri_mut() = request.uri.clone();
        let set = self.headers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let headers = head.headers_mut();
        headers.clone_from(&set);
        headers.insert(header::AUTHORIZATION, authorization);
        if let Some(content_type) = &request.content_type {
            headers.insert(header::CONTENT_TYPE, content_type.clone());
        }
        Ok(head)
    }
}

impl<'a> ApiRequest<'a> {
    pub fn new(
        app: &Client,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Option<&'a [u8]>,
    ) -> Result<ApiRequest<'a>> {
        let method = check_method(method)?;
        let uri = target(&app.app.api_uri, path)?;
        let content_type = match content_type.map(HeaderValue::from_str) {
            None => None,
            Some(Ok(value)) => Some(value),
            Some(Err(_)) => {
                return Err(Error::invalid_argument("content_type", "it is not a header's value"));
            }
        };
        // A POST without a body says so: Content-Length: 0.
        let body = match body {
            None if matches!(method, Method::POST | Method::PUT | Method::PATCH) => Some(&[][..]),
            body => body,
        };
        Ok(ApiRequest { method, uri, content_type, body })
    }
}

fn check_method(method: &str) -> Result<Method> {
    let refuse = |why| Err(Error::invalid_argument("method", why));
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return refuse("a method is one or more letters");
    }
    if method.len() > 32 {
        return refuse("it is too long");
    }
    match Method::from_bytes(method.to_ascii_uppercase().as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => refuse("CONNECT and TRACE are not for an API"),
        Ok(method) => Ok(method),
        Err(_) => refuse("it is not a method"),
    }
}

/// The API endpoint's text with the path behind it. Nothing in a path can lead to another host or
/// out of the endpoint's own prefix.
fn target(api_uri: &str, path: &str) -> Result<Uri> {
    let refuse = |why| Err(Error::invalid_argument("path", why));
    if !path.starts_with('/') || path.starts_with("//") {
        return refuse("it does not start with one slash; pass the path only");
    }
    if path.len() > LONGEST_TARGET {
        return refuse("it is too long");
    }
    let mut text = String::with_capacity(api_uri.len() + path.len() + 16);
    text.push_str(api_uri);
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'\\' => return refuse("it has a backslash"),
            b'#' => return refuse("it has a fragment"),
            ..0x20 | 0x7f => return refuse("it has a control character"),
            b'%' if is_escape(&path.as_bytes()[at..]) => text.push('%'),
            _ if may_stand_in_a_path(byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    let segments = path.split('?').next().unwrap_or_default();
    if segments.split('/').any(is_dots) {
        return refuse("it has a segment of dots");
    }
    text.parse().or_else(|_| refuse("it is not a path"))
}

/// `%` and two hexadecimal digits.
fn is_escape(text: &[u8]) -> bool {
    text.len() >= 3 && text[1..3].iter().all(u8::is_ascii_hexdigit)
}

/// RFC 3986: unreserved, sub-delims, and what else a path and a query may hold.
fn may_stand_in_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte)
}

/// `.` and `..`, also percent-encoded.
fn is_dots(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    loop {
        rest = match rest {
            [] => return dots == 1 || dots == 2,
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
}
