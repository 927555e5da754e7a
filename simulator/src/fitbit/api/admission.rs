//! Whether an access token is good, and whether its person's hour has requests left.

use crate::answer::Answer;
use crate::fitbit::errors;
use crate::provider::Provider;
use crate::provider::figures;
use crate::provider::rate::Rate;
use crate::provider::registration::{ApplicationKind, Dialect};
use crate::provider::tokens::Bearer;
use crate::provider::world::{AccessToken, Scopes, World};
use crate::request::Request;
use std::sync::Arc;

/// Whoever asks, as the resources need to know them.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) user_id: Arc<str>,
    pub(crate) units: Units,
    /// Whether the application may read intraday data.
    pub(crate) intraday: bool,
    scopes: Scopes,
}

impl Caller {
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// A number that is always the same for this person, day and purpose.
    pub(crate) fn number(&self, purpose: &str, day: i64) -> u64 {
        figures::number(&self.user_id, purpose, day)
    }
}

/// The unit system, which the Accept-Language header chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    Us,
    Uk,
    Metric,
}

impl Units {
    fn of(request: &Request) -> Self {
        match request.header("accept-language") {
            Some("en_US") => Self::Us,
            Some("en_GB") => Self::Uk,
            _ => Self::Metric,
        }
    }

    /// Kilometres in the unit this person reads.
    pub(crate) fn distance(self, kilometres: f64) -> f64 {
        let distance = if self == Self::Metric { kilometres } else { kilometres * 0.621_371 };
        (distance * 100.0).round() / 100.0
    }
}

/// Writes the state of the hour as every API answer tells it.
pub(crate) fn tell(rate: Rate, answer: Answer) -> Answer {
    answer
        .header("Fitbit-Rate-Limit-Limit", rate.limit.to_string())
        .header("Fitbit-Rate-Limit-Remaining", rate.remaining.to_string())
        .header("Fitbit-Rate-Limit-Reset", rate.reset.to_string())
}

/// The access token in the Authorization header, if it is good.
pub(crate) fn bearer<'a>(
    provider: &Provider,
    world: &'a World,
    request: &Request,
) -> Result<&'a AccessToken, Answer> {
    let given = request.bearer().unwrap_or("");
    match world.bearer(Dialect::Fitbit, given, provider.clock.now()) {
        Bearer::Good(token) => Ok(token),
        Bearer::Expired => Err(errors::expired_token(given)),
        Bearer::Invalid => Err(errors::invalid_token(given)),
    }
}

/// Lets a request in and counts it, or gives the refusal.
pub(crate) fn admit(provider: &Provider, request: &Request) -> Result<(Caller, Rate), Answer> {
    let mut guard = provider.world();
    let world = &mut *guard;
    let allowed = world.settings.rate_limit;
    let token = bearer(provider, world, request).map_err(|refusal| {
        // Nobody's hour is touched by a request of nobody.
        let (limit, reset) = (allowed.limit, allowed.window.as_secs());
        tell(Rate { limit, remaining: limit, reset, is_over: false }, refusal)
    })?;
    let (login, scopes) = (token.login, token.scopes.clone());
    let login = &mut world.logins[login];
    let rate = Rate::count(login, allowed, provider.clock.now());
    if rate.is_over {
        let refusal = errors::too_many_requests().header("Retry-After", rate.reset.to_string());
        return Err(tell(rate, refusal));
    }
    let client = world.registrations.get(&login.client_id);
    let personal = client.is_some_and(|client| client.kind == ApplicationKind::Personal);
    let caller = Caller {
        user_id: Arc::clone(&login.user_id),
        units: Units::of(request),
        intraday: personal || world.settings.intraday,
        scopes,
    };
    Ok((caller, rate))
}
