//! What a test may change about the provider while it runs.

use std::time::Duration;

/// How the provider behaves. Change it with [`Simulator::settings`](crate::Simulator::settings).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The person who is signed in to the provider in the browser. Defaults to `26FWFL`.
    pub user_id: String,
    /// What an authorize request is answered with. Defaults to [`Consent::Page`].
    pub consent: Consent,
    /// The scopes the person grants at most; `None` (the default): all that were asked for.
    pub granted_scopes: Option<Vec<String>>,
    /// Whether `#_=_` ends every redirect. Defaults to `true`, as the provider does.
    pub append_fragment: bool,
    /// How long an authorization code works. Defaults to 600 seconds.
    pub code_life: Duration,
    /// `None` (the default): a spent refresh token is `invalid_grant` at once. `Some(time)`: the
    /// same refresh token gets the same answer, byte for byte, for that long; the provider is
    /// documented to do so for 120 seconds.
    pub grace: Option<Duration>,
    /// Seconds an access token works, sent as `expires_in`. Defaults to 28800.
    pub token_life: u64,
    /// Leaves `expires_in` out of token answers. Defaults to `false`.
    pub omit_expires_in: bool,
    /// Whether the access token a refresh replaces goes on working. Defaults to `true`.
    pub old_access_token_survives_refresh: bool,
    /// Accepts a Server application's `client_id` and `client_secret` in the body, where the
    /// provider insists on Basic. Defaults to `false`.
    pub allow_body_secret: bool,
    /// Whether every application may read intraday data; if not, only Personal ones may.
    /// Defaults to `true`.
    pub intraday: bool,
    /// API requests allowed for each person and application.
    pub rate_limit: RateLimit,
    /// Whether requests are kept for [`Simulator::log`](crate::Simulator::log). Defaults to
    /// `true`; a benchmark turns it off.
    pub keep_log: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_id: "26FWFL".to_owned(),
            consent: Consent::Page,
            granted_scopes: None,
            append_fragment: true,
            code_life: Duration::from_secs(600),
            grace: None,
            token_life: 28_800,
            omit_expires_in: false,
            old_access_token_survives_refresh: true,
            allow_body_secret: false,
            intraday: true,
            rate_limit: RateLimit::default(),
            keep_log: true,
        }
    }
}

/// What a valid authorize request is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The consent page, whose form a person or a script submits.
    #[default]
    Page,
    /// At once the redirect with a code.
    Grant,
    /// At once the redirect with `access_denied`.
    Deny,
}

/// API requests allowed for each person and application within a window that starts with the
/// first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests allowed within the window.
    pub limit: u64,
    /// The window's length.
    pub window: Duration,
}

impl RateLimit {
    /// What the provider documents: 150 requests an hour.
    pub const DOCUMENTED: Self = Self { limit: 150, window: Duration::from_secs(3600) };
}

impl Default for RateLimit {
    /// A million requests an hour, so that only the tests that want to meet the limit do.
    fn default() -> Self {
        Self { limit: 1_000_000, ..Self::DOCUMENTED }
    }
}
