//! One person's login: a handle on it, its settings and its end.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use once_cell::race::OnceBox;
use ureq::http::HeaderMap;

use super::rate_limit::RateLimit;
use super::{ApiRequest, ApiResponse};
use crate::app::{App, Shared, headers};
use crate::call::{Deadline, Handle};
use crate::error::{Error, Input, Result};
use crate::log::Level;
use crate::oauth::authorize;
use crate::renewal::Login;
use crate::store::{Content, TokenFile, TokenStore};
use crate::token::{Token, Unfit};

/// One handle on a person's login, and this handle's own settings. A program can hold a million idle ones:
/// so a setting has memory only once it is set.
pub struct Client {
    person: Arc<Person>,
    handle: Arc<Handle>,
    /// This handle's headers laid over the app's.
    pub(super) headers: OnceBox<Mutex<Arc<HeaderMap>>>,
    /// In milliseconds; 0: the app's.
    timeout: AtomicU32,
    /// In seconds; none: the app's.
    rate_limit_wait: OnceBox<AtomicU32>,
    is_finished: AtomicBool,
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
    pub fn from_token(app: &App, token_json: &str, store: TokenStore) -> Result<Client> {
        let app = app.shared()?.clone();
        let token = Token::from_json(token_json, app.provider).map_err(|unfit| match unfit {
            Unfit::ForeignProvider => Error::reauthorize("the token is another provider's"),
            Unfit::Malformed(why) => Error::invalid(Input::Token, why),
        })?;
        Ok(Client::new(Login::loaded(app, token, store.0)))
    }

    /// Starts from a token file, which takes every later token.
    pub fn from_file(app: &App, handle: &Arc<Handle>, path: &str) -> Result<Client> {
        let app = app.shared()?.clone();
        let deadline = app.deadline(handle);
        deadline.unless_cancelled(Ok(()))?;
        let file = TokenFile::at(path)?;
        let token = match file.read(app.provider)? {
            Content::Token(token) => token,
            Content::Foreign(why) => return Err(why),
            Content::Nothing => {
                // Before a person logs in and the login cannot be saved.
                file.check_writable()?;
                return Err(Error::not_logged_in(&format!("there is no token in {path}")));
            }
        };
        file.check_usable()?;
        let client = Client::new(Login::loaded(app, token, Arc::new(file)));
        client.login().resume(&deadline);
        Ok(client)
    }

    /// Saves the token into a file and replaces what the file holds. The file takes every later token, too.
    pub fn set_token_file(&self, path: &str) -> Result<()> {
        let file = Arc::new(TokenFile::at(path)?);
        self.within_time(|deadline| self.login().move_to(file, deadline))
    }

    /// Starts from the redirect that a person was sent back with.
    pub fn from_redirect(
        app: &App,
        handle: &Arc<Handle>,
        session: &str,
        response_uri: &str,
        store: TokenStore,
    ) -> Result<Client> {
        let app = app.shared()?.clone();
        let deadline = app.deadline(handle);
        let token =
            authorize::step_two(&app.oauth, session, response_uri, app.transport(), &deadline);
        let token = deadline.cancelled_or(token)?;
        Ok(Client::from_login(app, token, store).0)
    }

    /// The store gets the token before this returns. The second value says whether it saved the token:
    /// if not, the client keeps the token and offers it again.
    pub(crate) fn from_login(
        app: Arc<Shared>,
        token: Token,
        store: TokenStore,
    ) -> (Client, Result<()>) {
        let client = Client::new(Login::unsaved(app, token, store.0));
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
            is_finished: AtomicBool::new(false),
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
            is_finished: AtomicBool::new(false),
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

    /// Ends the calls of this handle that have begun.
    pub fn abort(&self) {
        self.handle.abort();
    }

    pub(super) fn login(&self) -> &Login {
        &self.person.login
    }

    pub(super) fn app(&self) -> &Arc<Shared> {
        self.login().app()
    }

    /// Sets a header of this handle's requests; none: the header is not sent.
    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let (name, value) = headers::check(name, value)?;
        let headers = self.headers.get_or_init(|| Box::new(Mutex::new(self.app().headers.clone())));
        let mut headers = headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers::put(Arc::make_mut(&mut headers), name, value)
    }

    /// 0: the app's.
    pub fn set_timeout_ms(&self, milliseconds: u32) {
        self.timeout.store(milliseconds, Relaxed);
    }

    /// The longest that a call waits for rate limits, in seconds, beside its timeout.
    pub fn set_rate_limit_wait(&self, seconds: u32) {
        self.rate_limit_wait.get_or_init(Box::default).store(seconds, Relaxed);
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.app().transport().tidy();
        let timeout = match self.timeout.load(Relaxed) {
            0 => self.app().timeout,
            milliseconds => Duration::from_millis(milliseconds.into()),
        };
        Deadline::after(timeout, &self.handle)
    }

    pub(super) fn rate_limit_wait(&self) -> Duration {
        match self.rate_limit_wait.get() {
            Some(seconds) => Duration::from_secs(seconds.load(Relaxed).into()),
            None => self.app().rate_limit_wait,
        }
    }

    /// The newest token, as the program saves it.
    pub fn token_json(&self) -> String {
        self.login().newest().to_json(self.app().provider)
    }

    /// One field of the newest token, as text.
    pub fn token_field(&self, name: &str) -> Option<String> {
        self.login().newest().field(name, self.app().provider)
    }

    /// Renews the token now, and saves it.
    pub fn refresh(&self) -> Result<()> {
        self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            self.login().refresh(budget, deadline)
        })
    }

    /// Ends the login at the provider.
    pub fn revoke(&self) -> Result<()> {
        self.patiently(Deadline::cancelled_or, |_, deadline| self.login().revoke(deadline))
    }

    /// Offers an unsaved token to the store now.
    pub fn save(&self) -> Result<()> {
        self.within_time(|deadline| self.login().save(deadline))
    }

    /// The end of this handle, which dropping it brings too. The last handle offers an unsaved token once
    /// more. The provider is not asked.
    pub fn finish(&self) {
        let is_first_time = !self.is_finished.swap(true, SeqCst);
        if is_first_time && self.person.handles.fetch_sub(1, SeqCst) == 1 {
            self.login().finish(&mut self.deadline_to_save());
        }
    }

    fn offer(&self) -> Result<()> {
        self.login().save(&mut self.deadline_to_save())
    }

    fn deadline_to_save(&self) -> Deadline {
        self.deadline().with_grace_even_if_cancelled()
    }

    /// The rate limit, as the provider last stated it.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        let seen = self.person.rate_limit.get()?;
        Some(*seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn saw(&self, seen: RateLimit) {
        let latest = self.person.rate_limit.get_or_init(|| Box::new(Mutex::new(seen)));
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// The API endpoint: what paths are appended to.
    pub fn api_uri(&self) -> &str {
        &self.app().api_uri
    }

    /// Sends a request and returns a response below 300. Any other outcome is an error.
    pub fn request(&self, request: &ApiRequest) -> Result<ApiResponse> {
        let response = self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            self.attempt(request, budget, deadline)
        })?;
        Ok(ApiResponse::new(response, request, self.app().provider))
    }

    /// A call that keeps the login from being lost. Its success counts even if it was cancelled.
    fn within_time<T>(&self, call: impl FnOnce(&mut Deadline) -> Result<T>) -> Result<T> {
        let mut deadline = self.deadline().with_grace();
        let outcome = call(&mut deadline);
        deadline.cancelled_or(outcome)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.finish();
    }
}
