//! Whether an access token is good, and whether its person's hour has requests left.

use crate::answer::Answer;
use crate::fitbit::registration::ApplicationKind;
use crate::fitbit::world::{AccessToken, Scopes, World};
use crate::fitbit::{Fitbit, errors};
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
        let bytes = self.user_id.bytes().chain(purpose.bytes()).chain(day.to_le_bytes());
        // FNV-1a.
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
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

/// The state of the hour, as every API answer tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    limit: u64,
    remaining: u64,
    reset: u64,
}

impl Rate {
    pub(crate) fn write(self, answer: Answer) -> Answer {
        answer
            .header("Fitbit-Rate-Limit-Limit", self.limit.to_string())
            .header("Fitbit-Rate-Limit-Remaining", self.remaining.to_string())
            .header("Fitbit-Rate-Limit-Reset", self.reset.to_string())
    }
}

/// The access token in the Authorization header, if it is good.
pub(crate) fn bearer<'a>(
    fitbit: &Fitbit,
    world: &'a World,
    request: &Request,
) -> Result<&'a AccessToken, Answer> {
    let given = request.bearer().unwrap_or("");
    let token = world.access_tokens.get(given);
    let token = token.ok_or_else(|| errors::invalid_token(given))?;
    if token.revoked {
        Err(errors::invalid_token(given))
    } else if fitbit.clock.now() >= token.expires_at {
        Err(errors::expired_token(given))
    } else {
        Ok(token)
    }
}

/// Lets a request in and counts it, or gives the refusal.
pub(crate) fn admit(fitbit: &Fitbit, request: &Request) -> Result<(Caller, Rate), Answer> {
    let mut guard = fitbit.world();
    let world = &mut *guard;
    let allowed = world.settings.rate_limit;
    let token = bearer(fitbit, world, request).map_err(|refusal| {
        // Nobody's hour is touched by a request of nobody.
        let (limit, reset) = (allowed.limit, allowed.window.as_secs());
        Rate { limit, remaining: limit, reset }.write(refusal)
    })?;
    let (login, scopes) = (token.login, token.scopes.clone());
    let login = &mut world.logins[login];
    let now = fitbit.clock.now();
    if login.requests == 0 || now.saturating_sub(login.window_started) >= allowed.window {
        login.requests = 0;
        login.window_started = now;
    }
    login.requests += 1;
    let left = (login.window_started + allowed.window).saturating_sub(now);
    let rate = Rate {
        limit: allowed.limit,
        remaining: allowed.limit.saturating_sub(login.requests),
        reset: left.as_secs() + u64::from(left.subsec_nanos() > 0),
    };
    if login.requests > allowed.limit {
        let refusal = errors::too_many_requests().header("Retry-After", rate.reset.to_string());
        return Err(rate.write(refusal));
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
