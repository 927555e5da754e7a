//! What the providers remember: applications, consents in progress, codes, logins and tokens.

use super::pkce::Challenge;
use super::registration::{Dialect, Registration};
use crate::answer::Answer;
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A person's granted scopes, shared by the tokens that carry them.
pub(crate) type Scopes = Arc<[String]>;

/// The place of a [`Login`] in [`World::logins`].
pub(crate) type LoginId = usize;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) registrations: HashMap<String, Registration>,
    /// Consent pages that were shown, by the id in their form.
    pub(crate) consents: HashMap<String, AuthorizationRequest>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) logins: Vec<Login>,
    pub(crate) access_tokens: HashMap<String, AccessToken>,
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    pub(crate) replayed_codes: u64,
    pub(crate) replayed_refresh_tokens: u64,
}

/// A valid authorize request.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    /// Where the browser goes.
    pub(crate) redirect_uri: String,
    /// Whether the request named it; if so, the exchange has to name it again.
    pub(crate) named_redirect_uri: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    /// Whether a refresh token is asked for.
    pub(crate) offline: bool,
    /// Whether the person is to be asked although they have granted this before.
    pub(crate) prompts_consent: bool,
}

#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) request: AuthorizationRequest,
    pub(crate) login: LoginId,
    pub(crate) scopes: Scopes,
    /// Whether its exchange gives a refresh token.
    pub(crate) refreshable: bool,
    pub(crate) expires_at: Duration,
    pub(crate) spent: bool,
}

/// One person's use of one application: what is revoked as a whole and what is rate-limited.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) dialect: Dialect,
    pub(crate) client_id: String,
    pub(crate) user_id: Arc<str>,
    /// Whether the person has granted access while they are away.
    pub(crate) has_offline_access: bool,
    /// The API requests of the current window.
    pub(crate) requests: u64,
    pub(crate) window_started: Duration,
}

#[derive(Debug)]
pub(crate) struct AccessToken {
    pub(crate) login: LoginId,
    pub(crate) scopes: Scopes,
    pub(crate) issued_at: Duration,
    pub(crate) expires_at: Duration,
    pub(crate) revoked: bool,
}

#[derive(Debug)]
pub(crate) struct RefreshToken {
    pub(crate) login: LoginId,
    pub(crate) scopes: Scopes,
    /// The access token issued together with it, or for it the last time.
    pub(crate) access_token: String,
    pub(crate) expires_at: Option<Duration>,
    pub(crate) revoked: bool,
    /// When it was used, and the answer to that.
    pub(crate) spent: Option<(Duration, Answer)>,
}

impl World {
    /// An application that is registered with this provider.
    pub(crate) fn application(&self, dialect: Dialect, client_id: &str) -> Option<&Registration> {
        let known = self.registrations.get(client_id);
        known.filter(|application| application.kind.dialect() == dialect)
    }

    /// The login of this person with this application, which may be new.
    pub(crate) fn login(&mut self, dialect: Dialect, client_id: &str, user_id: &str) -> LoginId {
        let same = |login: &Login| {
            let whose = (login.dialect, login.client_id.as_str(), &*login.user_id);
            whose == (dialect, client_id, user_id)
        };
        if let Some(id) = self.logins.iter().position(same) {
            return id;
        }
        self.logins.push(Login {
            dialect,
            client_id: client_id.to_owned(),
            user_id: user_id.into(),
            has_offline_access: false,
            requests: 0,
            window_started: Duration::ZERO,
        });
        self.logins.len() - 1
    }

    pub(crate) fn logins_of(&self, user_id: &str) -> Vec<LoginId> {
        let theirs = |&id: &LoginId| &*self.logins[id].user_id == user_id;
        (0..self.logins.len()).filter(theirs).collect()
    }

    /// Ends a login: every token of that person for that application.
    pub(crate) fn revoke(&mut self, login: LoginId) {
        self.logins[login].has_offline_access = false;
        self.access_tokens
            .values_mut()
            .filter(|token| token.login == login)
            .for_each(|token| token.revoked = true);
        self.refresh_tokens
            .values_mut()
            .filter(|token| token.login == login)
            .for_each(|token| token.revoked = true);
    }
}
