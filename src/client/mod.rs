//! One person's login: requests that carry its token.

mod identity;
mod page;
mod rate_limit;
mod request;

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use ureq::http::{HeaderMap, Request, header};

use crate::answer::Answer;
use crate::app::{Shared, check_header, put_header};
use crate::authorize;
use crate::call::{Deadline, Handle};
use crate::error::FitbitErrorCode::FITBIT_ERROR_RATE_LIMITED;
use crate::error::body::ProviderError;
use crate::error::redact::Secrets;
use crate::error::{Error, Result};
use crate::log::Level;
use crate::renewal::{Budget, Login};
use crate::store::Store;
use crate::token::{Token, Unfit};
use crate::token_file::{Content, TokenFile};
use crate::transport::ConnectionUse;
pub(crate) use page::Response;
use rate_limit::RateLimit;
pub(crate) use request::ApiRequest;

/// One handle on a person's login, with what is this handle's own. A program can hold a million of
/// these, idle: what not every one needs is made when it is needed.
pub(crate) struct Client {
    person: Arc<Person>,
    handle: Arc<Handle>,
    /// This handle's headers laid over the app's.
    headers: OnceBox<Mutex<Arc<HeaderMap>>>,
    /// In milliseconds; 0: the app's.
    timeout: AtomicU32,
    /// In seconds; none: the app's.
    rate_limit_wait: OnceBox<AtomicU32>,
}

/// What all handles on a login share.
struct Person {
    login: Login,
    rate_limit: OnceBox<Mutex<RateLimit>>,
    /// How many handles the program has not freed.
    handles: AtomicUsize,
}

impl Client {
    /// Starts from a token that the program has saved.
    pub fn from_token(app: Arc<Shared>, token_json: &str, store: Arc<dyn Store>) -> Result<Client> {
        let token = Token::from_json(token_json, app.provider).map_err(|unfit| match unfit {
            Unfit::ForeignProvider => Error::reauthorize("the token is another provider's"),
            Unfit::Malformed(why) => Error::invalid_argument("token_json", why),
        })?;
        Ok(Client::new(Login::loaded(app, token, store)))
    }

    /// Starts from a token file, which takes every later token.
    pub fn from_file(app: Arc<Shared>, handle: &Arc<Handle>, path: &str) -> Result<Client> {
        let deadline = app.deadline(handle);
        deadline.unless_cancelled(Ok(()))?;
        let file = TokenFile::at(path)?;
        let token = match file.read(app.provider)? {
            Content::Token(token) => token,
            Content::Foreign(why) => return Err(why),
            Content::Nothing => {
                // Before anybody logs in, only to find that the login cannot be saved.
                file.check_writable()?;
                return Err(Error::not_logged_in(&format!("there is no token in {path}")));
            }
        };
        file.check_usable()?;
        let client = Client::new(Login::loaded(app, token, Arc::new(file)));
        client.login().resume(&deadline);
        Ok(client)
    }

    /// Saves the token into a file, over what is there; the file takes every later token too.
    pub fn set_token_file(&self, path: &str) -> Result<()> {
        let file = Arc::new(TokenFile::at(path)?);
        self.within_time(|deadline| self.login().move_to(file, deadline))
    }

    /// Starts from the address that a person was sent back to.
    pub fn from_redirect(
        app: Arc<Shared>,
        handle: &Arc<Handle>,
        session: &str,
        redirect_uri: &str,
        store: Arc<dyn Store>,
    ) -> Result<Client> {
        let deadline = app.deadline(handle);
        let token = authorize::step_two(&app, session, redirect_uri, &deadline);
        let token = deadline.cancelled_or(token)?;
        Ok(Client::from_login(app, token, store).0)
    }

    /// The store gets the token before this returns. The second value says whether it saved the token:
    /// if not, the client keeps the token and offers it again.
    pub fn from_login(
        app: Arc<Shared>,
        token: Token,
        store: Arc<dyn Store>,
    ) -> (Client, Result<()>) {
        let client = Client::new(Login::unsaved(app, token, store));
        client.app().log.line(Level::Info, || "a person has logged in".to_owned());
        let saved = client.offer();
        (client, saved)
    }

    fn new(login: Login) -> Client {
        let handle = Handle::new(&login.app().calls);
        Client {
            person: Arc::new(Person {
                login,
                rate_limit: OnceBox::new(),
                handles: AtomicUsize::new(1),
            }),
            handle,
            headers: OnceBox::new(),
            timeout: AtomicU32::new(0),
            rate_limit_wait: OnceBox::new(),
        }
    }

    /// Another handle on the same login, with a copy of this one's settings.
    pub fn dup(&self) -> Client {
        self.person.handles.fetch_add(1, SeqCst);
        let dup = Client {
            person: self.person.clone(),
            handle: self.handle.another(),
            headers: OnceBox::new(),
            timeout: AtomicU32::new(self.timeout.load(Relaxed)),
            rate_limit_wait: OnceBox::new(),
        };
        if let Some(headers) = self.headers.get() {
            let headers = headers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = dup.headers.set(Box::new(Mutex::new(headers)));
        }
        if let Some(wait) = self.rate_limit_wait.get() {
            let _ = dup.rate_limit_wait.set(Box::new(AtomicU32::new(wait.load(Relaxed))));
        }
        dup
    }

    pub fn abort(&self) {
        self.handle.abort();
    }

    fn login(&self) -> &Login {
        &self.person.login
    }

    fn app(&self) -> &Arc<Shared> {
        self.login().app()
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let (name, value) = check_header(name, value)?;
        let headers = self.headers.get_or_init(|| Box::new(Mutex::new(self.app().headers.clone())));
        let mut headers = headers.lock().unwrap_or_else(PoisonError::into_inner);
        put_header(Arc::make_mut(&mut headers), name, value)
    }

    /// 0: the app's.
    pub fn set_timeout_ms(&self, milliseconds: u32) {
        self.timeout.store(milliseconds, Relaxed);
    }

    pub fn set_rate_limit_wait(&self, seconds: u32) {
        self.rate_limit_wait.get_or_init(Box::default).store(seconds, Relaxed);
    }

    fn deadline(&self) -> Deadline {
        self.app().transport().tidy();
        let timeout = match self.timeout.load(Relaxed) {
            0 => self.app().timeout,
            milliseconds => Duration::from_millis(milliseconds.into()),
        };
        Deadline::after(timeout, &self.handle)
    }

    fn rate_limit_wait(&self) -> Duration {
        match self.rate_limit_wait.get() {
            Some(seconds) => Duration::from_secs(seconds.load(Relaxed).into()),
            None => self.app().rate_limit_wait,
        }
    }

    pub fn token_json(&self) -> String {
        self.login().newest().to_json(self.app().provider)
    }

    pub fn token_field(&self, name: &str) -> Option<String> {
        self.login().newest().field(name, self.app().provider)
    }

    pub fn refresh(&self) -> Result<()> {
        self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            self.login().refresh(budget, deadline)
        })
    }

    /// Ends the login at the provider.
    pub fn revoke(&self) -> Result<()> {
        self.patiently(Deadline::cancelled_or, |_, deadline| self.login().revoke(deadline))
    }

    pub fn save(&self) -> Result<()> {
        self.within_time(|deadline| self.login().save(deadline))
    }

    /// Before this handle goes. With the last one, an unsaved token is offered once more. The provider is not
    /// asked.
    pub fn finish(&self) {
        if self.person.handles.fetch_sub(1, SeqCst) == 1 {
            self.login().finish(&mut self.deadline_to_save());
        }
    }

    fn offer(&self) -> Result<()> {
        self.login().save(&mut self.deadline_to_save())
    }

    fn deadline_to_save(&self) -> Deadline {
        self.deadline().with_grace_even_if_cancelled()
    }

    pub fn rate_limit(&self) -> Option<RateLimit> {
        let seen = self.person.rate_limit.get()?;
        Some(*seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn saw(&self, seen: RateLimit) {
        let latest = self.person.rate_limit.get_or_init(|| Box::new(Mutex::new(seen)));
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    pub fn api_uri(&self) -> &str {
        &self.app().api_uri
    }

    /// Sends a request and answers with what came back below 300; anything else is an error.
    pub fn request(&self, request: &ApiRequest) -> Result<Response> {
        let answer = self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            self.attempt(request, budget, deadline)
        })?;
        Ok(Response::new(answer, request, self.app().provider))
    }

    /// A call that keeps the login from being lost. Its success counts although it was cancelled.
    fn within_time<T>(&self, call: impl FnOnce(&mut Deadline) -> Result<T>) -> Result<T> {
        let mut deadline = self.deadline().with_grace();
        let outcome = call(&mut deadline);
        deadline.cancelled_or(outcome)
    }

    /// Waits a rate limit out and tries again, where the program has allowed as much. The time it
    /// waits is not the call's. `ended` says what becomes of the outcome of a call that was cancelled.
    fn patiently<T>(
        &self,
        ended: fn(&Deadline, Result<T>) -> Result<T>,
        mut call: impl FnMut(&Budget, &mut Deadline) -> Result<T>,
    ) -> Result<T> {
        let budget = Budget::new();
        let mut deadline = self.deadline();
        let mut allowed = self.rate_limit_wait();
        loop {
            let outcome = call(&budget, &mut deadline);
            let error = match ended(&deadline, outcome) {
                Err(error) if error.is(FITBIT_ERROR_RATE_LIMITED) => error,
                outcome => return outcome,
            };
            let Some(wait) = error.retry_after().filter(|wait| *wait <= allowed) else {
                return Err(error);
            };
            self.app()
                .log
                .line(Level::Warn, || format!("rate limited: waiting {} s", wait.as_secs()));
            let begun = Instant::now();
            deadline.pause(wait);
            deadline.give_back(begun.elapsed());
            allowed -= wait;
        }
    }

    fn attempt(
        &self,
        request: &ApiRequest,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Answer> {
        let mut token = self.login().token_for_request(budget, deadline)?;
        let first = token.clone();
        loop {
            let answer = self.send(request, &token, deadline)?;
            if answer.status < 300 {
                token.mark_proven();
                if !deadline.is_cancelled() {
                    self.login().renew_after_response(budget, deadline);
                    // The response is in hand: whatever is cancelled now, it counts.
                    *deadline = deadline.uncancellable();
                }
                return Ok(answer);
            }
            let provider = self.app().provider;
            if answer.status != 401 {
                token.mark_proven();
            } else if Arc::ptr_eq(&first, &token)
                && ProviderError::read(&answer).is_one_of(provider.token_errors)
                && let Some(better) = self.login().token_after_401(&token, budget, deadline)?
            {
                token = better;
                continue;
            }
            self.login().renew_after_response(budget, deadline);
            let newest = self.login().newest();
            let secrets = self.secrets([&*first, &token, &newest]);
            return Err(Error::from_api(provider, &answer, &secrets));
        }
    }

    /// One request, and once more on a fresh connection where a kept-alive one died under a
    /// request that can be repeated.
    fn send(&self, request: &ApiRequest, token: &Token, deadline: &Deadline) -> Result<Answer> {
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
                Ok(answer) => {
                    if let Some(seen) = RateLimit::read(&answer.headers) {
                        self.saw(seen);
                    }
                    return Ok(answer);
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

    fn secrets<'a>(&'a self, tokens: impl IntoIterator<Item = &'a Token>) -> Secrets<'a> {
        let both = |token: &'a Token| [token.access_token(), token.refresh_token()];
        self.app().token_endpoint.secrets(tokens.into_iter().flat_map(both))
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
