//! Redeeming an authorization code, which works once, for the one it was meant for.
//!
//! Whatever is wrong with a request is found before its code is spent, so that a mistaken request
//! does not cost the login.

use super::world::{LoginId, Scopes, World};
use crate::form::Form;
use std::time::Duration;

/// What a code was good for.
#[derive(Debug)]
pub(crate) struct Redeemed {
    pub(crate) login: LoginId,
    pub(crate) scopes: Scopes,
    /// Whether a refresh token comes with it.
    pub(crate) refreshable: bool,
}

/// Why a code was not redeemed, with the value that is to blame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal<'a> {
    /// A parameter is missing.
    Missing(&'static str),
    /// The code is unknown, spent, too old or another application's.
    Code(&'a str),
    /// The redirect URI is not the one of the authorize request.
    RedirectUri(&'a str),
    /// The verifier does not go with the challenge.
    Verifier(&'a str),
}

pub(crate) fn redeem<'a>(
    world: &mut World,
    now: Duration,
    client_id: &str,
    form: &'a Form,
) -> Result<Redeemed, Refusal<'a>> {
    let given = form.get("code").ok_or(Refusal::Missing("code"))?;
    let code = world.codes.get_mut(given).ok_or(Refusal::Code(given))?;
    if code.spent {
        world.replayed_codes += 1;
        return Err(Refusal::Code(given));
    }
    if code.request.client_id != client_id || now >= code.expires_at {
        return Err(Refusal::Code(given));
    }
    match form.get("redirect_uri") {
        None if code.request.named_redirect_uri => return Err(Refusal::Missing("redirect_uri")),
        Some(uri) if uri != code.request.redirect_uri => return Err(Refusal::RedirectUri(uri)),
        _ => {}
    }
    match (&code.request.challenge, form.get("code_verifier")) {
        (None, None) => {}
        (Some(_), None) => return Err(Refusal::Missing("code_verifier")),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
        // A verifier without a challenge is what an attack that strips the challenge looks like
        // (RFC 9700 section 2.1.1).
        (_, Some(verifier)) => return Err(Refusal::Verifier(verifier)),
    }
    code.spent = true;
    Ok(Redeemed { login: code.login, scopes: code.scopes.clone(), refreshable: code.refreshable })
}
