//! Tokens as both providers keep them: whose they are, whether they are good, what was answered
//! to one that is spent.

use super::registration::Dialect;
use super::world::{AccessToken, LoginId, Scopes, World};
use crate::answer::Answer;
use std::time::Duration;

/// What presenting a refresh token leads to.
#[derive(Debug)]
pub(crate) enum Presented {
    /// It is good; this is what it stands for.
    Good {
        login: LoginId,
        scopes: Scopes,
    },
    /// It is spent, and within the grace time this answer is repeated.
    Again(Answer),
    Refused,
}

/// Whether an access token opens the API.
#[derive(Debug)]
pub(crate) enum Bearer<'a> {
    Good(&'a AccessToken),
    Expired,
    Invalid,
}

impl World {
    pub(crate) fn bearer(&self, dialect: Dialect, given: &str, now: Duration) -> Bearer<'_> {
        match self.access_tokens.get(given) {
            Some(token) if self.logins[token.login].dialect != dialect || token.revoked => {
                Bearer::Invalid
            }
            Some(token) if now >= token.expires_at => Bearer::Expired,
            Some(token) => Bearer::Good(token),
            None => Bearer::Invalid,
        }
    }

    pub(crate) fn present(
        &mut self,
        dialect: Dialect,
        client_id: &str,
        given: &str,
        now: Duration,
    ) -> Presented {
        let Some(token) = self.refresh_tokens.get(given) else {
            return Presented::Refused;
        };
        let owner = &self.logins[token.login];
        let theirs = owner.dialect == dialect && owner.client_id == client_id;
        if token.revoked || !theirs || token.expires_at.is_some_and(|at| now >= at) {
            return Presented::Refused;
        }
        if let Some((at, answer)) = &token.spent {
            if now.saturating_sub(*at) < self.settings.grace.unwrap_or(Duration::ZERO) {
                return Presented::Again(answer.clone());
            }
            self.replayed_refresh_tokens += 1;
            return Presented::Refused;
        }
        if !self.settings.old_access_token_survives_refresh
            && let Some(old) = self.access_tokens.get_mut(&token.access_token)
        {
            old.revoked = true;
        }
        Presented::Good { login: token.login, scopes: token.scopes.clone() }
    }

    /// The refresh token has done its work; this was the answer.
    pub(crate) fn spend(&mut self, refresh_token: &str, now: Duration, answer: &Answer) {
        if let Some(token) = self.refresh_tokens.get_mut(refresh_token) {
            token.spent = Some((now, answer.clone()));
        }
    }

    /// The login that a token of either kind belongs to, if the token is good.
    pub(crate) fn live_login_behind(
        &self,
        dialect: Dialect,
        token: &str,
        now: Duration,
    ) -> Option<LoginId> {
        let access = self.access_tokens.get(token);
        let refresh = self.refresh_tokens.get(token);
        let is_live = match (access, refresh) {
            (Some(token), _) => !token.revoked && now < token.expires_at,
            (None, Some(token)) => {
                let expired = token.expires_at.is_some_and(|at| now >= at);
                !token.revoked && token.spent.is_none() && !expired
            }
            (None, None) => false,
        };
        self.login_behind(dialect, token).filter(|_| is_live)
    }

    /// The login that a token of either kind belongs to.
    pub(crate) fn login_behind(&self, dialect: Dialect, token: &str) -> Option<LoginId> {
        let access = self.access_tokens.get(token).map(|token| token.login);
        let refresh = self.refresh_tokens.get(token).map(|token| token.login);
        access.or(refresh).filter(|&login| self.logins[login].dialect == dialect)
    }
}
