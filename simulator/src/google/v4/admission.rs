//! Whether an access token is good, and whether its person's minute has requests left.

use crate::answer::Answer;
use crate::google::{errors, scopes};
use crate::provider::Provider;
use crate::provider::figures;
use crate::provider::rate::Rate;
use crate::provider::registration::Dialect;
use crate::provider::tokens::Bearer;
use crate::provider::world::Scopes;
use crate::request::Request;
use crate::settings::RateLimit;
use std::sync::Arc;

/// Whoever asks, as the resources need to know them.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The id at Fitbit, which Google calls the legacy one.
    pub(crate) user_id: Arc<str>,
    pub(crate) health_user_id: String,
    scopes: Scopes,
}

impl Caller {
    /// Lets pass whoever has one of these scopes, which are shortened.
    pub(crate) fn need_one_of(&self, names: &[&str]) -> Result<(), Answer> {
        let names: Vec<String> = names.iter().map(|name| scopes::full_name(name)).collect();
        let has = self.scopes.iter().any(|granted| names.contains(granted));
        if has { Ok(()) } else { Err(errors::insufficient_scope()) }
    }
}

/// Lets a request in and counts it, or gives the refusal.
pub(crate) fn admit(provider: &Provider, request: &Request) -> Result<Caller, Answer> {
    let mut guard = provider.world();
    let world = &mut *guard;
    let now = provider.clock.now();
    let given = request.bearer().ok_or_else(errors::missing_token)?;
    let token = match world.bearer(Dialect::Google, given, now) {
        Bearer::Good(token) => token,
        Bearer::Expired => return Err(errors::expired_token()),
        Bearer::Invalid => return Err(errors::invalid_token()),
    };
    let (login, scopes) = (token.login, token.scopes.clone());
    let login = &mut world.logins[login];
    let rate = Rate::count(login, allowed(world.settings.rate_limit), now);
    if rate.is_over {
        let refusal = errors::resource_exhausted(&[]);
        return Err(refusal.header("Retry-After", rate.reset.to_string()));
    }
    let user_id = Arc::clone(&login.user_id);
    Ok(Caller { health_user_id: figures::health_user_id(&user_id), user_id, scopes })
}

/// Google counts by the minute, unless a test has a window of its own.
fn allowed(limit: RateLimit) -> RateLimit {
    if limit.window == RateLimit::default().window {
        RateLimit { window: RateLimit::GOOGLE_DOCUMENTED.window, ..limit }
    } else {
        limit
    }
}
