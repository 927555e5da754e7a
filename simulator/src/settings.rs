//! What a test may change about the providers while they run.

use std::time::Duration;

/// How the provider behaves. Change it with [`Simulator::settings`](crate::Simulator::settings).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The person who is signed in to the provider in the browser. Defaults to `26FWFL`.
    pub user_id: String,
    /// What an authorize request is answered with. Defaults to [`Consent::Page`].
    pub consent: Consent,
    /// The scopes the person grants at most; `None` (the default): all that were asked for. One
    /// of Google's may be shortened, e.g. to `sleep.readonly`.
    pub granted_scopes: Option<Vec<String>>,
    /// Whether `#_=_` ends every redirect of Fitbit's. Defaults to `true`, as the provider does.
    pub append_fragment: bool,
    /// How long an authorization code works. Defaults to 600 seconds.
    pub code_life: Duration,
    /// `None` (the default): a spent refresh token is `invalid_grant` at once (with Google only
    /// [`GoogleSettings::strict_rotation`] spends one). `Some(time)`: the
    /// same refresh token gets the same answer, byte for byte, for that long; the provider is
    /// documented to do so for 120 seconds.
    pub grace: Option<Duration>,
    /// Seconds an access token works, sent as `expires_in`. Defaults to 28800, in whose place
    /// Google has its own 3599.
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
    /// The origin of the links to next pages in Fitbit's lists, e.g. `https://api.fitbit.com`;
    /// `None` (the default): the simulator's own.
    pub links_origin: Option<String>,
    /// Whether Fitbit has been turned off: all of its endpoints answer 410 Gone. Google goes on.
    /// Defaults to `false`.
    pub retired: bool,
    /// What only Google does.
    pub google: GoogleSettings,
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
            links_origin: None,
            retired: false,
            google: GoogleSettings::default(),
            keep_log: true,
        }
    }
}

/// How Google behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GoogleSettings {
    /// The `iss` of every redirect; `None` leaves it out. Defaults to
    /// [`GoogleSettings::ISSUER`].
    pub iss: Option<String>,
    /// The `refresh_token` in the answer to a refresh. Defaults to [`RefreshedToken::Absent`].
    pub refreshed_token: RefreshedToken,
    /// Whether a refresh that hands out a new refresh token spends the one it was asked with, as
    /// at Fitbit. Defaults to `false`: both go on working.
    pub strict_rotation: bool,
    /// The scopes an answer to a refresh has at most; `None` (the default): all that were
    /// granted. They may be shortened, e.g. to `sleep.readonly`.
    pub refreshed_scopes: Option<Vec<String>>,
    /// Seconds a refresh token works, sent as `refresh_token_expires_in` whenever one is handed
    /// out. Defaults to `None`; a project in testing has 604799.
    pub refresh_token_life: Option<u64>,
}

impl GoogleSettings {
    /// Who Google says it is.
    pub const ISSUER: &str = "https://accounts.google.com";
}

impl Default for GoogleSettings {
    fn default() -> Self {
        Self {
            iss: Some(Self::ISSUER.to_owned()),
            refreshed_token: RefreshedToken::Absent,
            strict_rotation: false,
            refreshed_scopes: None,
            refresh_token_life: None,
        }
    }
}

/// What Google's answer to a refresh has as its `refresh_token`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshedToken {
    /// Nothing: the old one stays, as is normal with Google.
    #[default]
    Absent,
    /// A new one.
    New,
    /// An empty string.
    Empty,
    /// `null`.
    Null,
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
    /// The window's length. Google has its own minute in place of Fitbit's hour.
    pub window: Duration,
}

impl RateLimit {
    /// What Fitbit documents: 150 requests an hour.
    pub const DOCUMENTED: Self = Self { limit: 150, window: Duration::from_secs(3600) };
    /// What Google documents: 300 requests a minute.
    pub const GOOGLE_DOCUMENTED: Self = Self { limit: 300, window: Duration::from_secs(60) };
}

impl Default for RateLimit {
    /// A million requests an hour, so that only the tests that want to meet the limit do.
    fn default() -> Self {
        Self { limit: 1_000_000, ..Self::DOCUMENTED }
    }
}
