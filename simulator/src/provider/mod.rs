//! The provider behind the one origin: two dialects over one set of applications, people and
//! tokens.
//!
//! The rest of the crate asks two things of it: which class a request belongs to, and what the
//! answer is. A request's path says whose dialect it is in, and [`fitbit`](crate::fitbit) or
//! [`google`](crate::google) knows the rest. Here is what both need.

pub(crate) mod authorization;
pub(crate) mod codes;
pub(crate) mod consent_page;
pub(crate) mod credentials;
pub(crate) mod demos;
pub(crate) mod figures;
pub(crate) mod moment;
pub(crate) mod pkce;
pub(crate) mod rate;
pub(crate) mod registration;
pub(crate) mod tokens;
pub(crate) mod world;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::counts::Class;
use crate::fault::FaultKind;
use crate::fitbit::{self, Fitbit};
use crate::google;
use crate::request::Request;
use crate::secrets::Secrets;
use crate::settings::Settings;
use registration::{Dialect, Registration};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use world::World;

#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) clock: Clock,
    /// The origin of absolute links.
    pub(crate) uri: String,
    pub(crate) secrets: Secrets,
    /// What only Fitbit keeps.
    pub(crate) fitbit: Fitbit,
    world: Mutex<World>,
}

impl Provider {
    pub(crate) fn new(clock: Clock, uri: String) -> Self {
        let provider = Self {
            clock,
            uri,
            secrets: Secrets::default(),
            fitbit: Fitbit::default(),
            world: Mutex::default(),
        };
        for application in demos::all() {
            provider.register(application);
        }
        provider
    }

    pub(crate) fn classify(request: &Request) -> Class {
        match dialect(request) {
            Dialect::Fitbit => fitbit::classify(request),
            Dialect::Google => google::classify(request),
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        match dialect(request) {
            Dialect::Fitbit => fitbit::answer(self, request),
            Dialect::Google => google::answer(self, request),
        }
    }

    pub(crate) fn scripted_error(&self, kind: &FaultKind, request: &Request) -> Answer {
        match dialect(request) {
            Dialect::Fitbit => fitbit::scripted_error(kind, request, self.clock),
            Dialect::Google => google::scripted_error(kind, request, self.clock),
        }
    }

    /// Notes what a request brings, whether or not it will be acted upon.
    pub(crate) fn note_secrets(&self, class: Class, request: &Request) {
        self.secrets.note(request.bearer().unwrap_or(""));
        if class == Class::Api {
            return;
        }
        let form = request.form();
        for field in ["code", "code_verifier", "refresh_token", "token", "client_secret"] {
            self.secrets.note(form.get(field).unwrap_or(""));
        }
        if let Ok(Some((_, secret))) = credentials::basic(request) {
            self.secrets.note(&secret);
        }
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
        let registration = self.world().registrations.get(client_id).cloned();
        match registration.map_or(Dialect::Fitbit, |application| application.kind.dialect()) {
            Dialect::Fitbit => fitbit::issue_token(self, client_id, user_id, scopes),
            Dialect::Google => google::issue_token(self, client_id, user_id, scopes),
        }
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

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dialect(request: &Request) -> Dialect {
    if google::is_for(request.path()) { Dialect::Google } else { Dialect::Fitbit }
}
