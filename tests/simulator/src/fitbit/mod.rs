//! What Fitbit does: the endpoints by their paths, and the state behind them.
//!
//! The rest of the crate asks two things of a provider: which class a request belongs to, and
//! what the answer to it is.

mod api;
mod authorize;
mod client_authentication;
mod consent_page;
mod errors;
mod introspect;
mod pkce;
pub(crate) mod registration;
mod revoke;
mod scopes;
mod token;
mod token_answer;
mod world;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::counts::Class;
use crate::fault::FaultKind;
use crate::request::Request;
use crate::secrets::Secrets;
use crate::settings::Settings;
use registration::Registration;
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use world::World;

#[derive(Debug)]
pub(crate) struct Fitbit {
    clock: Clock,
    /// The origin of absolute links.
    uri: String,
    world: Mutex<World>,
    secrets: Secrets,
    diaries: api::Diaries,
    fillers: api::Fillers,
}

impl Fitbit {
    pub(crate) fn new(clock: Clock, uri: String) -> Self {
        let fitbit = Self {
            clock,
            uri,
            world: Mutex::default(),
            secrets: Secrets::default(),
            diaries: api::Diaries::default(),
            fillers: api::Fillers::default(),
        };
        for application in registration::demos() {
            fitbit.register(application);
        }
        fitbit
    }

    pub(crate) fn classify(request: &Request) -> Class {
        match (request.method(), request.path()) {
            ("GET", "/oauth2/authorize") => Class::Authorize,
            ("POST", "/oauth2/token") => match request.form().get("grant_type") {
                Some("authorization_code") => Class::Exchange,
                Some("refresh_token") => Class::Refresh,
                _ => Class::Other,
            },
            ("POST", "/oauth2/revoke") => Class::Revoke,
            ("POST", "/1.1/oauth2/introspect") => Class::Introspect,
            (_, path) if api::is_for(path) => Class::Api,
            _ => Class::Other,
        }
    }

    /// Notes what a request brings, whether or not it will be acted upon.
    pub(crate) fn note_secrets(&self, request: &Request) {
        self.secrets.note(request.bearer().unwrap_or(""));
        if !request.path().contains("/oauth2/") {
            return;
        }
        let form = request.form();
        for field in ["code", "code_verifier", "refresh_token", "token", "client_secret"] {
            self.secrets.note(form.get(field).unwrap_or(""));
        }
        if let Ok(Some((_, secret))) = client_authentication::basic_credentials(request) {
            self.secrets.note(&secret);
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        match (request.method(), request.path()) {
            ("GET", "/oauth2/authorize") => authorize::ask(self, request),
            ("POST", "/oauth2/authorize") => authorize::decide(self, request),
            ("POST", "/oauth2/token") => token::answer(self, request),
            ("POST", "/oauth2/revoke") => revoke::answer(self, request),
            ("POST", "/1.1/oauth2/introspect") => introspect::answer(self, request),
            (_, path) if api::is_for(path) => api::answer(self, request),
            _ => errors::not_found(),
        }
    }

    pub(crate) fn scripted_error(&self, kind: &FaultKind, request: &Request) -> Answer {
        errors::scripted(kind, request, self.clock)
    }

    /// Changes the settings; returns whether requests are to be logged.
    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut Settings)) -> bool {
        let mut world = self.world();
        change(&mut world.settings);
        world.settings.keep_log
    }

    pub(crate) fn register(&self, application: Registration) {
        self.secrets.note(application.client_secret.as_deref().unwrap_or(""));
        self.world().registrations.insert(application.client_id.clone(), application);
    }

    pub(crate) fn issue_token(&self, client_id: &str, user_id: &str, scopes: &[&str]) -> Value {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let mut world = self.world();
        let login = world.login(client_id, user_id);
        token_answer::mint(&mut world, login, scopes, self.clock, &self.secrets)
    }

    pub(crate) fn expire_access_tokens(&self) {
        let now = self.clock.now();
        self.world().access_tokens.values_mut().for_each(|token| token.expires_at = now);
    }

    pub(crate) fn revoke_user(&self, user_id: &str) {
        let mut world = self.world();
        let theirs = world.logins_of(user_id);
        for login in theirs {
            world.revoke(login);
        }
    }

    pub(crate) fn invalidate(&self, access_token: &str) {
        if let Some(token) = self.world().access_tokens.get_mut(access_token) {
            token.revoked = true;
        }
    }

    pub(crate) fn replayed_codes(&self) -> u64 {
        self.world().replayed_codes
    }

    pub(crate) fn replayed_refresh_tokens(&self) -> u64 {
        self.world().replayed_refresh_tokens
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.all()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
